//! What all sessions have in common.

use crate::doorbell::Doorbell;
use crate::futex_latch::LatchTable;
use crate::sync::{AtomicI64, AtomicU32, AtomicU64};
use crate::waiters::WaiterTable;
use crossbeam_utils::CachePadded;

/// The start of the region. All zeroes is the initial state.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Control {
    /// Generation of the worker in the upper half, its process id, or 0 if it
    /// has gone, in the lower.
    pub(crate) worker: CachePadded<AtomicU64>,
    pub(crate) surplus_hint: CachePadded<AtomicU32>,
    /// An estimate.
    pub(crate) surplus_used: AtomicI64,
    pub(crate) client_sleeps: AtomicU64,
    pub(crate) client_wakes: AtomicU64,
    pub(crate) jumbos: AtomicU64,
    pub(crate) overflows: AtomicU64,
    pub(crate) doorbell: CachePadded<Doorbell>,
    pub(crate) waiters: CachePadded<WaiterTable>,
    pub(crate) latches: CachePadded<LatchTable>,
}

/// Names one run of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerId {
    /// How many workers have been attached to the region, with this one.
    pub generation: u32,
    /// The worker's process id.
    pub pid: u32,
}

impl WorkerId {
    pub(crate) fn from_word(word: u64) -> Option<Self> {
        let pid = word as u32;
        (pid != 0).then_some(Self { generation: (word >> 32) as u32, pid })
    }

    pub(crate) fn word(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.pid)
    }
}
