//! Floats from text: `float4in` and `float8in` with what glibc's `strtof` and
//! `strtod` accept, which is decimal and hexadecimal numbers, `inf`, `infinity`,
//! `nan` and `nan(...)`, in any case and with a sign.

use super::integer::SkipSpace;
use super::invalid_input;
use fusion_plan::{PgError, SqlState, from_server};

/// What both widths of float need.
pub trait ParseFloat: Copy + PartialEq + std::str::FromStr {
    /// The type's SQL name, as errors show it.
    const NAME: &'static str;
    /// Bits of the significand, the hidden one included.
    const DIGITS: i32;
    /// The exponent of the lowest bit of the smallest value.
    const MIN_EXPONENT: i32;
    /// The exponent of the lowest bit of the largest value.
    const MAX_EXPONENT: i32;
    /// Whether an error about the range shows the number alone, not the white space
    /// around it.
    const NUMBER_ALONE: bool;
    /// Zero.
    const ZERO: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// The canonical NaN.
    const NAN: Self;
    /// The value with the other sign; NaN stays the canonical one.
    fn negated(self) -> Self;
    /// `significand` times two to the `exponent`, which is a value of the type.
    fn scaled(significand: u64, exponent: i32) -> Self;
}

impl ParseFloat for f32 {
    const NAME: &'static str = "real";
    const DIGITS: i32 = 24;
    const MIN_EXPONENT: i32 = -149;
    const MAX_EXPONENT: i32 = 104;
    const NUMBER_ALONE: bool = false;
    const ZERO: Self = 0.0;
    const INFINITY: Self = f32::INFINITY;
    const NAN: Self = f32::NAN;
    fn negated(self) -> Self {
        if self.is_nan() { self } else { -self }
    }
    fn scaled(significand: u64, exponent: i32) -> Self {
        f64::scaled(significand, exponent) as f32
    }
}

impl ParseFloat for f64 {
    const NAME: &'static str = "double precision";
    const DIGITS: i32 = 53;
    const MIN_EXPONENT: i32 = -1074;
    const MAX_EXPONENT: i32 = 971;
    const NUMBER_ALONE: bool = true;
    const ZERO: Self = 0.0;
    const INFINITY: Self = f64::INFINITY;
    const NAN: Self = f64::NAN;
    fn negated(self) -> Self {
        if self.is_nan() { self } else { -self }
    }
    fn scaled(significand: u64, exponent: i32) -> Self {
        // Two factors, because the smallest powers of two have no reciprocal. Both
        // products are exact.
        let power = |exponent: i32| f64::from_bits(((exponent + 1023) as u64) << 52);
        let half = exponent / 2;
        significand as f64 * power(half) * power(exponent - half)
    }
}

/// `float4in` and `float8in`.
///
/// # Errors
///
/// `invalid input syntax for type`, or `out of range` if a number becomes infinite,
/// or zero although it is not.
pub fn parse<F: ParseFloat>(input: &[u8]) -> Result<F, PgError> {
    let syntax = || invalid_input(F::NAME, input);
    let text = input.trim_ascii_start_like_c();
    let sign = text.iter().take_while(|byte| matches!(byte, b'-' | b'+')).count().min(1);
    let (negative, unsigned) = (text.starts_with(b"-"), text.get(sign..).unwrap_or_default());
    let number = Number::<F>::read(unsigned).ok_or_else(syntax)?;
    let (number_text, rest) = text.split_at(sign + number.length);
    if number.out_of_range {
        let shown = match F::NUMBER_ALONE {
            true => number_text,
            false => input,
        };
        return Err(PgError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{}\" is out of range for type {}", from_server(shown), F::NAME),
        ));
    }
    if !rest.trim_ascii_start_like_c().is_empty() {
        return Err(syntax());
    }
    Ok(if negative { number.value.negated() } else { number.value })
}

/// What `strtod` reads at the start of a string, its sign apart.
struct Number<F> {
    value: F,
    /// How many bytes it takes.
    length: usize,
    out_of_range: bool,
}

