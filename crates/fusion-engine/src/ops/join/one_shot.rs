//! One-shot sources: streams as inputs of an operator.

use crate::ops::plan::source;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning};
use datafusion_physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::stream;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives an operator above it streams that run already, each once.
pub(super) struct OneShotExec {
    properties: Arc<PlanProperties>,
    streams: Vec<Mutex<Option<SendableRecordBatchStream>>>,
}

impl OneShotExec {
    /// Room for streams in the place of `input`'s.
    pub(super) fn in_place_of(input: &Arc<dyn ExecutionPlan>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        Self {
            properties: Arc::clone(input.properties()),
            streams: (0..partitions).map(|_| Mutex::new(None)).collect(),
        }
    }

    /// One partition.
    pub(super) fn of(stream: SendableRecordBatchStream) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(stream.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { properties: Arc::new(properties), streams: vec![Mutex::new(Some(stream))] }
    }

    /// Hands over the stream of a partition.
    pub(super) fn put(&self, partition: usize, stream: SendableRecordBatchStream) {
        if let Some(place) = self.streams.get(partition) {
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
        }
    }
}

/// A stream of batches that are in memory.
pub(super) fn in_memory(schema: SchemaRef, batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
    Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches.into_iter().map(Ok))))
}

impl fmt::Debug for OneShotExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneShotExec")
    }
}

impl DisplayAs for OneShotExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneShotExec")
    }
}

impl ExecutionPlan for OneShotExec {
    source!();

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.streams
            .get(partition)
            .and_then(|place| place.lock().unwrap_or_else(PoisonError::into_inner).take())
            .ok_or_else(|| internal_datafusion_err!("no stream for partition {partition}"))
    }
}
