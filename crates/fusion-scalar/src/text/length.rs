//! What fits into `varchar(n)`, `char(n)` and `name`.

use super::limit;
use super::measure::{byte_position, length};
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
/// `value too long for type character varying(n)`.
pub fn varchar(value: &str, modifier: i32, explicit: bool) -> Result<Range<usize>, PgError> {
    match declared(modifier) {
        Some(limit) if limit < value.len() => {
            let kept = byte_position(value, limit);
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
/// `value too long for type character(n)`.
pub fn bpchar(value: &str, modifier: i32, explicit: bool, out: &mut String) -> Result<(), PgError> {
    let Some(limit) = declared(modifier) else {
        out.push_str(value);
        return Ok(());
    };
    let own = length(value) as usize;
    if own <= limit {
        limit::allocate(value.len() + (limit - own))?;
        out.push_str(value);
        out.extend(std::iter::repeat_n(' ', limit - own));
        return Ok(());
    }
    let kept = byte_position(value, limit);
    check_cut(value, kept, explicit, "character", limit)?;
    out.push_str(value.get(..kept).unwrap_or_default());
    Ok(())
}

/// Only blanks may be cut silently.
fn check_cut(
    value: &str,
    kept: usize,
    explicit: bool,
    type_name: &str,
    limit: usize,
) -> Result<(), PgError> {
    let cut = value.as_bytes().get(kept..).unwrap_or_default();
    match explicit || cut.iter().all(|byte| *byte == b' ') {
        true => Ok(()),
        false => Err(PgError::new(
            SqlState::STRING_DATA_RIGHT_TRUNCATION,
            format!("value too long for type {type_name}({limit})"),
        )),
    }
}

/// `text_name` and `namein`: as many whole characters as a name can hold.
pub fn text_to_name(value: &str) -> Range<usize> {
    0..value.floor_char_boundary(MAX_NAME)
}

/// `bpchar_name`: as [`text_to_name`], then without trailing blanks.
pub fn bpchar_to_name(value: &str) -> Range<usize> {
    let name = value.get(text_to_name(value)).unwrap_or_default();
    0..name.trim_end_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_are_cut_silently() {
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
        let coerced = |value, modifier, explicit| {
            let mut out = String::new();
            bpchar(value, modifier, explicit, &mut out).map(|()| out)
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
        let long = "x".repeat(62) + "é";
        assert_eq!((text_to_name(&long), text_to_name("abc ")), (0..62, 0..4));
        assert_eq!((bpchar_to_name("abc "), bpchar_to_name(&("x ".repeat(40)))), (0..3, 0..63));
        assert_eq!(bpchar_to_name(&(" ".repeat(80))), 0..0);
    }
}
