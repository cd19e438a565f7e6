//! Judges cases: what PostgreSQL alone gives, and what it gives with pg_fusion forced.
//!
//! A difference only counts if PostgreSQL agrees with itself: it is asked again with
//! other planner settings, under which it joins, groups and evaluates in other orders.

use std::time::{Duration, Instant};

use anyhow::Result;
use fusion_tests::plan::Plan;
use postgres::Config;

use crate::ast::Query;
use crate::case::{Case, Program};
use crate::compare::difference;
use crate::determined::{Determined, determined};
use crate::runner::{Outcome, Planned, Runner, Task};
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

/// A timeout with pg_fusion is a difference if PostgreSQL is this many times faster than
/// the timeout: a forced plan may be a bad one.
const SLOWNESS: u32 = 50;

/// Judges cases on a server.
pub struct Oracle {
    runner: Runner,
}

impl Oracle {
    /// Connects to a server: see [`Runner::open`].
    ///
    /// # Errors
    /// If there is no connection.
    pub fn open(config: Config, timeout: Duration) -> Result<Self> {
        Ok(Self { runner: Runner::open(config, timeout)? })
    }

    /// Where the cases run.
    pub fn runner(&mut self) -> &mut Runner {
        &mut self.runner
    }

    /// What the case gives without and with pg_fusion, and the forced plan, as text.
    pub fn outputs(&mut self, case: &Case) -> [String; 3] {
        let program = case.program();
        if let Err(error) = self.runner.load(&case.schema) {
            return [format!("{error:#}"), String::new(), String::new()];
        }
        let native = self.runner.run(&program, Planned::Native(""), Task::Run);
        let forced = self.runner.run(&program, Planned::Forced, Task::Run);
        let plan = match self.runner.run(&program, Planned::Forced, Task::Explain) {
            Outcome::Rows(rows) => {
                let plan = Plan::parse(&rows.lines());
                let lines: Vec<&str> = plan.fusion_lines().collect();
                format!("{}\n{plan}", lines.join("\n"))
            }
            other => other.shown(),
        };
        [native.shown(), forced.shown(), plan]
    }

    fn compare(&mut self, case: &Case, program: &Program, determined: &Determined) -> Verdict {
        let start = Instant::now();
        let native = self.runner.run(program, Planned::Native(""), Task::Run);
        let native_time = start.elapsed();
        let mut forced = self.runner.run(program, Planned::Forced, Task::Run);
        if let (Outcome::Lost(text), _) | (_, Outcome::Lost(text)) = (&native, &forced) {
            self.runner.forget();
            return Verdict::Different(Difference { kind: Kind::Lost, text: text.clone() });
        }
        if let Some(text) = self.runner.left_behind() {
            return Verdict::Different(Difference { kind: Kind::Leak, text });
        }
        if let Outcome::TimedOut = forced {
            if native_time * SLOWNESS > self.runner.timeout() {
                return Verdict::Slow;
            }
            if self.is_slow_by_nature(program) {
                return Verdict::Slow;
            }
            // The machine may have been busy.
            forced = self.runner.run(program, Planned::Forced, Task::RunPatiently);
        }
        let verdict = verdict(determined, &native, &forced);
        let Verdict::Different(found) = &verdict else { return verdict };
        if found.fault().is_some() {
            return verdict;
        }
        if self.contradicts_itself(program, determined, &native) {
            return Verdict::Undetermined;
        }
        let unreached = match &found.kind {
            // A comparison without a collation is an error where it is evaluated, and
            // only there: for no row, for one, or while a table is hashed.
            Kind::ForcedFails(state) | Kind::NativeFails(state) if state == "42P22" => true,
            Kind::ForcedFails(_) => {
                self.leaves_nodes_alone(program)
                    || self.fails_by_order(case, Planned::Forced)
                    || self.fails_beyond_its_limit(case)
            }
            Kind::NativeFails(_) => self.fails_by_order(case, Planned::Native("")),
            _ => false,
        };
        if unreached { Verdict::Unreached } else { verdict }
    }

    /// Whether PostgreSQL gives something else with other plans.
    fn contradicts_itself(
        &mut self,
        program: &Program,
        determined: &Determined,
        native: &Outcome,
    ) -> bool {
        OTHER_PLANS.iter().any(|more| {
            let other = self.runner.run(program, Planned::Native(more), Task::Run);
            !matches!(other, Outcome::TimedOut)
                && matches!(verdict(determined, native, &other), Verdict::Different(_))
        })
    }

    /// Whether the error of a plan comes from one of several conditions: which of them,
    /// and of the joins, comes first is not determined.
    fn fails_by_order(&mut self, case: &Case, planned: Planned) -> bool {
        let Some(query) = case.query.with_conditions_only() else { return false };
        let several = query.conditions() > 1;
        let program = Case { query, ..case.clone() }.program();
        let outcome = self.runner.run(&program, planned, Task::Run);
        several && matches!(outcome, Outcome::Failed(failure) if failure.is_data_exception())
    }

    /// Whether PostgreSQL, too, comes to an error where it reads on behind the LIMIT.
    fn fails_beyond_its_limit(&mut self, case: &Case) -> bool {
        if case.query.limit.is_none() {
            return false;
        }
        let query = Query { limit: None, offset: None, ..case.query.clone() };
        let program = Case { query, ..case.clone() }.program();
        let outcome = self.runner.run(&program, Planned::Native(""), Task::Run);
        matches!(outcome, Outcome::Failed(failure) if failure.is_data_exception())
    }

