//! Memory for values: of result rows, and of what a leaf's rows only point to.

use crate::error;
use fusion_plan::{PgError, SqlState};
use pgrx::pg_sys;
use std::ffi::{c_int, c_void};

unsafe extern "C-unwind" {
    /// Without pgrx's wrapper, which costs more than the allocation: as it is called
    /// below it raises nothing.
    #[link_name = "palloc_extended"]
    fn palloc_extended(size: usize, flags: c_int) -> *mut c_void;
    /// Fetches what a varlena points to, and decompresses it; without pgrx's wrapper,
    /// because feeds are within [`boundary::call`](crate::boundary::call).
    fn detoast_attr(varlena: *mut pg_sys::varlena) -> *mut pg_sys::varlena;
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

/// What a varlena points to, in `memory`.
///
/// # Safety
///
/// `datum` is a varlena that must be detoasted; runs in a backend's main thread, within
/// `boundary::call`.
#[cold]
pub unsafe fn detoast(datum: pg_sys::Datum, memory: pg_sys::MemoryContext) -> pg_sys::Datum {
    // SAFETY: the caller's promise.
    unsafe {
        let previous = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = memory;
        let plain = pg_sys::Datum::from(detoast_attr(datum.cast_mut_ptr()));
        pg_sys::CurrentMemoryContext = previous;
        plain
    }
}
