//! The planner side: watches PostgreSQL's planner through its hooks, keeps the
//! best fusion plan of each relation set, and offers it as a path.
//!
//! ```text
//! set_rel_pathlist ──▶ leaf.rs   a leaf fragment per base relation
//! set_join_pathlist ─▶ join.rs   a join fragment from two fragments
//! create_upper_paths ▶ upper.rs  aggregate, sort and limit fragments
//!                        │
//!                        ▼
//!                      path.rs   a CustomPath for a fragment, if cheap enough
//!                        │  PostgreSQL chooses
//!                        ▼
//!                      plan.rs   the CustomScan: fusion plan, feeds, tuple
//! ```
//!
//! Fragments live in [`state`] for one planner call. Every hook calls the one
//! installed before it first.

mod alike;
mod build;
mod calls;
pub mod compatibility;
mod cost;
mod cursor;
mod dependence;
mod fragment;
mod genetic;
mod group;
mod inlined;
mod join;
mod leaf;
mod level;
mod native;
mod order;
mod path;
mod placeholder;
mod plan;
mod read_ahead;
mod report;
mod row_order;
mod state;
mod stored_form;
mod translate;
mod upper;

pub use report::request as request_report;
pub use translate::types::type_name;

use native::Statement;

use crate::boundary;
use crate::guc;
use crate::shared;
use crate::version::PlannerHook;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

/// The hooks that were installed before ours.
struct Previous {
    planner: Cell<PlannerHook>,
    rel: Cell<pg_sys::set_rel_pathlist_hook_type>,
    join: Cell<pg_sys::set_join_pathlist_hook_type>,
    upper: Cell<pg_sys::create_upper_paths_hook_type>,
}

thread_local! {
    static PREVIOUS: Previous = const {
        Previous {
            planner: Cell::new(None),
            rel: Cell::new(None),
            join: Cell::new(None),
            upper: Cell::new(None),
        }
    };
}

/// Installs the hooks. Called once, in the postmaster.
///
/// # Safety
///
/// Runs in the main thread, from `_PG_init`.
pub unsafe fn install() {
    // SAFETY: the hooks are plain function pointers that only this thread
    // touches.
    unsafe {
        PREVIOUS.with(|previous| {
            previous.planner.set(pg_sys::planner_hook);
            previous.rel.set(pg_sys::set_rel_pathlist_hook);
            previous.join.set(pg_sys::set_join_pathlist_hook);
            previous.upper.set(pg_sys::create_upper_paths_hook);
        });
        pg_sys::planner_hook = Some(planner);
        pg_sys::set_rel_pathlist_hook = Some(set_rel_pathlist);
        pg_sys::set_join_pathlist_hook = Some(set_join_pathlist);
        pg_sys::create_upper_paths_hook = Some(create_upper_paths);
    }
}

/// Sets up the state that the other hooks share, for the time of one planner
/// call.
unsafe extern "C-unwind" fn planner(
    parse: *mut pg_sys::Query,
    query: *const c_char,
    options: c_int,
    params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        boundary::guard(|| {
            let wanted = guc::enabled() && shared::worker_is_up();
            let plan = |parse, options, wanted| plan(parse, query, options, params, wanted);
            match wanted && cursor::is_one(options) {
                true => cursor::plan(parse, options, plan),
                false => plan(parse, options, wanted).statement,
            }
        })
    }
}

/// What came of one planner call.
struct Planned {
    statement: *mut pg_sys::PlannedStmt,
    /// Whether a path of ours became a plan.
    has_fusion: bool,
    /// Whether the call answered the request for a report.
    reported: bool,
}

