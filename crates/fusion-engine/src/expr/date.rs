//! Date arithmetic as PostgreSQL's `date.c` does it, with its infinities and
//! range checks.

use super::arg::primitive::{try_binary, try_unary, unary};
use super::kernel::FnKernel;
use super::{Arg, Kernel};
use arrow::datatypes::{DataType as Arrow, Decimal128Type, Int32Type, Int64Type};
use fusion_plan::{
    DECIMAL128_INFINITY, DECIMAL128_NEGATIVE_INFINITY, DataType, DatetimeFunction, PgError,
    SqlState,
};
use std::sync::Arc;

/// `DATEVAL_NOBEGIN` and `DATEVAL_NOEND`.
const INFINITE: [i32; 2] = [i32::MIN, i32::MAX];
/// `POSTGRES_EPOCH_JDATE`.
const EPOCH_JULIAN: i32 = 2_451_545;
/// The first and the one past the last valid date (`IS_VALID_DATE`).
const VALID_DATES: std::ops::Range<i32> = -EPOCH_JULIAN..2_147_483_494 - EPOCH_JULIAN;
/// The first date past the timestamps' range (`TIMESTAMP_END_JULIAN`).
const TIMESTAMP_END: i32 = 109_203_528 - EPOCH_JULIAN;
const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

fn is_infinite(date: i32) -> bool {
    INFINITE.contains(&date)
}

fn datetime_error(message: &str) -> PgError {
    PgError::new(SqlState::DATETIME_FIELD_OVERFLOW, message)
}

/// The date function `function` over arguments of types `args`.
pub(crate) fn kernel(
    function: DatetimeFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    Some(match (function, args) {
        (DatetimeFunction::DateAddDays, [T::Date, T::Int4]) => {
            days("date + days", i32::overflowing_add)
        }
        (DatetimeFunction::DateSubDays, [T::Date, T::Int4]) => {
            days("date - days", i32::overflowing_sub)
        }
        (DatetimeFunction::DateDiff, [T::Date, T::Date]) => {
            FnKernel::boxed("date - date", |args: &[Arg], _| {
                try_binary::<Int32Type, Int32Type, Int32Type>(
                    args,
                    &Arrow::Int32,
                    |a, b| (a.wrapping_sub(b), is_infinite(a) || is_infinite(b)),
                    |_, _| datetime_error("cannot subtract infinite dates"),
                )
            })
        }
        (DatetimeFunction::DateToTimestamp, [T::Date]) => {
            FnKernel::boxed("date to timestamp", |args: &[Arg], _| {
                try_unary::<Int32Type, Int64Type>(
                    first(args)?,
                    &Arrow::Int64,
                    |date| (timestamp(date).unwrap_or_default(), timestamp(date).is_none()),
                    |_| datetime_error("date out of range for timestamp"),
                )
            })
        }
        (DatetimeFunction::DateToTimestampForCompare, [T::Date]) => {
            FnKernel::boxed("date to timestamp to compare", |args: &[Arg], _| {
                unary::<Int32Type, Int64Type>(first(args)?, &Arrow::Int64, |date| {
                    timestamp(date).unwrap_or(i64::MAX - 1)
                })
            })
        }
        (DatetimeFunction::ExtractYear, [T::Date]) if super::decimal::is_128(result) => {
            let ty = result.arrow();
            FnKernel::boxed("year of date", move |args: &[Arg], _| {
                try_unary::<Int32Type, Decimal128Type>(
                    first(args)?,
                    &ty,
                    |date| (year_or_infinity(date), false),
                    |_| PgError::internal("the year of a date does not fail"),
                )
            })
        }
        _ => return None,
    })
}

fn first(args: &[Arg]) -> Result<&Arg, PgError> {
    args.first().ok_or_else(|| PgError::internal("no argument"))
}

/// `date_pli` and `date_mii`.
fn days(name: &'static str, op: fn(i32, i32) -> (i32, bool)) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, move |args: &[Arg], _| {
        try_binary::<Int32Type, Int32Type, Int32Type>(
            args,
            &Arrow::Int32,
            |date, days| {
                let (moved, overflow) = op(date, days);
                match is_infinite(date) {
                    true => (date, false),
                    false => (moved, overflow || !VALID_DATES.contains(&moved)),
                }
            },
            |_, _| datetime_error("date out of range"),
        )
    })
}

/// `date2timestamp_opt_overflow`; `None` beyond the timestamps' range.
fn timestamp(date: i32) -> Option<i64> {
    match date {
        i32::MIN => Some(i64::MIN),
        i32::MAX => Some(i64::MAX),
        date if date >= TIMESTAMP_END => None,
        date => Some(i64::from(date) * MICROSECONDS_PER_DAY),
    }
}

/// The year, or the decimal that stands for an infinite date's.
fn year_or_infinity(date: i32) -> i128 {
    match date {
        i32::MAX => DECIMAL128_INFINITY,
        i32::MIN => DECIMAL128_NEGATIVE_INFINITY,
        date => i128::from(year(date)),
    }
}

