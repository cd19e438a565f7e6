//! Runs the statements of cases on a server, in PostgreSQL alone or with pg_fusion.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use postgres::Config;

use crate::case::{Against, Program};
use crate::cursor::Reading;
use crate::manner::{About, Step};
use crate::preamble;
use crate::schema::{Schema, search_path};
use crate::verdict::Failure;
use crate::wire::{Answer, Connection, Trouble};

/// How long to wait for a worker to give everything back.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a server may take to come back after a crash.
const RECOVERY: Duration = Duration::from_secs(60);

/// A server with the tables of a schema.
pub struct Runner {
    config: Config,
    connection: Option<Connection>,
    timeout: Duration,
    loaded: Option<Rc<Schema>>,
    prepared: bool,
}

/// How a statement ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// With rows.
    Rows(Rows),
    /// With an error.
    Failed(Failure),
    /// By the statement timeout.
    TimedOut,
    /// With the connection.
    Lost(String),
}

/// What a part of a program gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it can be compared.
    pub about: About,
    /// How it ended.
    pub outcome: Outcome,
}

/// Who plans a query.
#[derive(Clone, Copy, Debug)]
pub enum Planned<'a> {
    /// PostgreSQL alone, with these settings.
    Native(&'a str),
    /// PostgreSQL with pg_fusion.
    Fusion(Against),
}

/// How a query is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explain {
    /// The plan, as JSON.
    Plan,
    /// The plan and what was done, as JSON.
    Analyze,
}

impl Runner {
    /// Connects to a server with pg_fusion, in a database of which it may use the
    /// schemas `public` and [`crate::schema::NAMESPACE`].
    ///
    /// # Errors
    /// If there is no connection.
    pub fn open(config: Config, timeout: Duration) -> Result<Self> {
        let (loaded, prepared) = (None, false);
        let mut runner = Self { config, connection: None, timeout, loaded, prepared };
        runner.connect().map_err(|trouble| anyhow!("cannot connect: {trouble:?}"))?;
        Ok(runner)
    }

    /// The timeout of statements.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Makes the tables of a schema, unless they are there.
    ///
    /// # Errors
    /// If PostgreSQL does not take them.
    pub fn load(&mut self, schema: &Rc<Schema>) -> Result<()> {
        if self.loaded.as_ref().is_some_and(|loaded| Rc::ptr_eq(loaded, schema) || loaded == schema)
        {
            return Ok(());
        }
        self.loaded = None;
        if !self.prepared {
            self.make_preamble()?;
        }
        let script = schema.statements().join("\n");
        self.batch(&script, "cannot make the tables")?;
        self.loaded = Some(Rc::clone(schema));
        Ok(())
    }

    /// Says that the server crashed: what it had in its buffers may be lost.
    pub fn forget(&mut self) {
        self.connection = None;
        self.loaded = None;
        self.prepared = false;
    }

    fn make_preamble(&mut self) -> Result<()> {
        let mut script = "DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public; \
                          CREATE EXTENSION pg_fusion; SET search_path = public;"
            .to_owned();
        for object in preamble::OBJECTS {
            script.push_str(object.sql);
        }
        self.batch(&script, "cannot make the objects that all queries use")?;
        self.prepared = true;
        Ok(())
    }

    fn batch(&mut self, script: &str, what: &str) -> Result<()> {
        match self.simple(&format!("RESET ALL; {script}")) {
            Ok(_) => Ok(()),
            Err(Trouble::Refused(failure)) => Err(anyhow!("{what}: {failure}")),
            Err(Trouble::Lost(text)) => {
                self.forget();
                Err(anyhow!("{what}: {text}"))
            }
        }
    }

    /// The connection; a new one if the last is lost, once the server is back.
    fn connect(&mut self) -> Result<&mut Connection, Trouble> {
        let patience = self.timeout * 8 + Duration::from_secs(20);
        let deadline = Instant::now() + RECOVERY;
        while self.connection.is_none() {
            match Connection::open(&self.config, patience) {
                Ok(connection) => self.connection = Some(connection),
                Err(trouble) if Instant::now() > deadline => return Err(trouble),
                Err(_) => std::thread::sleep(Duration::from_millis(200)),
            }
        }
        self.connection.as_mut().ok_or_else(|| Trouble::Lost("no connection".to_owned()))
    }

    fn with<T>(
        &mut self,
        action: impl FnOnce(&mut Connection) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let result = self.connect().and_then(action);
        if matches!(result, Err(Trouble::Lost(_))) {
            self.connection = None;
        }
        result
    }

    fn simple(&mut self, sql: &str) -> Result<Answer, Trouble> {
        self.with(|connection| Ok(connection.simple(sql)?.pop().unwrap_or_default()))
    }

    /// The session as a program needs it.
    fn prepare(
        &mut self,
        program: &Program,
        planned: Planned<'_>,
        patience: u32,
    ) -> Result<(), Trouble> {
        let mut settings = format!(
            "RESET ALL; DEALLOCATE ALL; CLOSE ALL; SET statement_timeout = {}; {} ",
            (self.timeout * patience).as_millis(),
            search_path()
        );
        let (mode, more) = match planned {
            Planned::Native(more) => (Mode::Off, more),
            Planned::Fusion(against) => (against.mode(), ""),
        };
        settings.push_str(mode.settings());
        settings.push(';');
        for statement in &program.prepare {
            settings.push_str(statement);
        }
        settings.push_str(more);
        self.simple(&settings).map(drop)
    }

