//! Rounding of floats, their square root and sign, and their conversion to integers.
//! None of it depends on a mathematical library: each result is the exact one, or
//! the exact one correctly rounded.

use super::integer::Integer;
use fusion_plan::{PgError, SqlState};

/// `dround`: to the nearest integer, to the even one if there are two.
pub fn round(value: f64) -> f64 {
    canonical(value.round_ties_even())
}

/// `dceil`.
pub fn ceil(value: f64) -> f64 {
    canonical(value.ceil())
}

/// `dfloor`.
pub fn floor(value: f64) -> f64 {
    canonical(value.floor())
}

/// `dtrunc`: towards zero; the sign of a zero stays.
pub fn trunc(value: f64) -> f64 {
    canonical(value.trunc())
}

/// `dsign`: −1, 0 or 1; 0 for NaN and both zeros.
pub fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// `dsqrt`.
///
/// # Errors
///
/// `cannot take square root of a negative number`.
pub fn sqrt(value: f64) -> Result<f64, PgError> {
    if value < 0.0 {
        return Err(PgError::new(
            SqlState::INVALID_ARGUMENT_FOR_POWER_FUNCTION,
            "cannot take square root of a negative number",
        ));
    }
    Ok(canonical(value.sqrt()))
}

/// `dtof`: to the narrower float.
///
/// # Errors
///
/// If a finite value becomes infinite, or a value other than zero becomes zero.
pub fn to_float4(value: f64) -> Result<f32, PgError> {
    let narrow = value as f32;
    if narrow.is_nan() {
        Ok(f32::NAN)
    } else if narrow.is_infinite() && value.is_finite() {
        Err(PgError::float_overflow())
    } else if narrow == 0.0 && value != 0.0 {
        Err(PgError::float_underflow())
    } else {
        Ok(narrow)
    }
}

/// `dtoi2`, `dtoi4`, `dtoi8`, and for a `float4`, which converts to `float8` without
/// loss, `ftoi2` and its kin: to the nearest integer, to the even one if there are
/// two.
///
/// # Errors
///
/// `integer out of range`, for NaN, too.
pub fn to_integer<I: Integer>(value: impl Into<f64>) -> Result<I, PgError> {
    let value: f64 = value.into().round_ties_even();
    // The smallest integer and its opposite are powers of two, which floats hold.
    let smallest = I::MIN as f64;
    let integer = match value >= smallest && value < -smallest {
        true => I::try_from(value as i64).ok(),
        false => None,
    };
    integer.ok_or_else(|| PgError::out_of_range(I::NAME))
}

fn canonical(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        let rounded: Vec<_> = [0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994].map(round).into();
        assert_eq!(rounded, [0.0, 2.0, 2.0, 0.0, -2.0, 0.0]);
        assert!(round(-0.5).is_sign_negative() && trunc(-0.9).is_sign_negative());
        assert!(ceil(-0.9).is_sign_negative() && floor(-0.0).is_sign_negative());
        assert_eq!((ceil(1.1), floor(-1.1), trunc(-1.9)), (2.0, -2.0, -1.0));
        for function in [round, ceil, floor, trunc] {
            assert_eq!(function(f64::NEG_INFINITY), f64::NEG_INFINITY);
            assert_eq!(function(-f64::NAN).to_bits(), f64::NAN.to_bits());
        }
    }

    #[test]
    fn signs_and_roots() {
        assert_eq!((sign(f64::NAN), sign(-0.0), sign(1e-320)), (0.0, 0.0, 1.0));
        assert!(sign(-0.0).is_sign_positive());
        assert_eq!(sqrt(-1e-320).unwrap_err().sqlstate.as_str(), "2201F");
        assert!(sqrt(-0.0).unwrap().is_sign_negative() && sqrt(f64::NAN).unwrap().is_nan());
        assert_eq!((sqrt(2.0), sqrt(f64::INFINITY)), (Ok(2_f64.sqrt()), Ok(f64::INFINITY)));
    }

    #[test]
    fn narrowing_checks_both_ends() {
        assert_eq!(to_float4(3.5e38), Err(PgError::float_overflow()));
        assert_eq!(to_float4(-1e-46), Err(PgError::float_underflow()));
        assert_eq!((to_float4(-0.0), to_float4(1e-45)), (Ok(-0.0), Ok(1e-45)));
        assert_eq!(to_float4(f64::NEG_INFINITY), Ok(f32::NEG_INFINITY));
        assert!(to_float4(f64::NAN).unwrap().is_nan());
    }

    #[test]
    fn integers_have_their_range_after_rounding() {
        assert_eq!(to_integer::<i16>(32767.5), Err(PgError::out_of_range("smallint")));
        assert_eq!(
            (to_integer::<i16>(32767.4), to_integer::<i16>(-32768.5)),
            (Ok(32767), Ok(-32768))
        );
        assert_eq!(to_integer::<i32>(-2147483648.5), Ok(i32::MIN));
        assert_eq!(to_integer::<i32>(2147483647.5), Err(PgError::out_of_range("integer")));
        assert_eq!(to_integer::<i32>(2147483647_f32), Err(PgError::out_of_range("integer")));
        assert_eq!(to_integer::<i64>(-9223372036854775808.0), Ok(i64::MIN));
        assert_eq!(to_integer::<i64>(9223372036854775807.0), Err(PgError::out_of_range("bigint")));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(to_integer::<i64>(value), Err(PgError::out_of_range("bigint")));
        }
        assert_eq!((to_integer::<i32>(2.5), to_integer::<i32>(3.5_f32)), (Ok(2), Ok(4)));
    }
}
