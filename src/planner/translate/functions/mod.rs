//! The functions and aggregates that the engine computes exactly as PostgreSQL
//! does, by OID.
//!
//! Nothing outside these tables runs in the engine. An operator stands under
//! the OID of its function.

mod aggregates;
mod arithmetic;
mod cast;
mod compare;
mod datetime;
mod numeric;
mod text;

use super::typed::Typed;
use crate::encoding;
use crate::planner::report::reason::Reason;
use fusion_plan::{AggregateFunction, Function, NumericFunction};
use pgrx::pg_sys;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How a call of an admitted function becomes a fusion expression.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// A comparison: both sides are brought to one type first (a wider
    /// integer or float, trimmed `bpchar`, timestamp for a date against a
    /// timestamp).
    Compare(Function),
    /// Arithmetic in the result type: integer and float arguments are widened
    /// to it first.
    Arithmetic(Function),
    /// `numeric` arithmetic, with a fixed scale if the arguments' precision and
    /// scale allow it.
    Numeric(NumericFunction),
    /// A call of the function on its arguments as they are.
    Plain(Function),
    /// LIKE and its kin on `bpchar`, which see the padding.
    BpcharLike(Function),
    /// `concat`, whose arguments are of any type.
    Concat,
    /// `concat_ws`.
    ConcatWithSeparator,
    /// What the translator says.
    Special(Special),
}

/// Translates a call whose arguments are translated already.
pub type Special = fn(Call) -> Result<Typed, Reason>;

/// A call to translate.
pub struct Call {
    /// The arguments, translated.
    pub args: Vec<Typed>,
}

static RULES: LazyLock<HashMap<u32, Rule>> = LazyLock::new(|| all().collect());
static AGGREGATES: LazyLock<HashMap<u32, AggregateFunction>> =
    LazyLock::new(|| all_aggregates().collect());

/// All admitted functions.
pub fn all() -> impl Iterator<Item = (u32, Rule)> {
    [compare::TABLE, arithmetic::TABLE, numeric::TABLE, datetime::TABLE, text::TABLE, cast::TABLE]
        .into_iter()
        .flatten()
        .copied()
}

/// All admitted aggregates.
pub fn all_aggregates() -> impl Iterator<Item = (u32, AggregateFunction)> {
    aggregates::TABLE.iter().copied()
}

/// The rule for function `oid`, if it is admitted.
pub fn rule(oid: pg_sys::Oid) -> Option<Rule> {
    RULES.get(&oid.to_u32()).copied()
}

/// The comparison that function `oid` is, if it is one and admitted.
pub fn comparison(oid: pg_sys::Oid) -> Option<Function> {
    match rule(oid) {
        Some(Rule::Compare(function)) => Some(function),
        _ => None,
    }
}

/// The aggregate that `oid` is, if it is admitted.
pub fn aggregate(oid: pg_sys::Oid) -> Option<AggregateFunction> {
    AGGREGATES.get(&oid.to_u32()).copied()
}

/// The function behind an operator node, which may not have been looked up yet.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn implementation(function: pg_sys::Oid, operator: pg_sys::Oid) -> pg_sys::Oid {
    match function {
        // SAFETY: the caller's promise.
        pg_sys::Oid::INVALID => unsafe { pg_sys::get_opcode(operator) },
        function => function,
    }
}

/// The function's name, for reasons.
pub fn function_name(oid: pg_sys::Oid) -> String {
    // SAFETY: in a backend's main thread; NULL if there is no such function.
    unsafe {
        let name = pg_sys::get_func_name(oid);
        if name.is_null() {
            return format!("with OID {}", oid.to_u32());
        }
        encoding::string(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_function_has_two_rules() {
        assert_eq!(all().count(), RULES.len());
        assert_eq!(aggregates::TABLE.len(), AGGREGATES.len());
    }
}
