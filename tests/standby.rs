//! A hot standby: its own fusion worker, its own pages, the primary's rows.

use std::process::{Child, Command, Stdio};

use fusion_bench::compare::difference;
use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::await_that;
use fusion_tests::query::{assert_pool_becomes_idle, pool, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, start};
use fusion_tests::victim::Failure;
use postgres::{Client, Config, NoTls};

/// A standby in the primary's folder, on another port.
struct Standby<'a> {
    primary: &'a Server,
    config: Config,
    postmaster: Child,
}

impl<'a> Standby<'a> {
    fn of(primary: &'a Server, settings: &[&str]) -> Self {
        let data = primary.dir().join("standby");
        let mut copy = primary.program("pg_basebackup");
        copy.args(["--host", primary.dir().to_str().unwrap(), "--port", "5432"]);
        copy.args(["--username", "postgres", "--write-recovery-conf", "--checkpoint", "fast"]);
        copy.arg("--no-sync").arg("--pgdata").arg(&data);
        assert!(copy.status().unwrap().success(), "pg_basebackup");
        let mut start = primary.program("postgres");
        start.arg("-D").arg(&data).args(["-c", "port=5433"]);
        for setting in settings {
            start.args(["-c", setting]);
        }
        let log = std::fs::File::create(primary.dir().join("standby.log")).unwrap();
        start.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let postmaster = start.spawn().unwrap();
        let mut config = Config::new();
        config.host_path(primary.dir()).port(5433).user("postgres").dbname("postgres");
        let standby = Self { primary, config, postmaster };
        await_that("the standby", || standby.config.connect(NoTls).is_ok());
        standby
    }

    fn connect(&self) -> Client {
        self.config.connect(NoTls).expect("the standby takes connections")
    }

    fn ctl(&self, action: &[&str]) -> Command {
        let mut command = self.primary.program("pg_ctl");
        command.args(action).arg("--pgdata").arg(self.primary.dir().join("standby"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Waits until the standby has all that the primary has written.
    fn catch_up(&self) {
        let mut primary = self.primary.connect();
        let sql = "SELECT pg_current_wal_flush_lsn()::text";
        let position: String = primary.query_one(sql, &[]).unwrap().get(0);
        let mut client = self.connect();
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
        await_that("the standby to catch up", || {
            client.query_one(replayed.as_str(), &[]).unwrap().get(0)
        });
    }
}

impl Drop for Standby<'_> {
    fn drop(&mut self) {
        let _ = self.ctl(&["stop", "--mode=immediate", "--wait"]).status();
        let _ = self.postmaster.wait();
    }
}

fn primary() -> Server {
    // What is committed is flushed, so the standby can be waited for.
    let settings = ["wal_level=replica", "max_wal_senders=4", "synchronous_commit=on"];
    start(&settings.map(|setting| ["--set", setting]).concat())
}

/// The rows of a fused plan, after the rows of PostgreSQL alone.
fn both(client: &mut Client, sql: &str) -> (Rows, Rows) {
    set_mode(client, Mode::Off);
    let native = Rows::from(client.simple_query(sql).unwrap());
    set_mode(client, Mode::Force);
    let mut plan = String::new();
    // The worker starts when the standby is consistent, a moment after or before us.
    await_that("a fused plan on the standby", || {
        plan = Rows::from(client.simple_query(&format!("EXPLAIN {sql}")).unwrap()).lines();
        plan.contains("Custom Scan (PgFusion)")
    });
    (native, Rows::from(client.simple_query(sql).unwrap()))
}

#[test]
fn queries_follow_the_primary() {
    let primary = primary();
    let standby = Standby::of(&primary, &[]);
    let mut client = standby.connect();
    assert!(client.query_one("SELECT pg_is_in_recovery()", &[]).unwrap().get::<_, bool>(0));
    let mut writer = primary.connect();
    let mut seen = Vec::new();
    for round in 0..5 {
        let (native, forced) = both(&mut client, BY_CITY);
        assert_eq!(difference(&native, &forced), None);
        seen.push(forced);
        let change = format!("UPDATE sale SET price = price + 1 WHERE id % 5 = {round}");
        writer.batch_execute(&change).unwrap();
        standby.catch_up();
    }
    seen.dedup();
    assert_eq!(seen.len(), 5, "each change was seen");
    // A cursor keeps its snapshot while changes are replayed.
    client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT sum(price) FROM sale \
        JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city",
        )
        .unwrap();
    assert_eq!(pool(&mut standby.connect()).sessions, 0, "it has not begun to run");
    writer.batch_execute("UPDATE sale SET price = 0").unwrap();
    standby.catch_up();
    let rows = Rows::from(client.simple_query("FETCH ALL FROM c").unwrap());
    assert!(rows.rows.iter().all(|row| row[0].as_deref() != Some("0.00")), "{rows:?}");
    client.batch_execute("COMMIT").unwrap();
    assert_pool_becomes_idle(&mut client);
    assert_pool_becomes_idle(&mut writer);
}

/// Replay that must remove rows which a query still needs cancels the query.
#[test]
fn a_conflict_with_recovery_cancels_the_query() {
    let primary = primary();
    let standby = Standby::of(&primary, &["max_standby_streaming_delay=100ms"]);
    let mut victim = standby.connect();
    both(&mut victim, BY_CITY);
    let runner = std::thread::spawn(move || {
        victim
            .simple_query(
                "SELECT count(*) FROM sale a JOIN sale b ON a.qty = b.qty \
                 JOIN sale c ON c.qty = b.qty",
            )
            .map(drop)
            .map_err(Failure::from)
    });
    let mut watcher = standby.connect();
    await_that("a session", || pool(&mut watcher).sessions == 1);
    let mut writer = primary.connect();
    writer.batch_execute("DELETE FROM sale WHERE id % 2 = 0").unwrap();
    writer.batch_execute("VACUUM sale").unwrap();
    await_that("the query to be cancelled", || runner.is_finished());
    let failure = runner.join().unwrap().unwrap_err();
    assert_eq!(failure.code, "40001", "{failure:?}");
    assert_eq!(failure.message, "canceling statement due to conflict with recovery");
    assert_pool_becomes_idle(&mut watcher);
    standby.catch_up();
    let (native, forced) = both(&mut watcher, BY_CITY);
    assert_eq!(difference(&native, &forced), None);
}

/// A promoted standby goes on, with the worker that it had.
#[test]
fn promotion() {
    let primary = primary();
    let standby = Standby::of(&primary, &[]);
    let mut client = standby.connect();
    let (native, _) = both(&mut client, BY_CITY);
    client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT a.id FROM sale a JOIN sale b ON a.qty = b.qty; \
             FETCH 10 FROM c",
        )
        .unwrap();
    assert!(standby.ctl(&["promote", "--wait"]).status().unwrap().success());
    // What was open stays open, and what is new can write.
    assert_eq!(client.query("FETCH 1000 FROM c", &[]).unwrap().len(), 1000);
    client.batch_execute("COMMIT").unwrap();
    assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()), native);
    client.batch_execute("CREATE TABLE t AS SELECT * FROM sale; ANALYZE t").unwrap();
    let (native, forced) =
        both(&mut client, "SELECT count(*), sum(price) FROM t JOIN shop ON shop.id = shop_id");
    assert_eq!(difference(&native, &forced), None);
    assert_pool_becomes_idle(&mut client);
}