/// The year as `extract_date` gives it, after `j2date` of `datetime.c`: no year
/// zero, BC years negative. Meaningless for infinite dates.
fn year(date: i32) -> i32 {
    let mut julian = (date.wrapping_add(EPOCH_JULIAN)) as u32;
    julian = julian.wrapping_add(32_044);
    let mut quad = julian / 146_097;
    let extra = (julian - quad * 146_097) * 4 + 3;
    julian = julian.wrapping_add(60 + quad * 3 + extra / 146_097);
    quad = julian / 1461;
    julian -= quad * 1461;
    let year = (julian * 4 / 1461 + quad * 4) as i32 - 4800;
    if year > 0 { year } else { year - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, Int32Array};

    fn dates(values: &[i32]) -> Arg {
        Arg::column(Arc::new(Int32Array::from(values.to_vec())))
    }

    fn call(
        function: DatetimeFunction,
        result: DataType,
        args: &[Arg],
    ) -> Result<ArrayRef, PgError> {
        let types = match (function, args.len()) {
            (DatetimeFunction::DateDiff, _) => vec![DataType::Date; 2],
            (_, 2) => vec![DataType::Date, DataType::Int4],
            _ => vec![DataType::Date],
        };
        kernel(function, &types, result).unwrap().call(args, args[0].array().len())
    }

    fn int4(array: ArrayRef) -> Vec<i32> {
        array.as_primitive::<Int32Type>().values().to_vec()
    }

    #[test]
    fn days_move_dates_within_range() {
        let add = |date, days| {
            call(DatetimeFunction::DateAddDays, DataType::Date, &[dates(&[date]), dates(&[days])])
                .map(int4)
        };
        assert_eq!(add(10, -3), Ok(vec![7]));
        assert_eq!(add(i32::MAX, 1), Ok(vec![i32::MAX]));
        assert_eq!(add(i32::MIN, 5), Ok(vec![i32::MIN]));
        assert_eq!(add(VALID_DATES.end - 2, 1), Ok(vec![VALID_DATES.end - 1]));
        assert_eq!(add(VALID_DATES.end - 1, 1).unwrap_err().message, "date out of range");
        assert!(add(VALID_DATES.start, -1).is_err());
        assert!(add(1, i32::MAX).is_err());
        let sub =
            call(DatetimeFunction::DateSubDays, DataType::Date, &[dates(&[0]), dates(&[i32::MIN])]);
        assert_eq!(sub.unwrap_err().sqlstate.as_str(), "22008");
    }

    #[test]
    fn infinite_dates_have_no_difference() {
        let diff = |a, b| {
            call(DatetimeFunction::DateDiff, DataType::Int4, &[dates(&[a]), dates(&[b])]).map(int4)
        };
        assert_eq!(diff(5, 8), Ok(vec![-3]));
        assert_eq!(diff(i32::MAX, 8).unwrap_err().message, "cannot subtract infinite dates");
    }

    #[test]
    fn dates_become_timestamps() {
        let strict = |date| {
            let result =
                call(DatetimeFunction::DateToTimestamp, DataType::Timestamp, &[dates(&[date])])?;
            Ok::<_, PgError>(result.as_primitive::<Int64Type>().value(0))
        };
        assert_eq!(strict(1), Ok(MICROSECONDS_PER_DAY));
        assert_eq!(strict(i32::MIN), Ok(i64::MIN));
        assert_eq!(strict(TIMESTAMP_END - 1), Ok(9_223_371_331_200_000_000 - MICROSECONDS_PER_DAY));
        assert_eq!(strict(TIMESTAMP_END).unwrap_err().message, "date out of range for timestamp");
        let args = [dates(&[TIMESTAMP_END, i32::MAX])];
        let lenient =
            call(DatetimeFunction::DateToTimestampForCompare, DataType::Timestamp, &args).unwrap();
        assert_eq!(lenient.as_primitive::<Int64Type>().values(), &[i64::MAX - 1, i64::MAX]);
    }

    #[test]
    fn years_have_no_zero() {
        let ty = DataType::Decimal { precision: 10, scale: 0 };
        // 2000-01-01, 1999-12-31, 0001-01-01, 0001-12-31 BC, 4713-11-24 BC
        // (Julian day 0), 1995-06-17, 2000-02-29, and the last valid date.
        let input = [0, -1, -730_119, -730_120, -EPOCH_JULIAN, -1659, 59, VALID_DATES.end - 1];
        let result = call(DatetimeFunction::ExtractYear, ty, &[dates(&input)]).unwrap();
        let years = result.as_primitive::<Decimal128Type>().values();
        assert_eq!(years, &[2000, 1999, 1, -1, -4714, 1995, 2000, 5_874_897]);
        let infinite =
            call(DatetimeFunction::ExtractYear, ty, &[dates(&[i32::MIN, i32::MAX])]).unwrap();
        let infinite = infinite.as_primitive::<Decimal128Type>().values();
        assert_eq!(**infinite, [DECIMAL128_NEGATIVE_INFINITY, DECIMAL128_INFINITY]);
    }
}
