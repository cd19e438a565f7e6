//! Random values, as the text PostgreSQL reads: everyday ones that match each other
//! often, and those at the edges of their types.

use crate::dice::Dice;
use crate::types::Ty;

/// A type's modifier, as a column has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modifier {
    /// None.
    Plain,
    /// `varchar(n)`, `char(n)`
    Length(u16),
    /// `numeric(precision, scale)`
    Scale(u16, i16),
    /// Digits after the second's point.
    Fraction(u8),
}

/// What kind of values to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taste {
    /// Small and ordinary: arithmetic does not fail, floating-point sums are exact,
    /// and what is equal looks equal.
    Tame,
    /// All the type has.
    Wild,
}

const WORDS: [&str; 36] = [
    "",
    " ",
    "a",
    "A",
    "b",
    "ab",
    "abc",
    "ABC",
    "Abc",
    "abcabc",
    "a ",
    " a",
    "b  ",
    "été",
    "Été",
    "ete",
    "日本語",
    "日本",
    "x%y_z",
    "100%",
    "back\\slash",
    "O'Neil",
    "42",
    "-7",
    "1.50",
    "2020-01-02",
    "true",
    "ß",
    "Straße",
    "İstanbul",
    "🙂",
    "e\u{301}te\u{301}",
    "tab\tnew\nline",
    "zebra",
    "foo bar baz",
    "ok",
];

const JSON: [&str; 10] = [
    r#"{"a": 1, "b": [1, 2, {"c": null}]}"#,
    r#"{"a": "x", "n": 1.50}"#,
    r#"{"a": null}"#,
    r#"{"b": true, "a": 2}"#,
    r#"{"é": "日本"}"#,
    "[1, 2, 3]",
    "[]",
    "{}",
    "null",
    "\"text\"",
];

/// A value of a type with a modifier.
pub fn value(dice: &mut Dice, ty: Ty, modifier: Modifier, taste: Taste) -> String {
    let wild = taste == Taste::Wild && dice.percent(60);
    match ty {
        Ty::Bool => (*dice.pick(&["t", "f"])).to_owned(),
        Ty::Int2 => integer(dice, wild, i16::MIN.into(), i16::MAX.into()),
        Ty::Int4 => integer(dice, wild, i32::MIN.into(), i32::MAX.into()),
        Ty::Int8 => integer(dice, wild, i64::MIN, i64::MAX),
        Ty::Float4 | Ty::Float8 => float(dice, ty, wild),
        Ty::Numeric => numeric(dice, modifier, wild),
        Ty::Date => date(dice, wild),
        Ty::Time => time(dice, wild),
        Ty::Timestamp => timestamp(dice, wild),
        Ty::Timestamptz => zoned(dice, wild),
        Ty::Interval => interval(dice, wild),
        Ty::Text | Ty::Varchar | Ty::Bpchar | Ty::Name => string(dice, ty, modifier, wild),
        Ty::Bytea => bytes(dice, wild),
        Ty::Uuid => format!("{:08x}-0000-4000-8000-{:012x}", dice.below(3), dice.below(9)),
        Ty::Oid if wild => (*dice.pick(&["0", "4294967295", "2147483648", "1"])).to_owned(),
        Ty::Oid => dice.below(20).to_string(),
        Ty::Mood => (*dice.pick(&["sad", "ok", "Angry", "happy", "a"])).to_owned(),
        Ty::Jsonb => (*dice.pick(&JSON)).to_owned(),
        Ty::Ints => integers(dice),
        Ty::Point => format!("({},{})", dice.between(-2, 2), dice.between(0, 3)),
    }
}

fn integer(dice: &mut Dice, wild: bool, min: i64, max: i64) -> String {
    if !wild {
        return dice.between(-5, 30).to_string();
    }
    let edges = [min, min + 1, max, max - 1, 0, -1, max / 2, max / 3, 10_000, -999];
    dice.pick(&edges).to_string()
}