    /// Whether the forced plan is slow by its nature: it runs PgFusion nodes again and
    /// again, for a subquery of every row or inside of a nested loop, or it looks at every
    /// pair of rows of a join without an equality. Cost would not have chosen it.
    fn is_slow_by_nature(&mut self, program: &Program) -> bool {
        let Outcome::Rows(rows) = self.runner.run(program, Planned::Forced, Task::Explain) else {
            return false;
        };
        let text = rows.lines();
        let plan = Plan::parse(&text);
        text.contains("\"Subplan Name\": \"SubPlan")
            || plan.rescans_fusion()
            || plan.fusion_lines().any(joins_all_pairs)
    }

    /// Whether PostgreSQL's plan has nodes that are never executed.
    fn leaves_nodes_alone(&mut self, program: &Program) -> bool {
        let plan = self.runner.run(program, Planned::Native(""), Task::Analyze);
        matches!(plan, Outcome::Rows(rows) if rows.lines().contains("\"Actual Loops\": 0,"))
    }
}

impl Judge for Oracle {
    fn judge(&mut self, case: &Case) -> Judgement {
        let only = |verdict| Judgement { verdict, fusion_lines: Vec::new() };
        if let Err(error) = self.runner.load(&case.schema) {
            let failure = Failure { sqlstate: "load".to_owned(), message: format!("{error:#}") };
            return only(Verdict::Invalid(failure));
        }
        let Some(determined) = determined(&case.query) else { return only(Verdict::Undetermined) };
        let program = case.program();
        let mut fusion_lines = Vec::new();
        match self.runner.run(&program, Planned::Forced, Task::Explain) {
            Outcome::Rows(rows) => {
                let plan = Plan::parse(&rows.lines());
                if plan.fusion_nodes() == 0 {
                    return only(Verdict::NotTaken);
                }
                fusion_lines = plan.fusion_lines().map(str::to_owned).collect();
            }
            Outcome::Failed(failure) if failure.is_about_the_query() => {
                let native = self.runner.run(&program, Planned::Native(""), Task::Explain);
                if matches!(native, Outcome::Failed(native) if native.sqlstate == failure.sqlstate)
                {
                    return only(Verdict::Invalid(failure));
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

/// Whether a line of a fusion plan is a join none of whose conditions is an equality.
fn joins_all_pairs(line: &str) -> bool {
    if !line.contains(" join") {
        return false;
    }
    let conditions = line.split_once(" on ").map_or("", |(_, conditions)| conditions);
    !conjuncts(conditions).iter().any(|one| one.contains(" = ") && !one.contains(" OR "))
}

/// What AND connects, outside of parentheses.
fn conjuncts(conditions: &str) -> Vec<&str> {
    let (mut all, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, c) in conditions.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ' ' if depth == 0 && conditions[index..].starts_with(" AND ") => {
                all.push(&conditions[start..index]);
                start = index + " AND ".len();
            }
            _ => {}
        }
    }
    all.push(&conditions[start..]);
    all
}

/// What two outcomes say.
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
        (_, Outcome::TimedOut) => {
            let text = "the statement timeout ended it; PostgreSQL alone was done";
            different(Kind::TimesOut, text.to_owned())
        }
        (Outcome::Lost(text), _) | (_, Outcome::Lost(text)) => different(Kind::Lost, text.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::determined::Rows as Which;
    use fusion_bench::connect::Rows;

    fn failed(sqlstate: &str) -> Outcome {
        Outcome::Failed(Failure { sqlstate: sqlstate.to_owned(), message: "no".to_owned() })
    }

    fn rows(value: &str) -> Outcome {
        Outcome::Rows(Rows {
            columns: vec!["a".to_owned()],
            rows: vec![vec![Some(value.to_owned())]],
        })
    }

    #[test]
    fn joins_without_an_equality_look_at_all_pairs() {
        assert!(joins_all_pairs("Left join on ((c1 = -36.2) OR (c1 = c1))"));
        assert!(joins_all_pairs("  Inner join on (a < b) AND ((a = c) OR (b = d))"));
        assert!(joins_all_pairs("Cross join"));
        assert!(!joins_all_pairs("Left join on ((a = b) OR c) AND (c1 = c3)"));
        assert!(!joins_all_pairs("Leaf 0: a"));
    }

    #[test]
    fn verdicts() {
        let bag = Determined { rows: Which::Bag, loose: vec![false], keys: Vec::new() };
        let kind = |native: &Outcome, forced: &Outcome| match verdict(&bag, native, forced) {
            Verdict::Different(difference) => difference.kind.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(kind(&rows("1"), &rows("1")), "Same(1)");
        assert_eq!(kind(&rows("1"), &rows("2")), "other rows");
        assert_eq!(kind(&rows("1"), &failed("22012")), "error 22012 only with pg_fusion");
        assert_eq!(kind(&failed("22012"), &rows("1")), "error 22012 only without pg_fusion");
        assert_eq!(kind(&failed("22012"), &failed("22003")), "OtherDataError");
        assert_eq!(kind(&failed("22012"), &failed("XX000")), "error XX000 instead of 22012");
        assert!(kind(&failed("22012"), &failed("22012")).starts_with("SameError"));
        assert_eq!(kind(&rows("1"), &Outcome::TimedOut), "timeout");
        assert_eq!(kind(&rows("1"), &Outcome::Lost(String::new())), "crash");
    }
}
