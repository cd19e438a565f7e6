//! Snapshots: all leaves of a plan see the same, at every isolation level, whoever
//! writes meanwhile; conflicts of serializable transactions are found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::await_that;
use fusion_tests::query::{assert_pool_becomes_idle, set_mode};
use fusion_tests::scene::{Watched, assert_scene};
use fusion_tests::server::Server;
use fusion_tests::shops::turn;
use postgres::Client;

/// Two tables that every transaction changes alike, and none leaves with a sum that
/// is not zero.
const LEDGER: &str = "CREATE TABLE ledger_a (id int, amount int); \
    CREATE TABLE ledger_b (id int, amount int); \
    INSERT INTO ledger_a SELECT g, g % 100 FROM generate_series(1, 3000) g; \
    INSERT INTO ledger_b SELECT g, -(g % 100) FROM generate_series(1, 3000) g; \
    ANALYZE ledger_a; ANALYZE ledger_b";

/// Rows that differ between the tables, and the sum over both: zero and zero. And the
/// latest row, which tells snapshots apart: each round of a writer adds one.
const AUDIT: &str = "SELECT count(*) FILTER (WHERE a.id IS NULL OR b.id IS NULL), \
    sum(a.amount + b.amount), max(a.id) \
    FROM ledger_a a FULL JOIN ledger_b b ON a.id = b.id";

fn write(server: &Server, stop: &AtomicBool, seed: i32) -> usize {
    let mut client = server.connect();
    set_mode(&mut client, Mode::Off);
    let mut round = 0;
    while !stop.load(Ordering::Relaxed) {
        let id = (round * 7919 + seed * 104729) % 3000 + 1;
        let sql = match round % 3 {
            0 => format!(
                "BEGIN; UPDATE ledger_a SET amount = amount + 1 WHERE id = {id}; \
                 UPDATE ledger_b SET amount = amount - 1 WHERE id = {id}; COMMIT"
            ),
            1 => format!(
                "BEGIN; DELETE FROM ledger_a WHERE id = {id}; \
                 DELETE FROM ledger_b WHERE id = {id}; COMMIT"
            ),
            _ => format!(
                "BEGIN; INSERT INTO ledger_a VALUES ({id} + 3000 * {seed}, {round}); \
                 INSERT INTO ledger_b VALUES ({id} + 3000 * {seed}, -{round}); ROLLBACK; \
                 WITH a AS (INSERT INTO ledger_a VALUES (10000 + {seed} * 1000000 + {round}, 5)) \
                 INSERT INTO ledger_b VALUES (10000 + {seed} * 1000000 + {round}, -5)"
            ),
        };
        client.batch_execute(&sql).unwrap();
        round += 1;
    }
    round as usize
}

fn audit(client: &mut Client) -> (i64, i64, i32) {
    let row = client.query_one(AUDIT, &[]).unwrap();
    (row.get(0), row.get(1), row.get(2))
}

#[test]
fn every_leaf_has_the_same_snapshot() {
    let (_turn, server) = turn();
    server.connect().batch_execute(LEDGER).unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (1..=2)
            .map(|seed| {
                scope.spawn({
                    let stop = &stop;
                    move || write(server, stop, seed)
                })
            })
            .collect();
        let mut session = Watched::connect(server, Mode::Force);
        let mut latest = Vec::new();
        let mut audits = 0;
        // READ COMMITTED: consistent in itself, and the next one sees more.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2) {
            let (unmatched, sum, last) = audit(&mut session.client);
            assert_eq!((unmatched, sum), (0, 0));
            latest.push(last);
            audits += 1;
        }
        latest.dedup();
        assert!(latest.len() > 1, "no change of the writers was seen");
        for level in ["REPEATABLE READ", "SERIALIZABLE"] {
            session.client.batch_execute(&format!("BEGIN ISOLATION LEVEL {level}")).unwrap();
            let first = audit(&mut session.client);
            assert_eq!((first.0, first.1), (0, 0));
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(700) {
                assert_eq!(audit(&mut session.client), first, "{level}");
                audits += 1;
            }
            session.client.batch_execute("COMMIT").unwrap();
            audits += 1;
            await_that("a later snapshot to show more", || {
                audits += 1;
                audit(&mut session.client).2 > first.2
            });
        }
        stop.store(true, Ordering::Relaxed);
        let written: Vec<usize> = writers.into_iter().map(|w| w.join().unwrap()).collect();
        assert!(written.iter().all(|&rounds| rounds > 10), "{written:?}");
        assert_eq!(session.notices().1, audits, "each audit was a fused plan");
        println!("{audits} audits beside {written:?} writing transactions");
    });
    let mut client = server.connect();
    assert_pool_becomes_idle(&mut client);
    client.batch_execute("DROP TABLE ledger_a, ledger_b").unwrap();
}

#[test]
fn a_transaction_sees_its_own_changes() {
    let (_turn, server) = turn();
    let count = "SELECT city, count(*), sum(price) FROM t JOIN shop ON shop.id = shop_id \
        GROUP BY city ORDER BY city";
    assert_scene(
        server,
        7,
        &[
            "CREATE TABLE t AS SELECT * FROM sale",
            "BEGIN ISOLATION LEVEL REPEATABLE READ",
            count,
            "DELETE FROM t WHERE id % 2 = 0",
            count,
            "SAVEPOINT s",
            "UPDATE t SET shop_id = 3 WHERE id < 5000",
            count,
            "ROLLBACK TO s",
            count,
            "INSERT INTO t SELECT t.* FROM t JOIN shop ON shop.id = shop_id",
            count,
            "ROLLBACK",
            count,
        ],
    );
}

/// Two transactions read what the other one writes: one of them must fail.
#[test]
fn write_skew_is_found() {
    let (_turn, server) = turn();
    let mut admin = server.connect();
    let reads = "SELECT count(*), sum(amount) FROM doctors d \
        JOIN shop ON shop.id = d.id WHERE on_call";
    for mode in [Mode::Off, Mode::Force] {
        admin
            .batch_execute(
                "CREATE TABLE doctors AS SELECT g AS id, true AS on_call, g AS amount \
                 FROM generate_series(1, 20) g; ANALYZE doctors",
            )
            .unwrap();
        let mut sessions = [(); 2].map(|()| Watched::connect(server, mode));
        for session in &mut sessions {
            session.client.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE").unwrap();
            // By the simple protocol: a portal of the other one ends later, and so
            // is told of later.
            let rows = Rows::from(session.client.simple_query(reads).unwrap());
            assert_eq!(rows.lines(), "20");
            assert_eq!(session.notices().1, usize::from(mode == Mode::Force));
        }
        let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'SIReadLock' \
            AND relation = 'doctors'::regclass";
        assert!(admin.query_one(locks, &[]).unwrap().get::<_, i64>(0) >= 2, "{mode:?}");
        let outcomes: Vec<Result<(), String>> = sessions
            .iter_mut()
            .enumerate()
            .map(|(i, session)| {
                let update =
                    format!("UPDATE doctors SET on_call = false WHERE id = {}; COMMIT", i + 1);
                let result = session.client.batch_execute(&update);
                result.map_err(|error| error.code().map_or("none", |code| code.code()).to_owned())
            })
            .collect();
        assert_eq!(outcomes, [Ok(()), Err("40001".to_owned())], "{mode:?}");
        drop(sessions);
        admin.batch_execute("DROP TABLE doctors").unwrap();
        assert_pool_becomes_idle(&mut admin);
    }
}
