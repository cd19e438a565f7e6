//! `avg` of integers and decimals: an exact sum and a count, divided at the end
//! as `numeric_div` does it.

use super::state::BoxedGroups;
use super::state::argument::typed;
use super::sum::nan_sum;
use crate::error::to_datafusion;
use crate::expr::{Unscaled, is_128, scale, widen};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, BooleanArray, Int64Array, PrimitiveArray,
};
use arrow::datatypes::{
    DataType as Arrow, Decimal128Type, Decimal256Type, Int16Type, Int32Type, Int64Type, i256,
};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::filtered_null_mask;
use fusion_plan::{DataType, PgError};
use fusion_scalar::numeric::{Decimal, Number, Wide, divide, from_integer};
use std::marker::PhantomData;
use std::sync::Arc;

/// The most digits of which 2^63 values add up within 128 bits.
const MAX_NARROW_PRECISION: u8 = 19;

/// The type in which values of type `input` are added up.
pub(super) fn sum_type(input: DataType) -> DataType {
    match input {
        DataType::Int2 | DataType::Int4 => DataType::Int8,
        DataType::Decimal { precision, scale } if precision > MAX_NARROW_PRECISION => {
            DataType::Decimal { precision: 76, scale }
        }
        DataType::Decimal { scale, .. } => DataType::Decimal { precision: 38, scale },
        _ => DataType::Decimal { precision: 38, scale: 0 },
    }
}

/// `avg(input)`.
pub(super) fn average(input: DataType, result: DataType) -> Option<BoxedGroups> {
    use DataType as T;
    if result != T::Numeric {
        return None;
    }
    Some(match input {
        T::Int2 => Average::<Int16Type, Int64Type, _>::boxed(input, i64::from),
        T::Int4 => Average::<Int32Type, Int64Type, _>::boxed(input, i64::from),
        T::Int8 => Average::<Int64Type, Decimal128Type, _>::boxed(input, i128::from),
        T::Decimal { .. } => match (is_128(input), is_128(sum_type(input))) {
            (true, true) => {
                Average::<Decimal128Type, Decimal128Type, _>::boxed(input, |value| value)
            }
            (true, false) => Average::<Decimal128Type, Decimal256Type, _>::boxed(input, widen),
            _ => Average::<Decimal256Type, Decimal256Type, _>::boxed(input, |value| value),
        },
        _ => return None,
    })
}

/// A sum that can be divided.
trait Total: Copy + Default + Send + 'static {
    fn plus(self, other: Self) -> Self;
    /// The sum, unless it is NaN.
    fn value(self) -> Option<i256>;
}

impl Total for i64 {
    /// `int4_avg_accum` (numeric.c) does not check either.
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    fn value(self) -> Option<i256> {
        Some(i256::from_i128(self.into()))
    }
}

impl Total for i128 {
    fn plus(self, other: Self) -> Self {
        nan_sum(self, other)
    }
    fn value(self) -> Option<i256> {
        (!self.is_nan()).then(|| i256::from_i128(self))
    }
}

impl Total for i256 {
    fn plus(self, other: Self) -> Self {
        nan_sum(self, other)
    }
    fn value(self) -> Option<i256> {
        (!self.is_nan()).then_some(self)
    }
}

/// Values of type `I`, added up as `S`. A group without values is NULL.
struct Average<I, S: ArrowPrimitiveType, C> {
    sums: Vec<S::Native>,
    counts: Vec<i64>,
    convert: C,
    sum_type: Arrow,
    scale: u8,
    input: PhantomData<fn() -> I>,
}

impl<I, S, C> Average<I, S, C>
where
    I: ArrowPrimitiveType + Send,
    S: ArrowPrimitiveType<Native: Total> + Send,
    C: Fn(I::Native) -> S::Native + Send + Sync + 'static,
{
    fn boxed(input: DataType, convert: C) -> BoxedGroups {
        Box::new(Self {
            sums: Vec::new(),
            counts: Vec::new(),
            convert,
            sum_type: sum_type(input).arrow(),
            scale: scale(input).unwrap_or(0),
            input: PhantomData,
        })
    }

    fn resize(&mut self, groups: usize) {
        self.sums.resize(groups, S::Native::default());
        self.counts.resize(groups, 0);
    }

    fn state_arrays(&self, sums: Vec<S::Native>, counts: Vec<i64>) -> Vec<ArrayRef> {
        let sums =
            PrimitiveArray::<S>::new(sums.into(), None).with_data_type(self.sum_type.clone());
        vec![Arc::new(sums), Arc::new(Int64Array::from(counts))]
    }
}

