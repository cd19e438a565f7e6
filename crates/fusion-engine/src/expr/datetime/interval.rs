//! Functions whose first argument is an interval.

use super::columns::{Float8, Int4, Time, extracted, total};
use crate::expr::kernel::Kernel;
use crate::expr::kernel::rows::{Bools, Intervals, binary, unary};
use fusion_plan::{DataType, DatetimeFunction, PgError};
use fusion_scalar::datetime::{
    Interval, date_part, extract, interval_math, precision, time, truncate, unit,
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
    let of_one = |op: fn(Interval) -> Result<Interval, PgError>| {
        unary::<Intervals, Intervals>("interval function", result, move |value| op(value).map(Some))
    };
    match (function, args) {
        (F::IntervalAdd, [_, T::Interval]) => binary::<Intervals, Intervals, Intervals>(
            "interval + interval",
            result,
            interval_math::add,
        ),
        (F::IntervalSub, [_, T::Interval]) => binary::<Intervals, Intervals, Intervals>(
            "interval - interval",
            result,
            interval_math::sub,
        ),
        (F::IntervalMul, [_, T::Float8]) => {
            binary::<Intervals, Float8, Intervals>("interval * float8", result, interval_math::mul)
        }
        (F::IntervalDiv, [_, T::Float8]) => {
            binary::<Intervals, Float8, Intervals>("interval / float8", result, interval_math::div)
        }
        (F::IntervalNeg, [_]) => of_one(interval_math::neg),
        (F::JustifyHours, [_]) => of_one(interval_math::justify_hours),
        (F::JustifyDays, [_]) => of_one(interval_math::justify_days),
        (F::JustifyInterval, [_]) => of_one(interval_math::justify_interval),
        (F::IntervalPrecision, [_, T::Int4]) => {
            binary::<Intervals, Int4, Intervals>("precision", result, precision::interval)
        }
        (F::IntervalToTime, [_]) => {
            total::<Intervals, Time>("interval to time", result, time::from_interval)
        }
        (F::IsFinite, [_]) => total::<Intervals, Bools>("interval is finite", result, |_| true),
        (F::Extract(unit), [ty]) => extracted::<Intervals>(*ty, unit, result, move |value| {
            Ok(extract::from_interval(unit, value))
        }),
        (F::DatePart(unit), [ty]) if unit::can_extract(*ty, unit) => {
            unary::<Intervals, Float8>("part of interval", result, move |value| {
                Ok(date_part::from_interval(unit, value))
            })
        }
        (F::Truncate(unit), [ty]) if unit::can_truncate(*ty, unit) => {
            total::<Intervals, Intervals>("truncated interval", result, move |value| {
                truncate::interval_to(unit, value)
            })
        }
        _ => None,
    }
}
