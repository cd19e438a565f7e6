//! From fusion plans to DataFusion's physical operators.
//!
//! Lowering follows the plan's shape; the decisions it makes are how to spread
//! an operator over partitions, which it bases on PostgreSQL's row estimates,
//! and where batches must be copied because an operator keeps them.

mod aggregate;
mod expr;
mod group;
mod join;
mod list;
mod literal;
mod nested_loop;
mod rel;
mod runtime_filter;
mod sort;

use crate::error::to_pg;
use crate::host::SessionIo;
use crate::ops::{Depth, InputExec, MaterializeExec};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as Arrow, Field, Schema, SchemaRef};
use datafusion_common::DataFusionError;
use datafusion_physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion_physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use fusion_plan::{DataType, Literal, PgError, Plan, SqlState};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
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

/// What lowering needs to know of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Partitions per leaf, if the plan allows for more than one.
    pub(crate) threads: usize,
    /// Rows per batch.
    pub(crate) batch_size: usize,
}

/// Lowers `plan` for an engine of this shape.
pub(crate) fn lower(
    plan: &Plan,
    params: &[Literal],
    shape: Shape,
    io: Arc<dyn SessionIo>,
) -> Result<Lowered, PgError> {
    let nodes = vec![NodeOperators::default(); plan.root.node_count() as usize];
    let mut lowering = Lowering {
        plan,
        params,
        io,
        threads: shape.threads,
        batch_size: shape.batch_size,
        in_order: false,
        widest: 1,
        nodes,
    };
    let root = lowering.rel(&plan.root, 0)?;
    let root = lowering.in_one_partition(root, 0)?;
    Ok(Lowered { root: root.plan, nodes: lowering.nodes, partitions: lowering.widest })
}

/// Whether the engine can run `plan` exactly.
///
/// # Errors
///
/// `0A000`, saying what it cannot do; `XX000` for an inconsistent plan.
pub fn check_supported(plan: &Plan) -> Result<(), PgError> {
    let params: Vec<_> = plan.params.iter().map(|ty| Literal { ty: *ty, value: None }).collect();
    lower(plan, &params, Shape { threads: 2, batch_size: 1024 }, Arc::new(NoIo)).map(drop)
}

/// The host of a plan that is only checked.
#[derive(Debug)]
struct NoIo;

impl SessionIo for NoIo {
    fn open_leaf(&self, _leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        stream::empty().boxed()
    }

    fn write(&self, _batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        async { Ok(()) }.boxed()
    }
}

/// A lowered operator as its parent sees it.
#[derive(Clone, Debug)]
struct Stream {
    plan: Arc<dyn ExecutionPlan>,
    /// The columns' types.
    types: Vec<DataType>,
    /// PostgreSQL's estimate of the number of rows.
    rows: f64,
    /// Whether batches may be views of the host's pages.
    borrows: bool,
}

impl Stream {
    fn partitions(&self) -> usize {
        self.plan.output_partitioning().partition_count()
    }

    fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// The same rows from another operator on top.
    fn under(self, plan: Arc<dyn ExecutionPlan>) -> Self {
        Self { plan, ..self }
    }
}

struct Lowering<'a> {
    plan: &'a Plan,
    params: &'a [Literal],
    io: Arc<dyn SessionIo>,
    /// Partitions per leaf, where rows may come in any order.
    threads: usize,
    batch_size: usize,
    /// Whether rows must stay in their leaves' order.
    in_order: bool,
    /// The most partitions that a leaf has.
    widest: usize,
    nodes: Vec<NodeOperators>,
}

impl Lowering<'_> {
    /// Partitions per leaf, and wherever rows are spread anew.
    fn partitions(&self) -> usize {
        if self.in_order { 1 } else { self.threads }
    }

    /// What `lower` lowers keeps its rows in their leaves' order if `in_order`, or if
    /// what is above needs it.
    fn ordered<R>(&mut self, in_order: bool, lower: impl FnOnce(&mut Self) -> R) -> R {
        let above = self.in_order;
        self.in_order |= in_order;
        let result = lower(self);
        self.in_order = above;
        result
    }

    /// Remembers that `operator` belongs to node `node`.
    fn operator<E: ExecutionPlan + 'static>(
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
    fn owned(&mut self, stream: Stream, node: u32, depth: Depth) -> Stream {
        let pointless = depth == Depth::Payloads && !has_payloads(&stream);
        if !stream.borrows || pointless {
            return stream;
        }
        let plan = self.operator(node, MaterializeExec::new(Arc::clone(&stream.plan), depth));
        // Fixed-width columns of a shallow copy still borrow, but the operator
        // above copies them itself.
        Stream { borrows: false, ..stream }.under(plan)
    }

    /// All partitions' rows in one, in no particular order.
    fn in_one_partition(&mut self, stream: Stream, node: u32) -> Result<Stream, PgError> {
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
fn bounded(stream: &Stream) -> Arc<dyn ExecutionPlan> {
    Arc::new(InputExec::new(Arc::clone(&stream.plan)))
}

/// Whether batches have columns whose values are kept apart, in buffers that they may
/// share with other batches.
fn has_payloads(stream: &Stream) -> bool {
    let is_view = |ty: &Arrow| *ty == Arrow::BinaryView;
    stream.schema().fields().iter().any(|field| is_view(field.data_type()))
}

/// A schema of nullable columns, named by position.
fn schema_of(types: &[DataType]) -> SchemaRef {
    let fields = types.iter().enumerate();
    let fields = fields.map(|(index, ty)| Field::new(format!("c{index}"), ty.arrow(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn unsupported(what: &str) -> PgError {
    let message = format!("pg_fusion engine does not support {what}");
    PgError::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

fn inconsistent(what: &str) -> PgError {
    PgError::internal(format!("inconsistent fusion plan: {what}"))
}

/// For DataFusion constructors, which fail on inconsistent plans only.
fn datafusion(error: DataFusionError) -> PgError {
    to_pg(&error)
}
