//! Rounding: `round`, `trunc`, `ceil`, `floor`, and the scale functions.

use super::decimal::{Decimal, power};
use super::format::{GROUP, MAX_STORED_SCALE, MAX_STORED_WEIGHT};
use super::number::{Finite, Number};
use fusion_plan::PgError;

/// Where a value goes that lies between two that can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, and half away from zero, as `round` does.
    HalfAway,
    /// Towards zero, as `trunc` does.
    Down,
    /// Away from zero.
    Away,
}

impl Rounding {
    /// Whether the magnitude grows, given whether at least half of a unit is
    /// cut, and whether anything but zero is.
    #[inline]
    pub(super) fn moves_away(self, half: bool, inexact: bool) -> bool {
        match self {
            Self::HalfAway => half,
            Self::Down => false,
            Self::Away => inexact,
        }
    }
}

impl Decimal {
    /// At `scale` digits after the point, which may be negative, in units of
    /// `10^-scale`. `None` if that does not fit.
    #[inline]
    pub fn cut(self, scale: i32, rounding: Rounding) -> Option<i128> {
        if scale >= self.scale {
            return self.rescaled(scale);
        }
        let Some(unit) = power(self.scale - scale) else {
            // The unit is more than twice any value.
            let up = rounding.moves_away(false, self.unscaled != 0);
            return Some(if up { self.unscaled.signum() } else { 0 });
        };
        let quotient = self.unscaled / unit;
        let rest = (self.unscaled - quotient * unit).unsigned_abs();
        // The unit is even, so half of it is exact.
        let up = rounding.moves_away(rest >= unit.unsigned_abs() / 2, rest > 0);
        Some(if up { quotient + self.unscaled.signum() } else { quotient })
    }
}

/// `round(value, scale)`, as `numeric_round`: half away from zero; a negative
/// scale rounds before the point.
///
/// # Errors
///
/// `22003` if rounding up gives a value that cannot be stored.
pub fn round(value: Number<'_>, scale: i32, out: &mut Vec<u8>) -> Result<(), PgError> {
    // One digit more than a value can have may become the first one.
    let scale = scale.max(-(MAX_STORED_WEIGHT + 1) * GROUP - 1);
    cut(value, scale, Rounding::HalfAway, out)
}

/// `trunc(value, scale)`, as `numeric_trunc`.
///
/// # Errors
///
/// None for a stored value.
pub fn trunc(value: Number<'_>, scale: i32, out: &mut Vec<u8>) -> Result<(), PgError> {
    cut(value, scale.max(-(MAX_STORED_WEIGHT + 1) * GROUP), Rounding::Down, out)
}

/// `ceil(value)`, as `numeric_ceil`.
///
/// # Errors
///
/// `22003` if the result cannot be stored.
pub fn ceil(value: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    let above = value.signum().is_some_and(|sign| sign > 0);
    cut(value, 0, if above { Rounding::Away } else { Rounding::Down }, out)
}

/// `floor(value)`, as `numeric_floor`.
///
/// # Errors
///
/// `22003` if the result cannot be stored.
pub fn floor(value: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    let below = value.signum().is_some_and(|sign| sign < 0);
    cut(value, 0, if below { Rounding::Away } else { Rounding::Down }, out)
}

#[inline]
fn cut(
    value: Number<'_>,
    scale: i32,
    rounding: Rounding,
    out: &mut Vec<u8>,
) -> Result<(), PgError> {
    let scale = scale.min(MAX_STORED_SCALE);
    let value = match value.finite() {
        Ok(value) => value,
        Err(special) => {
            out.extend_from_slice(&special);
            return Ok(());
        }
    };
    if let Finite::Decimal(decimal) = value
        && let Some(cut) = decimal.cut(scale, rounding)
        && let Some(unscaled) = shown(cut, scale)
    {
        return Decimal::new(unscaled, scale.max(0)).write(out);
    }
    let mut digits = value.digits().cut(scale, rounding);
    digits.scale = scale.max(0);
    digits.write(out)
}

/// A value in units of `10^-scale` in units of at most one.
#[inline]
pub(super) fn shown(cut: i128, scale: i32) -> Option<i128> {
    if scale >= 0 { Some(cut) } else { Decimal::new(cut, 0).rescaled(-scale) }
}

/// `scale(value)`: the display scale; `None` for NaN and infinities.
pub fn scale(value: Number<'_>) -> Option<i32> {
    value.finite().ok().map(|value| value.scale())
}

/// `min_scale(value)`: the smallest scale that shows the value exactly; `None`
/// for NaN and infinities.
pub fn min_scale(value: Number<'_>) -> Option<i32> {
    let digits = value.finite().ok()?.digits();
    let Some(mut last) = digits.as_slice().last().copied() else { return Some(0) };
    let mut scale = (digits.as_slice().len() as i32 - 1 - digits.weight) * GROUP;
    if scale <= 0 {
        return Some(0);
    }
    while last % 10 == 0 {
        last /= 10;
        scale -= 1;
    }
    Some(scale)
}

