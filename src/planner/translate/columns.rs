//! What an expression can name.

use super::types::fusion_type;
use crate::nodes::cast;
use crate::planner::report::reason::Reason;
use fusion_plan::DataType;
use pgrx::pg_sys;

/// What an expression can name: the columns of its input.
pub trait Columns {
    /// The column that `node` is, if it is one, with its type or the reason
    /// why that type is not supported.
    ///
    /// # Safety
    ///
    /// `node` is a node.
    unsafe fn find(&self, node: *const pg_sys::Node) -> Option<Result<(u32, DataType), Reason>>;

    /// Whether `placeholder`, which is no column, is computed where it is named.
    fn computes(&self, placeholder: &pg_sys::PlaceHolderVar) -> bool {
        let _ = placeholder;
        false
    }
}

/// Any variable and placeholder of the query is a column: for asking whether an expression can
/// be translated before its input is known.
pub struct AnyVar;

impl Columns for AnyVar {
    unsafe fn find(&self, node: *const pg_sys::Node) -> Option<Result<(u32, DataType), Reason>> {
        // SAFETY: the caller's promise; planning runs in a backend's main thread.
        unsafe {
            if let Some(var) = cast::<pg_sys::Var, _>(node) {
                let own = var.varlevelsup == 0;
                return own.then(|| fusion_type(var.vartype, var.vartypmod).map(|ty| (0, ty)));
            }
            let placeholder: &pg_sys::PlaceHolderVar = cast(node)?;
            let expr: *const pg_sys::Node = placeholder.phexpr.cast();
            let ty = fusion_type(pg_sys::exprType(expr), pg_sys::exprTypmod(expr));
            (placeholder.phlevelsup == 0).then(|| ty.map(|ty| (0, ty)))
        }
    }
}
