//! Runs cases in PostgreSQL alone and with pg_fusion forced.
//!
//! A difference only counts if PostgreSQL agrees with itself: it is asked again with
//! other planner settings, under which it joins, groups and evaluates in other orders.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use fusion_bench::connect::{Rows, Session};
use fusion_bench::measure::Mode;
use fusion_tests::plan::Plan;
use postgres::{Client, Config};

use crate::case::{Case, Manner, Program};
use crate::compare::difference;
use crate::determined::{Determined, determined};
use crate::preamble;
use crate::schema::{Schema, search_path};
use crate::verdict::{Difference, Failure, Judge, Judgement, Kind, Verdict};

/// Settings under which PostgreSQL must agree with itself.
const OTHER_PLANS: [&str; 7] = [
    "",
    "SET enable_hashjoin = off; SET enable_hashagg = off;",
    "SET enable_mergejoin = off; SET enable_nestloop = off; SET enable_sort = off;",
    "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off; SET enable_material = off;",
    "SET join_collapse_limit = 1; SET from_collapse_limit = 1; SET enable_seqscan = off;",
    "SET enable_seqscan = on; SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_incremental_sort = off;",
    "SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;",
];

/// How long to wait for a worker to give everything back.
const PATIENCE: Duration = Duration::from_secs(10);

/// A timeout with pg_fusion is a difference if PostgreSQL is this many times faster.
const SLOWNESS: u32 = 10;

/// A server to ask.
pub struct Oracle {
    session: Session,
    timeout: Duration,
    loaded: Option<Rc<Schema>>,
    prepared: bool,
}

/// How a statement ended.
#[derive(Clone, Debug)]
enum Outcome {
    Rows(Rows),
    Failed(Failure),
    TimedOut,
    Lost(String),
}

/// How a query is planned.
#[derive(Clone, Copy)]
enum Planned<'a> {
    Native(&'a str),
    Forced,
}

impl Oracle {
    /// Connects to a server with pg_fusion, in a database of which it may use the
    /// schemas `public` and [`crate::schema::NAMESPACE`].
    pub fn open(config: Config, timeout: Duration) -> Result<Self> {
        let session = Session::open(config, timeout)?;
        Ok(Self { session, timeout, loaded: None, prepared: false })
    }

    /// Makes the tables of a schema, unless they are there.
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
            client
                .batch_execute(&script)
                .map_err(|error| anyhow!(fusion_bench::connect::describe(&error)))
        })?
    }

    /// Runs the statement of a case, or explains it.
    fn run(
        &mut self,
        program: &Program,
        manner: Manner,
        planned: Planned<'_>,
        explain: bool,
    ) -> Outcome {
        let mut settings = format!(
            "RESET ALL; DEALLOCATE ALL; SET statement_timeout = {}; {} ",
            self.timeout.as_millis(),
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
        let statement = if explain {
            format!("EXPLAIN (FORMAT JSON, COSTS OFF) {}", program.explain)
        } else {
            program.run.clone()
        };
        let result = self.session.attend(move |client| {
            client.batch_execute(&settings)?;
            let result = client.simple_query(&statement);
            if manner == Manner::Cursor && result.is_err() && !client.is_closed() {
                // It failed inside of its transaction.
                client.batch_execute("ROLLBACK")?;
            }
            result
        });
        match result {
            Ok(Ok(messages)) => Outcome::Rows(Rows::from(messages)),
            Ok(Err(error)) => outcome_of_error(&error),
            Err(error) => Outcome::Lost(format!("{error:#}")),
        }
    }

    /// What pages and sessions are still in use, if any are after a while.
    fn left_behind(&mut self) -> Option<String> {
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

    fn compare(&mut self, case: &Case, program: &Program, determined: &Determined) -> Verdict {
        let start = Instant::now();
        let native = self.run(program, case.manner, Planned::Native(""), false);
        let native_time = start.elapsed();
        let mut forced = self.run(program, case.manner, Planned::Forced, false);
        if let (Outcome::Lost(text), _) | (_, Outcome::Lost(text)) = (&native, &forced) {
            // What the server had in its buffers may be lost.
            self.loaded = None;
            self.prepared = false;
            return Verdict::Different(Difference { kind: Kind::Lost, text: text.clone() });
        }
        if let Some(text) = self.left_behind() {
            return Verdict::Different(Difference { kind: Kind::Leak, text });
        }
        if let Outcome::TimedOut = forced {
            if native_time * SLOWNESS > self.timeout {
                return Verdict::Slow;
            }
            // Once more: the machine may have been busy.
            forced = self.run(program, case.manner, Planned::Forced, false);
        }
        let verdict = verdict(determined, &native, &forced);
        let Verdict::Different(found) = &verdict else { return verdict };
        if let Kind::ForcedFails(sqlstate) = &found.kind
            && !sqlstate.starts_with("22")
        {
            // No order of evaluation explains that.
            return verdict;
        }
        if self.contradicts_itself(case.manner, program, determined, &native) {
            return Verdict::Undetermined;
        }
        if let Kind::NativeFails(_) = found.kind {
            // pg_fusion did not come to what fails. That is fine if PostgreSQL would not
            // have, either, if the conditions had stood in another order.
            let query = case.query.with_conditions_reversed();
            let other = Case { query, ..case.clone() }.program();
            if self.contradicts_itself(case.manner, &other, determined, &native) {
                return Verdict::Undetermined;
            }
        }
        verdict
    }

    /// Whether PostgreSQL gives something else with other plans.
    fn contradicts_itself(
        &mut self,
        manner: Manner,
        program: &Program,
        determined: &Determined,
        native: &Outcome,
    ) -> bool {
        OTHER_PLANS.iter().any(|more| {
            let other = self.run(program, manner, Planned::Native(more), false);
            !matches!(other, Outcome::TimedOut)
                && matches!(verdict(determined, native, &other), Verdict::Different(_))
        })
    }
}

impl Oracle {
    /// What the case gives without and with pg_fusion, and the forced plan, as text.
    pub fn outputs(&mut self, case: &Case) -> [String; 3] {
        let program = case.program();
        if let Err(error) = self.load(&case.schema) {
            return [format!("{error:#}"), String::new(), String::new()];
        }
        let native = self.run(&program, case.manner, Planned::Native(""), false);
        let forced = self.run(&program, case.manner, Planned::Forced, false);
        let plan = match self.run(&program, case.manner, Planned::Forced, true) {
            Outcome::Rows(rows) => {
                let plan = Plan::parse(&rows.lines());
                let lines: Vec<&str> = plan.fusion_lines().collect();
                format!("{}\n{plan}", lines.join("\n"))
            }
            other => shown(&other),
        };
        [shown(&native), shown(&forced), plan]
    }
}

/// An outcome as text, of rows not too many.
fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Rows(rows) => {
            let mut text = format!("{} ({} rows)", rows.columns.join("|"), rows.rows.len());
            for row in rows.rows.iter().take(30) {
                let values: Vec<&str> =
                    row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
                text.push('\n');
                text.push_str(&values.join("|"));
            }
            text
        }
        Outcome::Failed(failure) => format!("ERROR: {failure}"),
        Outcome::TimedOut => "statement timeout".to_owned(),
        Outcome::Lost(text) => format!("connection lost: {text}"),
    }
}

