//! PostgreSQL's names of units.

use fusion_plan::{DataType, DatetimeUnit};

/// Names are compared up to this length (`TOKMAXLEN`), so `microseconds` is
/// what its first ten letters are, whatever follows them.
const SIGNIFICANT: usize = 10;

/// The unit that `name` is to `date_trunc`, if it is one of an interval's
/// (`DecodeUnits`), in upper or lower case.
fn interval_unit(name: &[u8]) -> Option<DatetimeUnit> {
    use DatetimeUnit::*;
    Some(match name {
        b"us" | b"usec" | b"usecond" | b"useconds" | b"usecs" | b"microsecon" => Microsecond,
        b"ms" | b"msec" | b"msecond" | b"mseconds" | b"msecs" | b"millisecon" => Millisecond,
        b"s" | b"sec" | b"second" | b"seconds" | b"secs" => Second,
        b"m" | b"min" | b"mins" | b"minute" | b"minutes" => Minute,
        b"h" | b"hour" | b"hours" | b"hr" | b"hrs" => Hour,
        b"d" | b"day" | b"days" => Day,
        b"w" | b"week" | b"weeks" => Week,
        b"mon" | b"mons" | b"month" | b"months" => Month,
        b"qtr" | b"quarter" => Quarter,
        b"y" | b"year" | b"years" | b"yr" | b"yrs" => Year,
        b"dec" | b"decade" | b"decades" | b"decs" => Decade,
        b"c" | b"cent" | b"centuries" | b"century" => Century,
        b"mil" | b"millennia" | b"millennium" | b"mils" => Millennium,
        _ => return None,
    })
}

/// The unit that `name` is to `extract` beyond those of an interval
/// (`DecodeSpecial`).
fn special_unit(name: &[u8]) -> Option<DatetimeUnit> {
    use DatetimeUnit::*;
    Some(match name {
        b"epoch" => Epoch,
        b"dow" => DayOfWeek,
        b"isodow" => IsoDayOfWeek,
        b"doy" => DayOfYear,
        b"isoyear" => IsoYear,
        b"j" | b"jd" | b"julian" => Julian,
        b"mm" => Minute,
        _ => return None,
    })
}

fn significant(name: &str) -> Vec<u8> {
    name.bytes().take(SIGNIFICANT).map(|byte| byte.to_ascii_lowercase()).collect()
}

/// The unit that `name` is to `extract` and `date_part` from values of type
/// `ty`; `None` where PostgreSQL reports an error, or has a rule of its own for
/// time zones.
pub fn extracted(ty: DataType, name: &str) -> Option<DatetimeUnit> {
    let name = significant(name);
    interval_unit(&name).or_else(|| special_unit(&name)).filter(|unit| can_extract(ty, *unit))
}

/// The unit that `name` is to `date_trunc` of values of type `ty`; `None` where
/// PostgreSQL reports an error.
pub fn truncated(ty: DataType, name: &str) -> Option<DatetimeUnit> {
    interval_unit(&significant(name)).filter(|unit| can_truncate(ty, *unit))
}

/// Whether values of type `ty` have the field `unit`.
pub fn can_extract(ty: DataType, unit: DatetimeUnit) -> bool {
    use DatetimeUnit::*;
    match ty {
        DataType::Date => !matches!(unit, Microsecond | Millisecond | Second | Minute | Hour),
        DataType::Timestamp => true,
        DataType::Time => {
            matches!(unit, Microsecond | Millisecond | Second | Minute | Hour | Epoch)
        }
        DataType::Interval => {
            !matches!(unit, Week | Julian | DayOfWeek | IsoDayOfWeek | DayOfYear | IsoYear)
        }
        _ => false,
    }
}

/// Whether values of type `ty` can be cut off below `unit`.
pub fn can_truncate(ty: DataType, unit: DatetimeUnit) -> bool {
    use DatetimeUnit::*;
    let special = matches!(unit, Julian | DayOfWeek | IsoDayOfWeek | DayOfYear | IsoYear | Epoch);
    match ty {
        DataType::Timestamp => !special,
        DataType::Interval => !special && unit != Week,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DatetimeUnit::*;

    #[test]
    fn names_are_those_of_postgresql() {
        let of = |name| extracted(DataType::Timestamp, name);
        assert_eq!(of("YEAR"), Some(Year));
        assert_eq!(of("Mon"), Some(Month));
        assert_eq!(of("m"), Some(Minute));
        assert_eq!(of("mm"), Some(Minute));
        assert_eq!(of("dec"), Some(Decade));
        assert_eq!(of("usecs"), Some(Microsecond));
        assert_eq!(of("microseconds"), Some(Microsecond));
        assert_eq!(of("MICROSECONDS of anything"), Some(Microsecond));
        assert_eq!(of("millenniums"), Some(Millennium));
        assert_eq!(of("JD"), Some(Julian));
        for unknown in
            ["", "sun", "january", "timezone", "timezone_hour", "now", "ago", "@", "jahr"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn types_have_their_units() {
        assert_eq!(extracted(DataType::Date, "hour"), None);
        assert_eq!(extracted(DataType::Date, "isodow"), Some(IsoDayOfWeek));
        assert_eq!(extracted(DataType::Time, "day"), None);
        assert_eq!(extracted(DataType::Time, "epoch"), Some(Epoch));
        assert_eq!(extracted(DataType::Interval, "week"), None);
        assert_eq!(extracted(DataType::Interval, "quarter"), Some(Quarter));
        assert_eq!(extracted(DataType::TimestampTz, "epoch"), None);
        assert_eq!(truncated(DataType::Timestamp, "week"), Some(Week));
        assert_eq!(truncated(DataType::Interval, "week"), None);
        assert_eq!(truncated(DataType::Timestamp, "epoch"), None);
        assert_eq!(truncated(DataType::Timestamp, "mm"), None);
    }
}
