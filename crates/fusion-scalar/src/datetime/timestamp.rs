//! Arithmetic of `timestamp`, and of `timestamptz` where no time zone matters.

use super::c_format::general;
use super::calendar::{CalendarDay, EPOCH_JULIAN, UNIX_EPOCH_JULIAN, days_in_month};
use super::fields::{fields, split, timestamp};
use super::interval::Interval;
use super::interval_math::justify_hours;
use super::limits::{
    DATES, DAY, FIRST_DATE_WITHOUT_TIMESTAMP, SECOND, check_timestamp, is_infinite, overflow,
    timestamp_out_of_range,
};
use fusion_plan::PgError;

/// `timestamp + interval` (`timestamp_pl_interval`): months first, where a day
/// past the end of the month becomes its last, then days, then microseconds.
/// Infinite timestamps stay.
///
/// # Errors
///
/// `timestamp out of range`, also when only a step on the way is.
pub fn add_interval(start: i64, interval: Interval) -> Result<i64, PgError> {
    if is_infinite(start) {
        return Ok(start);
    }
    let mut moved = start;
    if interval.months != 0 {
        moved = add_months(moved, interval.months)?;
    }
    if interval.days != 0 {
        moved = add_days(moved, interval.days)?;
    }
    check_timestamp(moved.checked_add(interval.microseconds))
}

/// `timestamp - interval` (`timestamp_mi_interval`), see [`add_interval`].
///
/// # Errors
///
/// `timestamp out of range`.
pub fn sub_interval(start: i64, interval: Interval) -> Result<i64, PgError> {
    let negated = Interval {
        months: interval.months.wrapping_neg(),
        days: interval.days.wrapping_neg(),
        microseconds: interval.microseconds.wrapping_neg(),
    };
    add_interval(start, negated)
}

fn add_months(start: i64, months: i32) -> Result<i64, PgError> {
    let (julian, time) = split(start)?;
    let day = CalendarDay::from_julian(julian);
    let month = day.month.checked_add(months).ok_or_else(timestamp_out_of_range)? - 1;
    let year = day.year + month.div_euclid(12);
    let month = month.rem_euclid(12) + 1;
    let day = day.day.min(days_in_month(year, month));
    timestamp(CalendarDay { year, month, day }, time)
}

fn add_days(start: i64, days: i32) -> Result<i64, PgError> {
    let (julian, time) = split(start)?;
    match julian.checked_add(days) {
        Some(julian) if julian >= 0 => timestamp(CalendarDay::from_julian(julian), time),
        _ => Err(timestamp_out_of_range()),
    }
}

/// `timestamp - timestamp` (`timestamp_mi`): days and microseconds, also for
/// `timestamptz`.
///
/// # Errors
///
/// `cannot subtract infinite timestamps`.
pub fn difference(left: i64, right: i64) -> Result<Interval, PgError> {
    if is_infinite(left) || is_infinite(right) {
        return Err(overflow("cannot subtract infinite timestamps"));
    }
    justify_hours(Interval::new(0, 0, left.wrapping_sub(right)))
}

/// `age(timestamp, timestamp)` (`timestamp_age`): years and months as the
/// calendar counts them.
///
/// # Errors
///
/// `timestamp out of range` for -infinity; infinity is taken for what its
/// integer would be, as PostgreSQL takes it.
pub fn age(left: i64, right: i64) -> Result<Interval, PgError> {
    // The difference of the earlier from the later one, and its sign. Days are
    // borrowed from the month in which the earlier one lies.
    let negative = left < right;
    let (later, earlier) = if negative { (right, left) } else { (left, right) };
    let (late, late_clock) = fields(later)?;
    let (early, early_clock) = fields(earlier)?;
    let mut clock = late_clock.time() - early_clock.time();
    let mut days = late.day - early.day;
    let mut months = (late.year - early.year) * 12 + (late.month - early.month);
    if clock < 0 {
        clock += DAY;
        days -= 1;
    }
    while days < 0 {
        days += days_in_month(early.year, early.month);
        months -= 1;
    }
    let sign = if negative { -1 } else { 1 };
    Ok(Interval::new(months * sign, days * sign, clock * i64::from(sign)))
}

/// `to_timestamp(float8)` (`float8_timestamptz`): from seconds since
/// 1970-01-01.
///
/// # Errors
///
/// `timestamp cannot be NaN`, `timestamp out of range`.
pub fn from_unix_seconds(seconds: f64) -> Result<i64, PgError> {
    const SECONDS_PER_DAY: i32 = 86_400;
    const EPOCH_DAYS: i32 = EPOCH_JULIAN - UNIX_EPOCH_JULIAN;
    const FIRST: f64 = (DATES.start + EPOCH_DAYS) as f64 * SECONDS_PER_DAY as f64;
    const END: f64 = (FIRST_DATE_WITHOUT_TIMESTAMP + EPOCH_DAYS) as f64 * SECONDS_PER_DAY as f64;

    if seconds.is_nan() {
        return Err(overflow("timestamp cannot be NaN"));
    }
    if seconds.is_infinite() {
        return Ok(if seconds < 0.0 { i64::MIN } else { i64::MAX });
    }
    let out_of_range = || overflow(format!("timestamp out of range: \"{}\"", general(seconds)));
    if !(FIRST..END).contains(&seconds) {
        return Err(out_of_range());
    }
    let since_epoch = seconds - f64::from(EPOCH_DAYS * SECONDS_PER_DAY);
    let timestamp = (since_epoch * SECOND as f64).round_ties_even() as i64;
    check_timestamp(Some(timestamp)).map_err(|_| out_of_range())
}

