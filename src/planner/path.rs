//! Fragments as paths.

use super::fragment::Fragment;
use super::{cost, plan, state};
use crate::nodes::{Tagged, cast, iter, list_of};
use pgrx::pg_sys;
use std::rc::Rc;

impl Tagged for pg_sys::CustomPath {
    const TAG: pg_sys::NodeTag = pg_sys::NodeTag::T_CustomPath;
}

/// Offers `fragment` as a path of `rel` that computes `target`, ordered by
/// `pathkeys`, unless PostgreSQL already has better.
///
/// # Safety
///
/// All belong to the planner call under way, and every expression of `target`
/// follows from the fragment's columns.
pub unsafe fn offer(
    rel: *mut pg_sys::RelOptInfo,
    fragment: Rc<Fragment>,
    target: *mut pg_sys::PathTarget,
    pathkeys: *mut pg_sys::List,
) {
    // SAFETY: the caller's promise; `palloc0` gives zeroed memory of the size
    // asked for, and a zeroed CustomPath is valid.
    unsafe {
        let cost =
            cost::path(fragment.cost, fragment.rows, (*target).width, fragment.pending.len());
        let total = cost.total + (*target).cost.per_tuple * fragment.rows;
        if !pg_sys::add_path_precheck(rel, cost.startup, total, pathkeys, std::ptr::null_mut()) {
            return;
        }
        let path: *mut pg_sys::CustomPath = pg_sys::palloc0(size_of::<pg_sys::CustomPath>()).cast();
        (*path).path.type_ = pg_sys::NodeTag::T_CustomPath;
        (*path).path.pathtype = pg_sys::NodeTag::T_CustomScan;
        (*path).path.parent = rel;
        (*path).path.pathtarget = target;
        (*path).path.rows = fragment.rows;
        (*path).path.startup_cost = cost.startup;
        (*path).path.total_cost = total;
        (*path).path.pathkeys = pathkeys;
        (*path).flags = pg_sys::CUSTOMPATH_SUPPORT_PROJECTION;
        (*path).custom_paths = list_of(fragment.leaves().into_iter().map(|leaf| leaf.path));
        (*path).methods = plan::path_methods();
        let columns = pg_sys::list_copy((*target).exprs);
        let number = pg_sys::makeInteger(state::remember_offered(fragment) as i32);
        (*path).custom_private =
            list_of([number.cast::<pg_sys::Node>(), columns.cast::<pg_sys::Node>()]);
        pg_sys::add_path(rel, &raw mut (*path).path);
    }
}

/// What [`offer`] attached to one of our paths: the fragment's number and the
/// expressions of the target it had then. (PostgreSQL may put another target
/// on the path later, made of the same columns.)
///
/// # Safety
///
/// `path` is one of ours.
pub unsafe fn private(path: *const pg_sys::CustomPath) -> Option<(usize, *mut pg_sys::List)> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut parts = iter::<pg_sys::Node>((*path).custom_private);
        let number: &pg_sys::Integer = cast(parts.next()?)?;
        Some((usize::try_from(number.ival).ok()?, parts.next()?.cast()))
    }
}

/// Whether `path` is one of ours.
///
/// # Safety
///
/// `path` is a valid path.
pub unsafe fn is_ours(path: *const pg_sys::Path) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        cast::<pg_sys::CustomPath, _>(path)
            .is_some_and(|path| std::ptr::eq(path.methods, plan::path_methods()))
    }
}
