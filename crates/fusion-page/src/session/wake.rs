//! What wakes a client: the host's own way, called for those only that sleep.

use crate::shared::region::Region;
use crate::sync::fence;
use smallvec::SmallVec;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// How the host wakes a client: in PostgreSQL, by setting its latch.
pub trait WakeClient: Send + Sync {
    /// Wakes whoever opened a session, or waits for one, with this `latch`
    /// word. Must not block, and may be called for a client that is awake, or
    /// gone.
    fn wake(&self, latch: u64);
}

/// All participants of a session.
pub(crate) const EVERYBODY: u64 = u64::MAX;
/// The client itself, without its parallel workers.
pub(crate) const CLIENT_ONLY: u64 = 1;

/// Wakes the clients of a region.
pub(crate) struct Waker {
    region: Region,
    host: Box<dyn WakeClient>,
}

impl Waker {
    pub(crate) fn new(region: &Region, host: Box<dyn WakeClient>) -> Self {
        Self { region: region.clone(), host }
    }

    /// Wakes those of the `wanted` participants that sleep, after something was
    /// published for them.
    pub(crate) fn wake(&self, slot: u32, wanted: u64) {
        // Pairs with the fence in `Feeder::prepare_sleep`: either the client
        // sees what was published, or this sees that it waits.
        fence(SeqCst);
        let slot = self.region.slot(slot);
        if slot.waiting.load(SeqCst) & wanted == 0 {
            return;
        }
        let mut woken = slot.waiting.fetch_and(!wanted, SeqCst) & wanted;
        let count = u64::from(woken.count_ones());
        self.region.control().client_wakes.fetch_add(count, Relaxed);
        slot.clients_woken.fetch_add(count, Relaxed);
        while woken != 0 {
            let participant = woken.trailing_zeros() as usize;
            self.host.wake(slot.participants[participant].latch.load(Acquire));
            woken &= woken - 1;
        }
    }

    /// Wakes producers of a session that had found no free page.
    pub(crate) fn wake_starved(&self, slot: u32) {
        fence(SeqCst);
        let starved = &self.region.slot(slot).starved;
        if starved.load(SeqCst) != 0 && starved.swap(0, SeqCst) != 0 {
            self.wake(slot, EVERYBODY);
        }
    }

    /// Wakes as many waiters as there are free slots.
    pub(crate) fn serve_waiters(&self) {
        self.wake_waiters(self.region.free_slots());
    }

    /// Wakes the first `count` of those that wait for a slot.
    pub(crate) fn wake_waiters(&self, count: usize) {
        let latches: SmallVec<[u64; 8]> = self.region.control().waiters.first(count);
        for latch in latches {
            self.host.wake(latch);
        }
    }
}
