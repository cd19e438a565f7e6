//! Sums of intervals: `interval_pl` and `interval_avg`.

use super::state::BoxedGroups;
use super::state::argument::{counts, fixed};
use crate::error::to_datafusion;
use arrow::array::{Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, NullBufferBuilder};
use arrow::buffer::Buffer;
use arrow::datatypes::DataType as Arrow;
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use fusion_plan::{AggregateFunction, DataType, PgError};
use fusion_scalar::datetime::Interval;
use fusion_scalar::datetime::interval_sum::IntervalSum;
use std::sync::Arc;

/// `function` over intervals, if it is one of these aggregates.
pub(super) fn groups(function: AggregateFunction, result: DataType) -> Option<BoxedGroups> {
    use AggregateFunction as F;
    if result != DataType::Interval {
        return None;
    }
    Some(match function {
        F::Sum => Box::new(Sums { groups: Vec::new(), finish: IntervalSum::sum }),
        F::Avg => Box::new(Sums { groups: Vec::new(), finish: IntervalSum::average }),
        _ => return None,
    })
}

/// The type of the one state column of `sum` and `avg`.
pub(super) fn sum_state() -> Arrow {
    Arrow::FixedSizeBinary(IntervalSum::BYTES as i32)
}

fn interval(bytes: &[u8]) -> Result<Interval> {
    let bytes = bytes.try_into().map_err(|_| internal_datafusion_err!("no interval"))?;
    Ok(Interval::from_bytes(bytes))
}

/// Calls `add` for every row that is not NULL and that the filter lets pass.
fn rows(
    values: &FixedSizeBinaryArray,
    filter: Option<&BooleanArray>,
    mut add: impl FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    for row in 0..values.len() {
        if counts(values, filter, row) {
            add(row, values.value(row))?;
        }
    }
    Ok(())
}

/// The array of intervals.
fn array(intervals: impl ExactSizeIterator<Item = Option<Interval>>) -> ArrayRef {
    let mut bytes = Vec::with_capacity(intervals.len() * 16);
    let mut nulls = NullBufferBuilder::new(intervals.len());
    for interval in intervals {
        nulls.append(interval.is_some());
        bytes.extend_from_slice(&interval.unwrap_or_default().to_bytes());
    }
    Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(bytes), nulls.finish()))
}

/// The array of states.
fn states(sums: &[IntervalSum]) -> Vec<ArrayRef> {
    let bytes: Vec<u8> = sums.iter().flat_map(IntervalSum::to_bytes).collect();
    let width = IntervalSum::BYTES as i32;
    vec![Arc::new(FixedSizeBinaryArray::new(width, Buffer::from_vec(bytes), None))]
}

/// `sum` and `avg`.
struct Sums {
    groups: Vec<IntervalSum>,
    finish: fn(&IntervalSum) -> Result<Option<Interval>, PgError>,
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, IntervalSum::default());
        rows(fixed(values)?, filter, |row, bytes| {
            self.groups[group_indices[row]].add(interval(bytes)?);
            Ok(())
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let results = groups.iter().map(|sum| (self.finish)(sum).map_err(to_datafusion));
        Ok(array(results.collect::<Result<Vec<_>>>()?.into_iter()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(states(&emit_to.take_needed(&mut self.groups)))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, IntervalSum::default());
        rows(fixed(values)?, None, |row, bytes| {
            let sum = IntervalSum::from_bytes(bytes)
                .ok_or_else(|| internal_datafusion_err!("no sum of intervals"))?;
            self.groups[group_indices[row]].merge(&sum);
            Ok(())
        })
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = fixed(values)?;
        let mut sums = vec![IntervalSum::default(); values.len()];
        rows(values, filter, |row, bytes| {
            sums[row].add(interval(bytes)?);
            Ok(())
        })?;
        Ok(states(&sums))
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<IntervalSum>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AggregateFunction as F;
    use arrow::array::AsArray;

    const MONTH: Interval = Interval::new(1, 0, 0);
    const DAY: Interval = Interval::new(0, 1, 0);

    fn new(function: F) -> BoxedGroups {
        groups(function, DataType::Interval).unwrap()
    }

    fn values(values: &[Option<Interval>]) -> Vec<ArrayRef> {
        vec![array(values.iter().copied())]
    }

    fn results(groups: &mut BoxedGroups) -> Vec<Option<Interval>> {
        let result = groups.evaluate(EmitTo::All).unwrap();
        result
            .as_fixed_size_binary()
            .iter()
            .map(|bytes| bytes.map(|bytes| interval(bytes).unwrap()))
            .collect()
    }

    #[test]
    fn groups_are_summed_apart() {
        let input = values(&[Some(MONTH), Some(DAY), None, Some(MONTH)]);
        let filter = BooleanArray::from(vec![true, true, true, false]);
        for (function, expected) in
            [(F::Sum, Interval::new(1, 1, 0)), (F::Avg, Interval::new(0, 15, 43_200_000_000))]
        {
            let mut groups = new(function);
            groups.update_batch(&input, &[0, 0, 1, 0], Some(&filter), 2).unwrap();
            assert_eq!(results(&mut groups), [Some(expected), None]);
        }
    }

    #[test]
    fn parts_merge() {
        for function in [F::Sum, F::Avg] {
            let input = [Some(MONTH), Some(DAY), None, Some(Interval::new(0, 0, -5))];
            let mut whole = new(function);
            whole.update_batch(&values(&input), &[0; 4], None, 1).unwrap();
            let mut part = new(function);
            part.update_batch(&values(&input[..2]), &[0; 2], None, 1).unwrap();
            let mut merged = new(function);
            merged.merge_batch(&part.state(EmitTo::All).unwrap(), &[0], 1).unwrap();
            let rest = part.convert_to_state(&values(&input[2..]), None).unwrap();
            merged.merge_batch(&rest, &[0; 2], 1).unwrap();
            assert_eq!(results(&mut merged), results(&mut whole));
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_an_error() {
        let largest = Interval::new(i32::MAX, 0, 0);
        let mut groups = new(F::Sum);
        groups.update_batch(&values(&[Some(largest); 2]), &[0; 2], None, 1).unwrap();
        let error = groups.evaluate(EmitTo::All).unwrap_err();
        assert!(error.to_string().contains("interval out of range"));
    }
}
