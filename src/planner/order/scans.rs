//! Scans in plans and in paths: whether one is the other.

use super::known::{Native, Scan};
use crate::nodes::{iter, tag};
use crate::planner::fragment::Kind;
use crate::planner::{ours, state};
use pgrx::pg_sys::{self, NodeTag};

impl Native {
    /// Whether PostgreSQL groups the rows of the scan that `path` is as they come, and
    /// nowhere what the scan reads in another order.
    ///
    /// # Safety
    ///
    /// `path` is a path without parameters of the query level that `root` plans.
    pub unsafe fn groups_as_scanned(
        &self,
        root: *const pg_sys::PlannerInfo,
        path: *const pg_sys::Path,
    ) -> bool {
        // SAFETY: the caller's promise.
        let scan = unsafe { scan_of_path(root, path) };
        !self.sorted
            && scan.is_some_and(|scan| {
                self.scans.contains(&scan)
                    && self.scans.iter().all(|other| *other == scan || !other.may_be(&scan))
            })
    }
}

/// The scan whose order the rows of `plan` have, if it is one.
///
/// # Safety
///
/// `plan` is a plan of a statement with this range table.
pub unsafe fn scan_of_plan(plan: *mut pg_sys::Plan, rtable: *const pg_sys::List) -> Option<Scan> {
    // SAFETY: a valid plan of a statement with this range table.
    unsafe {
        let kind = tag(plan);
        let relation = || {
            let number = (*plan.cast::<pg_sys::Scan>()).scanrelid as usize;
            let mut entries = iter::<pg_sys::RangeTblEntry>(rtable);
            number
                .checked_sub(1)
                .and_then(|index| entries.nth(index))
                .map_or(none(), |e| (*e).relid)
        };
        let is_backward = |direction| direction == pg_sys::ScanDirection::BackwardScanDirection;
        Some(match kind {
            NodeTag::T_Result | NodeTag::T_Limit if !(*plan).lefttree.is_null() => {
                return scan_of_plan((*plan).lefttree, rtable);
            }
            NodeTag::T_SubqueryScan => {
                return scan_of_plan((*plan.cast::<pg_sys::SubqueryScan>()).subplan, rtable);
            }
            NodeTag::T_IndexScan => {
                let node = &*plan.cast::<pg_sys::IndexScan>();
                if !node.indexorderby.is_null() {
                    return None;
                }
                let backward = is_backward(node.indexorderdir);
                Scan { index: node.indexid, backward, ..Scan::new(kind, relation()) }
            }
            NodeTag::T_IndexOnlyScan => {
                let node = &*plan.cast::<pg_sys::IndexOnlyScan>();
                if !node.indexorderby.is_null() {
                    return None;
                }
                let backward = is_backward(node.indexorderdir);
                Scan { index: node.indexid, backward, ..Scan::new(kind, relation()) }
            }
            NodeTag::T_SeqScan
            | NodeTag::T_SampleScan
            | NodeTag::T_BitmapHeapScan
            | NodeTag::T_TidScan
            | NodeTag::T_TidRangeScan
            | NodeTag::T_ForeignScan => Scan::new(kind, relation()),
            NodeTag::T_Append => {
                let inputs = iter::<pg_sys::Plan>((*plan.cast::<pg_sys::Append>()).appendplans)
                    .map(|input| scan_of_plan(input, rtable))
                    .collect::<Option<_>>()?;
                Scan { inputs, ..Scan::new(kind, none()) }
            }
            NodeTag::T_FunctionScan
            | NodeTag::T_TableFuncScan
            | NodeTag::T_ValuesScan
            | NodeTag::T_CteScan
            | NodeTag::T_NamedTuplestoreScan
            | NodeTag::T_Sort
            | NodeTag::T_IncrementalSort => Scan::new(kind, none()),
            _ => return None,
        })
    }
}

/// The same for a path, which has not become a plan yet.
unsafe fn scan_of_path(
    root: *const pg_sys::PlannerInfo,
    path: *const pg_sys::Path,
) -> Option<Scan> {
    // SAFETY: a valid path of the query level that `root` plans, or of a subquery of it.
    unsafe {
        let kind = (*path).pathtype;
        let rel = (*path).parent;
        let relation = || {
            let number = (*rel).relid as usize;
            let is_base = number > 0 && number < (*root).simple_rel_array_size as usize;
            let entry = is_base.then(|| *(*root).simple_rte_array.add(number))?;
            let is_table = (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION;
            is_table.then(|| (*entry).relid)
        };
        Some(match tag(path) {
            NodeTag::T_ProjectionPath => {
                return scan_of_path(root, (*path.cast::<pg_sys::ProjectionPath>()).subpath);
            }
            NodeTag::T_LimitPath => {
                return scan_of_path(root, (*path.cast::<pg_sys::LimitPath>()).subpath);
            }
            NodeTag::T_SubqueryScanPath => {
                let subpath = (*path.cast::<pg_sys::SubqueryScanPath>()).subpath;
                return scan_of_path((*rel).subroot, subpath);
            }
            NodeTag::T_IndexPath => {
                let index = &*path.cast::<pg_sys::IndexPath>();
                if !index.indexorderbys.is_null() {
                    return None;
                }
                let backward = index.indexscandir == pg_sys::ScanDirection::BackwardScanDirection;
                let scan = Scan::new(kind, relation()?);
                Scan { index: (*index.indexinfo).indexoid, backward, ..scan }
            }
            NodeTag::T_AppendPath => {
                let inputs: Vec<Scan> =
                    iter::<pg_sys::Path>((*path.cast::<pg_sys::AppendPath>()).subpaths)
                        .map(|input| scan_of_path(root, input))
                        .collect::<Option<_>>()?;
                match <[Scan; 1]>::try_from(inputs) {
                    // The plan node of one input does not stay (`set_append_references` in
                    // setrefs.c).
                    Ok([input]) => input,
                    Err(inputs) => Scan { inputs, ..Scan::new(kind, none()) },
                }
            }
            NodeTag::T_Path
            | NodeTag::T_BitmapHeapPath
            | NodeTag::T_TidPath
            | NodeTag::T_TidRangePath
            | NodeTag::T_ForeignPath => Scan::new(kind, relation().unwrap_or(none())),
            // The rows of a leaf of ours, which nobody joins or groups.
            NodeTag::T_CustomPath => {
                let (number, _) = ours::private(path.cast())?;
                return match &state::offered(number)?.kind {
                    Kind::Leaf(leaf) if leaf.workers == 0 => scan_of_path(root, leaf.scan()),
                    _ => None,
                };
            }
            NodeTag::T_SortPath | NodeTag::T_IncrementalSortPath => Scan::new(kind, none()),
            _ => return None,
        })
    }
}

fn none() -> pg_sys::Oid {
    pg_sys::Oid::INVALID
}
