//! Plans within plans: a leaf that is a PgFusion node itself.
//!
//! ```text
//!   PgFusion                              PgFusion
//!     Feed                                  (one plan, one session)
//!       Subquery Scan           ──▶           │
//!         PgFusion                            │
//!           Feed                            Feed
//!             Seq Scan                        Seq Scan
//! ```
//!
//! The inner node's rows would come from the worker, only to be sent back. So its plan
//! takes the leaf's place in the outer one, and its feeds feed the outer session. The
//! nodes stay where they are: PostgreSQL begins, rescans and ends them.
//!
//! But nobody asks them for rows, and that is when PostgreSQL serves a rescan for changed
//! parameters: `ExecReScan` in execAmi.c only marks the nodes below, and `ExecProcNode`
//! rescans a node that is marked. So the outer node does this, before its session begins:
//! [`Tree::rescan`](super::tree::Tree::rescan).

use super::run::Run;
use super::state::FusionState;
use super::tree::Tree;
use crate::carried::FeedPlan;
use crate::nodes::{cast, iter};
use fusion_page::MAX_LEAVES;
use fusion_plan::{DataType, Expr, Function, NumericFunction, PgError};
use pgrx::pg_sys;
use std::ptr;

/// Puts the plans of leaves of `tree` that are PgFusion nodes into its own; whether there
/// was one.
///
/// # Errors
///
/// If a node is none of this library's.
///
/// # Safety
///
/// `tree` is the plan of one node alone; called from its `BeginCustomScan`, when its
/// children have begun.
pub unsafe fn inline(tree: &mut Tree) -> Result<bool, PgError> {
    let node = tree.branches[0].node;
    let mut inlined = false;
    // SAFETY: the caller's promise.
    unsafe {
        if !(*(*node).ss.ps.state).es_epq_active.is_null() {
            return Ok(false);
        }
        for feed in iter::<pg_sys::PlanState>((*node).custom_ps) {
            if cast::<pg_sys::CustomScanState, _>(feed).is_none() {
                continue;
            }
            let feed: *mut pg_sys::CustomScanState = feed.cast();
            let carried = FeedPlan::read((*feed).ss.ps.plan.cast())?;
            if let Some(Inner { run, bypassed, columns }) = inner(node, feed, &carried)
                && tree.plan.leaves.len() + run.tree.plan.leaves.len() <= MAX_LEAVES
            {
                run.inlined |= tree.inline(carried.leaf, &run.tree, columns, &bypassed);
                inlined = true;
            }
        }
    }
    Ok(inlined)
}

/// A plan to be inlined.
struct Inner<'a> {
    run: &'a mut Run,
    /// The leaf and what is below it, down to the node.
    bypassed: Vec<*mut pg_sys::PlanState>,
    /// The leaf's columns over what the plan outputs.
    columns: Vec<Expr>,
}

/// The PgFusion node that the leaf of `feed` is, maybe below a subquery scan that does
/// nothing but name its columns.
/// `outer` is a PgFusion node.
unsafe fn inner<'a>(
    outer: *const pg_sys::CustomScanState,
    feed: *mut pg_sys::CustomScanState,
    carried: &FeedPlan,
) -> Option<Inner<'a>> {
    // SAFETY: the caller's promise: plan states that have begun.
    unsafe {
        if !carried.filters.is_empty() || carried.columns != carried.types.len() {
            return None;
        }
        let mut leaf = iter::<pg_sys::PlanState>((*feed).custom_ps).next()?;
        let mut bypassed = vec![leaf];
        let mut columns: Vec<usize> = (0..carried.types.len()).collect();
        if cast::<pg_sys::SubqueryScanState, _>(leaf).is_some() {
            if !(*leaf).qual.is_null() {
                return None;
            }
            let plan: *mut pg_sys::Scan = (*leaf).plan.cast();
            let own = plain_columns((*plan).plan.targetlist, (*plan).scanrelid as i32)?;
            columns = columns
                .into_iter()
                .map(|column| own.get(column).copied().flatten())
                .collect::<Option<_>>()?;
            leaf = (*leaf.cast::<pg_sys::SubqueryScanState>()).subplan;
            bypassed.push(leaf);
        }
        cast::<pg_sys::CustomScanState, _>(leaf)?;
        let node: *mut pg_sys::CustomScanState = leaf.cast();
        if !ptr::eq((*node).methods, (*outer).methods) || !(*leaf).qual.is_null() {
            return None;
        }
        let own = plain_columns((*(*leaf).plan).targetlist, pg_sys::INDEX_VAR)?;
        let run = FusionState::run(node)?;
        let types = run.tree.plan.schema(&run.tree.plan.root)?;
        let columns = columns.into_iter().zip(&carried.types).map(|(column, wanted)| {
            let column = own.get(column).copied().flatten()?;
            in_type(Expr::Column(column as u32), *types.get(column)?, *wanted)
        });
        Some(Inner { columns: columns.collect::<Option<_>>()?, bypassed, run })
    }
}

/// For each entry of a target list the column of `relation` that it is, counted from 0, or
/// `None` for a constant, which stands for what is not used (`remove_unused_subquery_outputs` in allpaths.c);
/// `None` if one is anything else.
unsafe fn plain_columns(targets: *const pg_sys::List, relation: i32) -> Option<Vec<Option<usize>>> {
    // SAFETY: a valid target list.
    unsafe {
        iter::<pg_sys::TargetEntry>(targets)
            .map(|entry| {
                if cast::<pg_sys::Const, _>((*entry).expr).is_some() {
                    return Some(None);
                }
                let var = cast::<pg_sys::Var, _>((*entry).expr)?;
                let own = var.varno == relation;
                let number = usize::try_from(var.varattno).ok().filter(|_| own)?;
                Some(Some(number.checked_sub(1)?))
            })
            .collect()
    }
}

/// `expr` of type `from` as a `to`, if its values travel alike or can be cast to it
/// without a change. What is opaque for the plan above is not read there.
fn in_type(expr: Expr, from: DataType, to: DataType) -> Option<Expr> {
    match (from, to) {
        (from, to) if from == to || to == DataType::Opaque => Some(expr),
        (DataType::Decimal { .. }, DataType::Numeric) => {
            let cast = Function::Numeric(NumericFunction::ToNumeric);
            Some(Expr::call(cast, vec![expr], DataType::Numeric))
        }
        _ => None,
    }
}
