//! Which leaves parallel workers may share.

use crate::planner::fragment::Sources;
use pgrx::pg_sys;

/// How a leaf's path is shared.
#[derive(Clone, Copy)]
pub(super) struct Sharing {
    /// Parallel workers that may run it; 0 for one process alone.
    pub(super) workers: i32,
    /// The number of processes that share its rows, the leader counting for what
    /// PostgreSQL thinks it has time for (`get_parallel_divisor` in costsize.c).
    pub(super) shares: f64,
}

impl Sharing {
    /// One process.
    pub(super) const ALONE: Self = Self { workers: 0, shares: 1.0 };
}

/// The path of `sources` that several processes can share if they compute `target`, and
/// how they do; `None` if there is none, or if a worker may not or could not evaluate the
/// target (`is_parallel_safe` in clauses.c): it is restricted, or uses a parameter of an outer
/// query, which nobody sends to workers.
///
/// # Safety
///
/// All are of the planner call under way.
pub(super) unsafe fn shared(
    root: *mut pg_sys::PlannerInfo,
    sources: &Sources,
    target: *const pg_sys::PathTarget,
) -> Option<(*mut pg_sys::Path, Sharing)> {
    let path = sources.partial?;
    // SAFETY: the caller's promise.
    unsafe {
        if !(*path).parallel_safe || !pg_sys::is_parallel_safe(root, (*target).exprs.cast()) {
            return None;
        }
        let shares = (sources.rows() / (*path).rows.max(1.0)).max(1.0);
        Some((path, Sharing { workers: (*path).parallel_workers, shares }))
    }
}
