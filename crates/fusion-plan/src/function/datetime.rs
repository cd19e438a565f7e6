//! Functions over dates, times, timestamps and intervals.

use super::DatetimeUnit;
use crate::DataType;
use serde::{Deserialize, Serialize};

/// A function over dates, times, timestamps or intervals, as `date.c` and
/// `timestamp.c` compute it.
///
/// Some give NULL for an infinite argument, as said there. Errors are of
/// SQLSTATE 22008 unless said otherwise.
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
    /// `date + time` (`datetime_timestamp`) → `timestamp`: errors `date out of
    /// range for timestamp`, `timestamp out of range`.
    DateAddTime,
    /// `date + interval` (`date_pl_interval`) → `timestamp`: errors `date out
    /// of range for timestamp`, `timestamp out of range`.
    DateAddInterval,
    /// `date - interval` (`date_mi_interval`): as
    /// [`DatetimeFunction::DateAddInterval`].
    DateSubInterval,
    /// `timestamp` → `date` (`timestamp_date`). No timestamp fails.
    TimestampToDate,
    /// `timestamp` → `time` (`timestamp_time`): NULL for the infinities. No
    /// timestamp fails.
    TimestampToTime,
    /// `timestamp + interval` (`timestamp_pl_interval`): error `timestamp out
    /// of range`; infinite timestamps stay.
    TimestampAddInterval,
    /// `timestamp - interval` (`timestamp_mi_interval`): as
    /// [`DatetimeFunction::TimestampAddInterval`].
    TimestampSubInterval,
    /// `timestamp - timestamp` (`timestamp_mi`) → `interval`, also of two
    /// `timestamptz`: error `cannot subtract infinite timestamps`.
    TimestampDiff,
    /// `age(timestamp, timestamp)` (`timestamp_age`) → `interval`: error
    /// `timestamp out of range` for -infinity.
    Age,
    /// `time + interval` (`time_pl_interval`). Cannot fail.
    TimeAddInterval,
    /// `time - interval` (`time_mi_interval`). Cannot fail.
    TimeSubInterval,
    /// `time - time` (`time_mi_time`) → `interval`. Cannot fail.
    TimeDiff,
    /// `time` → `interval` (`time_interval`). Cannot fail.
    TimeToInterval,
    /// `interval` → `time` (`interval_time`). Cannot fail.
    IntervalToTime,
    /// `interval + interval` (`interval_pl`): error `interval out of range`.
    IntervalAdd,
    /// `interval - interval` (`interval_mi`): error `interval out of range`.
    IntervalSub,
    /// `- interval` (`interval_um`): error `interval out of range`.
    IntervalNeg,
    /// `interval * float8` (`interval_mul`): error `interval out of range`.
    IntervalMul,
    /// `float8 * interval` (`mul_d_interval`): as
    /// [`DatetimeFunction::IntervalMul`].
    MulInterval,
    /// `interval / float8` (`interval_div`): errors `division by zero`
    /// (22012), `interval out of range`.
    IntervalDiv,
    /// `justify_hours(interval)` (`interval_justify_hours`): error `interval
    /// out of range`.
    JustifyHours,
    /// `justify_days(interval)` (`interval_justify_days`): error `interval out
    /// of range`.
    JustifyDays,
    /// `justify_interval(interval)` (`interval_justify_interval`): error
    /// `interval out of range`.
    JustifyInterval,
    /// `extract(unit from date | timestamp | time | interval)`
    /// (`extract_date` and its kin) → `Decimal` of the one scale that the field
    /// always has, or `Numeric`. An infinite date or timestamp gives an
    /// infinity for a field that grows without end, as
    /// [`DECIMAL128_INFINITY`](crate::DECIMAL128_INFINITY) and its negative
    /// counterpart or as a `Numeric`, and NULL for the others. No timestamp
    /// fails.
    Extract(DatetimeUnit),
    /// `date_part(unit, timestamp | time | interval)` (`timestamp_part` and
    /// its kin) → `float8`: infinities as for [`DatetimeFunction::Extract`]. No
    /// timestamp fails.
    DatePart(DatetimeUnit),
    /// `date_trunc(unit, timestamp | interval)` (`timestamp_trunc`,
    /// `interval_trunc`): error `timestamp out of range`; infinite timestamps
    /// stay.
    Truncate(DatetimeUnit),
    /// `date_bin(interval, timestamp, timestamp)` (`timestamp_bin`), also of
    /// two `timestamptz`: errors `origin out of range`, `stride must be greater
    /// than zero`, `interval out of range`, `timestamp out of range`, and for
    /// strides with months `timestamps cannot be binned into intervals
    /// containing months or years` (0A000).
    Bin,
    /// `timestamp(timestamp, int4)` (`timestamp_scale`), also of a
    /// `timestamptz`: error `timestamp(p) precision must be between 0 and 6`
    /// (22023).
    TimestampPrecision,
    /// `time(time, int4)` (`time_scale`). Cannot fail.
    TimePrecision,
    /// `interval(interval, int4)` (`interval_scale`), by type modifier: errors
    /// `interval(p) precision must be between 0 and 6` (22023), `unrecognized
    /// interval typmod` (XX000).
    IntervalPrecision,
    /// `isfinite(date | timestamp | timestamptz | interval)`. Cannot fail.
    IsFinite,
    /// `make_date(int4, int4, int4)`: errors `date field value out of range`,
    /// `date out of range`.
    MakeDate,
    /// `make_time(int4, int4, float8)`: error `time field value out of range`.
    MakeTime,
    /// `make_timestamp(int4, int4, int4, int4, int4, float8)`: errors as for
    /// [`DatetimeFunction::MakeDate`] and [`DatetimeFunction::MakeTime`], and
    /// `timestamp out of range`.
    MakeTimestamp,
    /// `make_interval` of six `int4` from years to minutes and seconds as
    /// `float8`: error `interval out of range`.
    MakeInterval,
    /// `to_timestamp(float8)` (`float8_timestamptz`) → `timestamptz`: errors
    /// `timestamp cannot be NaN`, `timestamp out of range`.
    FromUnixSeconds,
}

