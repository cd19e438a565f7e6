//! Operators with a guarantee of memory, and where it ends.
//!
//! DataFusion's operators hand their context, with the pool in it, to their inputs. So
//! an operator that has a pool of its own stands between two others:
//!
//! ```text
//!   GuaranteedExec    gives it the pool        ▲ rows
//!     SortExec        uses it                  │
//!       InputExec     takes it away again, and tells its account when the operator asks
//!         ...         for rows, and when there are no more
//! ```

use super::plan::pass_through;
use crate::memory::{Account, SessionPool, Use, account_of, with_pool};
use datafusion_common::Result;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::metrics::MetricsSet;
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
};
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::Arc;
use std::task::Poll;

/// Runs an operator whose inputs are [`InputExec`]s with memory of its own.
#[derive(Debug)]
pub(crate) struct GuaranteedExec {
    operator: Arc<dyn ExecutionPlan>,
    purpose: Use,
    /// How many guarantees each partition has.
    guarantees: usize,
}

impl GuaranteedExec {
    /// Each partition of `operator` with as many guarantees.
    pub(crate) fn new(operator: Arc<dyn ExecutionPlan>, purpose: Use, guarantees: usize) -> Self {
        Self { operator, purpose, guarantees }
    }

    /// What has the guarantees.
    pub(crate) fn operator(&self) -> &Arc<dyn ExecutionPlan> {
        &self.operator
    }

    /// How many guarantees there must be for all partitions.
    pub(crate) fn guarantees(&self) -> usize {
        self.operator.output_partitioning().partition_count() * self.guarantees
    }
}

impl DisplayAs for GuaranteedExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuaranteedExec: {:?}", self.purpose)
    }
}

impl ExecutionPlan for GuaranteedExec {
    pass_through!(self => self.operator, |operator| Self { operator, ..*self });

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let context = match SessionPool::of(&context) {
            Some(session) => session.operator_context(&context, self.purpose, self.guarantees),
            None => context,
        };
        self.operator.execute(partition, context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        self.operator.metrics()
    }
}

/// The input of an operator with memory of its own.
#[derive(Debug)]
pub(crate) struct InputExec {
    input: Arc<dyn ExecutionPlan>,
}

impl InputExec {
    /// Passes the rows of `input` on.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        Self { input }
    }
}

impl DisplayAs for InputExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputExec")
    }
}

impl ExecutionPlan for InputExec {
    pass_through!(self => self.input, |input| Self::new(input));

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let account = account_of(&context);
        let context = match SessionPool::of(&context) {
            Some(session) if account.is_some() => with_pool(&context, Arc::new(session)),
            _ => context,
        };
        let rows = self.input.execute(partition, context)?;
        let Some(account) = account else { return Ok(rows) };
        let schema = rows.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, accounted(rows, account))))
    }
}

/// `rows`, of which `account` is told.
fn accounted(
    mut rows: SendableRecordBatchStream,
    account: Account,
) -> impl futures::Stream<Item = <SendableRecordBatchStream as futures::Stream>::Item> + Send {
    stream::poll_fn(move |context| {
        account.next();
        let next = rows.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None)) {
            account.complete();
        }
        next
    })
}
