//! The first promises: every TPC-H result is PostgreSQL's own, the forced plans of
//! the plain ones are one PgFusion node, what cannot use pg_fusion runs as before,
//! and no way of ending a query leaves a page or a session behind.
//!
//! `pg_fusion_pool()` counts for the whole server, so the tests take turns.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use fusion_bench::measure::Mode;
use fusion_bench::queries::{QUERIES, Query};
use fusion_bench::stats::median;
use fusion_tests::query::{
    assert_pool_becomes_idle, assert_same, assert_uses_fusion, plan, pool, run, set_mode,
};
use fusion_tests::server::tpch;
use postgres::error::SqlState;
use postgres::{Client, NoTls};

/// A forced join of many millions of row pairs: it runs until it is stopped.
const ENDLESS: &str = "SELECT count(*), sum(a.l_linenumber + b.l_linenumber) \
    FROM lineitem a JOIN lineitem b ON a.l_linestatus = b.l_linestatus";

/// One test at a time, with a connection of its own.
fn turn() -> (MutexGuard<'static, ()>, Client) {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed has reported that itself.
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (turn, tpch().connect())
}

fn tpch_query(number: usize) -> &'static Query {
    &QUERIES[number - 1]
}

#[test]
fn tpch_results_are_postgresqls() {
    let (_turn, mut client) = turn();
    for query in QUERIES {
        assert_same(&mut client, query.sql);
        assert_pool_becomes_idle(&mut client);
    }
}

#[test]
fn plain_tpch_queries_are_one_node() {
    let (_turn, mut client) = turn();
    for number in [1, 3, 5, 6, 10, 12] {
        let query = tpch_query(number);
        let plan = plan(&mut client, Mode::Force, query.sql);
        assert_eq!(plan.fusion_nodes(), 1, "{}: {plan}", query.name);
        assert_eq!(plan.native_joins_and_aggregates(), 0, "{}: {plan}", query.name);
    }
}

#[test]
fn off_means_off() {
    let (_turn, mut client) = turn();
    for query in QUERIES {
        let plan = plan(&mut client, Mode::Off, query.sql);
        assert_eq!(plan.fusion_nodes(), 0, "{}: {plan}", query.name);
    }
}

#[test]
fn what_cannot_use_fusion_runs_as_before() {
    let (_turn, mut client) = turn();
    client
        .batch_execute("CREATE TEMP TABLE scratch AS SELECT g AS a FROM generate_series(1, 100) g")
        .unwrap();
    for (sql, never) in [
        ("SELECT n_name FROM nation WHERE n_nationkey < 3 ORDER BY 1 FOR UPDATE", true),
        ("UPDATE scratch SET a = a + 1 WHERE a > 50 RETURNING a", true),
        ("DELETE FROM scratch USING nation WHERE a = n_nationkey RETURNING a, n_name", false),
        ("SELECT count(*) FROM nation WHERE random() > 2", false),
    ] {
        let native = plan(&mut client, Mode::Off, sql);
        let forced = plan(&mut client, Mode::Force, sql);
        if never {
            assert_eq!(forced.to_string(), native.to_string(), "{sql}");
        }
        client.batch_execute("BEGIN").unwrap();
        let expected = run(&mut client, Mode::Off, sql);
        client.batch_execute("ROLLBACK; BEGIN").unwrap();
        let actual = run(&mut client, Mode::Force, sql);
        client.batch_execute("ROLLBACK").unwrap();
        assert_eq!(actual, expected, "{sql}");
        assert!(actual.is_ok(), "{sql}");
    }
}

#[test]
fn a_statement_timeout_leaves_nothing() {
    let (_turn, mut client) = turn();
    assert_uses_fusion(&mut client, ENDLESS);
    client.batch_execute("SET statement_timeout = '300ms'").unwrap();
    for _ in 0..3 {
        let start = Instant::now();
        let error = client.simple_query(ENDLESS).unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
    client.batch_execute("RESET statement_timeout").unwrap();
    assert_pool_becomes_idle(&mut client);
    assert_same(&mut client, tpch_query(1).sql);
}

/// Joins that take minutes in the worker, in each of its ways: many pairs for few
/// rows, and conditions that reject all of them.
const LONG_JOINS: [&str; 4] = [
    "SELECT count(*) FROM orders a JOIN orders b ON a.o_orderpriority = b.o_orderpriority \
     JOIN orders c ON b.o_orderpriority = c.o_orderpriority",
    "SELECT count(*) FROM lineitem a JOIN lineitem b ON a.l_linestatus = b.l_linestatus \
     AND a.l_linenumber + b.l_linenumber > 100",
    "SELECT count(*) FROM lineitem a JOIN lineitem b ON a.l_orderkey > b.l_orderkey + 100000000",
    "SELECT count(*) FROM lineitem a CROSS JOIN lineitem b",
];

#[test]
fn a_stopped_join_stops_in_the_worker() {
    let (_turn, mut client) = turn();
    for sql in LONG_JOINS {
        assert_uses_fusion(&mut client, sql);
        client.batch_execute("SET statement_timeout = '500ms'").unwrap();
        let error = client.simple_query(sql).unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error}");
        client.batch_execute("RESET statement_timeout").unwrap();
        assert_pool_becomes_idle(&mut client);
    }
}

