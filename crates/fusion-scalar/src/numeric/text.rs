//! `numeric` from and to text.

use super::digits::Digits;
use super::format::{GROUP, overflow};
use super::number::{Finite, Number};
use super::typmod::{Typmod, apply_typmod};
use fusion_plan::{PgError, SqlState, from_server};
use smallvec::SmallVec;
use std::fmt::Write;

/// `22P02`, text that a type's input function does not read.
const INVALID_TEXT: SqlState = SqlState(*b"22P02");

/// Exponents beyond this are refused before anything is computed with them.
const MAX_EXPONENT: i64 = i32::MAX as i64 / 2;

/// The spellings of values that are not finite, in the order in which
/// `numeric_in` tries them.
const SPECIALS: [(&str, Number<'static>); 7] = {
    let infinity = Number::Infinite { negative: false };
    let minus = Number::Infinite { negative: true };
    [
        ("NaN", Number::NaN),
        ("Infinity", infinity),
        ("+Infinity", infinity),
        ("-Infinity", minus),
        ("inf", infinity),
        ("+inf", infinity),
        ("-inf", minus),
    ]
};

/// Reads text as `numeric_in` of PostgreSQL 15 does, and appends the stored
/// bytes.
///
/// # Errors
///
/// `22P02` if it is not a number, `22003` if it does not fit the type modifier
/// or the format.
pub fn numeric_in(text: &[u8], typmod: Option<Typmod>, out: &mut Vec<u8>) -> Result<(), PgError> {
    let start = skip_space(text);
    for (spelling, value) in SPECIALS {
        let Some((head, rest)) = start.split_at_checked(spelling.len()) else { continue };
        if head.eq_ignore_ascii_case(spelling.as_bytes()) {
            return match typmod {
                _ if !skip_space(rest).is_empty() => Err(invalid(text)),
                Some(typmod) => apply_typmod(value, typmod, out),
                None => value.write(out),
            };
        }
    }
    let (digits, rest) = finite(start, text)?;
    if !skip_space(rest).is_empty() {
        return Err(invalid(text));
    }
    match typmod {
        None => digits.write(out),
        Some(typmod) => typmod.apply(digits, out),
    }
}

/// A sign, digits around an optional point, and an optional exponent; and what
/// follows them.
fn finite<'a>(input: &'a [u8], text: &[u8]) -> Result<(Digits, &'a [u8]), PgError> {
    let (negative, mut rest) = match input {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, input),
    };
    let mut decimal: SmallVec<[u8; 64]> = SmallVec::new();
    let mut whole = None;
    if let [b'.', after @ ..] = rest {
        whole = Some(0);
        rest = after;
    }
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return Err(invalid(text));
    }
    while let [byte, after @ ..] = rest {
        match byte {
            b'0'..=b'9' => decimal.push(byte - b'0'),
            b'.' if whole.is_none() => whole = Some(decimal.len()),
            b'.' => return Err(invalid(text)),
            _ => break,
        }
        rest = after;
    }
    let whole = whole.unwrap_or(decimal.len());
    // Both are below the largest length of a text.
    let mut dweight = whole as i64 - 1;
    let mut scale = (decimal.len() - whole) as i64;
    if let [b'e' | b'E', after @ ..] = rest {
        let (exponent, after) = integer(after).ok_or_else(|| invalid(text))?;
        if exponent >= MAX_EXPONENT || exponent <= -MAX_EXPONENT {
            return Err(overflow());
        }
        rest = after;
        dweight += exponent;
        scale = (scale - exponent).max(0);
    }
    let narrow = |value: i64| i32::try_from(value).map_err(|_| overflow());
    Ok((Digits::from_decimal(negative, &decimal, narrow(dweight)?, narrow(scale)?), rest))
}

/// What C's `strtol` reads: blanks, a sign and digits; saturated.
fn integer(input: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, mut rest) = match skip_space(input) {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let mut value = 0_i64;
    while let [digit @ b'0'..=b'9', after @ ..] = rest {
        value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
        rest = after;
    }
    Some((if negative { -value } else { value }, rest))
}

/// Without what C's `isspace` calls blank.
fn skip_space(mut input: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r', rest @ ..] = input {
        input = rest;
    }
    input
}

fn invalid(text: &[u8]) -> PgError {
    let shown = from_server(text);
    PgError::new(INVALID_TEXT, format!("invalid input syntax for type numeric: \"{shown}\""))
}

