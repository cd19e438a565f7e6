//! Runs the statements of cases on a server, in PostgreSQL alone or with pg_fusion
//! forced.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use fusion_bench::connect::{Rows, Session, describe};
use fusion_bench::measure::Mode;
use postgres::{Client, Config};

use crate::case::Program;
use crate::preamble;
use crate::schema::{Schema, search_path};
use crate::verdict::Failure;

/// How long to wait for a worker to give everything back.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server with the tables of a schema.
pub struct Runner {
    session: Session,
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

/// Who plans a query.
#[derive(Clone, Copy, Debug)]
pub enum Planned<'a> {
    /// PostgreSQL alone, with these settings.
    Native(&'a str),
    /// pg_fusion wherever it can.
    Forced,
}

/// What to do with a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Run it.
    Run,
    /// Run it with a longer timeout.
    RunPatiently,
    /// Explain it, as JSON.
    Explain,
    /// Run it and explain what was done, as JSON.
    Analyze,
}

impl Runner {
    /// Connects to a server with pg_fusion, in a database of which it may use the
    /// schemas `public` and [`crate::schema::NAMESPACE`].
    ///
    /// # Errors
    /// If there is no connection.
    pub fn open(config: Config, timeout: Duration) -> Result<Self> {
        let session = Session::open(config, timeout)?;
        Ok(Self { session, timeout, loaded: None, prepared: false })
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
        self.batch(script).context("cannot make the tables")?;
        self.loaded = Some(Rc::clone(schema));
        Ok(())
    }

    /// Says that the server crashed: what it had in its buffers may be lost.
    pub fn forget(&mut self) {
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
        self.batch(script).context("cannot make the objects that all queries use")?;
        self.prepared = true;
        Ok(())
    }

    fn batch(&mut self, script: String) -> Result<()> {
        self.session.attend(move |client| {
            client.batch_execute(&script).map_err(|error| anyhow!(describe(&error)))
        })?
    }

    /// Does something with the query of a program.
    pub fn run(&mut self, program: &Program, planned: Planned<'_>, task: Task) -> Outcome {
        let patience = if task == Task::RunPatiently { 4 } else { 1 };
        let mut settings = format!(
            "RESET ALL; DEALLOCATE ALL; SET statement_timeout = {}; {} ",
            (self.timeout * patience).as_millis(),
            search_path()
        );
        let (mode, more) = match planned {
            Planned::Native(more) => (Mode::Off, more),
            Planned::Forced => (Mode::Force, ""),
        };
        settings.push_str(mode.settings());
        settings.push(';');
        for statement in &program.prepare {
            settings.push_str(statement);
        }
        settings.push_str(more);
        let statement = match task {
            Task::Run | Task::RunPatiently => program.run.clone(),
            Task::Explain => format!("EXPLAIN (FORMAT JSON, COSTS OFF) {}", program.explain),
            Task::Analyze => {
                format!("EXPLAIN (ANALYZE, FORMAT JSON, COSTS OFF, TIMING OFF) {}", program.explain)
            }
        };
        let in_transaction = program.run.starts_with("BEGIN;");
        let result = self.session.attend(move |client| {
            client.batch_execute(&settings)?;
            let result = client.simple_query(&statement);
            if in_transaction && result.is_err() && !client.is_closed() {
                client.batch_execute("ROLLBACK")?;
            }
            result
        });
        match result {
            Ok(Ok(messages)) => Outcome::Rows(Rows::from(messages)),
            Ok(Err(error)) => Outcome::of_error(&error),
            Err(error) => Outcome::Lost(format!("{error:#}")),
        }
    }

    /// What pages and sessions are still in use, if any are after a while.
    pub fn left_behind(&mut self) -> Option<String> {
        let state = self.session.attend(|client| {
            let mut waited = Duration::ZERO;
            loop {
                let state = pool(client)?;
                if state.is_none() || waited > PATIENCE {
                    return Ok::<_, postgres::Error>(state);
                }
                std::thread::sleep(Duration::from_millis(5));
                waited += Duration::from_millis(5);
            }
        });
        match state {
            Ok(Ok(state)) => state,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(format!("{error:#}")),
        }
    }
}

impl Outcome {
    fn of_error(error: &postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else { return Self::Lost(error.to_string()) };
        let (sqlstate, message) = (db.code().code().to_owned(), db.message().to_owned());
        match sqlstate.as_str() {
            "57014" if message.contains("statement timeout") => Self::TimedOut,
            // "terminating connection because of crash of another server process"
            "57P02" => Self::Lost(message),
            _ => Self::Failed(Failure { sqlstate, message }),
        }
    }

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

/// What of the pool is in use, in words.
fn pool(client: &mut Client) -> Result<Option<String>, postgres::Error> {
    let row = client
        .query_one("SELECT pages_total, pages_free, sessions FROM public.pg_fusion_pool()", &[])?;
    let (total, free, sessions): (i64, i64, i32) = (row.get(0), row.get(1), row.get(2));
    let idle = total > 0 && free == total && sessions == 0;
    Ok((!idle).then(|| format!("{free} of {total} pages are free, {sessions} sessions")))
}
