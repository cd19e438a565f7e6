//! Casts to `timestamp(p)`, `time(p)` and `interval(p)` with or without fields.

use super::interval::Interval;
use super::limits::{HOUR, MINUTE, is_infinite};
use fusion_plan::{PgError, SqlState};

/// The largest number of digits after the seconds' point.
const MAX_PRECISION: i32 = 6;

/// Units of the last digit kept, for a number of digits after the point.
const SCALES: [i64; 7] = [1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];

/// Rounds half away from zero to `scale`, in integers that wrap.
fn round(value: i64, scale: i64) -> i64 {
    let half = scale / 2;
    match value >= 0 {
        true => value.wrapping_add(half) / scale * scale,
        false => (value.wrapping_neg().wrapping_add(half) / scale * scale).wrapping_neg(),
    }
}

fn scale(precision: i32) -> Option<i64> {
    SCALES.get(usize::try_from(precision).ok()?).copied()
}

/// `timestamp(p)` and `timestamptz(p)` (`AdjustTimestampForTypmod`); the result
/// may lie just beyond the valid timestamps. A typmod of −1 changes nothing.
///
/// # Errors
///
/// `timestamp(p) precision must be between 0 and 6`, for finite values only.
pub fn timestamp(value: i64, typmod: i32) -> Result<i64, PgError> {
    if is_infinite(value) || typmod == -1 {
        return Ok(value);
    }
    scale(typmod).map(|scale| round(value, scale)).ok_or_else(|| bad_precision("timestamp", typmod))
}

/// `time(p)` (`AdjustTimeForTypmod`); a typmod that is no precision changes
/// nothing.
pub fn time(value: i64, typmod: i32) -> i64 {
    scale(typmod).map_or(value, |scale| round(value, scale))
}

/// The parts of an interval that a typmod of `interval` keeps, down to the
/// last of its fields. What is left of that field stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Range {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Range {
    /// The range in an interval's typmod; `None` if no declaration gives it.
    fn of(typmod: i32) -> Option<Self> {
        const FULL: i32 = 0x7fff;
        const YEAR: i32 = 1 << 2;
        const MONTH: i32 = 1 << 1;
        const DAY: i32 = 1 << 3;
        const HOUR: i32 = 1 << 10;
        const MINUTE: i32 = 1 << 11;
        const SECOND: i32 = 1 << 12;
        const YEAR_TO_MONTH: i32 = YEAR | MONTH;
        const DAY_TO_HOUR: i32 = DAY | HOUR;
        const DAY_TO_MINUTE: i32 = DAY_TO_HOUR | MINUTE;
        const DAY_TO_SECOND: i32 = DAY_TO_MINUTE | SECOND;
        const HOUR_TO_MINUTE: i32 = HOUR | MINUTE;
        const HOUR_TO_SECOND: i32 = HOUR_TO_MINUTE | SECOND;
        const MINUTE_TO_SECOND: i32 = MINUTE | SECOND;
        Some(match (typmod >> 16) & FULL {
            YEAR => Self::Year,
            MONTH | YEAR_TO_MONTH => Self::Month,
            DAY => Self::Day,
            HOUR | DAY_TO_HOUR => Self::Hour,
            MINUTE | DAY_TO_MINUTE | HOUR_TO_MINUTE => Self::Minute,
            SECOND | DAY_TO_SECOND | HOUR_TO_SECOND | MINUTE_TO_SECOND | FULL => Self::Second,
            _ => return None,
        })
    }

    fn keep(self, interval: Interval) -> Interval {
        let Interval { months, days, microseconds } = interval;
        match self {
            Self::Year => Interval::new(months / 12 * 12, 0, 0),
            Self::Month => Interval::new(months, 0, 0),
            Self::Day => Interval::new(months, days, 0),
            Self::Hour => Interval::new(months, days, microseconds / HOUR * HOUR),
            Self::Minute => Interval::new(months, days, microseconds / MINUTE * MINUTE),
            Self::Second => interval,
        }
    }
}

