//! Judges cases: what PostgreSQL alone gives, and what it gives with pg_fusion.
//!
//! A difference only counts if PostgreSQL agrees with itself: it is asked again with
//! other planner settings, under which it joins, groups and evaluates in other orders. What
//! only its serial plan determines must be the same when that plan runs again.

use std::time::{Duration, Instant};

use anyhow::Result;
use fusion_tests::plan::Plan;
use postgres::Config;

use crate::case::{Basis, Case, Program};
use crate::compare::difference;
use crate::determined::{Determined, Look, Rows as Which, determined};
use crate::excuses::{
    asks_for_least_or_greatest, fails_behind_the_cursor, fails_beyond_its_end, fails_by_order,
    fails_in_another_join_order, is_slow_by_nature, leaves_nodes_alone,
};
use crate::manner::About;
use crate::runner::{Explain, Outcome, Planned, Report, Runner, shown};
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

/// The same settings again: the same plan.
const SAME_PLAN: [&str; 2] = ["", ""];

/// A timeout with pg_fusion is a difference if PostgreSQL is this many times faster than
/// the timeout: a forced plan may be a bad one.
const SLOWNESS: u32 = 50;

/// The error of a cursor whose plan cannot be read backwards.
const FORWARD_ONLY: &str = "55000";

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

    /// What the case gives without and with pg_fusion, and the plan with it, as text.
    pub fn outputs(&mut self, case: &Case) -> [String; 3] {
        let program = case.program();
        if let Err(error) = self.runner.load(&case.schema) {
            return [format!("{error:#}"), String::new(), String::new()];
        }
        let fusion = Planned::Fusion(case.against);
        let native = self.runner.run(&program, Planned::Native(""), 1);
        let forced = self.runner.run(&program, fusion, 1);
        let plan = match self.runner.explain(&program, fusion, Explain::Plan) {
            Outcome::Rows(rows) => {
                let plan = Plan::parse(&rows.lines());
                let lines: Vec<&str> = plan.fusion_lines().collect();
                format!("{}\n{plan}", lines.join("\n"))
            }
            other => other.shown(),
        };
        [shown(&native), shown(&forced), plan]
    }

    fn compare(&mut self, case: &Case, program: &Program, determined: &Determined) -> Verdict {
        let fusion = Planned::Fusion(case.against);
        let start = Instant::now();
        let native = self.runner.run(program, Planned::Native(""), 1);
        let native_time = start.elapsed();
        let mut forced = self.runner.run(program, fusion, 1);
        for report in native.iter().chain(&forced) {
            if let Outcome::Lost(text) = &report.outcome {
                self.runner.forget();
                return Verdict::Different(Difference { kind: Kind::Lost, text: text.clone() });
            }
        }
        if let Some(text) = self.runner.left_behind() {
            return Verdict::Different(Difference { kind: Kind::Leak, text });
        }
        if forced.iter().any(|report| matches!(report.outcome, Outcome::TimedOut)) {
            if native_time * SLOWNESS > self.runner.timeout()
                || is_slow_by_nature(&mut self.runner, program, fusion)
            {
                return Verdict::Slow;
            }
            // The machine may have been busy.
            forced = self.runner.run(program, fusion, 4);
        }
        let verdict = verdict(determined, &native, &forced);
        let Verdict::Different(found) = &verdict else { return verdict };
        if found.fault().is_some() {
            return verdict;
        }
        if found.kind == Kind::NativeFails(FORWARD_ONLY.to_owned()) {
            // Which plans can be read backwards is said by `ExecSupportsBackwardScan` in
            // PostgreSQL's execAmi.c; with pg_fusion it may be another plan, that can.
            return Verdict::Undetermined;
        }
        // How many rows come before an error of both, nobody says.
        if found.kind == Kind::Rows && fail_alike(&native, &forced) {
            return Verdict::Unreached;
        }
        if case.basis == Basis::Serial && found.kind == Kind::Rows {
            return self.serial(case, program, determined, (&native, &forced), found);
        }
        // A cursor that PostgreSQL's own plan reads backwards must be read backwards, even if
        // other plans would not have been.
        let stays = found.kind == Kind::ForcedFails(FORWARD_ONLY.to_owned());
        let plans: &[&str] = if stays { &SAME_PLAN } else { &OTHER_PLANS };
        if self.contradicts_itself(program, determined, &native, plans) {
            return Verdict::Undetermined;
        }
        let unreached = match &found.kind {
            // A comparison without a collation is an error where it is evaluated, and
            // only there: for no row, for one, or while a table is hashed.
            Kind::ForcedFails(state) | Kind::NativeFails(state) if state == "42P22" => true,
            // So is LIKE under a nondeterministic collation (`GenericMatchText` in like.c).
            Kind::NativeFails(state) if state == "0A000" => true,
            // The cursor was not read on, because it could not be read back.
            Kind::Errors(native, _) if native == FORWARD_ONLY => {
                fails_behind_the_cursor(&mut self.runner, case)
            }
            Kind::ForcedFails(_) => {
                leaves_nodes_alone(&mut self.runner, program)
                    || fails_by_order(&mut self.runner, case, fusion)
                    || fails_in_another_join_order(&mut self.runner, case)
                    || fails_beyond_its_end(&mut self.runner, case)
            }
            Kind::NativeFails(_) => {
                fails_by_order(&mut self.runner, case, Planned::Native(""))
                    || asks_for_least_or_greatest(&mut self.runner, program)
            }
            _ => false,
        };
        if unreached { Verdict::Unreached } else { verdict }
    }

    /// Other rows than those of the serial plan: perhaps so different that all plans say so.
    fn serial(
        &mut self,
        case: &Case,
        program: &Program,
        own: &Determined,
        (native, forced): (&[Report], &[Report]),
        found: &Difference,
    ) -> Verdict {
        let any = determined(&case.query, Basis::Any);
        let whole = any.as_ref().filter(|any| *any == own);
        if whole.is_some() {
            return if self.contradicts_itself(program, own, native, &OTHER_PLANS) {
                Verdict::Undetermined
            } else {
                Verdict::Different(found.clone())
            };
        }
        if let Some(any) = any
            && let Verdict::Different(found) = verdict(&any, native, forced)
            && !self.contradicts_itself(program, &any, native, &OTHER_PLANS)
        {
            return Verdict::Different(found);
        }
        if self.contradicts_itself(program, own, native, &SAME_PLAN) {
            return Verdict::Undetermined;
        }
        Verdict::Different(Difference { kind: Kind::Serial, text: found.text.clone() })
    }

    /// Whether PostgreSQL gives something else with other plans.
    fn contradicts_itself(
        &mut self,
        program: &Program,
        determined: &Determined,
        native: &[Report],
        plans: &[&str],
    ) -> bool {
        plans.iter().any(|more| {
            let other = self.runner.run(program, Planned::Native(more), 1);
            !other.iter().any(|report| matches!(report.outcome, Outcome::TimedOut))
                && matches!(verdict(determined, native, &other), Verdict::Different(_))
        })
    }
}

