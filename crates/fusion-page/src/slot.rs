//! Session slots: the shared state of one session each.
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
//! The state word holds the generation (how often the slot was opened), the
//! client's process id and the flags, so that opening is one CAS, and a client
//! that dies right after it can be found. Parallel workers that feed a session
//! are registered as further participants, and the slot is not settled before
//! they have left. Settling is idempotent: whoever finds a slot that all have
//! left does it, and if he dies half-way, the next one does.

use crate::limits::{LEAF_RING, MAX_FILTERS, MAX_LEAVES, MAX_PARTICIPANTS, RESULT_RING};
use crate::many::Many;
use crate::outcome::Outcome;
use crate::region::Region;
use crate::ring::Ring;
use crate::sync::{AtomicU32, AtomicU64};
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

/// Names a session: a slot, and how often it had been opened. Travels between
/// processes as a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl SessionKey {
    /// The number of the session's slot, below
    /// [`RegionConfig::max_sessions`](crate::RegionConfig::max_sessions).
    pub fn slot(self) -> u32 {
        self.slot
    }

    /// How often the slot had been opened.
    pub fn generation(self) -> u32 {
        self.generation
    }

    /// The key as a number.
    pub fn to_bits(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.generation)
    }

    /// The key from [`SessionKey::to_bits`].
    pub fn from_bits(bits: u64) -> Self {
        Self { slot: (bits >> 32) as u32, generation: bits as u32 }
    }
}

/// The state word of a slot, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) generation: u32,
    pub(crate) pid: u32,
    pub(crate) flags: u8,
}

impl State {
    /// The slot is in use; without the flags below it waits to be settled.
    pub(crate) const BUSY: u8 = 1;
    /// The client's side is open.
    pub(crate) const CLIENT: u8 = 2;
    /// The opening message is there.
    pub(crate) const SUBMITTED: u8 = 4;
    /// The worker's side is open.
    pub(crate) const WORKER: u8 = 8;

    /// Process ids are below 2^22 on Linux, so 24 bits hold them.
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.generation) << 32
            | u64::from(self.pid & 0xff_ffff) << 8
            | u64::from(self.flags)
    }

    pub(crate) fn unpack(word: u64) -> Self {
        Self {
            generation: (word >> 32) as u32,
            pid: (word >> 8) as u32 & 0xff_ffff,
            flags: word as u8,
        }
    }

    pub(crate) fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

/// A count that belongs to a generation: updates from an earlier one are lost.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct HeldCount(AtomicU64);

impl HeldCount {
    pub(crate) fn reset(&self, generation: u32) {
        self.0.store(u64::from(generation) << 32, SeqCst);
    }

    pub(crate) fn add(&self, generation: u32) {
        self.update(generation, |count| count.wrapping_add(1));
    }

    pub(crate) fn sub(&self, generation: u32) {
        self.update(generation, |count| count.wrapping_sub(1));
    }

    fn update(&self, generation: u32, f: impl Fn(u32) -> u32) {
        let mut word = self.0.load(Relaxed);
        while (word >> 32) as u32 == generation {
            let new = u64::from(generation) << 32 | u64::from(f(word as u32));
            match self.0.compare_exchange_weak(word, new, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
    }

    /// Whether nothing was counted in this generation.
    pub(crate) fn is_zero(&self, generation: u32) -> bool {
        self.0.load(SeqCst) == u64::from(generation) << 32
    }
}

/// One process of the client's side.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Participant {
    /// Its process id, 0 if the entry is free. The client itself, entry 0, is
    /// in the state word instead.
    pub(crate) pid: AtomicU32,
    /// What wakes it.
    pub(crate) latch: AtomicU64,
}

/// One leaf: its queue of pages and its credits.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Leaf {
    /// Pages that the engine has asked for, ever.
    pub(crate) granted: CachePadded<AtomicU64>,
    /// Pages that producers have undertaken to send, ever; never more.
    pub(crate) produced: CachePadded<AtomicU64>,
    /// Not 0 once all is sent.
    pub(crate) ended: AtomicU32,
    /// Not 0 while the worker wants to hear of a page: it has found none.
    pub(crate) wanted: AtomicU32,
    /// Filters that the worker has published: the pages' numbers plus one, or 0.
    pub(crate) filters: Many<AtomicU32, MAX_FILTERS>,
    /// Rows that producers have dropped because of them.
    pub(crate) filtered: AtomicU64,
    pub(crate) ring: Ring<LEAF_RING>,
}

