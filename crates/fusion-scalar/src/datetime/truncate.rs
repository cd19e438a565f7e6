//! `date_trunc` and `date_bin`.
//!
//! Whether a type can be cut off at a unit is for
//! [`unit::can_truncate`](super::unit::can_truncate) to say.

use super::calendar::{CalendarDay, iso_year_start};
use super::fields::{split, timestamp};
use super::interval::Interval;
use super::limits::{
    DAY, HOUR, MINUTE, SECOND, TIMESTAMPS, interval_out_of_range, is_infinite, overflow,
    timestamp_out_of_range,
};
use fusion_plan::{DatetimeUnit, PgError, SqlState};

/// `date_trunc(unit, timestamp)` (`timestamp_trunc`): the start of the unit that
/// the timestamp lies in. Infinite timestamps stay.
///
/// # Errors
///
/// `timestamp out of range` if the unit started before the first timestamp.
pub fn timestamp_to(unit: DatetimeUnit, value: i64) -> Result<i64, PgError> {
    if is_infinite(value) {
        return Ok(value);
    }
    let (julian, time) = split(value)?;
    let day = CalendarDay::from_julian(julian);
    match clock_step(unit) {
        Some(step) => timestamp(day, time - time % step),
        None => timestamp(first_day(unit, julian, day), 0),
    }
}

/// Microseconds in a unit of the clock.
fn clock_step(unit: DatetimeUnit) -> Option<i64> {
    match unit {
        DatetimeUnit::Microsecond => Some(1),
        DatetimeUnit::Millisecond => Some(1000),
        DatetimeUnit::Second => Some(SECOND),
        DatetimeUnit::Minute => Some(MINUTE),
        DatetimeUnit::Hour => Some(HOUR),
        _ => None,
    }
}

/// The first day of the unit that `day` lies in.
fn first_day(unit: DatetimeUnit, julian: i32, day: CalendarDay) -> CalendarDay {
    let first_of = |year| CalendarDay { year, month: 1, day: 1 };
    let year = day.year;
    match unit {
        DatetimeUnit::Week => {
            let start = iso_year_start(day.iso_week().1);
            CalendarDay::from_julian(julian - (julian - start) % 7)
        }
        DatetimeUnit::Month => CalendarDay { day: 1, ..day },
        DatetimeUnit::Quarter => CalendarDay { day: 1, month: (day.month - 1) / 3 * 3 + 1, ..day },
        DatetimeUnit::Year => first_of(year),
        // A decade starts in a year that ends in 0, 1 BC among them; centuries
        // and millennia start in years that end in 1 and end in BC years.
        DatetimeUnit::Decade => first_of(year.div_euclid(10) * 10),
        DatetimeUnit::Century => first_of((year - 1).div_euclid(100) * 100 + 1),
        DatetimeUnit::Millennium => first_of((year - 1).div_euclid(1000) * 1000 + 1),
        _ => day,
    }
}

/// `date_trunc(unit, interval)` (`interval_trunc`): toward zero in each of the
/// interval's three parts, and nothing of those below the unit.
pub fn interval_to(unit: DatetimeUnit, value: Interval) -> Interval {
    let Interval { months, days, microseconds } = value;
    if let Some(step) = clock_step(unit) {
        return Interval { microseconds: microseconds - microseconds % step, ..value };
    }
    let step = match unit {
        DatetimeUnit::Day => return Interval::new(months, days, 0),
        DatetimeUnit::Month => 1,
        DatetimeUnit::Quarter => 3,
        DatetimeUnit::Year => 12,
        DatetimeUnit::Decade => 120,
        DatetimeUnit::Century => 1200,
        DatetimeUnit::Millennium => 12_000,
        _ => return value,
    };
    Interval::new(months - months % step, 0, 0)
}

