//! What differs between PostgreSQL versions.
//!
//! The rest of the extension is written against one set of names, those of
//! PostgreSQL 15 where there is a choice; this module maps them.

use pgrx::pg_sys;
use std::ffi::{c_char, c_void};
#[cfg(any(feature = "pg15", feature = "pg16"))]
use std::time::{Duration, Instant};

/// Whether `collation` orders text byte by byte.
///
/// PostgreSQL 15 to 17 export `lc_collate_is_c`; 18 keeps the answer in the
/// locale object.
///
/// # Safety
///
/// Must run in a backend's main thread; `collation` exists.
pub unsafe fn collation_orders_by_byte(collation: pg_sys::Oid) -> bool {
    if collation == pg_sys::Oid::INVALID {
        return false;
    }
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
    {
        unsafe extern "C-unwind" {
            fn lc_collate_is_c(collation: pg_sys::Oid) -> bool;
        }
        // SAFETY: declared as in pg_locale.h; the caller's promise.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| lc_collate_is_c(collation)) }
    }
    #[cfg(feature = "pg18")]
    {
        // SAFETY: the caller's promise; the result is never NULL.
        unsafe { (*pg_sys::pg_newlocale_from_collation(collation)).collate_is_c }
    }
}

/// Whether `collation` knows upper and lower case of ASCII letters only, as C and
/// POSIX do.
///
/// # Safety
///
/// As for [`collation_orders_by_byte`].
pub unsafe fn collation_folds_ascii_only(collation: pg_sys::Oid) -> bool {
    if collation == pg_sys::Oid::INVALID {
        return false;
    }
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
    {
        unsafe extern "C-unwind" {
            fn lc_ctype_is_c(collation: pg_sys::Oid) -> bool;
        }
        // SAFETY: declared as in pg_locale.h; the caller's promise.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| lc_ctype_is_c(collation)) }
    }
    #[cfg(feature = "pg18")]
    {
        // SAFETY: the caller's promise; the result is never NULL.
        unsafe { (*pg_sys::pg_newlocale_from_collation(collation)).ctype_is_c }
    }
}

/// Whether the planner is in the genetic query optimiser's join search, which
/// builds and throws away join relations.
///
/// # Safety
///
/// `root` is valid.
pub unsafe fn in_genetic_search(root: *const pg_sys::PlannerInfo) -> bool {
    // SAFETY: the caller's promise. `standard_join_search` keeps its levels
    // here; the genetic search has none.
    unsafe { (*root).join_rel_level.is_null() }
}

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

/// Column `index`, counted from zero, of the rows that `descriptor` describes.
///
/// # Safety
///
/// The descriptor is valid and has the column.
pub unsafe fn attribute(
    descriptor: pg_sys::TupleDesc,
    index: usize,
) -> *const pg_sys::FormData_pg_attribute {
    #[cfg(not(feature = "pg18"))]
    // SAFETY: the caller's promise: the array has an entry per column.
    unsafe {
        (*descriptor).attrs.as_ptr().add(index)
    }
    #[cfg(feature = "pg18")]
    // SAFETY: the caller's promise. The full entries follow the compact ones
    // (`TupleDescAttr`).
    unsafe {
        let count = usize::try_from((*descriptor).natts).unwrap_or_default();
        let full: *const pg_sys::FormData_pg_attribute =
            (*descriptor).compact_attrs.as_ptr().add(count).cast();
        full.add(index)
    }
}

/// Whether the current user may execute `function`.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn check_execute(function: pg_sys::Oid) -> pg_sys::AclResult::Type {
    // SAFETY: the caller's promise.
    unsafe {
        let user = pg_sys::GetUserId();
        #[cfg(feature = "pg15")]
        return pg_sys::pg_proc_aclcheck(function, user, pg_sys::ACL_EXECUTE);
        #[cfg(not(feature = "pg15"))]
        pg_sys::object_aclcheck(
            pg_sys::ProcedureRelationId,
            function,
            user,
            pg_sys::ACL_EXECUTE.into(),
        )
    }
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

/// What PostgreSQL's tree walkers call for each node.
pub type Walker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;

/// `expression_tree_walker`: the nodes right below `node`.
///
/// # Safety
///
/// `node` is an expression, and `walker` may be called with its parts and `context`.
pub unsafe fn walk_expression(
    node: *mut pg_sys::Node,
    walker: Walker,
    context: *mut c_void,
) -> bool {
    unsafe extern "C-unwind" {
        #[cfg_attr(not(feature = "pg15"), link_name = "expression_tree_walker_impl")]
        fn expression_tree_walker(
            node: *mut pg_sys::Node,
            walker: Walker,
            context: *mut c_void,
        ) -> bool;
    }
    // SAFETY: declared as in nodeFuncs.h; the caller's promise.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| expression_tree_walker(node, walker, context)) }
}

