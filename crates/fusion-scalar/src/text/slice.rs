//! Functions that give a part of a string.

use super::character;
use fusion_plan::{PgError, SqlState};
use std::ops::Range;

/// `negative substring length not allowed`.
pub(super) fn negative_length() -> PgError {
    PgError::new(SqlState::SUBSTRING_ERROR, "negative substring length not allowed")
}

/// The positions, counted from zero, that `substring(value, start, length)` covers
/// in a string without an end: its start, and its end unless it has none. A start
/// before the string uses up part of the length.
///
/// # Errors
///
/// If `length` is negative.
pub(super) fn window(start: i32, length: Option<i32>) -> Result<(usize, Option<usize>), PgError> {
    let skip = start.max(1) as usize - 1;
    let Some(length) = length else {
        return Ok((skip, None));
    };
    if length < 0 {
        return Err(negative_length());
    }
    // A sum that overflows lies behind every string.
    let stop = start.checked_add(length).map(|end| end.max(1) as usize - 1);
    Ok((skip, stop))
}

/// `text_substr`, and `text_substr_no_len` without a length (`text_substring` in
/// varlena.c): positions count characters from one. Characters up to the last one are
/// looked at, all of them where there is no length or one beyond all bounds.
///
/// # Errors
///
/// If `length` is negative, or a character that is looked at breaks off.
pub fn substring(value: &[u8], start: i32, length: Option<i32>) -> Result<Range<usize>, PgError> {
    /// Up to here the bytes of as many characters are an integer.
    const MAX_BOUND: usize = (i32::MAX / 4) as usize;
    let (skip, stop) = window(start, length)?;
    let bound = match stop {
        Some(0) => return Ok(0..0),
        Some(stop) if stop <= MAX_BOUND => stop,
        _ => {
            let value = value.get(..character::end(value)?).unwrap_or(value);
            return between(value, skip, stop);
        }
    };
    if skip >= bound {
        character::advance(value, bound)?;
        return Ok(0..0);
    }
    between(value, skip, Some(bound))
}

/// From character `skip` to character `stop`, or to the end.
fn between(value: &[u8], skip: usize, stop: Option<usize>) -> Result<Range<usize>, PgError> {
    let (from, before) = character::advance(value, skip)?;
    if before < skip {
        return Ok(0..0);
    }
    let after = value.get(from..).unwrap_or_default();
    let length = match stop {
        None => after.len(),
        Some(stop) => character::advance(after, stop.saturating_sub(skip))?.0,
    };
    Ok(from..from + length)
}

/// `text_left`: the first `count` characters, or all but the last `-count`.
///
/// # Errors
///
/// If a character that is looked at breaks off: with a negative count all are.
pub fn left(value: &[u8], count: i32) -> Result<Range<usize>, PgError> {
    if count >= 0 {
        return substring(value, 1, Some(count));
    }
    let kept = character::count(value)?.saturating_sub(count.unsigned_abs() as usize);
    Ok(0..character::clip(value, kept)?)
}

/// `text_right`: the last `count` characters, or all but the first `-count`. (Up to
/// PostgreSQL 15.18 the smallest integer, which has no opposite, skips nothing; since
/// 15.19 it skips everything, as here.)
///
/// # Errors
///
/// If a character that is looked at breaks off: with a positive count all are.
pub fn right(value: &[u8], count: i32) -> Result<Range<usize>, PgError> {
    let skipped = match usize::try_from(count) {
        Ok(count) => {
            if character::is_plain(value) {
                return Ok(value.len().saturating_sub(count)..value.len());
            }
            if let Some(text) = character::valid(value) {
                return Ok(position_from_end(text, count)..value.len());
            }
            character::count(value)?.saturating_sub(count)
        }
        Err(_) => count.unsigned_abs() as usize,
    };
    Ok(character::clip(value, skipped)?..value.len())
}

/// Where the last `count` characters start; the start if there are fewer.
fn position_from_end(value: &str, count: usize) -> usize {
    match count.checked_sub(1) {
        None => value.len(),
        Some(before) => value.char_indices().nth_back(before).map_or(0, |(position, _)| position),
    }
}

