//! Casts between `numeric` and the integer and floating types.

use super::decimal::Decimal;
use super::digits::Digits;
use super::number::{Finite, Number};
use super::rounding::Rounding;
use super::text::numeric_out;
use fusion_plan::{PgError, SqlState};
use std::fmt;
use std::str::FromStr;

/// An integer type that numeric values are cast to.
pub trait Integer: TryFrom<i128> + Into<i128> {
    /// What messages call it.
    const NAME: &'static str;
}

impl Integer for i16 {
    const NAME: &'static str = "smallint";
}

impl Integer for i32 {
    const NAME: &'static str = "integer";
}

impl Integer for i64 {
    const NAME: &'static str = "bigint";
}

/// `numeric_int2`, `numeric_int4` and `numeric_int8`: rounded half away from
/// zero.
///
/// # Errors
///
/// `22003` if the type cannot hold it, `0A000` for NaN and infinities.
#[inline]
pub fn to_integer<T: Integer>(value: Number<'_>) -> Result<T, PgError> {
    let unsupported = |what| {
        let message = format!("cannot convert {what} to {}", T::NAME);
        Err(PgError::new(SqlState::FEATURE_NOT_SUPPORTED, message))
    };
    let rounded = match value {
        Number::NaN => return unsupported("NaN"),
        Number::Infinite { .. } => return unsupported("infinity"),
        Number::Decimal(value) => value.cut(0, Rounding::HalfAway),
        Number::Large(value) => small_integer(&Digits::from(&value).cut(0, Rounding::HalfAway)),
    };
    rounded.and_then(|value| T::try_from(value).ok()).ok_or_else(|| PgError::out_of_range(T::NAME))
}

/// An integer of up to 32 digits.
fn small_integer(digits: &Digits) -> Option<i128> {
    if digits.weight >= 8 {
        return None;
    }
    let magnitude = (0..=digits.weight)
        .rev()
        .fold(0, |value, weight| value * 10_000 + i128::from(digits.at(weight)));
    Some(if digits.negative { -magnitude } else { magnitude })
}

/// `int2_numeric`, `int4_numeric` and `int8_numeric`.
pub fn from_integer<T: Integer>(value: T) -> Number<'static> {
    Number::Decimal(Decimal::new(value.into(), 0))
}

/// A floating type that numeric values are cast from and to.
pub trait Float: Copy + FromStr + PartialEq + fmt::LowerExp {
    /// What messages call it.
    const NAME: &'static str;
    /// Decimal digits that every value of it shows exactly: `FLT_DIG` and
    /// `DBL_DIG`.
    const DIGITS: usize;
    /// Zero.
    const ZERO: Self;
    /// Infinity.
    const INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// The quotient, if both integers and so the nearest value are exact.
    fn exact_quotient(unscaled: i128, scale: i32) -> Option<Self>;
}

macro_rules! float {
    ($type:ty, $name:literal, $digits:expr, $powers:expr) => {
        impl Float for $type {
            const NAME: &'static str = $name;
            const DIGITS: usize = $digits as usize;
            const ZERO: Self = 0.0;
            const INFINITY: Self = <$type>::INFINITY;
            const NAN: Self = <$type>::NAN;

            #[inline]
            fn exact_quotient(unscaled: i128, scale: i32) -> Option<Self> {
                // Powers of ten that the type holds exactly.
                const POWERS: &[$type] = &$powers;
                let power = POWERS.get(usize::try_from(scale).ok()?)?;
                (unscaled.unsigned_abs() >> <$type>::MANTISSA_DIGITS == 0)
                    .then(|| unscaled as $type / power)
            }
        }
    };
}

float!(f32, "real", f32::DIGITS, [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10]);
float!(
    f64,
    "double precision",
    f64::DIGITS,
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
);

/// `numeric_float4` and `numeric_float8`: the nearest value, by way of text.
///
/// # Errors
///
/// `22003` if a value that is not zero becomes zero or infinite.
#[inline]
pub fn to_float<T: Float + std::ops::Neg<Output = T>>(value: Number<'_>) -> Result<T, PgError> {
    let finite = match value {
        Number::NaN => return Ok(T::NAN),
        Number::Infinite { negative } => {
            return Ok(if negative { -T::INFINITY } else { T::INFINITY });
        }
        Number::Decimal(decimal) => {
            if let Some(quotient) = T::exact_quotient(decimal.unscaled, decimal.scale) {
                return Ok(quotient);
            }
            Finite::Decimal(decimal)
        }
        Number::Large(large) => Finite::Large(large),
    };
    let mut text = String::new();
    numeric_out(value, &mut text);
    match text.parse::<T>() {
        Ok(parsed)
            if parsed != T::INFINITY
                && parsed != -T::INFINITY
                && (parsed != T::ZERO || finite.is_zero()) =>
        {
            Ok(parsed)
        }
        _ => Err(PgError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{text}\" is out of range for type {}", T::NAME),
        )),
    }
}

