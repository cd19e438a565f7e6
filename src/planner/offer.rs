//! Fragments as paths.

use super::fragment::Fragment;
use super::order::read_ahead;
use super::{cost, ours, report, state, stored_form};
use crate::guc;
use crate::nodes::{iter, list_of};
use crate::version;
use pgrx::pg_sys;
use std::rc::Rc;

/// Offers `fragment` as a path of `rel` that computes `target`, ordered by
/// `pathkeys`, unless PostgreSQL already has better.
///
/// # Safety
///
/// All belong to the planner call under way, and every expression of `target`
/// follows from the fragment's columns.
pub unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    fragment: Rc<Fragment>,
    target: *mut pg_sys::PathTarget,
    pathkeys: *mut pg_sys::List,
) {
    // SAFETY: the caller's promise; `palloc0` gives zeroed memory of the size
    // asked for, and a zeroed CustomPath is valid.
    unsafe {
        if read_ahead::may_surface(root, &fragment) {
            return report::relation(root, rel, &"rows behind the limit may fail".into());
        }
        if state::shows_form()
            && let Err(reason) = stored_form::check(root, &fragment, (*target).exprs)
        {
            return report::relation(root, rel, &reason);
        }
        let mut cost =
            cost::path(fragment.cost, fragment.rows, (*target).width, fragment.pending.len());
        if fragment.workers() > 0 {
            cost.startup += cost::parallel_start();
            cost.total += cost::parallel_start();
        }
        cost.startup += (*target).cost.startup;
        cost.total += (*target).cost.startup + (*target).cost.per_tuple * fragment.rows;
        report::offered(rel, cost.total, fragment.rows, target);
        if guc::FORCE.get() {
            let native = iter::<pg_sys::Path>((*rel).pathlist)
                .filter(|path| !ours::is_ours(*path))
                .map(|path| (*path).total_cost)
                .fold(f64::INFINITY, f64::min);
            if cost::is_absurd(fragment.cost.total, native) {
                return;
            }
            cost = cost::forced(cost, native);
        }
        let leaves = || list_of(fragment.leaves().into_iter().map(|leaf| leaf.path));
        if !version::may_add_path(rel, cost.startup, cost.total, pathkeys, leaves) {
            return;
        }
        let leaves = leaves();
        let path: *mut pg_sys::CustomPath = pg_sys::palloc0(size_of::<pg_sys::CustomPath>()).cast();
        (*path).path.type_ = pg_sys::NodeTag::T_CustomPath;
        (*path).path.pathtype = pg_sys::NodeTag::T_CustomScan;
        (*path).path.parent = rel;
        (*path).path.pathtarget = target;
        (*path).path.rows = fragment.rows;
        (*path).path.startup_cost = cost.startup;
        (*path).path.total_cost = cost.total;
        version::inherit_disabled(&raw mut (*path).path, leaves);
        (*path).path.pathkeys = pathkeys;
        (*path).flags = pg_sys::CUSTOMPATH_SUPPORT_PROJECTION;
        (*path).custom_paths = leaves;
        (*path).methods = ours::path_methods();
        let columns = pg_sys::list_copy((*target).exprs);
        let number = pg_sys::makeInteger(state::remember_offered(fragment) as i32);
        (*path).custom_private =
            list_of([number.cast::<pg_sys::Node>(), columns.cast::<pg_sys::Node>()]);
        pg_sys::add_path(rel, &raw mut (*path).path);
    }
}
