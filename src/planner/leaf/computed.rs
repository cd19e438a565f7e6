//! What a leaf delivers: the columns of its relation, those that moved clauses read, and
//! what PostgreSQL computes there for the steps above.

use crate::nodes::{self, cast, iter};
use crate::planner::report::reason::Reason;
use crate::planner::translate::columns::AnyVar;
use crate::planner::translate::expressions::Translator;
use crate::planner::translate::params::Params;
use crate::planner::translate::types::fusion_type;
use pgrx::pg_sys;

/// Whether a leaf can deliver `expr` as a column.
///
/// # Errors
///
/// If it cannot: why.
///
/// # Safety
///
/// `expr` is an expression of the planner call under way.
pub(super) unsafe fn check(expr: *mut pg_sys::Node) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        if pg_sys::contain_subplans(expr) {
            return Err(Reason::from("a subquery in a column").about(expr));
        }
        if pg_sys::contain_volatile_functions(expr) {
            return Err("a volatile function".into());
        }
        // A projection gives one row for each (`ExecProject` in executor.h).
        if pg_sys::expression_returns_set(expr) {
            return Err(Reason::from("a set-returning function").about(expr));
        }
        fusion_type(pg_sys::exprType(expr), pg_sys::exprTypmod(expr))
            .map(drop)
            .map_err(|reason| reason.about(expr))
    }
}

/// Whether computing the column `expr` for a row cannot raise an error: a variable, or a
/// placeholder of what the engine knows to be harmless.
///
/// # Safety
///
/// As for [`check`].
pub(super) unsafe fn cannot_fail(expr: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        if cast::<pg_sys::Var, _>(expr).is_some() {
            return true;
        }
        let value = match cast::<pg_sys::PlaceHolderVar, _>(expr) {
            Some(placeholder) => placeholder.phexpr.cast(),
            None => expr,
        };
        let mut params = Params::default();
        Translator::new(&AnyVar, &mut params)
            .translate(value)
            .is_ok_and(|typed| !typed.expr.can_fail())
    }
}

/// Adds the variables of `expr` that `target` lacks.
///
/// # Safety
///
/// Both are of the planner call under way.
pub(super) unsafe fn add_columns(target: *mut pg_sys::PathTarget, expr: *mut pg_sys::Node) {
    // SAFETY: an expression and a target of the planner's.
    unsafe {
        const FLAGS: i32 = pg_sys::PVC_INCLUDE_PLACEHOLDERS as i32;
        for var in iter::<pg_sys::Node>(pg_sys::pull_var_clause(expr, FLAGS)) {
            if !iter::<pg_sys::Node>((*target).exprs).any(|column| nodes::equal(column, var)) {
                pg_sys::add_column_to_pathtarget(target, var.cast(), 0);
            }
        }
    }
}
