//! Decimals of fixed scale as unscaled integers of 128 or 256 bits, of which the largest
//! stands for NaN.

use crate::expr::kernel::Arg;
use arrow::array::PrimitiveArray;
use arrow::datatypes::{Decimal128Type, Decimal256Type, i256};
use fusion_plan::{DECIMAL128_NAN, DataType, PgError};
use std::sync::Arc;

/// The unscaled value that stands for NaN in 256 bits.
pub(crate) const DECIMAL256_NAN: i256 = i256::MAX;

/// One width of unscaled value.
pub(crate) trait Unscaled: Copy + PartialEq + Ord + Default {
    /// What stands for NaN.
    const NAN: Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn checked_mul(self, other: Self) -> Option<Self>;
    /// Ten to the power of `exponent`, if it fits.
    fn power_of_ten(exponent: u32) -> Option<Self>;

    /// Whether this is NaN.
    fn is_nan(self) -> bool {
        self == Self::NAN
    }
}

impl Unscaled for i128 {
    const NAN: Self = DECIMAL128_NAN;
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn sub(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    fn mul(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
    fn checked_mul(self, other: Self) -> Option<Self> {
        i128::checked_mul(self, other)
    }
    fn power_of_ten(exponent: u32) -> Option<Self> {
        10_i128.checked_pow(exponent)
    }
}

impl Unscaled for i256 {
    const NAN: Self = DECIMAL256_NAN;
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn sub(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
    fn mul(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
    fn checked_mul(self, other: Self) -> Option<Self> {
        i256::checked_mul(self, other)
    }
    fn power_of_ten(exponent: u32) -> Option<Self> {
        i256::from_i128(10).checked_pow(exponent)
    }
}

/// A 128-bit unscaled value in 256 bits; NaN stays NaN.
pub(crate) fn widen(value: i128) -> i256 {
    if value == DECIMAL128_NAN { DECIMAL256_NAN } else { i256::from_i128(value) }
}

/// Whether values of the decimal type `ty` have 128 bits.
pub(crate) fn is_128(ty: DataType) -> bool {
    matches!(ty.arrow(), arrow::datatypes::DataType::Decimal128(..))
}

/// The scale of the decimal type `ty`.
pub(crate) fn scale(ty: DataType) -> Option<u8> {
    match ty {
        DataType::Decimal { scale, .. } => Some(scale),
        _ => None,
    }
}

/// The argument with 256-bit values.
pub(crate) fn to_256(arg: &Arg) -> Result<Arg, PgError> {
    let Some(narrow) = arg.array().as_any().downcast_ref::<PrimitiveArray<Decimal128Type>>() else {
        return Ok(arg.clone());
    };
    let ty = arrow::datatypes::DataType::Decimal256(76, narrow.scale());
    let wide = narrow.unary::<_, Decimal256Type>(widen).with_data_type(ty);
    Ok(if arg.is_scalar() { Arg::scalar(Arc::new(wide)) } else { Arg::column(Arc::new(wide)) })
}
