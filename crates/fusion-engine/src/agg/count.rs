//! `count(*)` and `count(x)` (`int8inc`, `int8inc_any`).

use super::state::argument::{first, typed};
use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow::datatypes::Int64Type;
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate_indices;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::filtered_null_mask;
use std::sync::Arc;

/// Counts rows, or values that are not NULL; never NULL itself.
pub(super) struct Count {
    counts: Vec<i64>,
    all_rows: bool,
}

impl Count {
    /// `count(*)`.
    pub(super) fn of_rows() -> Self {
        Self { counts: Vec::new(), all_rows: true }
    }

    /// `count(x)`.
    pub(super) fn of_values() -> Self {
        Self { counts: Vec::new(), all_rows: false }
    }
}

impl GroupsAccumulator for Count {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.counts.resize(total_num_groups, 0);
        let nulls = match self.all_rows {
            true => None,
            false => values.first().and_then(|values| values.nulls()),
        };
        let counts = &mut self.counts;
        accumulate_indices(group_indices, nulls, filter, |group| counts[group] += 1);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from(emit_to.take_needed(&mut self.counts))))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.counts.resize(total_num_groups, 0);
        let counts = typed::<Int64Type>(values, 0)?;
        for (group, count) in group_indices.iter().zip(counts.values()) {
            self.counts[*group] += count;
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = first(values)?;
        let rows = values.len();
        let ones: Int64Array = match (self.all_rows, filter) {
            (true, None) => Int64Array::from_value(1, rows),
            (true, Some(filter)) => (0..rows)
                .map(|row| i64::from(filter.is_valid(row) && filter.value(row)))
                .collect::<Vec<_>>()
                .into(),
            (false, filter) => match filtered_null_mask(filter, values.as_ref()) {
                None => Int64Array::from_value(1, rows),
                Some(mask) => mask.iter().map(i64::from).collect::<Vec<_>>().into(),
            },
        };
        Ok(vec![Arc::new(ones)])
    }

    fn size(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }
}
