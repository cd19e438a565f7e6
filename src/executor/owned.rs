//! A Rust value that a node's state owns.
//!
//! PostgreSQL allocates a node's state, zeroed, in the query's memory, and ends the node;
//! but after an error it only frees the memory. So the value is dropped in either case:
//! when the node says so, or when the memory goes.

use pgrx::pg_sys;
use std::ffi::c_void;
use std::ptr;

/// The value, behind a pointer; zeroes are none.
#[repr(C)]
pub struct Owned<T> {
    value: *mut T,
    cleanup: pg_sys::MemoryContextCallback,
}

impl<T> Owned<T> {
    /// Sees to it that the value does not outlive `memory`. To be called once.
    ///
    /// # Safety
    ///
    /// `this` is zeroed memory, allocated in `memory`.
    pub unsafe fn keep_in(this: *mut Self, memory: pg_sys::MemoryContext) {
        // SAFETY: the caller's promise: the memory calls back before it frees this.
        unsafe {
            (*this).cleanup.func = Some(cleanup::<T>);
            (*this).cleanup.arg = this.cast();
            pg_sys::MemoryContextRegisterResetCallback(memory, &raw mut (*this).cleanup);
        }
    }

    /// Puts `value` in the place of the one before.
    ///
    /// # Safety
    ///
    /// `this` was prepared by [`Owned::keep_in`]; nothing borrows its value.
    pub unsafe fn set(this: *mut Self, value: T) {
        // SAFETY: the caller's promise.
        unsafe {
            Self::clear(this);
            (*this).value = Box::into_raw(Box::new(value));
        }
    }

    /// The value, if there is one.
    ///
    /// # Safety
    ///
    /// `this` is zeroed or prepared; nothing else borrows its value.
    pub unsafe fn get<'a>(this: *mut Self) -> Option<&'a mut T> {
        // SAFETY: the caller's promise; the pointer is NULL or owns a value.
        unsafe { (*this).value.as_mut() }
    }

    /// Drops the value, if there is one.
    ///
    /// # Safety
    ///
    /// As for [`Owned::set`].
    pub unsafe fn clear(this: *mut Self) {
        // SAFETY: the pointer is NULL or owns a value; it is taken out first.
        unsafe {
            let value = ptr::replace(&raw mut (*this).value, ptr::null_mut());
            if !value.is_null() {
                drop(Box::from_raw(value));
            }
        }
    }
}

unsafe extern "C-unwind" fn cleanup<T>(this: *mut c_void) {
    // SAFETY: registered in `keep_in` with its `this`.
    unsafe { Owned::<T>::clear(this.cast()) }
}
