//! The 22 TPC-H queries with the validation parameters of the specification,
//! each one statement (Q15 has its view as a WITH query).

use anyhow::{Context, Result, bail};

/// One TPC-H query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// 1 to 22.
    pub number: usize,
    /// `q01` to `q22`.
    pub name: &'static str,
    /// The statement, with a comment line before it and a semicolon after it.
    pub sql: &'static str,
}

macro_rules! queries {
    ($($number:literal $name:literal),* $(,)?) => {
        &[$(Query {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../queries/", $name, ".sql")),
        }),*]
    };
}

/// All queries, in order.
pub const QUERIES: &[Query] = queries![
    1 "q01", 2 "q02", 3 "q03", 4 "q04", 5 "q05", 6 "q06", 7 "q07", 8 "q08",
    9 "q09", 10 "q10", 11 "q11", 12 "q12", 13 "q13", 14 "q14", 15 "q15", 16 "q16",
    17 "q17", 18 "q18", 19 "q19", 20 "q20", 21 "q21", 22 "q22",
];

/// The queries a list such as `1,3,q05` names, in that order; all for an empty list.
pub fn select(list: &str) -> Result<Vec<Query>> {
    if list.trim().is_empty() {
        return Ok(QUERIES.to_vec());
    }
    list.split(',')
        .map(|item| {
            let digits = item.trim().trim_start_matches(['q', 'Q']);
            let number: usize =
                digits.parse().with_context(|| format!("not a query number: {item:?}"))?;
            match QUERIES.iter().find(|q| q.number == number) {
                Some(query) => Ok(*query),
                None => bail!("TPC-H has queries 1 to 22, not {number}"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_is_one_statement() {
        assert_eq!(QUERIES.len(), 22);
        for (index, query) in QUERIES.iter().enumerate() {
            assert_eq!(query.number, index + 1);
            assert_eq!(query.name, format!("q{:02}", query.number));
            assert_eq!(query.sql.matches(';').count(), 1, "{}", query.name);
            assert!(query.sql.trim_end().ends_with(';'), "{}", query.name);
        }
    }

    #[test]
    fn selections() {
        let names =
            |list: &str| select(list).unwrap().iter().map(|q| q.name).collect::<Vec<_>>().join(" ");
        assert_eq!(names("1,3, q22"), "q01 q03 q22");
        assert_eq!(select("").unwrap().len(), 22);
        assert!(select("0").is_err());
        assert!(select("23").is_err());
        assert!(select("one").is_err());
    }
}
