//! Fits the planner's cost settings to measured plans.
//!
//! A pg_fusion plan's cost is linear in the settings: what PostgreSQL counts for the
//! leaves, plus each setting times how often it applies. How often is found by asking
//! EXPLAIN again with the setting at zero. The time that a unit of cost should take is that
//! of PostgreSQL's own plans of the same queries: the median, because its units are uneven.
//! Then the settings are moved until the costs fit the times, each in proportion, so that
//! short and long queries count alike.

use std::fmt::Write;

use anyhow::{Context, Result};

use crate::connect::Session;
use crate::measure::Mode;
use crate::queries::Query;
use crate::stats::median;

/// The settings that are fitted. The others (starting a session, taking rows back) hardly
/// matter to queries of this size, and cannot be told from noise.
const SETTINGS: [&str; 3] =
    ["pg_fusion.scan_cost_factor", "pg_fusion.feed_tuple_cost", "pg_fusion.operator_cost"];

/// Leaves pg_fusion as the only cheap way, without distorting its costs as
/// `pg_fusion.force` does.
const ONLY_FUSION: &str = "SET enable_fusion_customscan = on; SET pg_fusion.force = off; \
    SET enable_nestloop = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET enable_hashagg = off; SET enable_sort = off; SET enable_gathermerge = off";
/// PostgreSQL again.
const ONLY_NATIVE: &str = "RESET enable_nestloop; RESET enable_hashjoin; RESET enable_mergejoin; \
    RESET enable_hashagg; RESET enable_sort; RESET enable_gathermerge";
/// What a disabled node costs more, or beyond any real cost.
const DISABLED: f64 = 1e9;

/// One query, planned both ways.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The query.
    pub query: &'static str,
    /// PostgreSQL alone: cost and milliseconds.
    pub native: (f64, f64),
    /// The pg_fusion plan: cost with all fitted settings at zero.
    pub base: f64,
    /// How much the cost grows with each setting.
    pub growth: [f64; 3],
    /// Its milliseconds.
    pub fusion_ms: f64,
}

impl Sample {
    fn cost(&self, settings: &[f64; 3]) -> f64 {
        self.base
            + self.growth.iter().zip(settings).map(|(growth, value)| growth * value).sum::<f64>()
    }
}

/// The outcome.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Milliseconds that a unit of PostgreSQL's costs takes.
    pub ms_per_unit: f64,
    /// The values of the fitted settings.
    pub settings: [f64; 3],
    /// How far off the costs are: the mean factor.
    pub error: f64,
}

/// Plans and runs `queries` both ways; those that do not finish, or that pg_fusion does not
/// take whole, are left out.
///
/// # Errors
/// If the server cannot be asked.
pub fn measure(session: &mut Session, queries: &[Query], runs: usize) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for query in queries {
        let off = format!("{ONLY_NATIVE}; {}", Mode::Off.settings());
        let current = cost(session, ONLY_FUSION, query.sql)?;
        if current >= DISABLED {
            continue;
        }
        let mut base = current;
        let mut growth = [0.0; 3];
        for (growth, name) in growth.iter_mut().zip(SETTINGS) {
            let value: f64 = session.fetch("", &format!("SHOW {name}"))?.lines().trim().parse()?;
            let without = format!("{ONLY_FUSION}; SET {name} = 0");
            let share = (current - cost(session, &without, query.sql)?).max(0.0);
            session.fetch(&format!("RESET {name}"), "SELECT 1")?;
            *growth = share / value;
            base -= share;
        }
        let native_cost = cost(session, &off, query.sql)?;
        let (Some(native), Some(fusion)) =
            (time(session, &off, query.sql, runs), time(session, ONLY_FUSION, query.sql, runs))
        else {
            continue;
        };
        let (query, base) = (query.name, base.max(0.0));
        samples.push(Sample {
            query,
            native: (native_cost, native),
            base,
            growth,
            fusion_ms: fusion,
        });
    }
    session.fetch(ONLY_NATIVE, "SELECT 1")?;
    Ok(samples)
}

/// The total cost of a query's plan.
fn cost(session: &mut Session, settings: &str, sql: &str) -> Result<f64> {
    let plan = session.fetch(settings, &format!("EXPLAIN {sql}"))?.lines();
    let first = plan.lines().find(|line| line.contains("cost=")).unwrap_or_default();
    let total = first.split("..").nth(1).and_then(|rest| rest.split_whitespace().next());
    total.and_then(|total| total.parse().ok()).with_context(|| format!("no cost in {first}"))
}