fn float(dice: &mut Dice, ty: Ty, wild: bool) -> String {
    if !wild {
        let eighths = dice.between(-80, 800);
        // Display of an f64 is the shortest text that reads back as the same value.
        return (eighths as f64 / 8.0).to_string();
    }
    let common =
        ["NaN", "Infinity", "-Infinity", "-0", "0", "0.1", "-1.5", "1e15", "1e16", "123456.789"];
    let narrow = [
        "3.4e38",
        "-3.4e38",
        "1e-40",
        "1e-45",
        "16777216",
        "0.3333333",
        "1e6",
        "1e-5",
        "100000",
        "8388608.5",
    ];
    let broad = [
        "1.7976931348623157e308",
        "-1e308",
        "5e-324",
        "1e-310",
        "9007199254740993",
        "0.3333333333333333",
        "1e22",
        "1e-7",
        "9223372036854775807",
        "2147483647.5",
    ];
    let special = if ty == Ty::Float4 { narrow } else { broad };
    (*if dice.percent(50) { dice.pick(&common) } else { dice.pick(&special) }).to_owned()
}

fn numeric(dice: &mut Dice, modifier: Modifier, wild: bool) -> String {
    match modifier {
        Modifier::Scale(precision, scale) if wild => {
            let digits = usize::from(precision);
            let all = match dice.below(5) {
                0 => return "NaN".to_owned(),
                1 => "9".repeat(digits),
                2 => format!("1{}", "0".repeat(digits - 1)),
                3 => "1".to_owned(),
                _ => (0..digits).map(|_| char::from(b'0' + dice.below(10) as u8)).collect(),
            };
            let sign = if dice.percent(40) { "-" } else { "" };
            format!("{sign}{all}e{}", -scale)
        }
        Modifier::Scale(precision, scale) => {
            // Within every precision that columns have.
            let whole = if i32::from(precision) - i32::from(scale) < 3 { 9 } else { 30 };
            let cents = dice.between(-whole * 20, whole * 100);
            trimmed(cents as f64 / 100.0)
        }
        _ if wild => (*dice.pick(&[
            "NaN",
            "Infinity",
            "-Infinity",
            "0",
            "0.0",
            "0.00",
            "1",
            "1.0",
            "1.00",
            "1.500",
            "-1.50",
            "0.000000000000000000001",
            "99999999999999999999.5",
            "-12345678901234567890123456789012345678.9",
            "1e50",
            "1e-30",
            "10000",
            "9999.9999",
            "0.0001",
            "100000000",
            "123456789.123456789",
            "79228162514264337593543950336",
            "0.3333333333333333333333333333333333333333333333",
        ]))
        .to_owned(),
        _ => {
            let cents = dice.between(-500, 3000);
            let divisor = *dice.pick(&[1.0, 10.0, 100.0]);
            trimmed(cents as f64 / divisor)
        }
    }
}

