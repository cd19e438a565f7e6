//! `extract(field from value)`: a `numeric`.
//!
//! Whether a type has a field is for [`unit::can_extract`](super::unit::can_extract)
//! to say; these functions give NULL for the others.

use super::calendar::{CalendarDay, EPOCH_JULIAN, UNIX_EPOCH_JULIAN, weekday, written_year};
use super::fields::{Clock, split};
use super::interval::Interval;
use super::limits::{DAY, HOUR, is_infinite, is_infinite_date};
use fusion_plan::{DataType, DatetimeUnit, PgError};

/// 1970-01-01 as a timestamp.
pub(super) const UNIX_EPOCH: i64 = (UNIX_EPOCH_JULIAN - EPOCH_JULIAN) as i64 * DAY;

/// A `numeric` that `extract` gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// `unscaled` divided by ten to the power of `scale`, the display scale.
    Finite {
        /// All digits, as an integer.
        unscaled: i128,
        /// Digits after the point.
        scale: u8,
    },
    /// `Infinity`.
    Infinity,
    /// `-Infinity`.
    NegativeInfinity,
}

impl Number {
    fn integer(value: impl Into<i128>) -> Self {
        Self::Finite { unscaled: value.into(), scale: 0 }
    }

    fn scaled(unscaled: impl Into<i128>, scale: u8) -> Self {
        Self::Finite { unscaled: unscaled.into(), scale }
    }
}

/// The precision and display scale of the field `unit` of values of type `ty`,
/// if all finite values have the same scale.
pub fn shape(ty: DataType, unit: DatetimeUnit) -> Option<(u8, u8)> {
    use DatetimeUnit::*;
    let interval = ty == DataType::Interval;
    Some(match unit {
        Microsecond => (8, 0),
        Millisecond => (8, 3),
        Second => (8, 6),
        Hour | Day if interval => (10, 0),
        Year | Decade | Century | Millennium | IsoYear => (9, 0),
        Julian if ty == DataType::Timestamp => return None,
        Julian => (10, 0),
        Epoch if ty == DataType::Date => (15, 0),
        Epoch => (22, 6),
        Minute | Hour | Day | Week | Month => (2, 0),
        Quarter | DayOfWeek | IsoDayOfWeek => (1, 0),
        DayOfYear => (3, 0),
    })
}

/// Whether the field `unit` grows with time without end, so that infinite
/// dates and timestamps have an infinite one. They have no other fields.
pub fn is_monotonic(unit: DatetimeUnit) -> bool {
    use DatetimeUnit::*;
    matches!(unit, Year | Decade | Century | Millennium | Julian | IsoYear | Epoch)
}

/// A field of a date (`extract_date`).
#[inline]
pub fn from_date(unit: DatetimeUnit, date: i32) -> Option<Number> {
    if is_infinite_date(date) {
        return infinite(unit, date < 0);
    }
    let julian = date.wrapping_add(EPOCH_JULIAN);
    let value = match unit {
        DatetimeUnit::Epoch => {
            (i64::from(date) + i64::from(EPOCH_JULIAN - UNIX_EPOCH_JULIAN)) * 86_400
        }
        DatetimeUnit::Julian => i64::from(julian),
        DatetimeUnit::DayOfWeek => i64::from(weekday(julian)),
        unit => day_field(unit, CalendarDay::from_julian(julian))?,
    };
    Some(Number::integer(value))
}

/// A field of a timestamp (`extract_timestamp`).
///
/// # Errors
///
/// `timestamp out of range` for a value that no valid timestamp has.
#[inline]
pub fn from_timestamp(unit: DatetimeUnit, timestamp: i64) -> Result<Option<Number>, PgError> {
    if is_infinite(timestamp) {
        return Ok(infinite(unit, timestamp < 0));
    }
    if unit == DatetimeUnit::Epoch {
        return Ok(Some(Number::scaled(since_unix_epoch(timestamp), 6)));
    }
    let (julian, time) = split(timestamp)?;
    if unit == DatetimeUnit::Julian {
        return Ok(Some(julian_with_time(julian, time)));
    }
    Ok(clock_number(unit, Clock::from_time(time))
        .or_else(|| day_field(unit, CalendarDay::from_julian(julian)).map(Number::integer)))
}

