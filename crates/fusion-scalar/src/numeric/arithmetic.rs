//! `+`, `-`, `*`, and the functions of the sign.

use super::decimal::{Decimal, times};
use super::format::{MAX_STORED_SCALE, NAN_BYTES, infinity_bytes};
use super::number::Number;
use super::rounding::Rounding;
use fusion_plan::PgError;

/// `a + b`, as `numeric_add`: exact, with the larger display scale.
///
/// # Errors
///
/// `22003` if the sum has too many digits before the point.
#[inline]
pub fn add(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    if let (Number::Decimal(a), Number::Decimal(b)) = (a, b)
        && let Some((a, b, scale)) = a.aligned(b)
        && let Some(sum) = a.checked_add(b)
    {
        return Decimal::new(sum, scale).write(out);
    }
    match (a.finite(), b.finite()) {
        (Ok(a), Ok(b)) => a.digits().plus(&b.digits()).write(out),
        _ => special_sum(a, b, false, out),
    }
}

/// `a - b`, as `numeric_sub`: exact, with the larger display scale.
///
/// # Errors
///
/// `22003` if the difference has too many digits before the point.
#[inline]
pub fn subtract(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    if let (Number::Decimal(a), Number::Decimal(b)) = (a, b)
        && let Some((a, b, scale)) = a.aligned(b)
        && let Some(difference) = a.checked_sub(b)
    {
        return Decimal::new(difference, scale).write(out);
    }
    match (a.finite(), b.finite()) {
        (Ok(a), Ok(b)) => a.digits().plus(&b.digits().negated()).write(out),
        _ => special_sum(a, b, true, out),
    }
}

/// A sum, or a difference if `flip`, that is not finite. Opposite infinities
/// have no sum.
#[cold]
fn special_sum(a: Number<'_>, b: Number<'_>, flip: bool, out: &mut Vec<u8>) -> Result<(), PgError> {
    let infinity = |value| match value {
        Number::Infinite { negative } => Some(negative),
        _ => None,
    };
    let result = match (infinity(a), infinity(b).map(|negative| negative != flip)) {
        _ if a == Number::NaN || b == Number::NaN => NAN_BYTES,
        (Some(a), Some(b)) if a != b => NAN_BYTES,
        (Some(negative), _) | (None, Some(negative)) => infinity_bytes(negative),
        (None, None) => NAN_BYTES,
    };
    out.extend_from_slice(&result);
    Ok(())
}

/// `a * b`, as `numeric_mul`: exact, with the sum of the display scales, unless
/// that scale cannot be stored; then rounded to the largest that can.
///
/// # Errors
///
/// `22003` if the product has too many digits before the point.
#[inline]
pub fn multiply(a: Number<'_>, b: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    if let (Number::Decimal(a), Number::Decimal(b)) = (a, b)
        && a.scale + b.scale <= MAX_STORED_SCALE
        && let Some(product) = times(a.unscaled, b.unscaled)
    {
        return Decimal::new(product, a.scale + b.scale).write(out);
    }
    if let (Ok(a), Ok(b)) = (a.finite(), b.finite()) {
        let product = a.digits().times(&b.digits());
        return if product.scale > MAX_STORED_SCALE {
            product.cut(MAX_STORED_SCALE, Rounding::HalfAway).write(out)
        } else {
            product.write(out)
        };
    }
    let result = match (a.signum(), b.signum()) {
        (Some(a), Some(b)) if a * b != 0 => infinity_bytes(a * b < 0),
        // NaN, or zero times infinity.
        _ => NAN_BYTES,
    };
    out.extend_from_slice(&result);
    Ok(())
}

/// `-value`, as `numeric_uminus`.
///
/// # Errors
///
/// None for a stored value.
pub fn negate(value: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    if let Number::Decimal(Decimal { unscaled, scale }) = value
        && let Some(unscaled) = unscaled.checked_neg()
    {
        return Decimal::new(unscaled, scale).write(out);
    }
    match value {
        Number::Infinite { negative } => {
            out.extend_from_slice(&infinity_bytes(!negative));
            Ok(())
        }
        _ => match value.finite() {
            Ok(value) => value.digits().negated().write(out),
            Err(_) => value.write(out),
        },
    }
}

/// `abs(value)`, as `numeric_abs`.
///
/// # Errors
///
/// None for a stored value.
pub fn abs(value: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    if value.signum() == Some(-1) { negate(value, out) } else { value.write(out) }
}

