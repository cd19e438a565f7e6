//! The folds: `sum`, `min` and `max` of fixed-width types, `bool_and` and
//! `bool_or`.

use super::BoxedGroups;
use super::fold::{Fold, Step};
use crate::expr::{Float, Unscaled, checked, is_128, scale, widen};
use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    UInt32Type, UInt64Type, i256,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::bool_op::BooleanGroupsAccumulator;
use fusion_plan::{AggregateFunction, DataType, PgError, SqlState};
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
        (T::Float4, T::Float4) => Fold::<FloatSum<Float32Type>>::boxed(ty),
        (T::Float8, T::Float8) => Fold::<FloatSum<Float64Type>>::boxed(ty),
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

/// `min(input)` or `max(input)`.
pub(super) fn min_max(max: bool, input: DataType) -> Option<BoxedGroups> {
    use DataType as T;
    fn either<T>(max: bool, input: DataType) -> Option<BoxedGroups>
    where
        T: ArrowPrimitiveType<Native: Extremes> + Send,
    {
        Some(match max {
            true => Fold::<Max<T>>::boxed(input.arrow()),
            false => Fold::<Min<T>>::boxed(input.arrow()),
        })
    }
    match input {
        T::Int2 => either::<Int16Type>(max, input),
        T::Int4 | T::Date => either::<Int32Type>(max, input),
        T::Int8 | T::Time | T::Timestamp | T::TimestampTz => either::<Int64Type>(max, input),
        T::Oid => either::<UInt32Type>(max, input),
        T::Enum => either::<UInt64Type>(max, input),
        T::Float4 => either::<Float32Type>(max, input),
        T::Float8 => either::<Float64Type>(max, input),
        T::Decimal { .. } if is_128(input) => either::<Decimal128Type>(max, input),
        T::Decimal { .. } => either::<Decimal256Type>(max, input),
        _ => None,
    }
}

/// `bool_and` and `bool_or`.
pub(super) fn boolean(function: AggregateFunction, input: DataType) -> Option<BoxedGroups> {
    match (function, input) {
        (AggregateFunction::BoolAnd, DataType::Bool) => {
            Some(Box::new(BooleanGroupsAccumulator::new(|a, b| a && b, true)))
        }
        (AggregateFunction::BoolOr, DataType::Bool) => {
            Some(Box::new(BooleanGroupsAccumulator::new(|a, b| a || b, false)))
        }
        _ => None,
    }
}

/// `int2_sum`, `int4_sum`: 64 bits, unchecked there as here.
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

/// `float4pl` and `float8pl` in row order. The state starts as −0, the one value
/// that leaves every first addend as it is.
struct FloatSum<T>(PhantomData<T>);

impl<T> Step for FloatSum<T>
where
    T: ArrowPrimitiveType<Native: Extremes + Float> + Send,
{
    type Input = T;
    type State = T;
    const START: Native<T> = <Native<T> as Float>::NEGATIVE_ZERO;

    fn add(state: &mut Native<T>, value: Native<T>) -> bool {
        let (sum, overflow) = checked(*state + value, *state, value);
        *state = sum;
        overflow
    }

    fn merge(state: &mut Native<T>, other: Native<T>) -> bool {
        let first = state.is_negative_zero();
        *state = other;
        !first
    }

    fn add_error() -> PgError {
        PgError::float_overflow()
    }

    fn merge_error() -> PgError {
        float_sum_spilled()
    }
}

/// A sum of floats whose parts were written to disk can no longer be rounded
/// in row order.
pub(super) fn float_sum_spilled() -> PgError {
    PgError::new(SqlState::OUT_OF_MEMORY, "out of memory")
        .with_detail("Groups with sums of floating-point numbers cannot be written to disk.")
        .with_hint("Consider raising the configuration parameter \"pg_fusion.memory_limit\".")
}

/// PostgreSQL's order of a type, with its ends.
trait Extremes: Copy {
    const LEAST: Self;
    const GREATEST: Self;
    /// Whether it is smaller, or of equal values that look different the one that is
    /// put first.
    fn precedes(self, other: Self) -> bool;
}

macro_rules! ordered {
    ($($ty:ty),*) => {$(
        impl Extremes for $ty {
            const LEAST: Self = <$ty>::MIN;
            const GREATEST: Self = <$ty>::MAX;
            fn precedes(self, other: Self) -> bool {
                self < other
            }
        }
    )*};
}
ordered!(i16, i32, i64, u32, u64, i128, i256);

macro_rules! floating {
    ($($ty:ty),*) => {$(
        impl Extremes for $ty {
            const LEAST: Self = <$ty>::NEG_INFINITY;
            const GREATEST: Self = <$ty>::NAN;
            fn precedes(self, other: Self) -> bool {
                self.pg_lt(other)
                    || (self.is_negative_zero() && other == 0.0 && !other.is_negative_zero())
            }
        }
    )*};
}
floating!(f32, f64);