/// Plans a query, with fusion plans if they are `wanted`.
unsafe fn plan(
    parse: *mut pg_sys::Query,
    query: *const c_char,
    options: c_int,
    params: pg_sys::ParamListInfo,
    wanted: bool,
) -> Planned {
    // SAFETY: the arguments of `planner`, or a copy of its query.
    unsafe {
        let notes = report::accept(options);
        let reported = notes.is_some();
        let shows_form = wanted && stored_form::is_shown(parse);
        let _state = state::enter(wanted, shows_form, notes);
        if wanted && Statement::may_follow_order(parse) {
            state::set_statement(Statement::new(parse, query, options, params));
        }
        let statement = run_planner(parse, query, options, params);
        report::answer(statement);
        if plan::is_all_ours((*statement).planTree) {
            // What is left to PostgreSQL's expressions is not worth compiling.
            (*statement).jitFlags = pg_sys::PGJIT_NONE as c_int;
        }
        Planned { statement, has_fusion: state::has_plan(), reported }
    }
}

/// Plans a query by the hook before ours, or by PostgreSQL.
///
/// # Safety
///
/// The arguments are those of `planner_hook`; runs inside of [`boundary::guard`].
unsafe fn run_planner(
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

unsafe extern "C-unwind" fn set_rel_pathlist(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    rti: pg_sys::Index,
    rte: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: the arguments are passed on as they came; our part reads valid
    // planner structures.
    unsafe {
        boundary::guard(|| {
            if let Some(hook) = PREVIOUS.with(|previous| previous.rel.get()) {
                boundary::call(|| hook(root, rel, rti, rte));
            }
            if state::active() && takes_part(root) {
                leaf::offer(root, rel, rte);
            }
        });
    }
}

unsafe extern "C-unwind" fn set_join_pathlist(
    root: *mut pg_sys::PlannerInfo,
    joinrel: *mut pg_sys::RelOptInfo,
    outerrel: *mut pg_sys::RelOptInfo,
    innerrel: *mut pg_sys::RelOptInfo,
    jointype: pg_sys::JoinType::Type,
    extra: *mut pg_sys::JoinPathExtraData,
) {
    // SAFETY: as in `set_rel_pathlist`.
    unsafe {
        boundary::guard(|| {
            if let Some(hook) = PREVIOUS.with(|previous| previous.join.get()) {
                boundary::call(|| hook(root, joinrel, outerrel, innerrel, jointype, extra));
            }
            if genetic::in_genetic_search(root) {
                report::genetic(root);
            }
            if state::active() && takes_part(root) {
                join::offer(root, joinrel, outerrel, innerrel, jointype, extra);
            }
        });
    }
}

unsafe extern "C-unwind" fn create_upper_paths(
    root: *mut pg_sys::PlannerInfo,
    stage: pg_sys::UpperRelationKind::Type,
    input_rel: *mut pg_sys::RelOptInfo,
    output_rel: *mut pg_sys::RelOptInfo,
    extra: *mut c_void,
) {
    // SAFETY: as in `set_rel_pathlist`.
    unsafe {
        boundary::guard(|| {
            if let Some(hook) = PREVIOUS.with(|previous| previous.upper.get()) {
                boundary::call(|| hook(root, stage, input_rel, output_rel, extra));
            }
            if state::active() && takes_part(root) {
                upper::offer(root, stage, input_rel, output_rel, extra);
            }
            if stage == pg_sys::UpperRelationKind::UPPERREL_FINAL {
                report::finish(root, output_rel);
            }
        });
    }
}

/// Whether the query that `root` plans may have fusion plans.
unsafe fn takes_part(root: *const pg_sys::PlannerInfo) -> bool {
    // SAFETY: `root` is valid, by the hooks' contract.
    unsafe { excluded(root).is_none() }
}

/// Why the query that `root` plans may not have fusion plans: it must read only,
/// and nothing may lock or re-check its rows.
///
/// # Safety
///
/// `root` is a query level of the planner call under way.
unsafe fn excluded(root: *const pg_sys::PlannerInfo) -> Option<&'static str> {
    use pg_sys::CmdType::{CMD_INSERT, CMD_SELECT};
    // SAFETY: the caller's promise.
    unsafe {
        if !matches!((*(*root).parse).commandType, CMD_SELECT | CMD_INSERT) {
            Some("it changes rows")
        } else if !(*root).rowMarks.is_null() {
            Some("it locks rows")
        } else {
            None
        }
    }
}
