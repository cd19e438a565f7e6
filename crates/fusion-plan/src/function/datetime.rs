//! Functions over dates, times, timestamps and intervals.

use serde::{Deserialize, Serialize};

/// A function over dates, times, timestamps or intervals, as `date.c` and
/// `timestamp.c` compute it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DatetimeFunction {
    /// `date` → `timestamp`, for comparison only: a date beyond the
    /// timestamps' range becomes a value larger than every finite timestamp,
    /// as `date_cmp_timestamp_internal` treats it. Cannot fail.
    DateToTimestampForCompare,
    /// `date` → `timestamp` (`date_timestamp`): error `date out of range for
    /// timestamp`.
    DateToTimestamp,
    /// `date + int4` (`date_pli`): error `date out of range`; infinite dates
    /// stay.
    DateAddDays,
    /// `date - int4` (`date_mii`): as [`DatetimeFunction::DateAddDays`].
    DateSubDays,
    /// `date - date` (`date_mi`) → `int4`: error `cannot subtract infinite
    /// dates`.
    DateDiff,
    /// `extract(year from date)` → `Decimal` of scale 0 (`extract_date`): BC
    /// years are negative without a year zero, infinite dates give
    /// [`DECIMAL128_INFINITY`](crate::DECIMAL128_INFINITY) and its negative
    /// counterpart. Cannot fail.
    ExtractYear,
}

impl DatetimeFunction {
    /// Whether a call can raise an error.
    pub fn can_fail(self) -> bool {
        match self {
            Self::DateToTimestampForCompare | Self::ExtractYear => false,
            Self::DateToTimestamp | Self::DateAddDays | Self::DateSubDays | Self::DateDiff => true,
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        match self {
            Self::DateAddDays => Some("+"),
            Self::DateSubDays | Self::DateDiff => Some("-"),
            _ => None,
        }
    }

    /// The name to show where there is no infix form; `None` for conversions
    /// that are not worth showing.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::ExtractYear => Some("extract_year"),
            Self::DateToTimestamp => Some("timestamp"),
            _ => None,
        }
    }
}
