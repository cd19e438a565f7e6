//! Functions whose first argument is a time.

use super::columns::{Float8, Int4, Time, extracted, total};
use crate::expr::kernel::Kernel;
use crate::expr::kernel::rows::{Intervals, binary, unary};
use fusion_plan::{DataType, DatetimeFunction};
use fusion_scalar::datetime::{date_part, extract, precision, time, unit};
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
        (F::TimeAddInterval, [_, T::Interval]) => {
            binary::<Time, Intervals, Time>("time + interval", result, |time, interval| {
                Ok(time::add_interval(time, interval))
            })
        }
        (F::TimeSubInterval, [_, T::Interval]) => {
            binary::<Time, Intervals, Time>("time - interval", result, |time, interval| {
                Ok(time::sub_interval(time, interval))
            })
        }
        (F::TimeDiff, [_, T::Time]) => {
            binary::<Time, Time, Intervals>("time - time", result, |left, right| {
                Ok(time::difference(left, right))
            })
        }
        (F::TimePrecision, [_, T::Int4]) => {
            binary::<Time, Int4, Time>("time precision", result, |time, typmod| {
                Ok(precision::time(time, typmod))
            })
        }
        (F::TimeToInterval, [_]) => {
            total::<Time, Intervals>("time to interval", result, time::to_interval)
        }
        (F::Extract(unit), [ty]) => {
            extracted::<Time>(*ty, unit, result, move |time| Ok(extract::from_time(unit, time)))
        }
        (F::DatePart(unit), [ty]) if unit::can_extract(*ty, unit) => {
            unary::<Time, Float8>("part of time", result, move |time| {
                Ok(date_part::from_time(unit, time))
            })
        }
        _ => None,
    }
}
