//! One thing to try: a query on tables, with settings, run in some way.

use std::rc::Rc;

use fusion_bench::measure::Mode;

use crate::ast::Query;
use crate::manner::{Manner, Step};
use crate::preamble::needs;
use crate::print::sql;
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
    /// What PostgreSQL alone is compared with.
    pub against: Against,
    /// Which of PostgreSQL's plans say what is right.
    pub basis: Basis,
    /// The query.
    pub query: Query,
}

/// What PostgreSQL alone is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Against {
    /// pg_fusion wherever it can.
    Forced,
    /// pg_fusion where it is cheaper, with parallel workers for every table.
    Chosen,
}

/// Which of PostgreSQL's plans say what is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// All: what they do not agree on is not compared.
    Any,
    /// The one it makes without parallel workers and synchronised scans: which of several
    /// equal values stays, and what depends on the order of rows, is compared, too.
    Serial,
}

/// Every scan that can be is parallel; pg_fusion's nodes cost what PostgreSQL's do, so
/// that some are chosen for tables as small as these.
const CHEAP: &str = "SET min_parallel_table_scan_size = 0; SET min_parallel_index_scan_size = 0; \
                     SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
                     SET max_parallel_workers_per_gather = 2; SET pg_fusion.startup_cost = 0; \
                     SET pg_fusion.feed_tuple_cost = 0; SET pg_fusion.result_tuple_cost = 0; \
                     SET pg_fusion.operator_cost = 0;";

/// No parallel workers, and scans that begin where tables begin (`initscan` in
/// PostgreSQL's heapam.c).
const SERIAL: &str = "SET max_parallel_workers_per_gather = 0; SET synchronize_seqscans = off;";

impl Against {
    /// The mode of pg_fusion.
    pub fn mode(self) -> Mode {
        match self {
            Self::Forced => Mode::Force,
            Self::Chosen => Mode::On,
        }
    }
}

/// The statements of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Statements before.
    pub prepare: Vec<String>,
    /// What is compared.
    pub steps: Vec<Step>,
    /// What EXPLAIN explains.
    pub explain: String,
}

impl Case {
    /// The statements to run it.
    pub fn program(&self) -> Program {
        let steps = self.manner.steps(&self.query, self.basis);
        let mut prepare = self.settings.clone();
        if self.against == Against::Chosen {
            prepare.push(CHEAP.to_owned());
        }
        if self.basis == Basis::Serial {
            prepare.push(SERIAL.to_owned());
        }
        prepare.extend(needs(&sql(&self.query)).map(str::to_owned));
        prepare.extend(steps.prepare);
        Program { prepare, steps: steps.steps, explain: steps.explain }
    }
}

impl Program {
    /// The statements and steps as text for reading.
    pub fn text(&self) -> String {
        let mut lines = self.prepare.clone();
        lines.extend(self.steps.iter().flat_map(Step::text));
        lines.join("\n")
    }
}

impl Step {
    /// The statements that psql needs for it.
    pub fn text(&self) -> Vec<String> {
        let in_steps = |step: u32, sql: &str| {
            vec![
                format!("-- {step} rows at a time, as often as there are any:"),
                format!(
                    "SELECT 'FETCH {step} FROM c' FROM generate_series(0, \
                     (SELECT count(*) / {step} FROM ({sql}) AS s)) \\gexec"
                ),
            ]
        };
        match self {
            Self::Run(sql, _) => vec![format!("{sql};")],
            Self::Portal(sql, step) => {
                let mut lines = vec![
                    format!("-- Through a portal of the extended protocol with {step} rows for"),
                    "-- each Execute; a cursor that is read like that does the same.".to_owned(),
                    format!("DECLARE c NO SCROLL CURSOR FOR {sql};"),
                ];
                lines.extend(in_steps(*step, sql));
                lines
            }
            Self::Fetch(step, sql) => in_steps(*step, sql),
            Self::Moves(moves) => moves.iter().map(|step| format!("{};", step.sql())).collect(),
        }
    }
}
