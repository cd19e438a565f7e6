//! The server is stopped and started again under load, in all three modes, and its
//! postmaster is killed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fusion_bench::compare::difference;
use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::{await_that, children, is_alive, signal};
use fusion_tests::query::{pool, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, turn};
use fusion_tests::victim::{Failure, Victim, assert_recovered, watcher};
use postgres::NoTls;

/// A client that connects, runs a query, and compares. Gives the errors of queries;
/// that it cannot connect is none.
fn client(server: &Server, expected: &Rows, stop: &AtomicBool, done: &AtomicUsize) -> Vec<Failure> {
    let mut failures = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut client) = server.config().connect(NoTls) else {
            thread::sleep(Duration::from_millis(20));
            continue;
        };
        let result = client
            .batch_execute(Mode::Force.settings())
            .and_then(|()| client.simple_query(BY_CITY));
        match result {
            Ok(messages) => {
                assert_eq!(difference(expected, &Rows::from(messages)), None);
                done.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    failures
}

#[test]
fn restarts_under_load() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let expected = Rows::from(watcher.simple_query(BY_CITY).unwrap());
    drop(watcher);
    for mode in ["smart", "fast", "immediate"] {
        let stop = AtomicBool::new(false);
        let done = AtomicUsize::new(0);
        let before = server.postmaster().unwrap();
        let (failures, took) = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..6).map(|_| scope.spawn(|| client(server, &expected, &stop, &done))).collect();
            await_that("the first results", || done.load(Ordering::Relaxed) > 20);
            let start = Instant::now();
            let restarted = server.pg_ctl("restart", &["--mode", mode]);
            let took = start.elapsed();
            let after = done.load(Ordering::Relaxed);
            await_that("results after the restart", || done.load(Ordering::Relaxed) > after + 20);
            stop.store(true, Ordering::Relaxed);
            let failures: Vec<Failure> =
                clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
            restarted.unwrap();
            (failures, took)
        });
        println!("{mode}: restarted in {took:?}, {} queries failed", failures.len());
        assert_ne!(server.postmaster().unwrap(), before);
        for failure in &failures {
            // The worker may be gone a moment before the backend is told to go.
            let gone = failure.is_disconnect() || failure.code == "58000";
            assert!(gone && mode != "smart", "{mode}: {failure:?}");
        }
        assert_recovered(server);
    }
}

/// A fast stop ends queries that would run for minutes.
#[test]
fn a_fast_restart_does_not_wait_for_queries() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let victims = [(); 4].map(|()| {
        Victim::run(
            server,
            "",
            "SELECT count(*) FROM sale a JOIN sale b ON a.qty = b.qty JOIN sale c ON c.qty = b.qty",
        )
    });
    let mut idle = server.connect();
    set_mode(&mut idle, Mode::Force);
    idle.batch_execute(
        "BEGIN; DECLARE c CURSOR FOR SELECT a.id FROM sale a JOIN sale b ON a.qty = b.qty; \
         FETCH 5 FROM c",
    )
    .unwrap();
    await_that("five sessions", || pool(&mut watcher).sessions == 5);
    drop(watcher);
    let start = Instant::now();
    server.pg_ctl("restart", &["--mode", "fast"]).unwrap();
    println!("fast restart with four busy sessions: {:?}", start.elapsed());
    for victim in victims {
        let failure = victim.outcome().unwrap_err();
        assert!(failure.is_disconnect() || failure.code == "58000", "{failure:?}");
    }
    assert!(idle.simple_query("FETCH 1 FROM c").is_err());
    assert_recovered(server);
}

/// Without its postmaster every process ends by itself, and the data directory can be
/// started again.
#[test]
fn a_killed_postmaster() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let sleepy = "CREATE OR REPLACE FUNCTION sleepy(int) RETURNS bool LANGUAGE plpgsql STABLE \
        COST 1 AS 'BEGIN PERFORM pg_sleep(0.05); RETURN true; END'";
    watcher.batch_execute(sleepy).unwrap();
    let victims = [
        "SELECT count(*) FROM sale a JOIN sale b ON a.qty = b.qty JOIN sale c ON c.qty = b.qty",
        "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id WHERE sleepy(sale.id) \
         GROUP BY city",
    ]
    .map(|sql| Victim::run(server, "", sql));
    await_that("two sessions", || pool(&mut watcher).sessions == 2);
    let orphans = children(server);
    assert!(orphans.iter().any(|process| process.title.contains("pg_fusion worker")));
    signal(server.postmaster().unwrap(), "KILL");
    let start = Instant::now();
    for process in &orphans {
        await_that(&format!("{process:?} to end"), || !is_alive(process.pid));
    }
    println!("without a postmaster, {} processes ended in {:?}", orphans.len(), start.elapsed());
    for victim in victims {
        assert!(victim.outcome().unwrap_err().is_disconnect());
    }
    drop(watcher);
    // Until somebody has waited for the dead postmaster, its process id is taken, and
    // PostgreSQL believes that it runs.
    await_that("the server to start again", || server.pg_ctl("start", &[]).is_ok());
    assert_recovered(server);
}
