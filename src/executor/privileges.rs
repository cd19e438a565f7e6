//! EXECUTE privileges of the functions that the engine computes.

use crate::version;
use pgrx::pg_sys;

/// Checks that the current user may execute `function`, and tells whoever
/// watches, as `ExecInitFunc` (execExpr.c), `ExecInitAgg` (nodeAgg.c) and
/// `ExecBuildGroupingEqual` (execExpr.c) do for functions that PostgreSQL calls itself.
/// Raises an error if not.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn check(function: pg_sys::Oid) {
    // SAFETY: the caller's promise; what the engine computes are functions of PostgreSQL's
    // own, which cannot be dropped.
    unsafe {
        let result = version::check_execute(function);
        if result != pg_sys::AclResult::ACLCHECK_OK {
            let is_aggregate =
                pg_sys::get_func_prokind(function) == pg_sys::PROKIND_AGGREGATE as std::ffi::c_char;
            let kind = match is_aggregate {
                true => pg_sys::ObjectType::OBJECT_AGGREGATE,
                false => pg_sys::ObjectType::OBJECT_FUNCTION,
            };
            pg_sys::aclcheck_error(result, kind, pg_sys::get_func_name(function));
        }
        let hook = std::ptr::read(&raw const pg_sys::object_access_hook);
        if hook.is_some() {
            pg_sys::RunFunctionExecuteHook(function);
        }
    }
}
