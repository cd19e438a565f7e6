//! The ways in which a query is run and its rows are read, as steps.

use crate::ast::{Literal, Query};
use crate::case::Basis;
use crate::cursor::{Cursor, Move, REST};
use crate::determined::{Look, Rows, determined, stored};
use crate::print::{literal_sql, parametrized_sql, sql};

/// How a query is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it is.
    Plain,
    /// As a prepared statement with a generic plan, its constants as parameters; executed
    /// with these, with others, and with these again.
    Prepared,
    /// Through a portal of the extended protocol, so many rows at a time.
    Portal(u32),
    /// Through a cursor, so many rows at a time.
    Fetch(u32),
    /// Through a cursor in both directions.
    Cursor(Cursor),
    /// In a loop of a PL/pgSQL function.
    Loop,
    /// In an SQL function in the target list, which reads one row at a time.
    Function,
    /// The same, for its first row only.
    FirstRow,
    /// By CREATE TABLE AS; content and stored sizes are compared.
    Create,
    /// By INSERT into a table that compresses in another way; the same is compared.
    Insert,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A statement; what it gives is compared as said.
    Run(String, About),
    /// Reads a portal to its end.
    Portal(String, u32),
    /// Reads the cursor `c` of the query to its end.
    Fetch(u32, String),
    /// Moves through the cursor `c`.
    Moves(Vec<Move>),
}

/// What rows are about: how they can be compared.
///
/// Of two that differ, the lesser holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Nothing.
    Nothing,
    /// They are some rows of the query's result, at the same places.
    Part,
    /// They are the query's result.
    Result,
    /// Each is a row of the query's result as one text.
    Composite,
    /// They are always the same, in any order.
    Bag,
    /// They are always the same, in their order.
    List,
}

/// How a query is run: the statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    /// What comes before; it gives nothing.
    pub prepare: Vec<String>,
    /// What is compared.
    pub steps: Vec<Step>,
    /// What EXPLAIN explains.
    pub explain: String,
}

/// The sequence that `nextval` in queries is about.
pub const SEQUENCE: &str = "fz_seq";

impl Manner {
    /// The statements for a query.
    pub fn steps(&self, query: &Query, basis: Basis) -> Steps {
        let text = sql(query);
        let mut prepare = Vec::new();
        let run = |sql: &str, about| Step::Run(sql.to_owned(), about);
        let begin = || run("BEGIN", About::Nothing);
        let mut explain = text.clone();
        let steps = match self {
            Self::Plain => vec![Step::Run(text, About::Result)],
            Self::Prepared => {
                let (sql, parameters) = parametrized_sql(query);
                let types: Vec<&str> = parameters.iter().map(|literal| literal.ty.name()).collect();
                prepare.push("SET plan_cache_mode = force_generic_plan;".to_owned());
                prepare.push(format!("PREPARE q{} AS {sql};", list(&types)));
                let values: Vec<String> = parameters.iter().map(literal_sql).collect();
                explain = format!("EXECUTE q{}", list(&values));
                let others = other_constants(query, basis).map(|values| list(&values));
                let others = others.map(|list| format!("EXECUTE q{list}"));
                let own = run(&explain, About::Result);
                match others {
                    None => vec![own.clone(), own],
                    Some(other) => vec![own.clone(), run(&other, About::Result), own],
                }
            }
            Self::Portal(step) => vec![begin(), Step::Portal(text, *step)],
            Self::Fetch(step) => {
                explain = format!("DECLARE c NO SCROLL CURSOR FOR {text}");
                vec![begin(), run(&explain, About::Nothing), Step::Fetch(*step, text)]
            }
            Self::Cursor(cursor) => {
                explain = cursor.declare(&text);
                let mut steps = vec![begin(), run(&explain, About::Nothing)];
                if cursor.hold {
                    steps.push(run("COMMIT", About::Nothing));
                }
                let moves = cursor.moves.iter().copied().chain([REST]);
                steps.push(Step::Moves(moves.collect()));
                steps
            }
            Self::Loop => {
                prepare.push(format!(
                    "CREATE OR REPLACE FUNCTION fz_loop() RETURNS SETOF text LANGUAGE plpgsql \
                     STABLE AS $$ DECLARE r record; BEGIN FOR r IN {text} LOOP \
                     RETURN NEXT r::text; END LOOP; END $$;"
                ));
                vec![run("SELECT fz_loop()", About::Composite)]
            }
            Self::Function | Self::FirstRow => {
                let (name, set) =
                    if *self == Self::Function { ("fz_rows", "SETOF ") } else { ("fz_row", "") };
                prepare.push(format!(
                    "CREATE OR REPLACE FUNCTION {name}() RETURNS {set}record LANGUAGE sql \
                     STABLE AS $$ {text} $$;"
                ));
                let is_first = determined(query, basis).is_some_and(|d| d.rows == Rows::Ordered)
                    || is_one_group(query);
                let any = *self == Self::FirstRow && !is_first;
                let about = if any { About::Nothing } else { About::Composite };
                vec![run(&format!("SELECT {name}()"), about)]
            }
            Self::Create | Self::Insert => {
                prepare.push("DROP TABLE IF EXISTS fz_into;".to_owned());
                explain = format!("CREATE TABLE fz_into AS {text}");
                let mut steps = Vec::new();
                if *self == Self::Insert {
                    prepare.push("SET default_toast_compression = 'lz4';".to_owned());
                    prepare.push(format!("{explain} WITH NO DATA;"));
                    explain = format!("INSERT INTO fz_into {text}");
                }
                steps.push(run(&explain, About::Nothing));
                // It is read by PostgreSQL alone, in the order in which it was filled.
                steps.push(run("SET enable_fusion_customscan = off", About::Nothing));
                steps.push(run("SET max_parallel_workers_per_gather = 0", About::Nothing));
                steps.push(run("SELECT * FROM fz_into", About::Result));
                if has_stored_form(query, basis) {
                    steps.push(Step::Run(stored_form(query), About::Bag));
                }
                steps
            }
        };
        let mut steps = Steps { prepare, steps, explain };
        if uses_sequence(query) {
            steps.prepare.push(format!("SELECT setval('{SEQUENCE}', 1, false);"));
            let last = format!("SELECT last_value, is_called FROM {SEQUENCE}");
            steps.steps.push(Step::Run(last, About::List));
        }
        steps
    }