/// `int4smaller`, `float8smaller`, `numeric_smaller`, ..., in any order of rows.
struct Min<T>(PhantomData<T>);

impl<T: ArrowPrimitiveType<Native: Extremes> + Send> Step for Min<T> {
    type Input = T;
    type State = T;
    const START: Native<T> = <Native<T> as Extremes>::GREATEST;

    fn add(state: &mut Native<T>, value: Native<T>) -> bool {
        if value.precedes(*state) {
            *state = value;
        }
        false
    }

    fn merge(state: &mut Native<T>, other: Native<T>) -> bool {
        Self::add(state, other)
    }
}

/// `int4larger`, `float8larger`, `numeric_larger`, ..., in any order of rows.
struct Max<T>(PhantomData<T>);

impl<T: ArrowPrimitiveType<Native: Extremes> + Send> Step for Max<T> {
    type Input = T;
    type State = T;
    const START: Native<T> = <Native<T> as Extremes>::LEAST;

    fn add(state: &mut Native<T>, value: Native<T>) -> bool {
        if state.precedes(value) {
            *state = value;
        }
        false
    }

    fn merge(state: &mut Native<T>, other: Native<T>) -> bool {
        Self::add(state, other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, PrimitiveArray};
    use datafusion_expr::EmitTo;
    use fusion_plan::DECIMAL128_NAN;
    use std::sync::Arc;

    fn fold(mut state: BoxedGroups, values: ArrayRef) -> datafusion_common::Result<ArrayRef> {
        state.update_batch(&[Arc::clone(&values)], &vec![0; values.len()], None, 1)?;
        state.evaluate(EmitTo::All)
    }

    fn float(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn first(result: ArrayRef) -> f64 {
        result.as_primitive::<Float64Type>().value(0)
    }

    #[test]
    fn bigint_sums_are_exact() {
        let ty = DataType::Decimal { precision: 38, scale: 0 };
        let values: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, i64::MAX]));
        let result = fold(sum(DataType::Int8, ty).unwrap(), values).unwrap();
        assert_eq!(result.as_primitive::<Decimal128Type>().value(0), 18_446_744_073_709_551_614);
    }

    #[test]
    fn decimal_sums_widen_and_keep_nan() {
        let input = DataType::Decimal { precision: 38, scale: 2 };
        let result = DataType::Decimal { precision: 76, scale: 2 };
        let total = |values: [i128; 2]| {
            let values = PrimitiveArray::<Decimal128Type>::from_iter_values(values);
            let values: ArrayRef = Arc::new(values.with_data_type(input.arrow()));
            let sum = fold(sum(input, result).unwrap(), values).unwrap();
            sum.as_primitive::<Decimal256Type>().value(0)
        };
        let big = 10_i128.pow(38) - 1;
        assert_eq!(total([big, big]), i256::from_i128(big).wrapping_add(i256::from_i128(big)));
        assert_eq!(total([DECIMAL128_NAN, 1]), i256::MAX);
    }

    #[test]
    fn float_sums_keep_zeros_and_overflow() {
        let new = || sum(DataType::Float8, DataType::Float8).unwrap();
        assert_eq!(first(fold(new(), float(&[-0.0])).unwrap()).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(first(fold(new(), float(&[-0.0, 0.0])).unwrap()).to_bits(), 0);
        assert!(fold(new(), float(&[1e308, 1e308])).is_err());
        assert_eq!(first(fold(new(), float(&[f64::INFINITY, 1e308])).unwrap()), f64::INFINITY);
    }

    #[test]
    fn nan_is_the_largest_float_and_negative_zero_comes_before_zero() {
        let extreme = |max, values: &[f64]| {
            first(fold(min_max(max, DataType::Float8).unwrap(), float(values)).unwrap())
        };
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        assert!(extreme(true, &[inf, nan, 1.0]).is_nan());
        assert!(extreme(false, &[nan, nan]).is_nan());
        assert_eq!(extreme(false, &[nan, inf]), inf);
        assert_eq!(extreme(true, &[-inf]), -inf);
        for values in [[0.0, -0.0], [-0.0, 0.0]] {
            assert_eq!(extreme(false, &values).to_bits(), (-0.0_f64).to_bits());
            assert_eq!(extreme(true, &values).to_bits(), 0);
        }
    }

    #[test]
    fn groups_without_a_value_are_null() {
        let mut state = min_max(true, DataType::Int8).unwrap();
        let values: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(i64::MIN)]));
        state.update_batch(&[values], &[0, 1], None, 2).unwrap();
        let result = state.evaluate(EmitTo::All).unwrap();
        let result: Vec<_> = result.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(result, [None, Some(i64::MIN)]);
    }
}
