//! Aggregates.

use fusion_plan::AggregateFunction;
use fusion_plan::AggregateFunction::*;
use pgrx::pg_sys::*;

/// The aggregates, by OID.
pub const TABLE: &[(u32, AggregateFunction)] = &[
    (F_COUNT_, CountStar),
    (F_COUNT_ANY, Count),
    (F_SUM_INT2, Sum),
    (F_SUM_INT4, Sum),
    (F_SUM_INT8, Sum),
    (F_SUM_FLOAT4, Sum),
    (F_SUM_FLOAT8, Sum),
    (F_SUM_NUMERIC, Sum),
    (F_AVG_INT2, Avg),
    (F_AVG_INT4, Avg),
    (F_AVG_INT8, Avg),
    (F_AVG_FLOAT4, Avg),
    (F_AVG_FLOAT8, Avg),
    (F_AVG_NUMERIC, Avg),
    (F_MIN_INT2, Min),
    (F_MIN_INT4, Min),
    (F_MIN_INT8, Min),
    (F_MIN_FLOAT4, Min),
    (F_MIN_FLOAT8, Min),
    (F_MIN_NUMERIC, Min),
    (F_MIN_DATE, Min),
    (F_MIN_TIMESTAMP, Min),
    (F_MIN_TEXT, Min),
    (F_MIN_BPCHAR, Min),
    (F_MAX_INT2, Max),
    (F_MAX_INT4, Max),
    (F_MAX_INT8, Max),
    (F_MAX_FLOAT4, Max),
    (F_MAX_FLOAT8, Max),
    (F_MAX_NUMERIC, Max),
    (F_MAX_DATE, Max),
    (F_MAX_TIMESTAMP, Max),
    (F_MAX_TEXT, Max),
    (F_MAX_BPCHAR, Max),
    (F_BOOL_AND, BoolAnd),
    (F_EVERY, BoolAnd),
    (F_BOOL_OR, BoolOr),
];
