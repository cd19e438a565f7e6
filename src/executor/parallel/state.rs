//! The Feeds node's state, which the Gather's code in the leader writes to as well.

use super::shared_state::Participants;
use crate::executor::owned::Owned;
use fusion_page::Feeder;
use pgrx::pg_sys;
use std::ffi::c_void;

/// The node's state.
#[repr(C)]
pub struct FeedsState {
    /// PostgreSQL's own.
    pub css: pg_sys::CustomScanState,
    /// What the processes share, once workers are to be started; NULL before.
    pub shared: *mut c_void,
    /// In the leader, the PgFusion node.
    pub fusion: *mut pg_sys::CustomScanState,
    /// In a worker, its end of the session, while it runs.
    pub feeder: Owned<Feeder>,
}

impl FeedsState {
    /// Names the PgFusion node that the leaves belong to.
    ///
    /// # Safety
    ///
    /// `this` is the state of a Feeds node, and `fusion` that of the node above.
    pub unsafe fn set_fusion(this: *mut Self, fusion: *mut pg_sys::CustomScanState) {
        // SAFETY: the caller's promise.
        unsafe { (*this).fusion = fusion };
    }

    /// What the processes share; `None` before workers were prepared.
    ///
    /// # Safety
    ///
    /// `this` is the state of a Feeds node.
    pub unsafe fn participants(this: *mut Self) -> Option<Participants> {
        // SAFETY: PostgreSQL gave the memory for this purpose, and keeps it until
        // the node is shut down.
        unsafe { Participants::at((*this).shared) }
    }
}
