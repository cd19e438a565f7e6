//! An aggregate without GROUP BY: one group.

use super::BoxedGroups;
use arrow::array::{ArrayRef, BooleanArray, new_null_array};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Accumulator, EmitTo};
use std::fmt;

/// Runs a grouped accumulator with a single group.
pub(crate) struct SingleGroup {
    groups: BoxedGroups,
    input: DataType,
    /// Whether the group exists yet: its first row creates it.
    started: bool,
    /// The group of each row of a batch, always the first.
    indices: Vec<usize>,
}

impl SingleGroup {
    /// One group over arguments of type `input`.
    pub(crate) fn new(groups: BoxedGroups, input: DataType) -> Self {
        Self { groups, input, started: false, indices: Vec::new() }
    }

    fn start(&mut self, rows: usize) {
        self.started = true;
        if self.indices.len() < rows {
            self.indices.resize(rows, 0);
        }
    }

    /// Creates the group if there was no row, by a row that does not count.
    fn ensure_started(&mut self) -> Result<()> {
        if !self.started {
            let none = BooleanArray::from(vec![false]);
            let values = [new_null_array(&self.input, 1)];
            self.groups.update_batch(&values, &[0], Some(&none), 1)?;
            self.started = true;
        }
        Ok(())
    }
}

impl fmt::Debug for SingleGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleGroup").field("started", &self.started).finish_non_exhaustive()
    }
}

impl Accumulator for SingleGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |values| values.len());
        if rows == 0 {
            return Ok(());
        }
        self.start(rows);
        self.groups.update_batch(values, &self.indices[..rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.ensure_started()?;
        self.started = false;
        ScalarValue::try_from_array(&self.groups.evaluate(EmitTo::All)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.groups.size() + self.indices.capacity() * size_of::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.ensure_started()?;
        self.started = false;
        let state = self.groups.state(EmitTo::All)?;
        state.iter().map(|column| ScalarValue::try_from_array(column, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = states.first().map_or(0, |states| states.len());
        if rows == 0 {
            return Ok(());
        }
        self.start(rows);
        self.groups.merge_batch(states, &self.indices[..rows], 1)
    }
}
