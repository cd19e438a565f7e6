//! PostgreSQL's genetic join search.

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
