//! The order in which PostgreSQL evaluates conditions.

use pgrx::pg_sys;

/// `items`, each a condition or with one, in the order in which PostgreSQL
/// evaluates them, with their costs per row: `order_qual_clauses` of
/// createplan.c sorts by cost and keeps the order of equals. (It sorts by
/// security level first; conditions of different levels do not come here.)
///
/// # Safety
///
/// `clause` gives expressions of the query that `root` plans.
pub unsafe fn in_evaluation_order<T>(
    root: *mut pg_sys::PlannerInfo,
    items: impl IntoIterator<Item = T>,
    clause: impl Fn(&T) -> *mut pg_sys::Node,
) -> Vec<(f64, T)> {
    let mut items: Vec<(f64, T)> = items
        .into_iter()
        .map(|item| {
            let mut cost = pg_sys::QualCost::default();
            // SAFETY: the caller's promise.
            unsafe { pg_sys::cost_qual_eval_node(&mut cost, clause(&item), root) };
            (cost.per_tuple, item)
        })
        .collect();
    items.sort_by(|a, b| a.0.total_cmp(&b.0));
    items
}