/// The results on their way to the client.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Results {
    pub(crate) ring: Ring<RESULT_RING>,
    /// Pages that the worker has begun, ever.
    pub(crate) begun: CachePadded<AtomicU64>,
    /// Pages that the client has released, ever.
    pub(crate) released: CachePadded<AtomicU64>,
    /// Not 0 while the worker wants to hear of a release.
    pub(crate) wanted: AtomicU32,
}

/// How often the two sides of a session have told each other something, and woken
/// each other for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WakeUps {
    /// Pages that the worker waited for, ends of leaves and the like that the client's
    /// side told the worker of.
    pub news: u64,
    /// Of these, how many found the worker's doorbell thread asleep.
    pub worker: u64,
    /// How often the worker woke a process of the client's side.
    pub clients: u64,
}

/// The shared state of one session. All zeroes is a slot that was never used.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Slot {
    /// The worker (see [`Region::worker_word`]) that the session was opened for.
    pub(crate) worker: AtomicU64,
    /// The message with the opening blob.
    pub(crate) opening: AtomicU32,
    /// Number of leaves, set with the opening.
    pub(crate) leaves: AtomicU32,
    /// Jumbo buffers that were created in this generation.
    pub(crate) jumbos: AtomicU32,
    /// Pages that this generation owns, or a little more.
    pub(crate) held: HeldCount,
    /// A bit for each participant that is asleep or about to be.
    pub(crate) waiting: CachePadded<AtomicU64>,
    /// Not 0 if a producer found no free page.
    pub(crate) starved: AtomicU32,
    /// For [`WakeUps`].
    pub(crate) news: CachePadded<AtomicU64>,
    pub(crate) worker_woken: AtomicU64,
    pub(crate) clients_woken: AtomicU64,
    /// Temporary files that the worker has made for the session, ever.
    pub(crate) spill_files: AtomicU64,
    /// Bytes that it has written to them, ever.
    pub(crate) spilled_bytes: AtomicU64,
    pub(crate) outcome: Outcome,
    pub(crate) participants: Many<Participant, MAX_PARTICIPANTS>,
    pub(crate) results: Results,
    pub(crate) leaf: Many<Leaf, MAX_LEAVES>,
}

impl Slot {
    /// Prepares the slot for a new generation. Nobody else uses it yet.
    pub(crate) fn begin(&self, key: SessionKey, worker: u64, latch: u64) {
        self.worker.store(worker, Relaxed);
        self.opening.store(0, Relaxed);
        self.leaves.store(0, Relaxed);
        self.jumbos.store(0, Relaxed);
        self.held.reset(key.generation);
        self.waiting.store(0, Relaxed);
        self.starved.store(0, Relaxed);
        self.news.store(0, Relaxed);
        self.worker_woken.store(0, Relaxed);
        self.clients_woken.store(0, Relaxed);
        self.spill_files.store(0, Relaxed);
        self.spilled_bytes.store(0, Relaxed);
        self.outcome.reset();
        self.participants[0].latch.store(latch, Relaxed);
        self.results.ring.reset();
        self.results.begun.store(0, Relaxed);
        self.results.released.store(0, Relaxed);
        self.results.wanted.store(0, Relaxed);
    }

    /// Prepares the leaves.
    pub(crate) fn begin_leaves(&self, leaves: usize) {
        for leaf in &self.leaf[..leaves] {
            leaf.granted.store(0, Relaxed);
            leaf.produced.store(0, Relaxed);
            leaf.ended.store(0, Relaxed);
            leaf.wanted.store(0, Relaxed);
            leaf.filters.iter().for_each(|filter| filter.store(0, Relaxed));
            leaf.filtered.store(0, Relaxed);
            leaf.ring.reset();
        }
        self.leaves.store(leaves as u32, Relaxed);
    }

    /// Whether any parallel worker is registered.
    fn has_participants(&self) -> bool {
        self.participants[1..].iter().any(|p| p.pid.load(SeqCst) != 0)
    }
}

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
            self.remove_jumbos(Some(key));
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
}

fn busy(states: &[AtomicU64]) -> usize {
    states.iter().filter(|word| State::unpack(word.load(SeqCst)).has(State::BUSY)).count()
}
