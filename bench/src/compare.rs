//! Two results are equal when every byte of them is: column names, the order of
//! the rows, NULLs, and the text of each value.

use crate::connect::Rows;

/// Where `actual` first differs from `expected`, in words; `None` when it does not.
pub fn difference(expected: &Rows, actual: &Rows) -> Option<String> {
    if expected.columns != actual.columns {
        return Some(format!("columns {:?} instead of {:?}", actual.columns, expected.columns));
    }
    for (index, (want, got)) in expected.rows.iter().zip(&actual.rows).enumerate() {
        if want != got {
            return Some(format!("row {}: {} instead of {}", index + 1, show(got), show(want)));
        }
    }
    if expected.rows.len() != actual.rows.len() {
        return Some(format!("{} rows instead of {}", actual.rows.len(), expected.rows.len()));
    }
    None
}

fn show(row: &[Option<String>]) -> String {
    let values: Vec<&str> = row.iter().map(|v| v.as_deref().unwrap_or("NULL")).collect();
    format!("({})", values.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(values: &[&[Option<&str>]]) -> Rows {
        Rows {
            columns: vec!["a".to_owned(), "b".to_owned()],
            rows: values
                .iter()
                .map(|row| row.iter().map(|v| v.map(str::to_owned)).collect())
                .collect(),
        }
    }

    #[test]
    fn equal_results_do_not_differ() {
        let one = rows(&[&[Some("1"), None], &[Some("2"), Some("x")]]);
        assert_eq!(difference(&one, &one.clone()), None);
    }

    #[test]
    fn every_kind_of_difference_is_seen() {
        let base = rows(&[&[Some("1.0"), None], &[Some("2"), Some("x")]]);
        let scale = rows(&[&[Some("1.00"), None], &[Some("2"), Some("x")]]);
        assert_eq!(difference(&base, &scale).unwrap(), "row 1: (1.00|NULL) instead of (1.0|NULL)");
        let null = rows(&[&[Some("1.0"), Some("")], &[Some("2"), Some("x")]]);
        assert!(difference(&base, &null).unwrap().starts_with("row 1"));
        let order = rows(&[&[Some("2"), Some("x")], &[Some("1.0"), None]]);
        assert!(difference(&base, &order).unwrap().starts_with("row 1"));
        let short = rows(&[&[Some("1.0"), None]]);
        assert_eq!(difference(&base, &short).unwrap(), "1 rows instead of 2");
        let mut renamed = base.clone();
        renamed.columns[0] = "c".to_owned();
        assert!(difference(&base, &renamed).unwrap().starts_with("columns"));
    }
}
