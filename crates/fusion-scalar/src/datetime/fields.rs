//! A timestamp's calendar and clock fields.

use super::calendar::{CalendarDay, EPOCH_JULIAN};
use super::limits::{DAY, HOUR, MINUTE, SECOND, check_timestamp, timestamp_out_of_range};
use fusion_plan::PgError;

/// The time of day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Hours.
    pub hour: i32,
    /// Minutes.
    pub minute: i32,
    /// Seconds.
    pub second: i32,
    /// Microseconds.
    pub microsecond: i32,
}

impl Clock {
    /// The fields of a `time` (`time2tm`, `dt2time`).
    #[inline]
    pub fn from_time(time: i64) -> Self {
        Self {
            hour: (time / HOUR) as i32,
            minute: (time % HOUR / MINUTE) as i32,
            second: (time % MINUTE / SECOND) as i32,
            microsecond: (time % SECOND) as i32,
        }
    }

    /// The `time` of these fields (`tm2time`).
    pub fn time(self) -> i64 {
        i64::from(self.hour) * HOUR
            + i64::from(self.minute) * MINUTE
            + i64::from(self.second) * SECOND
            + i64::from(self.microsecond)
    }

    /// Seconds and microseconds of the minute, in microseconds.
    pub fn second_in_microseconds(self) -> i64 {
        i64::from(self.second) * SECOND + i64::from(self.microsecond)
    }
}

/// The Julian day of a timestamp and its time of day.
///
/// # Errors
///
/// `timestamp out of range` before Julian day 0 (`timestamp2tm`), where -infinity
/// is, too.
#[inline]
pub fn split(timestamp: i64) -> Result<(i32, i64), PgError> {
    let julian = timestamp.div_euclid(DAY) + i64::from(EPOCH_JULIAN);
    match i32::try_from(julian) {
        Ok(julian) if julian >= 0 => Ok((julian, timestamp.rem_euclid(DAY))),
        _ => Err(timestamp_out_of_range()),
    }
}

/// The fields of a timestamp (`timestamp2tm`).
///
/// # Errors
///
/// Those of [`split`].
pub fn fields(timestamp: i64) -> Result<(CalendarDay, Clock), PgError> {
    let (julian, time) = split(timestamp)?;
    Ok((CalendarDay::from_julian(julian), Clock::from_time(time)))
}

/// The timestamp of a day and a time (`tm2timestamp`).
///
/// # Errors
///
/// `timestamp out of range`.
pub fn timestamp(day: CalendarDay, time: i64) -> Result<i64, PgError> {
    if !day.is_julian() {
        return Err(timestamp_out_of_range());
    }
    let days = i64::from(day.julian()) - i64::from(EPOCH_JULIAN);
    check_timestamp(days.checked_mul(DAY).and_then(|midnight| midnight.checked_add(time)))
}

#[cfg(test)]
mod tests {
    use super::super::limits::TIMESTAMPS;
    use super::*;

    #[test]
    fn fields_go_back_and_forth() {
        let edges = [
            TIMESTAMPS.start,
            TIMESTAMPS.start + 1,
            -1,
            0,
            1,
            DAY - 1,
            DAY,
            -DAY,
            762_483_723_004_005,
            TIMESTAMPS.end - 1,
        ];
        for value in edges {
            let (day, clock) = fields(value).unwrap();
            assert_eq!(timestamp(day, clock.time()), Ok(value));
        }
        let (day, clock) = fields(-1).unwrap();
        assert_eq!(day, CalendarDay { year: 1999, month: 12, day: 31 });
        assert_eq!(clock, Clock { hour: 23, minute: 59, second: 59, microsecond: 999_999 });
    }

    #[test]
    fn range_ends_at_julian_day_zero() {
        assert!(fields(TIMESTAMPS.start - 1).is_err());
        assert!(fields(i64::MIN).is_err());
        // Beyond the range, but before the integers end.
        assert_eq!(fields(i64::MAX).unwrap().0, CalendarDay { year: 294_277, month: 1, day: 9 });
        assert!(timestamp(CalendarDay { year: 294_277, month: 1, day: 1 }, 0).is_err());
        assert!(timestamp(CalendarDay { year: 5_000_000, month: 1, day: 1 }, 0).is_err());
        assert!(timestamp(CalendarDay { year: -4713, month: 11, day: 23 }, DAY - 1).is_err());
        assert!(timestamp(CalendarDay { year: -4713, month: 11, day: 24 }, 0).is_ok());
    }
}
