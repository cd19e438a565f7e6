//! `/`, `%` and `div`.

use super::decimal::{Decimal, power, times};
use super::format::{BASE, GROUP, NAN_BYTES, infinity_bytes};
use super::number::{Finite, Number};
use super::rounding::Rounding;
use fusion_plan::PgError;

/// `NUMERIC_MIN_SIG_DIGITS`: a quotient shows at least so many digits.
const MIN_SIGNIFICANT: i32 = 16;
/// `NUMERIC_MAX_DISPLAY_SCALE`: but not more than so many after the point.
const MAX_DISPLAY_SCALE: i32 = 1000;

/// `a / b`, as `numeric_div`: `select_div_scale` chooses the display scale, and
/// the last digit is rounded half away from zero.
///
/// # Errors
///
/// `22012` if `b` is zero and `a` is not NaN; `22003` if the quotient has too
/// many digits before the point.
#[inline]
pub fn divide(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    let (a, b) = match (a.finite(), b.finite()) {
        (Ok(a), Ok(b)) => (a, b),
        _ => return special_quotient(a, b, out),
    };
    if b.is_zero() {
        return Err(PgError::division_by_zero());
    }
    let scale = quotient_scale(&a, &b);
    if let (Finite::Decimal(a), Finite::Decimal(b)) = (a, b)
        && let Some(quotient) = rounded_quotient(a, b, scale)
    {
        return Decimal::new(quotient, scale).write(out);
    }
    a.digits().divided(&b.digits(), scale, Rounding::HalfAway).write(out)
}

/// `div(a, b)`, as `numeric_div_trunc`: the integer quotient, towards zero.
///
/// # Errors
///
/// As [`divide`].
pub fn divide_truncating(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    let (a, b) = match (a.finite(), b.finite()) {
        (Ok(a), Ok(b)) => (a, b),
        _ => return special_quotient(a, b, out),
    };
    if b.is_zero() {
        return Err(PgError::division_by_zero());
    }
    if let (Finite::Decimal(a), Finite::Decimal(b)) = (a, b)
        && let Some((a, b, _)) = a.aligned(b)
        && let Some(quotient) = a.checked_div(b)
    {
        return Decimal::new(quotient, 0).write(out);
    }
    a.digits().divided(&b.digits(), 0, Rounding::Down).write(out)
}

/// `a % b`, as `numeric_mod`: what `div` leaves, with the sign of `a` and the
/// larger display scale.
///
/// # Errors
///
/// `22012` if `b` is zero and `a` is not NaN.
pub fn modulo(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    let (dividend, divisor) = match (a.finite(), b.finite()) {
        (Ok(a), Ok(b)) => (a, b),
        _ => {
            return match (a, b) {
                (Number::NaN, _) | (_, Number::NaN) => Number::NaN.write(out),
                (Number::Infinite { .. }, b) if b.signum() == Some(0) => {
                    Err(PgError::division_by_zero())
                }
                (Number::Infinite { .. }, _) => Number::NaN.write(out),
                (a, _) => a.write(out),
            };
        }
    };
    if divisor.is_zero() {
        return Err(PgError::division_by_zero());
    }
    if let (Finite::Decimal(a), Finite::Decimal(b)) = (dividend, divisor)
        && let Some((a, b, scale)) = a.aligned(b)
        && let Some(rest) = a.checked_rem(b)
    {
        return Decimal::new(rest, scale).write(out);
    }
    let (dividend, divisor) = (dividend.digits(), divisor.digits());
    let whole = dividend.divided(&divisor, 0, Rounding::Down).times(&divisor);
    dividend.plus(&whole.negated()).write(out)
}

/// A quotient of values that are not both finite.
#[cold]
fn special_quotient(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    match (a, b) {
        (Number::NaN, _) | (_, Number::NaN) => out.extend_from_slice(&NAN_BYTES),
        (Number::Infinite { .. }, Number::Infinite { .. }) => out.extend_from_slice(&NAN_BYTES),
        (Number::Infinite { negative }, b) => match b.signum() {
            Some(0) | None => return Err(PgError::division_by_zero()),
            Some(sign) => out.extend_from_slice(&infinity_bytes(negative != (sign < 0))),
        },
        // Anything finite is nothing to an infinity.
        _ => return Decimal::new(0, 0).write(out),
    }
    Ok(())
}