/// Whether a step failed both ways, with the same error about data.
fn fail_alike(native: &[Report], forced: &[Report]) -> bool {
    native.iter().zip(forced).any(|pair| match (&pair.0.outcome, &pair.1.outcome) {
        (Outcome::Failed(native), Outcome::Failed(forced)) => {
            native.is_data_exception() && native.sqlstate == forced.sqlstate
        }
        _ => false,
    })
}

impl Judge for Oracle {
    fn judge(&mut self, case: &Case) -> Judgement {
        let only = |verdict| Judgement { verdict, fusion_lines: Vec::new() };
        if let Err(error) = self.runner.load(&case.schema) {
            let failure = Failure { sqlstate: "load".to_owned(), message: format!("{error:#}") };
            return only(Verdict::Invalid(failure));
        }
        let Some(determined) = determined(&case.query, case.basis) else {
            return only(Verdict::Undetermined);
        };
        let program = case.program();
        let fusion = Planned::Fusion(case.against);
        let mut fusion_lines = Vec::new();
        match self.runner.explain(&program, fusion, Explain::Plan) {
            Outcome::Rows(rows) => {
                let plan = Plan::parse(&rows.lines());
                if plan.fusion_nodes() == 0 {
                    return only(Verdict::NotTaken);
                }
                fusion_lines = plan.fusion_lines().map(str::to_owned).collect();
            }
            Outcome::Failed(failure) if failure.is_about_the_query() => {
                let native = self.runner.explain(&program, Planned::Native(""), Explain::Plan);
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

/// What the parts of two runs say: the first difference, or else the first of what is not
/// simply the same.
fn verdict(determined: &Determined, native: &[Report], forced: &[Report]) -> Verdict {
    let mut whole = Verdict::Same(0);
    for (native, forced) in native.iter().zip(forced) {
        let part = of_part(determined, native, forced);
        whole = match (whole, part) {
            (_, Verdict::Different(difference)) => return Verdict::Different(difference),
            (Verdict::Same(some), Verdict::Same(more)) => Verdict::Same(some + more),
            (Verdict::Same(_), other) => other,
            (whole, _) => whole,
        };
    }
    whole
}

fn of_part(determined: &Determined, native: &Report, forced: &Report) -> Verdict {
    let different = |kind, text| Verdict::Different(Difference { kind, text });
    match (&native.outcome, &forced.outcome) {
        (Outcome::Rows(one), Outcome::Rows(other)) => {
            let Some(determined) = compared(determined, native.about.min(forced.about)) else {
                return Verdict::Same(0);
            };
            match difference(&determined, one, other) {
                None => Verdict::Same(one.rows.len()),
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

/// What is determined of rows; nothing if they are not to be compared.
fn compared(query: &Determined, about: About) -> Option<Determined> {
    let exact = |rows| Determined { rows, looks: Vec::new(), keys: Vec::new() };
    match about {
        About::Nothing => None,
        About::Result => Some(query.clone()),
        About::Composite if query.looks.iter().all(|look| *look == Look::Exact) => {
            Some(exact(query.rows))
        }
        // Only how many there are.
        About::Composite => Some(exact(Which::Keys)),
        About::Part => (query.rows == Which::Ordered).then(|| query.clone()),
        About::Bag => Some(exact(Which::Bag)),
        About::List => Some(exact(Which::Ordered)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn verdicts() {
        let bag = Determined { rows: Which::Bag, looks: vec![Look::Exact], keys: Vec::new() };
        let report =
            |outcome: &Outcome| [Report { about: About::Result, outcome: outcome.clone() }];
        let both =
            |native: &Outcome, forced: &Outcome| verdict(&bag, &report(native), &report(forced));
        let kind = |native: &Outcome, forced: &Outcome| match both(native, forced) {
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
