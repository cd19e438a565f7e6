//! `bytea`. Comparison is by byte, as for slices.

use super::limit;
use super::slice::{Ends, negative_length, window};
use fusion_plan::{PgError, SqlState};
use memchr::memmem::find;
use std::ops::Range;

/// `bytea_substr`, and `bytea_substr_no_len` without a length.
///
/// # Errors
///
/// If `length` is negative.
pub fn substring(value: &[u8], start: i32, length: Option<i32>) -> Result<Range<usize>, PgError> {
    let (skip, stop) = window(start, length)?;
    let start = skip.min(value.len());
    Ok(start..stop.unwrap_or(value.len()).clamp(start, value.len()))
}

/// `bytea_overlay`, as [`super::build::overlay`] in bytes.
///
/// # Errors
///
/// If `start` is not positive, the two sum up to more than an integer, or the result
/// is larger than a value can be.
pub fn overlay(
    value: &[u8],
    with: &[u8],
    start: i32,
    count: Option<i32>,
    out: &mut Vec<u8>,
) -> Result<(), PgError> {
    if start <= 0 {
        return Err(negative_length());
    }
    let count = count.unwrap_or(with.len() as i32);
    let resume = start.checked_add(count).ok_or_else(|| PgError::out_of_range("integer"))?;
    let before = substring(value, 1, Some(start - 1))?;
    let after = substring(value, resume, None)?;
    limit::allocate(before.len() + with.len())?;
    limit::allocate(before.len() + with.len() + after.len())?;
    out.extend_from_slice(value.get(before).unwrap_or_default());
    out.extend_from_slice(with);
    out.extend_from_slice(value.get(after).unwrap_or_default());
    Ok(())
}

/// `byteapos`: where `needle` first starts in `value`, from one; zero if it does not
/// occur; one if it is empty.
pub fn position(value: &[u8], needle: &[u8]) -> i32 {
    find(value, needle).map_or(0, |at| at as i32 + 1)
}

/// `byteatrim` and its kin: without the bytes of `set` at the ends.
pub fn trim(value: &[u8], set: &[u8], ends: Ends) -> Range<usize> {
    let kept = |byte: &u8| !set.contains(byte);
    let start = if ends.left() { value.iter().position(kept).unwrap_or(value.len()) } else { 0 };
    let rest = value.get(start..).unwrap_or_default();
    let length = if ends.right() {
        rest.iter().rposition(kept).map_or(0, |last| last + 1)
    } else {
        rest.len()
    };
    start..start + length
}

/// `byteaGetByte`: byte `index`, counted from zero.
///
/// # Errors
///
/// If there is no such byte.
pub fn get_byte(value: &[u8], index: i32) -> Result<i32, PgError> {
    let byte = usize::try_from(index).ok().and_then(|index| value.get(index));
    byte.map(|byte| i32::from(*byte)).ok_or_else(|| {
        let last = value.len() as i64 - 1;
        out_of_valid_range(i64::from(index), last)
    })
}

/// `byteaGetBit`: bit `index`, counted from zero, from the low bit of each byte.
///
/// # Errors
///
/// If there is no such bit.
pub fn get_bit(value: &[u8], index: i64) -> Result<i32, PgError> {
    let byte = usize::try_from(index / 8).ok().filter(|_| index >= 0).and_then(|at| value.get(at));
    byte.map(|byte| i32::from(byte >> (index % 8) & 1)).ok_or_else(|| {
        let last = value.len() as i64 * 8 - 1;
        out_of_valid_range(index, last)
    })
}

fn out_of_valid_range(index: i64, last: i64) -> PgError {
    PgError::new(
        SqlState::ARRAY_SUBSCRIPT_ERROR,
        format!("index {index} out of valid range, 0..{last}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_positions() {
        let value = b"\x00abc\xff";
        let part = |start, length| &value[substring(value, start, length).unwrap()];
        assert_eq!(part(2, Some(3)), b"abc");
        assert_eq!(part(-1, Some(3)), b"\x00");
        assert_eq!(part(-5, Some(3)), b"");
        assert_eq!(part(5, None), b"\xff");
        assert_eq!(part(6, Some(1)), b"");
        assert_eq!(part(i32::MAX, Some(i32::MAX)), b"");
        assert!(substring(value, 1, Some(-1)).is_err());
        assert_eq!(
            (position(value, b"c\xff"), position(value, b""), position(b"", b"a")),
            (4, 1, 0)
        );
    }

    #[test]
    fn trimming() {
        assert_eq!(trim(b"\x00a\x01", b"\x00\x01", Ends::Both), 1..2);
        assert_eq!(trim(b"\x00a\x01", b"\x00\x01", Ends::Left), 1..3);
        assert_eq!(trim(b"\x00a\x01", b"\x00\x01", Ends::Right), 0..2);
        assert_eq!((trim(b"aa", b"a", Ends::Both).len(), trim(b"aa", b"", Ends::Both)), (0, 0..2));
    }

    #[test]
    fn overlays() {
        let mut out = vec![1];
        overlay(b"abc\xff", b"\x00\x00", 2, None, &mut out).unwrap();
        assert_eq!(out, b"\x01a\x00\x00\xff");
        assert!(overlay(b"", b"", 0, None, &mut out).is_err());
    }

    #[test]
    fn bytes_and_bits_have_a_valid_range() {
        assert_eq!(
            (get_byte(b"a\xff", 1), get_bit(b"\x02", 1), get_bit(b"\x02", 0)),
            (Ok(255), Ok(1), Ok(0))
        );
        let error = get_byte(b"ab", 2).unwrap_err();
        assert_eq!(error.message, "index 2 out of valid range, 0..1");
        assert_eq!(error.sqlstate.as_str(), "2202E");
        assert_eq!(get_byte(b"", -1).unwrap_err().message, "index -1 out of valid range, 0..-1");
        assert_eq!(get_bit(b"a", 8).unwrap_err().message, "index 8 out of valid range, 0..7");
        assert!(get_bit(b"a", -1).is_err());
    }
}
