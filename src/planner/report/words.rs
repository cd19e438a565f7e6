//! Relations, stages and expressions in words.

use super::notes::{Kind, Place};
use super::reason::Reason;
use crate::encoding::string;
use crate::nodes::{cast, copy, iter, tag};
use pgrx::pg_sys::{self, NodeTag, UpperRelationKind};

/// A place of the query level `root`, for example `orders, lineitem`.
///
/// # Safety
///
/// Runs in the planner call of `root`, to which the place belongs.
pub(super) unsafe fn place(root: *const pg_sys::PlannerInfo, place: &Place) -> String {
    match place {
        // SAFETY: the caller's promise.
        Place::Relations(relids) => unsafe { relations(root, relids) },
        Place::Stage(kind) => stage(*kind).to_owned(),
    }
}

unsafe fn relations(root: *const pg_sys::PlannerInfo, relids: &[i32]) -> String {
    // SAFETY: `simple_rte_array` has an entry for every range table index.
    unsafe {
        let names = relids.iter().filter_map(|index| {
            let rte = *(*root).simple_rte_array.add(usize::try_from(*index).ok()?);
            // An outer join itself may be a member of a join's set.
            let is_relation = !rte.is_null() && (*rte).rtekind != pg_sys::RTEKind::RTE_JOIN;
            is_relation.then(|| alias(rte))
        });
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The name under which a relation is known in the query, quoted if it must be.
///
/// # Safety
///
/// `rte` is an entry of the query's range table.
pub(super) unsafe fn alias(rte: *const pg_sys::RangeTblEntry) -> String {
    // SAFETY: the parser gives every entry a name; `quote_identifier` returns a
    // string.
    unsafe {
        match (*rte).eref.is_null() {
            true => "?".to_owned(),
            false => string(pg_sys::quote_identifier((*(*rte).eref).aliasname)),
        }
    }
}

fn stage(kind: UpperRelationKind::Type) -> &'static str {
    match kind {
        UpperRelationKind::UPPERREL_SETOP => "set operation",
        UpperRelationKind::UPPERREL_GROUP_AGG => "grouping",
        UpperRelationKind::UPPERREL_WINDOW => "window",
        UpperRelationKind::UPPERREL_DISTINCT => "distinct",
        UpperRelationKind::UPPERREL_ORDERED => "order",
        _ => "limit",
    }
}

/// A reason with the expression that it is about.
///
/// # Safety
///
/// As for [`place`]; the reason is about an expression of the query level.
pub(super) unsafe fn reason(
    root: *mut pg_sys::PlannerInfo,
    place: &Place,
    kind: Kind,
    reason: &Reason,
) -> String {
    // SAFETY: the caller's promise.
    let subject = unsafe {
        let qualified = match place {
            Place::Relations(relids) => relids.len() > 1,
            Place::Stage(_) => iter::<pg_sys::RangeTblEntry>((*(*root).parse).rtable).len() > 1,
        };
        reason.subject().and_then(|node| expression(root, node, qualified))
    };
    match (kind, subject) {
        (Kind::Obstacle, None) => reason.to_string(),
        (Kind::Obstacle, Some(subject)) => format!("{subject}: {reason}"),
        (Kind::Condition, None) => format!("a condition stays in PostgreSQL: {reason}"),
        (Kind::Condition, Some(subject)) => {
            format!("condition {subject} stays in PostgreSQL: {reason}")
        }
        (Kind::Expression, None) => format!("an expression is computed by PostgreSQL: {reason}"),
        (Kind::Expression, Some(subject)) => {
            format!("{subject} is computed by PostgreSQL: {reason}")
        }
    }
}

/// An expression of the query level `root` as SQL, as EXPLAIN shows it; `None`
/// for what only exists while the planner works.
unsafe fn expression(
    root: *mut pg_sys::PlannerInfo,
    node: *mut pg_sys::Node,
    qualified: bool,
) -> Option<String> {
    const FLAGS: u32 = pg_sys::PVC_RECURSE_AGGREGATES
        | pg_sys::PVC_RECURSE_WINDOWFUNCS
        | pg_sys::PVC_INCLUDE_PLACEHOLDERS;
    // SAFETY: an expression of the query level, copied before it is edited; a
    // zeroed PlannedStmt with a range table is all that naming columns needs.
    unsafe {
        let node: *mut pg_sys::Node = match cast::<pg_sys::PlaceHolderVar, _>(node) {
            Some(placeholder) => copy(placeholder.phexpr.cast()),
            None => copy(node),
        };
        let leaves: Vec<_> =
            iter::<pg_sys::Node>(pg_sys::pull_var_clause(node, FLAGS as i32)).collect();
        for leaf in &leaves {
            if tag(*leaf) != NodeTag::T_Var {
                return None;
            }
            // Named by the relation that is read: the name that was written may
            // be that of a join, whose columns are no longer known.
            let var = leaf.cast::<pg_sys::Var>();
            (*var).varnosyn = 0;
            (*var).varattnosyn = 0;
        }
        let mut statement: pg_sys::PlannedStmt = std::mem::zeroed();
        statement.type_ = NodeTag::T_PlannedStmt;
        statement.rtable = (*(*root).parse).rtable;
        let used = pg_sys::pull_varnos(root, node);
        let names = pg_sys::select_rtable_names_for_explain(statement.rtable, used);
        let context = pg_sys::deparse_context_for_plan_tree(&raw mut statement, names);
        Some(string(pg_sys::deparse_expression(node, context, qualified, false)))
    }
}
