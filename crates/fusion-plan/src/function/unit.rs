//! The units of `extract`, `date_part` and `date_trunc`.

use serde::{Deserialize, Serialize};

/// A field of a date or time, whichever of PostgreSQL's names for it was
/// written. The fields that name a time zone are not here: nothing that the
/// engine computes has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DatetimeUnit {
    /// Seconds within the minute, in microseconds.
    Microsecond,
    /// Seconds within the minute, in milliseconds.
    Millisecond,
    /// Seconds within the minute.
    Second,
    /// Minutes within the hour.
    Minute,
    /// Hours within the day.
    Hour,
    /// The day of the month.
    Day,
    /// The ISO 8601 week of the year.
    Week,
    /// The month of the year.
    Month,
    /// The quarter of the year.
    Quarter,
    /// The year; there is no year zero.
    Year,
    /// The year divided by ten.
    Decade,
    /// The century; there is no century zero.
    Century,
    /// The millennium; there is no millennium zero.
    Millennium,
    /// The Julian day with the time of day as its fraction.
    Julian,
    /// The day of the week from Sunday, 0, to Saturday, 6.
    DayOfWeek,
    /// The day of the week from Monday, 1, to Sunday, 7.
    IsoDayOfWeek,
    /// The day of the year.
    DayOfYear,
    /// The year that the ISO 8601 week belongs to.
    IsoYear,
    /// Seconds since 1970-01-01, or in an interval.
    Epoch,
}

impl DatetimeUnit {
    /// PostgreSQL's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Microsecond => "microsecond",
            Self::Millisecond => "millisecond",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
            Self::Decade => "decade",
            Self::Century => "century",
            Self::Millennium => "millennium",
            Self::Julian => "julian",
            Self::DayOfWeek => "dow",
            Self::IsoDayOfWeek => "isodow",
            Self::DayOfYear => "doy",
            Self::IsoYear => "isoyear",
            Self::Epoch => "epoch",
        }
    }
}