/// Appends a sum, NaN if there is none, divided by the count.
fn quotient(sum: Option<i256>, scale: u8, count: i64, out: &mut Vec<u8>) -> Result<(), PgError> {
    let (scale, count) = (i32::from(scale), from_integer(count));
    let Some(sum) = sum else { return Number::NaN.write(out) };
    if let Some(narrow) = sum.to_i128() {
        return divide(Number::Decimal(Decimal::new(narrow, scale)), count, out);
    }
    let (low, high) = sum.to_parts();
    let mut stored = Vec::new();
    Wide { low, high }.write(scale, &mut stored)?;
    divide(Number::parse(&stored), count, out)
}

impl<I, S, C> GroupsAccumulator for Average<I, S, C>
where
    I: ArrowPrimitiveType + Send,
    S: ArrowPrimitiveType<Native: Total> + Send,
    C: Fn(I::Native) -> S::Native + Send + Sync + 'static,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        let Self { sums, counts, convert, .. } = self;
        accumulate(group_indices, typed::<I>(values, 0)?, filter, |group, value| {
            sums[group] = sums[group].plus(convert(value));
            counts[group] += 1;
        });
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        let mut result = BinaryViewBuilder::with_capacity(sums.len());
        let mut bytes = Vec::new();
        for (sum, count) in sums.into_iter().zip(counts) {
            if count == 0 {
                result.append_null();
                continue;
            }
            bytes.clear();
            quotient(sum.value(), self.scale, count, &mut bytes).map_err(to_datafusion)?;
            result.append_value(&bytes);
        }
        Ok(Arc::new(result.finish()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        let counts = emit_to.take_needed(&mut self.counts);
        Ok(self.state_arrays(sums, counts))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        let (sums, counts) = (typed::<S>(values, 0)?, typed::<Int64Type>(values, 1)?);
        let states = sums.values().iter().zip(counts.values());
        for (group, (sum, count)) in group_indices.iter().zip(states) {
            self.sums[*group] = self.sums[*group].plus(*sum);
            self.counts[*group] += count;
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = typed::<I>(values, 0)?;
        let valid = filtered_null_mask(filter, values);
        let counts_row = |row: usize| valid.as_ref().is_none_or(|valid| valid.is_valid(row));
        let sum = |(row, value): (usize, &I::Native)| match counts_row(row) {
            true => (self.convert)(*value),
            false => S::Native::default(),
        };
        let sums = values.values().iter().enumerate().map(sum).collect();
        let counts = (0..values.len()).map(|row| i64::from(counts_row(row))).collect();
        Ok(self.state_arrays(sums, counts))
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<S::Native>() + self.counts.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use fusion_scalar::numeric::NAN_BYTES;

    #[test]
    fn sums_of_wide_decimals_get_256_bits() {
        let width = |precision| sum_type(DataType::Decimal { precision, scale: 2 });
        assert!(is_128(width(19)) && !is_128(width(20)));
    }

    #[test]
    fn the_sum_may_exceed_128_bits() {
        let input = DataType::Decimal { precision: 38, scale: 0 };
        let mut state = average(input, DataType::Numeric).unwrap();
        let big = 10_i128.pow(38) - 1;
        let values = PrimitiveArray::<Decimal128Type>::from_iter_values([big, big, big]);
        state.update_batch(&[Arc::new(values)], &[0, 0, 0], None, 1).unwrap();
        let result = state.evaluate(EmitTo::All).unwrap();
        let mut expected = Vec::new();
        Decimal::new(big, 0).write(&mut expected).unwrap();
        assert_eq!(result.as_binary_view().value(0), expected);
    }

    #[test]
    fn nan_and_nothing() {
        let input = DataType::Decimal { precision: 10, scale: 2 };
        let mut state = average(input, DataType::Numeric).unwrap();
        let nan = fusion_plan::DECIMAL128_NAN;
        let values =
            PrimitiveArray::<Decimal128Type>::from_iter([Some(1), Some(nan), Some(5), None]);
        let values: ArrayRef = Arc::new(values.with_data_type(input.arrow()));
        let states = state.convert_to_state(&[values], None).unwrap();
        state.merge_batch(&states, &[0, 0, 0, 1], 2).unwrap();
        let result = state.evaluate(EmitTo::All).unwrap();
        let result: Vec<_> = result.as_binary_view().iter().collect();
        assert_eq!(result, [Some(&NAN_BYTES[..]), None]);
    }
}
