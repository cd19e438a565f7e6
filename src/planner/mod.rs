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

mod aggregate;
mod alike;
mod build;
mod collation;
mod compare;
pub mod compatibility;
mod cost;
mod expr;
mod fragment;
mod functions;
mod group;
mod join;
mod leaf;
mod literal;
mod native;
mod numeric;
mod order;
mod path;
mod placeholder;
mod plan;
mod reason;
mod report;
mod row_order;
mod state;
mod types;
mod upper;

pub use plan::{Carried, FEED_NAME, FEEDS_NAME, FUSION_NAME, FeedPlan};
pub use reason::{Object, Reason};
pub use report::request as request_report;
pub use types::type_name;

use crate::boundary;
use crate::guc;
use crate::nodes::{cast, iter};
use crate::shared;
use crate::version::{self, PlannerHook};
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
            let active =
                guc::enabled() && shared::worker_is_up() && !may_be_updated_through(parse, options);
            let _state = state::enter(active, report::accept(options));
            if active {
                state::set_statement(native::Statement::new(parse, query, options, params));
            }
            let statement = run_planner(parse, query, options, params);
            report::answer(statement);
            if plan::is_all_ours((*statement).planTree) {
                // What is left to PostgreSQL's expressions is not worth compiling.
                (*statement).jitFlags = pg_sys::PGJIT_NONE as c_int;
            }
            statement
        })
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

/// Whether `query` is of a cursor that an UPDATE or DELETE may name in WHERE CURRENT
/// OF: a DECLARE CURSOR, or one of PL/pgSQL's, over the rows of one table. PostgreSQL
/// looks for the scan of that table in the cursor's plan (`search_plan_tree` in
/// execCurrent.c) and would not find it below a node of ours.
unsafe fn may_be_updated_through(query: *const pg_sys::Query, options: c_int) -> bool {
    // SAFETY: the planner's argument, which is a valid query.
    options & pg_sys::CURSOR_OPT_FAST_PLAN as c_int != 0 && unsafe { shows_one_table(query) }
}

/// Whether the rows of `query` are rows of one table, maybe through a subquery or
/// view of the same kind.
unsafe fn shows_one_table(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query; range-table references count from 1.
    unsafe {
        let query = &*query;
        if query.hasAggs
            || query.hasWindowFuncs
            || !query.groupClause.is_null()
            || !query.distinctClause.is_null()
            || !query.setOperations.is_null()
        {
            return false;
        }
        let mut from = iter::<pg_sys::Node>((*query.jointree).fromlist);
        let (Some(first), None) = (from.next(), from.next()) else {
            return false;
        };
        cast::<pg_sys::RangeTblRef, _>(first)
            .and_then(|first| {
                iter::<pg_sys::RangeTblEntry>(query.rtable).nth(first.rtindex as usize - 1)
            })
            .is_some_and(|entry| match (*entry).rtekind {
                pg_sys::RTEKind::RTE_RELATION => true,
                pg_sys::RTEKind::RTE_SUBQUERY => shows_one_table((*entry).subquery),
                _ => false,
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
            if version::in_genetic_search(root) {
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
