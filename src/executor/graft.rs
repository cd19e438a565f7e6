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
//! [`Tree::rescan`].

use super::fusion::FusionState;
use super::params::Params;
use super::raw;
use super::run::Run;
use crate::boundary;
use crate::nodes::{cast, iter};
use crate::planner::FeedPlan;
use fusion_page::MAX_LEAVES;
use fusion_plan::{DataType, Expr, Function, NumericFunction, PgError, Plan};
use pgrx::pg_sys;

/// What one PgFusion node contributes to a plan.
#[derive(Clone)]
pub struct Branch {
    /// The node, whose children are the feeds.
    pub node: *mut pg_sys::CustomScanState,
    /// What nobody asks for rows, from the leaf whose place the node's plan takes down to
    /// the node itself; nothing for the outermost one.
    bypassed: Vec<*mut pg_sys::PlanState>,
    /// The numbers in the plan of the node's own leaves; `None` if another plan stands
    /// in the place of one.
    pub numbers: Vec<Option<usize>>,
    /// The node's parameters, which follow those of the branches before.
    pub params: Params,
}

/// A plan, and the nodes that it is made of.
pub struct Tree {
    /// The plan.
    pub plan: Plan,
    /// The nodes, the outermost first.
    pub branches: Vec<Branch>,
}

impl Tree {
    /// The plan of `node` alone.
    pub fn new(plan: Plan, node: *mut pg_sys::CustomScanState, params: Params) -> Self {
        let numbers = (0..plan.leaves.len()).map(Some).collect();
        Self { plan, branches: vec![Branch { node, bypassed: Vec::new(), numbers, params }] }
    }

    /// Rescans the nodes below the outermost one whose parameters have changed, as
    /// `ExecProcNode` would, those above before those below.
    ///
    /// # Safety
    ///
    /// Runs during execution of the outermost node, within `boundary::guard`, when no
    /// session is open.
    pub unsafe fn rescan(&self) {
        // SAFETY: the caller's promise; the nodes of a plan begin and end together.
        unsafe {
            for state in self.branches.iter().flat_map(|branch| &branch.bypassed) {
                if !(**state).chgParam.is_null() {
                    boundary::call(|| raw::rescan_node(*state));
                }
            }
        }
    }

    /// Grafts the plans of leaves that are PgFusion nodes; whether there was one.
    ///
    /// # Errors
    ///
    /// If a node is none of this library's.
    ///
    /// # Safety
    ///
    /// Called from `BeginCustomScan` of the outermost node, whose children have begun.
    pub unsafe fn graft(&mut self) -> Result<bool, PgError> {
        let node = self.branches[0].node;
        let mut grafted = false;
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
                if let Some(scion) = scion(feed, &carried)
                    && self.plan.leaves.len() + scion.run.tree.plan.leaves.len() <= MAX_LEAVES
                {
                    self.insert(carried.leaf, scion);
                    grafted = true;
                }
            }
        }
        Ok(grafted)
    }

    /// Puts `scion` in the place of the outermost node's leaf `leaf`.
    fn insert(&mut self, leaf: usize, scion: Scion<'_>) {
        let Some(Some(place)) = self.branches[0].numbers.get(leaf).copied() else { return };
        let count = self.plan.leaves.len();
        for number in self.branches.iter_mut().flat_map(|branch| &mut branch.numbers) {
            *number = match *number {
                Some(own) if own == place => None,
                Some(later) if later > place => Some(later - 1),
                other => other,
            };
        }
        let inner = &scion.run.tree;
        self.branches.extend(inner.branches.iter().cloned().map(|mut branch| {
            branch.numbers.iter_mut().flatten().for_each(|number| *number += count - 1);
            if branch.bypassed.is_empty() {
                branch.bypassed.clone_from(&scion.bypassed);
            }
            branch
        }));
        let outer = self.plan.clone();
        self.plan = outer.grafted(place as u32, inner.plan.clone(), scion.columns);
        scion.run.grafted = true;
    }
}

/// A plan to be grafted.
struct Scion<'a> {
    run: &'a mut Run,
    /// The leaf and what is below it, down to the node.
    bypassed: Vec<*mut pg_sys::PlanState>,
    /// The leaf's columns over what the plan outputs.
    columns: Vec<Expr>,
}

/// The PgFusion node that the leaf of `feed` is, maybe below a subquery scan that does
/// nothing but name its columns.
unsafe fn scion<'a>(feed: *mut pg_sys::CustomScanState, carried: &FeedPlan) -> Option<Scion<'a>> {
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
        if !FusionState::is_one(node) || !(*leaf).qual.is_null() {
            return None;
        }
        let own = plain_columns((*(*leaf).plan).targetlist, pg_sys::INDEX_VAR)?;
        let run = FusionState::run(node)?;
        let types = run.tree.plan.schema(&run.tree.plan.root)?;
        let columns = columns.into_iter().zip(&carried.types).map(|(column, wanted)| {
            let column = own.get(column).copied().flatten()?;
            in_type(Expr::Column(column as u32), *types.get(column)?, *wanted)
        });
        Some(Scion { columns: columns.collect::<Option<_>>()?, bypassed, run })
    }
}

/// For each entry of a target list the column of `relation` that it is, counted from 0, or
/// `None` for a constant, which stands for what is not used (`remove_unused_subquery_outputs`);
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
