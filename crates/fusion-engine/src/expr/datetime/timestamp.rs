//! Functions whose first argument is a timestamp, with or without time zone.

use super::columns::{Date, Float8, Int4, Time, Timestamp, extracted, total};
use crate::expr::kernel::Kernel;
use crate::expr::kernel::rows::{Bools, Intervals, binary, unary};
use fusion_plan::{DataType, DatetimeFunction};
use fusion_scalar::datetime::{
    date, date_part, extract, limits, precision, time, timestamp, truncate, unit,
};
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(super) fn kernel(
    function: DatetimeFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use DatetimeFunction as F;
    match (function, args) {
        (F::TimestampDiff, [left, right]) if left == right => {
            binary::<Timestamp, Timestamp, Intervals>(
                "timestamp - timestamp",
                result,
                timestamp::difference,
            )
        }
        (F::TimestampPrecision, [_, T::Int4]) => {
            binary::<Timestamp, Int4, Timestamp>("precision", result, precision::timestamp)
        }
        (F::IsFinite, [_]) => total::<Timestamp, Bools>("timestamp is finite", result, |value| {
            !limits::is_infinite(value)
        }),
        // The others depend on the time zone.
        (_, [T::TimestampTz, ..]) => None,
        (F::TimestampAddInterval, [_, T::Interval]) => binary::<Timestamp, Intervals, Timestamp>(
            "timestamp + interval",
            result,
            timestamp::add_interval,
        ),
        (F::TimestampSubInterval, [_, T::Interval]) => binary::<Timestamp, Intervals, Timestamp>(
            "timestamp - interval",
            result,
            timestamp::sub_interval,
        ),
        (F::Age, [_, T::Timestamp]) => {
            binary::<Timestamp, Timestamp, Intervals>("age", result, timestamp::age)
        }
        (F::TimestampToDate, [_]) => {
            unary::<Timestamp, Date>("timestamp to date", result, |value| {
                date::from_timestamp(value).map(Some)
            })
        }
        (F::TimestampToTime, [_]) => {
            unary::<Timestamp, Time>("timestamp to time", result, time::from_timestamp)
        }
        (F::Extract(unit), [ty]) => extracted::<Timestamp>(*ty, unit, result, move |value| {
            extract::from_timestamp(unit, value)
        }),
        (F::DatePart(unit), [ty]) if unit::can_extract(*ty, unit) => {
            unary::<Timestamp, Float8>("part of timestamp", result, move |value| {
                date_part::from_timestamp(unit, value)
            })
        }
        (F::Truncate(unit), [ty]) if unit::can_truncate(*ty, unit) => {
            unary::<Timestamp, Timestamp>("truncated timestamp", result, move |value| {
                truncate::timestamp_to(unit, value).map(Some)
            })
        }
        _ => None,
    }
}
