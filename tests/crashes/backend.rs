//! A backend is killed while its query runs: PostgreSQL restarts all processes, as it
//! always does then, and the shared pages are empty again.

use fusion_tests::process::{await_some, await_that, is_alive, running_worker, signal};
use fusion_tests::query::pool;
use fusion_tests::shops::turn;
use fusion_tests::victim::{Victim, assert_recovered, watcher};

const COMPUTING: &str = "SELECT count(*) FROM sale a JOIN sale b ON a.qty = b.qty \
    JOIN sale c ON c.qty = b.qty";

#[test]
fn a_killed_leader() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    let mut watcher = watcher(server);
    let victims = [(); 3].map(|()| Victim::run(server, "", COMPUTING));
    await_that("three sessions", || pool(&mut watcher).sessions == 3);
    signal(victims[1].pid as u32, "KILL");
    for victim in victims {
        let failure = victim.outcome().unwrap_err();
        assert!(failure.is_disconnect(), "{failure:?}");
    }
    await_that("the worker to end", || !is_alive(worker));
    drop(watcher);
    assert_recovered(server);
}

/// A parallel worker that feeds is killed.
#[test]
fn a_killed_producer() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let settings = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
        SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2";
    let slow = "CREATE OR REPLACE FUNCTION slow(int) RETURNS bool LANGUAGE plpgsql STABLE \
        PARALLEL SAFE COST 1 AS 'BEGIN PERFORM pg_sleep(0.05); RETURN true; END'";
    watcher.batch_execute(slow).unwrap();
    let victim = Victim::run(
        server,
        settings,
        "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id WHERE slow(sale.id) \
         GROUP BY city",
    );
    let producer = await_some("a parallel worker", || {
        let sql = "SELECT pid FROM pg_stat_activity WHERE leader_pid = $1 LIMIT 1";
        Some(watcher.query_opt(sql, &[&victim.pid]).unwrap()?.get::<_, i32>(0))
    });
    signal(producer as u32, "KILL");
    let failure = victim.outcome().unwrap_err();
    assert!(failure.is_disconnect(), "{failure:?}");
    drop(watcher);
    assert_recovered(server);
}
