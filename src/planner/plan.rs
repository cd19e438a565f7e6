//! The chosen path as a plan: a `Custom Scan (PgFusion)` above one
//! `Custom Scan (Feed)` per leaf. Those of leaves that parallel workers share are below
//! a Gather and a `Custom Scan (Feeds)`.

use super::build::{Built, build};
use super::fragment::Leaf;
use super::leaf::columns::path_columns;
use super::leaf::feed_filter::feed_filter;
use super::ours::private;
use super::outputs::needed_columns;
use super::report::reason::Reason;
use super::{cost, inlined, state};
use crate::carried::{Carried, FeedPlan};
use crate::error;
use crate::executor;
use crate::nodes::{self, cast, copy, iter, list_of};
use crate::version;
use fusion_plan::{DataType, PgError};
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;

/// `PlanCustomPath`.
#[pg_guard]
pub unsafe extern "C-unwind" fn plan_custom_path(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    best_path: *mut pg_sys::CustomPath,
    tlist: *mut pg_sys::List,
    clauses: *mut pg_sys::List,
    custom_plans: *mut pg_sys::List,
) -> *mut pg_sys::Plan {
    let _ = (rel, clauses);
    // SAFETY: the planner's structures are valid for the call; `custom_private`
    // is what `offer` put there.
    unsafe {
        match plan(root, best_path, tlist, custom_plans) {
            Ok(plan) => plan,
            Err(reason) => error::raise(PgError::internal(format!(
                "a path was offered that cannot be planned: {reason}"
            ))),
        }
    }
}

unsafe fn plan(
    root: *mut pg_sys::PlannerInfo,
    best_path: *mut pg_sys::CustomPath,
    tlist: *mut pg_sys::List,
    custom_plans: *mut pg_sys::List,
) -> Result<*mut pg_sys::Plan, Reason> {
    // SAFETY: as in `plan_custom_path`.
    unsafe {
        let (number, columns) = private(best_path).ok_or("a path without a fragment")?;
        let fragment = state::offered(number).ok_or("a path of another planner call")?;
        let needed = needed_columns(columns, &fragment.pending);
        let Built { plan: natural, outputs, params, functions } = build(root, &fragment, &needed)?;
        // PostgreSQL takes every value in the form in which it is stored.
        let plan = natural.clone().forwarding(&[]);

        let (mut feeds, mut shared) = (Vec::new(), Vec::new());
        let leaves = fragment.leaves().into_iter().zip(iter::<pg_sys::Plan>(custom_plans));
        for (index, ((leaf, child), schema)) in leaves.zip(&plan.leaves).enumerate() {
            let types: Vec<_> = schema.fields.iter().map(|field| field.ty).collect();
            inlined::read_above(child, &types)?;
            let feed = feed(leaf, child, index, types)?;
            if leaf.workers > 0 { &mut shared } else { &mut feeds }.push(feed);
        }
        if !shared.is_empty() {
            feeds.insert(0, gather(root, shared, fragment.workers()));
        }
        let scan: *mut pg_sys::CustomScan = pg_sys::palloc0(size_of::<pg_sys::CustomScan>()).cast();
        (*scan).scan.plan.type_ = NodeTag::T_CustomScan;
        (*scan).scan.plan.targetlist = tlist;
        (*scan).scan.plan.qual = list_of(fragment.pending.iter().map(|clause| copy(*clause)));
        (*scan).flags = (*best_path).flags;
        (*scan).custom_plans = list_of(feeds);
        (*scan).custom_exprs = list_of(params.into_iter().map(|expr| copy(expr)));
        (*scan).custom_private = Carried::store(&plan, &functions)?;
        (*scan).custom_scan_tlist = target_list(outputs.0.iter().map(|column| column.expr));
        (*scan).methods = executor::fusion_scan_methods();
        state::set_has_plan();
        state::remember_plan(scan, natural);
        Ok(&raw mut (*scan).scan.plan)
    }
}

/// A target list of copies of `exprs`: it must not share nodes with others,
/// because `setrefs.c` edits each in its own way.
unsafe fn target_list(exprs: impl Iterator<Item = *mut pg_sys::Node>) -> *mut pg_sys::List {
    // SAFETY: expressions of the planner call under way.
    unsafe {
        list_of(exprs.enumerate().map(|(index, expr)| {
            let number = (index + 1) as pg_sys::AttrNumber;
            pg_sys::makeTargetEntry(copy(expr).cast(), number, std::ptr::null_mut(), false)
        }))
    }
}

