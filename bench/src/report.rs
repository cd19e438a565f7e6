//! The report of a benchmark: JSON for machines, a Markdown table for readers.

use anyhow::Result;
use serde::Serialize;

use crate::measure::{Mode, QueryResult};
use crate::stats::{geometric_mean, round3};

/// A whole benchmark. Field names and order are a format others read.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// TPC-H scale factor.
    pub scale: f64,
    /// `pk` or `none`.
    pub indexes: &'static str,
    /// Measured runs per mode.
    pub runs: usize,
    /// What `server_version` says.
    pub postgres_version: String,
    /// One entry per query.
    pub queries: Vec<Entry>,
    /// Geometric mean of off ÷ on over the queries that have both times.
    pub geomean_speedup_on: Option<f64>,
    /// The smallest off ÷ on: below 1, the query that pg_fusion slowed most.
    pub slowest_ratio_on: Option<f64>,
}

/// One query of a benchmark; a time is null after a timeout or an error.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// `q01` to `q22`.
    pub query: &'static str,
    /// Median with PostgreSQL alone.
    pub off_ms: Option<f64>,
    /// Median when cost decides.
    pub on_ms: Option<f64>,
    /// Median when pg_fusion is used wherever possible.
    pub force_ms: Option<f64>,
    /// Whether cost chose a plan with PgFusion.
    pub on_uses_fusion: Option<bool>,
    /// Whether the forced plan has PgFusion.
    pub force_uses_fusion: Option<bool>,
    /// Whether all results are the same to the byte.
    pub equal: Option<bool>,
    /// What went wrong.
    pub error: Option<String>,
    /// The most memory that the worker had to itself when cost decided, in MB; null
    /// without PgFusion in the plan, and where the operating system does not say.
    pub on_peak_mb: Option<f64>,
    /// The same where pg_fusion was used wherever possible.
    pub force_peak_mb: Option<f64>,
}

impl Entry {
    fn new(result: &QueryResult) -> Self {
        let ms = |mode| result.mode(mode).median_ms().map(round3);
        let peak = |mode| result.mode(mode).peak_mb.map(round3);
        Self {
            query: result.query,
            off_ms: ms(Mode::Off),
            on_ms: ms(Mode::On),
            force_ms: ms(Mode::Force),
            on_uses_fusion: result.mode(Mode::On).uses_fusion,
            force_uses_fusion: result.mode(Mode::Force).uses_fusion,
            equal: result.equal(),
            error: result.error(),
            on_peak_mb: peak(Mode::On),
            force_peak_mb: peak(Mode::Force),
        }
    }
}

/// The speed-ups off ÷ on of all queries that have one.
pub fn speedups_on(results: &[QueryResult]) -> Vec<f64> {
    results.iter().filter_map(|result| result.speedup(Mode::On)).collect()
}

impl Report {
    /// Puts results together.
    pub fn new(
        scale: f64,
        indexes: &'static str,
        runs: usize,
        postgres_version: String,
        results: &[QueryResult],
    ) -> Self {
        let ratios = speedups_on(results);
        Self {
            scale,
            indexes,
            runs,
            postgres_version,
            queries: results.iter().map(Entry::new).collect(),
            geomean_speedup_on: geometric_mean(&ratios).map(round3),
            slowest_ratio_on: ratios.into_iter().reduce(f64::min).map(round3),
        }
    }

    /// The version without what the distribution adds to it.
    pub fn short_version(&self) -> &str {
        self.postgres_version.split_whitespace().next().unwrap_or_default()
    }

    /// The JSON text.
    pub fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The Markdown table with a summary.
    pub fn to_markdown(&self) -> String {
        let mut text = format!(
            "TPC-H scale factor {}, indexes: {}, PostgreSQL {}, medians of {} runs in ms\n\n\
             | query | off | on | force | off/on | off/force | plan | peak MB | equal | error |\n\
             |---|---:|---:|---:|---:|---:|---|---:|---|---|\n",
            self.scale,
            self.indexes,
            self.short_version(),
            self.runs
        );
        for entry in &self.queries {
            text.push_str(&format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
                entry.query,
                show_ms(entry.off_ms),
                show_ms(entry.on_ms),
                show_ms(entry.force_ms),
                show_ratio(entry.off_ms, entry.on_ms),
                show_ratio(entry.off_ms, entry.force_ms),
                plan_name(entry.on_uses_fusion),
                entry.force_peak_mb.map_or("-".to_owned(), |mb| format!("{mb:.0}")),
                show_equal(entry.equal),
                entry.error.as_deref().unwrap_or("").replace('|', "\\|").replace('\n', " "),
            ));
        }
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |v| format!("{v:.2}"));
        let equal = self.queries.iter().filter(|q| q.equal == Some(true)).count();
        text.push_str(&format!(
            "\n{equal} of {} equal; geometric mean of off/on {}, smallest {}\n",
            self.queries.len(),
            number(self.geomean_speedup_on),
            number(self.slowest_ratio_on),
        ));
        text
    }
}

