//! The fusion worker is ended by signals and by the operating system's memory limit,
//! when it is idle and when it is busy.

use std::thread;
use std::time::{Duration, Instant};

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::{await_that, is_alive, private_memory_mb, running_worker, signal};
use fusion_tests::query::{pool, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, turn};
use fusion_tests::victim::{Failure, Victim, activity, assert_recovered, watcher};

/// Takes minutes in the engine.
const COMPUTING: &str = "SELECT count(*) FROM sale a JOIN sale b ON a.qty = b.qty \
    JOIN sale c ON c.qty = b.qty";

/// Returns rows for minutes.
const RETURNING: &str = "COPY (SELECT a.id, b.id, a.item FROM sale a JOIN sale b ON a.qty = b.qty) \
    TO STDOUT";

/// Feeds for a minute: the leaf's condition takes its time.
const FEEDING: &str = "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id \
    WHERE sleepy(sale.id) GROUP BY city";

const SLEEPY: &str = "CREATE OR REPLACE FUNCTION sleepy(int) RETURNS bool LANGUAGE plpgsql STABLE \
    COST 1 AS 'BEGIN PERFORM pg_sleep(0.004); RETURN true; END'";

/// Three busy sessions.
fn busy(server: &Server) -> [Victim; 3] {
    let mut watcher = watcher(server);
    watcher.batch_execute(SLEEPY).unwrap();
    let victims = [COMPUTING, RETURNING, FEEDING].map(|sql| Victim::run(server, "", sql));
    await_that("three sessions", || pool(&mut watcher).sessions == 3);
    victims
}

fn assert_replaced(server: &Server, worker: u32) {
    await_that("the worker to end", || !is_alive(worker));
    assert_ne!(running_worker(server), worker);
}

fn assert_worker_gone(failure: &Failure) {
    assert_eq!(failure.code, "58000", "{failure:?}");
    assert_eq!(failure.message, "the pg_fusion worker ended while it ran the query");
    assert_eq!(failure.hint, "Repeat the query; the worker is started again by itself.");
}

#[test]
fn terminated_when_idle() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    signal(worker, "TERM");
    assert_replaced(server, worker);
    assert_recovered(server);
}

/// The queries that it ran fail, with a hint; nobody else notices.
#[test]
fn terminated_when_busy() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    let mut bystander = watcher(server);
    let backend: i32 = bystander.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    let victims = busy(server);
    signal(worker, "TERM");
    for victim in victims {
        assert_worker_gone(&victim.outcome().unwrap_err());
    }
    let row = bystander.query_one("SELECT pg_backend_pid()", &[]).unwrap();
    assert_eq!(row.get::<_, i32>(0), backend, "the server was not restarted");
    drop(bystander);
    assert_replaced(server, worker);
    assert_recovered(server);
}

/// A leaf whose rows take seconds.
#[test]
fn a_slow_leaf_is_told_of_the_end() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let slow = "CREATE OR REPLACE FUNCTION slow(int) RETURNS bool LANGUAGE plpgsql STABLE \
        COST 1 AS 'BEGIN PERFORM pg_sleep(0.2); RETURN true; END'";
    watcher.batch_execute(slow).unwrap();
    let victim = Victim::run(server, "", &FEEDING.replace("sleepy", "slow"));
    await_that("a slow leaf", || {
        activity(&mut watcher, victim.pid).is_some_and(|(_, _, event)| event == "PgSleep")
    });
    let start = Instant::now();
    signal(running_worker(server), "TERM");
    assert_worker_gone(&victim.outcome().unwrap_err());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop(watcher);
    assert_recovered(server);
}

/// SIGINT cancels queries, and the worker has none of its own.
#[test]
fn interrupted() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    let victims = busy(server);
    for _ in 0..5 {
        signal(worker, "INT");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(victims.iter().all(|victim| !victim.has_ended()), "a query was disturbed");
    assert_eq!(running_worker(server), worker);
    for victim in &victims {
        victim.cancel();
    }
    for victim in victims {
        let failure = victim.outcome().unwrap_err();
        assert!(failure.is_cancel(), "{failure:?}");
    }
    assert_recovered(server);
}

