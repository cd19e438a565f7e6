//! Occurrences of one string in another, found by byte from left to right without
//! overlap. That is exact in UTF-8 and under every deterministic collation.

use super::{character, limit};
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
    pub fn new(needle: &'n [u8]) -> Self {
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
    fn occurrences<'a>(&'a self, value: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        self.finder.find_iter(value)
    }

    /// `textpos`: the number of the character, from one, at which the needle first
    /// starts; zero if it does not occur; one if it is empty.
    ///
    /// # Errors
    ///
    /// If a character does not end before it.
    pub fn position(&self, value: &[u8]) -> Result<i32, PgError> {
        match self.finder.find(value) {
            None => Ok(0),
            Some(at) => Ok(character::count(value.get(..at).unwrap_or_default())? as i32 + 1),
        }
    }

    /// `replace_text`: appends `value` to `out`, with `with` in place of every
    /// occurrence; an empty needle does not occur.
    ///
    /// # Errors
    ///
    /// If the result is larger than PostgreSQL's string buffers become.
    pub fn replace(&self, value: &[u8], with: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
        if self.is_empty() {
            out.extend_from_slice(value);
            return Ok(());
        }
        let start = out.len();
        let mut append = |part: &[u8]| {
            limit::enlarge(out.len() - start, part.len())?;
            out.extend_from_slice(part);
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
    pub fn split_part(&self, value: &[u8], number: i32) -> Result<Range<usize>, PgError> {
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
        let mut out = b"before:".to_vec();
        let needle = Needle::new(needle.as_bytes());
        needle.replace(value.as_bytes(), with.as_bytes(), &mut out).unwrap();
        String::from_utf8(out.split_off("before:".len())).unwrap()
    }

    fn part<'v>(value: &'v str, separator: &str, number: i32) -> &'v str {
        &value[Needle::new(separator.as_bytes()).split_part(value.as_bytes(), number).unwrap()]
    }

    #[test]
    fn positions_count_characters() {
        let position = |value: &str, needle: &str| {
            Needle::new(needle.as_bytes()).position(value.as_bytes()).unwrap()
        };
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
        let error = Needle::new(b"@").split_part(b"abc", 0).unwrap_err();
        assert_eq!(error.message, "field position must not be zero");
    }

    #[test]
    fn bytes_are_found_within_characters() {
        assert_eq!(Needle::new(b"\xa9").position(b"a\xffb\xa9"), Ok(4));
        let error = Needle::new(b"a").position(b"\xc3a").unwrap_err();
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xc3");
        let mut out = Vec::new();
        Needle::new(b"\xa9").replace("é".as_bytes(), b"", &mut out).unwrap();
        assert_eq!(out, b"\xc3");
        assert_eq!(Needle::new(b"\xff").split_part(b"a\xffb", 2), Ok(2..3));
    }
}
