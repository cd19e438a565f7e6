//! The PostgreSQL paths of a relation that can be a leaf.

use crate::nodes::{self, cast, iter};
use crate::planner::fragment::Sources;
use crate::planner::ours;
use pgrx::pg_sys::{self, NodeTag};

impl Sources {
    /// The sources of `rel`; `None` if no path of it serves one process.
    ///
    /// # Safety
    ///
    /// `rel` is a relation of the planner call under way, whose paths are there.
    pub unsafe fn of(rel: *mut pg_sys::RelOptInfo) -> Option<Self> {
        // SAFETY: the caller's promise.
        unsafe {
            let serial = copy_path(cheapest_path((*rel).pathlist)?);
            let partial = cheapest_path((*rel).partial_pathlist).map(|path| copy_path(path));
            Some(Self { rel, serial, partial })
        }
    }
}

/// Whether the rows of `path` are those of a plan of ours, which becomes a part of the
/// one above.
///
/// # Safety
///
/// `path` is a path of the planner call under way.
pub(super) unsafe fn is_ours_below(path: *const pg_sys::Path) -> bool {
    // SAFETY: a path of the planner's.
    unsafe {
        let subquery = cast::<pg_sys::SubqueryScanPath, _>(path);
        let no_qual = (*(*path).parent).baserestrictinfo.is_null();
        subquery.is_some_and(|subquery| no_qual && ours::is_ours(subquery.subpath))
    }
}

/// The cheapest of `paths` that is PostgreSQL's own and needs no parameter.
unsafe fn cheapest_path(paths: *const pg_sys::List) -> Option<*mut pg_sys::Path> {
    // SAFETY: a valid relation's path lists hold paths.
    unsafe {
        iter::<pg_sys::Path>(paths)
            .filter(|path| {
                (**path).param_info.is_null() && !ours::is_ours(*path) && path_size(*path).is_some()
            })
            .min_by(|a, b| (**a).total_cost.total_cmp(&(**b).total_cost))
    }
}

/// A copy of the top node of `path`.
unsafe fn copy_path(path: *mut pg_sys::Path) -> *mut pg_sys::Path {
    // SAFETY: `path_size` knows the size of the node behind the tag.
    unsafe {
        let Some(size) = path_size(path) else {
            return path;
        };
        let copy = pg_sys::palloc(size);
        std::ptr::copy_nonoverlapping(path.cast::<u8>(), copy.cast::<u8>(), size);
        copy.cast()
    }
}

unsafe fn path_size(path: *const pg_sys::Path) -> Option<usize> {
    // SAFETY: `path` is a node.
    Some(match unsafe { nodes::tag(path) } {
        NodeTag::T_Path => size_of::<pg_sys::Path>(),
        NodeTag::T_IndexPath => size_of::<pg_sys::IndexPath>(),
        NodeTag::T_BitmapHeapPath => size_of::<pg_sys::BitmapHeapPath>(),
        NodeTag::T_TidPath => size_of::<pg_sys::TidPath>(),
        NodeTag::T_TidRangePath => size_of::<pg_sys::TidRangePath>(),
        NodeTag::T_SubqueryScanPath => size_of::<pg_sys::SubqueryScanPath>(),
        NodeTag::T_ForeignPath => size_of::<pg_sys::ForeignPath>(),
        NodeTag::T_CustomPath => size_of::<pg_sys::CustomPath>(),
        NodeTag::T_AppendPath => size_of::<pg_sys::AppendPath>(),
        NodeTag::T_MergeAppendPath => size_of::<pg_sys::MergeAppendPath>(),
        NodeTag::T_MaterialPath => size_of::<pg_sys::MaterialPath>(),
        NodeTag::T_MemoizePath => size_of::<pg_sys::MemoizePath>(),
        NodeTag::T_UniquePath => size_of::<pg_sys::UniquePath>(),
        NodeTag::T_GatherPath => size_of::<pg_sys::GatherPath>(),
        NodeTag::T_GatherMergePath => size_of::<pg_sys::GatherMergePath>(),
        NodeTag::T_ProjectionPath => size_of::<pg_sys::ProjectionPath>(),
        NodeTag::T_NestPath => size_of::<pg_sys::NestPath>(),
        NodeTag::T_MergePath => size_of::<pg_sys::MergePath>(),
        NodeTag::T_HashPath => size_of::<pg_sys::HashPath>(),
        _ => return None,
    })
}