/// Microseconds since 1970-01-01. Where 64 bits do not hold them, PostgreSQL
/// makes them seconds by `numeric_div`, whose quotient has only four digits after
/// the point there.
fn since_unix_epoch(timestamp: i64) -> i128 {
    let since = i128::from(timestamp) - i128::from(UNIX_EPOCH);
    if timestamp < i64::MAX + UNIX_EPOCH { since } else { (since + 50) / 100 * 100 }
}

/// A field of a time (`extract_time`).
pub fn from_time(unit: DatetimeUnit, time: i64) -> Option<Number> {
    match unit {
        DatetimeUnit::Epoch => Some(Number::scaled(time, 6)),
        unit => clock_number(unit, Clock::from_time(time)),
    }
}

/// A field of an interval (`extract_interval`); each of its three parts has
/// fields of its own, with its sign.
pub fn from_interval(unit: DatetimeUnit, interval: Interval) -> Option<Number> {
    match unit {
        DatetimeUnit::Epoch => Some(Number::scaled(
            seconds_of_days(interval) * 1_000_000 + i128::from(interval.microseconds),
            6,
        )),
        DatetimeUnit::Hour => Some(Number::integer(interval.microseconds / HOUR)),
        unit => clock_number(unit, Clock::from_time(interval.microseconds % HOUR))
            .or_else(|| interval_field(unit, interval).map(Number::integer)),
    }
}

/// The seconds that the months and days of an interval count for: a year has
/// 365.25 days, a month beyond it 30.
fn seconds_of_days(interval: Interval) -> i128 {
    let years = i64::from(interval.months / 12);
    let months = i64::from(interval.months % 12);
    let quarter_days = 1461 * years + 120 * months + 4 * i64::from(interval.days);
    i128::from(quarter_days * (86_400 / 4))
}

/// The field of an infinite date or timestamp.
#[inline]
fn infinite(unit: DatetimeUnit, negative: bool) -> Option<Number> {
    is_monotonic(unit).then_some(if negative { Number::NegativeInfinity } else { Number::Infinity })
}

fn clock_number(unit: DatetimeUnit, clock: Clock) -> Option<Number> {
    match unit {
        DatetimeUnit::Millisecond => Some(Number::scaled(clock.second_in_microseconds(), 3)),
        DatetimeUnit::Second => Some(Number::scaled(clock.second_in_microseconds(), 6)),
        unit => clock_field(unit, clock).map(Number::integer),
    }
}

/// The fields of the time of day that are integers.
#[inline]
pub(super) fn clock_field(unit: DatetimeUnit, clock: Clock) -> Option<i64> {
    match unit {
        DatetimeUnit::Microsecond => Some(clock.second_in_microseconds()),
        DatetimeUnit::Minute => Some(i64::from(clock.minute)),
        DatetimeUnit::Hour => Some(i64::from(clock.hour)),
        _ => None,
    }
}

/// The fields of the calendar that are integers.
#[inline]
pub(super) fn day_field(unit: DatetimeUnit, day: CalendarDay) -> Option<i64> {
    use DatetimeUnit::*;
    let year = day.year;
    let value = match unit {
        Day => day.day,
        Week => day.iso_week().0,
        Month => day.month,
        Quarter => (day.month - 1) / 3 + 1,
        Year => written_year(year),
        // 0 starts in the year 1 BC, −1 is 11 BC to 2 BC.
        Decade if year >= 0 => year / 10,
        Decade => -((9 - year) / 10),
        Century if year > 0 => (year + 99) / 100,
        Century => -((100 - year) / 100),
        Millennium if year > 0 => (year + 999) / 1000,
        Millennium => -((1000 - year) / 1000),
        DayOfWeek => day.weekday(),
        IsoDayOfWeek => match day.weekday() {
            0 => 7,
            weekday => weekday,
        },
        DayOfYear => day.day_of_year(),
        IsoYear => written_year(day.iso_week().1),
        Microsecond | Millisecond | Second | Minute | Hour | Julian | Epoch => return None,
    };
    Some(i64::from(value))
}

