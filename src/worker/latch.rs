//! Latches and signals: how the worker's threads meet PostgreSQL's rules.

use fusion_page::WakeClient;
use pgrx::pg_sys;
use std::mem::MaybeUninit;

unsafe extern "C-unwind" {
    /// Declared here without pgrx's wrapper, which insists on the main thread.
    /// `SetLatch` allocates nothing and raises nothing: it stores to the latch
    /// and may send a signal.
    #[link_name = "SetLatch"]
    fn set_latch(latch: *mut pg_sys::Latch);
}

/// A latch as the word that travels through shared memory. Latches of backends
/// lie in PostgreSQL's shared memory, at the same address in every process.
pub type LatchWord = u64;

/// This process's latch.
pub fn my_latch() -> LatchWord {
    // SAFETY: set once at process start.
    unsafe { pg_sys::MyLatch as LatchWord }
}

/// Sets `latch`; from any thread.
pub fn set(latch: LatchWord) {
    // SAFETY: the word is the address of a latch in PostgreSQL's shared memory,
    // which exists as long as any of its processes. If its owner has gone, at
    // worst somebody else wakes for nothing.
    unsafe { set_latch(latch as *mut pg_sys::Latch) };
}

/// Wakes backends through their latches.
pub struct LatchWaker;

impl WakeClient for LatchWaker {
    fn wake(&self, latch: u64) {
        if latch != 0 {
            set(latch);
        }
    }
}

/// Blocks all signals of this thread, and so of the threads it starts, until
/// dropped.
pub struct BlockedSignals {
    previous: libc::sigset_t,
}

impl BlockedSignals {
    /// Blocks.
    pub fn new() -> Self {
        let mut all = MaybeUninit::uninit();
        let mut previous = MaybeUninit::uninit();
        // SAFETY: both sets are filled by the calls, which cannot fail with
        // these arguments.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), previous.as_mut_ptr());
            Self { previous: previous.assume_init() }
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the mask that `new` found.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.previous, std::ptr::null_mut());
        }
    }
}
