//! What all sessions have in common.

use crate::shared::doorbell::Doorbell;
use crate::shared::latch_table::LatchTable;
use crate::shared::waiters::WaiterTable;
use crate::sync::{AtomicI64, AtomicU32, AtomicU64};
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
