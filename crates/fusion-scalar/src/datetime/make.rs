//! `make_date`, `make_time`, `make_timestamp` and `make_interval`.

use super::c_format::general;
use super::calendar::{CalendarDay, EPOCH_JULIAN, days_in_month};
use super::interval::Interval;
use super::limits::{
    DATES, DAY, HOUR, MINUTE, SECOND, check_timestamp, interval_out_of_range, overflow,
};
use fusion_plan::PgError;

/// `make_date(year, month, day)`; a negative year is BC.
///
/// # Errors
///
/// `date field value out of range`, `date out of range`, both with the date.
pub fn date(year: i32, month: i32, day: i32) -> Result<i32, PgError> {
    // PostgreSQL shows BC years in these messages as it counts them inside.
    let shown = match year {
        0.. | i32::MIN => year,
        year => year + 1,
    };
    let out_of_range = || overflow(format!("date out of range: {shown}-{month:02}-{day:02}"));
    let Some(checked) = valid_day(year, month, day) else {
        let message = format!("date field value out of range: {shown}-{month:02}-{day:02}");
        return Err(overflow(message));
    };
    if !checked.is_julian() {
        return Err(out_of_range());
    }
    let date = checked.julian().wrapping_sub(EPOCH_JULIAN);
    if DATES.contains(&date) { Ok(date) } else { Err(out_of_range()) }
}

/// The day of a year as it is written, if the calendar has it (`ValidateDate`).
fn valid_day(year: i32, month: i32, day: i32) -> Option<CalendarDay> {
    let year = match year {
        0 | i32::MIN => return None,
        ..0 => year + 1,
        year => year,
    };
    let valid = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    valid.then_some(CalendarDay { year, month, day })
}

/// `make_time(hour, minute, seconds)`.
///
/// # Errors
///
/// `time field value out of range`, with the time.
pub fn time(hour: i32, minute: i32, seconds: f64) -> Result<i64, PgError> {
    valid_time(hour, minute, seconds).ok_or_else(|| bad_time(hour, minute, seconds))
}

fn bad_time(hour: i32, minute: i32, seconds: f64) -> PgError {
    let message = format!("time field value out of range: {}", clock(hour, minute, seconds));
    overflow(message)
}

/// The time, if it is one (`float_time_overflows`).
fn valid_time(hour: i32, minute: i32, seconds: f64) -> Option<i64> {
    let microseconds = (seconds * SECOND as f64).round_ties_even();
    let valid = (0..=24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..=MINUTE as f64).contains(&microseconds);
    if !valid {
        return None;
    }
    let time = i64::from(hour) * HOUR + i64::from(minute) * MINUTE + microseconds as i64;
    (time <= DAY).then_some(time)
}

/// `make_timestamp(year, month, day, hour, minute, seconds)`; a negative year
/// is BC.
///
/// # Errors
///
/// `date field value out of range`, `date out of range`, `time field value out
/// of range`, `timestamp out of range`, all with the value.
pub fn timestamp(
    (year, month, day): (i32, i32, i32),
    (hour, minute, seconds): (i32, i32, f64),
) -> Result<i64, PgError> {
    let written = || format!("{year}-{month:02}-{day:02}");
    let checked = valid_day(year, month, day)
        .ok_or_else(|| overflow(format!("date field value out of range: {}", written())))?;
    if !checked.is_julian() {
        return Err(overflow(format!("date out of range: {}", written())));
    }
    let time = valid_time(hour, minute, seconds).ok_or_else(|| bad_time(hour, minute, seconds))?;
    let days = i64::from(checked.julian()) - i64::from(EPOCH_JULIAN);
    let timestamp = days.checked_mul(DAY).and_then(|midnight| midnight.checked_add(time));
    check_timestamp(timestamp).map_err(|_| {
        let clock = clock(hour, minute, seconds);
        overflow(format!("timestamp out of range: {} {clock}", written()))
    })
}

/// `make_interval(years, months, weeks, days, hours, mins, secs)`; integers
/// wrap around.
///
/// # Errors
///
/// `interval out of range` if the seconds are infinite or NaN.
pub fn interval(
    [years, months, weeks, days, hours, minutes]: [i32; 6],
    seconds: f64,
) -> Result<Interval, PgError> {
    if !seconds.is_finite() {
        return Err(interval_out_of_range());
    }
    let whole = i64::from(hours) * HOUR + i64::from(minutes) * MINUTE;
    let microseconds = (seconds * SECOND as f64).round_ties_even();
    Ok(Interval {
        months: years.wrapping_mul(12).wrapping_add(months),
        days: weeks.wrapping_mul(7).wrapping_add(days),
        microseconds: whole.wrapping_add(truncate(microseconds)),
    })
}

