//! One process's end of a session on the client's side: to ring the worker, and to leave.

use crate::error::PageError;
use crate::shared::identity::SessionKey;
use crate::shared::region::Region;
use crate::shared::slot::Slot;
use crate::shared::state::State;
use crate::sync::AtomicBool;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// One process's end of a session on the client's side.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) region: Region,
    pub(crate) key: SessionKey,
    /// The worker that the session was opened for.
    pub(crate) worker: u64,
    /// The process's entry among the participants; 0 is the client itself.
    pub(crate) participant: usize,
    pub(crate) open: AtomicBool,
}

impl Endpoint {
    pub(crate) fn slot(&self) -> &Slot {
        self.region.slot(self.key.slot)
    }

    /// Tells the worker that there is news.
    pub(crate) fn ring(&self) {
        let slot = self.slot();
        slot.news.fetch_add(1, Relaxed);
        if self.region.control().doorbell.ring(self.key.slot) {
            slot.worker_woken.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn check_open(&self) -> Result<(), PageError> {
        if self.open.load(Relaxed) { Ok(()) } else { Err(PageError::Closed) }
    }

    pub(crate) fn worker_gone(&self) -> bool {
        self.region.worker_word() != self.worker
    }

    /// Leaves the session; does nothing the second time.
    pub(crate) fn close(&self) {
        if !self.open.swap(false, SeqCst) {
            return;
        }
        let slot = self.slot();
        if self.participant == 0 {
            self.region.change_state(self.key, State::CLIENT, 0, State::CLIENT);
        } else {
            slot.waiting.fetch_and(!(1 << self.participant), SeqCst);
            slot.participants[self.participant].pid.store(0, SeqCst);
        }
        settle_and_tell(&self.region, self.key.slot);
        if self.participant == 0 {
            // A worker that has the session sees that it is cancelled.
            self.region.control().doorbell.ring(self.key.slot);
        }
    }
}

/// Settles a slot and lets the worker wake those who wait for one.
pub(crate) fn settle_and_tell(region: &Region, slot: u32) {
    if region.settle(slot) && region.control().waiters.any() {
        region.control().doorbell.ring_slot_freed();
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close();
    }
}
