//! Arithmetic and casts of `date`.

use super::calendar::EPOCH_JULIAN;
use super::fields::split;
use super::interval::Interval;
use super::limits::{
    DATES, DAY, FIRST_DATE_WITHOUT_TIMESTAMP, check_timestamp, date_out_of_range, is_infinite,
    is_infinite_date, overflow,
};
use super::timestamp;
use fusion_plan::PgError;

/// `date + int4` (`date_pli`); infinite dates stay.
///
/// # Errors
///
/// `date out of range`.
#[inline]
pub fn add_days(date: i32, days: i32) -> Result<i32, PgError> {
    moved(date, date.checked_add(days))
}

/// `date - int4` (`date_mii`); infinite dates stay.
///
/// # Errors
///
/// `date out of range`.
#[inline]
pub fn sub_days(date: i32, days: i32) -> Result<i32, PgError> {
    moved(date, date.checked_sub(days))
}

#[inline]
fn moved(from: i32, to: Option<i32>) -> Result<i32, PgError> {
    match to {
        _ if is_infinite_date(from) => Ok(from),
        Some(to) if DATES.contains(&to) => Ok(to),
        _ => Err(date_out_of_range()),
    }
}

/// `date - date` in days (`date_mi`).
///
/// # Errors
///
/// `cannot subtract infinite dates`.
#[inline]
pub fn difference(left: i32, right: i32) -> Result<i32, PgError> {
    if is_infinite_date(left) || is_infinite_date(right) {
        return Err(overflow("cannot subtract infinite dates"));
    }
    Ok(left.wrapping_sub(right))
}

/// The timestamp of a date's midnight (`date2timestamp_opt_overflow`); `None`
/// beyond the timestamps' range.
#[inline]
pub fn midnight(date: i32) -> Option<i64> {
    match date {
        i32::MIN => Some(i64::MIN),
        i32::MAX => Some(i64::MAX),
        FIRST_DATE_WITHOUT_TIMESTAMP.. => None,
        date => Some(i64::from(date) * DAY),
    }
}

/// `date::timestamp` (`date_timestamp`).
///
/// # Errors
///
/// `date out of range for timestamp`.
#[inline]
pub fn to_timestamp(date: i32) -> Result<i64, PgError> {
    midnight(date).ok_or_else(|| overflow("date out of range for timestamp"))
}

/// `timestamp::date` (`timestamp_date`).
///
/// # Errors
///
/// `timestamp out of range` for a value that no valid timestamp has.
#[inline]
pub fn from_timestamp(timestamp: i64) -> Result<i32, PgError> {
    match timestamp {
        i64::MIN => Ok(i32::MIN),
        i64::MAX => Ok(i32::MAX),
        timestamp => Ok(split(timestamp)?.0 - EPOCH_JULIAN),
    }
}

/// `date + time` and `timestamp(date, time)` (`datetime_timestamp`).
///
/// # Errors
///
/// `date out of range for timestamp`, `timestamp out of range`.
pub fn add_time(date: i32, time: i64) -> Result<i64, PgError> {
    let midnight = to_timestamp(date)?;
    if is_infinite(midnight) {
        return Ok(midnight);
    }
    check_timestamp(midnight.checked_add(time))
}

/// `date + interval` (`date_pl_interval`).
///
/// # Errors
///
/// Those of [`to_timestamp`] and [`timestamp::add_interval`].
pub fn add_interval(date: i32, interval: Interval) -> Result<i64, PgError> {
    timestamp::add_interval(to_timestamp(date)?, interval)
}

/// `date - interval` (`date_mi_interval`).
///
/// # Errors
///
/// Those of [`to_timestamp`] and [`timestamp::sub_interval`].
pub fn sub_interval(date: i32, interval: Interval) -> Result<i64, PgError> {
    timestamp::sub_interval(to_timestamp(date)?, interval)
}

#[cfg(test)]
mod tests {
    use super::super::limits::TIMESTAMPS;
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T, PgError>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22008");
        error.message
    }

    #[test]
    fn days_move_dates_within_range() {
        assert_eq!(add_days(10, -3), Ok(7));
        assert_eq!(add_days(i32::MAX, 1), Ok(i32::MAX));
        assert_eq!(sub_days(i32::MIN, 1), Ok(i32::MIN));
        assert_eq!(add_days(DATES.end - 2, 1), Ok(DATES.end - 1));
        assert_eq!(message(add_days(DATES.end - 1, 1)), "date out of range");
        assert_eq!(message(sub_days(DATES.start, 1)), "date out of range");
        assert_eq!(message(add_days(1, i32::MAX)), "date out of range");
        assert_eq!(message(sub_days(0, i32::MIN)), "date out of range");
    }

    #[test]
    fn infinite_dates_have_no_difference() {
        assert_eq!(difference(5, 8), Ok(-3));
        assert_eq!(difference(DATES.end - 1, DATES.start), Ok(2_147_483_493));
        assert_eq!(message(difference(i32::MAX, 8)), "cannot subtract infinite dates");
        assert_eq!(message(difference(8, i32::MIN)), "cannot subtract infinite dates");
    }

    #[test]
    fn dates_and_timestamps_convert() {
        for date in [DATES.start, -1, 0, 59, FIRST_DATE_WITHOUT_TIMESTAMP - 1, i32::MIN, i32::MAX] {
            assert_eq!(from_timestamp(to_timestamp(date).unwrap()), Ok(date));
        }
        assert_eq!(from_timestamp(-1), Ok(-1));
        assert_eq!(
            message(to_timestamp(FIRST_DATE_WITHOUT_TIMESTAMP)),
            "date out of range for timestamp"
        );
        assert_eq!(message(from_timestamp(TIMESTAMPS.start - 1)), "timestamp out of range");
    }

    #[test]
    fn times_are_added_to_midnight() {
        assert_eq!(add_time(1, 5), Ok(DAY + 5));
        assert_eq!(add_time(1, DAY), Ok(2 * DAY));
        assert_eq!(add_time(i32::MAX, 5), Ok(i64::MAX));
        let last = FIRST_DATE_WITHOUT_TIMESTAMP - 1;
        assert_eq!(message(add_time(last, DAY)), "timestamp out of range");
        assert_eq!(add_time(last, DAY - 1), Ok(TIMESTAMPS.end - 1));
    }
}