/// A float as C's cast makes an integer of it. What does not fit is undefined
/// there; this gives what the processor's instruction gives, as PostgreSQL has
/// it.
fn truncate(value: f64) -> i64 {
    const END: f64 = -(i64::MIN as f64);
    match cfg!(target_arch = "x86_64") && !(-END..END).contains(&value) {
        true => i64::MIN,
        false => value as i64,
    }
}

/// A time as these messages show it.
fn clock(hour: i32, minute: i32, seconds: f64) -> String {
    let seconds = general(seconds);
    // A width of two, filled up with zeros after the sign.
    let seconds = if seconds.len() < 2 { format!("0{seconds}") } else { seconds };
    format!("{hour}:{minute:02}:{seconds}")
}

#[cfg(test)]
mod tests {
    use super::super::limits::TIMESTAMPS;
    use super::*;

    fn message<T: std::fmt::Debug>(result: Result<T, PgError>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22008");
        error.message
    }

    #[test]
    fn dates() {
        assert_eq!(date(2000, 1, 1), Ok(0));
        assert_eq!(date(-1, 12, 31), Ok(-730_120));
        assert_eq!(date(-4714, 11, 24), Ok(DATES.start));
        assert_eq!(date(5_874_897, 12, 31), Ok(DATES.end - 1));
        assert_eq!(message(date(0, 7, 1)), "date field value out of range: 0-07-01");
        assert_eq!(message(date(2023, 2, 29)), "date field value out of range: 2023-02-29");
        assert_eq!(message(date(-44, 13, 1)), "date field value out of range: -43-13-01");
        assert_eq!(message(date(-4714, 11, 23)), "date out of range: -4713-11-23");
        assert_eq!(message(date(5_874_898, 1, 1)), "date out of range: 5874898-01-01");
        assert_eq!(message(date(6_000_000, 1, 1)), "date out of range: 6000000-01-01");
    }

    #[test]
    fn times() {
        assert_eq!(time(8, 15, 23.5), Ok(8 * HOUR + 15 * MINUTE + 23_500_000));
        assert_eq!(time(24, 0, 0.0), Ok(DAY));
        assert_eq!(time(23, 59, 60.0), Ok(DAY));
        let bad = "time field value out of range: ";
        assert_eq!(message(time(24, 0, 2.1)), format!("{bad}24:00:2.1"));
        assert_eq!(message(time(10, 55, 100.1)), format!("{bad}10:55:100.1"));
        assert_eq!(message(time(-1, 0, 5.0)), format!("{bad}-1:00:05"));
        assert_eq!(message(time(1, 60, f64::NAN)), format!("{bad}1:60:NaN"));
        assert_eq!(message(time(1, 0, f64::INFINITY)), format!("{bad}1:00:Infinity"));
        assert_eq!(message(time(1, 0, 1e10)), format!("{bad}1:00:1e+10"));
        assert_eq!(message(time(1, 0, -1e-5)), format!("{bad}1:00:-1e-05"));
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp((2000, 1, 1), (0, 0, 1.5)), Ok(1_500_000));
        assert_eq!(timestamp((1999, 12, 31), (24, 0, 0.0)), Ok(0));
        assert_eq!(timestamp((-4714, 11, 24), (0, 0, 0.0)), Ok(TIMESTAMPS.start));
        let last = timestamp((294_276, 12, 31), (24, 0, 0.0));
        assert_eq!(message(last), "timestamp out of range: 294276-12-31 24:00:00");
        let bc = timestamp((-44, 2, 30), (0, 0, 0.0));
        assert_eq!(message(bc), "date field value out of range: -44-02-30");
        let late = timestamp((6_000_000, 2, 3), (0, 0, 0.0));
        assert_eq!(message(late), "date out of range: 6000000-02-03");
        let far = timestamp((5_000_000, 2, 3), (1, 2, 3.25));
        assert_eq!(message(far), "timestamp out of range: 5000000-02-03 1:02:3.25");
    }

    #[test]
    fn intervals() {
        let made = interval([1, 2, 3, 4, 5, 6], 7.5);
        let expected = Interval::new(14, 25, 5 * HOUR + 6 * MINUTE + 7_500_000);
        assert_eq!(made, Ok(expected));
        let wrapped = interval([i32::MAX, 0, 0, 0, 0, 0], 0.0);
        assert_eq!(wrapped, Ok(Interval::new(-12, 0, 0)));
        assert_eq!(message(interval([0; 6], f64::NAN)), "interval out of range");
    }
}
