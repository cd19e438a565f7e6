//! Privileges that the executor checks when a plan starts.

use pgrx::pg_sys;

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
