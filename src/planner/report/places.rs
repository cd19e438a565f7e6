//! What notes and the choice among them count: relations of a set, costs of columns.

use pgrx::pg_sys;

/// The members of a set.
///
/// # Safety
///
/// `relids` is a valid set.
pub unsafe fn members(relids: pg_sys::Relids) -> Vec<i32> {
    let mut members = Vec::new();
    let mut last = -1;
    loop {
        // SAFETY: a valid set, by the caller's promise.
        last = unsafe { pg_sys::bms_next_member(relids, last) };
        if last < 0 {
            return members;
        }
        members.push(last);
    }
}

/// What PostgreSQL counts for computing the columns of `target` for `rows` rows.
///
/// # Safety
///
/// `target` is valid.
pub unsafe fn target_cost(target: *const pg_sys::PathTarget, rows: f64) -> f64 {
    // SAFETY: a valid target, by the caller's promise.
    unsafe { (*target).cost.startup + (*target).cost.per_tuple * rows }
}