impl Judge for Oracle {
    fn judge(&mut self, case: &Case) -> Judgement {
        let only = |verdict| Judgement { verdict, fusion_lines: Vec::new() };
        if let Err(error) = self.load(&case.schema) {
            let failure = Failure { sqlstate: "load".to_owned(), message: format!("{error:#}") };
            return only(Verdict::Invalid(failure));
        }
        let Some(determined) = determined(&case.query) else { return only(Verdict::Undetermined) };
        let program = case.program();
        let mut fusion_lines = Vec::new();
        match self.run(&program, case.manner, Planned::Forced, true) {
            Outcome::Rows(rows) => {
                let plan = Plan::parse(&rows.lines());
                if plan.fusion_nodes() == 0 {
                    return only(Verdict::NotTaken);
                }
                fusion_lines = plan.fusion_lines().map(str::to_owned).collect();
            }
            Outcome::Failed(failure) if failure.is_about_the_query() => {
                match self.run(&program, case.manner, Planned::Native(""), true) {
                    Outcome::Failed(native) if native.sqlstate == failure.sqlstate => {
                        return only(Verdict::Invalid(failure));
                    }
                    _ => {}
                }
            }
            Outcome::TimedOut => return only(Verdict::Slow),
            // An error while planning: a constant that cannot be computed, or a fault.
            Outcome::Failed(_) | Outcome::Lost(_) => {}
        }
        let verdict = self.compare(case, &program, &determined);
        if fusion_lines.is_empty() && !matches!(verdict, Verdict::Different(_)) {
            return only(Verdict::NotTaken);
        }
        Judgement { verdict, fusion_lines }
    }
}

fn outcome_of_error(error: &postgres::Error) -> Outcome {
    match error.as_db_error() {
        Some(db) => {
            let (sqlstate, message) = (db.code().code().to_owned(), db.message().to_owned());
            if sqlstate == "57014" && message.contains("statement timeout") {
                return Outcome::TimedOut;
            }
            // "terminating connection because of crash of another server process"
            if sqlstate == "57P02" {
                return Outcome::Lost(message);
            }
            Outcome::Failed(Failure { sqlstate, message })
        }
        None => Outcome::Lost(error.to_string()),
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

fn verdict(determined: &Determined, native: &Outcome, forced: &Outcome) -> Verdict {
    let different = |kind, text| Verdict::Different(Difference { kind, text });
    match (native, forced) {
        (Outcome::Rows(native), Outcome::Rows(forced)) => {
            match difference(determined, native, forced) {
                None => Verdict::Same(native.rows.len()),
                Some(text) => different(Kind::Rows, text),
            }
        }
        (Outcome::Failed(native), Outcome::Failed(forced)) => {
            if native.sqlstate == forced.sqlstate {
                Verdict::SameError { native: native.clone(), forced: forced.clone() }
            } else if native.is_data_exception() && forced.is_data_exception() {
                Verdict::OtherDataError
            } else {
                let kind = Kind::Errors(native.sqlstate.clone(), forced.sqlstate.clone());
                different(kind, format!("{forced} instead of {native}"))
            }
        }
        (Outcome::Rows(rows), Outcome::Failed(failure)) => different(
            Kind::ForcedFails(failure.sqlstate.clone()),
            format!("{failure} instead of {} rows", rows.rows.len()),
        ),
        (Outcome::Failed(failure), Outcome::Rows(rows)) => different(
            Kind::NativeFails(failure.sqlstate.clone()),
            format!("{} rows instead of {failure}", rows.rows.len()),
        ),
        (Outcome::TimedOut, _) => Verdict::Slow,
        (_, Outcome::TimedOut) => different(
            Kind::TimesOut,
            "the statement timeout ended it; PostgreSQL alone was done".to_owned(),
        ),
        (Outcome::Lost(text), _) | (_, Outcome::Lost(text)) => different(Kind::Lost, text.clone()),
    }
}