/// The median time, after a warm-up; `None` if the query did not finish.
fn time(session: &mut Session, settings: &str, sql: &str, runs: usize) -> Option<f64> {
    let mut times = Vec::new();
    for run in 0..=runs {
        match session.run(settings, sql) {
            crate::connect::Outcome::Done(ms, _) if run > 0 => times.push(ms),
            crate::connect::Outcome::Done(..) => {}
            _ => return None,
        }
    }
    median(&times)
}

/// Fits the settings to the samples; `None` if there are none.
pub fn fit(samples: &[Sample], start: [f64; 3]) -> Option<Fit> {
    let units: Vec<f64> = samples.iter().map(|sample| sample.native.1 / sample.native.0).collect();
    let ms_per_unit = median(&units)?;
    let loss = |settings: &[f64; 3]| {
        let errors = samples.iter().map(|sample| {
            (sample.cost(settings).max(1.0) * ms_per_unit / sample.fusion_ms).ln().powi(2)
        });
        errors.sum::<f64>() / samples.len() as f64
    };
    let (mut settings, mut step) = (start, 2.0_f64);
    while step > 1.005 {
        let before = loss(&settings);
        for index in 0..settings.len() {
            for factor in [step, 1.0 / step] {
                let mut tried = settings;
                tried[index] *= factor;
                if loss(&tried) < loss(&settings) {
                    settings = tried;
                }
            }
        }
        if loss(&settings) >= before {
            step = step.sqrt();
        }
    }
    Some(Fit { ms_per_unit, settings, error: loss(&settings).sqrt().exp() })
}

/// The samples and the fit in words, and what would be chosen.
pub fn report(samples: &[Sample], fit: &Fit) -> String {
    let mut text = String::new();
    let mut wrong = 0;
    for sample in samples {
        let cost = sample.cost(&fit.settings);
        let chosen = cost < sample.native.0;
        // A tenth is within the noise.
        let right = chosen == (sample.fusion_ms < sample.native.1)
            || (sample.fusion_ms / sample.native.1).ln().abs() < 0.1;
        wrong += usize::from(!right);
        let _ = writeln!(
            text,
            "{}  PostgreSQL {:>9.0} units {:>8.1} ms   pg_fusion {:>9.0} units {:>8.1} ms   {}{}",
            sample.query,
            sample.native.0,
            sample.native.1,
            cost,
            sample.fusion_ms,
            if chosen { "pg_fusion" } else { "PostgreSQL" },
            if right { "" } else { "  (the slower)" },
        );
    }
    let _ = writeln!(
        text,
        "{:.5} ms per unit; costs are off by a factor of {:.2}; {wrong} of {} choices wrong",
        fit.ms_per_unit,
        fit.error,
        samples.len(),
    );
    for (name, value) in SETTINGS.iter().zip(fit.settings) {
        let _ = writeln!(text, "{name} = {value:.5}");
    }
    text
}

/// The settings' values on the server, from which a fit starts.
///
/// # Errors
/// If the server cannot be asked.
pub fn current(session: &mut Session) -> Result<[f64; 3]> {
    let mut values = [0.0; 3];
    for (value, name) in values.iter_mut().zip(SETTINGS) {
        *value = session.fetch("", &format!("SHOW {name}"))?.lines().trim().parse()?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(growth: [f64; 3], truth: [f64; 3]) -> Sample {
        let mut sample =
            Sample { query: "q01", native: (1000.0, 2.0), base: 100.0, growth, fusion_ms: 0.0 };
        sample.fusion_ms = sample.cost(&truth) * 0.002;
        sample
    }

    #[test]
    fn settings_are_found_again() {
        let truth = [0.5, 0.01, 0.002];
        let growths = [[1e4, 1e3, 1e5], [1e3, 1e5, 1e4], [1e2, 1e3, 1e6], [1e5, 1e4, 1e4]];
        let samples = growths.map(|growth| sample(growth, truth));
        let fit = fit(&samples, [0.7, 0.004, 0.0005]).unwrap();
        for (found, wanted) in fit.settings.iter().zip(truth) {
            assert!((found / wanted - 1.0).abs() < 0.1, "{:?}", fit.settings);
        }
        assert!(fit.error < 1.05, "{fit:?}");
        assert!(report(&samples, &fit).contains("0 of 4 choices wrong") || fit.error > 1.0);
    }

    #[test]
    fn no_samples_give_no_fit() {
        assert!(fit(&[], [1.0; 3]).is_none());
    }
}