/// A Gather above the Feeds node above `feeds`, for `workers` workers.
unsafe fn gather(
    root: *mut pg_sys::PlannerInfo,
    feeds: Vec<*mut pg_sys::Plan>,
    workers: i32,
) -> *mut pg_sys::Plan {
    // SAFETY: plans of the planner call under way; follows `create_gather_plan`. Neither
    // node gives rows or columns.
    unsafe {
        let node: *mut pg_sys::CustomScan = nodes::make();
        let plan = &raw mut (*node).scan.plan;
        (*plan).parallel_aware = true;
        (*plan).parallel_safe = true;
        for feed in &feeds {
            (*plan).startup_cost = (*plan).startup_cost.max((**feed).startup_cost);
            (*plan).total_cost += (**feed).total_cost;
            (*plan).plan_rows += (**feed).plan_rows;
            (*plan).plan_width = (*plan).plan_width.max((**feed).plan_width);
            let feed: *mut pg_sys::CustomScan = (*feed).cast();
            (*node).custom_relids =
                pg_sys::bms_add_members((*node).custom_relids, (*feed).custom_relids);
        }
        (*node).custom_plans = list_of(feeds);
        (*node).methods = executor::feeds_scan_methods();

        let gather: *mut pg_sys::Gather = nodes::make();
        (*gather).plan.lefttree = plan;
        (*gather).plan.startup_cost = (*plan).startup_cost + cost::parallel_start();
        (*gather).plan.total_cost = (*plan).total_cost + cost::parallel_start();
        (*gather).plan.plan_rows = (*plan).plan_rows;
        (*gather).num_workers = workers;
        (*gather).rescan_param = version::assign_special_param(root);
        (*(*root).glob).parallelModeNeeded = true;
        gather.cast()
    }
}

/// The Feed node above the plan of one leaf.
unsafe fn feed(
    leaf: &Leaf,
    child: *mut pg_sys::Plan,
    index: usize,
    types: Vec<DataType>,
) -> Result<*mut pg_sys::Plan, Reason> {
    // SAFETY: the leaf's nodes are alive.
    let columns = unsafe { path_columns(leaf) };
    let filters = leaf.feed_filters.iter().map(|clause| {
        // SAFETY: as above.
        unsafe { feed_filter(&columns, *clause) }.ok_or("a condition that no feed has")
    });
    let filters = filters.collect::<Result<_, _>>()?;
    let carried = FeedPlan { leaf: index, types, columns: columns.0.len(), filters };
    // SAFETY: `child` is the plan of the leaf's path.
    unsafe {
        if !leaf.filters.is_empty() || !leaf.feed_filters.is_empty() {
            take_over_filters(child, leaf);
        }
        let feed: *mut pg_sys::CustomScan = pg_sys::palloc0(size_of::<pg_sys::CustomScan>()).cast();
        let plan = &raw mut (*feed).scan.plan;
        (*plan).type_ = NodeTag::T_CustomScan;
        (*plan).startup_cost = (*child).startup_cost;
        (*plan).total_cost = (*child).total_cost;
        (*plan).plan_rows = (*child).plan_rows * (leaf.fed_rows / leaf.path_rows.max(1.0)).min(1.0);
        // For EXPLAIN, and for the privileges on the operators' functions.
        (*plan).qual = list_of(leaf.feed_filters.iter().map(|clause| copy(*clause)));
        (*plan).plan_width = (*child).plan_width;
        (*plan).parallel_safe = (*child).parallel_safe;
        (*plan).targetlist = copy((*child).targetlist);
        (*feed).custom_scan_tlist = copy((*child).targetlist);
        (*feed).custom_plans = list_of([child]);
        (*feed).custom_relids = pg_sys::bms_copy((*leaf.sources.rel).relids);
        carried.store(feed)?;
        (*feed).methods = executor::feed_scan_methods();
        Ok(plan)
    }
}

/// Removes the clauses that the feed and the engine evaluate from the sequential scan that
/// would evaluate them, too. A clause that is not found there is evaluated
/// twice, which changes nothing.
unsafe fn take_over_filters(child: *mut pg_sys::Plan, leaf: &Leaf) {
    // SAFETY: a valid plan; a gating Result has its input on the left.
    unsafe {
        let mut scan = child;
        let moved = |clause: *mut pg_sys::Node| {
            let filters = leaf.filters.iter().chain(&leaf.feed_filters);
            filters.into_iter().any(|filter| nodes::equal(*filter, clause))
        };
        // A partial path's rows are those of one process.
        let rows = leaf.path_rows / leaf.shares;
        while cast::<pg_sys::Result, _>(scan).is_some() && !(*scan).lefttree.is_null() {
            (*scan).plan_rows = rows;
            scan = (*scan).lefttree;
        }
        if cast::<pg_sys::SeqScan, _>(scan).is_some() {
            let kept = iter::<pg_sys::Node>((*scan).qual).filter(|clause| !moved(*clause));
            (*scan).qual = list_of(kept);
            (*scan).plan_rows = rows;
        }
    }
}
