//! The layout of what describes a table's rows.

use pgrx::pg_sys;

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
