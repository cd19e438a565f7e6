//! `sum` of floats in the order of rows, rounded after each.

use super::state::BoxedGroups;
use super::state::fold::{Fold, Step};
use crate::expr::{Float, checked};
use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{Float32Type, Float64Type};
use fusion_plan::{DataType, PgError, SqlState};
use std::marker::PhantomData;

type Native<T> = <T as ArrowPrimitiveType>::Native;

/// `sum(input)` as `result`.
pub(super) fn sum(input: DataType, result: DataType) -> Option<BoxedGroups> {
    match (input, result) {
        (DataType::Float4, DataType::Float4) => {
            Some(Fold::<FloatSum<Float32Type>>::boxed(result.arrow()))
        }
        (DataType::Float8, DataType::Float8) => {
            Some(Fold::<FloatSum<Float64Type>>::boxed(result.arrow()))
        }
        _ => None,
    }
}

/// `float4pl` and `float8pl` in row order. The state starts as −0, the one value
/// that leaves every first addend as it is.
struct FloatSum<T>(PhantomData<T>);

impl<T> Step for FloatSum<T>
where
    T: ArrowPrimitiveType<Native: Float> + Send,
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
        spilled()
    }
}

/// A sum of floats whose parts were written to disk can no longer be rounded
/// in row order.
pub(super) fn spilled() -> PgError {
    PgError::new(SqlState::OUT_OF_MEMORY, "out of memory")
        .with_detail("Groups with sums of floating-point numbers cannot be written to disk.")
        .with_hint("Consider raising the configuration parameter \"pg_fusion.memory_limit\".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agg::state::fold::folded;
    use arrow::array::{ArrayRef, AsArray, Float64Array};
    use std::sync::Arc;

    fn float(values: &[f64]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn first(result: ArrayRef) -> f64 {
        result.as_primitive::<Float64Type>().value(0)
    }

    #[test]
    fn float_sums_keep_zeros_and_overflow() {
        let new = || sum(DataType::Float8, DataType::Float8).unwrap();
        assert_eq!(first(folded(new(), float(&[-0.0])).unwrap()).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(first(folded(new(), float(&[-0.0, 0.0])).unwrap()).to_bits(), 0);
        assert!(folded(new(), float(&[1e308, 1e308])).is_err());
        assert_eq!(first(folded(new(), float(&[f64::INFINITY, 1e308])).unwrap()), f64::INFINITY);
    }
}
