//! Dates, times, timestamps and intervals: [`fusion_scalar::datetime`] over
//! columns.

use super::Kernel;
use super::decimal::is_128;
use super::kernel::FnKernel;
use super::rows::{
    Bools, Input, Intervals, Numerics, Output, Primitive, Values, binary, each, ternary, unary,
};
use arrow::datatypes::{Decimal128Type, Float64Type, Int32Type, Int64Type};
use fusion_plan::{
    DECIMAL128_INFINITY, DECIMAL128_NEGATIVE_INFINITY, DataType, DatetimeFunction, DatetimeUnit,
    PgError,
};
use fusion_scalar::datetime::extract::Number;
use fusion_scalar::datetime::{
    Interval, date, date_part, extract, interval_math, limits, make, precision, time, timestamp,
    truncate, unit,
};
use std::sync::Arc;

type Int4 = Primitive<Int32Type>;
type Date = Primitive<Int32Type>;
type Time = Primitive<Int64Type>;
type Timestamp = Primitive<Int64Type>;
type Float8 = Primitive<Float64Type>;

/// The function `function` over arguments of types `args`.
pub(crate) fn kernel(
    function: DatetimeFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use DatetimeFunction as F;
    match args {
        [T::Date, ..] => of_dates(function, args, result),
        [T::Time, ..] => of_times(function, args, result),
        [T::Timestamp | T::TimestampTz, ..] => of_timestamps(function, args, result),
        [T::Interval, T::Timestamp, T::Timestamp]
        | [T::Interval, T::TimestampTz, T::TimestampTz]
            if function == F::Bin =>
        {
            ternary::<Intervals, Timestamp, Timestamp, Timestamp>("bin", result, truncate::bin)
        }
        [T::Interval, ..] => of_intervals(function, args, result),
        [T::Int4 | T::Float8, ..] => of_numbers(function, args, result),
        _ => None,
    }
}

