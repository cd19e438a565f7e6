//! `date_part(field, value)`: a `float8`, with the rounding of PostgreSQL's own
//! floating point operations.
//!
//! Whether a type has a field is for [`unit::can_extract`](super::unit::can_extract)
//! to say; these functions give NULL for the others.

use super::calendar::CalendarDay;
use super::extract::{UNIX_EPOCH, clock_field, day_field, interval_field, is_monotonic};
use super::fields::{Clock, split};
use super::interval::Interval;
use super::limits::{HOUR, is_infinite};
use fusion_plan::{DatetimeUnit, PgError};

const MICROSECONDS: f64 = 1_000_000.0;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// A field of a timestamp (`timestamp_part`).
///
/// # Errors
///
/// `timestamp out of range` for a value that no valid timestamp has.
pub fn from_timestamp(unit: DatetimeUnit, timestamp: i64) -> Result<Option<f64>, PgError> {
    if is_infinite(timestamp) {
        let infinity = if timestamp < 0 { f64::NEG_INFINITY } else { f64::INFINITY };
        return Ok(is_monotonic(unit).then_some(infinity));
    }
    if unit == DatetimeUnit::Epoch {
        // Near the end the difference does not fit and is taken in floats.
        let since = match timestamp < i64::MAX + UNIX_EPOCH {
            true => timestamp.wrapping_sub(UNIX_EPOCH) as f64,
            false => timestamp as f64 - UNIX_EPOCH as f64,
        };
        return Ok(Some(since / MICROSECONDS));
    }
    let (julian, time) = split(timestamp)?;
    let clock = Clock::from_time(time);
    if unit == DatetimeUnit::Julian {
        let seconds = f64::from((clock.hour * 60 + clock.minute) * 60 + clock.second)
            + f64::from(clock.microsecond) / MICROSECONDS;
        return Ok(Some(f64::from(julian) + seconds / SECONDS_PER_DAY));
    }
    Ok(clock_number(unit, clock)
        .or_else(|| day_field(unit, CalendarDay::from_julian(julian)).map(|value| value as f64)))
}

/// A field of a time (`time_part`).
pub fn from_time(unit: DatetimeUnit, time: i64) -> Option<f64> {
    match unit {
        DatetimeUnit::Epoch => Some(time as f64 / MICROSECONDS),
        unit => clock_number(unit, Clock::from_time(time)),
    }
}

/// A field of an interval (`interval_part`).
pub fn from_interval(unit: DatetimeUnit, interval: Interval) -> Option<f64> {
    match unit {
        DatetimeUnit::Epoch => {
            let mut seconds = interval.microseconds as f64 / MICROSECONDS;
            seconds += 365.25 * SECONDS_PER_DAY * f64::from(interval.months / 12);
            seconds += 30.0 * SECONDS_PER_DAY * f64::from(interval.months % 12);
            seconds += SECONDS_PER_DAY * f64::from(interval.days);
            Some(seconds)
        }
        DatetimeUnit::Hour => Some((interval.microseconds / HOUR) as f64),
        unit => clock_number(unit, Clock::from_time(interval.microseconds % HOUR))
            .or_else(|| interval_field(unit, interval).map(|value| value as f64)),
    }
}

fn clock_number(unit: DatetimeUnit, clock: Clock) -> Option<f64> {
    let (second, microsecond) = (f64::from(clock.second), f64::from(clock.microsecond));
    match unit {
        DatetimeUnit::Millisecond => Some(second * 1000.0 + microsecond / 1000.0),
        DatetimeUnit::Second => Some(second + microsecond / MICROSECONDS),
        unit => clock_field(unit, clock).map(|value| value as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::TIMESTAMPS;
    use super::*;
    use DatetimeUnit::*;

    #[test]
    fn fields_of_timestamps() {
        let of = |unit| from_timestamp(unit, 762_483_723_004_005).unwrap().unwrap();
        assert_eq!(of(Year), 2024.0);
        assert_eq!(of(Second), 3.004005);
        assert_eq!(of(Millisecond), 3004.005);
        assert_eq!(of(Epoch), 1_709_168_523.004_005);
        assert_eq!(of(Julian), 2_460_370.043_090_324);
        let last = TIMESTAMPS.end - 1;
        assert_eq!(from_timestamp(Epoch, last), Ok(Some(9_224_318_016_000.0)));
        assert_eq!(from_timestamp(Century, i64::MIN), Ok(Some(f64::NEG_INFINITY)));
        assert_eq!(from_timestamp(Week, i64::MAX), Ok(None));
        assert!(from_timestamp(Hour, TIMESTAMPS.start - 1).is_err());
    }

    #[test]
    fn fields_of_times_and_intervals() {
        assert_eq!(from_time(Epoch, 1_500_000), Some(1.5));
        assert_eq!(from_time(Hour, 86_400_000_000), Some(24.0));
        assert_eq!(from_time(Day, 0), None);
        let interval = Interval::new(-14, 40, -3_723_500_000);
        assert_eq!(from_interval(Epoch, interval), Some(-33_289_323.5));
        assert_eq!(from_interval(Month, interval), Some(-2.0));
        assert_eq!(from_interval(Hour, interval), Some(-1.0));
        assert_eq!(from_interval(Second, interval), Some(-3.5));
        assert_eq!(from_interval(Week, interval), None);
    }
}
