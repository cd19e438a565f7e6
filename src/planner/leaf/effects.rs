//! What computing the rows of a relation does besides: a leaf must not do it more often
//! than PostgreSQL's own plan would.

use crate::nodes::{cast, iter};
use crate::planner::Reason;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, c_void};

/// Whether the rows of `rel` may be those of a leaf: what is volatile must be called, and
/// what is locked must be locked, as often as PostgreSQL's own plan does it, and a leaf is
/// read ahead of what is asked for.
///
/// # Errors
///
/// If something volatile is computed below `rel`, or rows are locked there.
///
/// # Safety
///
/// `rel` is a base or join relation of the planner call under way.
pub(super) unsafe fn check(
    root: *mut pg_sys::PlannerInfo,
    rel: *const pg_sys::RelOptInfo,
) -> Result<(), Reason> {
    // SAFETY: the planner's structures are valid; both arrays have an entry for every
    // range table index, and those of base relations are no NULLs.
    unsafe {
        let mut relation = -1;
        loop {
            relation = pg_sys::bms_next_member((*rel).relids, relation);
            if relation < 0 {
                return Ok(());
            }
            let base = *(*root).simple_rel_array.add(relation as usize);
            let entry = *(*root).simple_rte_array.add(relation as usize);
            // From version 16 on an outer join has a number as well.
            if base.is_null() || entry.is_null() {
                continue;
            }
            let joined = iter::<pg_sys::RestrictInfo>((*base).joininfo)
                .filter(|info| pg_sys::bms_is_subset((**info).required_relids, (*rel).relids));
            let mut clauses = iter::<pg_sys::RestrictInfo>((*base).baserestrictinfo).chain(joined);
            if clauses.any(|info| pg_sys::contain_volatile_functions(info.cast())) {
                return Err("a volatile function".into());
            }
            for part in parts(root, &*entry) {
                if pg_sys::contain_volatile_functions(part) {
                    return Err("a volatile function".into());
                }
                if locks_rows(part, std::ptr::null_mut()) {
                    return Err("a subquery that locks rows".into());
                }
            }
        }
    }
}

/// What the rows of `entry` are computed from.
unsafe fn parts(
    root: *const pg_sys::PlannerInfo,
    entry: &pg_sys::RangeTblEntry,
) -> impl Iterator<Item = *mut pg_sys::Node> {
    // Parts of a valid range table entry, NULL where its kind has none. Planning a
    // subquery leaves the entry's own copy as it was (`set_subquery_pathlist` in allpaths.c).
    let parts: [*mut pg_sys::Node; 4] = [
        entry.functions.cast(),
        entry.values_lists.cast(),
        entry.tablefunc.cast(),
        entry.subquery.cast(),
    ];
    // SAFETY: the planner's structures are valid.
    let table = unsafe { common_table_query(root, entry) };
    parts.into_iter().chain(table).filter(|part| !part.is_null())
}

/// Whether a query in `node` has FOR UPDATE or its like. A tree walker.
#[pg_guard]
unsafe extern "C-unwind" fn locks_rows(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: a node of a query, by the walkers' contract.
    unsafe {
        match cast::<pg_sys::Query, _>(node) {
            Some(query) if !query.rowMarks.is_null() => true,
            Some(_) => pg_sys::query_or_expression_tree_walker(node, Some(locks_rows), context, 0),
            None => pg_sys::expression_tree_walker(node, Some(locks_rows), context),
        }
    }
}

/// The query of the common table expression that `entry` reads, looked for as
/// `set_cte_pathlist` does.
unsafe fn common_table_query(
    root: *const pg_sys::PlannerInfo,
    entry: &pg_sys::RangeTblEntry,
) -> Option<*mut pg_sys::Node> {
    if entry.rtekind != pg_sys::RTEKind::RTE_CTE || entry.self_reference {
        return None;
    }
    // SAFETY: the planner's structures are valid; names are C strings.
    unsafe {
        let mut level = root;
        for _ in 0..entry.ctelevelsup {
            level = (*level).parent_root;
        }
        let name = CStr::from_ptr(entry.ctename);
        iter::<pg_sys::CommonTableExpr>((*(*level).parse).cteList)
            .find(|table| CStr::from_ptr((**table).ctename) == name)
            .map(|table| (*table).ctequery)
    }
}