/// A plan made while the worker was up waits for the next one; a query that is planned
/// meanwhile is PostgreSQL's.
#[test]
fn queries_while_the_worker_is_down() {
    let (_turn, server) = turn();
    let mut client = watcher(server);
    let native = Rows::from(client.simple_query(BY_CITY).unwrap());
    set_mode(&mut client, Mode::Force);
    client
        .batch_execute(&format!("SET plan_cache_mode = force_generic_plan; PREPARE q AS {BY_CITY}"))
        .unwrap();
    assert_eq!(Rows::from(client.simple_query("EXECUTE q").unwrap()), native);
    let explain = |client: &mut postgres::Client, sql: &str| {
        let rows = client.simple_query(&format!("EXPLAIN {sql}")).unwrap();
        Rows::from(rows).lines().contains("Custom Scan (PgFusion)")
    };
    assert!(explain(&mut client, "EXECUTE q"));
    let worker = running_worker(server);
    signal(worker, "TERM");
    await_that("the worker to end", || !is_alive(worker));
    // The postmaster starts the next one after a second.
    assert!(!explain(&mut client, BY_CITY), "planned for a worker that is not there");
    assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()), native);
    assert!(explain(&mut client, "EXECUTE q"), "the plan is the one that was made before");
    assert_eq!(Rows::from(client.simple_query("EXECUTE q").unwrap()), native);
    assert_replaced(server, worker);
    drop(client);
    assert_recovered(server);
}

/// SIGQUIT and SIGKILL are crashes: PostgreSQL ends all of its processes and starts
/// again, as it does when a backend is killed.
#[test]
fn crashed_when_idle() {
    let (_turn, server) = turn();
    for name in ["QUIT", "KILL"] {
        let worker = running_worker(server);
        let mut bystander = watcher(server);
        signal(worker, name);
        assert_replaced(server, worker);
        await_that("the bystander's connection to end", || {
            bystander.simple_query("SELECT 1").is_err()
        });
        assert_recovered(server);
    }
}

#[test]
fn crashed_when_busy() {
    let (_turn, server) = turn();
    for name in ["QUIT", "KILL"] {
        let worker = running_worker(server);
        let victims = busy(server);
        signal(worker, name);
        for victim in victims {
            let failure = victim.outcome().unwrap_err();
            assert!(failure.is_disconnect(), "{name}: {failure:?}");
        }
        assert_replaced(server, worker);
        assert_recovered(server);
    }
}

/// The operating system refuses memory: that ends the worker like a crash. The next
/// one has its memory again.
#[test]
fn out_of_the_operating_systems_memory() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    let before = private_memory_mb(worker).unwrap();
    // Most of the address space is reserved and not used, so the limit is a bit above
    // what there is.
    let status = std::fs::read_to_string(format!("/proc/{worker}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let size: u64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap();
    if !server.limit(worker, &format!("--as={}:", (size + 64 * 1024) * 1024)) {
        println!("skipped: prlimit is missing or may not");
        return;
    }
    // Some 350 MB of groups.
    let hungry = "SELECT count(*), max(n) FROM (SELECT a.item || b.id || a.id AS k, count(*) AS n \
        FROM sale a JOIN sale b ON a.shop_id = b.shop_id AND b.id < 5000 GROUP BY 1) q";
    let failure = Victim::run(server, "", hungry).outcome().unwrap_err();
    println!("{before:.0} MB before; {failure:?}");
    assert!(failure.is_disconnect() || failure.code == "53200", "{failure:?}");
    if is_alive(worker) {
        // It has survived, and the limit must not stay.
        signal(worker, "TERM");
    }
    assert_replaced(server, worker);
    assert_recovered(server);
}
