//! Dates, times, timestamps and intervals: [`fusion_scalar::datetime`] over
//! columns.

mod columns;
mod date;
mod interval;
mod make;
mod time;
mod timestamp;

use self::columns::Timestamp;
use crate::expr::kernel::Kernel;
use crate::expr::kernel::rows::{Intervals, ternary};
use fusion_plan::{DataType, DatetimeFunction};
use fusion_scalar::datetime::truncate;
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(crate) fn kernel(
    function: DatetimeFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use DatetimeFunction as F;
    match args {
        [T::Date, ..] => date::kernel(function, args, result),
        [T::Time, ..] => time::kernel(function, args, result),
        [T::Timestamp | T::TimestampTz, ..] => timestamp::kernel(function, args, result),
        [T::Interval, T::Timestamp, T::Timestamp]
        | [T::Interval, T::TimestampTz, T::TimestampTz]
            if function == F::Bin =>
        {
            ternary::<Intervals, Timestamp, Timestamp, Timestamp>("bin", result, truncate::bin)
        }
        [T::Interval, ..] => interval::kernel(function, args, result),
        [T::Int4 | T::Float8, ..] => make::kernel(function, args, result),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::kernel::Arg;
    use arrow::array::{
        Array, ArrayRef, AsArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array,
    };
    use arrow::datatypes::{Decimal128Type, Int32Type, Int64Type};
    use fusion_plan::{DECIMAL128_INFINITY, DECIMAL128_NEGATIVE_INFINITY, DatetimeUnit, PgError};
    use fusion_scalar::datetime::Interval;
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
