//! Columns that a grouping shows although it does not group by them.
//!
//! The parser lets them through because the keys contain a primary key of their table
//! (`check_functional_grouping` in pg_constraint.c), and the planner drops keys that
//! another unique one determines (`remove_useless_groupby_columns` in planner.c, which
//! leaves tables with children alone, as the parser does not). A primary key says nothing
//! of the children of its table: a group may have rows of several of them, and
//! PostgreSQL's Agg shows the first.

use crate::nodes::{self, cast, iter, tag};
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::c_void;
use std::ptr;

/// Whether the keys of a grouping determine the columns of `entry` that it shows.
///
/// # Safety
///
/// `entry` is a valid range table entry; runs in a transaction.
pub unsafe fn is_determined(entry: *const pg_sys::RangeTblEntry) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION
            && (!(*entry).inh
                || (*entry).relkind as u8 == pg_sys::RELKIND_PARTITIONED_TABLE
                // Before `subquery_planner` in planner.c has looked, all may have children.
                || !has_subclass((*entry).relid))
    }
}

/// Whether a table may have children (`has_subclass` in pg_inherits.c).
unsafe fn has_subclass(relation: pg_sys::Oid) -> bool {
    unsafe extern "C-unwind" {
        fn has_subclass(relation: pg_sys::Oid) -> bool;
    }
    // SAFETY: declared as in pg_inherits.h; in a transaction.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| has_subclass(relation)) }
}

/// Whether a group of `query` shows its first row's value of a column.
///
/// # Safety
///
/// `query` is a valid query, prepared by the planner or not; runs in a transaction.
pub unsafe fn shows_first(query: *const pg_sys::Query) -> bool {
    // SAFETY: the caller's promise; the walker gets what it expects.
    unsafe {
        let query = &*query;
        if query.groupClause.is_null()
            || iter::<pg_sys::RangeTblEntry>(query.rtable)
                .filter(|entry| (**entry).rtekind == pg_sys::RTEKind::RTE_RELATION)
                .all(|entry| is_determined(entry))
        {
            return false;
        }
        let keys = iter::<pg_sys::SortGroupClause>(query.groupClause)
            .map(|clause| pg_sys::get_sortgroupclause_expr(clause, query.targetList));
        let mut search = Search { query, keys: keys.collect(), depth: 0 };
        let context = ptr::from_mut(&mut search).cast();
        iter::<pg_sys::TargetEntry>(query.targetList)
            .map(|entry| (*entry).expr.cast())
            .chain([query.havingQual])
            .any(|expr| is_loose(expr, context))
    }
}

struct Search<'a> {
    query: &'a pg_sys::Query,
    keys: Vec<*mut pg_sys::Node>,
    /// How many subqueries are around what is looked at.
    depth: pg_sys::Index,
}

impl Search<'_> {
    /// Whether a group has more than one value of `var`, for all that is known.
    unsafe fn is_free(&self, var: &pg_sys::Var) -> bool {
        // SAFETY: a column of the query.
        unsafe {
            let is_key = self.keys.iter().any(|key| {
                cast::<pg_sys::Var, _>(*key)
                    .is_some_and(|key| (key.varno, key.varattno) == (var.varno, var.varattno))
            });
            let entry = usize::try_from(var.varno)
                .ok()
                .and_then(|number| iter(self.query.rtable).nth(number.checked_sub(1)?));
            // A join's column is one of a relation: perhaps of the one with children.
            !is_key && entry.is_none_or(|entry| !is_determined(entry))
        }
    }
}

/// A tree walker, done where it finds such a column.
#[pg_guard]
unsafe extern "C-unwind" fn is_loose(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: nodes of a valid tree and the context of `shows_first`, by the walkers'
    // contract.
    unsafe {
        let search = &mut *context.cast::<Search<'_>>();
        if search.depth == 0 && search.keys.iter().any(|key| nodes::equal(*key, node)) {
            return false;
        }
        match tag(node) {
            NodeTag::T_Invalid => false,
            NodeTag::T_Var => {
                let var = &*node.cast::<pg_sys::Var>();
                var.varlevelsup == search.depth && search.is_free(var)
            }
            NodeTag::T_Aggref if (*node.cast::<pg_sys::Aggref>()).agglevelsup == search.depth => {
                false
            }
            NodeTag::T_Query => {
                search.depth += 1;
                let found = pg_sys::query_tree_walker(node.cast(), Some(is_loose), context, 0);
                (*context.cast::<Search<'_>>()).depth -= 1;
                found
            }
            _ => pg_sys::expression_tree_walker(node, Some(is_loose), context),
        }
    }
}
