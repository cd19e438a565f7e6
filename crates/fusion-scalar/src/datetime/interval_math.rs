//! Arithmetic of intervals.

use super::interval::Interval;
use super::limits::{DAY, SECOND, interval_out_of_range};
use fusion_plan::PgError;

const DAYS_PER_MONTH: i32 = 30;
const SECONDS_PER_DAY: f64 = 86_400.0;

/// `interval + interval` (`interval_pl`), field by field.
///
/// # Errors
///
/// `interval out of range`.
pub fn add(left: Interval, right: Interval) -> Result<Interval, PgError> {
    checked(
        left.months.checked_add(right.months),
        left.days.checked_add(right.days),
        left.microseconds.checked_add(right.microseconds),
    )
}

/// `interval - interval` (`interval_mi`), field by field.
///
/// # Errors
///
/// `interval out of range`.
pub fn sub(left: Interval, right: Interval) -> Result<Interval, PgError> {
    checked(
        left.months.checked_sub(right.months),
        left.days.checked_sub(right.days),
        left.microseconds.checked_sub(right.microseconds),
    )
}

/// `- interval` (`interval_um`), field by field.
///
/// # Errors
///
/// `interval out of range`.
pub fn neg(interval: Interval) -> Result<Interval, PgError> {
    sub(Interval::default(), interval)
}

fn checked(
    months: Option<i32>,
    days: Option<i32>,
    microseconds: Option<i64>,
) -> Result<Interval, PgError> {
    match (months, days, microseconds) {
        (Some(months), Some(days), Some(microseconds)) => {
            Ok(Interval { months, days, microseconds })
        }
        _ => Err(interval_out_of_range()),
    }
}

/// `interval * float8` and `float8 * interval` (`interval_mul`). Fractions of
/// months become days, fractions of days become seconds.
///
/// # Errors
///
/// `interval out of range`.
pub fn mul(interval: Interval, factor: f64) -> Result<Interval, PgError> {
    scaled(interval, |field| field * factor)
}

/// `interval / float8` (`interval_div`), see [`mul`].
///
/// # Errors
///
/// `division by zero`, `interval out of range`.
pub fn div(interval: Interval, divisor: f64) -> Result<Interval, PgError> {
    if divisor == 0.0 {
        return Err(PgError::division_by_zero());
    }
    scaled(interval, |field| field / divisor)
}

/// The common part of `interval_mul` and `interval_div`, in the same floating
/// point operations and the same order.
fn scaled(interval: Interval, scale: impl Fn(f64) -> f64) -> Result<Interval, PgError> {
    let months_exact = scale(f64::from(interval.months));
    let days_exact = scale(f64::from(interval.days));
    let months = to_i32(months_exact)?;
    let mut days = to_i32(days_exact)?;

    let month_days = to_microsecond((months_exact - f64::from(months)) * f64::from(DAYS_PER_MONTH));
    let whole_month_days = month_days.trunc();
    let mut seconds = to_microsecond(
        (days_exact - f64::from(days) + month_days - whole_month_days) * SECONDS_PER_DAY,
    );
    if seconds.abs() >= SECONDS_PER_DAY {
        let whole = (seconds / SECONDS_PER_DAY).trunc();
        days = days.checked_add(whole as i32).ok_or_else(interval_out_of_range)?;
        seconds -= whole * SECONDS_PER_DAY;
    }
    days = days.checked_add(whole_month_days as i32).ok_or_else(interval_out_of_range)?;
    let time = scale(interval.microseconds as f64) + seconds * SECOND as f64;
    Ok(Interval { months, days, microseconds: to_i64(time.round_ties_even())? })
}

/// Rounds seconds or days to six digits after the point (`TSROUND`).
fn to_microsecond(value: f64) -> f64 {
    const PRECISION: f64 = 1_000_000.0;
    (value * PRECISION).round_ties_even() / PRECISION
}

fn to_i32(value: f64) -> Result<i32, PgError> {
    const END: f64 = -(i32::MIN as f64);
    match (-END..END).contains(&value) {
        true => Ok(value as i32),
        false => Err(interval_out_of_range()),
    }
}

fn to_i64(value: f64) -> Result<i64, PgError> {
    const END: f64 = -(i64::MIN as f64);
    match (-END..END).contains(&value) {
        true => Ok(value as i64),
        false => Err(interval_out_of_range()),
    }
}

/// `justify_hours` (`interval_justify_hours`): whole days out of the
/// microseconds, one sign for both.
///
/// # Errors
///
/// `interval out of range`.
pub fn justify_hours(interval: Interval) -> Result<Interval, PgError> {
    let whole = (interval.microseconds / DAY) as i32;
    let days = interval.days.checked_add(whole).ok_or_else(interval_out_of_range)?;
    let (days, microseconds) = same_sign_day(days, interval.microseconds % DAY);
    Ok(Interval { days, microseconds, ..interval })
}

/// `justify_days` (`interval_justify_days`): months of 30 days out of the
/// days, one sign for both.
///
/// # Errors
///
/// `interval out of range`.
pub fn justify_days(interval: Interval) -> Result<Interval, PgError> {
    let (mut months, mut days) = carry_months(interval.months, interval.days)?;
    if months > 0 && days < 0 {
        days += DAYS_PER_MONTH;
        months -= 1;
    } else if months < 0 && days > 0 {
        days -= DAYS_PER_MONTH;
        months += 1;
    }
    Ok(Interval { months, days, ..interval })
}

