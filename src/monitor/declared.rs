//! Whether a function's declaration in SQL is of this library's version.
//!
//! The library is replaced when a package is, the declarations when somebody runs
//! ALTER EXTENSION. In between, a declaration may have columns that the library does
//! not give.

use crate::error;
use crate::version::attribute;
use fusion_plan::{PgError, SqlState};
use pgrx::pg_sys;

/// Raises an error unless the function that is called was declared to give `columns`.
///
/// # Safety
///
/// `fcinfo` is what PostgreSQL called a function that returns rows with.
pub(super) unsafe fn check_declared(fcinfo: pg_sys::FunctionCallInfo, columns: &[pg_sys::Oid]) {
    // SAFETY: the caller's promise; the descriptor is checked before it is read, and its
    // attributes are as many as it says.
    let is_ours = unsafe {
        let mut descriptor = std::ptr::null_mut();
        let class = pg_sys::get_call_result_type(fcinfo, std::ptr::null_mut(), &raw mut descriptor);
        class == pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE
            && !descriptor.is_null()
            && (*descriptor).natts as usize == columns.len()
            && columns
                .iter()
                .enumerate()
                .all(|(index, ty)| (*attribute(descriptor, index)).atttypid == *ty)
    };
    if !is_ours {
        error::raise(
            PgError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "the function was declared by another version of pg_fusion than the library's",
            )
            .with_hint("Run ALTER EXTENSION pg_fusion UPDATE."),
        );
    }
}
