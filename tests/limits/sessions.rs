//! More fusion queries than `pg_fusion.max_sessions`: they wait for their turn.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Instant;

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::await_that;
use fusion_tests::query::{pool, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, start};
use fusion_tests::victim::{Failure, Victim, activity, assert_recovered, watcher};
use postgres::Client;

/// A server with two sessions, for one test at a time.
fn turn() -> (MutexGuard<'static, ()>, &'static Server) {
    static TURN: Mutex<()> = Mutex::new(());
    static SERVER: OnceLock<Server> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    (turn, SERVER.get_or_init(|| start(&["--set", "pg_fusion.max_sessions=2"])))
}

/// A client that holds a session.
fn holder(server: &Server) -> Client {
    let mut client = server.connect();
    set_mode(&mut client, Mode::Force);
    client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT a.id, b.id FROM sale a \
             JOIN sale b ON a.qty = b.qty; FETCH 10 FROM c",
        )
        .unwrap();
    client
}

/// Another cursor for such a client.
const SECOND: &str = "DECLARE d CURSOR FOR SELECT a.id, b.id FROM sale a \
    JOIN sale b ON a.qty = b.qty; FETCH 10 FROM d";

#[test]
fn many_clients_get_their_turn() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let expected = Rows::from(watcher.simple_query(BY_CITY).unwrap());
    drop(watcher);
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                let mut client = server.connect();
                set_mode(&mut client, Mode::Force);
                for _ in 0..8 {
                    let rows = Rows::from(client.simple_query(BY_CITY).unwrap());
                    assert_eq!(rows, expected);
                }
            });
        }
    });
    assert_recovered(server);
}

/// A wait is visible as the wait event of extensions, and those who wait are served in
/// the order in which they came.
#[test]
fn waiting_is_visible_and_in_order() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let first = holder(server);
    let mut second = holder(server);
    let mut waiting = Vec::new();
    for _ in 0..5 {
        let victim = Victim::run(server, "", BY_CITY);
        await_that("a visible wait", || {
            let (_, class, event) = activity(&mut watcher, victim.pid).unwrap();
            (class.as_str(), event.as_str()) == ("Extension", "Extension")
        });
        assert_eq!(pool(&mut watcher).sessions, 2);
        waiting.push(victim);
    }
    thread::sleep(std::time::Duration::from_millis(200));
    assert!(waiting.iter().all(|victim| !victim.has_ended()));
    // One session for five queries.
    second.batch_execute("COMMIT").unwrap();
    let ends: Vec<Instant> = waiting
        .into_iter()
        .map(|victim| {
            let (outcome, at, _) = victim.outcome_at();
            assert_eq!(outcome.unwrap().rows.len(), 4);
            at
        })
        .collect();
    // Two clients that are served one after the other may look at the clock in the other
    // order, on a busy machine.
    let slack = std::time::Duration::from_millis(500);
    let in_turn = ends.windows(2).all(|pair| pair[0] <= pair[1] + slack);
    assert!(in_turn, "somebody was overtaken: {ends:?}");
    drop((first, second, watcher));
    assert_recovered(server);
}

/// One that gives up waiting does not keep the others from their turn.
#[test]
fn a_cancelled_wait_leaves_the_queue() {
    let (_turn, server) = turn();
    let mut watcher = watcher(server);
    let mut holders = [holder(server), holder(server)];
    let waiting = [(); 3].map(|()| {
        let victim = Victim::run(server, "", BY_CITY);
        await_that("a wait", || {
            activity(&mut watcher, victim.pid).is_some_and(|(_, class, _)| class == "Extension")
        });
        victim
    });
    let [first, second, third] = waiting;
    first.cancel();
    assert!(first.outcome().unwrap_err().is_cancel());
    let terminate = "SELECT pg_terminate_backend($1, 30000)";
    watcher.query_one(terminate, &[&second.pid]).unwrap();
    assert!(second.outcome().unwrap_err().is_disconnect());
    holders[0].batch_execute("COMMIT").unwrap();
    assert_eq!(third.outcome().unwrap().rows.len(), 4);
    drop((holders, watcher));
    assert_recovered(server);
}

/// Whoever holds several sessions already waits for a further one for a few seconds only,
/// so that nobody waits for ever in a circle.
#[test]
fn a_circle_of_waiting_ends_with_a_clear_error() {
    let (_turn, server) = turn();
    let failures: Vec<Failure> = thread::scope(|scope| {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = holder(server);
                    client.batch_execute(SECOND).unwrap();
                    // Both have two, one of them kept for such, and want a third.
                    await_that("four sessions", || pool(&mut watcher(server)).sessions == 4);
                    client.simple_query(BY_CITY).map_err(Failure::from).err()
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(!failures.is_empty());
    for failure in &failures {
        assert_eq!(failure.code, "53400", "{failure:?}");
        assert_eq!(failure.message, "all 2 sessions of pg_fusion are taken");
        assert!(failure.hint.contains("pg_fusion.max_sessions"), "{failure:?}");
    }
    assert_recovered(server);
}

/// All sessions are taken by backends that want another: there are as many again for them.
#[test]
fn a_query_beside_a_cursor_finds_a_session() {
    let (_turn, server) = turn();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut client = holder(server);
                await_that("two sessions", || pool(&mut watcher(server)).sessions >= 2);
                assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()).rows.len(), 4);
            });
        }
    });
    assert_recovered(server);
}