/// Which ends of a string are trimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// `btrim`.
    Both,
    /// `ltrim`.
    Left,
    /// `rtrim`.
    Right,
}

impl Ends {
    pub(super) fn left(self) -> bool {
        self != Self::Right
    }

    pub(super) fn right(self) -> bool {
        self != Self::Left
    }
}

/// `btrim`, `ltrim`, `rtrim` (`dotrim` in oracle_compat.c): without the characters of
/// `set` at the ends. A set of one blank is that of `btrim1`, `ltrim1` and `rtrim1`, the
/// last of which casts `bpchar` to `text`.
///
/// # Errors
///
/// If neither string is empty and the last character of one breaks off.
pub fn trim(value: &[u8], set: &[u8], ends: Ends) -> Result<Range<usize>, PgError> {
    if value.is_empty() || set.is_empty() {
        return Ok(0..value.len());
    }
    if value.is_ascii() && set.is_ascii() {
        return Ok(super::bytes::trim(value, set, ends));
    }
    let text = simdutf8::basic::from_utf8(value);
    match (text, str::from_utf8(set)) {
        (Ok(_), _) if set.is_ascii() => Ok(super::bytes::trim(value, set, ends)),
        (Ok(text), Ok(set)) => Ok(trim_where(text, ends, |character| set.contains(character))),
        _ => trim_any(value, set, ends),
    }
}

fn trim_where(value: &str, ends: Ends, in_set: impl Fn(char) -> bool) -> Range<usize> {
    let kept = if ends.left() { value.trim_start_matches(&in_set) } else { value };
    let start = value.len() - kept.len();
    let kept = if ends.right() { kept.trim_end_matches(&in_set) } else { kept };
    start..start + kept.len()
}

/// [`trim`] of strings that may be invalid.
fn trim_any(value: &[u8], set: &[u8], ends: Ends) -> Result<Range<usize>, PgError> {
    let mut characters = character::characters(value).collect::<Result<Vec<_>, _>>()?;
    let set = character::characters(set).collect::<Result<Vec<_>, _>>()?;
    let (mut start, mut end) = (0, value.len());
    if ends.right() {
        while let Some(last) = characters.pop_if(|last| set.contains(last)) {
            end -= last.len();
        }
    }
    if ends.left() {
        for first in characters.iter().take_while(|first| set.contains(first)) {
            start += first.len();
        }
    }
    Ok(start..end)
}

