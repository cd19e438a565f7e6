//! One operand: a numeric in whatever form it came, ready to compute with.

use super::decimal::Decimal;
use super::digits::Digits;
use super::format::{self, FiniteRef, NumericRef};
use fusion_plan::PgError;
use std::cmp::Ordering;

/// A numeric value. Most fit [`Number::Decimal`], which the arithmetic is
/// fast for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number<'a> {
    /// A finite number whose digits fit 128 bits.
    Decimal(Decimal),
    /// Any other finite number, borrowed from its stored bytes.
    Large(FiniteRef<'a>),
    /// Plus or minus infinity.
    Infinite {
        /// Whether it is minus infinity.
        negative: bool,
    },
    /// Not a number.
    NaN,
}

/// A finite operand, for code that has dealt with the others.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finite<'a> {
    Decimal(Decimal),
    Large(FiniteRef<'a>),
}

impl<'a> Number<'a> {
    /// Reads stored bytes without their length word.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Self {
        match NumericRef::parse(bytes) {
            NumericRef::Finite(value) => match Decimal::from_stored(&value) {
                Some(decimal) => Self::Decimal(decimal),
                None => Self::Large(value),
            },
            NumericRef::Infinite { negative } => Self::Infinite { negative },
            NumericRef::NaN => Self::NaN,
        }
    }

    /// The number `unscaled / 10^scale`.
    #[inline]
    pub const fn from_unscaled(unscaled: i128, scale: u8) -> Self {
        Self::Decimal(Decimal::new(unscaled, scale as i32))
    }

    /// Appends the stored bytes.
    ///
    /// # Errors
    ///
    /// `22003` if a scale is given that cannot be stored.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), PgError> {
        match self {
            Self::Decimal(value) => value.write(out),
            Self::Large(value) => Digits::from(value).write(out),
            Self::Infinite { negative } => {
                out.extend_from_slice(&format::infinity_bytes(*negative));
                Ok(())
            }
            Self::NaN => {
                out.extend_from_slice(&format::NAN_BYTES);
                Ok(())
            }
        }
    }

    /// -1, 0 or 1 as the number is below, at or above zero; `None` for NaN.
    pub fn signum(&self) -> Option<i32> {
        match self {
            Self::Decimal(value) => Some(value.unscaled.signum() as i32),
            Self::Large(value) if value.is_zero() => Some(0),
            Self::Large(FiniteRef { negative, .. }) | Self::Infinite { negative } => {
                Some(if *negative { -1 } else { 1 })
            }
            Self::NaN => None,
        }
    }

    /// The finite operand, or the special value's bytes.
    #[inline]
    pub(super) fn finite(self) -> Result<Finite<'a>, [u8; 2]> {
        match self {
            Self::Decimal(value) => Ok(Finite::Decimal(value)),
            Self::Large(value) => Ok(Finite::Large(value)),
            Self::Infinite { negative } => Err(format::infinity_bytes(negative)),
            Self::NaN => Err(format::NAN_BYTES),
        }
    }
}

impl Finite<'_> {
    /// The digits, for the slow lane.
    pub(super) fn digits(&self) -> Digits {
        match self {
            Self::Decimal(value) => Digits::from(*value),
            Self::Large(value) => Digits::from(value),
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        match self {
            Self::Decimal(value) => value.unscaled == 0,
            Self::Large(value) => value.is_zero(),
        }
    }

    pub(super) fn scale(&self) -> i32 {
        match self {
            Self::Decimal(value) => value.scale,
            Self::Large(value) => value.scale,
        }
    }
}

/// The order of `numeric_cmp`: minus infinity, the finite numbers, infinity,
/// NaN, and all NaN equal.
#[inline]
pub fn compare(a: Number<'_>, b: Number<'_>) -> Ordering {
    if let (Number::Decimal(a), Number::Decimal(b)) = (a, b) {
        if a.scale == b.scale {
            return a.unscaled.cmp(&b.unscaled);
        }
        if let Some((a, b, _)) = a.aligned(b) {
            return a.cmp(&b);
        }
    }
    match (a.finite(), b.finite()) {
        (Ok(a), Ok(b)) => {
            let (a, b) = (a.digits(), b.digits());
            match (a.negative, b.negative) {
                (false, false) => a.compare_magnitude(&b),
                (true, true) => b.compare_magnitude(&a),
                (a, b) => b.cmp(&a),
            }
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// The order of `numeric_cmp` of two stored values.
#[inline]
pub fn compare_stored(a: &[u8], b: &[u8]) -> Ordering {
    match (NumericRef::parse(a), NumericRef::parse(b)) {
        (NumericRef::Finite(a), NumericRef::Finite(b)) => match (a.negative, b.negative) {
            (false, false) => magnitude(&a, &b),
            (true, true) => magnitude(&b, &a),
            (a, b) => b.cmp(&a),
        },
        _ => rank(Number::parse(a)).cmp(&rank(Number::parse(b))),
    }
}

/// The order of two values' magnitudes.
fn magnitude(a: &FiniteRef<'_>, b: &FiniteRef<'_>) -> Ordering {
    match (a.is_zero(), b.is_zero()) {
        (false, false) => a.weight.cmp(&b.weight).then_with(|| a.digits().cmp(b.digits())),
        (a_zero, b_zero) => b_zero.cmp(&a_zero),
    }
}

fn rank(value: Number<'_>) -> u8 {
    match value {
        Number::Infinite { negative: true } => 0,
        Number::Decimal(_) | Number::Large(_) => 1,
        Number::Infinite { negative: false } => 2,
        Number::NaN => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sort_key;
    use super::super::testing::{stored, text};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_order_is_that_of_numeric_cmp() {
        let rising = [
            "-Infinity",
            "-1e131071",
            "-1e40",
            "-10",
            "-9.99",
            "-1e-40",
            "0.00",
            "1e-16383",
            "1e-40",
            "0.01",
            "9.99",
            "10",
            "123456789012345678901234567890",
            "123456789012345678901234567890.5",
            "1e40",
            "1e131071",
            "Infinity",
            "NaN",
        ];
        for (i, a) in rising.iter().map(|text| stored(text)).enumerate() {
            for (j, b) in rising.iter().map(|text| stored(text)).enumerate() {
                assert_eq!(compare_stored(&a, &b), i.cmp(&j), "{} {}", rising[i], rising[j]);
                assert_eq!(compare(Number::parse(&a), Number::parse(&b)), i.cmp(&j));
            }
        }
        assert!(compare_stored(&stored("1.0"), &stored("1.000")).is_eq());
        assert!(compare_stored(&stored("0"), &stored("-0.0")).is_eq());
    }

    proptest! {
        #[test]
        fn comparisons_and_keys_agree(a in text(), b in text()) {
            let (a, b) = (stored(&a), stored(&b));
            let order = compare_stored(&a, &b);
            prop_assert_eq!(compare(Number::parse(&a), Number::parse(&b)), order);
            let (mut left, mut right) = (Vec::new(), Vec::new());
            sort_key(&a, &mut left);
            sort_key(&b, &mut right);
            prop_assert_eq!(left.cmp(&right), order);
        }
    }
}
