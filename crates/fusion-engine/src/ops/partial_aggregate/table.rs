//! A table of groups that gives its states on when keeping them does not pay.

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion_common::{DataFusionError, Result, internal_datafusion_err};
use datafusion_execution::memory_pool::MemoryReservation;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr_common::utils::evaluate_expressions_to_arrays;
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
        let keys = evaluate_expressions_to_arrays(&self.keys, batch)?;
        if self.passing > 0 {
            self.passing = self.passing.saturating_sub(rows);
            return self.pass(keys, batch).map(Some);
        }
        let before = self.groups.len();
        self.groups.intern(&keys, &mut self.indices)?;
        let count = self.groups.len();
        for call in &mut self.calls {
            let (args, filter) = (
                evaluate_expressions_to_arrays(&call.args, batch)?,
                flags(call.filter.as_ref(), batch)?,
            );
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
        // Groups of several columns are still found by their hashes otherwise.
        self.groups.clear_shrink(SMALL);
        self.rows = 0;
        self.reservation.free();
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// The states of the rows of `batch`, each for itself.
    fn pass(&self, keys: Vec<ArrayRef>, batch: &RecordBatch) -> Result<RecordBatch> {
        let mut columns = keys;
        for call in &self.calls {
            let (args, filter) = (
                evaluate_expressions_to_arrays(&call.args, batch)?,
                flags(call.filter.as_ref(), batch)?,
            );
            columns.extend(call.states.convert_to_state(&args, filter.as_ref())?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agg::{Computation, PgAggregate};
    use arrow::array::Int32Array;
    use arrow::datatypes::{DataType as Arrow, Field, Int64Type, Schema};
    use datafusion_execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};
    use datafusion_expr::AggregateUDF;
    use datafusion_physical_expr::aggregate::AggregateExprBuilder;
    use datafusion_physical_expr::expressions::Column;
    use datafusion_physical_plan::aggregates::{AggregateMode, PhysicalGroupBy};
    use datafusion_physical_plan::empty::EmptyExec;
    use fusion_plan::{AggregateFunction, DataType};

    const ROWS_PER_BATCH: i32 = 8192;

    fn schema() -> SchemaRef {
        let field = |name: &str| Field::new(name, Arrow::Int32, true);
        Arc::new(Schema::new(vec![field("k"), field("v")]))
    }

    /// A table for `sum(v)` by `k`, which may take so many bytes.
    fn table(memory: usize) -> Table {
        table_by(&["k"], memory)
    }

    fn table_by(keys: &[&str], memory: usize) -> Table {
        let sum = Computation::Plain(AggregateFunction::Sum);
        let sum = PgAggregate::try_new(sum, DataType::Int4, DataType::Int8).unwrap();
        let sum = Arc::new(AggregateUDF::new_from_impl(sum));
        let sum = AggregateExprBuilder::new(sum, vec![Arc::new(Column::new("v", 1))])
            .schema(schema())
            .alias("a0")
            .build()
            .unwrap();
        let key = |name: &&str| {
            let key = Column::new_with_schema(name, &schema()).unwrap();
            (Arc::new(key) as Arc<dyn PhysicalExpr>, (*name).to_owned())
        };
        let plan = AggregateExec::try_new(
            AggregateMode::Partial,
            PhysicalGroupBy::new_single(keys.iter().map(key).collect()),
            vec![Arc::new(sum)],
            vec![None],
            Arc::new(EmptyExec::new(schema())),
            schema(),
        );
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(memory));
        Table::try_new(&plan.unwrap(), MemoryConsumer::new("test").register(&pool)).unwrap()
    }

    /// Puts batches of rows with these keys and the value 1 into `table`. Returns the sum of
    /// all sums, and for each batch the number of states that were given on, the last ones
    /// after the others.
    fn run(mut table: Table, batches: i32, key: impl Fn(i32) -> i32) -> (i64, Vec<usize>) {
        let (mut total, mut counts) = (0, Vec::new());
        let mut look_at = |states: Option<RecordBatch>| {
            counts.push(states.as_ref().map_or(0, RecordBatch::num_rows));
            if let Some(states) = states {
                let sums =
                    states.columns().iter().find(|column| *column.data_type() == Arrow::Int64);
                total += sums.unwrap().as_primitive::<Int64Type>().iter().flatten().sum::<i64>();
            }
        };
        for batch in 0..batches {
            let rows = batch * ROWS_PER_BATCH..(batch + 1) * ROWS_PER_BATCH;
            let keys = Int32Array::from_iter_values(rows.map(&key));
            let ones = Int32Array::from_iter_values((0..ROWS_PER_BATCH).map(|_| 1));
            let batch = RecordBatch::try_new(schema(), vec![Arc::new(keys), Arc::new(ones)]);
            look_at(table.take(&batch.unwrap()).unwrap());
        }
        look_at(Some(table.empty().unwrap()));
        (total, counts)
    }

    #[test]
    fn rows_in_order_of_their_keys() {
        let (total, counts) = run(table(usize::MAX), 40, |row| row / 4);
        assert_eq!(total, i64::from(40 * ROWS_PER_BATCH));
        assert_eq!(counts.iter().sum::<usize>(), 40 * ROWS_PER_BATCH as usize / 4);
        assert!(counts.iter().all(|count| *count <= SMALL + ROWS_PER_BATCH as usize));
    }

    #[test]
    fn groups_that_were_given_on_are_forgotten() {
        // The same keys again and again, further apart than a table is kept.
        for keys in [&["k"][..], &["k", "v"]] {
            let (total, counts) = run(table_by(keys, usize::MAX), 60, |row| row / 2 % 60_000);
            assert_eq!(total, i64::from(60 * ROWS_PER_BATCH));
            assert!(counts.iter().filter(|count| **count > 0).count() > 5, "{counts:?}");
        }
    }

    #[test]
    fn rows_that_come_back_keep_the_table() {
        // As good as random.
        let spread = |row: i32| {
            let word = (row as u32 ^ row as u32 >> 7).wrapping_mul(0x9e37_79b1);
            (word ^ word >> 15).wrapping_mul(0x85eb_ca6b) >> 8
        };
        for groups in [100, 30_000] {
            let (total, counts) = run(table(usize::MAX), 40, |row| (spread(row) % groups) as i32);
            assert_eq!(total, i64::from(40 * ROWS_PER_BATCH));
            assert!(counts[..40].iter().all(|count| *count == 0), "{counts:?}");
            assert!(counts[40] <= groups as usize);
        }
    }

    #[test]
    fn rows_that_do_not_repeat_are_passed_on() {
        let (total, counts) = run(table(usize::MAX), 60, |row| row);
        assert_eq!(total, i64::from(60 * ROWS_PER_BATCH));
        assert_eq!(counts.iter().sum::<usize>(), 60 * ROWS_PER_BATCH as usize);
        let passed = counts.iter().filter(|count| **count == ROWS_PER_BATCH as usize).count();
        assert!(passed > 50, "{counts:?}");
    }

    #[test]
    fn without_memory_each_batch_is_given_on() {
        let (total, counts) = run(table(0), 3, |row| row % 10);
        assert_eq!((total, counts), (i64::from(3 * ROWS_PER_BATCH), vec![10, 10, 10, 0]));
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(run(table(usize::MAX), 0, |row| row), (0, vec![0]));
    }
}