#[cfg(test)]
mod tests {
    use super::super::limits::{HOUR, MINUTE, TIMESTAMPS};
    use super::*;

    fn at(year: i32, month: i32, day: i32) -> i64 {
        timestamp(CalendarDay { year, month, day }, 0).unwrap()
    }

    fn months(months: i32) -> Interval {
        Interval::new(months, 0, 0)
    }

    #[test]
    fn months_end_where_the_month_ends() {
        assert_eq!(add_interval(at(2024, 1, 31), months(1)), Ok(at(2024, 2, 29)));
        assert_eq!(add_interval(at(2023, 1, 31), months(1)), Ok(at(2023, 2, 28)));
        assert_eq!(sub_interval(at(2024, 3, 31), months(1)), Ok(at(2024, 2, 29)));
        assert_eq!(add_interval(at(2024, 2, 29), months(12)), Ok(at(2025, 2, 28)));
        assert_eq!(sub_interval(at(1, 1, 1), months(1)), Ok(at(0, 12, 1)));
        assert_eq!(sub_interval(at(1, 1, 1), months(13)), Ok(at(-1, 12, 1)));
        assert_eq!(add_interval(at(1999, 12, 31), months(2)), Ok(at(2000, 2, 29)));
    }

    #[test]
    fn every_step_must_be_in_range() {
        let last = TIMESTAMPS.end - 1;
        assert!(add_interval(last, Interval::new(0, 0, 1)).is_err());
        assert!(add_interval(last, Interval::new(0, 1, -2 * DAY)).is_err());
        assert!(add_interval(last, Interval::new(1, -40, 0)).is_err());
        assert!(sub_interval(TIMESTAMPS.start, months(1)).is_err());
        assert!(add_interval(0, months(i32::MAX)).is_err());
        assert!(sub_interval(0, Interval::new(i32::MIN, 0, 0)).is_err());
        assert!(add_interval(0, Interval::new(0, i32::MAX, 0)).is_err());
        assert!(add_interval(0, Interval::new(0, 0, i64::MAX)).is_err());
        assert_eq!(add_interval(i64::MAX, months(-1)), Ok(i64::MAX));
        assert_eq!(sub_interval(i64::MIN, months(i32::MIN)), Ok(i64::MIN));
    }

    #[test]
    fn differences_have_days() {
        assert_eq!(difference(3 * DAY + 5, 0), Ok(Interval::new(0, 3, 5)));
        assert_eq!(difference(0, DAY + HOUR), Ok(Interval::new(0, -1, -HOUR)));
        let widest = difference(TIMESTAMPS.end - 1, TIMESTAMPS.start).unwrap();
        // The subtraction wraps around, in PostgreSQL, too.
        assert_eq!(widest, Interval::new(0, -104_300_454, -28_909_551_617));
        let error = difference(i64::MAX, 0).unwrap_err();
        assert_eq!(error.message, "cannot subtract infinite timestamps");
    }

    #[test]
    fn ages_count_calendar_months() {
        assert_eq!(age(at(2001, 4, 10), at(1957, 6, 13)), Ok(Interval::new(43 * 12 + 9, 27, 0)));
        assert_eq!(age(at(1957, 6, 13), at(2001, 4, 10)), Ok(Interval::new(-525, -27, 0)));
        assert_eq!(age(at(2024, 3, 1), at(2024, 1, 31)), Ok(Interval::new(1, 1, 0)));
        let noon = at(2024, 2, 29) + 12 * HOUR;
        assert_eq!(age(at(2024, 3, 1), noon), Ok(Interval::new(0, 0, 12 * HOUR)));
        assert_eq!(age(noon, noon + MINUTE), Ok(Interval::new(0, 0, -MINUTE)));
        assert!(age(i64::MIN, 0).is_err());
        assert!(age(0, i64::MIN).is_err());
    }

    #[test]
    fn unix_seconds_become_timestamps() {
        assert_eq!(from_unix_seconds(946_684_800.0), Ok(0));
        assert_eq!(from_unix_seconds(0.5), Ok(-946_684_799_500_000));
        assert_eq!(from_unix_seconds(f64::NEG_INFINITY), Ok(i64::MIN));
        assert_eq!(from_unix_seconds(f64::NAN).unwrap_err().message, "timestamp cannot be NaN");
        let error = from_unix_seconds(1e20).unwrap_err();
        assert_eq!(error.message, "timestamp out of range: \"1e+20\"");
    }
}
