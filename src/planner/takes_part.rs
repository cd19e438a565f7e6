//! Which queries and joins may have fusion plans.

use pgrx::pg_sys;

/// Whether the planner is in the genetic query optimiser's join search, which
/// builds and throws away join relations.
///
/// # Safety
///
/// `root` is valid.
pub unsafe fn in_genetic_search(root: *const pg_sys::PlannerInfo) -> bool {
    // SAFETY: the caller's promise. `standard_join_search` in allpaths.c keeps its levels
    // here; `geqo_eval` in geqo_eval.c has none.
    unsafe { (*root).join_rel_level.is_null() }
}

/// Why the query that `root` plans may not have fusion plans: it must read only,
/// and nothing may lock or re-check its rows.
///
/// # Safety
///
/// `root` is a query level of the planner call under way.
pub unsafe fn excluded(root: *const pg_sys::PlannerInfo) -> Option<&'static str> {
    use pg_sys::CmdType::{CMD_INSERT, CMD_SELECT};
    // SAFETY: the caller's promise.
    unsafe {
        if !matches!((*(*root).parse).commandType, CMD_SELECT | CMD_INSERT) {
            Some("it changes rows")
        } else if !(*root).rowMarks.is_null() {
            Some("it locks rows")
        } else {
            None
        }
    }
}
