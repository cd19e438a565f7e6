//! `numeric`.

use super::{Call, Rule};
use crate::planner::report::reason::Reason;
use crate::planner::translate::numeric;
use crate::planner::translate::typed::Typed;
use fusion_plan::NumericFunction::*;
use fusion_plan::{Expr, Function, Literal, Value};
use pgrx::pg_sys::*;
use std::result::Result;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_NUMERIC_ADD, Rule::Numeric(Add)),
    (F_NUMERIC_SUB, Rule::Numeric(Sub)),
    (F_NUMERIC_MUL, Rule::Numeric(Mul)),
    (F_NUMERIC_DIV, Rule::Numeric(Div)),
    (F_NUMERIC_MOD, Rule::Numeric(Mod)),
    (F_MOD_NUMERIC_NUMERIC, Rule::Numeric(Mod)),
    (F_DIV, Rule::Numeric(DivTrunc)),
    (F_NUMERIC_DIV_TRUNC, Rule::Numeric(DivTrunc)),
    (F_NUMERIC_UMINUS, Rule::Numeric(Neg)),
    (F_NUMERIC_UPLUS, Rule::Special(unchanged)),
    (F_NUMERIC_ABS, Rule::Numeric(Abs)),
    (F_ABS_NUMERIC, Rule::Numeric(Abs)),
    (F_SIGN_NUMERIC, Rule::Numeric(Sign)),
    (F_CEIL_NUMERIC, Rule::Numeric(Ceil)),
    (F_CEILING_NUMERIC, Rule::Numeric(Ceil)),
    (F_FLOOR_NUMERIC, Rule::Numeric(Floor)),
    (F_ROUND_NUMERIC_INT4, Rule::Numeric(Round)),
    (F_TRUNC_NUMERIC_INT4, Rule::Numeric(Trunc)),
    (F_SCALE, Rule::Plain(Function::Numeric(Scale))),
    (F_MIN_SCALE, Rule::Plain(Function::Numeric(MinScale))),
    (F_TRIM_SCALE, Rule::Numeric(TrimScale)),
    (F_NUMERIC_NUMERIC_INT4, Rule::Special(with_typmod)),
    (F_NUMERIC_INT2, Rule::Special(from_integer)),
    (F_NUMERIC_INT4, Rule::Special(from_integer)),
    (F_NUMERIC_INT8, Rule::Special(from_integer)),
    (F_NUMERIC_FLOAT4, Rule::Numeric(FromFloat)),
    (F_NUMERIC_FLOAT8, Rule::Numeric(FromFloat)),
    (F_INT2_NUMERIC, Rule::Plain(Function::Numeric(ToInteger))),
    (F_INT4_NUMERIC, Rule::Plain(Function::Numeric(ToInteger))),
    (F_INT8_NUMERIC, Rule::Plain(Function::Numeric(ToInteger))),
    (F_FLOAT4_NUMERIC, Rule::Plain(Function::Numeric(ToFloat))),
    (F_FLOAT8_NUMERIC, Rule::Plain(Function::Numeric(ToFloat))),
];

/// `+x`.
fn unchanged(call: Call) -> Result<Typed, Reason> {
    only(call.args)
}

fn from_integer(call: Call) -> Result<Typed, Reason> {
    numeric::from_integer(only(call.args)?)
}

/// `x::numeric(precision, scale)`.
fn with_typmod(cast: Call) -> Result<Typed, Reason> {
    let Ok([value, typmod]) = <[Typed; 2]>::try_from(cast.args) else {
        return Err("a cast to numeric without two arguments".into());
    };
    match typmod.expr {
        Expr::Literal(Literal { value: Some(Value::Int(typmod)), .. }) => {
            let typmod = i32::try_from(typmod).map_err(|_| Reason::from("a type modifier"))?;
            Ok(numeric::with_typmod(value, typmod))
        }
        _ => Err("a cast to numeric whose type modifier is not a constant".into()),
    }
}

fn only(args: Vec<Typed>) -> Result<Typed, Reason> {
    match <[Typed; 1]>::try_from(args) {
        Ok([arg]) => Ok(arg),
        Err(_) => Err("a numeric function without its one argument".into()),
    }
}
