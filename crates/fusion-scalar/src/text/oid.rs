//! `oid` from and to text and integers.

use super::build::write;
use super::integer::{SkipSpace, signed_digits};
use super::{input_out_of_range, invalid_input};
use fusion_plan::PgError;

const NAME: &str = "oid";

/// `oidin`: what `strtoul` reads in 64 bits, which includes negative numbers, as long
/// as it is the 32-bit value extended with or without its sign.
///
/// # Errors
///
/// `invalid input syntax` or `out of range`.
pub fn parse(input: &[u8]) -> Result<u32, PgError> {
    let (negative, digits, rest) =
        signed_digits(input).ok_or_else(|| invalid_input(NAME, input))?;
    let value = digits.iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    let value = value.ok_or_else(|| input_out_of_range(NAME, input))?;
    if !rest.trim_ascii_start_like_c().is_empty() {
        return Err(invalid_input(NAME, input));
    }
    let value = if negative { value.wrapping_neg() } else { value };
    let oid = value as u32;
    match u64::from(oid) == value || i64::from(oid as i32) as u64 == value {
        true => Ok(oid),
        false => Err(input_out_of_range(NAME, input)),
    }
}

/// `oidout`.
pub fn format(value: u32, out: &mut String) {
    write(out, format_args!("{value}"));
}

/// `i8tooid`.
///
/// # Errors
///
/// `OID out of range`.
pub fn from_int8(value: i64) -> Result<u32, PgError> {
    u32::try_from(value).map_err(|_| PgError::out_of_range("OID"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(input: &str) -> Result<u32, PgError> {
        super::parse(input.as_bytes())
    }

    #[test]
    fn negative_numbers_wrap() {
        assert_eq!(
            (parse(" 42 "), parse("4294967295"), parse("+0")),
            (Ok(42), Ok(u32::MAX), Ok(0))
        );
        assert_eq!((parse("-1"), parse("-2147483648")), (Ok(u32::MAX), Ok(1 << 31)));
        assert_eq!(parse("-18446744073709551615"), Ok(1));
        assert_eq!(parse("18446744073709551615"), Ok(u32::MAX));
        for input in ["4294967296", "-2147483649", "18446744073709551616", "99999999999999999999x"]
        {
            let message = format!("value \"{input}\" is out of range for type oid");
            assert_eq!(parse(input).unwrap_err().message, message);
        }
        for input in ["", "  ", "-", "1x", "4294967296 x"] {
            let message = format!("invalid input syntax for type oid: \"{input}\"");
            assert_eq!(parse(input).unwrap_err().message, message);
        }
    }

    #[test]
    fn integers_are_not_negative() {
        assert_eq!(from_int8(4_294_967_295), Ok(u32::MAX));
        assert_eq!(from_int8(-1).unwrap_err().message, "OID out of range");
        let mut out = String::new();
        format(u32::MAX, &mut out);
        assert_eq!(out, "4294967295");
    }
}