/// A time for a table; a dash when there is none.
pub fn show_ms(value: Option<f64>) -> String {
    match value {
        Some(ms) if ms < 100.0 => format!("{ms:.1}"),
        Some(ms) => format!("{ms:.0}"),
        None => "-".to_owned(),
    }
}

fn show_ratio(base: Option<f64>, new: Option<f64>) -> String {
    crate::stats::speedup(base, new).map_or("-".to_owned(), |ratio| format!("{ratio:.2}"))
}

/// The plan's name for a table.
pub fn plan_name(uses_fusion: Option<bool>) -> &'static str {
    match uses_fusion {
        Some(true) => "PgFusion",
        Some(false) => "PostgreSQL",
        None => "-",
    }
}

/// Equality for a table.
pub fn show_equal(equal: Option<bool>) -> &'static str {
    match equal {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let results = [
            QueryResult::fake("q01", [Some(80.0), Some(20.0), Some(10.0)]),
            QueryResult::fake("q02", [Some(10.0), Some(20.0), Some(25.0)]),
            QueryResult::fake("q03", [None, Some(5.0), Some(5.0)]),
            QueryResult::fake("q04", [Some(10.0), None, Some(5.0)]).with_force_error("bad | thing"),
        ];
        Report::new(0.1, "pk", 3, "15.20".to_owned(), &results)
    }

    #[test]
    fn json_has_exactly_the_agreed_shape() {
        let value: serde_json::Value = serde_json::from_str(&report().to_json().unwrap()).unwrap();
        let expected = serde_json::json!({
            "scale": 0.1, "indexes": "pk", "runs": 3, "postgres_version": "15.20",
            "queries": [
                {"query": "q01", "off_ms": 80.0, "on_ms": 20.0, "force_ms": 10.0,
                 "on_uses_fusion": true, "force_uses_fusion": true, "equal": true, "error": null,
                 "on_peak_mb": 32.0, "force_peak_mb": 22.0},
                {"query": "q02", "off_ms": 10.0, "on_ms": 20.0, "force_ms": 25.0,
                 "on_uses_fusion": true, "force_uses_fusion": true, "equal": true, "error": null,
                 "on_peak_mb": 32.0, "force_peak_mb": 37.0},
                {"query": "q03", "off_ms": null, "on_ms": 5.0, "force_ms": 5.0,
                 "on_uses_fusion": true, "force_uses_fusion": true, "equal": null, "error": null,
                 "on_peak_mb": 17.0, "force_peak_mb": 17.0},
                {"query": "q04", "off_ms": 10.0, "on_ms": null, "force_ms": null,
                 "on_uses_fusion": true, "force_uses_fusion": true, "equal": false,
                 "error": "force: bad | thing",
                 "on_peak_mb": null, "force_peak_mb": 17.0},
            ],
            "geomean_speedup_on": 1.414, "slowest_ratio_on": 0.5,
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn markdown_reads_well() {
        let text = report().to_markdown();
        assert!(
            text.contains("| q01 | 80.0 | 20.0 | 10.0 | 4.00 | 8.00 | PgFusion | 22 | yes |  |")
        );
        assert!(text.contains("| q03 | - | 5.0 | 5.0 | - | - | PgFusion | 17 | - |  |"));
        assert!(text.contains("force: bad \\| thing"));
        assert!(text.ends_with("2 of 4 equal; geometric mean of off/on 1.41, smallest 0.50\n"));
    }

    #[test]
    fn times_have_few_digits() {
        assert_eq!(show_ms(Some(1.26)), "1.3");
        assert_eq!(show_ms(Some(1234.6)), "1235");
        assert_eq!(show_ms(None), "-");
    }
}