/// `float4_numeric` and `float8_numeric`, appended as stored bytes: rounded to
/// the digits that every value of the type has.
///
/// # Errors
///
/// None: every floating value has a numeric.
pub fn from_float<T: Float + std::ops::Neg<Output = T>>(
    value: T,
    out: &mut Vec<u8>,
) -> Result<(), PgError> {
    #[allow(clippy::eq_op)]
    if value != value {
        return Number::NaN.write(out);
    }
    for (infinity, negative) in [(T::INFINITY, false), (-T::INFINITY, true)] {
        if value == infinity {
            return Number::Infinite { negative }.write(out);
        }
    }
    if value == T::ZERO {
        return Decimal::new(0, 0).write(out);
    }
    // One digit before the point, and then the exponent: what `%g` is made
    // from, which shows no zeros at the end.
    let text = format!("{value:.0$e}", T::DIGITS - 1);
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let negative = mantissa.starts_with('-');
    let digits: smallvec::SmallVec<[u8; 16]> =
        mantissa.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    let shown = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last as i32);
    Digits::from_decimal(negative, &digits, exponent, (shown - exponent).max(0)).write(out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, stored};
    use super::*;

    #[test]
    fn integers_round_half_away_from_zero() {
        let cast = |text: &str| to_integer::<i32>(Number::parse(&stored(text)));
        for (text, expected) in [
            ("0.5", 1),
            ("-0.5", -1),
            ("0.4999", 0),
            ("2147483647.4", i32::MAX),
            ("-2147483648.4", i32::MIN),
            ("1.50000000000000000000000000000000000000000000000000", 2),
        ] {
            assert_eq!(cast(text).unwrap(), expected);
        }
        for text in ["2147483647.5", "-2147483648.5", "1e20", "1e200", "-1e40"] {
            assert_eq!(cast(text).unwrap_err(), PgError::out_of_range("integer"));
        }
        for (text, message) in [
            ("NaN", "cannot convert NaN to integer"),
            ("Infinity", "cannot convert infinity to integer"),
            ("-Infinity", "cannot convert infinity to integer"),
        ] {
            let error = cast(text).unwrap_err();
            assert_eq!((error.message.as_str(), error.sqlstate.as_str()), (message, "0A000"));
        }
        let wide = stored("-9223372036854775808.49");
        assert_eq!(to_integer::<i64>(Number::parse(&wide)).unwrap(), i64::MIN);
        let error = to_integer::<i64>(Number::parse(&stored("9223372036854775807.5")));
        assert_eq!(error.unwrap_err().message, "bigint out of range");
        let error = to_integer::<i16>(Number::parse(&stored("32767.5")));
        assert_eq!(error.unwrap_err().message, "smallint out of range");
        assert_eq!(apply(|out| from_integer(i64::MIN).write(out)), "-9223372036854775808");
    }

    #[test]
    fn floats_keep_the_digits_that_all_have() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.333333333333333"),
            (-2.0 / 3.0, "-0.666666666666667"),
            (1e22, "10000000000000000000000"),
            (1e-7, "0.0000001"),
            (123_456_789.123_456_79, "123456789.123457"),
            (1_234_567_890_123_456.7, "1234567890123460"),
            // Ties go to the even digit.
            (100_000_000_000_000.5, "100000000000000"),
            (100_000_000_000_001.5, "100000000000002"),
            (100_000_000_000_002.5, "100000000000002"),
            (99_999_999_999_999.95, "100000000000000"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(apply(|out| from_float(value, out)), expected);
        }
        let smallest = apply(|out| from_float(f64::from_bits(1), out));
        assert!(smallest.ends_with("494065645841247"), "{smallest}");
        assert_eq!(smallest.len(), 2 + 338);
        assert_eq!(apply(|out| from_float(f64::MAX, out)).len(), 309);
        for (value, expected) in [
            (0.1_f32, "0.1"),
            (16_777_216.0, "16777200"),
            (1.0 / 3.0, "0.333333"),
            (1_000_000.5, "1000000"),
            (f32::NAN, "NaN"),
        ] {
            assert_eq!(apply(|out| from_float(value, out)), expected);
        }
    }

    #[test]
    fn floats_are_the_nearest() {
        for text in [
            "0",
            "-0.1",
            "9007199254740993",
            "0.3",
            "1e22",
            "1e23",
            "-123456789.123456789",
            "8.41e21",
            "179769313486231570000000000000000000000e250",
            "4.9e-324",
            "2.5e-324",
            "0.1000000000000000055511151231257827021181583404541015625",
            "7.038531e-26",
        ] {
            let bytes = stored(text);
            let value = to_float::<f64>(Number::parse(&bytes)).unwrap();
            assert_eq!(value.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
        // Rounding by way of double precision would miss these.
        for text in ["16777217.0000001", "7.038531e-26", "-0.1", "3.4028235e38"] {
            let value = to_float::<f32>(Number::parse(&stored(text))).unwrap();
            assert_eq!(value.to_bits(), text.parse::<f32>().unwrap().to_bits(), "{text}");
        }
        assert!(to_float::<f64>(Number::NaN).unwrap().is_nan());
        let minus = Number::Infinite { negative: true };
        assert_eq!(to_float::<f32>(minus).unwrap(), f32::NEG_INFINITY);
    }

    #[test]
    fn floats_out_of_range_are_told_with_their_text() {
        let error = to_float::<f64>(Number::parse(&stored("-1e309"))).unwrap_err();
        let expected =
            format!("\"-1{}\" is out of range for type double precision", "0".repeat(309));
        assert_eq!((error.message, error.sqlstate.as_str()), (expected, "22003"));
        let error = to_float::<f32>(Number::parse(&stored("1e-46"))).unwrap_err();
        let expected = format!("\"0.{}1\" is out of range for type real", "0".repeat(45));
        assert_eq!(error.message, expected);
        assert!(to_float::<f64>(Number::parse(&stored("1e-324"))).is_err());
        assert!(to_float::<f32>(Number::parse(&stored("3.5e38"))).is_err());
        assert!(to_float::<f32>(Number::parse(&stored("0e-100"))).is_ok());
    }
}
