//! What an expression is made of.

use crate::nodes::iter;
use pgrx::pg_sys;

/// The variables of `node`, those inside aggregate calls included.
///
/// # Safety
///
/// `node` is an expression of the query being planned.
pub unsafe fn variables(node: *mut pg_sys::Node) -> Vec<*mut pg_sys::Node> {
    const FLAGS: u32 = pg_sys::PVC_RECURSE_AGGREGATES | pg_sys::PVC_INCLUDE_PLACEHOLDERS;
    // SAFETY: the caller's promise.
    unsafe { iter(pg_sys::pull_var_clause(node, FLAGS as i32)).collect() }
}

/// Whether the value of `node` can differ from row to row.
///
/// # Safety
///
/// `node` is an expression of the query being planned.
pub unsafe fn depends_on_rows(node: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe { sources(node).len() > 0 }
}

/// The variables, placeholders, and aggregate and window calls that `node` is made
/// of.
///
/// # Safety
///
/// `node` is an expression of the query being planned.
pub unsafe fn sources(
    node: *mut pg_sys::Node,
) -> impl ExactSizeIterator<Item = *mut pg_sys::Node> + Clone {
    const FLAGS: u32 = pg_sys::PVC_INCLUDE_AGGREGATES
        | pg_sys::PVC_INCLUDE_WINDOWFUNCS
        | pg_sys::PVC_INCLUDE_PLACEHOLDERS;
    // SAFETY: an expression of the query being planned.
    unsafe { iter(pg_sys::pull_var_clause(node, FLAGS as i32)) }
}
