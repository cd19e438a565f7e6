//! Julian days and the proleptic Gregorian calendar.
//!
//! Years here are astronomical, as in PostgreSQL's `pg_tm`: year 0 is 1 BC.

/// The Julian day of 1970-01-01 (`UNIX_EPOCH_JDATE`).
pub const UNIX_EPOCH_JULIAN: i32 = 2_440_588;
/// The Julian day of 2000-01-01 (`POSTGRES_EPOCH_JDATE`).
pub const EPOCH_JULIAN: i32 = 2_451_545;

const DAYS_IN_MONTH: [i32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// A day of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalendarDay {
    /// The astronomical year.
    pub year: i32,
    /// The month, from 1.
    pub month: i32,
    /// The day of the month, from 1.
    pub day: i32,
}

impl CalendarDay {
    /// The day with a Julian day number that is not negative (`j2date`).
    #[inline]
    pub fn from_julian(julian: i32) -> Self {
        const FOUR_CENTURIES: u32 = 146_097;
        const FOUR_YEARS: u32 = 1461;
        // Years start in March, so that the leap day is a year's last.
        let mut days = (julian as u32).wrapping_add(32_044);
        let quads = days / FOUR_CENTURIES;
        let extra = (days - quads * FOUR_CENTURIES) * 4 + 3;
        days = days.wrapping_add(60 + quads * 3 + extra / FOUR_CENTURIES);
        let quads = days / FOUR_YEARS;
        days -= quads * FOUR_YEARS;
        let year = days * 4 / FOUR_YEARS;
        days = if year != 0 { (days + 305) % 365 } else { (days + 306) % 366 } + 123;
        let month = days * 2141 / 65_536;
        Self {
            year: (year + quads * 4) as i32 - 4800,
            month: ((month + 10) % 12 + 1) as i32,
            day: (days - 7834 * month / 256) as i32,
        }
    }

    /// The Julian day number (`date2j`); right for all days that
    /// [`CalendarDay::is_julian`] lets pass.
    #[inline]
    pub fn julian(self) -> i32 {
        let (year, month) = match self.month > 2 {
            true => (self.year.wrapping_add(4800), self.month + 1),
            false => (self.year.wrapping_add(4799), self.month + 13),
        };
        let century = year / 100;
        let leap_days = year / 4 - century + century / 4;
        year.wrapping_mul(365)
            .wrapping_sub(32_167)
            .wrapping_add(leap_days)
            .wrapping_add(7834 * month / 256 + self.day)
    }

    /// Whether the Julian day fits (`IS_VALID_JULIAN`): a little more than the
    /// valid dates, exact to the month.
    pub fn is_julian(self) -> bool {
        let month = (self.year, self.month);
        ((-4713, 11)..(5_874_898, 6)).contains(&month)
    }

    /// The day of the week of this day, from Sunday, 0 (`j2day`).
    #[inline]
    pub fn weekday(self) -> i32 {
        weekday(self.julian())
    }

    /// The day of the year, from 1.
    pub fn day_of_year(self) -> i32 {
        self.julian() - Self { month: 1, day: 1, ..self }.julian() + 1
    }

    /// The ISO 8601 week and the astronomical year it belongs to
    /// (`date2isoweek`, `date2isoyear`).
    pub fn iso_week(self) -> (i32, i32) {
        let julian = self.julian();
        let mut year = self.year;
        if julian < iso_year_start(year) {
            year -= 1;
        } else if julian >= iso_year_start(year + 1) {
            year += 1;
        }
        ((julian - iso_year_start(year)) / 7 + 1, year)
    }
}

/// The day of the week of a Julian day, from Sunday, 0 (`j2day`).
#[inline]
pub fn weekday(julian: i32) -> i32 {
    julian.wrapping_add(1).rem_euclid(7)
}

