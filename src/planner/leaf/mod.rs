//! Leaves: PostgreSQL paths as inputs of fusion plans.
//!
//! [`make`] is the one constructor. Whatever PostgreSQL is to compute in a leaf goes
//! through it: it decides whether that may be computed there at all ([`effects`] for what
//! it does besides, [`clauses`] for conditions, [`computed`] for columns), and then takes
//! the cheaper of the path for one process and the one that parallel workers share, if they
//! may share it ([`parallel`]).

mod clauses;
pub mod columns;
mod computed;
pub mod effects;
pub mod feed_filter;
mod parallel;
mod path;

use super::cost::{self, Cost};
use super::fragment::{Fragment, Kind, Leaf, Sources};
use super::order::row_order::{self, Place};
use super::report::reason::Reason;
use super::{offer, report, state};
use crate::guc;
use crate::nodes::iter;
use clauses::{Filter, Moved};
use parallel::Sharing;
use pgrx::pg_sys::{self, NodeTag};
use std::rc::Rc;

/// Called for every base relation: notes its leaf fragment, and offers it as a
/// path of its own where the engine has something to do.
///
/// # Safety
///
/// The arguments are those of `set_rel_pathlist_hook`.
pub unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    rte: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if (*rel).reloptkind != pg_sys::RelOptKind::RELOPT_BASEREL
            || (*rte).rtekind == pg_sys::RTEKind::RTE_RESULT
            || pg_sys::is_dummy_rel(rel)
        {
            return;
        }
        let fragment = match fragment_of(root, rel) {
            Ok(fragment) => fragment,
            Err(reason) => return report::relation(root, rel, &reason),
        };
        let fragment = Rc::new(fragment);
        state::set_fragment(rel, fragment.clone());
        if fragment.does_something() || guc::FORCE.get() {
            if let Err(reason) = row_order::check_offer(root, Place::Joined, &fragment) {
                return report::relation(root, rel, &reason);
            }
            offer::offer(root, rel, fragment, (*rel).reltarget, std::ptr::null_mut());
        }
    }
}

/// `rel` as a leaf fragment: its cheapest PostgreSQL path feeds the engine, be it one
/// for a single process or one that parallel workers share.
///
/// # Safety
///
/// `rel` is a base or join relation whose paths are there.
pub unsafe fn fragment_of(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if !(*rel).lateral_relids.is_null() {
            return Err("a lateral reference".into());
        }
        effects::check(root, rel)?;
        let sources = Sources::of(rel).ok_or("no PostgreSQL path without parameters")?;
        make(root, sources, &[])
    }
}

/// `leaf` with further columns that PostgreSQL computes there. The leaf
/// evaluates all clauses itself, so that it computes them for no row that a
/// clause removes, be it for an error or for security.
///
/// # Safety
///
/// Runs in the planner call that made the leaf; `exprs` are of its query.
pub unsafe fn with_computed(
    root: *mut pg_sys::PlannerInfo,
    leaf: &Leaf,
    exprs: &[*mut pg_sys::Node],
) -> Result<Fragment, Reason> {
    // SAFETY: the caller's promise.
    unsafe { make(root, leaf.sources, exprs) }
}

/// The leaf of `sources` with their relation's columns and `computed` ones.
unsafe fn make(
    root: *mut pg_sys::PlannerInfo,
    sources: Sources,
    computed: &[*mut pg_sys::Node],
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let target = pg_sys::copy_pathtarget((*sources.rel).reltarget);
        for expr in computed {
            pg_sys::add_column_to_pathtarget(target, (*expr).cast(), 0);
        }
        for expr in iter::<pg_sys::Node>((*target).exprs) {
            computed::check(expr)?;
        }
        let is_plain = computed.is_empty();
        let make = |path, sharing| with_path(root, sources, path, sharing, target, is_plain);
        let alone = make(sources.serial, Sharing::ALONE);
        let Some((path, sharing)) = parallel::shared(root, &sources, target) else {
            return Ok(alone);
        };
        let mut shared = make(path, sharing);
        if shared.cost.total + cost::parallel_start() >= alone.cost.total {
            return Ok(alone);
        }
        if let Kind::Leaf(leaf) = &mut shared.kind {
            leaf.alone = Some(Rc::new(alone));
        }
        Ok(shared)
    }
}

/// The leaf in which `path`, one of `sources`, computes `target`; `is_plain` says whether
/// these are only the relation's columns.
unsafe fn with_path(
    root: *mut pg_sys::PlannerInfo,
    sources: Sources,
    path: *mut pg_sys::Path,
    sharing: Sharing,
    target: *mut pg_sys::PathTarget,
    is_plain: bool,
) -> Fragment {
    // SAFETY: as in `make`.
    unsafe {
        let Sources { rel, .. } = sources;
        let Sharing { workers, shares } = sharing;
        let rows = sources.rows();
        let is_scan = is_plain && (*path).pathtype == NodeTag::T_SeqScan;
        let moved = if is_scan { clauses::movable(root, rel) } else { Moved::default() };
        let target = pg_sys::copy_pathtarget(target);
        let columns = || iter::<pg_sys::Node>((*target).exprs).count();
        moved.engine.iter().for_each(|filter| computed::add_columns(target, filter.clause));
        let visible = columns();
        moved.feed.iter().for_each(|filter| computed::add_columns(target, filter.clause));
        let hidden = columns() - visible;
        let input_rows = (*rel).tuples.max(rows);
        let before = |filters: &[Filter], rows: f64| {
            let rows =
                filters.iter().fold(rows, |rows, filter| rows / filter.selectivity.max(1e-6));
            rows.min(input_rows)
        };
        let fed_rows = before(&moved.engine, rows);
        let path_rows = before(&moved.feed, fed_rows);
        pg_sys::set_pathtarget_cost_width(root, target);
        let leaf = pg_sys::create_projection_path(root, rel, path, target);
        let leaf = &raw mut (*leaf).path;
        let saved: f64 = moved.all().map(|filter| filter.leaf_cost).sum();
        let leaf_cost = Cost {
            startup: (*leaf).startup_cost,
            total: ((*leaf).total_cost - saved * input_rows / shares).max((*leaf).startup_cost),
        };
        let leaf_cost = if is_scan { cost::driven(leaf_cost) } else { leaf_cost };
        let filtered = cost::filtered_by_feed(leaf_cost, path_rows / shares, moved.feed.len());
        let cost = match is_plain && path::is_ours_below(path) {
            true => cost::inlined(leaf_cost, rows, (*target).width),
            false => cost::leaf(filtered, fed_rows, shares, (*target).width, moved.engine.len()),
        };
        let clauses =
            |filters: Vec<Filter>| filters.into_iter().map(|filter| filter.clause).collect();
        Fragment {
            rows,
            cost,
            leaf_count: 1,
            pending: Vec::new(),
            kind: Kind::Leaf(Leaf {
                path: leaf,
                sources,
                filters: clauses(moved.engine),
                feed_filters: clauses(moved.feed),
                hidden,
                fed_rows,
                path_rows,
                workers,
                shares,
                alone: None,
            }),
        }
    }
}
