//! Sleeping on a word: until somebody wakes.

use crate::process;
use crate::sync::AtomicU32;
use loom::sync::{Condvar, Mutex};
use std::time::Duration;

loom::lazy_static! {
    static ref KERNEL: Kernel = Kernel { lock: Mutex::new(()), wake: Condvar::new() };
}

struct Kernel {
    lock: Mutex<()>,
    wake: Condvar,
}

/// The time is never over: a wake-up that is lost is a thread that hangs.
pub(crate) fn wait(word: &AtomicU32, expected: u32, _timeout: Duration) {
    if process::is_dead() {
        return;
    }
    let guard = KERNEL.lock.lock().unwrap();
    if word.peek() == expected {
        drop(KERNEL.wake.wait(guard).unwrap());
    }
}

pub(crate) fn wake_all(_word: &AtomicU32) {
    if !process::is_dead() {
        let _guard = KERNEL.lock.lock().unwrap();
        KERNEL.wake.notify_all();
    }
}
