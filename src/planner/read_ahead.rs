//! Errors that reading ahead would bring to light.
//!
//! The engine and the feeds work on rows that nobody has asked for yet. Where PostgreSQL's
//! Limit (`ExecLimit` in nodeLimit.c) stops early, an error in a row behind it must not be
//! raised.

use super::expr::{AnyVar, Params, Translator};
use super::fragment::{Fragment, Kind};
use crate::nodes::iter;
use pgrx::pg_sys;

/// Whether a LIMIT of the query that `root` plans may stop before `fragment`, its joins or
/// its groups, has given all its rows, and one of those behind it may raise an error.
///
/// # Safety
///
/// Both belong to the planner call under way.
pub unsafe fn may_surface(root: *const pg_sys::PlannerInfo, fragment: &Fragment) -> bool {
    // SAFETY: the caller's promise.
    unsafe { is_cut_short(&*(*root).parse, fragment) && may_fail(fragment) }
}

/// Whether the rows of `fragment` go to the LIMIT of `query` as they come.
fn is_cut_short(query: &pg_sys::Query, fragment: &Fragment) -> bool {
    let groups = query.hasAggs || !query.groupClause.is_null() || !query.groupingSets.is_null();
    let reads_all = query.hasWindowFuncs
        || !query.distinctClause.is_null()
        || !query.sortClause.is_null()
        || (groups && !matches!(fragment.kind, Kind::Aggregate(_)));
    !query.limitCount.is_null() && !reads_all
}

/// Whether giving one more row may raise an error.
///
/// # Safety
///
/// `fragment` belongs to the planner call under way.
pub unsafe fn may_fail(fragment: &Fragment) -> bool {
    // SAFETY: fragments name nodes of the planner call that made them.
    unsafe {
        match &fragment.kind {
            Kind::Leaf(leaf) => {
                let rel = leaf.sources.rel;
                iter::<pg_sys::RestrictInfo>((*rel).baserestrictinfo)
                    .map(|info| (*info).clause.cast())
                    .chain(iter::<pg_sys::Node>((*(*leaf.path).pathtarget).exprs))
                    .any(|expr| can_fail(expr))
            }
            Kind::Join(join) => {
                let keys = join.keys.iter().flat_map(|key| [key.left, key.right]);
                let mut clauses = keys.chain(join.residual.iter().chain(&join.above).copied());
                !fragment.pending.is_empty()
                    || clauses.any(|clause| can_fail(clause))
                    || may_fail(&join.left)
                    || may_fail(&join.right)
            }
            // All rows of the input are read for the first one.
            Kind::Aggregate(aggregate) => {
                !fragment.pending.is_empty()
                    || aggregate.having.iter().any(|clause| can_fail(*clause))
            }
            Kind::Sort(_) => false,
            Kind::Limit(limit) => may_fail(&limit.input),
        }
    }
}

unsafe fn can_fail(expr: *mut pg_sys::Node) -> bool {
    let mut params = Params::default();
    // SAFETY: an expression of the planner call under way.
    let translated = unsafe { Translator::new(&AnyVar, &mut params).translate(expr) };
    translated.map_or(true, |typed| typed.expr.can_fail())
}
