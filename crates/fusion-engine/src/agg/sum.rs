//! `sum` of integers and decimals.

use super::state::BoxedGroups;
use super::state::fold::{Fold, Step};
use crate::expr::{Unscaled, is_128, scale, widen};
use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{Decimal128Type, Decimal256Type, Int16Type, Int32Type, Int64Type, i256};
use fusion_plan::DataType;
use std::marker::PhantomData;

type Native<T> = <T as ArrowPrimitiveType>::Native;

/// `sum(input)` as `result`.
pub(super) fn sum(input: DataType, result: DataType) -> Option<BoxedGroups> {
    use DataType as T;
    let ty = result.arrow();
    let exact = |expected: u8| scale(result) == Some(expected);
    Some(match (input, result) {
        (T::Int2, T::Int8) => Fold::<IntegerSum<Int16Type>>::boxed(ty),
        (T::Int4, T::Int8) => Fold::<IntegerSum<Int32Type>>::boxed(ty),
        (T::Int8, _) if is_128(result) && exact(0) => Fold::<BigintSum>::boxed(ty),
        (T::Decimal { scale, .. }, T::Decimal { .. }) if exact(scale) => {
            match (is_128(input), is_128(result)) {
                (true, true) => Fold::<DecimalSum<Decimal128Type>>::boxed(ty),
                (true, false) => Fold::<WideningSum>::boxed(ty),
                (false, false) => Fold::<DecimalSum<Decimal256Type>>::boxed(ty),
                (false, true) => return None,
            }
        }
        _ => return None,
    })
}

/// `int2_sum`, `int4_sum` (numeric.c): 64 bits, unchecked there as here.
struct IntegerSum<T>(PhantomData<T>);

impl<T: ArrowPrimitiveType<Native: Into<i64>> + Send> Step for IntegerSum<T> {
    type Input = T;
    type State = Int64Type;
    const START: i64 = 0;

    fn add(state: &mut i64, value: Native<T>) -> bool {
        *state = state.wrapping_add(value.into());
        false
    }

    fn merge(state: &mut i64, other: i64) -> bool {
        *state = state.wrapping_add(other);
        false
    }
}

/// `int8_avg_accum`'s sum: 128 bits hold the sum of any number of rows.
struct BigintSum;

impl Step for BigintSum {
    type Input = Int64Type;
    type State = Decimal128Type;
    const START: i128 = 0;

    fn add(state: &mut i128, value: i64) -> bool {
        *state += i128::from(value);
        false
    }

    fn merge(state: &mut i128, other: i128) -> bool {
        *state += other;
        false
    }
}

/// `numeric_avg_accum`'s sum where argument and state have the same width. The
/// planner chooses the width: 128 bits hold the sum of 2^63 values of 19 digits.
struct DecimalSum<T>(PhantomData<T>);

impl<T> Step for DecimalSum<T>
where
    T: ArrowPrimitiveType<Native: Zero> + Send,
{
    type Input = T;
    type State = T;
    const START: Native<T> = <Native<T> as Zero>::ZERO;

    fn add(state: &mut Native<T>, value: Native<T>) -> bool {
        *state = nan_sum(*state, value);
        false
    }

    fn merge(state: &mut Native<T>, other: Native<T>) -> bool {
        Self::add(state, other)
    }
}

/// [`DecimalSum`] of 128-bit values in 256 bits.
struct WideningSum;

impl Step for WideningSum {
    type Input = Decimal128Type;
    type State = Decimal256Type;
    const START: i256 = i256::ZERO;

    fn add(state: &mut i256, value: i128) -> bool {
        *state = nan_sum(*state, widen(value));
        false
    }

    fn merge(state: &mut i256, other: i256) -> bool {
        *state = nan_sum(*state, other);
        false
    }
}

/// The sum; NaN once anything was NaN.
pub(super) fn nan_sum<N: Unscaled>(left: N, right: N) -> N {
    if left.is_nan() || right.is_nan() { N::NAN } else { left.add(right) }
}

/// An unscaled value with a zero known at compile time.
trait Zero: Unscaled {
    const ZERO: Self;
}

impl Zero for i128 {
    const ZERO: Self = 0;
}

impl Zero for i256 {
    const ZERO: Self = i256::ZERO;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agg::state::fold::folded;
    use arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray};
    use fusion_plan::DECIMAL128_NAN;
    use std::sync::Arc;

    #[test]
    fn bigint_sums_are_exact() {
        let ty = DataType::Decimal { precision: 38, scale: 0 };
        let values: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, i64::MAX]));
        let result = folded(sum(DataType::Int8, ty).unwrap(), values).unwrap();
        assert_eq!(result.as_primitive::<Decimal128Type>().value(0), 18_446_744_073_709_551_614);
    }

    #[test]
    fn decimal_sums_widen_and_keep_nan() {
        let input = DataType::Decimal { precision: 38, scale: 2 };
        let result = DataType::Decimal { precision: 76, scale: 2 };
        let total = |values: [i128; 2]| {
            let values = PrimitiveArray::<Decimal128Type>::from_iter_values(values);
            let values: ArrayRef = Arc::new(values.with_data_type(input.arrow()));
            let sum = folded(sum(input, result).unwrap(), values).unwrap();
            sum.as_primitive::<Decimal256Type>().value(0)
        };
        let big = 10_i128.pow(38) - 1;
        assert_eq!(total([big, big]), i256::from_i128(big).wrapping_add(i256::from_i128(big)));
        assert_eq!(total([DECIMAL128_NAN, 1]), i256::MAX);
    }
}
