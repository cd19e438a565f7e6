//! Infinities and ranges, and the errors for what lies beyond.

use super::calendar::EPOCH_JULIAN;
use fusion_plan::{PgError, SqlState};
use std::ops::Range;

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day.
pub const DAY: i64 = 24 * HOUR;

/// The finite dates (`IS_VALID_DATE`): 4714-11-24 BC to 5874897-12-31.
pub const DATES: Range<i32> = -EPOCH_JULIAN..2_147_483_494 - EPOCH_JULIAN;
/// The first date beyond the timestamps' range (`TIMESTAMP_END_JULIAN`).
pub const FIRST_DATE_WITHOUT_TIMESTAMP: i32 = 109_203_528 - EPOCH_JULIAN;
/// The finite timestamps (`IS_VALID_TIMESTAMP`): 4714-11-24 BC to the end of
/// 294276.
pub const TIMESTAMPS: Range<i64> =
    DATES.start as i64 * DAY..FIRST_DATE_WITHOUT_TIMESTAMP as i64 * DAY;

/// Whether a date is one of the infinities.
#[inline]
pub fn is_infinite_date(date: i32) -> bool {
    matches!(date, i32::MIN | i32::MAX)
}

/// Whether a timestamp is one of the infinities.
#[inline]
pub fn is_infinite(timestamp: i64) -> bool {
    matches!(timestamp, i64::MIN | i64::MAX)
}

/// An error of SQLSTATE 22008.
pub fn overflow(message: impl Into<String>) -> PgError {
    PgError::new(SqlState::DATETIME_FIELD_OVERFLOW, message)
}

/// `date out of range`.
pub fn date_out_of_range() -> PgError {
    overflow("date out of range")
}

/// `timestamp out of range`.
pub fn timestamp_out_of_range() -> PgError {
    overflow("timestamp out of range")
}

/// `interval out of range`.
pub fn interval_out_of_range() -> PgError {
    overflow("interval out of range")
}

/// The timestamp, if it is in range.
///
/// # Errors
///
/// `timestamp out of range`.
pub fn check_timestamp(timestamp: Option<i64>) -> Result<i64, PgError> {
    timestamp.filter(|value| TIMESTAMPS.contains(value)).ok_or_else(timestamp_out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_postgresql() {
        assert_eq!(TIMESTAMPS, -211_813_488_000_000_000..9_223_371_331_200_000_000);
        assert_eq!(DATES, -2_451_545..2_145_031_949);
        assert!(check_timestamp(Some(TIMESTAMPS.end - 1)).is_ok());
        assert!(check_timestamp(Some(TIMESTAMPS.end)).is_err());
        assert!(check_timestamp(Some(i64::MAX)).is_err());
        assert_eq!(check_timestamp(None).unwrap_err().sqlstate.as_str(), "22008");
    }
}