impl<F: ParseFloat> Number<F> {
    fn read(text: &[u8]) -> Option<Self> {
        let starts_with = |word: &str| {
            text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()))
        };
        let exact = |value, length| Some(Self { value, length, out_of_range: false });
        if starts_with("infinity") {
            return exact(F::INFINITY, "infinity".len());
        }
        if starts_with("inf") {
            return exact(F::INFINITY, "inf".len());
        }
        if starts_with("nan") {
            return exact(F::NAN, "nan".len() + payload(text.get("nan".len()..)?));
        }
        if starts_with("0x")
            && let Some(number) = Self::hexadecimal(text)
        {
            return Some(number);
        }
        Self::decimal(text)
    }

    fn decimal(text: &[u8]) -> Option<Self> {
        let mantissa = Mantissa::read(text, 0, |byte| byte.is_ascii_digit())?;
        let length =
            mantissa.end + exponent(text.get(mantissa.end..)?, b'e').map_or(0, |e| e.length);
        let value = std::str::from_utf8(text.get(..length)?).ok()?.parse::<F>().ok()?;
        let zero = mantissa.digits().all(|digit| digit == b'0');
        let out_of_range = value == F::INFINITY || value == F::ZERO && !zero;
        Some(Self { value, length, out_of_range })
    }

    /// `0x`, digits with or without a point, `p` and an exponent of two or not.
    fn hexadecimal(text: &[u8]) -> Option<Self> {
        let mantissa = Mantissa::read(text, "0x".len(), |byte| byte.is_ascii_hexdigit())?;
        let power = exponent(text.get(mantissa.end..)?, b'p');
        let length = mantissa.end + power.as_ref().map_or(0, |power| power.length);
        // The first 60 bits that are not zero, and whether there are others.
        let (mut bits, mut others, mut dropped) = (0_u64, false, 0_i64);
        for digit in mantissa.digits() {
            let digit = char::from(digit).to_digit(16)?;
            if bits >> 56 == 0 {
                bits = bits << 4 | u64::from(digit);
            } else {
                others |= digit != 0;
                dropped += 4;
            }
        }
        let scale = power
            .map_or(0, |power| power.value)
            .saturating_add(dropped)
            .saturating_sub(4 * mantissa.fraction as i64);
        let (value, out_of_range) = round_binary::<F>(bits, others, scale);
        Some(Self { value, length, out_of_range })
    }
}

/// The digits of a number with their point.
struct Mantissa<'t> {
    text: &'t [u8],
    /// Digits after the point.
    fraction: usize,
    /// Where it ends in the text it was read from.
    end: usize,
}

impl<'t> Mantissa<'t> {
    /// What stands at `start`; `None` if there is no digit.
    fn read(text: &'t [u8], start: usize, is_digit: impl Fn(&u8) -> bool) -> Option<Self> {
        let count = |text: &[u8]| text.iter().take_while(|byte| is_digit(byte)).count();
        let from_start = text.get(start..)?;
        let whole = count(from_start);
        let fraction = match from_start.get(whole) {
            Some(b'.') => count(from_start.get(whole + 1..)?),
            _ => 0,
        };
        if whole + fraction == 0 {
            return None;
        }
        let point = usize::from(from_start.get(whole) == Some(&b'.'));
        let length = whole + point + fraction;
        Some(Self { text: from_start.get(..length)?, fraction, end: start + length })
    }

    fn digits(&self) -> impl Iterator<Item = u8> + 't {
        self.text.iter().copied().filter(|byte| *byte != b'.')
    }
}

/// An exponent with its letter.
struct Exponent {
    value: i64,
    length: usize,
}

/// The exponent that `text` starts with, if it is complete.
fn exponent(text: &[u8], letter: u8) -> Option<Exponent> {
    let (first, rest) = text.split_first()?;
    if !first.eq_ignore_ascii_case(&letter) {
        return None;
    }
    let sign = usize::from(matches!(rest.first(), Some(b'-' | b'+')));
    let digits = rest.get(sign..)?;
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return None;
    }
    let value = digits.iter().take(count).fold(0_i64, |value, digit| {
        value.saturating_mul(10).saturating_add(i64::from(digit - b'0'))
    });
    let value = if rest.first() == Some(&b'-') { -value } else { value };
    Some(Exponent { value, length: 1 + sign + count })
}

/// How much of `text` is the parenthesis that may follow `nan`.
fn payload(text: &[u8]) -> usize {
    let Some((b'(', inner)) = text.split_first() else {
        return 0;
    };
    let count = inner.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
    match inner.get(count) {
        Some(b')') => count + 2,
        _ => 0,
    }
}