/// `sign(value)`, as `numeric_sign`: -1, 0 or 1 without digits after the
/// point, or NaN.
///
/// # Errors
///
/// None.
pub fn sign(value: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    match value.signum() {
        Some(sign) => Decimal::new(i128::from(sign), 0).write(out),
        None => {
            out.extend_from_slice(&NAN_BYTES);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, stored};
    use super::*;

    type Binary = fn(Number<'_>, Number<'_>, &mut Vec<u8>) -> Result<(), PgError>;

    fn binary(operation: Binary, a: &str, b: &str) -> String {
        apply(|out| operation(Number::parse(&stored(a)), Number::parse(&stored(b)), out))
    }

    #[test]
    fn sums_are_exact_at_the_larger_scale() {
        for (a, b, sum, difference) in [
            ("1.5", "2.25", "3.75", "-0.75"),
            ("0.10", "-0.1", "0.00", "0.20"),
            (
                "1e30",
                "1e-30",
                "1000000000000000000000000000000.000000000000000000000000000001",
                "999999999999999999999999999999.999999999999999999999999999999",
            ),
            (
                "170141183460469231731687303715884105727",
                "1",
                "170141183460469231731687303715884105728",
                "170141183460469231731687303715884105726",
            ),
            (
                "-170141183460469231731687303715884105727",
                "-2",
                "-170141183460469231731687303715884105729",
                "-170141183460469231731687303715884105725",
            ),
            ("9999", "1", "10000", "9998"),
        ] {
            assert_eq!(binary(add, a, b), sum);
            assert_eq!(binary(subtract, a, b), difference);
        }
    }

    #[test]
    fn products_are_exact_at_the_sum_of_the_scales() {
        for (a, b, product) in [
            ("1.5", "2.25", "3.375"),
            ("0.00", "-7.5", "0.000"),
            (
                "-12345678901234567890",
                "98765432109876543210.5",
                "-1219326311370217952243636640561880810845.0",
            ),
            (
                "99999999999999999999.99",
                "-99999999999999999999.99",
                "-9999999999999999999998000000000000000000.0001",
            ),
        ] {
            assert_eq!(binary(multiply, a, b), product, "{a} * {b}");
        }
    }

    #[test]
    fn a_product_too_fine_to_store_is_rounded() {
        let product = binary(multiply, "1.5e-10000", "1e-6382");
        assert!(product.ends_with("15"), "{product}");
        assert_eq!(product.len(), 16_385);
        let product = binary(multiply, "1.5e-10001", "1e-6382");
        assert!(product.ends_with("02"));
        assert_eq!(binary(multiply, "1e-10001", "1e-10001").len(), 16_385);
    }

    #[test]
    fn infinities_and_nan_follow_their_own_rules() {
        let (inf, minus, nan) = ("Infinity", "-Infinity", "NaN");
        for (operation, a, b, expected) in [
            (add as Binary, inf, minus, nan),
            (add, minus, minus, minus),
            (add, "1", inf, inf),
            (add, minus, "1e100", minus),
            (add, nan, inf, nan),
            (subtract, inf, inf, nan),
            (subtract, inf, minus, inf),
            (subtract, "1", inf, minus),
            (subtract, "1", minus, inf),
            (subtract, minus, "7", minus),
            (subtract, "1", nan, nan),
            (multiply, inf, "0.0", nan),
            (multiply, "0", minus, nan),
            (multiply, inf, "-2", minus),
            (multiply, minus, minus, inf),
            (multiply, "-1e100", minus, inf),
            (multiply, nan, "0", nan),
        ] {
            assert_eq!(binary(operation, a, b), expected, "{a} {b}");
        }
    }

    #[test]
    fn sums_and_products_overflow() {
        let nines = "9".repeat(131_072);
        for (operation, a, b) in [
            (add as Binary, nines.as_str(), "1"),
            (subtract, nines.as_str(), "-1"),
            (multiply, nines.as_str(), "10"),
            (multiply, "1e70000", "1e70000"),
        ] {
            let (a, b) = (stored(a), stored(b));
            let error = operation(Number::parse(&a), Number::parse(&b), &mut Vec::new());
            assert_eq!(error.unwrap_err().message, "value overflows numeric format");
        }
        assert_eq!(binary(add, &nines, "-1").len(), 131_072);
    }

    #[test]
    fn signs_change() {
        for (value, negated, absolute, signum) in [
            ("1.50", "-1.50", "1.50", "1"),
            ("-1.50", "1.50", "1.50", "-1"),
            ("0.00", "0.00", "0.00", "0"),
            ("-1e-45", &format!("0.{}1", "0".repeat(44)), &format!("0.{}1", "0".repeat(44)), "-1"),
            ("Infinity", "-Infinity", "Infinity", "1"),
            ("-Infinity", "Infinity", "Infinity", "-1"),
            ("NaN", "NaN", "NaN", "NaN"),
        ] {
            let stored = stored(value);
            let value = Number::parse(&stored);
            assert_eq!(apply(|out| negate(value, out)), *negated);
            assert_eq!(apply(|out| abs(value, out)), *absolute);
            assert_eq!(apply(|out| sign(value, out)), signum);
        }
    }
}
