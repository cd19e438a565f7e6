//! The operator at the bottom of every tree: reads a leaf's queue.

use super::plan::source;
use crate::error::to_datafusion;
use crate::session::host::SessionIo;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning};
use datafusion_physical_plan::coop::make_cooperative;
use datafusion_physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion_physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Reads one leaf through the host.
///
/// ```text
///              queue of batches
///            ┌───┬───┬───┬───┐
///  feeds ──▶ │   │   │   │   │ ──▶ partition 0   whichever partition is
///            └───┴───┴───┴───┘ ──▶ partition 1   ready takes the next batch
/// ```
///
/// Every partition opens its own reader of the same queue, so a slow partition
/// never holds up the others. The streams give way to other tasks after a
/// bounded number of batches.
#[derive(Debug)]
pub(crate) struct LeafExec {
    leaf: u32,
    schema: SchemaRef,
    io: Arc<dyn SessionIo>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl LeafExec {
    /// A reader of `leaf` with `partitions` partitions.
    pub(crate) fn new(
        leaf: u32,
        schema: SchemaRef,
        partitions: usize,
        io: Arc<dyn SessionIo>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        )
        .with_scheduling_type(SchedulingType::Cooperative);
        let metrics = ExecutionPlanMetricsSet::new();
        Self { leaf, schema, io, properties: Arc::new(properties), metrics }
    }
}

impl DisplayAs for LeafExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeafExec: leaf={}", self.leaf)
    }
}

impl ExecutionPlan for LeafExec {
    source!();

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let schema = Arc::clone(&self.schema);
        let batches = self.io.open_leaf(self.leaf).map(move |batch| {
            let batch = batch.map_err(to_datafusion)?;
            metrics.record_output(batch.num_rows());
            adopt(batch, &schema)
        });
        let stream = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches);
        Ok(make_cooperative(Box::pin(stream)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Gives a batch the names of `schema`; its types must be right.
pub(super) fn adopt(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let (_, columns, _) = batch.into_parts();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
