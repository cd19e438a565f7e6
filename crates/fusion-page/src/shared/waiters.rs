//! The queue in front of the session slots: first come, first served.
//!
//! A waiting client has an entry with a ticket. It may take a slot when more
//! slots are free than others wait before it, so nobody is overtaken, neither
//! by later waiters nor by newcomers. Entries of the dead are removed by
//! [`WorkerSide::reap_dead_clients`](crate::WorkerSide::reap_dead_clients).

use crate::limits::MAX_WAITERS;
use crate::shared::many::Many;
use crate::sync::AtomicU64;
use smallvec::SmallVec;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

const PID_BITS: u32 = 24;
const TICKET_BITS: u32 = 39;
const READY: u64 = 1;

/// Who waits. All zeroes is nobody.
#[repr(C)]
#[derive(Default)]
pub(crate) struct WaiterTable {
    ticket: AtomicU64,
    /// Ticket, process id, and whether the latch is there; 0 if free.
    entries: Many<AtomicU64, MAX_WAITERS>,
    latches: Many<AtomicU64, MAX_WAITERS>,
}

/// An entry of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    index: usize,
    word: u64,
}

fn pid_of(word: u64) -> u32 {
    (word >> 1) as u32 & ((1 << PID_BITS) - 1)
}

impl WaiterTable {
    /// Queues a client; `None` if the table is full.
    pub(crate) fn join(&self, pid: u32, latch: u64) -> Option<Ticket> {
        let number = self.ticket.fetch_add(1, SeqCst) & ((1 << TICKET_BITS) - 1);
        let pid = u64::from(pid) & ((1 << PID_BITS) - 1);
        let word = number << (PID_BITS + 1) | pid << 1;
        let index = self.entries.iter().position(|entry| {
            entry.load(Relaxed) == 0 && entry.compare_exchange(0, word, AcqRel, Relaxed).is_ok()
        })?;
        self.latches[index].store(latch, Relaxed);
        self.entries[index].store(word | READY, SeqCst);
        Some(Ticket { index, word: word | READY })
    }

    /// Removes an entry; `false` if it had been removed.
    pub(crate) fn leave(&self, ticket: Ticket) -> bool {
        self.entries[ticket.index].compare_exchange(ticket.word, 0, SeqCst, Relaxed).is_ok()
    }

    /// How many wait in front of `ticket`, or of a newcomer.
    pub(crate) fn ahead(&self, ticket: Option<Ticket>) -> usize {
        let limit = ticket.map_or(u64::MAX, |ticket| ticket.word);
        self.ready().filter(|&(_, word)| word < limit).count()
    }

    fn ready(&self) -> impl Iterator<Item = (usize, u64)> {
        self.entries
            .iter()
            .map(|entry| entry.load(SeqCst))
            .enumerate()
            .filter(|(_, word)| word & READY != 0)
    }

    /// The latches of the first `count` that wait.
    pub(crate) fn first(&self, count: usize) -> SmallVec<[u64; 8]> {
        let mut waiting: SmallVec<[(u64, usize); 16]> =
            self.ready().map(|(index, word)| (word, index)).collect();
        waiting.sort_unstable();
        waiting.iter().take(count).map(|&(_, index)| self.latches[index].load(Acquire)).collect()
    }

    /// Whether anybody waits.
    pub(crate) fn any(&self) -> bool {
        self.entries.iter().any(|entry| entry.load(SeqCst) != 0)
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.ready().count()
    }

    /// Removes those whose process is not `alive`; returns whether there were.
    pub(crate) fn reap(&self, alive: &dyn Fn(u32) -> bool) -> bool {
        let mut any = false;
        for entry in self.entries.iter() {
            let word = entry.load(SeqCst);
            if word != 0 && !alive(pid_of(word)) {
                any |= entry.compare_exchange(word, 0, SeqCst, Relaxed).is_ok();
            }
        }
        any
    }
}
