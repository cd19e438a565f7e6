//! Cursors: what PostgreSQL's own plan could do, ours can, and no more.
//!
//! Two things that a user does with a cursor depend on its plan. `WHERE CURRENT OF` looks
//! for the scan that gave the cursor's row (`search_plan_tree` in execCurrent.c), and does
//! not find it below a node of ours. And a cursor that is declared neither SCROLL nor NO
//! SCROLL can be read backwards if its plan can (`PerformCursorOpen` in portalcmds.c and
//! `SPI_cursor_open_internal` in spi.c ask `ExecSupportsBackwardScan`), which our nodes
//! cannot.
//!
//! So where a node of ours stands in a cursor's plan, the query is planned by PostgreSQL
//! alone as well, and the two are compared:
//!
//! ```text
//! WHERE CURRENT OF finds other scans                   PostgreSQL's plan
//! only PostgreSQL's plan can be read backwards         our plan, its rows kept in a Material
//! only our plan can be read backwards                  PostgreSQL's plan
//! else                                                 our plan
//! ```
//!
//! The cursors are those of DECLARE and of PL/pgSQL. The other ways to open one (a plan
//! that was prepared through SPI, a portal of the protocol) do not tell the planner.

use super::report;
use crate::nodes::{copy, iter, tag};
use pgrx::pg_sys::{self, NodeTag};
use std::collections::HashSet;
use std::ffi::c_int;

const SCROLL: c_int = pg_sys::CURSOR_OPT_SCROLL as c_int;
const NO_SCROLL: c_int = pg_sys::CURSOR_OPT_NO_SCROLL as c_int;

/// What came of one planner call.
pub struct Planned {
    /// The plan.
    pub statement: *mut pg_sys::PlannedStmt,
    /// Whether a path of ours became a plan.
    pub has_fusion: bool,
    /// Whether the call answered the request for a report.
    pub reported: bool,
}

/// Whether the planner's `options` are those of a cursor of DECLARE (gram.y) or of
/// PL/pgSQL (pl_gram.y).
pub fn is_one(options: c_int) -> bool {
    options & pg_sys::CURSOR_OPT_FAST_PLAN as c_int != 0
}

/// The plan of a cursor over `query`. `plan` plans a query, which it may scribble on, with
/// options, and with fusion plans or without.
///
/// # Safety
///
/// Called from the planner hook with its arguments, within `boundary::guard`.
pub unsafe fn plan(
    query: *mut pg_sys::Query,
    options: c_int,
    plan: impl Fn(*mut pg_sys::Query, c_int, bool) -> Planned,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: the caller's promise; statements that were just planned.
    unsafe {
        let Planned { statement: ours, has_fusion, reported } = plan(copy(query), options, true);
        // A cursor that locks its rows finds them by their marks, and is never read
        // backwards.
        if !has_fusion || !(*ours).rowMarks.is_null() {
            return ours;
        }
        let native = plan(copy(query), options, false).statement;
        let natively = |why| {
            if reported {
                report::replace_answer(why);
            }
            native
        };
        if scans(ours) != scans(native) {
            return natively("WHERE CURRENT OF may name the cursor");
        }
        if options & (SCROLL | NO_SCROLL) != 0 {
            return ours;
        }
        let backwards =
            |plan: *mut pg_sys::PlannedStmt| pg_sys::ExecSupportsBackwardScan((*plan).planTree);
        match (backwards(native), backwards(ours)) {
            // `standard_planner` in planner.c adds the Material.
            (true, false) => plan(query, options | SCROLL, true).statement,
            (false, true) => natively("the cursor could be read backwards"),
            _ => ours,
        }
    }
}

/// The tables of which `WHERE CURRENT OF` finds the scan in the plan of `statement`.
unsafe fn scans(statement: *const pg_sys::PlannedStmt) -> HashSet<pg_sys::Oid> {
    // SAFETY: the caller's promise: a valid statement.
    unsafe { scans_below((*statement).planTree, (*statement).rtable) }
}

/// [`scans`] from `plan` down. Follows `search_plan_tree`.
unsafe fn scans_below(
    plan: *const pg_sys::Plan,
    rtable: *const pg_sys::List,
) -> HashSet<pg_sys::Oid> {
    // SAFETY: the caller's promise: a plan, over relations of the range table.
    unsafe {
        match tag(plan) {
            NodeTag::T_SeqScan
            | NodeTag::T_SampleScan
            | NodeTag::T_IndexScan
            | NodeTag::T_IndexOnlyScan
            | NodeTag::T_BitmapHeapScan
            | NodeTag::T_TidScan
            | NodeTag::T_TidRangeScan
            | NodeTag::T_ForeignScan
            | NodeTag::T_CustomScan => {
                let relation = (*plan.cast::<pg_sys::Scan>()).scanrelid as usize;
                let entries = iter::<pg_sys::RangeTblEntry>(rtable);
                let entry = relation.checked_sub(1).and_then(|index| entries.clone().nth(index));
                entry.map(|entry| (*entry).relid).into_iter().collect()
            }
            NodeTag::T_Append => {
                let (mut once, mut twice) = (HashSet::new(), HashSet::new());
                for input in iter::<pg_sys::Plan>((*plan.cast::<pg_sys::Append>()).appendplans) {
                    for table in scans_below(input, rtable) {
                        if !once.insert(table) {
                            twice.insert(table);
                        }
                    }
                }
                once.difference(&twice).copied().collect()
            }
            NodeTag::T_Result | NodeTag::T_Limit => scans_below((*plan).lefttree, rtable),
            NodeTag::T_SubqueryScan => {
                scans_below((*plan.cast::<pg_sys::SubqueryScan>()).subplan, rtable)
            }
            _ => HashSet::new(),
        }
    }
}
