//! Results that follow the order of rows, and where rows may come in another order than
//! PostgreSQL's.
//!
//! ```text
//!   a value follows the order of rows     PostgreSQL's own rows   then the rows are
//!   ───────────────────────────────────   ─────────────────────   ─────────────────────────
//!   no                                                            in any order
//!   yes                                   shuffled by a Gather    in any order
//!   yes, and the engine computes it       of one scan, unsorted   in the order of that scan
//!   yes, otherwise                                                PostgreSQL's: no path
//! ```

use super::alike::alike;
use super::facts;
use super::follows::{follows_order, sorts_equals};
use super::level::level;
use super::native::native;
use crate::nodes::iter;
use crate::planner::fragment::{Fragment, Kind};
use crate::planner::report::reason::Reason;
use pgrx::pg_sys;
use std::rc::Rc;

/// Where a fragment stands in its query level.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A scan or a join.
    Joined,
    /// The grouping.
    Grouped,
    /// DISTINCT, ORDER BY, LIMIT.
    Finished,
}

const REASON: &str = "something above follows the order of rows";

/// Whether the rows of `fragment` may be shown to what is above `place`, in the order in
/// which the engine gives them.
///
/// # Safety
///
/// `root` is the query level being planned.
pub unsafe fn check_offer(
    root: *mut pg_sys::PlannerInfo,
    place: Place,
    fragment: &Fragment,
) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        let level = level(root);
        let follows = match place {
            Place::Joined => level.joined,
            Place::Grouped => level.grouped && !is_one_row(fragment),
            Place::Finished => level.result && !is_one_row(fragment),
        };
        if follows && !native().shuffled && !is_the_scan(root, fragment) {
            return Err(REASON.into());
        }
        let shows = level.shown && has_ordered_relation((*root).parse);
        if shows && !fragment.keeps_order() && native().shows_leaf_order {
            return Err("the order of a subquery, function or list is shown".into());
        }
        Ok(())
    }
}

/// Whether `fragment` is the scan whose rows PostgreSQL groups as they come: then it may
/// group ours.
unsafe fn is_the_scan(root: *mut pg_sys::PlannerInfo, fragment: &Fragment) -> bool {
    match &fragment.kind {
        // SAFETY: a leaf of the query level that `root` plans is a base relation there.
        Kind::Leaf(leaf) if leaf.workers == 0 => unsafe {
            native().groups_as_scanned(root, leaf.scan())
        },
        _ => false,
    }
}

/// A grouping without keys, maybe cut.
fn is_one_row(fragment: &Fragment) -> bool {
    match &fragment.kind {
        Kind::Aggregate(aggregate) => aggregate.groups.is_empty(),
        Kind::Sort(sort) => is_one_row(&sort.input),
        Kind::Limit(limit) => is_one_row(&limit.input),
        Kind::Leaf(_) | Kind::Join(_) => false,
    }
}

/// In which order a grouping needs its rows.
pub enum Order {
    /// In any.
    Any,
    /// In the order of the leaves of this input.
    Leaves(Rc<Fragment>),
}

/// A grouping of a query level.
#[derive(Clone, Copy)]
pub struct Grouping<'a> {
    /// What the rows are grouped by.
    pub keys: &'a [*mut pg_sys::Node],
    /// The aggregate calls.
    pub calls: &'a [*mut pg_sys::Aggref],
    /// Columns of which a group shows its first row's value.
    pub first: &'a [*mut pg_sys::Node],
}

/// What of `grouping` follows the order of rows.
///
/// # Safety
///
/// All are of the query level that `root` plans.
pub unsafe fn follower(
    root: *const pg_sys::PlannerInfo,
    grouping: Grouping<'_>,
) -> Option<*mut pg_sys::Node> {
    // SAFETY: the caller's promise.
    unsafe {
        let query = (*root).parse;
        let mut calls = grouping.calls.iter().copied();
        let call = calls.find(|call| follows_order(query, *call)).map(|call| call.cast());
        let key = grouping.keys.iter().copied().find(|key| !alike(query, *key));
        call.or(key).or(grouping.first.first().copied())
    }
}

/// In which order `grouping` needs the rows of `input`.
///
/// # Safety
///
/// All are of the query level being planned.
pub unsafe fn of_grouping(
    root: *mut pg_sys::PlannerInfo,
    input: &Rc<Fragment>,
    grouping: Grouping<'_>,
) -> Result<Order, Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        let query = (*root).parse;
        let Some(subject) = follower(root, grouping) else { return Ok(Order::Any) };
        if let Some(call) = grouping.calls.iter().find(|call| sorts_equals(query, **call)) {
            return Err(Reason::from("a sort decides which of equal values counts").about(*call));
        }
        let native = native();
        if native.shuffled {
            // No order is PostgreSQL's, and the engine needs one for blanks only.
            let blanks = grouping.keys.iter().any(|key| !alike(query, *key) && is_bpchar(*key));
            return Ok(match blanks {
                true => Order::Leaves(input.in_order()),
                false => Order::Any,
            });
        }
        let alone = input.in_order();
        if is_the_scan(root, &alone) {
            return Ok(Order::Leaves(alone));
        }
        Err(Reason::from("the order of rows decides about a value").about(subject))
    }
}

unsafe fn is_bpchar(expr: *const pg_sys::Node) -> bool {
    // SAFETY: a valid expression.
    unsafe { pg_sys::getBaseType(pg_sys::exprType(expr)) == pg_sys::BPCHAROID }
}

/// Whether a relation of `query` has an order of its own: a subquery or CTE that asks for
/// one, a function, a list.
unsafe fn has_ordered_relation(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe {
        iter::<pg_sys::RangeTblEntry>((*query).rtable).any(|entry| match (*entry).rtekind {
            pg_sys::RTEKind::RTE_SUBQUERY => {
                let subquery = (*entry).subquery;
                !subquery.is_null()
                    && (!(*subquery).sortClause.is_null() || has_ordered_relation(subquery))
            }
            pg_sys::RTEKind::RTE_CTE => {
                let tree = facts::tree();
                tree.orders_subquery || tree.lists_in_subquery
            }
            _ => facts::has_order(entry),
        })
    }
}
