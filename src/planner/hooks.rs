//! The planner's hooks. Each calls the one installed before it first.

use super::cursor::{self, Planned};
use super::inlined::is_fusion;
use super::order::known::Statement;
use super::previous::{PREVIOUS, run_planner};
use super::takes_part::{excluded, in_genetic_search};
use super::{join, leaf, report, state, stored_form, upper};
use crate::boundary;
use crate::guc;
use crate::nodes::cast;
use crate::shared;
use pgrx::pg_sys;
use std::ffi::{c_char, c_int, c_void};

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
        if is_all_ours((*statement).planTree) {
            // What is left to PostgreSQL's expressions is not worth compiling.
            (*statement).jitFlags = pg_sys::PGJIT_NONE as c_int;
        }
        Planned { statement, has_fusion: state::has_plan(), reported }
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
            if in_genetic_search(root) {
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

/// Whether a PgFusion node does all of a plan, maybe below a limit.
///
/// # Safety
///
/// `plan` is NULL or a valid plan.
unsafe fn is_all_ours(plan: *const pg_sys::Plan) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let top = match cast::<pg_sys::Limit, _>(plan) {
            Some(limit) => limit.plan.lefttree,
            None => plan.cast_mut(),
        };
        is_fusion(top)
    }
}
