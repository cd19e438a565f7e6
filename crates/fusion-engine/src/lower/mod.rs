//! From fusion plans to DataFusion's physical operators.
//!
//! Lowering follows the plan; the decisions it makes are how to spread
//! an operator over partitions, which it bases on PostgreSQL's row estimates,
//! and where batches must be copied because an operator keeps them.

//!
//! Each file lowers one kind of operator or expression; what they share is in `lowering`.

mod aggregate;
mod expr;
mod group;
mod join;
mod list;
mod literal;
mod lowering;
mod nested_loop;
mod rel;
mod runtime_filter;
mod sort;

pub(crate) use lowering::Lowered;

use self::lowering::{Lowering, NodeOperators};
use crate::session::host::SessionIo;
use crate::session::parallelism::Parallelism;
use arrow::array::RecordBatch;
use fusion_plan::{Literal, PgError, Plan};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use std::sync::Arc;

/// Lowers `plan` for a session of this parallelism.
pub(crate) fn lower(
    plan: &Plan,
    params: &[Literal],
    parallelism: Parallelism,
    io: Arc<dyn SessionIo>,
) -> Result<Lowered, PgError> {
    let nodes = vec![NodeOperators::default(); plan.root.node_count() as usize];
    let mut lowering = Lowering {
        plan,
        params,
        io,
        threads: parallelism.threads,
        batch_size: parallelism.batch_size,
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
    let parallelism = Parallelism { threads: 2, batch_size: 1024 };
    lower(plan, &params, parallelism, Arc::new(NoIo)).map(drop)
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
