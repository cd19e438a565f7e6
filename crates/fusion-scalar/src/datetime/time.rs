//! Arithmetic and casts of `time`.

use super::fields::split;
use super::interval::Interval;
use super::limits::{DAY, is_infinite};
use fusion_plan::PgError;

/// `time + interval` (`time_pl_interval`): within the day, only the
/// interval's microseconds count.
pub fn add_interval(time: i64, interval: Interval) -> i64 {
    time.wrapping_add(interval.microseconds).rem_euclid(DAY)
}

/// `time - interval` (`time_mi_interval`), see [`add_interval`].
pub fn sub_interval(time: i64, interval: Interval) -> i64 {
    time.wrapping_sub(interval.microseconds).rem_euclid(DAY)
}

/// `time - time` (`time_mi_time`).
pub fn difference(left: i64, right: i64) -> Interval {
    Interval::new(0, 0, left.wrapping_sub(right))
}

/// `timestamp::time` (`timestamp_time`); NULL for the infinities.
///
/// # Errors
///
/// `timestamp out of range` for a value that no valid timestamp has.
pub fn from_timestamp(timestamp: i64) -> Result<Option<i64>, PgError> {
    if is_infinite(timestamp) {
        return Ok(None);
    }
    Ok(Some(split(timestamp)?.1))
}

/// `time::interval` (`time_interval`).
pub fn to_interval(time: i64) -> Interval {
    Interval::new(0, 0, time)
}

/// `interval::time` (`interval_time`): what is left of the microseconds
/// without whole days, counted forward.
pub fn from_interval(interval: Interval) -> i64 {
    let time = interval.microseconds;
    if time >= 0 {
        return time % DAY;
    }
    // PostgreSQL's integers wrap at the smallest values, where this is no time.
    let days = time.wrapping_neg().wrapping_add(DAY - 1) / DAY;
    time.wrapping_add(days.wrapping_mul(DAY))
}

#[cfg(test)]
mod tests {
    use super::super::limits::HOUR;
    use super::*;

    #[test]
    fn times_stay_within_the_day() {
        let hours = |hours: i64| Interval::new(7, 9, hours * HOUR);
        assert_eq!(add_interval(23 * HOUR, hours(2)), HOUR);
        assert_eq!(sub_interval(HOUR, hours(2)), 23 * HOUR);
        assert_eq!(add_interval(DAY, hours(0)), 0);
        assert_eq!(sub_interval(0, Interval::new(0, 0, i64::MIN)), 71_945_224_192);
        assert_eq!(difference(HOUR, 3 * HOUR), Interval::new(0, 0, -2 * HOUR));
    }

    #[test]
    fn casts() {
        assert_eq!(from_timestamp(-1), Ok(Some(DAY - 1)));
        assert_eq!(from_timestamp(i64::MAX), Ok(None));
        assert_eq!(from_timestamp(i64::MIN), Ok(None));
        assert_eq!(from_interval(Interval::new(5, 5, -2 * HOUR)), 22 * HOUR);
        assert_eq!(from_interval(Interval::new(0, 0, 49 * HOUR)), HOUR);
        assert_eq!(from_interval(Interval::new(0, 0, -DAY)), 0);
    }
}
