//! Dates, times, timestamps and intervals.
//!
//! Only what PostgreSQL computes from the arguments alone: what depends on the
//! session's time zone is left to it.

use super::{Call, Rule};
use crate::planner::report::reason::Reason;
use crate::planner::translate::numeric;
use crate::planner::translate::typed::{Typed, call};
use fusion_plan::DatetimeFunction::*;
use fusion_plan::{
    DataType, DatetimeFunction, DatetimeUnit, Expr, Function, Literal, Value, from_server,
};
use fusion_scalar::datetime::extract::{is_monotonic, shape};
use fusion_scalar::datetime::unit;
use pgrx::pg_sys::*;
use std::result::Result;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_DATE_PLI, plain(DateAddDays)),
    (F_DATE_MII, plain(DateSubDays)),
    (F_DATE_MI, plain(DateDiff)),
    (F_DATETIME_PL, plain(DateAddTime)),
    (F_TIMESTAMP_DATE_TIME, plain(DateAddTime)),
    (F_DATE_PL_INTERVAL, plain(DateAddInterval)),
    (F_DATE_MI_INTERVAL, plain(DateSubInterval)),
    (F_TIMESTAMP_DATE, plain(DateToTimestamp)),
    (F_DATE_TIMESTAMP, plain(TimestampToDate)),
    (F_TIME_TIMESTAMP, plain(TimestampToTime)),
    (F_TIMESTAMP_PL_INTERVAL, plain(TimestampAddInterval)),
    (F_TIMESTAMP_MI_INTERVAL, plain(TimestampSubInterval)),
    (F_TIMESTAMP_MI, plain(TimestampDiff)),
    (F_TIMESTAMPTZ_MI, plain(TimestampDiff)),
    (F_AGE_TIMESTAMP_TIMESTAMP, plain(Age)),
    (F_TIME_PL_INTERVAL, plain(TimeAddInterval)),
    (F_TIME_MI_INTERVAL, plain(TimeSubInterval)),
    (F_TIME_MI_TIME, plain(TimeDiff)),
    (F_INTERVAL_TIME, plain(TimeToInterval)),
    (F_TIME_INTERVAL, plain(IntervalToTime)),
    (F_INTERVAL_PL, plain(IntervalAdd)),
    (F_INTERVAL_MI, plain(IntervalSub)),
    (F_INTERVAL_UM, plain(IntervalNeg)),
    (F_INTERVAL_MUL, plain(IntervalMul)),
    (F_MUL_D_INTERVAL, plain(MulInterval)),
    (F_INTERVAL_DIV, plain(IntervalDiv)),
    (F_JUSTIFY_HOURS, plain(JustifyHours)),
    (F_JUSTIFY_DAYS, plain(JustifyDays)),
    (F_JUSTIFY_INTERVAL, plain(JustifyInterval)),
    (F_EXTRACT_TEXT_DATE, Rule::Special(extract)),
    (F_EXTRACT_TEXT_TIMESTAMP, Rule::Special(extract)),
    (F_EXTRACT_TEXT_TIME, Rule::Special(extract)),
    (F_EXTRACT_TEXT_INTERVAL, Rule::Special(extract)),
    (F_DATE_PART_TEXT_TIMESTAMP, Rule::Special(date_part)),
    (F_DATE_PART_TEXT_TIME, Rule::Special(date_part)),
    (F_DATE_PART_TEXT_INTERVAL, Rule::Special(date_part)),
    (F_DATE_TRUNC_TEXT_TIMESTAMP, Rule::Special(date_trunc)),
    (F_DATE_TRUNC_TEXT_INTERVAL, Rule::Special(date_trunc)),
    (F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP, plain(Bin)),
    (F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ, plain(Bin)),
    (F_TIMESTAMP_TIMESTAMP_INT4, plain(TimestampPrecision)),
    (F_TIMESTAMPTZ_TIMESTAMPTZ_INT4, plain(TimestampPrecision)),
    (F_TIME_TIME_INT4, plain(TimePrecision)),
    (F_INTERVAL_INTERVAL_INT4, plain(IntervalPrecision)),
    (F_ISFINITE_DATE, plain(IsFinite)),
    (F_ISFINITE_TIMESTAMP, plain(IsFinite)),
    (F_ISFINITE_TIMESTAMPTZ, plain(IsFinite)),
    (F_ISFINITE_INTERVAL, plain(IsFinite)),
    (F_MAKE_DATE, plain(MakeDate)),
    (F_MAKE_TIME, plain(MakeTime)),
    (F_MAKE_TIMESTAMP, plain(MakeTimestamp)),
    (F_MAKE_INTERVAL, plain(MakeInterval)),
    (F_TO_TIMESTAMP_FLOAT8, plain(FromUnixSeconds)),
];

const fn plain(function: DatetimeFunction) -> Rule {
    Rule::Plain(Function::Datetime(function))
}

/// `extract(field from value)`: a decimal where all values have one scale and
/// are finite, or are years; else variable-scale numeric.
fn extract(extract: Call) -> Result<Typed, Reason> {
    let (unit, value) = field_of("extract", extract, unit::extracted)?;
    let infinite = matches!(value.ty, DataType::Date | DataType::Timestamp) && is_monotonic(unit);
    let ty = match (shape(value.ty, unit), unit) {
        (_, DatetimeUnit::Epoch | DatetimeUnit::Julian) if infinite => DataType::Numeric,
        (Some(_), _) if infinite => numeric::YEAR,
        (Some((precision, scale)), _) => DataType::Decimal { precision, scale },
        (None, _) => DataType::Numeric,
    };
    Ok(call(Function::Datetime(Extract(unit)), vec![value], ty))
}

/// `date_part(field, value)`.
fn date_part(date_part: Call) -> Result<Typed, Reason> {
    let (unit, value) = field_of("date_part", date_part, unit::extracted)?;
    Ok(call(Function::Datetime(DatePart(unit)), vec![value], DataType::Float8))
}

/// `date_trunc(field, value)`.
fn date_trunc(date_trunc: Call) -> Result<Typed, Reason> {
    let (unit, value) = field_of("date_trunc", date_trunc, unit::truncated)?;
    let ty = value.ty;
    Ok(call(Function::Datetime(Truncate(unit)), vec![value], ty))
}

/// The constant field and the value of such a call. `known` says which unit the
/// name is to values of a type; PostgreSQL raises the error for others.
fn field_of(
    function: &str,
    call: Call,
    known: fn(DataType, &str) -> Option<DatetimeUnit>,
) -> Result<(DatetimeUnit, Typed), Reason> {
    let Ok([field, value]) = <[Typed; 2]>::try_from(call.args) else {
        return Err(format!("{function} without two arguments").into());
    };
    let Expr::Literal(Literal { value: Some(Value::Text(field)), .. }) = field.expr else {
        return Err(format!("{function} of a field that is not a constant").into());
    };
    match str::from_utf8(&field).ok().and_then(|field| known(value.ty, field)) {
        Some(unit) => Ok((unit, value)),
        None => {
            let field = from_server(&field);
            Err(format!("{function} of the field {field} of a {}", value.ty).into())
        }
    }
}
