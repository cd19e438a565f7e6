//! Running a query in a mode, and saying what must hold of it.

use std::time::{Duration, Instant};

use fusion_bench::compare::difference;
use fusion_bench::connect::{Rows, describe};
use fusion_bench::measure::Mode;
use postgres::Client;

use crate::plan::Plan;

/// What a query gave: its rows as text, or its error as `message (SQLSTATE code)`.
pub fn run(client: &mut Client, mode: Mode, sql: &str) -> Result<Rows, String> {
    set_mode(client, mode);
    client.simple_query(sql).map(Rows::from).map_err(|error| describe(&error))
}

/// Switches a session to a mode.
pub fn set_mode(client: &mut Client, mode: Mode) {
    client.batch_execute(mode.settings()).expect("pg_fusion is loaded and has its settings");
}

/// The plan of a query in a mode.
pub fn plan(client: &mut Client, mode: Mode, sql: &str) -> Plan {
    let explain = format!("EXPLAIN (FORMAT JSON) {sql}");
    let rows = run(client, mode, &explain).expect("the query can be planned");
    Plan::parse(&rows.lines())
}

/// Asserts that a query gives, as text, the rows or the error of PostgreSQL alone:
/// when cost decides, and forced.
pub fn assert_same(client: &mut Client, sql: &str) {
    let native = run(client, Mode::Off, sql);
    for mode in [Mode::On, Mode::Force] {
        let fused = run(client, mode, sql);
        match (&native, &fused) {
            (Ok(native), Ok(fused)) => {
                if let Some(text) = difference(native, fused) {
                    panic!("mode {}: {text}\n{sql}", mode.as_str());
                }
            }
            (native, fused) => assert_eq!(fused, native, "mode {}\n{sql}", mode.as_str()),
        }
    }
}

/// Asserts that the forced plan of a query has a PgFusion node: without this, a
/// comparison would compare PostgreSQL with itself.
pub fn assert_uses_fusion(client: &mut Client, sql: &str) {
    let plan = plan(client, Mode::Force, sql);
    assert!(plan.fusion_nodes() > 0, "no PgFusion node in {plan}\n{sql}");
}

/// What `pg_fusion_pool()` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Pages of the shared region.
    pub pages_total: i64,
    /// Pages that nobody holds.
    pub pages_free: i64,
    /// Fusion plans that are running.
    pub sessions: i32,
}

impl Pool {
    /// Whether nothing is held.
    pub fn is_idle(&self) -> bool {
        self.pages_free == self.pages_total && self.sessions == 0
    }
}

/// Reads the pool.
pub fn pool(client: &mut Client) -> Pool {
    let row = client
        .query_one("SELECT pages_total, pages_free, sessions FROM pg_fusion_pool()", &[])
        .expect("pg_fusion_pool() gives one row");
    Pool { pages_total: row.get(0), pages_free: row.get(1), sessions: row.get(2) }
}

/// Asserts that every page and session is given back: soon, since the worker
/// finishes its side after the backend has answered.
pub fn assert_pool_becomes_idle(client: &mut Client) {
    let start = Instant::now();
    loop {
        let pool = pool(client);
        assert!(pool.pages_total > 0, "{pool:?}");
        if pool.is_idle() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "left behind: {pool:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
