//! What a region is used for: a snapshot for whoever watches, true for a moment at best.

use crate::shared::region::Region;
use std::sync::atomic::Ordering::Relaxed;

/// A snapshot of what a region is used for; counters run since its creation or
/// its last reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionStats {
    /// Number of pages.
    pub pages_total: usize,
    /// Pages that nobody owns.
    pub pages_free: usize,
    /// Number of session slots.
    pub sessions_total: usize,
    /// Slots that are taken.
    pub sessions_in_use: usize,
    /// Clients that wait for a slot.
    pub waiting: usize,
    /// How often a client prepared to sleep.
    pub client_sleeps: u64,
    /// How often the worker woke a client.
    pub client_wakes: u64,
    /// How often the worker's doorbell thread slept.
    pub worker_sleeps: u64,
    /// How often a client woke it.
    pub worker_wakes: u64,
    /// Jumbo buffers that were created.
    pub jumbos: u64,
    /// Those of them that stood in for a page, because none was free.
    pub overflows: u64,
}

impl Region {
    /// What the region is used for at the moment.
    pub fn stats(&self) -> RegionStats {
        let control = self.control();
        let (worker_sleeps, worker_wakes) = control.doorbell.counts();
        RegionStats {
            pages_total: self.owners().len(),
            pages_free: self.count_free_pages(),
            sessions_total: self.max_sessions(),
            sessions_in_use: self.count_sessions(),
            waiting: control.waiters.count(),
            client_sleeps: control.client_sleeps.load(Relaxed),
            client_wakes: control.client_wakes.load(Relaxed),
            worker_sleeps,
            worker_wakes,
            jumbos: control.jumbos.load(Relaxed),
            overflows: control.overflows.load(Relaxed),
        }
    }
}
