//! The clauses of a leaf's relation: which may be in a leaf at all, and which the feed or
//! the engine evaluates instead.

use super::computed;
use super::feed_filter::feed_filter;
use crate::guc;
use crate::nodes::{cast, iter};
use crate::planner::evaluation_order::in_evaluation_order;
use crate::planner::outputs::{Column, Outputs};
use crate::planner::report;
use crate::planner::translate::columns::AnyVar;
use crate::planner::translate::expressions::Translator;
use crate::planner::translate::params::Params;
use crate::planner::translate::types::fusion_type;
use crate::planner::variables::variables;
use fusion_plan::{DataType, Expr, Function};
use pgrx::pg_sys;

/// A clause of a base relation that another than the leaf may evaluate.
pub(super) struct Filter {
    pub(super) clause: *mut pg_sys::Node,
    pub(super) selectivity: f64,
    /// What the leaf's path counts for it, per row.
    pub(super) leaf_cost: f64,
    can_fail: bool,
}

/// The clauses that move out of a leaf, in evaluation order.
#[derive(Default)]
pub(super) struct Moved {
    /// To the feed, which evaluates them before anything is encoded.
    pub(super) feed: Vec<Filter>,
    /// To the engine.
    pub(super) engine: Vec<Filter>,
}

impl Moved {
    pub(super) fn all(&self) -> impl Iterator<Item = &Filter> {
        self.feed.iter().chain(&self.engine)
    }
}

/// The clauses of `rel` that are cheaper in the feed or in the engine than in the leaf.
///
/// Errors stay PostgreSQL's: a clause moves only if nothing that stays behind
/// it in evaluation order can raise an error from which it may protect; one
/// that can itself raise an error moves only if nothing behind it stays, which
/// would then protect from it. What the leaf computes as a column (a placeholder) it
/// computes for the rows that it gives, so nothing moves that may protect from an error
/// there. And all clauses must be of one security level.
///
/// # Safety
///
/// `rel` is a base relation of the planner call under way.
pub(super) unsafe fn movable(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Moved {
    // SAFETY: a valid relation's restriction list holds RestrictInfos.
    unsafe {
        let infos: Vec<_> = iter::<pg_sys::RestrictInfo>((*rel).baserestrictinfo).collect();
        // A condition that does not depend on the rows becomes a node of its own
        // above the scan, which passes on the relation's columns and no others.
        if infos.iter().any(|info| (**info).pseudoconstant) {
            return Moved::default();
        }
        if infos.iter().any(|info| (**info).security_level != (*infos[0]).security_level) {
            return Moved::default();
        }
        let is_safe = |expr| computed::cannot_fail(expr);
        let read = infos.iter().flat_map(|info| variables((**info).clause.cast()));
        if !iter((*(*rel).reltarget).exprs).chain(read).all(is_safe) {
            return Moved::default();
        }
        let clauses = in_evaluation_order(root, infos, |info| info.cast());

        let mut filters = Vec::new();
        let mut stays = false;
        let mut stays_and_fails = false;
        for (cost, info) in clauses.into_iter().rev() {
            let clause: *mut pg_sys::Node = (*info).clause.cast();
            let mut params = Params::default();
            let translated = Translator::new(&AnyVar, &mut params).translate(clause);
            if let Ok(typed) = &translated
                && !stays_and_fails
                && !(stays && typed.expr.can_fail())
            {
                let selectivity = pg_sys::clause_selectivity(
                    root,
                    info.cast(),
                    0,
                    pg_sys::JoinType::JOIN_INNER,
                    std::ptr::null_mut(),
                );
                // A row that only the engine drops has been handed over, and
                // decoded up to its last column, for nothing.
                const HANDED_OVER: f64 = 1.25;
                let for_nothing = HANDED_OVER * guc::FEED_TUPLE_COST.get();
                let engine_cost = guc::OPERATOR_COST.get() + (1.0 - selectivity) * for_nothing;
                let in_feed = is_feed_filter(clause);
                if in_feed || engine_cost < cost * expense(&typed.expr) {
                    let can_fail = typed.expr.can_fail();
                    let filter = Filter { clause, selectivity, leaf_cost: cost, can_fail };
                    filters.push((in_feed, filter));
                    continue;
                }
            }
            if let Err(reason) = &translated {
                report::condition(root, (*rel).relids, &reason.clone().about(clause));
            }
            stays = true;
            stays_and_fails |= !translated.is_ok_and(|typed| !typed.expr.can_fail());
        }
        let mut moved = Moved::default();
        for (in_feed, filter) in filters.into_iter().rev() {
            // What the engine evaluates first may fail only for rows that it gets.
            let early = in_feed && !moved.engine.iter().any(|filter| filter.can_fail);
            if early { &mut moved.feed } else { &mut moved.engine }.push(filter);
        }
        moved
    }
}

/// Whether a feed can evaluate `clause`.
unsafe fn is_feed_filter(clause: *mut pg_sys::Node) -> bool {
    // SAFETY: a clause of one relation.
    unsafe {
        let columns = variables(clause).into_iter().map(|expr| {
            // A name is no varlena, and a placeholder no column of the table.
            let var: &pg_sys::Var = cast(expr)?;
            if pg_sys::getBaseType(var.vartype) == pg_sys::NAMEOID {
                return None;
            }
            Some(Column { expr, ty: fusion_type(var.vartype, var.vartypmod).ok()? })
        });
        let Some(columns) = columns.collect::<Option<Vec<_>>>() else { return false };
        feed_filter(&Outputs(columns), clause).is_some()
    }
}

/// How much more PostgreSQL pays for evaluating `expr` than its cost units
/// say: they count every function alike, but numeric and pattern functions
/// take several times as long as an integer comparison.
fn expense(expr: &Expr) -> f64 {
    const DEAR: f64 = 3.0;
    fn is_dear(expr: &Expr) -> bool {
        let own = match expr {
            Expr::Call { function: Function::Like | Function::NotLike, .. } => true,
            Expr::Call { ty: DataType::Decimal { .. }, .. } => true,
            Expr::Literal(literal) => matches!(literal.ty, DataType::Decimal { .. }),
            _ => false,
        };
        own || expr.children().into_iter().any(is_dear)
    }
    if is_dear(expr) { DEAR } else { 1.0 }
}
