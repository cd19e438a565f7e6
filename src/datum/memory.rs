//! Memory for the values of result rows.

use crate::error;
use fusion_plan::{PgError, SqlState};
use pgrx::pg_sys;
use std::ffi::{c_int, c_void};

unsafe extern "C-unwind" {
    /// Without pgrx's wrapper, which costs more than the allocation: as it is called
    /// below it raises nothing.
    #[link_name = "palloc_extended"]
    fn palloc_extended(size: usize, flags: c_int) -> *mut c_void;
}

/// PostgreSQL's `MaxAllocSize`: no value is larger.
const MAX_SIZE: usize = 0x3fff_ffff;

/// `size` bytes of the current memory context, not 0.
///
/// # Safety
///
/// Runs in a backend's main thread, within a guard.
#[inline]
pub unsafe fn allocate(size: usize) -> *mut u8 {
    if size > MAX_SIZE {
        // In PostgreSQL's words.
        error::raise(PgError::internal(format!("invalid memory alloc request size {size}")));
    }
    // SAFETY: the caller's promise.
    let memory = unsafe { palloc_extended(size, pg_sys::MCXT_ALLOC_NO_OOM as c_int) };
    if memory.is_null() {
        error::raise(PgError::new(SqlState::OUT_OF_MEMORY, "out of memory"));
    }
    memory.cast()
}
