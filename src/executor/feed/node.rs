//! The Feed node: PostgreSQL's callbacks for the node above one leaf.
//!
//! In the plan tree it is a node of its own, so that EXPLAIN shows it; but nobody
//! asks it for rows. The PgFusion node above, and in a parallel worker the Feeds
//! node, drives it page by page through [`Feed::produce`](super::pages::Feed::produce).

use crate::boundary;
use crate::carried::FEED_NAME;
use crate::error;
use crate::executor::methods::{Methods, NO_CALLBACKS, new_state};
use crate::executor::{children, raw};
use crate::nodes::iter;
use fusion_plan::PgError;
use pgrx::pg_sys;
use pgrx::prelude::*;

static SCAN_METHODS: Methods<pg_sys::CustomScanMethods> = Methods(pg_sys::CustomScanMethods {
    CustomName: FEED_NAME.as_ptr(),
    CreateCustomScanState: Some(create_state),
});

static EXEC_METHODS: Methods<pg_sys::CustomExecMethods> = Methods(pg_sys::CustomExecMethods {
    CustomName: FEED_NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(exec),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    ExplainCustomScan: Some(explain),
    ..NO_CALLBACKS
});

/// The plan node's methods.
pub fn scan_methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

/// The node's state.
#[repr(C)]
struct FeedState {
    css: pg_sys::CustomScanState,
    /// In the leader: rows that runtime filters removed, in all processes and sessions.
    filtered: u64,
}

/// Adds to what `node` shows that runtime filters removed.
///
/// # Safety
///
/// `node` is the state of a Feed node.
pub unsafe fn count_filtered(node: *mut pg_sys::CustomScanState, rows: u64) {
    // SAFETY: the caller's promise: a node of ours.
    unsafe { (*node.cast::<FeedState>()).filtered += rows }
}

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: it begins with PostgreSQL's state; zeroes are a count.
    unsafe { new_state::<FeedState>(&EXEC_METHODS) }
}

/// Shows what runtime filters removed.
#[pg_guard]
unsafe extern "C-unwind" fn explain(
    node: *mut pg_sys::CustomScanState,
    _ancestors: *mut pg_sys::List,
    es: *mut pg_sys::ExplainState,
) {
    // SAFETY: called by PostgreSQL on a node of ours with a valid state.
    unsafe {
        let filtered = (*node.cast::<FeedState>()).filtered;
        if (*es).analyze && filtered > 0 {
            let name = c"Rows Removed by Runtime Filter".as_ptr();
            pg_sys::ExplainPropertyInteger(name, std::ptr::null(), filtered as i64, es);
        }
    }
}

unsafe extern "C-unwind" fn begin(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    eflags: i32,
) {
    // A leaf is read once, forwards.
    let eflags = eflags & !((pg_sys::EXEC_FLAG_BACKWARD | pg_sys::EXEC_FLAG_MARK) as i32);
    // SAFETY: a Feed plan has one child.
    unsafe { boundary::guard(|| children::begin(node, estate, eflags)) }
}

/// Nothing asks a Feed for rows.
#[pg_guard]
unsafe extern "C-unwind" fn exec(
    _node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    error::raise(PgError::internal("a Feed node was asked for rows"))
}

unsafe extern "C-unwind" fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the child that `begin` made.
    unsafe { boundary::guard(|| children::end(node)) }
}

/// Rescans the leaf; one with changed parameters rescans by itself when it is
/// next asked for a row.
unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the child that `begin` made.
    unsafe {
        boundary::guard(|| {
            for leaf in iter::<pg_sys::PlanState>((*node).custom_ps) {
                children::pass_changed_params(node, leaf);
                if (*leaf).chgParam.is_null() {
                    boundary::call(|| raw::rescan_node(leaf));
                }
            }
        });
    }
}
