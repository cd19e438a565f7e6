//! What the planner keeps and asks for: clauses, path comparisons, parameters, set
//! operations.

use pgrx::pg_sys;

/// `pg_column_toast_chunk_id`, which is there from version 17 on.
pub const F_PG_COLUMN_TOAST_CHUNK_ID: u32 = 6316;

/// The signature of `planner_hook` has been the same since version 13; named
/// here so that a change has one place.
pub type PlannerHook = pg_sys::planner_hook_type;

/// The group clause after the planner removed redundant entries.
///
/// # Safety
///
/// `root` is valid and its preprocessing is done.
pub unsafe fn processed_group_clause(root: *const pg_sys::PlannerInfo) -> *mut pg_sys::List {
    #[cfg(feature = "pg15")]
    // SAFETY: the caller's promise. Up to version 15 the parse tree itself is
    // edited.
    unsafe {
        (*(*root).parse).groupClause
    }
    #[cfg(not(feature = "pg15"))]
    // SAFETY: the caller's promise.
    unsafe {
        (*root).processed_groupClause
    }
}

/// The DISTINCT clause after the planner removed redundant entries.
///
/// # Safety
///
/// `root` is valid and its preprocessing is done.
pub unsafe fn processed_distinct_clause(root: *const pg_sys::PlannerInfo) -> *mut pg_sys::List {
    #[cfg(feature = "pg15")]
    // SAFETY: the caller's promise.
    unsafe {
        (*(*root).parse).distinctClause
    }
    #[cfg(not(feature = "pg15"))]
    // SAFETY: the caller's promise.
    unsafe {
        (*root).processed_distinctClause
    }
}

/// `add_path_precheck` for a path above the paths that `children` lists.
///
/// From version 18 paths are compared by how many of their nodes are disabled
/// first; before, disabling a node makes it dear, which our cost contains.
///
/// # Safety
///
/// The arguments belong to the planner call under way.
pub unsafe fn may_add_path(
    rel: *mut pg_sys::RelOptInfo,
    startup: f64,
    total: f64,
    pathkeys: *mut pg_sys::List,
    children: impl FnOnce() -> *mut pg_sys::List,
) -> bool {
    let no_outer = std::ptr::null_mut();
    #[cfg(not(feature = "pg18"))]
    // SAFETY: the caller's promise.
    unsafe {
        let _ = children;
        pg_sys::add_path_precheck(rel, startup, total, pathkeys, no_outer)
    }
    #[cfg(feature = "pg18")]
    // SAFETY: the caller's promise.
    unsafe {
        let disabled = disabled_nodes(children());
        pg_sys::add_path_precheck(rel, disabled, startup, total, pathkeys, no_outer)
    }
}

/// Counts the disabled nodes below `path`, where paths count them.
///
/// # Safety
///
/// As for [`may_add_path`].
pub unsafe fn inherit_disabled(path: *mut pg_sys::Path, children: *const pg_sys::List) {
    #[cfg(not(feature = "pg18"))]
    let _ = (path, children);
    #[cfg(feature = "pg18")]
    // SAFETY: the caller's promise.
    unsafe {
        (*path).disabled_nodes = disabled_nodes(children);
    }
}

#[cfg(feature = "pg18")]
unsafe fn disabled_nodes(children: *const pg_sys::List) -> i32 {
    // SAFETY: the caller's promise.
    unsafe { crate::nodes::iter::<pg_sys::Path>(children).map(|path| (*path).disabled_nodes).sum() }
}

/// A parameter of the executor's own, without a value (`assign_special_exec_param`).
///
/// # Safety
///
/// `root` belongs to the planner call under way.
pub unsafe fn assign_special_param(root: *mut pg_sys::PlannerInfo) -> i32 {
    unsafe extern "C-unwind" {
        fn assign_special_exec_param(root: *mut pg_sys::PlannerInfo) -> i32;
    }
    // SAFETY: declared as in paramassign.h, which is no public header; the caller's
    // promise.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| assign_special_exec_param(root)) }
}

/// The inputs of a set operation: up to version 17 one, which appends both.
///
/// # Safety
///
/// `path` is valid.
pub unsafe fn set_operation_inputs(path: *const pg_sys::SetOpPath) -> Vec<*mut pg_sys::Path> {
    // SAFETY: the caller's promise.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        return vec![(*path).subpath];
        #[cfg(feature = "pg18")]
        return vec![(*path).leftpath, (*path).rightpath];
    }
}
