//! Latches for hosts that have none: tests, benchmarks, and programs other than
//! PostgreSQL. They live in the region, so they work between processes.

use crate::limits::FUTEX_LATCHES;
use crate::session::wake::WakeClient;
use crate::shared::futex;
use crate::shared::region::Region;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// One latch: it is set by a wake, and stays set until it is reset.
#[derive(Clone, Debug)]
pub struct FutexLatch {
    region: Region,
    number: u64,
}

impl FutexLatch {
    /// Latch `number`, modulo [`FUTEX_LATCHES`]; each waiting thread needs its
    /// own.
    pub fn new(region: &Region, number: usize) -> Self {
        Self { region: region.clone(), number: (number % FUTEX_LATCHES) as u64 }
    }

    /// The word under which a session knows the latch.
    pub fn word(&self) -> u64 {
        self.number
    }

    /// Sleeps until the latch is set, at most for `timeout`; may return early.
    pub fn wait(&self, timeout: Duration) {
        let latch = self.region.control().latches.get(self.number);
        if latch.load(SeqCst) == 0 {
            futex::wait(latch, 0, timeout);
        }
    }

    /// Makes the latch ready for the next wait.
    pub fn reset(&self) {
        self.region.control().latches.get(self.number).store(0, SeqCst);
    }
}

/// Wakes clients that sleep on a [`FutexLatch`].
#[derive(Clone, Debug)]
pub struct FutexWaker(Region);

impl FutexWaker {
    /// A waker for the latches of `region`.
    pub fn new(region: &Region) -> Self {
        Self(region.clone())
    }
}

impl WakeClient for FutexWaker {
    fn wake(&self, latch: u64) {
        let latch = self.0.control().latches.get(latch);
        latch.store(1, SeqCst);
        futex::wake_all(latch);
    }
}
