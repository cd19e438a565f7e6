//! What it costs to bring a table's rows to the engine, in three steps that build on
//! each other.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::connect::Session;
use crate::measure::Mode;
use crate::stats::{median, round3};

/// The columns that TPC-H Q1 reads, and how many bytes a row of them has in a page:
/// two views, four decimals and a date.
const COLUMNS: [&str; 7] = [
    "l_returnflag",
    "l_linestatus",
    "l_quantity",
    "l_extendedprice",
    "l_discount",
    "l_tax",
    "l_shipdate",
];
const ROW_BYTES: u64 = 2 * 16 + 4 * 16 + 4;

/// The steps: the value of `pg_fusion.feed_stage`, and what is done.
const STEPS: [(&str, &str); 3] = [
    ("decode", "fetch and decode"),
    ("encode", "and encode into pages"),
    ("send", "and count in the engine"),
];

/// The figures; field names are a format others read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Feed {
    /// Fetching and decoding alone: the median.
    pub a_ms: f64,
    /// With encoding into pages, which are dropped.
    pub b_ms: f64,
    /// With the engine counting the rows.
    pub c_ms: f64,
    /// What encoding adds.
    pub b_over_a: f64,
    /// What encoding, handing over and counting add.
    pub c_over_a: f64,
    /// Rows of the table.
    pub rows: u64,
    /// Bytes of the rows in pages.
    pub bytes: u64,
}

impl Feed {
    fn new(medians: [f64; 3], rows: u64) -> Self {
        let [a, b, c] = medians;
        Self {
            a_ms: round3(a),
            b_ms: round3(b),
            c_ms: round3(c),
            b_over_a: round3(b / a),
            c_over_a: round3(c / a),
            rows,
            bytes: rows * ROW_BYTES,
        }
    }

    /// The figures in words.
    pub fn to_text(&self) -> String {
        let times = [self.a_ms, self.b_ms, self.c_ms];
        let lines = STEPS.iter().zip(times).map(|((_, what), ms)| {
            let per_second = |count: u64| count as f64 / ms / 1e3;
            format!(
                "{what:26} {ms:>8.1} ms  {:>5.2} x  {:>6.1} M rows/s  {:>7.0} MB/s\n",
                ms / self.a_ms,
                per_second(self.rows),
                per_second(self.bytes),
            )
        });
        lines.collect()
    }

    /// Writes the figures to `feed-sf<SF>.json` in `folder`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, folder: &Path, scale: f64) -> Result<()> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("feed-sf{scale}.json"));
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&path, text).with_context(|| format!("could not write {}", path.display()))
    }
}

/// Measures `runs` times, the steps taking turns, after one warm-up each.
///
/// # Errors
/// If the server has no TPC-H data, or does not feed the table.
pub fn measure(session: &mut Session, runs: usize) -> Result<Feed> {
    let counts = COLUMNS.map(|column| format!("count({column})")).join(", ");
    let query = format!("SELECT {counts} FROM lineitem");
    let plan = session.fetch(Mode::Force.settings(), &format!("EXPLAIN (COSTS OFF) {query}"))?;
    anyhow::ensure!(plan.lines().contains("(Feed)"), "lineitem is not fed:\n{}", plan.lines());
    let rows = session.fetch("", "SELECT count(*) FROM lineitem")?.lines();
    let rows: u64 = rows.trim().parse().with_context(|| format!("rows: {rows:?}"))?;
    let mut times: [Vec<f64>; 3] = Default::default();
    for run in 0..=runs {
        for ((stage, _), times) in STEPS.iter().zip(&mut times) {
            let settings =
                format!("{}; SET pg_fusion.feed_stage = {stage}", Mode::Force.settings());
            session.fetch(&settings, "SELECT 1")?;
            let start = Instant::now();
            let counted = session.fetch(&settings, &query)?.lines();
            let elapsed: Duration = start.elapsed();
            let all = counted.contains(&rows.to_string());
            anyhow::ensure!(all == (*stage == "send"), "{stage} counted {counted}");
            if run > 0 {
                times.push(elapsed.as_secs_f64() * 1e3);
            }
        }
    }
    session.fetch("RESET pg_fusion.feed_stage", "SELECT 1")?;
    let medians = times.map(|times| median(&times).unwrap_or(f64::NAN));
    Ok(Feed::new(medians, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_from_the_times() {
        let feed = Feed::new([100.0, 150.0, 180.0], 1_000_000);
        assert_eq!((feed.b_over_a, feed.c_over_a, feed.bytes), (1.5, 1.8, 100_000_000));
        assert!(feed.to_text().contains("1.80 x"), "{}", feed.to_text());
        assert!(feed.to_text().contains("10.0 M rows/s"), "{}", feed.to_text());
    }
}
