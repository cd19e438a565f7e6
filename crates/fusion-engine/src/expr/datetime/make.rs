//! Functions that make dates, times and intervals from numbers.

use super::columns::{Date, Float8, Int4, Time, Timestamp};
use crate::expr::kernel::rows::{Intervals, Output, Values, binary, each, ternary, unary};
use crate::expr::kernel::{Arg, FnKernel, Kernel};
use fusion_plan::{DataType, DatetimeFunction, PgError};
use fusion_scalar::datetime::{interval_math, make, timestamp};
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(super) fn kernel(
    function: DatetimeFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType::{Float8 as F8, Int4 as I4, Interval};
    use DatetimeFunction as F;
    match (function, args) {
        (F::MulInterval, [F8, Interval]) => {
            binary::<Float8, Intervals, Intervals>("float8 * interval", result, |factor, value| {
                interval_math::mul(value, factor)
            })
        }
        (F::FromUnixSeconds, [F8]) => {
            unary::<Float8, Timestamp>("to_timestamp", result, |seconds| {
                timestamp::from_unix_seconds(seconds).map(Some)
            })
        }
        (F::MakeDate, [I4, I4, I4]) => {
            ternary::<Int4, Int4, Int4, Date>("make_date", result, make::date)
        }
        (F::MakeTime, [I4, I4, F8]) => {
            ternary::<Int4, Int4, Float8, Time>("make_time", result, make::time)
        }
        (F::MakeTimestamp, [I4, I4, I4, I4, I4, F8]) => {
            made::<5, Timestamp>("make_timestamp", result, |fields, seconds| {
                let [year, month, day, hour, minute] = fields;
                make::timestamp((year, month, day), (hour, minute, seconds))
            })
        }
        (F::MakeInterval, [I4, I4, I4, I4, I4, I4, F8]) => {
            made::<6, Intervals>("make_interval", result, make::interval)
        }
        _ => None,
    }
}

/// The kernel of a function of `N` integers and a float.
fn made<const N: usize, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn([i32; N], f64) -> Result<O::Value, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    let ty = result.arrow();
    O::fits(&ty).then(|| {
        FnKernel::boxed(name, move |args: &[Arg], rows| {
            let integers = (0..N)
                .map(|index| Values::<Int4>::of(args, index))
                .collect::<Result<Vec<_>, _>>()?;
            let seconds = Values::<Float8>::of(args, N)?;
            each::<O>(args, rows, &ty, |row| {
                let mut fields = [0; N];
                for (field, column) in fields.iter_mut().zip(&integers) {
                    *field = column.get(row);
                }
                op(fields, seconds.get(row)).map(Some)
            })
        })
    })
}
