//! What the path of a relation is made of.

use crate::nodes::{iter, tag};
use crate::planner::{ours, state};
use crate::version;
use pgrx::pg_sys::{self, NodeTag};

/// What a relation's path is made of.
#[derive(Default)]
pub struct Below {
    /// Whether one of our paths computes the relation.
    pub is_ours: bool,
    /// Paths of other relations; for one of ours, its leaves.
    pub paths: Vec<*mut pg_sys::Path>,
    /// Subqueries in FROM: the relation, and the path in its query level.
    pub subqueries: Vec<(*mut pg_sys::RelOptInfo, *mut pg_sys::Path)>,
}

impl Below {
    /// Adds what `path`, one of `rel`, is made of.
    ///
    /// # Safety
    ///
    /// Both belong to the planner call under way.
    pub unsafe fn collect(&mut self, path: *mut pg_sys::Path, rel: *mut pg_sys::RelOptInfo) {
        // SAFETY: a valid path; the casts follow the tags.
        unsafe {
            if ours::is_ours(path) {
                self.is_ours = true;
                self.paths.extend(iter::<pg_sys::Path>(
                    (*path.cast::<pg_sys::CustomPath>()).custom_paths,
                ));
                return;
            }
            if tag(path) == NodeTag::T_SubqueryScanPath {
                let subpath = (*path.cast::<pg_sys::SubqueryScanPath>()).subpath;
                self.subqueries.push((rel, subpath));
                return;
            }
            for input in inputs(path) {
                match (*input).parent == rel {
                    true => self.collect(input, rel),
                    false => self.paths.push(input),
                }
            }
        }
    }

    /// Whether PostgreSQL would have to check conditions on the result of the
    /// fusion plan of what is below.
    ///
    /// # Safety
    ///
    /// The paths are those of the planner call under way.
    pub unsafe fn has_pending_conditions(&self) -> bool {
        // SAFETY: valid paths.
        self.paths.iter().any(|path| unsafe {
            state::fragment((**path).parent).is_some_and(|fragment| !fragment.pending.is_empty())
        })
    }
}

/// The paths from which `path` reads.
unsafe fn inputs(path: *mut pg_sys::Path) -> Vec<*mut pg_sys::Path> {
    macro_rules! subpath {
        ($node:ident) => {
            vec![(*path.cast::<pg_sys::$node>()).subpath]
        };
    }
    // SAFETY: the tag says what kind of path it is; all join paths begin with a
    // JoinPath.
    let inputs = unsafe {
        match tag(path) {
            NodeTag::T_NestPath | NodeTag::T_MergePath | NodeTag::T_HashPath => {
                let join = path.cast::<pg_sys::JoinPath>();
                vec![(*join).outerjoinpath, (*join).innerjoinpath]
            }
            NodeTag::T_AppendPath => iter((*path.cast::<pg_sys::AppendPath>()).subpaths).collect(),
            NodeTag::T_MergeAppendPath => {
                iter((*path.cast::<pg_sys::MergeAppendPath>()).subpaths).collect()
            }
            NodeTag::T_CustomPath => {
                iter((*path.cast::<pg_sys::CustomPath>()).custom_paths).collect()
            }
            NodeTag::T_RecursiveUnionPath => {
                let union = path.cast::<pg_sys::RecursiveUnionPath>();
                vec![(*union).leftpath, (*union).rightpath]
            }
            NodeTag::T_SetOpPath => version::set_operation_inputs(path.cast()),
            NodeTag::T_MaterialPath => subpath!(MaterialPath),
            NodeTag::T_MemoizePath => subpath!(MemoizePath),
            NodeTag::T_UniquePath => subpath!(UniquePath),
            NodeTag::T_GatherPath => subpath!(GatherPath),
            NodeTag::T_GatherMergePath => subpath!(GatherMergePath),
            NodeTag::T_ProjectionPath => subpath!(ProjectionPath),
            NodeTag::T_ProjectSetPath => subpath!(ProjectSetPath),
            NodeTag::T_SortPath | NodeTag::T_IncrementalSortPath => subpath!(SortPath),
            NodeTag::T_GroupPath => subpath!(GroupPath),
            NodeTag::T_UpperUniquePath => subpath!(UpperUniquePath),
            NodeTag::T_AggPath => subpath!(AggPath),
            NodeTag::T_GroupingSetsPath => subpath!(GroupingSetsPath),
            NodeTag::T_WindowAggPath => subpath!(WindowAggPath),
            NodeTag::T_LockRowsPath => subpath!(LockRowsPath),
            NodeTag::T_ModifyTablePath => subpath!(ModifyTablePath),
            NodeTag::T_LimitPath => subpath!(LimitPath),
            _ => Vec::new(),
        }
    };
    inputs.into_iter().filter(|input| !input.is_null()).collect()
}
