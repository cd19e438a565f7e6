//! Runs one query in the three modes, taking turns, and compares every result
//! with the first one PostgreSQL gave alone.
//!
//! A mode that timed out or failed is not run again for that query. Nothing that
//! happens to one query stops the next: failures are part of the measurement.

use std::time::Duration;

use crate::compare::difference;
use crate::connect::{Outcome, Rows, Session};
use crate::process::{PeakMemory, fusion_worker_of};
use crate::queries::Query;
use crate::stats::{median, speedup};

/// How the planner may use pg_fusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Not at all: PostgreSQL alone.
    Off,
    /// As installed: the cheaper plan wins.
    On,
    /// Wherever possible, whatever it costs.
    Force,
}

impl Mode {
    /// All modes, in the order of their turns.
    pub const ALL: [Self; 3] = [Self::Off, Self::On, Self::Force];

    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Force => "force",
        }
    }

    /// The statements that switch a session to it.
    pub fn settings(self) -> &'static str {
        match self {
            Self::Off => "SET enable_fusion_customscan = off; SET pg_fusion.force = off",
            Self::On => "SET enable_fusion_customscan = on; SET pg_fusion.force = off",
            Self::Force => "SET enable_fusion_customscan = on; SET pg_fusion.force = on",
        }
    }
}

/// How often to run what.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Measured runs per mode, after one warm-up.
    pub runs: usize,
    /// Run the forced mode once only: for its result, not its time.
    pub force_once: bool,
    /// A mode that takes longer than this is not repeated.
    pub patience: Duration,
    /// The server has no pg_fusion: measure PostgreSQL alone.
    pub plain: bool,
}

/// What one mode did.
#[derive(Clone, Debug, Default)]
pub struct ModeResult {
    times: Vec<f64>,
    /// The statement timeout ended it.
    pub timed_out: bool,
    /// The first error.
    pub error: Option<String>,
    /// Where its result differs from PostgreSQL's.
    pub difference: Option<String>,
    /// Whether its plan has a PgFusion node; unknown when EXPLAIN failed.
    pub uses_fusion: Option<bool>,
    /// The most memory, in MB, that the worker had to itself in the warm-up run.
    pub peak_mb: Option<f64>,
}

impl ModeResult {
    /// The median of the measured runs. When there was only the warm-up (a slow
    /// query is not always repeated), its time.
    pub fn median_ms(&self) -> Option<f64> {
        if self.timed_out || self.error.is_some() {
            return None;
        }
        match self.times.as_slice() {
            [only] => Some(*only),
            [_warm_up, measured @ ..] => median(measured),
            [] => None,
        }
    }

    fn over(&self, plan: &Plan) -> bool {
        let patience_ms = plan.patience.as_secs_f64() * 1000.0;
        self.timed_out
            || self.error.is_some()
            || self.times.last().is_some_and(|time| *time > patience_ms)
    }
}

/// What one query did in all modes.
#[derive(Clone, Debug)]
pub struct QueryResult {
    /// `q01` to `q22`.
    pub query: &'static str,
    modes: [ModeResult; 3],
}

impl QueryResult {
    /// The part of one mode.
    pub fn mode(&self, mode: Mode) -> &ModeResult {
        &self.modes[mode as usize]
    }

    /// How many times faster a mode is than PostgreSQL alone.
    pub fn speedup(&self, mode: Mode) -> Option<f64> {
        speedup(self.mode(Mode::Off).median_ms(), self.mode(mode).median_ms())
    }

    /// Whether all results are the same to the byte: false if any mode differs or
    /// failed, unknown if PostgreSQL alone, or both other modes, gave no result.
    pub fn equal(&self) -> Option<bool> {
        let failed = |m: &ModeResult| m.error.is_some() || m.difference.is_some();
        if self.modes.iter().any(failed) {
            return Some(false);
        }
        let done = |mode| !self.mode(mode).times.is_empty();
        (done(Mode::Off) && (done(Mode::On) || done(Mode::Force))).then_some(true)
    }

    /// All errors, with the mode they happened in.
    pub fn error(&self) -> Option<String> {
        let errors: Vec<String> = Mode::ALL
            .iter()
            .filter_map(|&mode| {
                Some(format!("{}: {}", mode.as_str(), self.mode(mode).error.as_ref()?))
            })
            .collect();
        (!errors.is_empty()).then(|| errors.join("; "))
    }

    /// All differences, with the mode they happened in.
    pub fn differences(&self) -> Vec<String> {
        Mode::ALL
            .iter()
            .filter_map(|&mode| {
                Some(format!("{}: {}", mode.as_str(), self.mode(mode).difference.as_ref()?))
            })
            .collect()
    }