/// `justify_interval` (`interval_justify_interval`): both of them, one sign
/// for all three fields.
///
/// # Errors
///
/// `interval out of range`.
pub fn justify_interval(interval: Interval) -> Result<Interval, PgError> {
    let Interval { mut months, mut days, microseconds } = interval;
    // Carrying first keeps the days small where the addition could overflow.
    if (days > 0 && microseconds > 0) || (days < 0 && microseconds < 0) {
        (months, days) = carry_months(months, days)?;
    }
    days += (microseconds / DAY) as i32;
    let time = microseconds % DAY;
    (months, days) = carry_months(months, days)?;
    if months > 0 && (days < 0 || (days == 0 && time < 0)) {
        days += DAYS_PER_MONTH;
        months -= 1;
    } else if months < 0 && (days > 0 || (days == 0 && time > 0)) {
        days -= DAYS_PER_MONTH;
        months += 1;
    }
    let (days, microseconds) = same_sign_day(days, time);
    Ok(Interval { months, days, microseconds })
}

fn carry_months(months: i32, days: i32) -> Result<(i32, i32), PgError> {
    let months = months.checked_add(days / DAYS_PER_MONTH).ok_or_else(interval_out_of_range)?;
    Ok((months, days % DAYS_PER_MONTH))
}

/// Moves a day between days and a time of less than a day where their signs
/// differ.
fn same_sign_day(days: i32, time: i64) -> (i32, i64) {
    if days > 0 && time < 0 {
        (days - 1, time + DAY)
    } else if days < 0 && time > 0 {
        (days + 1, time - DAY)
    } else {
        (days, time)
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::HOUR;
    use super::*;

    fn interval(months: i32, days: i32, microseconds: i64) -> Interval {
        Interval::new(months, days, microseconds)
    }

    #[test]
    fn sums_do_not_carry() {
        let sum = add(interval(1, 40, 30 * HOUR), interval(11, -1, 0));
        assert_eq!(sum, Ok(interval(12, 39, 30 * HOUR)));
        assert!(add(interval(i32::MAX, 0, 0), interval(1, 0, 0)).is_err());
        assert!(sub(interval(0, i32::MIN, 0), interval(0, 1, 0)).is_err());
        assert!(sub(interval(0, 0, i64::MIN), interval(0, 0, 1)).is_err());
        assert_eq!(neg(interval(1, -2, 3)), Ok(interval(-1, 2, -3)));
        for smallest in
            [interval(i32::MIN, 0, 0), interval(0, i32::MIN, 0), interval(0, 0, i64::MIN)]
        {
            assert_eq!(neg(smallest).unwrap_err().message, "interval out of range");
        }
    }

    #[test]
    fn fractions_cascade_down() {
        assert_eq!(mul(interval(1, 0, 0), 1.5), Ok(interval(1, 15, 0)));
        assert_eq!(mul(interval(0, 1, 0), 1.5), Ok(interval(0, 1, 12 * HOUR)));
        assert_eq!(div(interval(1, 0, 0), 7.0), Ok(interval(0, 4, 24_685_689_600)));
        assert_eq!(mul(interval(-1, -1, -1), 0.5), Ok(interval(0, -15, -12 * HOUR)));
        assert_eq!(div(interval(1, 2, 3), f64::INFINITY), Ok(interval(0, 0, 0)));
        assert!(mul(interval(0, 0, 0), f64::INFINITY).is_err());
        assert!(mul(interval(0, 0, 0), f64::NAN).is_err());
        assert!(div(interval(1, 1, 1), f64::NAN).is_err());
        assert!(mul(interval(i32::MAX, 0, 0), 2.0).is_err());
        assert!(mul(interval(0, 0, i64::MAX), 1.0).is_err());
        assert_eq!(mul(interval(0, 0, i64::MIN), 1.0), Ok(interval(0, 0, i64::MIN)));
        assert_eq!(div(interval(1, 0, 0), -0.0).unwrap_err().sqlstate.as_str(), "22012");
    }

    #[test]
    fn justified_fields_agree_in_sign() {
        assert_eq!(justify_hours(interval(0, 1, -HOUR)), Ok(interval(0, 0, 23 * HOUR)));
        assert_eq!(justify_hours(interval(0, 0, 49 * HOUR)), Ok(interval(0, 2, HOUR)));
        assert_eq!(justify_days(interval(1, -45, 0)), Ok(interval(0, -15, 0)));
        assert_eq!(justify_days(interval(2, -45, 0)), Ok(interval(0, 15, 0)));
        assert_eq!(justify_interval(interval(1, -1, 0)), Ok(interval(0, 29, 0)));
        assert_eq!(justify_interval(interval(1, 0, -HOUR)), Ok(interval(0, 29, 23 * HOUR)));
        assert_eq!(justify_interval(interval(-1, 1, HOUR)), Ok(interval(0, -28, -23 * HOUR)));
        assert!(justify_hours(interval(0, i32::MAX, DAY)).is_err());
        assert!(justify_days(interval(i32::MAX, 30, 0)).is_err());
        assert!(justify_interval(interval(i32::MAX, 30, 0)).is_err());
    }

    #[test]
    fn justifying_keeps_the_span() {
        let times = [i64::MIN, -DAY - 1, -DAY, -1, 0, 1, DAY, 3 * DAY + 1, i64::MAX];
        let days = [i32::MIN, -61, -30, -1, 0, 1, 30, 61, i32::MAX];
        for months in [-2, -1, 0, 1, 2] {
            for day in days {
                for time in times {
                    let value = interval(months, day, time);
                    let justified = justify_interval(value).unwrap();
                    assert_eq!(justified.span(), value.span(), "{value:?}");
                    let signs = [
                        justified.months.signum() as i64,
                        justified.days.signum() as i64,
                        justified.microseconds.signum(),
                    ];
                    assert!(!(signs.contains(&1) && signs.contains(&-1)), "{justified:?}");
                }
            }
        }
    }
}
