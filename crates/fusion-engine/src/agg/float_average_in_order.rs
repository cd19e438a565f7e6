//! `avg` of floats in the order of rows: `float8_accum` and `float8_avg` (float.c), sums of
//! squares included, because their overflow is an error too.

use super::float_sum_in_order::spilled;
use super::state::BoxedGroups;
use super::state::argument::typed;
use crate::error::to_datafusion;
use crate::expr::Float;
use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array};
use arrow::datatypes::{Float32Type, Float64Type};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::filtered_null_mask;
use fusion_plan::{DataType, PgError};
use std::marker::PhantomData;
use std::sync::Arc;

/// `avg(float4)` and `avg(float8)`, both computed in `float8`.
pub(super) fn average(input: DataType, result: DataType) -> Option<BoxedGroups> {
    match (input, result) {
        (DataType::Float4, DataType::Float8) => Some(FloatAverage::<Float32Type>::boxed()),
        (DataType::Float8, DataType::Float8) => Some(FloatAverage::<Float64Type>::boxed()),
        _ => None,
    }
}

/// The transition values of `float8_accum`.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    /// `float8_accum`; true if it overflows.
    fn add(&mut self, value: f64) -> bool {
        let before = *self;
        self.count += 1.0;
        self.sum += value;
        if before.count > 0.0 {
            let deviation = value * self.count - self.sum;
            self.squares += deviation * deviation / (self.count * before.count);
            if self.sum.is_infinite() || self.squares.is_infinite() {
                if !before.sum.is_infinite() && !value.is_infinite() {
                    return true;
                }
                self.squares = f64::NAN;
            }
        } else if !value.is_finite() {
            self.squares = f64::NAN;
        }
        false
    }
}

struct FloatAverage<T> {
    groups: Vec<Moments>,
    input: PhantomData<fn() -> T>,
}

impl<T> FloatAverage<T>
where
    T: ArrowPrimitiveType<Native: Into<f64>> + Send,
{
    fn boxed() -> BoxedGroups {
        Box::new(Self { groups: Vec::new(), input: PhantomData })
    }
}

fn columns(groups: &[Moments]) -> Vec<ArrayRef> {
    let column = |part: fn(&Moments) -> f64| -> ArrayRef {
        Arc::new(
            groups
                .iter()
                .map(part)
                .collect::<Vec<_>>()
                .into_iter()
                .map(Some)
                .collect::<Float64Array>(),
        )
    };
    vec![column(|m| m.count), column(|m| m.sum), column(|m| m.squares)]
}

impl<T> GroupsAccumulator for FloatAverage<T>
where
    T: ArrowPrimitiveType<Native: Into<f64>> + Send,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Moments::default());
        let groups = &mut self.groups;
        let mut overflow = false;
        accumulate(group_indices, typed::<T>(values, 0)?, filter, |group, value| {
            overflow |= groups[group].add(value.into());
        });
        if overflow { Err(to_datafusion(PgError::float_overflow())) } else { Ok(()) }
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let averages = groups.iter().map(|moments| {
            (moments.count > 0.0).then(|| (moments.sum / moments.count).canonical())
        });
        Ok(Arc::new(averages.collect::<Float64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(columns(&emit_to.take_needed(&mut self.groups)))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, Moments::default());
        let part = |index| typed::<Float64Type>(values, index);
        let (counts, sums, squares) = (part(0)?, part(1)?, part(2)?);
        for (row, group) in group_indices.iter().enumerate() {
            let state = Moments {
                count: counts.value(row),
                sum: sums.value(row),
                squares: squares.value(row),
            };
            if state.count == 0.0 {
                continue;
            }
            if self.groups[*group].count > 0.0 {
                return Err(to_datafusion(spilled()));
            }
            self.groups[*group] = state;
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = typed::<T>(values, 0)?;
        let valid = filtered_null_mask(filter, values);
        let mut groups = vec![Moments::default(); values.len()];
        for (row, (group, value)) in groups.iter_mut().zip(values.values()).enumerate() {
            if valid.as_ref().is_none_or(|valid| valid.is_valid(row)) {
                group.add((*value).into());
            }
        }
        Ok(columns(&groups))
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Moments>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    fn average_of(values: &[f64]) -> Result<Option<f64>> {
        let mut state = FloatAverage::<Float64Type>::boxed();
        let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        state.update_batch(&[column], &vec![0; values.len()], None, 1)?;
        Ok(state.evaluate(EmitTo::All)?.as_primitive::<Float64Type>().iter().next().flatten())
    }

    #[test]
    fn averages_are_those_of_postgresql() {
        assert_eq!(average_of(&[1.5, 2.25, -0.1]).unwrap(), Some(1.216_666_666_666_666_6));
        assert!(average_of(&[f64::INFINITY, f64::NEG_INFINITY]).unwrap().unwrap().is_nan());
        assert_eq!(average_of(&[f64::INFINITY, 1.0]).unwrap(), Some(f64::INFINITY));
        assert_eq!(average_of(&[]).unwrap(), None);
    }

    #[test]
    fn squares_overflow_too() {
        assert!(average_of(&[1e200, -1e200]).is_err());
        assert!(average_of(&[1e308, 1e308]).is_err());
    }

    #[test]
    fn states_move_but_do_not_merge() {
        let mut state = FloatAverage::<Float64Type>::boxed();
        let column: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.0), None]));
        let parts = state.convert_to_state(&[column], None).unwrap();
        state.merge_batch(&parts, &[0, 0], 1).unwrap();
        assert!(state.merge_batch(&parts, &[0, 0], 1).is_err());
    }
}
