//! Whether two results are the same as far as PostgreSQL determines them.

use std::borrow::Cow;

use fusion_bench::connect::Rows;

use crate::determined::{Determined, Look, Rows as Which};

type Row = Vec<Option<String>>;

/// Where a result differs from PostgreSQL's own, in words; `None` when it does not.
pub fn difference(determined: &Determined, native: &Rows, forced: &Rows) -> Option<String> {
    if native.columns != forced.columns {
        return Some(format!("columns {:?} instead of {:?}", forced.columns, native.columns));
    }
    if native.rows.len() != forced.rows.len() {
        return Some(format!("{} rows instead of {}", forced.rows.len(), native.rows.len()));
    }
    let mut expected = tidied(native, &determined.looks);
    let mut actual = tidied(forced, &determined.looks);
    if determined.rows == Which::Bag {
        expected.sort();
        actual.sort();
    }
    if determined.rows != Which::Keys {
        for (number, (want, got)) in expected.iter().zip(&actual).enumerate() {
            if want != got {
                let place = if determined.rows == Which::Bag { "of the sorted rows " } else { "" };
                return Some(format!(
                    "row {} {place}is {} instead of {}",
                    number + 1,
                    show(got),
                    show(want)
                ));
            }
        }
    }
    // The order of the rows, as far as there is one.
    for (number, (want, got)) in native.rows.iter().zip(&forced.rows).enumerate() {
        for &key in &determined.keys {
            let (want, got) = (want.get(key).map(loosely), got.get(key).map(loosely));
            if want != got {
                return Some(format!(
                    "in row {}, sort key {} is not in order",
                    number + 1,
                    key + 1
                ));
            }
        }
    }
    None
}

fn tidied(rows: &Rows, looks: &[Look]) -> Vec<Row> {
    let tidy = |(index, value): (usize, &Option<String>)| match looks.get(index) {
        Some(Look::Loose) => loosely(value).map(Cow::into_owned),
        Some(Look::Open) => Some("any".to_owned()),
        _ => value.clone(),
    };
    rows.rows.iter().map(|row| row.iter().enumerate().map(tidy).collect()).collect()
}

/// One form for numbers that are equal, and for strings that differ in trailing blanks.
fn loosely(value: &Option<String>) -> Option<Cow<'_, str>> {
    let text = value.as_deref()?.trim_end_matches(' ');
    let is_decimal =
        text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-');
    let text = if is_decimal { text.trim_end_matches('0').trim_end_matches('.') } else { text };
    Some(Cow::Borrowed(if text == "-0" { "0" } else { text }))
}

/// A row, for messages; long values are cut.
fn show(row: &Row) -> String {
    let value = |value: &Option<String>| match value {
        None => "NULL".to_owned(),
        Some(text) if text.chars().count() > 60 => {
            format!(
                "{}... ({} characters)",
                text.chars().take(60).collect::<String>(),
                text.chars().count()
            )
        }
        Some(text) => text.clone(),
    };
    format!("({})", row.iter().map(value).collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[&[&str]]) -> Rows {
        let value = |text: &&str| (*text != "NULL").then(|| (*text).to_owned());
        Rows {
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: values.iter().map(|row| row.iter().map(value).collect()).collect(),
        }
    }

    fn determined(rows: Which, loose: [bool; 2], keys: &[usize]) -> Determined {
        let look = |loose| if loose { Look::Loose } else { Look::Exact };
        Determined { rows, looks: loose.map(look).to_vec(), keys: keys.to_vec() }
    }

    #[test]
    fn open_columns_show_any_row_of_the_group() {
        let looks = vec![Look::Exact, Look::Open];
        let open = Determined { rows: Which::Bag, looks, keys: Vec::new() };
        assert_eq!(difference(&open, &rows(&[&["1", "a"]]), &rows(&[&["1", "NULL"]])), None);
        assert!(difference(&open, &rows(&[&["1", "a"]]), &rows(&[&["2", "a"]])).is_some());
    }

    #[test]
    fn a_bag_has_no_order_but_counts() {
        let bag = determined(Which::Bag, [false; 2], &[]);
        let one = rows(&[&["1", "x"], &["2", "NULL"], &["1", "x"]]);
        assert_eq!(
            difference(&bag, &one, &rows(&[&["2", "NULL"], &["1", "x"], &["1", "x"]])),
            None
        );
        let other = rows(&[&["2", "NULL"], &["1", "x"], &["2", "NULL"]]);
        assert!(difference(&bag, &one, &other).unwrap().contains("(2|NULL) instead of (1|x)"));
        assert!(
            difference(&bag, &one, &rows(&[&["1", "x"]])).unwrap().contains("1 rows instead of 3")
        );
    }

    #[test]
    fn null_is_not_the_empty_string() {
        let bag = determined(Which::Bag, [false; 2], &[]);
        assert!(difference(&bag, &rows(&[&["1", ""]]), &rows(&[&["1", "NULL"]])).is_some());
    }

    #[test]
    fn sorted_rows_come_in_order() {
        let one = rows(&[&["1", "x"], &["2", "y"]]);
        let other = rows(&[&["2", "y"], &["1", "x"]]);
        assert!(difference(&determined(Which::Ordered, [false; 2], &[]), &one, &other).is_some());
        let by_first = determined(Which::Bag, [false; 2], &[0]);
        assert!(difference(&by_first, &one, &other).unwrap().contains("sort key 1"));
        // Rows that are equal for the order may change places.
        let tied = rows(&[&["1", "x"], &["1", "y"]]);
        let swapped = rows(&[&["1", "y"], &["1", "x"]]);
        assert_eq!(difference(&by_first, &tied, &swapped), None);
    }

    #[test]
    fn under_a_limit_only_keys_may_count() {
        let keys = determined(Which::Keys, [false; 2], &[0]);
        assert_eq!(difference(&keys, &rows(&[&["1", "x"]]), &rows(&[&["1", "y"]])), None);
        assert!(difference(&keys, &rows(&[&["1", "x"]]), &rows(&[&["2", "x"]])).is_some());
    }

    #[test]
    fn loose_columns_forgive_the_look_only() {
        let loose = determined(Which::Bag, [true, false], &[]);
        let same = [("1.50", "1.5"), ("-0", "0"), ("2.00", "2"), ("a  ", "a"), ("0.00", "-0")];
        for (one, other) in same {
            assert_eq!(difference(&loose, &rows(&[&[one, "x"]]), &rows(&[&[other, "x"]])), None);
        }
        assert!(difference(&loose, &rows(&[&["100", "x"]]), &rows(&[&["1", "x"]])).is_some());
        assert!(difference(&loose, &rows(&[&["1", "1.50"]]), &rows(&[&["1", "1.5"]])).is_some());
    }
}
