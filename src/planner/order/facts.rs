//! What the query tree of a statement says of the order of rows.

use super::dependence::shows_first;
use super::known::Facts;
use crate::nodes::{iter, tag};
use crate::planner::state;
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::c_void;

/// What the query tree of the statement under way says.
///
/// # Safety
///
/// Runs in a backend's main thread, in a planner call.
pub unsafe fn tree() -> Facts {
    // SAFETY: the caller's promise.
    state::facts(|statement| unsafe { facts(statement.query) })
}

/// Whether a relation has an order of its own: that of a function or a list.
///
/// # Safety
///
/// `entry` is a valid range table entry.
pub unsafe fn has_order(entry: *mut pg_sys::RangeTblEntry) -> bool {
    use pg_sys::RTEKind as R;
    // SAFETY: the caller's promise.
    let kind = unsafe { (*entry).rtekind };
    matches!(kind, R::RTE_FUNCTION | R::RTE_TABLEFUNC | R::RTE_VALUES | R::RTE_NAMEDTUPLESTORE)
}

/// What `query`, that of the statement, says.
///
/// # Safety
///
/// `query` is a valid query.
pub unsafe fn facts(query: *mut pg_sys::Query) -> Facts {
    unsafe extern "C-unwind" fn look(node: *mut pg_sys::Node, facts: *mut c_void) -> bool {
        // SAFETY: called by PostgreSQL's walkers with nodes of a valid tree, and with
        // what was given to them.
        unsafe {
            let known = &mut *facts.cast::<Facts>();
            match tag(node) {
                NodeTag::T_Invalid => false,
                NodeTag::T_Query => {
                    let query: *mut pg_sys::Query = node.cast();
                    if known.depth > 0 {
                        known.orders_subquery |= !(*query).sortClause.is_null();
                        known.lists_in_subquery |=
                            iter((*query).rtable).any(|entry| has_order(entry));
                    }
                    known.shows_first |= shows_first(query);
                    known.depth += 1;
                    pg_sys::query_tree_walker(query, Some(look), facts, 0);
                    (*facts.cast::<Facts>()).depth -= 1;
                    false
                }
                NodeTag::T_SubLink => {
                    let link: *mut pg_sys::SubLink = node.cast();
                    known.makes_array |= (*link).subLinkType == pg_sys::SubLinkType::ARRAY_SUBLINK;
                    pg_sys::expression_tree_walker(node, Some(look), facts)
                }
                _ => pg_sys::expression_tree_walker(node, Some(look), facts),
            }
        }
    }
    let mut facts = Facts::default();
    // SAFETY: a valid query.
    unsafe { look(query.cast(), (&raw mut facts).cast()) };
    facts
}