/// `interval(p)`, `interval year` and so on (`AdjustIntervalForTypmod`): fields
/// below the last one named become zero, seconds are rounded. A negative
/// typmod changes nothing.
///
/// # Errors
///
/// `unrecognized interval typmod` and `interval(p) precision must be between 0
/// and 6`, which no declared type leads to.
pub fn interval(value: Interval, typmod: i32) -> Result<Interval, PgError> {
    const FULL_PRECISION: i32 = 0xffff;
    if typmod < 0 {
        return Ok(value);
    }
    let range = Range::of(typmod)
        .ok_or_else(|| PgError::internal(format!("unrecognized interval typmod: {typmod}")))?;
    let kept = range.keep(value);
    let precision = typmod & FULL_PRECISION;
    if precision == FULL_PRECISION {
        return Ok(kept);
    }
    let scale = scale(precision).ok_or_else(|| bad_precision("interval", precision))?;
    Ok(Interval { microseconds: round(kept.microseconds, scale), ..kept })
}

fn bad_precision(name: &str, precision: i32) -> PgError {
    let message = format!("{name}({precision}) precision must be between 0 and {MAX_PRECISION}");
    PgError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

#[cfg(test)]
mod tests {
    use super::super::limits::TIMESTAMPS;
    use super::*;

    #[test]
    fn timestamps_round_half_away_from_zero() {
        assert_eq!(timestamp(1_500_000, 0), Ok(2_000_000));
        assert_eq!(timestamp(-1_500_000, 0), Ok(-2_000_000));
        assert_eq!(timestamp(1_234_565, 5), Ok(1_234_570));
        assert_eq!(timestamp(1_234_565, 6), Ok(1_234_565));
        assert_eq!(timestamp(1_234_565, -1), Ok(1_234_565));
        assert_eq!(timestamp(TIMESTAMPS.end - 1, 0), Ok(TIMESTAMPS.end));
        assert_eq!(timestamp(i64::MAX, 9), Ok(i64::MAX));
        let error = timestamp(0, 7).unwrap_err();
        assert_eq!(error.message, "timestamp(7) precision must be between 0 and 6");
        assert_eq!(error.sqlstate.as_str(), "22023");
        assert!(timestamp(0, -2).is_err());
    }

    #[test]
    fn times_take_any_typmod() {
        assert_eq!(time(86_399_999_999, 3), 86_400_000_000);
        assert_eq!(time(1_234_565, 7), 1_234_565);
        assert_eq!(time(1_234_565, 2), 1_230_000);
    }

    /// Typmods as `format_type` and `pg_attribute` show them.
    #[test]
    fn intervals_lose_fields_from_the_right() {
        let value = Interval::new(-14, 5, 3_723_456_789);
        let keep = |range: i32| interval(value, range << 16 | 0xffff).unwrap();
        assert_eq!(keep(4), Interval::new(-12, 0, 0));
        assert_eq!(keep(2), Interval::new(-14, 0, 0));
        assert_eq!(keep(6), Interval::new(-14, 0, 0));
        assert_eq!(keep(8), Interval::new(-14, 5, 0));
        assert_eq!(keep(1024), Interval::new(-14, 5, HOUR));
        assert_eq!(keep(8 | 1024), Interval::new(-14, 5, HOUR));
        assert_eq!(keep(2048 | 1024), Interval::new(-14, 5, HOUR + 2 * MINUTE));
        assert_eq!(keep(4096), value);
        assert_eq!(interval(value, -1), Ok(value));
        assert_eq!(interval(value, 0x7fff << 16 | 2), Ok(Interval::new(-14, 5, 3_723_460_000)));
        assert_eq!(interval(value, 0x7fff << 16), Ok(Interval::new(-14, 5, 3_723_000_000)));
        let error = interval(value, 0x7fff << 16 | 7).unwrap_err();
        assert_eq!(error.message, "interval(7) precision must be between 0 and 6");
        assert_eq!(interval(value, 1).unwrap_err().sqlstate.as_str(), "XX000");
    }
}
