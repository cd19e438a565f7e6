//! `numeric(precision, scale)`: what a type modifier does to a value.

use super::decimal::{Decimal, power};
use super::digits::Digits;
use super::format::GROUP;
use super::number::{Finite, Number};
use super::rounding::{Rounding, shown};
use fusion_plan::{PgError, SqlState};

/// `VARHDRSZ`, which type modifiers are offset by.
const OFFSET: i32 = 4;

/// A declared precision and scale. The scale may be negative, and larger than
/// the precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Typmod {
    /// How many digits are kept.
    pub precision: i32,
    /// How many of them stand after the point.
    pub scale: i32,
}

impl Typmod {
    /// Reads PostgreSQL's type modifier; `None` if it does not restrict.
    pub fn from_raw(typmod: i32) -> Option<Self> {
        let packed = typmod.checked_sub(OFFSET).filter(|packed| *packed >= 0)?;
        // The scale is eleven bits in two's complement.
        let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
        Some(Self { precision: packed >> 16, scale })
    }

    /// How many digits fit before the point; negative if some after it must be
    /// zeros.
    fn whole_digits(self) -> i32 {
        self.precision - self.scale
    }

    /// [`apply_typmod`] of a value that fits 128 bits, as an unscaled value with
    /// as many digits after the point as the scale says, but not fewer than
    /// none. `None` if that does not fit.
    ///
    /// # Errors
    ///
    /// `22003` if the rounded value has too many digits.
    #[inline]
    pub fn cut(self, value: Decimal) -> Result<Option<i128>, PgError> {
        let Some(cut) = value.cut(self.scale, Rounding::HalfAway) else { return Ok(None) };
        if power(self.precision).is_some_and(|limit| cut.unsigned_abs() >= limit.unsigned_abs()) {
            return Err(self.overflow());
        }
        Ok(shown(cut, self.scale))
    }

    /// [`apply_typmod`] in the slow lane.
    pub(super) fn apply(self, value: Digits, out: &mut Vec<u8>) -> Result<(), PgError> {
        let mut digits = value.cut(self.scale, Rounding::HalfAway);
        digits.scale = self.scale.max(0);
        if !digits.is_zero() {
            let leading_zeros = match digits.first() {
                ..10 => 3,
                10..100 => 2,
                100..1000 => 1,
                1000.. => 0,
            };
            if (digits.weight + 1) * GROUP - leading_zeros > self.whole_digits() {
                return Err(self.overflow());
            }
        }
        digits.write(out)
    }

    fn overflow(self) -> PgError {
        let Self { precision, scale } = self;
        let bound = match self.whole_digits() {
            0 => "1".to_owned(),
            digits => format!("10^{digits}"),
        };
        overflow(format!(
            "A field with precision {precision}, scale {scale} must round to an absolute value \
             less than {bound}."
        ))
    }

    fn infinite(self) -> PgError {
        let Self { precision, scale } = self;
        overflow(format!(
            "A field with precision {precision}, scale {scale} cannot hold an infinite value."
        ))
    }
}

fn overflow(detail: String) -> PgError {
    PgError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").with_detail(detail)
}

/// The cast to `numeric(precision, scale)`, as the function `numeric` does it:
/// rounded half away from zero to the scale, and then no larger than the
/// precision allows. NaN fits any type.
///
/// # Errors
///
/// `22003` if the rounded value has too many digits, or is infinite.
pub fn apply_typmod(value: Number<'_>, typmod: Typmod, out: &mut Vec<u8>) -> Result<(), PgError> {
    let value = match value {
        Number::Infinite { .. } => return Err(typmod.infinite()),
        Number::NaN => return Number::NaN.write(out),
        Number::Decimal(value) => Finite::Decimal(value),
        Number::Large(value) => Finite::Large(value),
    };
    if let Finite::Decimal(decimal) = value
        && let Some(unscaled) = typmod.cut(decimal)?
    {
        return Decimal::new(unscaled, typmod.scale.max(0)).write(out);
    }
    typmod.apply(value.digits(), out)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, stored};
    use super::*;

    fn cast(value: &str, precision: i32, scale: i32) -> Result<String, PgError> {
        let value = stored(value);
        let mut out = Vec::new();
        let typmod = Typmod { precision, scale };
        apply_typmod(Number::parse(&value), typmod, &mut out)?;
        Ok(apply(|copy| {
            copy.extend_from_slice(&out);
            Ok(())
        }))
    }

    #[test]
    fn modifiers_are_unpacked() {
        let typmod = |precision, scale| Some(Typmod { precision, scale });
        assert_eq!(Typmod::from_raw(-1), None);
        assert_eq!(Typmod::from_raw(3), None);
        assert_eq!(Typmod::from_raw((10 << 16 | 2) + 4), typmod(10, 2));
        assert_eq!(Typmod::from_raw((1000 << 16 | 1000) + 4), typmod(1000, 1000));
        assert_eq!(Typmod::from_raw((3 << 16 | (-2 & 0x7ff)) + 4), typmod(3, -2));
        assert_eq!(Typmod::from_raw((3 << 16 | (-1000 & 0x7ff)) + 4), typmod(3, -1000));
    }

    #[test]
    fn values_are_rounded_to_the_scale() {
        for (value, precision, scale, expected) in [
            ("1.005", 5, 2, "1.01"),
            ("1", 5, 2, "1.00"),
            ("-999.994", 5, 2, "-999.99"),
            ("12345", 3, -2, "12300"),
            ("99949", 3, -2, "99900"),
            ("49", 3, -2, "0"),
            ("0.00123", 3, 5, "0.00123"),
            ("0.000004", 3, 5, "0.00000"),
            ("0.004", 2, 2, "0.00"),
            ("NaN", 1, 0, "NaN"),
            ("1e45", 46, 0, "1000000000000000000000000000000000000000000000"),
            ("1.5e-45", 46, 45, "0.000000000000000000000000000000000000000000002"),
            ("1e38", 3, -36, "100000000000000000000000000000000000000"),
            ("1", 60, 50, "1.00000000000000000000000000000000000000000000000000"),
        ] {
            assert_eq!(cast(value, precision, scale).unwrap(), expected, "{value}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_as_postgresql_tells_it() {
        for (value, precision, scale, bound) in [
            ("1000", 5, 2, "10^3"),
            ("999.995", 5, 2, "10^3"),
            ("-1000", 3, 0, "10^3"),
            ("1", 2, 2, "1"),
            ("0.995", 2, 2, "1"),
            ("0.01", 3, 5, "10^-2"),
            ("99950", 3, -2, "10^5"),
            ("1e50", 3, 0, "10^3"),
            ("1e45", 45, 0, "10^45"),
            ("9.95e39", 1, -39, "10^40"),
        ] {
            let error = cast(value, precision, scale).unwrap_err();
            assert_eq!(error.message, "numeric field overflow");
            assert_eq!(
                error.detail.unwrap(),
                format!(
                    "A field with precision {precision}, scale {scale} must round to an absolute \
                     value less than {bound}."
                )
            );
        }
        let error = cast("-Infinity", 3, 1).unwrap_err();
        assert_eq!(
            error.detail.unwrap(),
            "A field with precision 3, scale 1 cannot hold an infinite value."
        );
        assert_eq!(error.sqlstate.as_str(), "22003");
    }
}