impl DatetimeFunction {
    /// Whether a call with result type `ty` can raise an error.
    pub fn can_fail(self, ty: DataType) -> bool {
        match self {
            Self::DateToTimestampForCompare
            | Self::TimestampToDate
            | Self::TimestampToTime
            | Self::TimeAddInterval
            | Self::TimeSubInterval
            | Self::TimeDiff
            | Self::TimeToInterval
            | Self::IntervalToTime
            | Self::Extract(_)
            | Self::DatePart(_)
            | Self::TimePrecision
            | Self::IsFinite => false,
            Self::Truncate(_) => ty != DataType::Interval,
            Self::DateToTimestamp
            | Self::DateAddDays
            | Self::DateSubDays
            | Self::DateDiff
            | Self::DateAddTime
            | Self::DateAddInterval
            | Self::DateSubInterval
            | Self::TimestampAddInterval
            | Self::TimestampSubInterval
            | Self::TimestampDiff
            | Self::Age
            | Self::IntervalAdd
            | Self::IntervalSub
            | Self::IntervalNeg
            | Self::IntervalMul
            | Self::MulInterval
            | Self::IntervalDiv
            | Self::JustifyHours
            | Self::JustifyDays
            | Self::JustifyInterval
            | Self::Bin
            | Self::TimestampPrecision
            | Self::IntervalPrecision
            | Self::MakeDate
            | Self::MakeTime
            | Self::MakeTimestamp
            | Self::MakeInterval
            | Self::FromUnixSeconds => true,
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        match self {
            Self::DateAddDays
            | Self::DateAddTime
            | Self::DateAddInterval
            | Self::TimestampAddInterval
            | Self::TimeAddInterval
            | Self::IntervalAdd => Some("+"),
            Self::DateSubDays
            | Self::DateDiff
            | Self::DateSubInterval
            | Self::TimestampSubInterval
            | Self::TimestampDiff
            | Self::TimeSubInterval
            | Self::TimeDiff
            | Self::IntervalSub => Some("-"),
            Self::IntervalMul | Self::MulInterval => Some("*"),
            Self::IntervalDiv => Some("/"),
            _ => None,
        }
    }

    /// The name to show where there is no infix form; `None` for conversions
    /// that are not worth showing.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::DateToTimestamp | Self::TimestampPrecision => "timestamp",
            Self::TimestampToDate => "date",
            Self::TimestampToTime | Self::IntervalToTime | Self::TimePrecision => "time",
            Self::TimeToInterval | Self::IntervalPrecision => "interval",
            Self::Age => "age",
            Self::IntervalNeg => "-",
            Self::JustifyHours => "justify_hours",
            Self::JustifyDays => "justify_days",
            Self::JustifyInterval => "justify_interval",
            Self::Extract(_) => "extract",
            Self::DatePart(_) => "date_part",
            Self::Truncate(_) => "date_trunc",
            Self::Bin => "date_bin",
            Self::IsFinite => "isfinite",
            Self::MakeDate => "make_date",
            Self::MakeTime => "make_time",
            Self::MakeTimestamp => "make_timestamp",
            Self::MakeInterval => "make_interval",
            Self::FromUnixSeconds => "to_timestamp",
            _ => return None,
        })
    }

    /// The unit that it works with, to be shown before the arguments.
    pub fn unit(self) -> Option<DatetimeUnit> {
        match self {
            Self::Extract(unit) | Self::DatePart(unit) | Self::Truncate(unit) => Some(unit),
            _ => None,
        }
    }
}