    /// Runs a program: what its parts gave, to the first error inside of a transaction.
    /// `patience` is how many times the usual timeout it has.
    pub fn run(&mut self, program: &Program, planned: Planned<'_>, patience: u32) -> Vec<Report> {
        if let Err(trouble) = self.prepare(program, planned, patience) {
            return vec![Report { about: About::Result, outcome: trouble.into() }];
        }
        let mut reports = Vec::new();
        for step in &program.steps {
            reports.extend(self.step(step));
            let is_over =
                |report: &Report| matches!(report.outcome, Outcome::Lost(_) | Outcome::TimedOut);
            if reports.iter().any(is_over) {
                break;
            }
            let failed = reports.iter().any(|report| matches!(report.outcome, Outcome::Failed(_)));
            if failed && self.connection.as_ref().is_some_and(Connection::in_transaction) {
                break;
            }
        }
        self.end();
        reports
    }

    /// Leaves transactions and cursors behind.
    fn end(&mut self) {
        if self.connection.as_ref().is_some_and(Connection::in_transaction) {
            // What is lost shows at the next statement.
            drop(self.simple("ROLLBACK"));
        }
        if self.connection.is_some() {
            drop(self.simple("CLOSE ALL"));
        }
    }

    fn step(&mut self, step: &Step) -> Vec<Report> {
        let (about, result) = match step {
            Step::Run(sql, about) => (*about, self.simple(sql)),
            Step::Portal(sql, step) => {
                (About::Result, self.with(|connection| connection.portal(sql, *step)))
            }
            Step::Fetch(step, _) => (About::Result, self.fetch(*step)),
            Step::Moves(moves) => return self.moves(moves),
        };
        vec![Report { about, outcome: result.into() }]
    }

    fn fetch(&mut self, step: u32) -> Result<Answer, Trouble> {
        let sql = format!("FETCH {step} FROM c");
        let mut whole = self.simple(&sql)?;
        let mut count = whole.rows.rows.len();
        while count == step as usize {
            let more = self.simple(&sql)?.rows.rows;
            count = more.len();
            whole.rows.rows.extend(more);
        }
        Ok(whole)
    }

    fn moves(&mut self, moves: &[crate::cursor::Move]) -> Vec<Report> {
        let mut reading = Reading::new();
        let mut failed = None;
        for step in moves {
            match self.simple(&step.sql()) {
                Ok(answer) => reading.take(*step, answer),
                Err(trouble) => {
                    failed = Some(trouble);
                    break;
                }
            }
        }
        let log = Report { about: About::List, outcome: Outcome::Rows(reading.log()) };
        let (rows, all) = reading.rows();
        let about = if all { About::Result } else { About::Part };
        let outcome = failed.map_or(Outcome::Rows(rows), Outcome::from);
        vec![Report { about, outcome }, log]
    }

    /// Explains what a program runs.
    pub fn explain(&mut self, program: &Program, planned: Planned<'_>, how: Explain) -> Outcome {
        let options = match how {
            Explain::Plan => "FORMAT JSON, COSTS OFF",
            Explain::Analyze => "ANALYZE, FORMAT JSON, COSTS OFF, TIMING OFF",
        };
        let statement = format!("BEGIN; EXPLAIN ({options}) {}", program.explain);
        let prepared = self.prepare(program, planned, 1);
        let result = prepared.and_then(|()| self.simple(&statement));
        self.end();
        result.into()
    }

    /// What pages and sessions are still in use, if any are after a while.
    pub fn left_behind(&mut self) -> Option<String> {
        let mut waited = Duration::ZERO;
        loop {
            let state = match self.simple(POOL) {
                Ok(answer) if answer.rows.rows.is_empty() => return None,
                Ok(answer) => answer.rows.lines(),
                Err(trouble) => format!("{trouble:?}"),
            };
            if waited > PATIENCE {
                return Some(state);
            }
            std::thread::sleep(Duration::from_millis(5));
            waited += Duration::from_millis(5);
        }
    }
}

/// What of the pool is in use, in words.
const POOL: &str = "SELECT format('%s of %s pages are free, %s sessions', pages_free, pages_total, \
                    sessions) FROM public.pg_fusion_pool() \
                    WHERE NOT (pages_total > 0 AND pages_free = pages_total AND sessions = 0)";

impl From<Trouble> for Outcome {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Lost(text) => Self::Lost(text),
            Trouble::Refused(failure)
                if failure.sqlstate == "57014" && failure.message.contains("statement timeout") =>
            {
                Self::TimedOut
            }
            Trouble::Refused(failure) => Self::Failed(failure),
        }
    }
}

impl From<Result<Answer, Trouble>> for Outcome {
    fn from(result: Result<Answer, Trouble>) -> Self {
        match result {
            Ok(answer) => Self::Rows(answer.rows),
            Err(trouble) => trouble.into(),
        }
    }
}

impl Outcome {
    /// It as text, of rows not too many.
    pub fn shown(&self) -> String {
        match self {
            Self::Rows(rows) => {
                let mut text = format!("{} ({} rows)", rows.columns.join("|"), rows.rows.len());
                for row in rows.rows.iter().take(30) {
                    let values: Vec<&str> =
                        row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
                    text.push('\n');
                    text.push_str(&values.join("|"));
                }
                text
            }
            Self::Failed(failure) => format!("ERROR: {failure}"),
            Self::TimedOut => "statement timeout".to_owned(),
            Self::Lost(text) => format!("connection lost: {text}"),
        }
    }
}

/// Reports as text.
pub fn shown(reports: &[Report]) -> String {
    let is_told = |report: &&Report| {
        report.about != About::Nothing || !matches!(report.outcome, Outcome::Rows(_))
    };
    let texts: Vec<String> =
        reports.iter().filter(is_told).map(|report| report.outcome.shown()).collect();
    texts.join("\n")
}
