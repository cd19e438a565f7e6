//! Dates, times, timestamps and intervals.

use super::{Call, Rule};
use crate::planner::Reason;
use crate::planner::expr::{Typed, call};
use crate::planner::numeric;
use fusion_plan::DatetimeFunction::*;
use fusion_plan::{Expr, Function, Literal, Value};
use pgrx::pg_sys::*;
use std::result::Result;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_DATE_PLI, Rule::Plain(Function::Datetime(DateAddDays))),
    (F_DATE_MII, Rule::Plain(Function::Datetime(DateSubDays))),
    (F_DATE_MI, Rule::Plain(Function::Datetime(DateDiff))),
    (F_TIMESTAMP_DATE, Rule::Plain(Function::Datetime(DateToTimestamp))),
    (F_EXTRACT_TEXT_DATE, Rule::Special(extract_from_date)),
];

/// `extract(field from date)` for the fields that depend on nothing else.
fn extract_from_date(extract: Call) -> Result<Typed, Reason> {
    let Ok([field, date]) = <[Typed; 2]>::try_from(extract.args) else {
        return Err("extract without two arguments".into());
    };
    let Expr::Literal(Literal { value: Some(Value::Text(field)), .. }) = field.expr else {
        return Err("extract of a field that is not a constant".into());
    };
    if !field.eq_ignore_ascii_case("year") {
        return Err(format!("extract({field} from date)").into());
    }
    Ok(call(Function::Datetime(ExtractYear), vec![date], numeric::YEAR))
}
