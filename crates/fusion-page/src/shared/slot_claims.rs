//! Claiming and settling the slots of sessions.
//!
//! # Life of a slot
//!
//! ```text
//!          open              submit              accept
//!   free ────────▶ CLIENT ────────▶ SUBMITTED ────────▶ CLIENT and WORKER
//!     ▲                                                 │ both close, in
//!     └──── settle: reclaim pages and jumbo files ◀─────┘ either order
//! ```
//!
//! Parallel workers that feed a session are registered as further participants,
//! and the slot is not settled before they have left. Settling is idempotent:
//! whoever finds a slot that all have left does it, and if he dies half-way, the
//! next one does.

use crate::shared::identity::SessionKey;
use crate::shared::region::Region;
use crate::shared::state::State;
use crate::shared::waiters::Ticket;
use crate::sync::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

impl Region {
    /// The state of a slot.
    pub(crate) fn state(&self, slot: u32) -> State {
        State::unpack(self.states()[slot as usize].load(SeqCst))
    }

    /// Whether the session exists and has all of `flags`.
    pub(crate) fn session_has(&self, key: SessionKey, flags: u8) -> bool {
        let state = self.state(key.slot);
        state.generation == key.generation && state.has(flags)
    }

    /// Replaces the state of a session that has all of `require`; returns
    /// whether it had.
    pub(crate) fn change_state(&self, key: SessionKey, require: u8, set: u8, clear: u8) -> bool {
        let word = &self.states()[key.slot as usize];
        let mut seen = word.load(Acquire);
        loop {
            let state = State::unpack(seen);
            if state.generation != key.generation || !state.has(require) {
                return false;
            }
            let new = State { flags: state.flags & !clear | set, ..state };
            match word.compare_exchange_weak(seen, new.pack(), SeqCst, Acquire) {
                Ok(_) => return true,
                Err(changed) => seen = changed,
            }
        }
    }

    /// Takes a free slot for the client `pid`, one of those for nested sessions if
    /// `nested`.
    pub(crate) fn claim_slot(&self, pid: u32, nested: bool) -> Option<SessionKey> {
        let ordinary = self.max_sessions();
        let slots = if nested { ordinary..self.slot_count() } else { 0..ordinary };
        let first = slots.start;
        self.states()[slots].iter().enumerate().find_map(|(slot, word)| {
            let slot = first + slot;
            let seen = word.load(SeqCst);
            let state = State::unpack(seen);
            if state.has(State::BUSY) {
                return None;
            }
            let generation = state.generation.wrapping_add(1);
            let new = State { generation, pid, flags: State::BUSY | State::CLIENT };
            word.compare_exchange(seen, new.pack(), SeqCst, Relaxed)
                .is_ok()
                .then_some(SessionKey { slot: slot as u32, generation })
        })
    }

    /// Frees the slot, and with it what belongs to everybody, if all parties of its
    /// session have left; returns whether this call did. To be called by each party
    /// after it has left.
    pub(crate) fn settle(&self, slot: u32) -> bool {
        let state = self.state(slot);
        let open = State::CLIENT | State::WORKER;
        let shared = self.slot(slot);
        if !state.has(State::BUSY) || state.flags & open != 0 || shared.has_participants() {
            return false;
        }
        let key = SessionKey { slot, generation: state.generation };
        self.reclaim_pages(key, None);
        if shared.jumbos.load(SeqCst) != 0 {
            self.jumbo_dir().remove_all(Some(key));
        }
        let free = State { flags: 0, pid: 0, ..state };
        self.states()[slot as usize]
            .compare_exchange(state.pack(), free.pack(), SeqCst, Relaxed)
            .is_ok()
    }

    /// The number of slots in use.
    pub(crate) fn count_sessions(&self) -> usize {
        busy(self.states())
    }

    /// The number of free slots, not counting those for nested sessions.
    pub(crate) fn free_slots(&self) -> usize {
        let ordinary = &self.states()[..self.max_sessions()];
        ordinary.len() - busy(ordinary)
    }

    /// Whether a client with this ticket, or a newcomer, may take a slot now.
    pub(crate) fn may_open(&self, ticket: Option<Ticket>) -> bool {
        self.free_slots() > self.control().waiters.ahead(ticket)
    }
}

fn busy(states: &[AtomicU64]) -> usize {
    states.iter().filter(|word| State::unpack(word.load(SeqCst)).has(State::BUSY)).count()
}
