//! The words of one session: its leaves, its results, its participants.
//!
//! [`Slot::begin`] and [`Slot::begin_leaves`] prepare them for each session. Only
//! entries of participants outlive it: until who entered himself has left, or has
//! been found dead.

use crate::limits::{LEAF_RING, MAX_FILTERS, MAX_LEAVES, MAX_PARTICIPANTS, RESULT_RING};
use crate::shared::identity::SessionKey;
use crate::shared::many::Many;
use crate::shared::outcome::Outcome;
use crate::shared::ring::Ring;
use crate::sync::{AtomicU32, AtomicU64};
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

/// A count that belongs to a generation: updates from an earlier one are lost.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct PageCount(AtomicU64);

impl PageCount {
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

/// The shared state of one session. All zeroes is a slot that was never used.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Slot {
    /// The worker that the session was opened for, as the region's
    /// [`Control`](crate::shared::control::Control) names it.
    pub(crate) worker: AtomicU64,
    /// Announces the page or jumbo buffer with the startup message, as in a queue.
    pub(crate) startup_message: AtomicU32,
    /// Number of leaves, set with the startup message.
    pub(crate) leaves: AtomicU32,
    /// Jumbo buffers that were created in this generation.
    pub(crate) jumbos: AtomicU32,
    /// Pages that this generation owns, or a little more.
    pub(crate) pages: PageCount,
    /// A bit for each participant that is asleep or about to be.
    pub(crate) waiting: CachePadded<AtomicU64>,
    /// Not 0 if a producer found no free page.
    pub(crate) starved: AtomicU32,
    /// For [`WakeUps`](crate::WakeUps).
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
        self.startup_message.store(0, Relaxed);
        self.leaves.store(0, Relaxed);
        self.jumbos.store(0, Relaxed);
        self.pages.reset(key.generation);
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
    pub(crate) fn has_participants(&self) -> bool {
        self.participants[1..].iter().any(|p| p.pid.load(SeqCst) != 0)
    }
}
