//! A guard against operators that run their input again.

use super::plan::pass_through;
use datafusion_common::{Result, internal_datafusion_err, resources_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Passes its input on, and lets each partition run only once.
///
/// A leaf is a queue, so what was read from it is gone. DataFusion's nested-loop
/// join runs its inner input a second time when that does not fit in memory; with
/// this below it, it fails as it would have without that attempt.
#[derive(Debug)]
pub(crate) struct OnceExec {
    input: Arc<dyn ExecutionPlan>,
    started: Vec<AtomicBool>,
}

impl OnceExec {
    /// A guard above `input`.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let started = (0..partitions).map(|_| AtomicBool::new(false)).collect();
        Self { input, started }
    }
}

impl DisplayAs for OnceExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnceExec")
    }
}

impl ExecutionPlan for OnceExec {
    pass_through!(self => self.input, |input| Self::new(input));

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let started = self
            .started
            .get(partition)
            .ok_or_else(|| internal_datafusion_err!("there is no partition {partition}"))?;
        if started.swap(true, Ordering::Relaxed) {
            return resources_err!("The inner side of a nested-loop join does not fit in memory.");
        }
        self.input.execute(partition, context)
    }
}