    /// Whether rows come as one text each, so that only exact ones can be compared.
    pub fn is_composite(&self) -> bool {
        matches!(self, Self::Loop | Self::Function | Self::FirstRow)
    }
}

fn list<T: AsRef<str>>(items: &[T]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    if items.is_empty() { String::new() } else { format!("({})", items.join(", ")) }
}

/// Other values for a query's constants: those of the same type change places, and one
/// that has no other of its type becomes NULL. None if the result would be determined in
/// another way.
fn other_constants(query: &Query, basis: Basis) -> Option<Vec<String>> {
    let (_, own) = parametrized_sql(query);
    let mut other = query.clone();
    other.visit_literals_mut(&mut |literal| {
        let same: Vec<_> = own.iter().filter(|other| other.ty == literal.ty).collect();
        let Some(index) = same.iter().position(|other| *other == literal) else { return };
        if same.len() == 1 {
            literal.text = None;
        } else {
            *literal = same[(index + 1) % same.len()].clone();
        }
    });
    (determined(&other, basis) == determined(query, basis)).then_some(())?;
    let value = |literal: &Literal| {
        let same: Vec<_> = own.iter().filter(|other| other.ty == literal.ty).collect();
        let index = same.iter().position(|other| *other == literal).unwrap_or_default();
        if same.len() == 1 {
            format!("NULL::{}", literal.ty)
        } else {
            literal_sql(same[(index + 1) % same.len()])
        }
    };
    Some(own.iter().map(value).collect())
}

/// Whether the stored form of the rows is determined: they are determined themselves, and
/// all output columns are columns of tables that pass through, or have one form only.
pub fn has_stored_form(query: &Query, basis: Basis) -> bool {
    let exact = determined(query, basis).is_some_and(|determined| {
        determined.rows != Rows::Keys && determined.looks.iter().all(|look| *look == Look::Exact)
    });
    exact && stored(query).into_iter().all(|stored| stored)
}

/// The query for the stored form of all columns of `fz_into`.
fn stored_form(query: &Query) -> String {
    let targets = &query.body.first().targets;
    let columns: Vec<String> = targets
        .iter()
        .map(|target| format!("pg_column_size({0}), pg_column_compression({0})", target.name))
        .collect();
    format!("SELECT {} FROM fz_into", columns.join(", "))
}

/// Whether a query takes values of the sequence.
pub fn uses_sequence(query: &Query) -> bool {
    sql(query).contains(SEQUENCE)
}

/// Whether the query is one SELECT that gives one row.
pub fn is_one_group(query: &Query) -> bool {
    let [select] = query.body.selects()[..] else { return false };
    select.is_grouped() && select.group.is_empty()
}
