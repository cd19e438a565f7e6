//! The Feeds node: the leaves that parallel workers feed, too.
//!
//! ```text
//!   Custom Scan (PgFusion)
//!     Gather                      PostgreSQL's node, of which we use the state: it
//!       Custom Scan (Feeds)       starts the workers, and ends them
//!         Custom Scan (Feed)
//!           Parallel Seq Scan
//!         Custom Scan (Feed)
//!           Parallel Seq Scan
//! ```
//!
//! PostgreSQL's parallel executor runs the Feeds node in each worker, where it serves
//! whichever leaf the engine asks for, until all have ended or the session has. It
//! returns no rows. In the leader the PgFusion node does the same, beside its other
//! duties, without asking the Gather.

use super::shared_state::Participants;
use super::state::FeedsState;
use crate::boundary;
use crate::carried::FEEDS_NAME;
use crate::error::{self, page_error};
use crate::executor::children;
use crate::executor::feed::Producer;
use crate::executor::methods::{Methods, NO_CALLBACKS, new_state};
use crate::executor::owned::Owned;
use crate::executor::state::FusionState;
use crate::executor::wait::latch_word;
use crate::shared;
use fusion_page::{Feeder, PageError};
use fusion_plan::PgError;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_void;
use std::ptr;

static SCAN_METHODS: Methods<pg_sys::CustomScanMethods> = Methods(pg_sys::CustomScanMethods {
    CustomName: FEEDS_NAME.as_ptr(),
    CreateCustomScanState: Some(create_state),
});

static EXEC_METHODS: Methods<pg_sys::CustomExecMethods> = Methods(pg_sys::CustomExecMethods {
    CustomName: FEEDS_NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(exec),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    EstimateDSMCustomScan: Some(estimate_dsm),
    InitializeDSMCustomScan: Some(initialize_dsm),
    ReInitializeDSMCustomScan: Some(initialize_dsm),
    InitializeWorkerCustomScan: Some(initialize_worker),
    ShutdownCustomScan: Some(shutdown),
    ..NO_CALLBACKS
});

/// The plan node's methods.
pub fn scan_methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: it begins with PostgreSQL's state; zeroes are NULL pointers.
    unsafe { new_state::<FeedsState>(&EXEC_METHODS) }
}

unsafe extern "C-unwind" fn begin(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    eflags: i32,
) {
    // SAFETY: called by PostgreSQL on a node of ours; `es_query_cxt` holds the
    // node's state, and calls back before it frees it.
    unsafe {
        boundary::guard(|| {
            children::begin(node, estate, eflags);
            let state: *mut FeedsState = node.cast();
            Owned::keep_in(&raw mut (*state).feeder, (*estate).es_query_cxt);
        });
    }
}

/// In a worker: feeds until there is nothing more to feed.
unsafe extern "C-unwind" fn exec(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe {
        boundary::guard(|| {
            error::check(work(node.cast()));
            ptr::null_mut()
        })
    }
}

/// What a parallel worker does.
unsafe fn work(state: *mut FeedsState) -> Result<(), PgError> {
    // SAFETY: called from `exec`.
    unsafe {
        let (Some(participants), Some(region)) =
            (FeedsState::participants(state), shared::region())
        else {
            return Err(PgError::internal("a Feeds node was asked for rows"));
        };
        let feeder = match Feeder::attach(region, participants.session(), latch_word()) {
            Ok(feeder) => feeder,
            // The query is over already.
            Err(PageError::Closed) => return Ok(()),
            Err(error) => return Err(page_error(error)),
        };
        let owned = &raw mut (*state).feeder;
        Owned::set(owned, feeder);
        let Some(feeder) = Owned::get(owned) else { return Ok(()) };
        let mut producer = Producer::empty();
        let leaves =
            producer.add(&raw mut (*state).css, region, |leaf| participants.number(leaf))?;
        producer.share(leaves, Some(participants), ptr::null_mut());
        let result = producer.work(feeder);
        producer.close();
        Owned::clear(owned);
        result
    }
}

unsafe extern "C-unwind" fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe { boundary::guard(|| children::end(node)) }
}

unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe { boundary::guard(|| children::rescan_feeds(node)) }
}

#[pg_guard]
unsafe extern "C-unwind" fn estimate_dsm(
    _node: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
) -> usize {
    Participants::SIZE
}

/// In the leader, before workers are started, for the first time or again.
#[pg_guard]
unsafe extern "C-unwind" fn initialize_dsm(
    node: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
    memory: *mut c_void,
) {
    // SAFETY: called by PostgreSQL on a node of ours with the memory it asked for.
    unsafe { (*node.cast::<FeedsState>()).shared = memory };
}

#[pg_guard]
unsafe extern "C-unwind" fn initialize_worker(
    node: *mut pg_sys::CustomScanState,
    _toc: *mut pg_sys::shm_toc,
    memory: *mut c_void,
) {
    // SAFETY: as in `initialize_dsm`.
    unsafe { (*node.cast::<FeedsState>()).shared = memory };
}

/// The workers are to go: the Gather above, which is shut down next, waits for them, and
/// they stop when the session is over. There are none if it must go on.
unsafe extern "C-unwind" fn shutdown(node: *mut pg_sys::CustomScanState) {
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe {
        boundary::guard(|| {
            let state: *mut FeedsState = node.cast();
            if !(*state).fusion.is_null() {
                FusionState::shut_down((*state).fusion);
            }
            // The memory goes with the Gather's parallel context.
            (*state).shared = ptr::null_mut();
        });
    }
}
