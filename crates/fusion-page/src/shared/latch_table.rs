//! The words of the latches that live in the region.

use crate::limits::FUTEX_LATCHES;
use crate::shared::many::Many;
use crate::sync::AtomicU32;

/// All zeroes is latches that are not set.
#[derive(Default)]
#[repr(C)]
pub(crate) struct LatchTable(Many<AtomicU32, FUTEX_LATCHES>);

impl LatchTable {
    /// The latch that a session knows by `word`.
    pub(crate) fn get(&self, word: u64) -> &AtomicU32 {
        &self.0[word as usize % FUTEX_LATCHES]
    }
}
