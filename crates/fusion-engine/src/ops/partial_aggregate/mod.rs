//! The first stage of a grouping with many groups.

mod table;

use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_execution::memory_pool::MemoryConsumer;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::aggregates::AggregateExec;
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::Arc;
use table::Table;

/// Groups rows as far as that is cheap: rows of one group that come soon after each other
/// become one, and the rest is left to the operator that merges the states.
///
/// ```text
///   rows        states           in its input's order, in a table that is given on
///   a a a b  ─▶  a 3  b 1         and emptied when it is too large for the processor's
///   b c c a      b 1  c 2  a 1    cache and old groups get few of the new rows
/// ```
///
/// A table of millions of groups costs a miss of the cache for each row, and another one
/// when its states are merged. Tables are mostly filled in some order of their keys, and
/// then a small table has most of the effect; where rows do not repeat within a table, they
/// are passed on as states of their own. Where they come back to old groups, the table is
/// kept, as DataFusion's operator does.
#[derive(Debug)]
pub(crate) struct PartialAggregateExec {
    /// What is computed: a partial aggregation, which is not run itself.
    plan: AggregateExec,
    metrics: ExecutionPlanMetricsSet,
}

impl PartialAggregateExec {
    /// Computes the states of `plan`, a partial aggregation with keys.
    pub(crate) fn new(plan: AggregateExec) -> Self {
        Self { plan, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for PartialAggregateExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartialAggregateExec: ")?;
        self.plan.fmt_as(format, f)
    }
}

impl ExecutionPlan for PartialAggregateExec {
    fn name(&self) -> &str {
        "PartialAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.plan.input()]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.plan.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input =
            children.pop().ok_or_else(|| internal_datafusion_err!("a grouping has one input"))?;
        let plan = AggregateExec::try_new(
            *self.plan.mode(),
            self.plan.group_expr().clone(),
            self.plan.aggr_expr().to_vec(),
            self.plan.filter_expr().to_vec(),
            input,
            self.plan.input_schema(),
        )?;
        Ok(Arc::new(Self::new(plan)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.plan.input().execute(partition, Arc::clone(&context))?;
        let reservation = MemoryConsumer::new(format!("PartialAggregate[{partition}]"))
            .with_can_spill(true)
            .register(context.memory_pool());
        let table = Table::try_new(&self.plan, reservation)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.plan.schema();
        let states = stream::try_unfold(Some((input, table, metrics)), |running| async {
            let Some((mut input, mut table, metrics)) = running else { return Ok(None) };
            while let Some(batch) = input.next().await {
                let batch = batch?;
                let timer = metrics.elapsed_compute().timer();
                let states = table.take(&batch)?;
                timer.done();
                if let Some(states) = states {
                    metrics.record_output(states.num_rows());
                    return Ok(Some((states, Some((input, table, metrics)))));
                }
            }
            let timer = metrics.elapsed_compute().timer();
            let states = table.empty()?;
            timer.done();
            metrics.record_output(states.num_rows());
            Ok(Some((states, None)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, states)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
