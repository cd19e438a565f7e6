//! `numeric`.

use super::Rule;
use fusion_plan::Function::*;
use pgrx::pg_sys::*;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_NUMERIC_ADD, Rule::Numeric(Add)),
    (F_NUMERIC_SUB, Rule::Numeric(Sub)),
    (F_NUMERIC_MUL, Rule::Numeric(Mul)),
    (F_NUMERIC_UMINUS, Rule::Numeric(Neg)),
    (F_NUMERIC_ABS, Rule::Numeric(Abs)),
    (F_ABS_NUMERIC, Rule::Numeric(Abs)),
    (F_NUMERIC_INT2, Rule::Numeric(WidenDecimal)),
    (F_NUMERIC_INT4, Rule::Numeric(WidenDecimal)),
    (F_NUMERIC_INT8, Rule::Numeric(WidenDecimal)),
];