/// `query_tree_walker`: the expressions and subqueries of `query`.
///
/// # Safety
///
/// As for [`walk_expression`].
pub unsafe fn walk_query(query: *mut pg_sys::Query, walker: Walker, context: *mut c_void) -> bool {
    unsafe extern "C-unwind" {
        #[cfg_attr(not(feature = "pg15"), link_name = "query_tree_walker_impl")]
        fn query_tree_walker(
            query: *mut pg_sys::Query,
            walker: Walker,
            context: *mut c_void,
            flags: i32,
        ) -> bool;
    }
    // SAFETY: declared as in nodeFuncs.h; the caller's promise.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| query_tree_walker(query, walker, context, 0)) }
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

/// Plans a query and writes its plan, as EXPLAIN does without a hook. Errors jump
/// over it, see [`boundary`](crate::boundary).
///
/// # Safety
///
/// The arguments are those of `ExplainOneQuery_hook`.
pub unsafe fn explain_one_query(
    query: *mut pg_sys::Query,
    options: i32,
    into: *mut pg_sys::IntoClause,
    es: *mut pg_sys::ExplainState,
    text: *const c_char,
    params: pg_sys::ParamListInfo,
    env: *mut pg_sys::QueryEnvironment,
) {
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    {
        unsafe extern "C-unwind" {
            fn standard_ExplainOneQuery(
                query: *mut pg_sys::Query,
                options: i32,
                into: *mut pg_sys::IntoClause,
                es: *mut pg_sys::ExplainState,
                text: *const c_char,
                params: pg_sys::ParamListInfo,
                env: *mut pg_sys::QueryEnvironment,
            );
        }
        // SAFETY: declared as in explain.h; the caller's promise.
        unsafe { standard_ExplainOneQuery(query, options, into, es, text, params, env) }
    }
    // Before version 17 this cannot be called from outside: the plan is made and
    // measured here.
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    {
        unsafe extern "C-unwind" {
            fn pg_plan_query(
                query: *mut pg_sys::Query,
                text: *const c_char,
                options: i32,
                params: pg_sys::ParamListInfo,
            ) -> *mut pg_sys::PlannedStmt;
            fn ExplainOnePlan(
                plan: *mut pg_sys::PlannedStmt,
                into: *mut pg_sys::IntoClause,
                es: *mut pg_sys::ExplainState,
                text: *const c_char,
                params: pg_sys::ParamListInfo,
                env: *mut pg_sys::QueryEnvironment,
                duration: *const pg_sys::instr_time,
                usage: *const pg_sys::BufferUsage,
            );
        }
        // SAFETY: declared as in tcopprot.h and explain.h; the caller's promise;
        // counters are plain numbers.
        unsafe {
            let before = pg_sys::pgBufferUsage;
            let start = Instant::now();
            let plan = pg_plan_query(query, text, options, params);
            let duration = instr_time(start.elapsed());
            let mut usage = pg_sys::BufferUsage::default();
            let usage: *const pg_sys::BufferUsage = if (*es).buffers {
                let after = pg_sys::pgBufferUsage;
                pg_sys::BufferUsageAccumDiff(&mut usage, &after, &before);
                &usage
            } else {
                std::ptr::null()
            };
            ExplainOnePlan(plan, into, es, text, params, env, &duration, usage);
        }
    }
}

/// A duration as PostgreSQL measures times.
#[cfg(feature = "pg15")]
fn instr_time(duration: Duration) -> pg_sys::instr_time {
    let seconds = duration.as_secs().try_into().unwrap_or(i64::MAX);
    pg_sys::instr_time { tv_sec: seconds, tv_nsec: duration.subsec_nanos().into() }
}

/// A duration as PostgreSQL measures times: in nanoseconds, except on Windows.
#[cfg(feature = "pg16")]
fn instr_time(duration: Duration) -> pg_sys::instr_time {
    pg_sys::instr_time { ticks: duration.as_nanos().try_into().unwrap_or(i64::MAX) }
}

/// The signature of `planner_hook` has been the same since version 13; named
/// here so that a change has one place.
pub type PlannerHook = pg_sys::planner_hook_type;