/// The float nearest to `bits` times two to the `scale`, the even one of two, and
/// whether it is out of range. `others` says that the value is a little larger.
fn round_binary<F: ParseFloat>(bits: u64, others: bool, scale: i64) -> (F, bool) {
    if bits == 0 {
        return (F::ZERO, false);
    }
    let width = i64::from(64 - bits.leading_zeros());
    // The exponent of the lowest bit that is kept.
    let mut exponent =
        scale.saturating_add(width).saturating_sub(F::DIGITS.into()).max(F::MIN_EXPONENT.into());
    let surplus = exponent.saturating_sub(scale);
    let mut kept = match surplus {
        ..=0 => bits << surplus.unsigned_abs(),
        1..=63 => {
            let (kept, half) = (bits >> surplus, 1_u64 << (surplus - 1));
            let rest = bits & ((half << 1) - 1);
            let up = rest > half || rest == half && (others || kept & 1 == 1);
            kept + u64::from(up)
        }
        // Less than half of the smallest value: 60 bits at most.
        _ => 0,
    };
    if kept >> F::DIGITS != 0 {
        kept >>= 1;
        exponent += 1;
    }
    if kept == 0 {
        return (F::ZERO, true);
    }
    match i32::try_from(exponent) {
        Ok(exponent) if exponent <= F::MAX_EXPONENT => (F::scaled(kept, exponent), false),
        _ => (F::INFINITY, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse<F: ParseFloat>(input: &str) -> Result<F, PgError> {
        super::parse(input.as_bytes())
    }

    fn float8(input: &str) -> Result<f64, PgError> {
        parse(input)
    }

    #[test]
    fn numbers_and_words() {
        for (input, expected) in [
            ("1", 1.0),
            (" \t\n-1.5e-3 \x0b", -0.0015),
            (".5", 0.5),
            ("5.", 5.0),
            ("+5.e+0", 5.0),
            ("-0", 0.0),
            ("0e99999999999999999999", 0.0),
            ("1.7976931348623157e308", f64::MAX),
            ("1.7976931348623158e308", f64::MAX),
            ("4.9e-324", 5e-324),
            ("3e-324", 5e-324),
            ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("9007199254740993.0000000000000000000000000000000000001", 9_007_199_254_740_994.0),
            ("inf", f64::INFINITY),
            ("+Infinity", f64::INFINITY),
            ("-INFINITY ", f64::NEG_INFINITY),
            ("0x1A", 26.0),
            ("0X.8p1", 1.0),
            ("0x1.8P-1", 0.75),
            ("-0x0p99999999999999999999", 0.0),
            ("0x1.fffffffffffff8p0", 2.0),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080000000000000001p0", 1.000_000_000_000_000_2),
            ("0x1.fffffffffffffp1023", f64::MAX),
            ("0x1p-1074", 5e-324),
            ("0x1.8p-1075", 5e-324),
            ("0x0.00000000000000000000000000000001p128", 1.0),
        ] {
            assert_eq!(float8(input), Ok(expected), "{input}");
        }
        assert!(float8("-0").unwrap().is_sign_negative());
        for input in ["nan", "NaN", "+nan", "-nan", "nan()", "nan(ind_1)"] {
            assert_eq!(float8(input).unwrap().to_bits(), f64::NAN.to_bits());
        }
    }

    #[test]
    fn syntax() {
        for input in [
            "", "  ", ".", "-", "e5", "1e", "1e+", "1.5.5", "1x", "--1", "+-1", "- 1", "infx",
            "in", "infinit", "nan(", "nan(a b)", "nanx", "0x", "0x.", "0xg", "0x1p", "1_0", "1,5",
            "\u{a0}1",
        ] {
            let error = float8(input).unwrap_err();
            let message = format!("invalid input syntax for type double precision: \"{input}\"");
            assert_eq!((error.message, error.sqlstate.as_str()), (message, "22P02"));
        }
        assert_eq!(
            parse::<f32>("x").unwrap_err().message,
            "invalid input syntax for type real: \"x\""
        );
    }

    #[test]
    fn range() {
        for (input, shown) in [
            (" 1e309 ", "1e309"),
            ("-1e400x", "-1e400"),
            ("1e-400", "1e-400"),
            ("2e-324", "2e-324"),
            ("1.7976931348623159e308", "1.7976931348623159e308"),
            ("1e99999999999999999999", "1e99999999999999999999"),
            ("0x1p1024", "0x1p1024"),
            ("0x1p-1075", "0x1p-1075"),
            ("0x1.fffffffffffff8p1023", "0x1.fffffffffffff8p1023"),
            ("0x1p-99999999999999999999", "0x1p-99999999999999999999"),
        ] {
            let error = float8(input).unwrap_err();
            let message = format!("\"{shown}\" is out of range for type double precision");
            assert_eq!((error.message, error.sqlstate.as_str()), (message, "22003"));
        }
        let error = parse::<f32>(" 1e39 ").unwrap_err();
        assert_eq!(error.message, "\" 1e39 \" is out of range for type real");
    }

    #[test]
    fn the_narrow_float_is_rounded_once() {
        assert_eq!(parse("7.038531e-26"), Ok(f32::from_bits(0x15ae_43fd)));
        assert_eq!(parse("0x1.0000010000001p0"), Ok(1.000_000_1_f32));
        assert_eq!(parse("0x1p-149"), Ok(f32::from_bits(1)));
        assert_eq!(parse("0x1.fffffep127"), Ok(f32::MAX));
        assert!(parse::<f32>("0x1.ffffffp127").is_err() && parse::<f32>("0x1p-150").is_err());
    }

    proptest! {
        #[test]
        fn hexadecimal_agrees_with_decimal(mantissa in any::<u64>(), exponent in -60..60_i32) {
            let input = format!("0x{mantissa:x}p{exponent}");
            prop_assert_eq!(float8(&input), Ok(mantissa as f64 * 2_f64.powi(exponent)));
            prop_assert_eq!(parse(&input), Ok(mantissa as f32 * 2_f32.powi(exponent)));
        }
    }
}
