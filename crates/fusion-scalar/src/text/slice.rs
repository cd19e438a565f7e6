//! Functions that give a part of a string.

use super::measure::byte_position;
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
    let stop = start.checked_add(length).map(|end| (end.max(1) as usize - 1).max(skip));
    Ok((skip, stop))
}

/// `text_substr`, and `text_substr_no_len` without a length: positions count
/// characters from one.
///
/// # Errors
///
/// If `length` is negative.
pub fn substring(value: &str, start: i32, length: Option<i32>) -> Result<Range<usize>, PgError> {
    let (skip, stop) = window(start, length)?;
    let from = byte_position(value, skip);
    let rest = value.get(from..).unwrap_or_default();
    let to = stop.map_or(value.len(), |stop| from + byte_position(rest, stop - skip));
    Ok(from..to)
}

/// `text_left`: the first `count` characters, or all but the last `-count`.
pub fn left(value: &str, count: i32) -> Range<usize> {
    match usize::try_from(count) {
        Ok(count) => 0..byte_position(value, count),
        Err(_) => 0..position_from_end(value, count.unsigned_abs() as usize),
    }
}

/// `text_right`: the last `count` characters, or all but the first `-count`. (Up to
/// PostgreSQL 15.18 the smallest integer, which has no opposite, skips nothing; since
/// 15.19 it skips everything, as here.)
pub fn right(value: &str, count: i32) -> Range<usize> {
    match usize::try_from(count) {
        Ok(count) => position_from_end(value, count)..value.len(),
        Err(_) => byte_position(value, count.unsigned_abs() as usize)..value.len(),
    }
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

/// `btrim`, `ltrim`, `rtrim`: without the characters of `set` at the ends.
pub fn trim(value: &str, set: &str, ends: Ends) -> Range<usize> {
    match set.as_bytes() {
        [only] if only.is_ascii() => super::bytes::trim(value.as_bytes(), &[*only], ends),
        _ => trim_where(value, ends, |character| set.contains(character)),
    }
}

fn trim_where(value: &str, ends: Ends, in_set: impl Fn(char) -> bool) -> Range<usize> {
    let kept = if ends.left() { value.trim_start_matches(&in_set) } else { value };
    let start = value.len() - kept.len();
    let kept = if ends.right() { kept.trim_end_matches(&in_set) } else { kept };
    start..start + kept.len()
}

/// `rtrim1`, which casts `bpchar` to `text`: without trailing blanks.
pub fn trim_blanks(value: &str) -> Range<usize> {
    super::bytes::trim(value.as_bytes(), b" ", Ends::Right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sub(value: &str, start: i32, length: i32) -> &str {
        &value[substring(value, start, Some(length)).unwrap()]
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
        assert_eq!(&"日本語"[substring("日本語", 2, None).unwrap()], "本語");
        assert_eq!(&"日本語"[substring("日本語", i32::MIN, None).unwrap()], "日本語");
        assert_eq!(&"日本語"[substring("日本語", i32::MAX, None).unwrap()], "");
    }

    #[test]
    fn a_negative_length_is_an_error() {
        let error = substring("abc", 1, Some(-1)).unwrap_err();
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
            assert_eq!(&text[left(text, count)], first, "left {count}");
            assert_eq!(&text[right(text, count)], last, "right {count}");
        }
        assert_eq!(left("", -1), 0..0);
    }

    #[test]
    fn trimming_takes_characters_not_bytes() {
        let trimmed = |value, set, ends| &value[trim(value, set, ends)];
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
        assert_eq!(&"tab\t \u{a0} "[trim_blanks("tab\t \u{a0} ")], "tab\t \u{a0}");
    }
}
