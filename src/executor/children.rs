//! What the nodes do with the plans below them, which PostgreSQL leaves to a custom
//! scan: begin, end and rescan them.

use super::raw;
use crate::boundary;
use crate::nodes::{iter, list_of};
use pgrx::pg_sys;

/// Initialises the child plans of a custom scan.
///
/// # Safety
///
/// Called from `BeginCustomScan` with its arguments, within a guard.
pub unsafe fn begin(node: *mut pg_sys::CustomScanState, estate: *mut pg_sys::EState, eflags: i32) {
    // SAFETY: the caller's promise.
    unsafe {
        let scan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
        let children = iter::<pg_sys::Plan>((*scan).custom_plans)
            .map(|plan| boundary::call(|| raw::init_node(plan, estate, eflags)));
        (*node).custom_ps = list_of(children);
    }
}

/// Ends the children of a custom scan.
///
/// # Safety
///
/// Called from `EndCustomScan`, within a guard.
pub unsafe fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe {
        for child in iter::<pg_sys::PlanState>((*node).custom_ps) {
            boundary::call(|| raw::end_node(child));
        }
    }
}

/// Rescans the Feed nodes of a PgFusion node. At once: nothing asks a Feed for
/// rows, so it would never notice changed parameters by itself.
///
/// # Safety
///
/// Called from `ReScanCustomScan`, within a guard.
pub unsafe fn rescan_feeds(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe {
        for feed in iter::<pg_sys::PlanState>((*node).custom_ps) {
            pass_changed_params(node, feed);
            boundary::call(|| raw::rescan_node(feed));
        }
    }
}

/// Tells `child` which of the parameters have changed that `node` was told of.
///
/// # Safety
///
/// A node of ours that has begun, and one of its children.
pub unsafe fn pass_changed_params(
    node: *mut pg_sys::CustomScanState,
    child: *mut pg_sys::PlanState,
) {
    // SAFETY: a node and its child.
    unsafe {
        if !(*node).ss.ps.chgParam.is_null() {
            pg_sys::UpdateChangedParamSet(child, (*node).ss.ps.chgParam);
        }
    }
}