/// The Julian day of the Monday that starts the first ISO week of `year`: the
/// week with January 4th in it (`isoweek2j`).
pub fn iso_year_start(year: i32) -> i32 {
    let fourth = CalendarDay { year, month: 1, day: 4 }.julian();
    fourth - weekday(fourth - 1)
}

/// Days in a month from 1 to 12 of an astronomical year.
pub fn days_in_month(year: i32, month: i32) -> i32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match (month, leap) {
        (2, true) => 29,
        _ => usize::try_from(month - 1)
            .ok()
            .and_then(|month| DAYS_IN_MONTH.get(month).copied())
            .unwrap_or_default(),
    }
}

/// The year as it is written: BC years are negative and there is no year zero.
pub fn written_year(year: i32) -> i32 {
    if year > 0 { year } else { year - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: i32, day: i32) -> CalendarDay {
        CalendarDay { year, month, day }
    }

    #[test]
    fn julian_days_go_back_and_forth() {
        let known = [
            (0, day(-4713, 11, 24)),
            (1_721_425, day(0, 12, 31)),
            (1_721_426, day(1, 1, 1)),
            (UNIX_EPOCH_JULIAN, day(1970, 1, 1)),
            (EPOCH_JULIAN, day(2000, 1, 1)),
            (EPOCH_JULIAN + 59, day(2000, 2, 29)),
            (109_203_528, day(294_277, 1, 1)),
            (2_147_483_493, day(5_874_897, 12, 31)),
        ];
        for (julian, day) in known {
            assert_eq!(CalendarDay::from_julian(julian), day);
            assert_eq!(day.julian(), julian);
            assert!(day.is_julian());
        }
        assert!(!day(-4713, 10, 31).is_julian());
        assert!(!day(5_874_898, 6, 1).is_julian());
    }

    #[test]
    fn days_follow_each_other() {
        // Four centuries around each edge: every leap rule, month and weekday.
        for start in [0, EPOCH_JULIAN - 73_000, 109_203_528 - 73_000, 2_147_483_493 - 146_097] {
            let mut last = CalendarDay::from_julian(start);
            for julian in start + 1..=start + 146_097 {
                let next = CalendarDay::from_julian(julian);
                let expected = if last.day < days_in_month(last.year, last.month) {
                    day(last.year, last.month, last.day + 1)
                } else if last.month < 12 {
                    day(last.year, last.month + 1, 1)
                } else {
                    day(last.year + 1, 1, 1)
                };
                assert_eq!(next, expected, "Julian day {julian}");
                assert_eq!(next.julian(), julian);
                assert_eq!(next.weekday(), (last.weekday() + 1) % 7);
                last = next;
            }
        }
    }

    #[test]
    fn iso_weeks_start_on_monday() {
        let iso = |y, m, d| day(y, m, d).iso_week();
        assert_eq!(iso(2005, 1, 1), (53, 2004));
        assert_eq!(iso(2005, 1, 3), (1, 2005));
        assert_eq!(iso(2008, 12, 29), (1, 2009));
        assert_eq!(iso(2010, 1, 3), (53, 2009));
        assert_eq!(iso(2020, 12, 31), (53, 2020));
        assert_eq!(iso(2021, 1, 1), (53, 2020));
        assert_eq!(iso(0, 12, 31), (52, 0));
        let mut last = day(1999, 12, 31).iso_week();
        for julian in EPOCH_JULIAN..EPOCH_JULIAN + 146_097 {
            let today = CalendarDay::from_julian(julian);
            let week = today.iso_week();
            assert_eq!(week != last, today.weekday() == 1, "{today:?}");
            last = week;
        }
    }

    #[test]
    fn weekdays_and_days_of_the_year() {
        assert_eq!(day(2000, 1, 1).weekday(), 6);
        assert_eq!(weekday(0), 1);
        assert_eq!(day(2024, 12, 31).day_of_year(), 366);
        assert_eq!(day(1900, 12, 31).day_of_year(), 365);
        assert_eq!((written_year(1), written_year(0), written_year(-4713)), (1, -1, -4714));
    }
}