/// A number with few digits, without blanks or needless zeros.
fn trimmed(number: f64) -> String {
    let text = format!("{number:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn date(dice: &mut Dice, wild: bool) -> String {
    if wild {
        return (*dice.pick(&[
            "infinity",
            "-infinity",
            "4713-01-01 BC",
            "0001-01-01",
            "0001-12-31 BC",
            "5874897-12-31",
            "2000-02-29",
            "1999-12-31",
            "2000-01-01",
            "1900-02-28",
            "1969-12-31",
            "9999-12-31",
            "0044-03-15 BC",
        ]))
        .to_owned();
    }
    format!("{}-{:02}-{:02}", dice.between(2019, 2021), dice.between(1, 12), dice.between(1, 28))
}

fn time(dice: &mut Dice, wild: bool) -> String {
    if wild {
        return (*dice.pick(&[
            "00:00:00",
            "24:00:00",
            "23:59:59.999999",
            "12:00:00.5",
            "00:00:00.000001",
        ]))
        .to_owned();
    }
    format!("{:02}:{:02}:00", dice.between(0, 23), dice.pick(&[0, 15, 30, 59]))
}

fn timestamp(dice: &mut Dice, wild: bool) -> String {
    if wild {
        return (*dice.pick(&[
            "infinity",
            "-infinity",
            "4713-01-02 00:00:00 BC",
            "0001-01-01 00:00:00",
            "0044-03-15 12:34:56.789 BC",
            "294276-12-31 23:59:59.999999",
            "2000-01-01 00:00:00",
            "1999-12-31 23:59:59.999999",
            "2000-02-29 12:00:00.5",
            "1970-01-01 00:00:00",
            "1899-12-31 23:59:00",
            "2021-03-14 02:30:00",
            "2020-12-31 23:59:59.999999",
            "10000-01-01 00:00:00",
        ]))
        .to_owned();
    }
    format!("{} {}", date(dice, false), time(dice, false))
}

fn zoned(dice: &mut Dice, wild: bool) -> String {
    if wild && dice.percent(40) {
        // Around changes of daylight saving time, and before time zones were round.
        return (*dice.pick(&[
            "2021-03-14 06:59:59.999999+00",
            "2021-03-14 07:00:00+00",
            "2021-11-07 05:30:00+00",
            "2021-11-07 06:30:00+00",
            "1883-11-18 12:00:00+00",
            "1901-12-13 20:45:52+00",
            "2038-01-19 03:14:08+00",
        ]))
        .to_owned();
    }
    let text = timestamp(dice, wild);
    match text.strip_suffix(" BC") {
        Some(text) => format!("{text}+00 BC"),
        None if text.ends_with("infinity") => text,
        None => format!("{text}+00"),
    }
}

fn interval(dice: &mut Dice, wild: bool) -> String {
    if wild {
        return (*dice.pick(&[
            "1 mon",
            "30 days",
            "-1 mon",
            "1 mon -30 days",
            "24:00:00",
            "1 day",
            "-00:00:00.000001",
            "178000000 years",
            "-178000000 years",
            "1 year 2 mons 3 days 04:05:06.789",
            "00:00:00",
            "720:00:00",
            "-1 day 23:59:59",
            "1 year",
            "12 mons",
            "360 days",
        ]))
        .to_owned();
    }
    format!("{} days {}", dice.between(0, 20), dice.pick(&["00:00:00", "06:30:00", "09:00:00"]))
}

fn string(dice: &mut Dice, ty: Ty, modifier: Modifier, wild: bool) -> String {
    let mut text = (*dice.pick(&WORDS)).to_owned();
    if wild && dice.percent(50) {
        let more = *dice.pick(&WORDS);
        text.push_str(more);
    }
    if wild && modifier == Modifier::Plain && ty == Ty::Text && dice.percent(10) {
        // Long enough to be compressed, or to be stored out of line.
        let count = dice.between(300, 9000) as usize;
        text = format!(
            "{text}{}",
            dice.pick(&["x", "long ", "é", "0123456789abcdef"]).repeat(count / 4)
        );
    }
    if let Modifier::Length(length) = modifier {
        text = text.chars().take(usize::from(length)).collect();
    }
    text
}

fn bytes(dice: &mut Dice, wild: bool) -> String {
    if wild {
        let length = *dice.pick(&[0, 1, 2, 13, 200]);
        return (0..length)
            .fold("\\x".to_owned(), |text, _| format!("{text}{:02x}", dice.below(256)));
    }
    (*dice.pick(&["\\x", "\\x00", "\\x61", "\\x6162", "\\xff", "\\xdeadbeef"])).to_owned()
}

fn integers(dice: &mut Dice) -> String {
    match dice.below(8) {
        0 => "{}".to_owned(),
        1 => "{NULL,1}".to_owned(),
        2 => "{{1,2},{3,4}}".to_owned(),
        _ => {
            let numbers: Vec<String> =
                (0..=dice.below(4)).map(|_| dice.between(-3, 12).to_string()).collect();
            format!("{{{}}}", numbers.join(","))
        }
    }
}

/// How large a value is: see [`Ty::safe_magnitude`]. Infinite for infinity and
/// not-a-number, 0 for types without a size.
pub fn magnitude(ty: Ty, text: &str) -> f64 {
    let number = |text: &str| text.parse::<f64>().map_or(f64::INFINITY, f64::abs);
    match ty {
        Ty::Int2 | Ty::Int4 | Ty::Int8 | Ty::Oid | Ty::Float4 | Ty::Float8 | Ty::Numeric => {
            let size = number(text);
            if size.is_nan() { f64::INFINITY } else { size }
        }
        Ty::Date | Ty::Timestamp | Ty::Timestamptz => {
            let year = number(text.split('-').next().unwrap_or_default());
            if text.ends_with("BC") {
                (year + 2000.0) * 366.0
            } else {
                ((year - 2000.0).abs() + 1.0) * 366.0
            }
        }
        Ty::Interval => interval_days(text),
        _ => 0.0,
    }
}

/// At least the days of an interval as [`value`] writes it.
fn interval_days(text: &str) -> f64 {
    let mut days = 0.0;
    let mut words = text.split(' ').peekable();
    while let Some(word) = words.next() {
        if let Some((hours, _)) = word.split_once(':') {
            days += hours.parse::<f64>().map_or(f64::INFINITY, |h| h.abs() / 24.0 + 1.0);
            continue;
        }
        let unit = match words.next().unwrap_or_default().trim_end_matches('s') {
            "year" => 366.0,
            "mon" => 31.0,
            _ => 1.0,
        };
        days += word.parse::<f64>().map_or(f64::INFINITY, |n| n.abs() * unit);
    }
    days
}

/// One bit of 64, the same for equal values of types that can be compared.
pub fn mark(ty: Ty, text: &str) -> u64 {
    // FNV-1a: the same everywhere, unlike the standard library's.
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    let is_number = ty.is_float() || ty == Ty::Numeric || Ty::INTEGERS.contains(&ty);
    let hash = match text.parse::<f64>() {
        Ok(number) if is_number => hash(&(number + 0.0).to_bits().to_le_bytes()),
        _ => hash(text.trim_end_matches(' ').as_bytes()),
    };
    1 << (hash >> 58)
}

/// Whether no other text of the type is equal to this one, as long as all texts are
/// of this kind.
pub fn is_canonical(ty: Ty, text: &str) -> bool {
    match ty {
        Ty::Numeric => {
            let fraction = text.split_once('.').map_or("1", |(_, fraction)| fraction);
            !fraction.ends_with('0') && !text.contains('e')
        }
        Ty::Float4 | Ty::Float8 => !text.starts_with("-0") || text.len() > 2,
        // "12 days 06:30:00": fewer than 30 days and 10 hours.
        Ty::Interval => text.split_once(" days 0").is_some_and(|(days, _)| days.len() <= 2),
        _ => true,
    }
}

/// Whether sums of such values, of thousands of them, are exact in the type, so that
/// their order does not matter. Infinity and not-a-number are.
pub fn is_summable(ty: Ty, text: &str) -> bool {
    if !ty.is_float() {
        return true;
    }
    let Ok(number) = text.parse::<f64>() else { return false };
    !number.is_finite() || (number.abs() <= 100.0 && (number * 8.0).fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tame_values_are_small_summable_and_canonical() {
        let mut dice = Dice::new(1, 0);
        for ty in Ty::ALL {
            for _ in 0..200 {
                let text = value(&mut dice, ty, Modifier::Plain, Taste::Tame);
                assert!(magnitude(ty, &text) <= 10_000.0, "{ty} {text}");
                assert!(is_summable(ty, &text), "{ty} {text}");
                assert!(is_canonical(ty, &text), "{ty} {text}");
            }
        }
    }

    #[test]
    fn wild_values_reach_the_edges() {
        let mut dice = Dice::new(2, 0);
        let texts: Vec<String> =
            (0..500).map(|_| value(&mut dice, Ty::Float8, Modifier::Plain, Taste::Wild)).collect();
        for edge in ["NaN", "-0", "Infinity"] {
            assert!(texts.iter().any(|text| text == edge), "{edge}");
        }
    }

    #[test]
    fn magnitudes() {
        assert_eq!(magnitude(Ty::Int4, "-7"), 7.0);
        assert_eq!(magnitude(Ty::Numeric, "NaN"), f64::INFINITY);
        assert_eq!(magnitude(Ty::Date, "2001-05-05"), 732.0);
        assert!(magnitude(Ty::Timestamp, "0044-03-15 12:00:00 BC") > 700_000.0);
        assert_eq!(magnitude(Ty::Timestamptz, "-infinity"), f64::INFINITY);
        assert_eq!(magnitude(Ty::Interval, "2 mons 3 days 48:00:00"), 68.0);
    }

    #[test]
    fn equal_values_have_the_same_mark() {
        assert_eq!(mark(Ty::Int4, "5"), mark(Ty::Numeric, "5.00"));
        assert_eq!(mark(Ty::Float8, "-0"), mark(Ty::Int2, "0"));
        assert_eq!(mark(Ty::Bpchar, "a "), mark(Ty::Text, "a"));
        assert_ne!(mark(Ty::Text, "1.0"), mark(Ty::Text, "1"));
    }

    #[test]
    fn look_alikes_are_not_canonical() {
        assert!(!is_canonical(Ty::Numeric, "1.0") && is_canonical(Ty::Numeric, "100"));
        assert!(!is_canonical(Ty::Float8, "-0") && is_canonical(Ty::Float8, "-0.5"));
        assert!(!is_canonical(Ty::Interval, "24:00:00"));
        assert!(is_canonical(Ty::Interval, "2 days 06:30:00"));
        assert!(!is_summable(Ty::Float8, "0.1") && is_summable(Ty::Float4, "NaN"));
    }
}