/// `select_div_scale`: enough for [`MIN_SIGNIFICANT`] digits, judged by the
/// first base-10000 digits, and not less than either scale.
fn quotient_scale(a: &Finite<'_>, b: &Finite<'_>) -> i32 {
    let (a_weight, a_first) = leading(a);
    let (b_weight, b_first) = leading(b);
    let weight = a_weight - b_weight - i32::from(a_first <= b_first);
    (MIN_SIGNIFICANT - weight * GROUP).max(a.scale()).max(b.scale()).clamp(0, MAX_DISPLAY_SCALE)
}

/// The first base-10000 digit and its weight; both 0 for zero.
fn leading(value: &Finite<'_>) -> (i32, i32) {
    let decimal = match value {
        Finite::Large(value) => {
            return (value.weight, value.digits().next().map_or(0, i32::from));
        }
        Finite::Decimal(decimal) => decimal,
    };
    let magnitude = decimal.unscaled.unsigned_abs();
    let exponent = match u64::try_from(magnitude) {
        Ok(small) => small.checked_ilog10(),
        Err(_) => magnitude.checked_ilog10(),
    };
    let Some(exponent) = exponent else { return (0, 0) };
    let weight = (exponent as i32 - decimal.scale).div_euclid(GROUP);
    // What stands behind the first digit, in decimal places of the value.
    let behind = decimal.scale + weight * GROUP;
    let first = match (u64::try_from(magnitude), power(behind.abs())) {
        (_, Some(unit)) if behind <= 0 => magnitude as i32 * unit as i32,
        // The unit has at most the value's own number of digits.
        (Ok(small), Some(unit)) => (small / unit as u64) as i32,
        (Err(_), Some(unit)) => (magnitude / unit.unsigned_abs()) as i32,
        (_, None) => 0,
    };
    debug_assert!((1..BASE).contains(&first));
    (weight, first)
}

/// The quotient in units of `10^-scale`, if the calculation fits.
#[inline]
fn rounded_quotient(a: Decimal, b: Decimal, scale: i32) -> Option<i128> {
    let factor = power(scale + b.scale - a.scale)?;
    let dividend = times(a.unscaled, factor)?.unsigned_abs();
    let divisor = b.unscaled.unsigned_abs();
    let mut quotient = dividend / divisor;
    let rest = dividend - quotient * divisor;
    if rest >= divisor - rest {
        quotient += 1;
    }
    let quotient = i128::try_from(quotient).ok()?;
    Some(if (a.unscaled < 0) == (b.unscaled < 0) { quotient } else { -quotient })
}

#[cfg(test)]
mod tests {
    use super::super::digits::Digits;
    use super::super::testing::{apply, stored};
    use super::*;
    use proptest::prelude::*;

    type Binary = fn(Number<'_>, Number<'_>, &mut Vec<u8>) -> Result<(), PgError>;

    fn binary(operation: Binary, a: &str, b: &str) -> String {
        apply(|out| operation(Number::parse(&stored(a)), Number::parse(&stored(b)), out))
    }

    /// Quotients as PostgreSQL 15 prints them.
    #[test]
    fn quotients_have_the_scale_of_select_div_scale() {
        for (a, b, expected) in [
            ("10", "3", "3.3333333333333333"),
            ("20", "3", "6.6666666666666667"),
            ("-20", "3", "-6.6666666666666667"),
            ("1", "3", "0.33333333333333333333"),
            ("0.00", "7", "0.00000000000000000000"),
            ("1.00", "1", "1.00000000000000000000"),
            ("2.00", "1", "2.0000000000000000"),
            ("153078.46", "6", "25513.076666666667"),
            ("1000000", "3", "333333.333333333333"),
            ("99999999999999999999", "10", "10000000000000000000"),
            (
                "0.00000000000000000000000000000000000001",
                "3",
                "0.00000000000000000000000000000000000000333333333333333333",
            ),
            ("9999", "2", "4999.5000000000000000"),
            ("9999.9999", "9999", "1.00010000000000000000"),
            ("-0.05", "8", "-0.00625000000000000000"),
            ("99999999.99", "7", "14285714.284285714286"),
            ("123456789012345678901234567890.12", "987654321", "124999998873437499901.58"),
            (
                "170141183460469231731687303715884105726",
                "9223372036854775807",
                "18446744073709551618",
            ),
            ("1", "9223372036854775807", "0.000000000000000000108420217248550443"),
            ("0.0001", "2", "0.000050000000000000000000"),
            ("19999", "2", "9999.5000000000000000"),
            ("10000", "10000", "1.00000000000000000000"),
            ("9999.99995", "1", "9999.9999500000000000"),
            ("2", "9999", "0.00020002000200020002"),
            ("999999999999999999", "1000000000000000000", "0.99999999999999999900"),
            ("9999999999999999.99999", "3", "3333333333333333.33333"),
            ("-99999999999999995", "100000000000000000", "-0.99999999999999995000"),
            ("Infinity", "-2", "-Infinity"),
            ("-Infinity", "-1e50", "Infinity"),
            ("Infinity", "-Infinity", "NaN"),
            ("1e50", "Infinity", "0"),
            ("-5.00", "-Infinity", "0"),
            ("NaN", "0", "NaN"),
            ("0", "NaN", "NaN"),
        ] {
            assert_eq!(binary(divide, a, b), expected, "{a} / {b}");
        }
    }

