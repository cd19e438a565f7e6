//! A table of groups that gives its states on when keeping them does not pay.

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion_common::{DataFusionError, Result, internal_datafusion_err};
use datafusion_execution::memory_pool::MemoryReservation;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::aggregates::AggregateExec;
use datafusion_physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion_physical_plan::aggregates::order::GroupOrdering;
use std::sync::Arc;

/// A table with fewer groups is never given on: it is in the processor's cache.
const SMALL: usize = 16_384;

/// Of so many rows, one must meet a group of an earlier batch for the table to be kept.
const ROWS_PER_RETURN: usize = 6;

/// A table pays if it makes of so many rows at most [`STATES`] states.
const ROWS: usize = 5;
/// See [`ROWS`].
const STATES: usize = 4;

/// Rows that are passed on before grouping is tried again, if it has not paid: so many
/// times those of the trial.
const PASSED_PER_TRIED: usize = 16;

/// One aggregate of all groups.
struct Call {
    args: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    states: Box<dyn GroupsAccumulator>,
}

/// The groups that were met since the table was last emptied.
pub(super) struct Table {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    groups: Box<dyn GroupValues>,
    calls: Vec<Call>,
    /// Of the states.
    schema: SchemaRef,
    reservation: MemoryReservation,
    /// For each row of a batch its group.
    indices: Vec<usize>,
    /// Rows taken in since the table was last emptied.
    rows: usize,
    /// Rows to pass on before the next trial.
    passing: usize,
}

impl Table {
    /// An empty table for `plan`, a partial aggregation.
    pub(super) fn try_new(plan: &AggregateExec, reservation: MemoryReservation) -> Result<Self> {
        let by = plan.group_expr();
        let groups =
            new_group_values(by.group_schema(&plan.input().schema())?, &GroupOrdering::None)?;
        let calls = plan.aggr_expr().iter().zip(plan.filter_expr()).map(|(call, filter)| {
            let states = call.create_groups_accumulator()?;
            Ok(Call { args: call.expressions(), filter: filter.clone(), states })
        });
        Ok(Self {
            keys: by.expr().iter().map(|(key, _)| Arc::clone(key)).collect(),
            groups,
            calls: calls.collect::<Result<_>>()?,
            schema: plan.schema(),
            reservation,
            indices: Vec::new(),
            rows: 0,
            passing: 0,
        })
    }

    /// Takes in the rows of `batch`; returns states, if it gives some on.
    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let rows = batch.num_rows();
        let keys = all(&self.keys, batch)?;
        if self.passing > 0 {
            self.passing = self.passing.saturating_sub(rows);
            return self.pass(keys, batch).map(Some);
        }
        let before = self.groups.len();
        self.groups.intern(&keys, &mut self.indices)?;
        let count = self.groups.len();
        for call in &mut self.calls {
            let (args, filter) = (all(&call.args, batch)?, flags(call.filter.as_ref(), batch)?);
            call.states.update_batch(&args, &self.indices, filter.as_ref(), count)?;
        }
        self.rows += rows;
        let keeps = count < SMALL || self.returns(before) * ROWS_PER_RETURN >= rows;
        if keeps && self.reserve()? {
            return Ok(None);
        }
        if count * ROWS > self.rows * STATES {
            self.passing = self.rows * PASSED_PER_TRIED;
        }
        self.empty().map(Some)
    }

    /// How many rows of the last batch belong to groups that were there `before` it.
    fn returns(&self, before: usize) -> usize {
        self.indices.iter().filter(|index| **index < before).count()
    }

    /// Whether there is memory for what the table holds.
    fn reserve(&self) -> Result<bool> {
        let states: usize = self.calls.iter().map(|call| call.states.size()).sum();
        match self.reservation.try_resize(self.groups.size() + states) {
            Ok(()) => Ok(true),
            Err(DataFusionError::ResourcesExhausted(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The states of all groups, which the table forgets.
    pub(super) fn empty(&mut self) -> Result<RecordBatch> {
        if self.groups.is_empty() {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        let mut columns = self.groups.emit(EmitTo::All)?;
        for call in &mut self.calls {
            columns.extend(call.states.state(EmitTo::All)?);
        }
        self.rows = 0;
        self.reservation.free();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// The states of the rows of `batch`, each for itself.
    fn pass(&self, keys: Vec<ArrayRef>, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = keys;
        for call in &self.calls {
            let (args, filter) = (all(&call.args, batch)?, flags(call.filter.as_ref(), batch)?);
            columns.extend(call.states.convert_to_state(&args, filter.as_ref())?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

fn all(exprs: &[Arc<dyn PhysicalExpr>], batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
    exprs.iter().map(|expr| expr.evaluate(batch)?.into_array(batch.num_rows())).collect()
}

fn flags(
    filter: Option<&Arc<dyn PhysicalExpr>>,
    batch: &RecordBatch,
) -> Result<Option<BooleanArray>> {
    let flags = |filter: &Arc<dyn PhysicalExpr>| {
        let values = filter.evaluate(batch)?.into_array(batch.num_rows())?;
        let flags = values.as_boolean_opt();
        flags.cloned().ok_or_else(|| internal_datafusion_err!("a filter that is no condition"))
    };
    filter.map(flags).transpose()
}