/// Appends the text that `numeric_out` gives.
pub fn numeric_out(value: Number<'_>, out: &mut String) {
    let value = match value.finite() {
        Ok(value) => value,
        Err(_) => {
            return out.push_str(match value {
                Number::Infinite { negative: false } => "Infinity",
                Number::Infinite { negative: true } => "-Infinity",
                _ => "NaN",
            });
        }
    };
    match value {
        Finite::Decimal(decimal) => {
            if decimal.unscaled < 0 {
                out.push('-');
            }
            let start = out.len();
            let scale = decimal.scale.max(0) as usize;
            // At least one digit stands before the point.
            push(out, format_args!("{:01$}", decimal.unscaled.unsigned_abs(), scale + 1));
            if scale > 0 {
                let point = out.len() - scale;
                debug_assert!(point > start);
                out.insert(point, '.');
            }
        }
        Finite::Large(_) => digits_out(&value.digits(), out),
    }
}

fn digits_out(digits: &Digits, out: &mut String) {
    if digits.negative {
        out.push('-');
    }
    push(out, format_args!("{}", digits.at(digits.weight.max(0))));
    for weight in (0..digits.weight).rev() {
        push(out, format_args!("{:04}", digits.at(weight)));
    }
    if digits.scale > 0 {
        out.push('.');
        let end = out.len() + digits.scale as usize;
        for weight in 1..=(digits.scale + GROUP - 1) / GROUP {
            push(out, format_args!("{:04}", digits.at(-weight)));
        }
        out.truncate(end);
    }
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, stored, text};
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<String, PgError> {
        let mut bytes = Vec::new();
        numeric_in(text.as_bytes(), None, &mut bytes)?;
        let mut out = String::new();
        numeric_out(Number::parse(&bytes), &mut out);
        Ok(out)
    }

    #[test]
    fn numbers_are_read_and_shown() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0.00"),
            ("  12.50\t\n", "12.50"),
            ("+.5", "0.5"),
            ("-5.", "-5"),
            ("1e3", "1000"),
            ("1.25e1", "12.5"),
            ("1.25E+4", "12500"),
            ("125e-4", "0.0125"),
            ("1e 2", "100"),
            ("0e-3", "0.000"),
            ("0e9999", "0"),
            ("000123", "123"),
            (
                "0.00000000000000000000000000000000000000000000012",
                "0.00000000000000000000000000000000000000000000012",
            ),
            (
                "123456789012345678901234567890123456789012.3400",
                "123456789012345678901234567890123456789012.3400",
            ),
            ("nan", "NaN"),
            (" INF ", "Infinity"),
            ("+infinity", "Infinity"),
            ("-inf", "-Infinity"),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text:?}");
        }
        assert_eq!(read("1e131071").unwrap().len(), 131_072);
        assert_eq!(read("1e-16383").unwrap().len(), 16_385);
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in [
            "", "  ", "-", ".", "+.", "1..2", "1.2.3", "e5", "1e", "1e+", "1 2", "12x", "- 1",
            "nanx", "infin", "+nan", "0x10", "1_000", "--1", "1e5.5",
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.sqlstate.as_str(), "22P02");
            assert_eq!(error.message, format!("invalid input syntax for type numeric: \"{text}\""));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in
            ["1e131072", "1e-16384", "1e99999999999", "-1e-99999999999999999999", "0e-20000"]
        {
            let error = read(text).unwrap_err();
            assert_eq!(error.message, "value overflows numeric format", "{text}");
            assert_eq!(error.sqlstate.as_str(), "22003");
        }
        // Junk is told before a value that does not fit.
        assert_eq!(read("1e131072x").unwrap_err().sqlstate.as_str(), "22P02");
    }

    #[test]
    fn type_modifiers_apply() {
        let typmod = Some(Typmod { precision: 4, scale: 1 });
        let read = |text: &str| {
            let mut out = Vec::new();
            numeric_in(text.as_bytes(), typmod, &mut out).map(|()| out)
        };
        assert_eq!(read("12.35").unwrap(), stored("12.4"));
        assert_eq!(read("1234.5").unwrap_err().message, "numeric field overflow");
        assert_eq!(read("inf").unwrap_err().message, "numeric field overflow");
        assert_eq!(read("infx").unwrap_err().sqlstate.as_str(), "22P02");
        // Too fine to be stored, but not once it is rounded.
        assert_eq!(read("1e-20000").unwrap(), stored("0.0"));
        assert_eq!(read("1e140000").unwrap_err().message, "numeric field overflow");
    }

    proptest! {
        #[test]
        fn text_survives(text in text()) {
            let bytes = stored(&text);
            let shown = apply(|out| Number::parse(&bytes).write(out));
            prop_assert_eq!(stored(&shown), bytes, "{}", shown);
        }
    }
}
