//! `min` and `max` of types whose values are numbers of fixed width.

use super::state::BoxedGroups;
use super::state::fold::{Fold, Step};
use crate::expr::{Float, is_128};
use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{
    Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    UInt32Type, UInt64Type, i256,
};
use fusion_plan::DataType;
use std::marker::PhantomData;

type Native<T> = <T as ArrowPrimitiveType>::Native;

/// `min(input)` or `max(input)`.
pub(super) fn min_max(max: bool, input: DataType) -> Option<BoxedGroups> {
    use DataType as T;
    fn either<T>(max: bool, input: DataType) -> Option<BoxedGroups>
    where
        T: ArrowPrimitiveType<Native: Extremes> + Send,
    {
        Some(match max {
            true => Fold::<Extreme<T, true>>::boxed(input.arrow()),
            false => Fold::<Extreme<T, false>>::boxed(input.arrow()),
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

/// `int4smaller`, `float8larger`, `numeric_smaller`, ..., in any order of rows: the greatest
/// value, or else the least.
struct Extreme<T, const GREATEST: bool>(PhantomData<T>);

impl<T, const GREATEST: bool> Step for Extreme<T, GREATEST>
where
    T: ArrowPrimitiveType<Native: Extremes> + Send,
{
    type Input = T;
    type State = T;
    const START: Native<T> = if GREATEST { Native::<T>::LEAST } else { Native::<T>::GREATEST };

    fn add(state: &mut Native<T>, value: Native<T>) -> bool {
        let replaces = if GREATEST { state.precedes(value) } else { value.precedes(*state) };
        if replaces {
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
    use crate::agg::state::fold::folded;
    use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
    use datafusion_expr::EmitTo;
    use std::sync::Arc;

    fn float(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn first(result: ArrayRef) -> f64 {
        result.as_primitive::<Float64Type>().value(0)
    }

    #[test]
    fn nan_is_the_largest_float_and_negative_zero_comes_before_zero() {
        let extreme = |max, values: &[f64]| {
            first(folded(min_max(max, DataType::Float8).unwrap(), float(values)).unwrap())
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
