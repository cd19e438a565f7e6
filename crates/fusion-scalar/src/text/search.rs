//! Occurrences of one string in another, found by byte from left to right without
//! overlap. That is exact in UTF-8 and under every deterministic collation.

use super::limit;
use super::measure::length;
use fusion_plan::{PgError, SqlState};
use memchr::memmem::Finder;
use std::ops::Range;

/// A string to search for in many others.
#[derive(Debug)]
pub struct Needle<'n> {
    finder: Finder<'n>,
}

impl<'n> Needle<'n> {
    /// Prepares the search for `needle`.
    pub fn new(needle: &'n str) -> Self {
        Self { finder: Finder::new(needle) }
    }

    fn len(&self) -> usize {
        self.finder.needle().len()
    }

    /// Whether nothing is searched for, which PostgreSQL treats as a case of its own.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the needle starts, at each of its occurrences in `value`.
    fn occurrences<'a>(&'a self, value: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.finder.find_iter(value.as_bytes())
    }

    /// `textpos`: the number of the character, from one, at which the needle first
    /// starts; zero if it does not occur; one if it is empty.
    pub fn position(&self, value: &str) -> i32 {
        match self.finder.find(value.as_bytes()) {
            None => 0,
            Some(at) => length(value.get(..at).unwrap_or_default()) + 1,
        }
    }

    /// `replace_text`: appends `value` to `out`, with `with` in place of every
    /// occurrence; an empty needle does not occur.
    ///
    /// # Errors
    ///
    /// If the result is larger than PostgreSQL's string buffers become.
    pub fn replace(&self, value: &str, with: &str, out: &mut String) -> Result<(), PgError> {
        if self.is_empty() {
            out.push_str(value);
            return Ok(());
        }
        let start = out.len();
        let mut append = |part: &str| {
            limit::enlarge(out.len() - start, part.len())?;
            out.push_str(part);
            Ok(())
        };
        let mut copied = 0;
        for at in self.occurrences(value) {
            append(value.get(copied..at).unwrap_or_default())?;
            append(with)?;
            copied = at + self.len();
        }
        append(value.get(copied..).unwrap_or_default())
    }

    /// `split_part`: field `number` of `value`, whose separator is the needle,
    /// counted from one, or from the end if negative; empty if there is no such
    /// field.
    ///
    /// # Errors
    ///
    /// If `number` is zero.
    pub fn split_part(&self, value: &str, number: i32) -> Result<Range<usize>, PgError> {
        let fields = match number {
            0 => {
                let message = "field position must not be zero";
                return Err(PgError::new(SqlState::INVALID_PARAMETER_VALUE, message));
            }
            _ if self.is_empty() => 1,
            1.. => number as usize,
            _ => self.occurrences(value).count() + 1,
        };
        let index = match usize::try_from(number) {
            Ok(number) => number - 1,
            Err(_) => match fields.checked_sub(number.unsigned_abs() as usize) {
                Some(index) => index,
                None => return Ok(0..0),
            },
        };
        if self.is_empty() {
            return Ok(if index == 0 { 0..value.len() } else { 0..0 });
        }
        let mut separators = self.occurrences(value);
        let start = match index.checked_sub(1) {
            None => 0,
            Some(before) => match separators.nth(before) {
                Some(at) => at + self.len(),
                None => return Ok(0..0),
            },
        };
        Ok(start..separators.next().unwrap_or(value.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(value: &str, needle: &str, with: &str) -> String {
        let mut out = String::from("before:");
        Needle::new(needle).replace(value, with, &mut out).unwrap();
        out.split_off("before:".len())
    }

    fn part<'v>(value: &'v str, separator: &str, number: i32) -> &'v str {
        &value[Needle::new(separator).split_part(value, number).unwrap()]
    }

    #[test]
    fn positions_count_characters() {
        let position = |value, needle| Needle::new(needle).position(value);
        assert_eq!(position("日本語", "語"), 3);
        assert_eq!(position("high", "ig"), 2);
        assert_eq!(position("high", "x"), 0);
        assert_eq!((position("abc", ""), position("", "")), (1, 1));
        assert_eq!((position("", "a"), position("a", "ab")), (0, 0));
    }

    #[test]
    fn replacing_takes_the_leftmost_and_does_not_overlap() {
        assert_eq!(replace("abcdefabcdef", "cd", "XX"), "abXXefabXXef");
        assert_eq!(replace("aaaa", "aa", "a"), "aa");
        assert_eq!(replace("aaa", "aa", "b"), "ba");
        assert_eq!(replace("abc", "", "x"), "abc");
        assert_eq!(replace("", "a", "x"), "");
        assert_eq!(replace("日本日", "日", ""), "本");
    }

    #[test]
    fn fields_count_from_either_end() {
        let text = "joeuser@mydatabase@x";
        for (number, expected) in [
            (1, "joeuser"),
            (2, "mydatabase"),
            (3, "x"),
            (4, ""),
            (-1, "x"),
            (-3, "joeuser"),
            (-4, ""),
        ] {
            assert_eq!(part(text, "@", number), expected, "field {number}");
        }
        assert_eq!((part("a@@b", "@@", 2), part("a@@@b", "@@", 2)), ("b", "@b"));
        assert_eq!(
            (part("abc", "", 1), part("abc", "", -1), part("abc", "", 2)),
            ("abc", "abc", "")
        );
        assert_eq!(
            (part("abc", "@", 1), part("abc", "@", -1), part("abc", "@", -2)),
            ("abc", "abc", "")
        );
        assert_eq!((part("", "@", 1), part("", "", -1), part("@", "@", -1)), ("", "", ""));
        assert_eq!(part("abc", "@", i32::MIN), "");
        let error = Needle::new("@").split_part("abc", 0).unwrap_err();
        assert_eq!(error.message, "field position must not be zero");
    }
}
