//! What the lowering of all operators shares: where it is in the plan, what it makes of a
//! node, and where copies and queues stand.

use crate::error::to_pg;
use crate::ops::{CopyExec, Depth, InputExec};
use crate::session::host::SessionIo;
use arrow::datatypes::{DataType as Arrow, Field, Schema, SchemaRef};
use datafusion_common::DataFusionError;
use datafusion_physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion_physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use fusion_plan::{DataType, Literal, PgError, Plan, SqlState};
use std::sync::Arc;

/// A plan ready to run.
#[derive(Debug)]
pub(crate) struct Lowered {
    /// The result, in one partition.
    pub(crate) root: Arc<dyn ExecutionPlan>,
    /// What each node of the fusion plan became, by node number.
    pub(crate) nodes: Vec<NodeOperators>,
    /// The most partitions that a leaf has.
    pub(crate) partitions: usize,
}

/// The operators of one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeOperators {
    /// All of them.
    pub(crate) operators: Vec<Arc<dyn ExecutionPlan>>,
    /// The one whose rows are the node's.
    pub(crate) top: Option<Arc<dyn ExecutionPlan>>,
}

/// A lowered operator as its parent sees it.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) plan: Arc<dyn ExecutionPlan>,
    /// The columns' types.
    pub(super) types: Vec<DataType>,
    /// PostgreSQL's estimate of the number of rows.
    pub(super) rows: f64,
    /// Whether batches may be views of the host's pages.
    pub(super) borrows: bool,
}

impl Stream {
    pub(super) fn partitions(&self) -> usize {
        self.plan.output_partitioning().partition_count()
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// The same rows from another operator on top.
    pub(super) fn under(self, plan: Arc<dyn ExecutionPlan>) -> Self {
        Self { plan, ..self }
    }
}

/// A lowering under way.
pub(super) struct Lowering<'a> {
    pub(super) plan: &'a Plan,
    pub(super) params: &'a [Literal],
    pub(super) io: Arc<dyn SessionIo>,
    /// Partitions per leaf, where rows may come in any order.
    pub(super) threads: usize,
    pub(super) batch_size: usize,
    /// Whether rows must stay in their leaves' order.
    pub(super) in_order: bool,
    /// The most partitions that a leaf has.
    pub(super) widest: usize,
    pub(super) nodes: Vec<NodeOperators>,
}

impl Lowering<'_> {
    /// Partitions per leaf, and wherever rows are spread anew.
    pub(super) fn partitions(&self) -> usize {
        if self.in_order { 1 } else { self.threads }
    }

    /// What `lower` lowers keeps its rows in their leaves' order if `in_order`, or if
    /// what is above needs it.
    pub(super) fn ordered<R>(&mut self, in_order: bool, lower: impl FnOnce(&mut Self) -> R) -> R {
        let above = self.in_order;
        self.in_order |= in_order;
        let result = lower(self);
        self.in_order = above;
        result
    }

    /// Remembers that `operator` belongs to node `node`.
    pub(super) fn operator<E: ExecutionPlan + 'static>(
        &mut self,
        node: u32,
        operator: E,
    ) -> Arc<dyn ExecutionPlan> {
        let operator: Arc<dyn ExecutionPlan> = Arc::new(operator);
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.operators.push(Arc::clone(&operator));
        }
        operator
    }

    /// Copies batches that borrow pages, for an operator that keeps them.
    pub(super) fn owned(&mut self, stream: Stream, node: u32, depth: Depth) -> Stream {
        let pointless = depth == Depth::Payloads && !has_payloads(&stream);
        if !stream.borrows || pointless {
            return stream;
        }
        let plan = self.operator(node, CopyExec::new(Arc::clone(&stream.plan), depth));
        // Fixed-width columns of a shallow copy still borrow, but the operator
        // above copies them itself.
        Stream { borrows: false, ..stream }.under(plan)
    }

    /// All partitions' rows in one, in no particular order.
    pub(super) fn in_one_partition(
        &mut self,
        stream: Stream,
        node: u32,
    ) -> Result<Stream, PgError> {
        if stream.partitions() == 1 {
            return Ok(stream);
        }
        if self.in_order {
            return Err(unsupported("an order of rows over a union"));
        }
        // The partitions' batches wait for each other in a queue.
        let stream = self.owned(stream, node, Depth::Everything);
        let plan = self.operator(node, CoalescePartitionsExec::new(Arc::clone(&stream.plan)));
        Ok(stream.under(plan))
    }
}

/// The rows of `stream` for an operator with a guarantee of memory.
pub(super) fn bounded(stream: &Stream) -> Arc<dyn ExecutionPlan> {
    Arc::new(InputExec::new(Arc::clone(&stream.plan)))
}

/// Whether batches have columns whose values are kept apart, in buffers that they may
/// share with other batches.
pub(super) fn has_payloads(stream: &Stream) -> bool {
    let is_view = |ty: &Arrow| *ty == Arrow::BinaryView;
    stream.schema().fields().iter().any(|field| is_view(field.data_type()))
}

/// A schema of nullable columns, named by position.
pub(super) fn schema_of(types: &[DataType]) -> SchemaRef {
    let fields = types.iter().enumerate();
    let fields = fields.map(|(index, ty)| Field::new(format!("c{index}"), ty.arrow(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn unsupported(what: &str) -> PgError {
    let message = format!("pg_fusion engine does not support {what}");
    PgError::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

pub(super) fn inconsistent(what: &str) -> PgError {
    PgError::internal(format!("inconsistent fusion plan: {what}"))
}

/// For DataFusion constructors, which fail on inconsistent plans only.
pub(super) fn datafusion(error: DataFusionError) -> PgError {
    to_pg(&error)
}
