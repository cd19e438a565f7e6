//! The PgFusion node: PostgreSQL's callbacks around a [`Run`].

use super::methods::{Methods, NO_CALLBACKS, new_state};
use super::owned::Owned;
use super::params::Params;
use super::results::clear;
use super::run::Run;
use super::state::FusionState;
use super::tree::Tree;
use super::{children, explain, plan_inlining, privileges};
use crate::boundary;
use crate::carried::{Carried, FUSION_NAME};
use crate::error;
use fusion_plan::{PgError, decode, encode};
use pgrx::pg_sys;
use pgrx::prelude::*;

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

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: it begins with PostgreSQL's state; zeroes are no run.
    unsafe { new_state::<FusionState>(&EXEC_METHODS) }
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
            let scan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
            for function in Carried::functions(scan) {
                privileges::check(function);
            }
            let bytes = Carried::plan_bytes(scan);
            let bytes = bytes.ok_or_else(|| PgError::internal("a PgFusion node without a plan"));
            let run = error::check(run(error::check(bytes), scan, node));
            let state: *mut FusionState = node.cast();
            Owned::keep_in(&raw mut (*state).run, (*estate).es_query_cxt);
            Owned::set(&raw mut (*state).run, run);
        });
    }
}

/// A run of the plan that `scan` carries as `bytes`, with those of the plans within it
/// that can be inlined.
///
/// # Errors
///
/// If the plan is not one of this library.
///
/// # Safety
///
/// Called from `BeginCustomScan` of `node`, after the children were initialised.
unsafe fn run(
    bytes: &[u8],
    scan: *const pg_sys::CustomScan,
    node: *mut pg_sys::CustomScanState,
) -> Result<Run, PgError> {
    let internal = |error: &dyn std::fmt::Display| PgError::internal(error.to_string());
    let plan = decode(bytes).map_err(|error| internal(&error))?;
    // SAFETY: the caller's promise.
    unsafe {
        let mut tree = Tree::new(plan, node, Params::new(scan, node));
        let bytes = match plan_inlining::inline(&mut tree)? {
            true => encode(&tree.plan).map_err(|error| internal(&error))?,
            false => bytes.to_vec(),
        };
        Run::new(tree, bytes, node)
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
            children::end(node);
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
            children::rescan_feeds(node);
            pg_sys::ExecScanReScan(&raw mut (*node).ss);
        });
    }
}