/// The fields of an interval's days and months.
pub(super) fn interval_field(unit: DatetimeUnit, interval: Interval) -> Option<i64> {
    let years = interval.months / 12;
    let months = interval.months % 12;
    let value = match unit {
        DatetimeUnit::Day => interval.days,
        DatetimeUnit::Month => months,
        DatetimeUnit::Quarter => months / 3 + 1,
        DatetimeUnit::Year => years,
        DatetimeUnit::Decade => years / 10,
        DatetimeUnit::Century => years / 100,
        DatetimeUnit::Millennium => years / 1000,
        _ => return None,
    };
    Some(i64::from(value))
}

/// The Julian day plus the part of the day that has passed: PostgreSQL's
/// `numeric` quotient of the two numbers of microseconds, whose scale
/// (`select_div_scale`) leaves it 16 significant digits or more.
fn julian_with_time(julian: i32, time: i64) -> Number {
    const BASE: i64 = 10_000;
    // The weight and the first digit of both in base 10000 decide.
    const DAY_WEIGHT: u32 = 2;
    const DAY_FIRST_DIGIT: i64 = DAY / (BASE * BASE);
    let (weight, first_digit) = match time {
        0 => (0, 0),
        time if time < BASE => (0, time),
        time if time < BASE * BASE => (1, time / BASE),
        time => (2, time / (BASE * BASE)),
    };
    let smaller = u32::from(first_digit <= DAY_FIRST_DIGIT);
    let scale = 16 + 4 * (DAY_WEIGHT - weight + smaller);
    let unit = 10_i128.pow(scale);
    let day = i128::from(DAY);
    let fraction = (i128::from(time) * unit + day / 2) / day;
    Number::scaled(i128::from(julian) * unit + fraction, scale as u8)
}

#[cfg(test)]
mod tests {
    use super::super::limits::{DATES, TIMESTAMPS};
    use super::*;
    use DatetimeUnit::*;

