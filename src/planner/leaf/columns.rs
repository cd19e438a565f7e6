//! The columns of a leaf.

use crate::nodes::iter;
use crate::planner::fragment::Leaf;
use crate::planner::outputs::{Column, Outputs};
use crate::planner::translate::types::fusion_type;
use pgrx::pg_sys;

/// The columns of a leaf, as the engine gets them.
///
/// # Safety
///
/// Runs in the planner call that made the leaf.
pub unsafe fn columns(leaf: &Leaf) -> Outputs {
    // SAFETY: the caller's promise.
    let mut columns = unsafe { path_columns(leaf) };
    columns.0.truncate(columns.0.len().saturating_sub(leaf.hidden));
    columns
}

/// The columns of a leaf's path: those of [`columns`], then those that only the feed
/// reads.
///
/// # Safety
///
/// Runs in the planner call that made the leaf.
pub unsafe fn path_columns(leaf: &Leaf) -> Outputs {
    // SAFETY: a leaf's path has a target of expressions, whose types were
    // checked when the leaf was made.
    unsafe {
        let exprs = iter::<pg_sys::Node>((*(*leaf.path).pathtarget).exprs);
        let columns = exprs.filter_map(|expr| {
            let ty = fusion_type(pg_sys::exprType(expr), pg_sys::exprTypmod(expr)).ok()?;
            Some(Column { expr, ty })
        });
        Outputs(columns.collect())
    }
}
