//! Waiting: on this backend's latch only, and never past a cancel.

use crate::boundary;
use crate::worker::my_latch;
use pgrx::pg_sys;
use std::time::Duration;

/// How long a wait lasts if nothing wakes it: the worker wakes whoever it owes
/// something, so this only bounds the damage of a lost wake-up.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// How long to wait for a worker that is being started, the one that runs plans or
/// a parallel one.
pub const WORKER_START: Duration = Duration::from_secs(5);

/// This process's latch, as the word that the worker sets it by.
pub fn latch_word() -> u64 {
    my_latch()
}

/// Waits until the latch is set, at most for `timeout`, and then serves
/// interrupts, which may raise an error.
pub fn wait(timeout: Duration) {
    const EVENTS: u32 = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: a backend's main thread, on its own latch.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            EVENTS as i32,
            timeout.as_millis() as i64,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    serve_interrupts();
}

/// Serves interrupts, as `CHECK_FOR_INTERRUPTS` does: a cancel, or what parallel workers
/// have to say (`HandleParallelMessages` in parallel.c raises their errors, with all that
/// they say of themselves).
pub fn serve_interrupts() {
    unsafe extern "C-unwind" {
        /// Without pgrx's wrapper, which keeps only a part of an error.
        #[link_name = "ProcessInterrupts"]
        fn process_interrupts();
    }
    // SAFETY: a backend's main thread, within `boundary::guard`; a flag that signal
    // handlers set.
    unsafe {
        if std::ptr::read_volatile(&raw const pg_sys::InterruptPending) != 0 {
            boundary::call(|| process_interrupts());
        }
    }
}
