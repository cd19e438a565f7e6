//! The PgFusion node: PostgreSQL's callbacks around a [`Run`].

use super::owned::Owned;
use super::results::clear;
use super::run::Run;
use super::{Methods, NO_CALLBACKS, explain, feed, privileges};
use crate::boundary;
use crate::error;
use crate::planner::{Carried, FUSION_NAME};
use fusion_plan::PgError;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ptr;

static SCAN_METHODS: Methods<pg_sys::CustomScanMethods> = Methods(pg_sys::CustomScanMethods {
    CustomName: FUSION_NAME.as_ptr(),
    CreateCustomScanState: Some(create_state),
});

static EXEC_METHODS: Methods<pg_sys::CustomExecMethods> = Methods(pg_sys::CustomExecMethods {
    CustomName: FUSION_NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(exec),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    ShutdownCustomScan: Some(shutdown),
    ExplainCustomScan: Some(explain::explain),
    ..NO_CALLBACKS
});

/// The plan node's methods.
pub fn scan_methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

/// The node's state: PostgreSQL's, and ours behind a pointer.
///
/// The run is dropped when the node ends, and if it does not, because of an
/// error, when the query's memory goes.
#[repr(C)]
pub struct FusionState {
    css: pg_sys::CustomScanState,
    run: Owned<Run>,
}

impl FusionState {
    /// The run of `node`, a PgFusion node, once it has begun.
    ///
    /// # Safety
    ///
    /// `node` came from [`scan_methods`]; nothing else borrows its run.
    pub unsafe fn run<'a>(node: *mut pg_sys::CustomScanState) -> Option<&'a mut Run> {
        // SAFETY: the caller's promise.
        unsafe { Owned::get(&raw mut (*node.cast::<Self>()).run) }
    }

    /// PostgreSQL shuts the nodes of a plan down, this one or one below it: ends the session
    /// if no more rows will be asked for.
    ///
    /// A shutdown alone does not say so: it says that parallel workers may go.
    /// `ExecutePlan` in execMain.c, which nothing else does, shuts the nodes down after each
    /// portion of the rows, of a portal that is read in steps or of an SQL function in a
    /// target list. But it allows parallel mode only if the plan runs once, to its end. So
    /// in parallel mode the run is over, and in any other there are no workers, and the
    /// session goes on with the leader alone.
    ///
    /// # Safety
    ///
    /// As for [`FusionState::run`].
    pub unsafe fn shut_down(node: *mut pg_sys::CustomScanState) {
        // SAFETY: the caller's promise.
        unsafe {
            if (*(*node).ss.ps.state).es_use_parallel_mode
                && let Some(run) = Self::run(node)
            {
                run.stop();
            }
        }
    }

    /// Whether `node` is a PgFusion node.
    ///
    /// # Safety
    ///
    /// `node` is a valid custom scan's state.
    pub unsafe fn is_one(node: *const pg_sys::CustomScanState) -> bool {
        // SAFETY: the caller's promise.
        unsafe { ptr::eq((*node).methods, &raw const EXEC_METHODS.0) }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: a zeroed state with its tag and methods is what PostgreSQL asks
    // for; zeroes are no run.
    unsafe {
        let state: *mut FusionState = pg_sys::palloc0(size_of::<FusionState>()).cast();
        (*state).css.ss.ps.type_ = pg_sys::NodeTag::T_CustomScanState;
        (*state).css.methods = &raw const EXEC_METHODS.0;
        state.cast()
    }
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
            feed::init_children(node, estate, eflags);
            let scan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
            for function in Carried::functions(scan) {
                privileges::check(function);
            }
            let bytes = Carried::plan_bytes(scan);
            let bytes = bytes.ok_or_else(|| PgError::internal("a PgFusion node without a plan"));
            let run = error::check(Run::new(error::check(bytes), scan, node));
            let state: *mut FusionState = node.cast();
            Owned::keep_in(&raw mut (*state).run, (*estate).es_query_cxt);
            Owned::set(&raw mut (*state).run, run);
        });
    }
}

/// `ExecCustomScan`: PostgreSQL's own scan loop checks pending conditions and
/// projects.
unsafe extern "C-unwind" fn exec(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    unsafe extern "C-unwind" {
        /// Without pgrx's wrapper: nothing here has a destructor, so an error
        /// may pass through.
        #[link_name = "ExecScan"]
        fn exec_scan(
            node: *mut pg_sys::ScanState,
            access: pg_sys::ExecScanAccessMtd,
            recheck: pg_sys::ExecScanRecheckMtd,
        ) -> *mut pg_sys::TupleTableSlot;
    }
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe { exec_scan(&raw mut (*node).ss, Some(access), Some(recheck)) }
}

unsafe extern "C-unwind" fn access(node: *mut pg_sys::ScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: called from `exec` with our node.
    unsafe {
        boundary::guard(|| {
            let slot = (*node).ss_ScanTupleSlot;
            let Some(run) = FusionState::run(node.cast()) else {
                error::raise(PgError::internal("a PgFusion node that has not begun"));
            };
            if !error::check(run.next()) {
                clear(slot);
            }
            slot
        })
    }
}

/// PostgreSQL asks for this instead of [`access`] while it re-checks the rows
/// of an UPDATE that waited for another one, and, before its releases of
/// August 2025, also of nodes that have nothing to do with those rows: a
/// subquery of that UPDATE. Queries that lock rows have no fusion plans
/// themselves, so the answer is the next row, as always.
unsafe extern "C-unwind" fn recheck(
    node: *mut pg_sys::ScanState,
    slot: *mut pg_sys::TupleTableSlot,
) -> bool {
    // SAFETY: called from `exec` with our node and its slot.
    unsafe {
        access(node);
        u32::from((*slot).tts_flags) & pg_sys::TTS_FLAG_EMPTY == 0
    }
}

unsafe extern "C-unwind" fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe {
        boundary::guard(|| {
            if let Some(run) = FusionState::run(node) {
                run.stop();
            }
            Owned::clear(&raw mut (*node.cast::<FusionState>()).run);
            feed::end_children(node);
        });
    }
}

unsafe extern "C-unwind" fn shutdown(node: *mut pg_sys::CustomScanState) {
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe { boundary::guard(|| FusionState::shut_down(node)) }
}

unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: called by PostgreSQL on a node of ours. The session goes before
    // the leaves it reads from begin again.
    unsafe {
        boundary::guard(|| {
            if let Some(run) = FusionState::run(node) {
                run.reset();
            }
            feed::rescan_all(node);
            pg_sys::ExecScanReScan(&raw mut (*node).ss);
        });
    }
}
