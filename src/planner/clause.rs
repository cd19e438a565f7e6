//! What the engine can do with a join clause.

use super::fragment::JoinKey;
use super::report::reason::Reason;
use super::translate::columns::AnyVar;
use super::translate::compare::join_key;
use super::translate::expressions::Translator;
use super::translate::functions::{self, implementation};
use super::translate::params::Params;
use crate::nodes::{cast, iter};
use fusion_plan::Function;
use pgrx::pg_sys;

/// What the engine can do with a join clause.
pub enum Clause {
    /// Evaluate it.
    Supported {
        /// Whether that can raise an error.
        can_fail: bool,
        /// If it is an equality that can be a join key, its operands as written.
        key: Option<JoinKey>,
    },
    /// Nothing, and why.
    Unsupported(Reason),
}

/// What the engine can do with `info`.
///
/// # Safety
///
/// `info` is a clause of the planner call under way.
pub unsafe fn classify(info: *const pg_sys::RestrictInfo) -> Clause {
    // SAFETY: a valid clause.
    unsafe {
        let mut params = Params::default();
        let clause: *mut pg_sys::Node = (*info).clause.cast();
        let can_fail = match Translator::new(&AnyVar, &mut params).translate(clause) {
            Ok(typed) => typed.expr.can_fail(),
            Err(reason) => return Clause::Unsupported(reason),
        };
        let key = if (*info).can_join { join_key_of(clause) } else { None };
        Clause::Supported { can_fail, key }
    }
}

/// The operands of `clause` if it is an equality whose sides can be brought to
/// one type for hashing.
unsafe fn join_key_of(clause: *mut pg_sys::Node) -> Option<JoinKey> {
    // SAFETY: a valid clause.
    unsafe {
        let op: &pg_sys::OpExpr = cast(clause)?;
        let function = implementation(op.opfuncid, op.opno);
        if functions::comparison(function) != Some(Function::Eq) {
            return None;
        }
        let args: Vec<*mut pg_sys::Node> = iter(op.args).collect();
        let [left, right] = args.as_slice() else {
            return None;
        };
        let mut params = Params::default();
        let mut translator = Translator::new(&AnyVar, &mut params);
        let typed = (translator.translate(*left).ok()?, translator.translate(*right).ok()?);
        join_key(typed.0, typed.1).ok()?;
        Some(JoinKey { left: *left, right: *right, function })
    }
}
