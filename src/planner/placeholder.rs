//! Placeholders: values of a subquery's expressions that PostgreSQL keeps apart,
//! because an outer join above must be able to make them NULL.
//!
//! A placeholder is computed at the lowest join (or relation) that has all the
//! relations of its expression, and is a column from there on.

use crate::nodes::{self, cast, iter};
use pgrx::pg_sys;

/// The relations at whose join `placeholder` is computed; `None` if its
/// expression refers to others laterally.
///
/// # Safety
///
/// Both belong to the planner call under way.
pub unsafe fn evaluated_at(
    root: *const pg_sys::PlannerInfo,
    placeholder: &pg_sys::PlaceHolderVar,
) -> Option<pg_sys::Relids> {
    // SAFETY: the planner's structures are valid.
    unsafe {
        let mut infos = iter::<pg_sys::PlaceHolderInfo>((*root).placeholder_list);
        let info = infos.find(|info| (**info).phid == placeholder.phid)?;
        (*info).ph_lateral.is_null().then_some((*info).ph_eval_at)
    }
}

/// Whether two columns are the same one: placeholders by number, variables by
/// what they name (they differ in what the parser knew of them), all else by
/// form.
///
/// # Safety
///
/// Both are nodes.
pub unsafe fn is_same(a: *const pg_sys::Node, b: *const pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(a) = cast::<pg_sys::Var, _>(a) {
            return cast::<pg_sys::Var, _>(b).is_some_and(|b| {
                (a.varno, a.varattno, a.varlevelsup) == (b.varno, b.varattno, b.varlevelsup)
            });
        }
        if let Some(a) = cast::<pg_sys::PlaceHolderVar, _>(a) {
            return cast::<pg_sys::PlaceHolderVar, _>(b)
                .is_some_and(|b| (a.phid, a.phlevelsup) == (b.phid, b.phlevelsup));
        }
        nodes::equal(a, b)
    }
}