/// Functions whose first argument is a date.
fn of_dates(
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

/// Functions whose first argument is a time.
fn of_times(
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

/// Functions whose first argument is a timestamp, with or without time zone.
fn of_timestamps(
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

/// Functions whose first argument is an interval.
fn of_intervals(
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

/// Functions that make values from numbers.
fn of_numbers(
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

/// The kernel of a function that neither fails nor gives NULL.
fn total<A: Input, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn(A::Value) -> O::Value + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    unary::<A, O>(name, result, move |value| Ok(Some(op(value))))
}

/// The kernel of a function of `N` integers and a float.
fn made<const N: usize, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn([i32; N], f64) -> Result<O::Value, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    let ty = result.arrow();
    O::fits(&ty).then(|| {
        FnKernel::boxed(name, move |args: &[super::Arg], rows| {
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

/// The kernel of `extract`: a decimal of the field's one scale, or bytes.
fn extracted<A: Input>(
    ty: DataType,
    unit: DatetimeUnit,
    result: DataType,
    op: impl Fn(A::Value) -> Result<Option<Number>, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    const NAME: &str = "extract";
    if !unit::can_extract(ty, unit) {
        return None;
    }
    match result {
        DataType::Numeric => unary::<A, Numerics>(NAME, result, op),
        DataType::Decimal { scale, .. }
            if is_128(result) && extract::shape(ty, unit).is_some_and(|(_, s)| s == scale) =>
        {
            unary::<A, Primitive<Decimal128Type>>(NAME, result, move |value| {
                Ok(op(value)?.map(unscaled))
            })
        }
        _ => None,
    }
}

fn unscaled(number: Number) -> i128 {
    match number {
        Number::Finite { unscaled, .. } => unscaled,
        Number::Infinity => DECIMAL128_INFINITY,
        Number::NegativeInfinity => DECIMAL128_NEGATIVE_INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Arg;
    use super::*;
    use arrow::array::{
        Array, ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array,
    };
    use fusion_scalar::datetime::limits::{DATES, DAY, FIRST_DATE_WITHOUT_TIMESTAMP};

    fn dates(values: &[i32]) -> Arg {
        Arg::column(Arc::new(Int32Array::from(values.to_vec())))
    }

    fn timestamps(values: &[i64]) -> Arg {
        Arg::column(Arc::new(Int64Array::from(values.to_vec())))
    }

    fn intervals(values: &[Interval]) -> Arg {
        let bytes = values.iter().map(|value| value.to_bytes());
        Arg::column(Arc::new(FixedSizeBinaryArray::try_from_iter(bytes).unwrap()))
    }

    fn call(
        function: DatetimeFunction,
        types: &[DataType],
        result: DataType,
        args: &[Arg],
    ) -> Result<ArrayRef, PgError> {
        kernel(function, types, result).unwrap().call(args, args[0].array().len())
    }

    #[test]
    fn dates_move_and_convert() {
        use DataType::{Date, Int4, Timestamp};
        let add = DatetimeFunction::DateAddDays;
        let result = call(add, &[Date, Int4], Date, &[dates(&[10, i32::MAX]), dates(&[-3, 1])]);
        assert_eq!(result.unwrap().as_primitive::<Int32Type>().values(), &[7, i32::MAX]);
        let error = call(add, &[Date, Int4], Date, &[dates(&[DATES.end - 1]), dates(&[1])]);
        assert_eq!(error.unwrap_err().message, "date out of range");
        let lenient = DatetimeFunction::DateToTimestampForCompare;
        let args = [dates(&[1, FIRST_DATE_WITHOUT_TIMESTAMP, i32::MAX])];
        let result = call(lenient, &[Date], Timestamp, &args).unwrap();
        assert_eq!(result.as_primitive::<Int64Type>().values(), &[DAY, i64::MAX - 1, i64::MAX]);
        assert!(call(DatetimeFunction::DateToTimestamp, &[Date], Timestamp, &args).is_err());
    }

    #[test]
    fn extracted_fields_keep_infinities_and_nulls() {
        let year = DataType::Decimal { precision: 7, scale: 0 };
        let unit = DatetimeFunction::Extract(DatetimeUnit::Year);
        let args = [dates(&[0, -730_120, i32::MIN, i32::MAX])];
        let result = call(unit, &[DataType::Date], year, &args).unwrap();
        let years = result.as_primitive::<Decimal128Type>().values();
        let infinities = [DECIMAL128_NEGATIVE_INFINITY, DECIMAL128_INFINITY];
        assert_eq!(**years, [2000, -1, infinities[0], infinities[1]]);
        let second = DataType::Decimal { precision: 8, scale: 6 };
        let unit = DatetimeFunction::Extract(DatetimeUnit::Second);
        let args = [timestamps(&[-1, i64::MAX])];
        let result = call(unit, &[DataType::Timestamp], second, &args).unwrap();
        let seconds: Vec<_> = result.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(seconds, [Some(59_999_999), None]);
    }

    #[test]
    fn extract_gives_the_fields_own_scale_only() {
        let decimal = |scale| DataType::Decimal { precision: 20, scale };
        let of = |unit, ty, result| kernel(DatetimeFunction::Extract(unit), &[ty], result);
        let (timestamp, unit) = (DataType::Timestamp, DatetimeUnit::Epoch);
        assert!(of(unit, timestamp, decimal(6)).is_some());
        assert!(of(unit, timestamp, decimal(3)).is_none());
        assert!(of(unit, timestamp, DataType::Numeric).is_some());
        assert!(of(DatetimeUnit::Julian, timestamp, decimal(20)).is_none());
        assert!(of(DatetimeUnit::Hour, DataType::Date, decimal(0)).is_none());
        assert!(of(unit, DataType::TimestampTz, decimal(6)).is_none());
    }

    #[test]
    fn intervals_are_computed_field_by_field() {
        use DataType::{Float8, Interval as I};
        let one = Interval::new(1, 0, 0);
        let half = [intervals(&[one]), Arg::scalar(Arc::new(Float64Array::from(vec![0.5])))];
        let result = call(DatetimeFunction::IntervalMul, &[I, Float8], I, &half).unwrap();
        assert_eq!(result.as_fixed_size_binary().value(0), Interval::new(0, 15, 0).to_bytes());
        let zero = [intervals(&[one]), Arg::scalar(Arc::new(Float64Array::from(vec![0.0])))];
        let error = call(DatetimeFunction::IntervalDiv, &[I, Float8], I, &zero);
        assert_eq!(error, Err(PgError::division_by_zero()));
    }

    #[test]
    fn values_are_made_of_fields() {
        use DataType::{Float8, Int4, Timestamp};
        let field = |value| Arg::scalar(Arc::new(Int32Array::from(vec![value])) as ArrayRef);
        let seconds = Arg::scalar(Arc::new(Float64Array::from(vec![1.5])));
        let args = [dates(&[2000, 2001]), field(1), field(1), field(0), field(0), seconds];
        let types = [Int4, Int4, Int4, Int4, Int4, Float8];
        let result = call(DatetimeFunction::MakeTimestamp, &types, Timestamp, &args).unwrap();
        let expected = [1_500_000, 366 * DAY + 1_500_000];
        assert_eq!(result.as_primitive::<Int64Type>().values(), &expected);
    }

    #[test]
    fn what_needs_a_time_zone_is_refused() {
        use DataType::{Interval as I, TimestampTz};
        let add = DatetimeFunction::TimestampAddInterval;
        assert!(kernel(add, &[TimestampTz, I], TimestampTz).is_none());
        assert!(kernel(DatetimeFunction::TimestampDiff, &[TimestampTz; 2], I).is_some());
    }
}
