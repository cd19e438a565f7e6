//! What fits into `varchar(n)`, `char(n)` and `name`.

use super::character::{c_string, clip, count, width};
use super::limit;
use fusion_plan::{PgError, SqlState};
use std::ops::Range;

/// A type modifier counts characters and the length word.
const MODIFIER_HEADER: i32 = limit::HEADER as i32;

/// The longest `name`.
const MAX_NAME: usize = 63;

/// The declared length that a type modifier stands for.
fn declared(modifier: i32) -> Option<usize> {
    usize::try_from(modifier.checked_sub(MODIFIER_HEADER)?).ok()
}

/// The length coercion `varchar(value, modifier, explicit)`: an explicit cast cuts
/// what is too long, another one cuts blanks only.
///
/// # Errors
///
/// `value too long for type character varying(n)`, or if a character breaks off, up to
/// the first one that is too many.
pub fn varchar(value: &[u8], modifier: i32, explicit: bool) -> Result<Range<usize>, PgError> {
    match declared(modifier) {
        Some(limit) if limit < value.len() => {
            let kept = clip(value, limit)?;
            check_cut(value, kept, explicit, "character varying", limit)?;
            Ok(0..kept)
        }
        _ => Ok(0..value.len()),
    }
}

/// The length coercion `bpchar(value, modifier, explicit)`: as [`varchar`], and what
/// is too short is padded with blanks. Appends the result to `out`.
///
/// # Errors
///
/// `value too long for type character(n)`, or if a character breaks off.
pub fn bpchar(
    value: &[u8],
    modifier: i32,
    explicit: bool,
    out: &mut Vec<u8>,
) -> Result<(), PgError> {
    let Some(limit) = declared(modifier) else {
        out.extend_from_slice(value);
        return Ok(());
    };
    let own = count(value)?;
    if own <= limit {
        limit::allocate(value.len() + (limit - own))?;
        out.extend_from_slice(value);
        out.extend(std::iter::repeat_n(b' ', limit - own));
        return Ok(());
    }
    let kept = clip(value, limit)?;
    check_cut(value, kept, explicit, "character", limit)?;
    out.extend_from_slice(value.get(..kept).unwrap_or_default());
    Ok(())
}

/// Only blanks may be cut silently.
fn check_cut(
    value: &[u8],
    kept: usize,
    explicit: bool,
    type_name: &str,
    limit: usize,
) -> Result<(), PgError> {
    let cut = value.get(kept..).unwrap_or_default();
    match explicit || cut.iter().all(|byte| *byte == b' ') {
        true => Ok(()),
        false => Err(PgError::new(
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            format!("value too long for type {type_name}({limit})"),
        )),
    }
}

/// `text_name` and `namein`: as many whole characters as a name can hold, up to the
/// first zero byte, where a name ends.
pub fn text_to_name(value: &[u8]) -> Range<usize> {
    0..c_string(clipped(value)).len()
}

/// `bpchar_name`: as [`text_to_name`], without the blanks at the end of what it holds.
pub fn bpchar_to_name(value: &[u8]) -> Range<usize> {
    let name = clipped(value);
    let blanks = name.iter().rev().take_while(|byte| **byte == b' ').count();
    0..c_string(name.get(..name.len() - blanks).unwrap_or(name)).len()
}

/// `pg_mbcliplen` for a value that is longer than a name: characters as their first
/// bytes say how long they are, as long as they fit.
fn clipped(value: &[u8]) -> &[u8] {
    if value.len() <= MAX_NAME {
        return value;
    }
    let mut end = 0;
    while let Some(first) = value.get(end).filter(|first| **first != 0)
        && end + width(*first) <= MAX_NAME
    {
        end += width(*first);
    }
    value.get(..end).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_are_cut_silently() {
        let varchar =
            |value: &str, modifier, explicit| varchar(value.as_bytes(), modifier, explicit);
        assert_eq!(varchar("abc  ", 7, false), Ok(0..3));
        assert_eq!(varchar("été", 7, false), Ok(0..5));
        assert_eq!(varchar("étés", 7, true), Ok(0..5));
        assert_eq!(varchar("abc", -1, false), Ok(0..3));
        let error = varchar("abcd", 7, false).unwrap_err();
        assert_eq!(error.message, "value too long for type character varying(3)");
        assert_eq!(error.sqlstate.as_str(), "22001");
    }

    #[test]
    fn blanks_are_added() {
        let coerced = |value: &str, modifier, explicit| {
            let mut out = Vec::new();
            bpchar(value.as_bytes(), modifier, explicit, &mut out)
                .map(|()| String::from_utf8(out).unwrap())
        };
        assert_eq!(coerced("été", 9, false).unwrap(), "été  ");
        assert_eq!(coerced("abc", 7, false).unwrap(), "abc");
        assert_eq!(coerced("abc  ", 7, false).unwrap(), "abc");
        assert_eq!(coerced("abcd", 7, true).unwrap(), "abc");
        assert_eq!(coerced("", 5, true).unwrap(), " ");
        assert_eq!(coerced("abc", 3, false).unwrap(), "abc");
        let error = coerced("abcd", 7, false).unwrap_err();
        assert_eq!(error.message, "value too long for type character(3)");
    }

    #[test]
    fn names_end_at_a_character() {
        let text = |value: &str| text_to_name(value.as_bytes());
        let bpchar = |value: &str| bpchar_to_name(value.as_bytes());
        assert_eq!((text(&("x".repeat(62) + "é")), text("abc ")), (0..62, 0..4));
        assert_eq!((bpchar("abc "), bpchar(&("x ".repeat(40)))), (0..3, 0..63));
        assert_eq!(bpchar(&(" ".repeat(80))), 0..0);
        assert_eq!((text("ab\0c"), bpchar("ab  \0"), bpchar("ab\0 ")), (0..2, 0..4, 0..2));
    }

    #[test]
    fn characters_that_break_off() {
        assert_eq!(varchar(b"a\xc3", 6, false), Ok(0..2));
        assert!(varchar(b"a\xc3", 5, true).is_err() && varchar(b"abc\xc3", 5, true).is_ok());
        assert!(bpchar(b"\xc3", 5, true, &mut Vec::new()).is_err());
        let mut long = vec![b'x'; 61];
        long.extend_from_slice(b"\xe6\xe6\xe6");
        assert_eq!(text_to_name(&long), 0..61);
        long.splice(..1, *b"");
        assert_eq!(text_to_name(&long), 0..63);
    }
}
