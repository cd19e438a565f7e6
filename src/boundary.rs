//! Calls of PostgreSQL that can run a user's code, and callbacks that contain them.
//!
//! PostgreSQL raises an error by a jump over all frames up to its handler. Rust's
//! frames must not be jumped over, so every call of PostgreSQL catches the jump and
//! goes on as a panic, and every callback turns a panic into an error again. What
//! pgrx does by itself keeps the code and the message of an error, but not where it
//! happened (CONTEXT), the position in the query, or the names of the table, column,
//! type and constraint. Errors of users' functions and data must come out as they
//! were raised, so their way is here: [`call`] keeps PostgreSQL's own record of the
//! error, and [`guard`] raises it again.
//!
//! A panic from [`call`] is only understood by [`guard`], so a callback that leads
//! to a [`call`] has no `#[pg_guard]`. A panic of Rust's own inside of a [`call`]
//! takes the same way, after PostgreSQL's handler is the caller's again.

use cee_scape::{SigJmpBufFields, call_with_sigsetjmp};
use pgrx::pg_sys;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

unsafe extern "C-unwind" {
    /// Without pgrx's wrapper, which would catch what it raises.
    #[link_name = "ReThrowError"]
    fn rethrow(error: *mut pg_sys::ErrorData) -> !;
}

/// The payload of a panic: an error of PostgreSQL's, as it was raised.
struct Raised(*mut pg_sys::ErrorData);
// SAFETY: a backend has one thread that calls PostgreSQL, where panics begin and
// end.
unsafe impl Send for Raised {}

/// Calls PostgreSQL. An error becomes a panic, to be raised again by [`guard`].
///
/// # Safety
///
/// Runs in a backend's main thread. `f` calls PostgreSQL directly, not through
/// pgrx's bindings, which would catch the error first; and no value with a
/// destructor is alive inside while it does.
pub unsafe fn call<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: what `PG_TRY` does. The error is copied to the memory of the caller,
    // which outlives the panic.
    unsafe {
        let memory = pg_sys::CurrentMemoryContext;
        let handler = pg_sys::PG_exception_stack;
        let callbacks = pg_sys::error_context_stack;
        let mut result = MaybeUninit::uninit();
        let jumped = call_with_sigsetjmp(false, |buffer| {
            let buffer: *const SigJmpBufFields = buffer;
            pg_sys::PG_exception_stack = buffer.cast_mut().cast();
            // No panic may pass through the frame that the jump would come back to.
            result.write(catch_unwind(AssertUnwindSafe(f)));
            0
        });
        pg_sys::PG_exception_stack = handler;
        pg_sys::error_context_stack = callbacks;
        if jumped == 0 {
            return result.assume_init().unwrap_or_else(|payload| {
                pg_sys::CurrentMemoryContext = memory;
                resume_unwind(payload)
            });
        }
        pg_sys::CurrentMemoryContext = memory;
        let error = pg_sys::CopyErrorData();
        pg_sys::FlushErrorState();
        resume_unwind(Box::new(Raised(error)))
    }
}

/// Runs the body of a callback: a panic becomes an error of PostgreSQL's, the one
/// that [`call`] caught or as pgrx would report it.
///
/// # Safety
///
/// Called by PostgreSQL in a backend's main thread, from a function that has
/// nothing else to do.
pub unsafe fn guard<R>(f: impl FnOnce() -> R) -> R {
    let error = match catch_unwind(AssertUnwindSafe(f)) {
        Ok(value) => return value,
        Err(payload) => match payload.downcast::<Raised>() {
            Ok(raised) => raised.0,
            // SAFETY: the caller's promise.
            Err(other) => unsafe {
                return pg_sys::panic::pgrx_extern_c_guard(|| resume_unwind(other));
            },
        },
    };
    // SAFETY: a copy of an error; no destructor is left to run in this frame.
    unsafe { rethrow(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PostgreSQL's variables, of which no other test makes use.
    fn state() -> (*mut pg_sys::sigjmp_buf, pg_sys::MemoryContext) {
        // SAFETY: words of zeroes that stand in for them.
        unsafe { (pg_sys::PG_exception_stack, pg_sys::CurrentMemoryContext) }
    }

    #[test]
    fn a_panic_leaves_the_callers_handler() {
        let mut frame = 0_usize;
        let outside = ((&raw mut frame).cast(), std::ptr::null_mut());
        // SAFETY: as above; nothing calls PostgreSQL, so nothing jumps.
        unsafe { pg_sys::PG_exception_stack = outside.0 };
        let within = |then: fn() -> i32| {
            // SAFETY: as above.
            catch_unwind(AssertUnwindSafe(|| unsafe {
                call(|| {
                    assert_ne!(state().0, outside.0);
                    pg_sys::CurrentMemoryContext = std::ptr::dangling_mut();
                    then()
                })
            }))
        };
        let payload = within(|| resume_unwind(Box::new("oops"))).unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"oops"));
        assert_eq!(state(), outside);
        assert_eq!(within(|| 7).unwrap(), 7);
        assert_eq!(state().0, outside.0);
        // SAFETY: as above.
        unsafe { pg_sys::PG_exception_stack = std::ptr::null_mut() };
    }
}
