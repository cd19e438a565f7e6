//! The demonstration: every query with PostgreSQL alone and with pg_fusion as
//! installed, line by line as they finish, and one plan worth looking at.

use std::time::Duration;

use crate::connect::Session;
use crate::measure::{Mode, Plan, QueryResult, measure};
use crate::progress::Progress;
use crate::queries::{QUERIES, Query};
use crate::report::{plan_name, show_equal, show_ms, speedups_on};
use crate::stats::geometric_mean;

/// Runs the demonstration and says whether every result was equal.
pub fn demo(session: &mut Session, queries: &[Query], runs: usize) -> bool {
    let plan = Plan { runs, force_once: true, patience: Duration::from_secs(4), plain: false };
    println!();
    println!("query   PostgreSQL ms   pg_fusion ms   speed-up   plan chosen   equal");
    println!("-----   -------------   ------------   --------   -----------   -----");
    let progress = Progress::new();
    let mut results = Vec::new();
    for query in queries {
        let task = progress.task(query.name, 2 * (runs as u64 + 1) + 1);
        let result = measure(session, query, &plan, |mode, round| {
            let what = if round == 0 { "warm-up".to_owned() } else { format!("run {round}") };
            task.message(&format!("{} {what}", mode.as_str()));
            task.advance(1);
        });
        task.finish();
        println!("{}", line(&result));
        for difference in result.differences() {
            println!("        {difference}");
        }
        if let Some(error) = result.error() {
            println!("        {error}");
        }
        results.push(result);
    }
    summary(&results) & explain(session)
}

fn line(result: &QueryResult) -> String {
    let speedup = result.speedup(Mode::On).map_or("-".to_owned(), |s| format!("{s:.2}"));
    format!(
        "{:<5}   {:>13}   {:>12}   {:>8}   {:<11}   {}",
        result.query,
        show_ms(result.mode(Mode::Off).median_ms()),
        show_ms(result.mode(Mode::On).median_ms()),
        speedup,
        plan_name(result.mode(Mode::On).uses_fusion),
        show_equal(result.equal())
    )
}

/// Prints the summary; true if all results are equal.
fn summary(results: &[QueryResult]) -> bool {
    let equal = results.iter().filter(|r| r.equal() == Some(true)).count();
    let chosen = results.iter().filter(|r| r.mode(Mode::On).uses_fusion == Some(true)).count();
    let forced = results.iter().filter(|r| r.mode(Mode::Force).uses_fusion == Some(true)).count();
    println!();
    if let Some(mean) = geometric_mean(&speedups_on(results)) {
        println!("geometric mean of the speed-ups: {mean:.2}");
    }
    println!(
        "{equal} of {} results equal to the byte; PgFusion chosen by cost in {chosen} plans, \
         possible in {forced}",
        results.len()
    );
    println!(
        "(\"equal\" compares PostgreSQL alone with the plan chosen and with pg_fusion.force = on; \
         a query slower than 4 s is not repeated)"
    );
    equal == results.len()
}

/// Prints EXPLAIN ANALYZE of a join with aggregation; true if it could be had.
fn explain(session: &mut Session) -> bool {
    let query = &QUERIES[2];
    let explain = format!("EXPLAIN (ANALYZE, COSTS OFF) {}", query.sql);
    let plan = session.fetch(Mode::Force.settings(), &explain);
    println!("\nEXPLAIN (ANALYZE, COSTS OFF) of {}, pg_fusion.force = on:\n", query.name);
    match &plan {
        Ok(rows) => println!("{}", rows.lines()),
        Err(error) => println!("failed: {error:#}"),
    }
    plan.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_line_up_with_the_heading() {
        let result = QueryResult::fake("q01", [Some(300.0), Some(100.0), Some(90.0)]);
        assert_eq!(
            line(&result),
            "q01               300            100       3.00   PgFusion      yes"
        );
        let timeout = QueryResult::fake("q17", [None, Some(100.0), None]);
        assert_eq!(
            line(&timeout),
            "q17                 -            100          -   PgFusion      -"
        );
    }

    #[test]
    fn all_must_be_equal() {
        let good = QueryResult::fake("q01", [Some(2.0), Some(1.0), Some(1.0)]);
        let unknown = QueryResult::fake("q02", [None, Some(1.0), Some(1.0)]);
        assert!(summary(std::slice::from_ref(&good)));
        assert!(!summary(&[good, unknown]));
    }
}
