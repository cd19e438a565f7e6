//! What the six comparisons ask: of arrow's kernels, of an ordering, and of any kernel.

use crate::expr::kernel::{Arg, Kernel, defect};
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::kernels::cmp;
use fusion_plan::{Function, PgError};
use std::cmp::Ordering;
use std::sync::Arc;

/// The comparison of two arguments of one Arrow type, in that type's order.
pub(super) fn native(function: Function, left: &Arg, right: &Arg) -> Result<ArrayRef, PgError> {
    let result = match function {
        Function::Eq => cmp::eq(left, right),
        Function::Ne => cmp::neq(left, right),
        Function::Lt => cmp::lt(left, right),
        Function::Le => cmp::lt_eq(left, right),
        Function::Gt => cmp::gt(left, right),
        Function::Ge => cmp::gt_eq(left, right),
        _ => return Err(PgError::internal(format!("{function:?} is not a comparison"))),
    };
    Ok(Arc::new(result.map_err(defect)?))
}

/// Which orderings make the comparison true.
pub(super) fn accepts(function: Function) -> Option<fn(Ordering) -> bool> {
    Some(match function {
        Function::Eq => Ordering::is_eq,
        Function::Ne => Ordering::is_ne,
        Function::Lt => Ordering::is_lt,
        Function::Le => Ordering::is_le,
        Function::Gt => Ordering::is_gt,
        Function::Ge => Ordering::is_ge,
        _ => return None,
    })
}

/// What `comparison`, a kernel of a comparison, says of `args`.
pub(super) fn compared(
    comparison: &Arc<dyn Kernel>,
    args: &[Arg],
    rows: usize,
) -> Result<BooleanArray, PgError> {
    let result = comparison.call(args, rows)?;
    let result = result.as_boolean_opt().cloned();
    result.ok_or_else(|| PgError::internal("a comparison that gives no truth values"))
}