/// `bpchartruelen`: without trailing blanks, the form in which `bpchar` is compared.
pub fn true_length(value: &[u8]) -> Range<usize> {
    super::bytes::trim(value, b" ", Ends::Right)
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    fn sub(value: &str, start: i32, length: i32) -> &str {
        &value[substring(value.as_bytes(), start, Some(length)).unwrap()]
    }

    #[test]
    fn substring_counts_characters_from_one() {
        assert_eq!(sub("héllo wörld, long enough", 2, 4), "éllo");
        assert_eq!(sub("héllo wörld, long enough", 7, 18), "wörld, long enough");
        assert_eq!(sub("abc", -1, 3), "a");
        assert_eq!(sub("abc", 0, 1), "");
        assert_eq!(sub("abc", 4, 1), "");
        assert_eq!(sub("abc", 2, i32::MAX), "bc");
        assert_eq!(sub("abc", i32::MIN, i32::MAX), "");
        assert_eq!(sub("", 1, 5), "");
        let rest = |start| &"日本語"[substring("日本語".as_bytes(), start, None).unwrap()];
        assert_eq!(rest(2), "本語");
        assert_eq!(rest(i32::MIN), "日本語");
        assert_eq!(rest(i32::MAX), "");
    }

    #[test]
    fn a_negative_length_is_an_error() {
        let error = substring(b"abc", 1, Some(-1)).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22011");
    }

    #[test]
    fn left_and_right_count_from_either_end() {
        let text = "aébc";
        for (count, first, last) in [
            (2, "aé", "bc"),
            (0, "", ""),
            (4, text, text),
            (9, text, text),
            (i32::MAX, text, text),
            (-1, "aéb", "ébc"),
            (-4, "", ""),
            (-9, "", ""),
            (i32::MIN + 1, "", ""),
            (i32::MIN, "", ""),
        ] {
            assert_eq!(&text[left(text.as_bytes(), count).unwrap()], first, "left {count}");
            assert_eq!(&text[right(text.as_bytes(), count).unwrap()], last, "right {count}");
        }
        assert_eq!(left(b"", -1), Ok(0..0));
    }

    #[test]
    fn trimming_takes_characters_not_bytes() {
        let trimmed = |value: &'static str, set: &str, ends| {
            &value[trim(value.as_bytes(), set.as_bytes(), ends).unwrap()]
        };
        assert_eq!(trimmed("  a b  ", " ", Ends::Both), "a b");
        assert_eq!(trimmed("  a b  ", " ", Ends::Left), "a b  ");
        assert_eq!(trimmed("  a b  ", " ", Ends::Right), "  a b");
        assert_eq!(trimmed("éàxé", "éà", Ends::Both), "x");
        // U+00E9 and U+00E0 share their first byte.
        assert_eq!(trimmed("éxé", "à", Ends::Both), "éxé");
        assert_eq!(trimmed("xyxtrimyyx", "xyz", Ends::Both), "trim");
        assert_eq!(trimmed("aaa", "a", Ends::Both), "");
        assert_eq!(trimmed("aaa", "", Ends::Both), "aaa");
        assert_eq!(trimmed("", "a", Ends::Both), "");
        assert_eq!(true_length("tab\t \u{a0} ".as_bytes()), 0..7);
    }

    #[test]
    fn characters_that_break_off() {
        let value = b"a\xc3\xa9b\xe6\x97";
        assert_eq!(substring(value, 2, Some(2)), Ok(1..4));
        assert_eq!(substring(value, 1, Some(0)), Ok(0..0));
        assert!(substring(value, 2, Some(3)).is_err() && substring(value, 1, None).is_err());
        assert!(substring(value, 9, Some(0)).is_err());
        assert!(substring(value, 1, Some(i32::MAX / 2)).is_err());
        assert_eq!(left(value, 3), Ok(0..4));
        assert!(left(value, -1).is_err() && right(value, 1).is_err());
        assert_eq!(right(value, -2), Ok(3..6));
        assert!(right(value, -3).is_err());
        assert!(trim(value, b"a", Ends::Left).is_err() && trim(b"a", value, Ends::Left).is_err());
        assert_eq!(trim(value, b"", Ends::Both), Ok(0..6));
        // The blank belongs to the character.
        assert_eq!(trim(b" \xc3 ", b" ", Ends::Both), Ok(1..3));
        assert_eq!(true_length(b" \xc3 "), 0..2);
    }

    #[test]
    fn a_zero_byte_ends_text_but_is_trimmed() {
        assert_eq!(substring(b"ab\0cd", 2, None), Ok(1..2));
        assert_eq!(left(b"ab\0cd", -1), Ok(0..1));
        assert_eq!(right(b"ab\0cd", 1), Ok(1..5));
        assert_eq!(trim(b"\0a\0", b"\0", Ends::Both), Ok(1..2));
    }

    proptest! {
        #[test]
        fn short_cuts_change_nothing(
            value in "[ab é日]{0,12}",
            set in "[aé ]{0,3}",
            count in -14..14_i32,
            ends in prop_oneof![Just(Ends::Both), Just(Ends::Left), Just(Ends::Right)],
        ) {
            let bytes = value.as_bytes();
            let kept = |part: Result<Range<usize>, PgError>| part.map(|part| &bytes[part]);
            prop_assert_eq!(kept(trim(bytes, set.as_bytes(), ends)), match set.is_empty() {
                true => Ok(bytes),
                false => kept(trim_any(bytes, set.as_bytes(), ends)),
            });
            let own = value.chars().count();
            let skipped = match count {
                0.. => own.saturating_sub(count as usize),
                _ => count.unsigned_abs() as usize,
            };
            prop_assert_eq!(right(bytes, count), character::clip(bytes, skipped).map(|at| at..bytes.len()));
        }
    }
}
