//! One thing to try: a query on tables, with settings, run in some way.

use std::rc::Rc;

use crate::ast::Query;
use crate::print::{literal_sql, parametrized_sql, sql};
use crate::schema::Schema;

/// A case.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The tables.
    pub schema: Rc<Schema>,
    /// Statements that come before the query.
    pub settings: Vec<String>,
    /// How the query is run.
    pub manner: Manner,
    /// The query.
    pub query: Query,
}

/// How a query is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it is.
    Plain,
    /// As a prepared statement with a generic plan, its constants as parameters.
    Prepared,
    /// Through a cursor, some rows first.
    Cursor,
}

/// The statements of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Statements before.
    pub prepare: Vec<String>,
    /// The statement with the result.
    pub run: String,
    /// What EXPLAIN explains.
    pub explain: String,
}

impl Case {
    /// The statements to run it.
    pub fn program(&self) -> Program {
        let mut prepare = self.settings.clone();
        match self.manner {
            Manner::Plain => {
                let sql = sql(&self.query);
                Program { prepare, run: sql.clone(), explain: sql }
            }
            Manner::Prepared => {
                let (sql, parameters) = parametrized_sql(&self.query);
                let types: Vec<&str> = parameters.iter().map(|literal| literal.ty.name()).collect();
                let values: Vec<String> = parameters.iter().map(literal_sql).collect();
                let list = |items: &str| {
                    if items.is_empty() { String::new() } else { format!("({items})") }
                };
                prepare.push("SET plan_cache_mode = force_generic_plan;".to_owned());
                prepare.push(format!("PREPARE q{} AS {sql};", list(&types.join(", "))));
                let execute = format!("EXECUTE q{}", list(&values.join(", ")));
                Program { prepare, run: execute.clone(), explain: execute }
            }
            Manner::Cursor => {
                let declare = format!("DECLARE c NO SCROLL CURSOR FOR {}", sql(&self.query));
                let run = format!("BEGIN; {declare}; FETCH 3 FROM c; FETCH ALL FROM c; COMMIT");
                Program { prepare, run, explain: declare }
            }
        }
    }
}