/// `date_bin(stride, timestamp, origin)` (`timestamp_bin`, and `timestamptz_bin`):
/// the start of the bin, of which one starts at the origin. Infinite timestamps
/// stay.
///
/// # Errors
///
/// `origin out of range` for an infinite one, `timestamps cannot be binned into
/// intervals containing months or years` (0A000), `stride must be greater than
/// zero`, `interval out of range`, `timestamp out of range`.
pub fn bin(stride: Interval, value: i64, origin: i64) -> Result<i64, PgError> {
    if is_infinite(value) {
        return Ok(value);
    }
    if is_infinite(origin) {
        return Err(overflow("origin out of range"));
    }
    if stride.months != 0 {
        return Err(PgError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "timestamps cannot be binned into intervals containing months or years",
        ));
    }
    let stride = i64::from(stride.days)
        .checked_mul(DAY)
        .and_then(|days| days.checked_add(stride.microseconds))
        .ok_or_else(interval_out_of_range)?;
    if stride <= 0 {
        return Err(overflow("stride must be greater than zero"));
    }
    let distance = value.checked_sub(origin).ok_or_else(interval_out_of_range)?;
    let past = distance % stride;
    let start = value.wrapping_sub(past);
    if past >= 0 {
        return Ok(start);
    }
    start
        .checked_sub(stride)
        .filter(|start| TIMESTAMPS.contains(start))
        .ok_or_else(timestamp_out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use DatetimeUnit::*;

    fn at(year: i32, month: i32, day: i32) -> i64 {
        timestamp(CalendarDay { year, month, day }, 0).unwrap()
    }

    #[test]
    fn timestamps_go_back_to_the_start() {
        let moment = at(2024, 8, 21) + 13 * HOUR + 14 * MINUTE + 15 * SECOND + 161_718;
        let start = |unit| timestamp_to(unit, moment).unwrap();
        assert_eq!(start(Microsecond), moment);
        assert_eq!(start(Millisecond), moment - 718);
        assert_eq!(start(Second), moment - 161_718);
        assert_eq!(start(Hour), at(2024, 8, 21) + 13 * HOUR);
        assert_eq!(start(Day), at(2024, 8, 21));
        assert_eq!(start(Week), at(2024, 8, 19));
        assert_eq!(start(Month), at(2024, 8, 1));
        assert_eq!(start(Quarter), at(2024, 7, 1));
        assert_eq!(start(Year), at(2024, 1, 1));
        assert_eq!(start(Decade), at(2020, 1, 1));
        assert_eq!(start(Century), at(2001, 1, 1));
        assert_eq!(start(Millennium), at(2001, 1, 1));
        assert_eq!(timestamp_to(Week, i64::MIN), Ok(i64::MIN));
    }

    #[test]
    fn years_before_christ_go_back_too() {
        let start = |unit, year| timestamp_to(unit, at(year, 6, 1));
        assert_eq!(start(Decade, 5), Ok(at(0, 1, 1)));
        assert_eq!(start(Decade, 0), Ok(at(0, 1, 1)));
        assert_eq!(start(Decade, -1), Ok(at(-10, 1, 1)));
        assert_eq!(start(Century, 0), Ok(at(-99, 1, 1)));
        assert_eq!(start(Century, -99), Ok(at(-99, 1, 1)));
        assert_eq!(start(Century, -100), Ok(at(-199, 1, 1)));
        assert_eq!(start(Millennium, 1), Ok(at(1, 1, 1)));
        assert_eq!(start(Millennium, 0), Ok(at(-999, 1, 1)));
        assert_eq!(start(Millennium, -4000), start(Millennium, -4712));
        assert!(timestamp_to(Year, TIMESTAMPS.start).is_err());
        assert_eq!(timestamp_to(Week, TIMESTAMPS.start + DAY), Ok(TIMESTAMPS.start));
    }

    #[test]
    fn weeks_start_on_monday() {
        for days in 0..1500 {
            let start = timestamp_to(Week, at(1999, 12, 20) + days * DAY).unwrap();
            assert_eq!(start, at(1999, 12, 20) + days / 7 * 7 * DAY);
        }
    }

    #[test]
    fn intervals_go_toward_zero() {
        let value = Interval::new(-15_005, -40, -3_723_004_005);
        assert_eq!(interval_to(Millisecond, value), Interval::new(-15_005, -40, -3_723_004_000));
        assert_eq!(interval_to(Hour, value), Interval::new(-15_005, -40, -HOUR));
        assert_eq!(interval_to(Day, value), Interval::new(-15_005, -40, 0));
        assert_eq!(interval_to(Month, value), Interval::new(-15_005, 0, 0));
        assert_eq!(interval_to(Quarter, value), Interval::new(-15_003, 0, 0));
        assert_eq!(interval_to(Year, value), Interval::new(-15_000, 0, 0));
        assert_eq!(interval_to(Decade, value), Interval::new(-15_000, 0, 0));
        assert_eq!(interval_to(Century, value), Interval::new(-14_400, 0, 0));
        assert_eq!(interval_to(Millennium, value), Interval::new(-12_000, 0, 0));
    }

    #[test]
    fn bins_start_at_or_before_the_value() {
        let week = Interval::new(0, 7, 0);
        let quarter = Interval::new(0, 0, 15 * MINUTE);
        assert_eq!(bin(quarter, 31 * MINUTE, 0), Ok(30 * MINUTE));
        assert_eq!(bin(quarter, -MINUTE, 0), Ok(-15 * MINUTE));
        assert_eq!(bin(week, at(2024, 8, 21), at(2024, 8, 22)), Ok(at(2024, 8, 15)));
        assert_eq!(bin(week, i64::MAX, i64::MIN), Ok(i64::MAX));
        let message = |stride, value, origin| bin(stride, value, origin).unwrap_err().message;
        assert_eq!(message(week, 0, i64::MAX), "origin out of range");
        assert_eq!(message(Interval::new(0, -1, DAY), 0, 0), "stride must be greater than zero");
        assert_eq!(message(Interval::new(0, 1, i64::MAX), 0, 0), "interval out of range");
        assert_eq!(message(week, TIMESTAMPS.end - 1, TIMESTAMPS.start), "interval out of range");
        assert_eq!(message(week, TIMESTAMPS.start, 0), "timestamp out of range");
        let error = bin(Interval::new(1, 0, 0), 0, 0).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "0A000");
    }
}
