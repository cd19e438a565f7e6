//! The client's end before it has a session: waiting for a slot.

use crate::session::client::{ClientSession, OpenError};
use crate::shared::region::Region;
use crate::shared::waiters::Ticket;
use crate::sync::process_id;

/// A place in the queue for session slots. Dropping it withdraws.
#[derive(Debug)]
pub struct Waiter {
    region: Region,
    ticket: Ticket,
    latch: u64,
}

impl Waiter {
    /// Queues up; `latch` is set when it may be this client's turn, and when
    /// the worker goes.
    ///
    /// # Errors
    ///
    /// [`OpenError::TooManyWaiting`].
    pub fn join(region: &Region, latch: u64) -> Result<Self, OpenError> {
        let ticket =
            region.control().waiters.join(process_id(), latch).ok_or(OpenError::TooManyWaiting)?;
        Ok(Self { region: region.clone(), ticket, latch })
    }

    /// Opens a session if it is this client's turn. To be called after
    /// [`Waiter::join`] and whenever the latch was set; on success, drop the
    /// waiter.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoWorker`].
    pub fn try_open(&self) -> Result<Option<ClientSession>, OpenError> {
        ClientSession::open_in_turn(&self.region, self.latch, Some(self.ticket))
    }

    /// How many clients wait in front of this one.
    pub fn ahead(&self) -> usize {
        self.region.control().waiters.ahead(Some(self.ticket))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let control = self.region.control();
        // If a slot is free, it may now be somebody else's turn.
        if control.waiters.leave(self.ticket) && control.waiters.any() {
            control.doorbell.ring_slot_freed();
        }
    }
}