#[test]
fn a_cancelled_query_leaves_nothing() {
    let (_turn, mut client) = turn();
    assert_uses_fusion(&mut client, ENDLESS);
    // Early, while it starts, and in the middle.
    for delay in [0, 1, 5, 20, 100, 400] {
        let token = client.cancel_token();
        let ended = Arc::new(AtomicBool::new(false));
        let canceller = thread::spawn({
            let ended = Arc::clone(&ended);
            move || {
                thread::sleep(Duration::from_millis(delay));
                // A request that comes before the query has no effect: repeat it.
                while !ended.load(Ordering::Relaxed) {
                    token.cancel_query(NoTls).unwrap();
                    thread::sleep(Duration::from_millis(50));
                }
            }
        });
        let start = Instant::now();
        let error = client.simple_query(ENDLESS).unwrap_err();
        ended.store(true, Ordering::Relaxed);
        canceller.join().unwrap();
        assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED), "{error}");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        // The last request may come late and hit the next statement.
        let _ = client.simple_query("SELECT 1");
        assert_pool_becomes_idle(&mut tpch().connect());
    }
    assert_same(&mut client, tpch_query(6).sql);
}

#[test]
fn a_terminated_backend_leaves_nothing() {
    let (_turn, mut client) = turn();
    let mut victim = tpch().connect();
    set_mode(&mut victim, Mode::Force);
    let pid: i32 = victim.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let runner = thread::spawn(move || victim.simple_query(ENDLESS).is_err());
    thread::sleep(Duration::from_millis(300));
    client.execute("SELECT pg_terminate_backend($1, 10000)", &[&pid]).unwrap();
    assert!(runner.join().unwrap());
    assert_pool_becomes_idle(&mut client);
    assert_same(&mut client, tpch_query(6).sql);
}

#[test]
fn an_error_leaves_nothing_and_is_postgresqls() {
    let (_turn, mut client) = turn();
    for sql in [
        "SELECT sum(1 / (l_linenumber - 3)) FROM lineitem",
        "SELECT sum(l_linenumber + 2147483647) FROM lineitem",
    ] {
        assert_uses_fusion(&mut client, sql);
        assert_same(&mut client, sql);
        assert!(run(&mut client, Mode::Force, sql).is_err(), "{sql}");
        assert_pool_becomes_idle(&mut client);
    }
}

#[test]
fn a_limit_leaves_nothing() {
    let (_turn, mut client) = turn();
    for sql in [
        "SELECT l_orderkey, l_linenumber, l_comment FROM lineitem LIMIT 5",
        "SELECT l_orderkey, o_orderdate FROM lineitem JOIN orders ON l_orderkey = o_orderkey \
         WHERE l_quantity > 10 LIMIT 7",
        "SELECT l_orderkey, l_linenumber FROM lineitem ORDER BY 1, 2 LIMIT 9",
    ] {
        let rows = run(&mut client, Mode::Force, sql).unwrap();
        assert!(!rows.rows.is_empty(), "{sql}");
        assert_pool_becomes_idle(&mut client);
    }
}

#[test]
fn a_closed_cursor_leaves_nothing() {
    let (_turn, mut client) = turn();
    let sql = "SELECT l_orderkey, o_orderdate FROM lineitem \
        JOIN orders ON l_orderkey = o_orderkey WHERE l_quantity > 10";
    assert_uses_fusion(&mut client, sql);
    for end in ["CLOSE c; COMMIT", "COMMIT", "ROLLBACK"] {
        set_mode(&mut client, Mode::Force);
        client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {sql}")).unwrap();
        let rows = client.query("FETCH 10 FROM c", &[]).unwrap();
        assert_eq!(rows.len(), 10);
        assert_eq!(pool(&mut client).sessions, 1, "the cursor's fusion plan is running");
        client.batch_execute(end).unwrap();
        assert_pool_becomes_idle(&mut client);
    }
}

/// Reports what the hooks cost at planning; a time is no reason to fail.
#[test]
fn planning_time_of_a_six_table_join() {
    let (_turn, mut client) = turn();
    let explain = format!("EXPLAIN (SUMMARY ON) {}", tpch_query(5).sql);
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..40 {
        for (mode, times) in [Mode::Off, Mode::On].into_iter().zip(&mut times) {
            let lines = run(&mut client, mode, &explain).unwrap().lines();
            let time = lines.lines().find_map(|line| {
                line.strip_prefix("Planning Time: ")?.strip_suffix(" ms")?.parse::<f64>().ok()
            });
            times.push(time.expect("EXPLAIN (SUMMARY ON) prints the planning time"));
        }
    }
    let [off, on] = times.map(|times| median(&times).unwrap());
    println!("planning q05: off {off:.3} ms, on {on:.3} ms, {:+.0} %", (on / off - 1.0) * 100.0);
}
