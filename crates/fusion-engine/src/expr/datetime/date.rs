//! Functions whose first argument is a date.

use super::columns::{Date, Int4, Time, Timestamp, extracted, total};
use crate::expr::kernel::Kernel;
use crate::expr::kernel::rows::{Bools, Intervals, binary, unary};
use fusion_plan::{DataType, DatetimeFunction};
use fusion_scalar::datetime::{date, extract, limits};
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
        (F::DateAddDays, [_, T::Int4]) => {
            binary::<Date, Int4, Date>("date + days", result, date::add_days)
        }
        (F::DateSubDays, [_, T::Int4]) => {
            binary::<Date, Int4, Date>("date - days", result, date::sub_days)
        }
        (F::DateDiff, [_, T::Date]) => {
            binary::<Date, Date, Int4>("date - date", result, date::difference)
        }
        (F::DateAddTime, [_, T::Time]) => {
            binary::<Date, Time, Timestamp>("date + time", result, date::add_time)
        }
        (F::DateAddInterval, [_, T::Interval]) => {
            binary::<Date, Intervals, Timestamp>("date + interval", result, date::add_interval)
        }
        (F::DateSubInterval, [_, T::Interval]) => {
            binary::<Date, Intervals, Timestamp>("date - interval", result, date::sub_interval)
        }
        (F::DateToTimestamp, [_]) => {
            unary::<Date, Timestamp>("date to timestamp", result, |date| {
                date::to_timestamp(date).map(Some)
            })
        }
        (F::DateToTimestampForCompare, [_]) => {
            total::<Date, Timestamp>("date to timestamp to compare", result, |date| {
                date::midnight(date).unwrap_or(i64::MAX - 1)
            })
        }
        (F::IsFinite, [_]) => {
            total::<Date, Bools>("date is finite", result, |date| !limits::is_infinite_date(date))
        }
        (F::Extract(unit), [ty]) => {
            extracted::<Date>(*ty, unit, result, move |date| Ok(extract::from_date(unit, date)))
        }
        _ => None,
    }
}