    #[test]
    fn remainders_have_the_sign_of_the_dividend() {
        for (a, b, quotient, rest) in [
            ("5.5", "2", "2", "1.5"),
            ("-5.5", "2", "-2", "-1.5"),
            ("5.5", "-2.00", "-2", "1.50"),
            ("0", "3.000", "0", "0.000"),
            ("4", "2", "2", "0"),
            ("1e45", "7", "142857142857142857142857142857142857142857142", "6"),
            ("-1e45", "3e-1", "-3333333333333333333333333333333333333333333333", "-0.1"),
            ("7", "1e45", "0", "7"),
            ("-1.5", "Infinity", "0", "-1.5"),
            ("NaN", "0", "NaN", "NaN"),
        ] {
            assert_eq!(binary(divide_truncating, a, b), quotient, "div({a}, {b})");
            assert_eq!(binary(modulo, a, b), rest, "{a} % {b}");
        }
        assert_eq!(binary(modulo, "Infinity", "2"), "NaN");
        assert_eq!(binary(modulo, "-Infinity", "Infinity"), "NaN");
        assert_eq!(binary(divide_truncating, "Infinity", "-2.5"), "-Infinity");
    }

    #[test]
    fn zero_divides_nothing_but_nan() {
        for operation in [divide as Binary, divide_truncating, modulo] {
            for dividend in ["0", "1", "1e50", "Infinity", "-Infinity"] {
                let (a, b) = (stored(dividend), stored("0.00"));
                let error = operation(Number::parse(&a), Number::parse(&b), &mut Vec::new());
                assert_eq!(error.unwrap_err(), PgError::division_by_zero());
            }
        }
    }

    #[test]
    fn a_quotient_can_overflow() {
        let (a, b) = (stored(&"9".repeat(131_072)), stored("0.01"));
        for operation in [divide as Binary, divide_truncating] {
            let error = operation(Number::parse(&a), Number::parse(&b), &mut Vec::new());
            assert_eq!(error.unwrap_err().message, "value overflows numeric format");
        }
    }

    proptest! {
        /// Both lanes give the same: the fast one against digits.
        #[test]
        fn lanes_agree(
            a in any::<i128>(), b in any::<i128>(), shifts in (0..127_u32, 0..127_u32),
            scales in (0..30_i32, 0..30_i32),
        ) {
            let a = Decimal::new((a >> shifts.0).max(-i128::MAX), scales.0);
            let b = Decimal::new((b >> shifts.1).max(-i128::MAX), scales.1);
            prop_assume!(b.unscaled != 0);
            let (x, y) = (Finite::Decimal(a), Finite::Decimal(b));
            for value in [&x, &y] {
                let digits = value.digits();
                prop_assert_eq!(leading(value), (digits.weight, i32::from(digits.first())));
            }
            let scale = quotient_scale(&x, &y);
            if let Some(quotient) = rounded_quotient(a, b, scale) {
                let expected = Digits::from(a).divided(&Digits::from(b), scale, Rounding::HalfAway);
                prop_assert_eq!(Digits::from(Decimal::new(quotient, scale)), expected);
            }
        }
    }
}
