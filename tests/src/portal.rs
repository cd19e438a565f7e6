//! Reading a query in steps.

use std::error::Error;

use postgres::types::{FromSql, Type};
use postgres::{Client, Row};

/// A value as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(Vec<u8>);

impl<'a> FromSql<'a> for Bytes {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// A row, as it was sent.
pub type Sent = Vec<Option<Bytes>>;

/// The rows of `sql` through a portal of the extended protocol, `step` of them for each
/// message Execute, as fetch sizes of client libraries have it; 0 is all at once.
/// `between` runs after each step.
pub fn in_steps(
    client: &mut Client,
    sql: &str,
    step: i32,
    mut between: impl FnMut(),
) -> Result<Vec<Sent>, postgres::Error> {
    let mut transaction = client.transaction()?;
    let portal = transaction.bind(sql, &[])?;
    let mut rows = Vec::new();
    loop {
        let portion = transaction.query_portal(&portal, step)?;
        rows.extend(portion.iter().map(sent));
        between();
        if step == 0 || portion.len() < step as usize {
            break;
        }
    }
    transaction.commit()?;
    Ok(rows)
}

/// [`in_steps`] of a query that must not fail.
pub fn read_in_steps(
    client: &mut Client,
    sql: &str,
    step: i32,
    between: impl FnMut(),
) -> Vec<Sent> {
    in_steps(client, sql, step, between).unwrap_or_else(|error| panic!("{error}\n{sql}"))
}

fn sent(row: &Row) -> Sent {
    (0..row.len()).map(|column| row.get(column)).collect()
}
