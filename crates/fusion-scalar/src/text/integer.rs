//! Integers from and to text, and to narrower integers.

use super::build::write;
use super::{input_out_of_range, invalid_input, is_space};
use fusion_plan::PgError;

/// The three integer types of PostgreSQL.
pub trait Integer: Copy + Into<i64> + TryFrom<i64> {
    /// The type's SQL name, as errors show it.
    const NAME: &'static str;
    /// The smallest value.
    const MIN: i64;
}

impl Integer for i16 {
    const NAME: &'static str = "smallint";
    const MIN: i64 = i16::MIN as i64;
}

impl Integer for i32 {
    const NAME: &'static str = "integer";
    const MIN: i64 = i32::MIN as i64;
}

impl Integer for i64 {
    const NAME: &'static str = "bigint";
    const MIN: i64 = i64::MIN;
}

/// `int2in`, `int4in`, `int8in` (`pg_strtoint32` and its kin): decimal digits with a
/// sign, white space around them.
///
/// # Errors
///
/// `invalid input syntax` or `out of range`, whichever the input shows first from
/// left to right.
pub fn parse<I: Integer>(input: &[u8]) -> Result<I, PgError> {
    let syntax = || invalid_input(I::NAME, input);
    let range = || input_out_of_range(I::NAME, input);
    let (negative, digits, rest) = signed_digits(input).ok_or_else(syntax)?;
    // Downwards, because the smallest value has no opposite.
    let value = digits.iter().try_fold(0_i64, |value, digit| {
        let value = value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))?;
        (value >= I::MIN).then_some(value)
    });
    let value = value.ok_or_else(range)?;
    if !rest.trim_ascii_start_like_c().is_empty() {
        return Err(syntax());
    }
    let value = if negative { Some(value) } else { value.checked_neg() };
    value.and_then(|value| I::try_from(value).ok()).ok_or_else(range)
}

/// The sign and the digits that `input` starts with, after white space, and what
/// follows them; `None` if there is no digit.
pub(super) fn signed_digits(input: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let (negative, digits) = match input.trim_ascii_start_like_c() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at(count);
    (count > 0).then_some((negative, digits, rest))
}

/// Skipping white space as C does it.
pub(super) trait SkipSpace {
    /// Without the white space at its start.
    fn trim_ascii_start_like_c(&self) -> &Self;
}

impl SkipSpace for [u8] {
    fn trim_ascii_start_like_c(&self) -> &Self {
        let spaces = self.iter().take_while(|byte| is_space(**byte)).count();
        self.split_at(spaces).1
    }
}

/// `int2out`, `int4out`, `int8out`.
pub fn format(value: impl Integer, out: &mut String) {
    let value: i64 = value.into();
    write(out, format_args!("{value}"));
}

/// `i4toi2`, `int82`, `int84`: to a narrower integer.
///
/// # Errors
///
/// `integer out of range` or `smallint out of range`.
pub fn narrow<I: Integer>(value: impl Integer) -> Result<I, PgError> {
    I::try_from(value.into()).map_err(|_| PgError::out_of_range(I::NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_signs_and_white_space() {
        let parse_i32 = |input: &str| parse::<i32>(input.as_bytes());
        assert_eq!(parse_i32(" \t\n\x0b\x0c\r42 \x0b"), Ok(42));
        assert_eq!(
            (parse::<i16>(b"-32768"), parse::<i16>(b"+032767")),
            (Ok(i16::MIN), Ok(i16::MAX))
        );
        assert_eq!(parse::<i64>(b"-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(parse::<i64>(b"9223372036854775807"), Ok(i64::MAX));
        for input in
            ["", " ", "-", "+ 1", "--1", "1 2", "1.0", "0x10", "1_000", "1e3", "\u{a0}1", "１"]
        {
            let error = parse_i32(input).unwrap_err();
            assert_eq!(
                error.message,
                format!("invalid input syntax for type integer: \"{input}\"")
            );
            assert_eq!(error.sqlstate.as_str(), "22P02");
        }
    }

    #[test]
    fn the_first_fault_counts() {
        let message = |input: &str| parse::<i16>(input.as_bytes()).unwrap_err().message;
        assert_eq!(message("32768"), "value \"32768\" is out of range for type smallint");
        assert_eq!(message("-32769x"), "value \"-32769x\" is out of range for type smallint");
        assert_eq!(message("32768x"), "invalid input syntax for type smallint: \"32768x\"");
        let error = parse::<i64>(b"9223372036854775808").unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22003");
        assert_eq!(error.message, "value \"9223372036854775808\" is out of range for type bigint");
    }

    #[test]
    fn formatting_and_narrowing() {
        let mut out = String::new();
        format(i64::MIN, &mut out);
        assert_eq!(out, "-9223372036854775808");
        assert_eq!(narrow::<i16>(-32768_i32), Ok(i16::MIN));
        assert_eq!(narrow::<i16>(32768_i64), Err(PgError::out_of_range("smallint")));
        assert_eq!(narrow::<i32>(i64::from(i32::MAX) + 1), Err(PgError::out_of_range("integer")));
    }
}