    fn text(number: Option<Number>) -> String {
        match number {
            None => "NULL".into(),
            Some(Number::Infinity) => "Infinity".into(),
            Some(Number::NegativeInfinity) => "-Infinity".into(),
            Some(Number::Finite { unscaled, scale: 0 }) => unscaled.to_string(),
            Some(Number::Finite { unscaled, scale }) => {
                let digits = format!("{:0>width$}", unscaled.abs(), width = scale as usize + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
                format!("{}{whole}.{fraction}", if unscaled < 0 { "-" } else { "" })
            }
        }
    }

    fn all(units: &[DatetimeUnit], extract: impl Fn(DatetimeUnit) -> Option<Number>) -> String {
        units.iter().map(|unit| text(extract(*unit))).collect::<Vec<_>>().join(" ")
    }

    const OF_DAY: [DatetimeUnit; 14] = [
        Day,
        Week,
        Month,
        Quarter,
        Year,
        Decade,
        Century,
        Millennium,
        Julian,
        DayOfWeek,
        IsoDayOfWeek,
        DayOfYear,
        IsoYear,
        Epoch,
    ];

    #[test]
    fn fields_of_dates() {
        let of = |date| all(&OF_DAY, |unit| from_date(unit, date));
        assert_eq!(of(0), "1 52 1 1 2000 200 20 2 2451545 6 6 1 1999 946684800");
        assert_eq!(of(-730_120), "31 52 12 4 -1 0 -1 -1 1721425 0 7 366 -1 -62135683200");
        assert_eq!(of(DATES.start), "24 48 11 4 -4714 -472 -48 -5 0 1 1 328 -4714 -210866803200");
        assert_eq!(
            of(DATES.end - 1),
            "31 1 12 4 5874897 587489 58749 5875 2147483493 2 2 365 5874898 185331706992000"
        );
        let infinite = "NULL NULL NULL NULL Infinity Infinity Infinity Infinity Infinity \
                        NULL NULL NULL Infinity Infinity";
        assert_eq!(of(i32::MAX), infinite);
        assert_eq!(of(i32::MIN), infinite.replace("Inf", "-Inf"));
    }

    #[test]
    fn fields_of_timestamps() {
        const CLOCK: [DatetimeUnit; 7] =
            [Microsecond, Millisecond, Second, Minute, Hour, Julian, Epoch];
        let of = |timestamp| all(&CLOCK, |unit| from_timestamp(unit, timestamp).unwrap());
        // 2024-02-29 01:02:03.004005
        assert_eq!(
            of(762_483_723_004_005),
            "3004005 3004.005 3.004005 2 1 2460370.04309032413194444444 1709168523.004005"
        );
        assert_eq!(
            of(-1),
            "59999999 59999.999 59.999999 59 23 2451544.99999999998842592593 946684799.999999"
        );
        let infinite = "NULL NULL NULL NULL NULL Infinity Infinity";
        assert_eq!(of(i64::MAX), infinite);
        assert_eq!(of(i64::MIN), infinite.replace("Inf", "-Inf"));
        assert!(from_timestamp(Year, TIMESTAMPS.start - 1).is_err());
        let epoch = |timestamp| text(from_timestamp(Epoch, timestamp).unwrap());
        assert_eq!(epoch(TIMESTAMPS.end - 1), "9224318016000.000000");
        assert_eq!(epoch(i64::MAX + UNIX_EPOCH - 1), "9223372036854.775806");
        assert_eq!(epoch(i64::MAX + UNIX_EPOCH), "9223372036854.775800");
        assert_eq!(text(from_timestamp(DayOfWeek, -1).unwrap()), "5");
    }

    #[test]
    fn the_scale_of_a_julian_day_follows_the_time() {
        let of = |time| text(Some(julian_with_time(2_451_545, time)));
        assert_eq!(of(0), "2451545.0000000000000000000000000000");
        assert_eq!(of(1), "2451545.0000000000115740740740740741");
        assert_eq!(of(864), "2451545.0000000100000000000000000000");
        assert_eq!(of(865), "2451545.000000010011574074074074");
        assert_eq!(of(10_000), "2451545.000000115740740740740741");
        assert_eq!(of(8_650_000), "2451545.00010011574074074074");
        assert_eq!(of(43_200_000_000), "2451545.50000000000000000000");
    }

    #[test]
    fn fields_of_times_and_intervals() {
        const CLOCK: [DatetimeUnit; 6] = [Microsecond, Millisecond, Second, Minute, Hour, Epoch];
        assert_eq!(all(&CLOCK, |unit| from_time(unit, DAY)), "0 0.000 0.000000 0 24 86400.000000");
        let negative = Interval::new(-1205, -40, -3_723_004_005);
        assert_eq!(
            all(&CLOCK, |unit| from_interval(unit, negative)),
            "-3004005 -3004.005 -3.004005 -2 -1 -3172179723.004005"
        );
        let units = [Day, Month, Quarter, Year, Decade, Century, Millennium];
        assert_eq!(all(&units, |unit| from_interval(unit, negative)), "-40 -5 0 -100 -10 -1 0");
        let extreme = Interval::new(i32::MAX, i32::MAX, i64::MAX);
        assert_eq!(
            all(&CLOCK, |unit| from_interval(unit, extreme)),
            "54775807 54775.807 54.775807 0 2562047788 5842218453753654.775807"
        );
    }

    #[test]
    fn fields_fit_their_shapes() {
        let fits = |ty, unit, number| {
            let Some(Number::Finite { unscaled, scale }) = number else { return };
            let Some((precision, expected)) = shape(ty, unit) else { return };
            assert_eq!(scale, expected, "{unit:?} of {ty}");
            assert!(unscaled.abs() < 10_i128.pow(precision.into()), "{unit:?} of {ty}");
        };
        const MORE: [DatetimeUnit; 5] = [Microsecond, Millisecond, Second, Minute, Hour];
        let largest = Interval::new(i32::MAX, i32::MAX, i64::MAX);
        let smallest = Interval::new(i32::MIN, i32::MIN, i64::MIN);
        let before_the_minute = Interval::new(-119_999, 0, HOUR - 1);
        for unit in OF_DAY.into_iter().chain(MORE) {
            for date in [DATES.start, -1, 0, DATES.end - 1] {
                fits(DataType::Date, unit, from_date(unit, date));
            }
            for timestamp in [TIMESTAMPS.start, -1, 0, TIMESTAMPS.end - 1] {
                fits(DataType::Timestamp, unit, from_timestamp(unit, timestamp).unwrap());
            }
            for time in [0, DAY - 1, DAY] {
                fits(DataType::Time, unit, from_time(unit, time));
            }
            for interval in [largest, smallest, before_the_minute] {
                fits(DataType::Interval, unit, from_interval(unit, interval));
            }
        }
    }
}