    /// A result made by hand, for tests of what reads results.
    #[cfg(test)]
    pub(crate) fn fake(query: &'static str, times: [Option<f64>; 3]) -> Self {
        let modes = times.map(|time| ModeResult {
            times: time.into_iter().collect(),
            timed_out: time.is_none(),
            uses_fusion: Some(true),
            peak_mb: time.map(|time| 12.0 + time),
            ..ModeResult::default()
        });
        let mut result = Self { query, modes };
        (result.modes[0].uses_fusion, result.modes[0].peak_mb) = (Some(false), None);
        result
    }

    /// The same with an error in the forced mode.
    #[cfg(test)]
    pub(crate) fn with_force_error(mut self, message: &str) -> Self {
        self.modes[2].error = Some(message.to_owned());
        self
    }
}

/// Measures one query; `on_run` is told of each run before it starts.
pub fn measure(
    session: &mut Session,
    query: &Query,
    plan: &Plan,
    mut on_run: impl FnMut(Mode, usize),
) -> QueryResult {
    let mut result = QueryResult { query: query.name, modes: Default::default() };
    let modes: &[Mode] = if plan.plain { &[Mode::Off] } else { &Mode::ALL };
    let mut reference: Option<Rows> = None;
    for &mode in modes {
        result.modes[mode as usize].uses_fusion = uses_fusion(session, query, plan, mode);
    }
    for round in 0..=plan.runs {
        for &mode in modes {
            let state = &mut result.modes[mode as usize];
            let once = mode == Mode::Force && plan.force_once;
            if state.over(plan) || (once && round > 0) {
                continue;
            }
            on_run(mode, round);
            // Only in the warm-up, for looking takes time, too.
            let watched = round == 0 && state.uses_fusion == Some(true);
            let worker = if watched { fusion_worker_of(session) } else { None };
            let watch = worker.map(PeakMemory::watch);
            let outcome = session.run(settings(plan, mode), query.sql);
            if let Some(watch) = watch {
                state.peak_mb = watch.end();
            }
            match outcome {
                Outcome::Done(time, rows) => {
                    state.times.push(time);
                    match &reference {
                        Some(expected) if state.difference.is_none() => {
                            state.difference = difference(expected, &rows);
                        }
                        Some(_) => {}
                        // Only PostgreSQL alone says what is right.
                        None if mode == Mode::Off => reference = Some(rows),
                        None => {}
                    }
                }
                Outcome::TimedOut => state.timed_out = true,
                Outcome::Failed(message) => state.error = Some(message),
            }
        }
    }
    result
}

/// The statements that switch a session to a mode; none for a plain server.
fn settings(plan: &Plan, mode: Mode) -> &'static str {
    if plan.plain { "" } else { mode.settings() }
}

/// Whether the plan has a PgFusion node.
fn uses_fusion(session: &mut Session, query: &Query, plan: &Plan, mode: Mode) -> Option<bool> {
    let explain = format!("EXPLAIN {}", query.sql);
    let rows = session.fetch(settings(plan, mode), &explain).ok()?;
    Some(rows.lines().contains("Custom Scan (PgFusion"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_counts_only_when_it_is_alone() {
        let mut mode = ModeResult { times: vec![100.0], ..ModeResult::default() };
        assert_eq!(mode.median_ms(), Some(100.0));
        mode.times = vec![100.0, 1.0, 3.0, 2.0];
        assert_eq!(mode.median_ms(), Some(2.0));
        mode.timed_out = true;
        assert_eq!(mode.median_ms(), None);
    }

    #[test]
    fn equality_needs_postgresql_and_one_more() {
        let all = QueryResult::fake("q01", [Some(2.0), Some(1.0), Some(1.0)]);
        assert_eq!(all.equal(), Some(true));
        assert_eq!(all.speedup(Mode::On), Some(2.0));
        let no_reference = QueryResult::fake("q01", [None, Some(1.0), Some(1.0)]);
        assert_eq!(no_reference.equal(), None);
        assert_eq!(no_reference.speedup(Mode::On), None);
        let alone = QueryResult::fake("q01", [Some(1.0), None, None]);
        assert_eq!(alone.equal(), None);
        let one = QueryResult::fake("q01", [Some(1.0), None, Some(1.0)]);
        assert_eq!(one.equal(), Some(true));
        let failed = all.with_force_error("boom");
        assert_eq!(failed.equal(), Some(false));
        assert_eq!(failed.error().unwrap(), "force: boom");
    }

    #[test]
    fn a_difference_is_not_equal() {
        let mut result = QueryResult::fake("q01", [Some(2.0), Some(1.0), Some(1.0)]);
        result.modes[1].difference = Some("row 1".to_owned());
        assert_eq!(result.equal(), Some(false));
        assert_eq!(result.differences(), ["on: row 1"]);
    }

    #[test]
    fn slow_modes_are_not_repeated() {
        let plan =
            Plan { runs: 3, force_once: false, patience: Duration::from_millis(50), plain: false };
        let mut mode = ModeResult { times: vec![49.0], ..ModeResult::default() };
        assert!(!mode.over(&plan));
        mode.times.push(51.0);
        assert!(mode.over(&plan));
    }
}
