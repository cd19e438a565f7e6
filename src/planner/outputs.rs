//! The columns of a step of a plan, by position.

use super::placeholder::is_same;
use super::report::reason::Reason;
use super::translate::columns::Columns;
use crate::nodes::iter;
use fusion_plan::DataType;
use pgrx::pg_sys;

/// A column: the PostgreSQL expression it holds, and its type.
#[derive(Clone, Copy)]
pub struct Column {
    /// The expression.
    pub expr: *mut pg_sys::Node,
    /// The type.
    pub ty: DataType,
}

/// The columns of a step, by position.
#[derive(Clone, Default)]
pub struct Outputs(pub Vec<Column>);

impl Outputs {
    /// The position of the column that holds `node`.
    ///
    /// # Safety
    ///
    /// `node` is a node.
    pub unsafe fn position(&self, node: *const pg_sys::Node) -> Option<usize> {
        // SAFETY: all are nodes.
        self.0.iter().position(|column| unsafe { is_same(node, column.expr) })
    }
}

impl Columns for Outputs {
    unsafe fn find(&self, node: *const pg_sys::Node) -> Option<Result<(u32, DataType), Reason>> {
        // SAFETY: the caller's promise.
        let position = unsafe { self.position(node) }?;
        Some(Ok((position as u32, self.0[position].ty)))
    }
}

/// The columns that a path's target `columns` and the `pending` conditions need: each
/// expression of the target as a whole, for the case that it is a column, and
/// its variables and aggregate calls.
///
/// # Safety
///
/// All belong to the planner call under way.
pub unsafe fn needed_columns(
    columns: *const pg_sys::List,
    pending: &[*mut pg_sys::Node],
) -> Vec<*mut pg_sys::Node> {
    const FLAGS: u32 = pg_sys::PVC_INCLUDE_AGGREGATES | pg_sys::PVC_INCLUDE_PLACEHOLDERS;
    // SAFETY: expressions of the planner call under way.
    unsafe {
        let exprs = iter::<pg_sys::Node>(columns).chain(pending.iter().copied());
        let mut needed = Vec::new();
        for expr in exprs {
            needed.push(expr);
            needed.extend(iter::<pg_sys::Node>(pg_sys::pull_var_clause(expr, FLAGS as i32)));
        }
        needed
    }
}
