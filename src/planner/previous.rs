//! The hooks that were installed before ours, and the planner behind them.

use crate::boundary;
use crate::version::PlannerHook;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{c_char, c_int};

/// The hooks that were installed before ours.
pub struct Previous {
    /// `planner_hook`.
    pub planner: Cell<PlannerHook>,
    /// `set_rel_pathlist_hook`.
    pub rel: Cell<pg_sys::set_rel_pathlist_hook_type>,
    /// `set_join_pathlist_hook`.
    pub join: Cell<pg_sys::set_join_pathlist_hook_type>,
    /// `create_upper_paths_hook`.
    pub upper: Cell<pg_sys::create_upper_paths_hook_type>,
}

thread_local! {
    /// Those of this process.
    pub static PREVIOUS: Previous = const {
        Previous {
            planner: Cell::new(None),
            rel: Cell::new(None),
            join: Cell::new(None),
            upper: Cell::new(None),
        }
    };
}

/// Plans a query by the hook before ours, or by PostgreSQL.
///
/// # Safety
///
/// The arguments are those of `planner_hook`; runs inside of [`boundary::guard`].
pub unsafe fn run_planner(
    parse: *mut pg_sys::Query,
    query: *const c_char,
    options: c_int,
    params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    unsafe extern "C-unwind" {
        /// Without pgrx's wrapper, so that errors pass through [`boundary::call`].
        fn standard_planner(
            parse: *mut pg_sys::Query,
            query: *const c_char,
            options: c_int,
            params: pg_sys::ParamListInfo,
        ) -> *mut pg_sys::PlannedStmt;
    }
    let previous = PREVIOUS.with(|previous| previous.planner.get());
    // SAFETY: the caller's promise.
    unsafe {
        boundary::call(|| match previous {
            Some(hook) => hook(parse, query, options, params),
            None => standard_planner(parse, query, options, params),
        })
    }
}