/// `trim_scale(value)`: the same value at its [`min_scale`].
///
/// # Errors
///
/// None for a stored value.
pub fn trim_scale(value: Number<'_>, out: &mut Vec<u8>) -> Result<(), PgError> {
    match min_scale(value) {
        Some(scale) => cut(value, scale, Rounding::Down, out),
        None => cut(value, 0, Rounding::Down, out),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, stored};
    use super::*;

    #[test]
    fn round_is_half_away_from_zero() {
        for (value, places, expected) in [
            ("2.5", 0, "3"),
            ("-2.5", 0, "-3"),
            ("0.5", 0, "1"),
            ("0.49999", 0, "0"),
            ("-0.4", 0, "0"),
            ("1.005", 2, "1.01"),
            ("12345.678", -2, "12300"),
            ("12355.678", -1, "12360"),
            ("5", -1, "10"),
            ("4.9", -1, "0"),
            ("-50", -2, "-100"),
            ("1", 5, "1.00000"),
            ("1", 40, "1.0000000000000000000000000000000000000000"),
            (
                "0.00000000000000000000000000000000000000000000005",
                46,
                "0.0000000000000000000000000000000000000000000001",
            ),
            (
                "9999999999999999999999999999999999999999.5",
                0,
                "10000000000000000000000000000000000000000",
            ),
            ("99995000", -4, "100000000"),
            ("1e50", -51, "0"),
            ("5e50", -51, "1000000000000000000000000000000000000000000000000000"),
            ("NaN", 3, "NaN"),
            ("-Infinity", 3, "-Infinity"),
        ] {
            assert_eq!(apply(|out| round(Number::parse(&stored(value)), places, out)), expected);
        }
    }

    #[test]
    fn trunc_is_towards_zero() {
        for (value, places, expected) in [
            ("2.9", 0, "2"),
            ("-2.9", 0, "-2"),
            ("-0.9", 0, "0"),
            ("12399", -2, "12300"),
            ("1.239", 2, "1.23"),
            (
                "99999999999999999999999999999999999999999.99",
                1,
                "99999999999999999999999999999999999999999.9",
            ),
            ("1", 3, "1.000"),
            ("999", -3, "0"),
        ] {
            assert_eq!(apply(|out| trunc(Number::parse(&stored(value)), places, out)), expected);
        }
    }

    #[test]
    fn ceil_and_floor_meet_at_integers() {
        for (value, above, below) in [
            ("1.00", "1", "1"),
            ("1.01", "2", "1"),
            ("-1.01", "-1", "-2"),
            ("-0.01", "0", "-1"),
            ("0.01", "1", "0"),
            ("0.00000000000000000000000000000000000000000000000001", "1", "0"),
            (
                "-9999999999999999999999999999999999999999.5",
                "-9999999999999999999999999999999999999999",
                "-10000000000000000000000000000000000000000",
            ),
            ("Infinity", "Infinity", "Infinity"),
        ] {
            assert_eq!(apply(|out| ceil(Number::parse(&stored(value)), out)), above);
            assert_eq!(apply(|out| floor(Number::parse(&stored(value)), out)), below);
        }
    }

    #[test]
    fn the_largest_value_cannot_round_up() {
        let nines = "9".repeat(131_072);
        let value = stored(&nines);
        let error = round(Number::parse(&value), -1, &mut Vec::new()).unwrap_err();
        assert_eq!(error.message, "value overflows numeric format");
        let error = round(Number::parse(&value), i32::MIN, &mut Vec::new());
        assert!(error.is_ok());
        let error = round(Number::parse(&value), -131_072, &mut Vec::new()).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22003");
        assert_eq!(apply(|out| trunc(Number::parse(&value), i32::MIN, out)), "0");
        assert_eq!(apply(|out| trunc(Number::parse(&value), -131_071, out))[..2], *"90");
        let mut out = Vec::new();
        round(Number::parse(&stored("1")), i32::MAX, &mut out).unwrap();
        assert_eq!(scale(Number::parse(&out)), Some(16_383));
    }

    #[test]
    fn scales_are_told_and_trimmed() {
        for (value, shown, least, trimmed) in [
            ("8.4100", Some(4), Some(2), "8.41"),
            ("100.0", Some(1), Some(0), "100"),
            ("0.00", Some(2), Some(0), "0"),
            ("0.00001", Some(5), Some(5), "0.00001"),
            ("1.10000000000000000000000000000000000000000000", Some(44), Some(1), "1.1"),
            ("NaN", None, None, "NaN"),
            ("-Infinity", None, None, "-Infinity"),
        ] {
            let stored = stored(value);
            let value = Number::parse(&stored);
            assert_eq!((scale(value), min_scale(value)), (shown, least));
            assert_eq!(apply(|out| trim_scale(value, out)), trimmed);
        }
    }
}
