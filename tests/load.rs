//! Many clients at a time: fusion queries, read at once and through portals in steps,
//! pgbench's TPC-B writes and cancel requests.
//! No answer is wrong, no query fails but the cancelled ones, and the worker's memory
//! stays what it is after a while.
//!
//! TPC-B changes an account, a teller, a branch and the history by the same amount in
//! one transaction, so every snapshot has sums that agree. The short form is part of
//! `make check`; `make soak MINUTES=n` is the long one.

use std::env;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::portal::{self, Sent};
use fusion_tests::process::{private_memory_mb, running_worker};
use fusion_tests::query::{pool, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, start};
use fusion_tests::victim::{Failure, assert_recovered, watcher};
use postgres::{CancelToken, NoTls};

/// Each gives one row with `0`, or none, whatever is written meanwhile.
const INVARIANTS: [&str; 4] = [
    "SELECT abs(a - t) + abs(t - b) + abs(b - h) FROM \
     (SELECT coalesce(sum(abalance), 0) AS a FROM pgbench_accounts) a, \
     (SELECT coalesce(sum(tbalance), 0) AS t FROM pgbench_tellers) t, \
     (SELECT coalesce(sum(bbalance), 0) AS b FROM pgbench_branches) b, \
     (SELECT coalesce(sum(delta), 0) AS h FROM pgbench_history) h",
    "SELECT count(*) FROM pgbench_tellers t LEFT JOIN (SELECT tid, sum(delta) AS d \
     FROM pgbench_history GROUP BY tid) h ON h.tid = t.tid WHERE tbalance <> coalesce(d, 0)",
    "SELECT count(*) FROM pgbench_accounts a JOIN (SELECT aid, sum(delta) AS d \
     FROM pgbench_history GROUP BY aid) h ON h.aid = a.aid WHERE abalance <> d",
    "SELECT count(*) - sum(n) FROM pgbench_history FULL JOIN (SELECT bid, count(*) AS n, \
     sum(bbalance) AS s FROM pgbench_branches GROUP BY bid) q USING (bid) WHERE s IS NULL \
     HAVING count(*) > 0",
];

/// Over tables that nobody changes.
const CONSTANT: [&str; 3] = [
    BY_CITY,
    "SELECT sale.id, city, price FROM sale JOIN shop ON shop.id = shop_id \
     WHERE qty > 3 ORDER BY price DESC, sale.id LIMIT 500",
    "SELECT item, count(*), sum(price), max(name COLLATE \"C\") FROM sale \
     JOIN shop ON shop.id = shop_id GROUP BY item ORDER BY item",
];

/// What the load is.
struct Load {
    clients: usize,
    writers: usize,
    time: Duration,
}

#[derive(Default)]
struct Tally {
    queries: AtomicUsize,
    /// Of these, the ones that were read through a portal.
    portals: AtomicUsize,
    cancelled: AtomicUsize,
}

fn pgbench(server: &Server, arguments: &[&str]) -> Child {
    let mut command = server.client_program("pgbench");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("pgbench belongs to PostgreSQL")
}

/// A query, and its rows as both ways of reading give them: they never change.
struct Question {
    sql: &'static str,
    rows: Rows,
    sent: Vec<Sent>,
}

/// How a client reads: every second one through portals, a few rows at a time.
fn step_of(number: usize) -> Option<i32> {
    match number % 4 {
        0 | 3 => None,
        1 => Some(3),
        _ => Some(100),
    }
}

/// A client that asks and compares until the time is over.
fn client(
    server: &Server,
    number: usize,
    questions: &[Question],
    tokens: &Mutex<Vec<CancelToken>>,
    stop: &AtomicBool,
    tally: &Tally,
) {
    let mut client = server.connect();
    // Some as installed, most forced.
    set_mode(&mut client, if number % 8 < 2 { Mode::On } else { Mode::Force });
    tokens.lock().unwrap().push(client.cancel_token());
    let mut dice = number as u64 * 2_654_435_761 + 1;
    while !stop.load(Ordering::Relaxed) {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let Question { sql, rows, sent } = &questions[(dice >> 33) as usize % questions.len()];
        let answer = match step_of(number) {
            None => client.simple_query(sql).map(|found| {
                let found = Rows::from(found);
                assert!(found == *rows, "wrong answer: {found:?}\n{sql}");
            }),
            Some(step) => portal::in_steps(&mut client, sql, step, || {}).map(|found| {
                assert!(found == *sent, "wrong answer in steps of {step}: {found:?}\n{sql}");
            }),
        };
        match answer.map_err(Failure::from) {
            Ok(()) => {
                tally.queries.fetch_add(1, Ordering::Relaxed);
                if step_of(number).is_some() {
                    tally.portals.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(failure) => {
                assert!(failure.is_cancel(), "{failure:?}\n{sql}");
                tally.cancelled.fetch_add(1, Ordering::Relaxed);
                // The next cancel request may meet the end of the transaction.
                while let Err(failure) = client.batch_execute("ROLLBACK").map_err(Failure::from) {
                    assert!(failure.is_cancel(), "{failure:?}");
                }
            }
        }
    }
}

/// Samples of the worker's memory, in MB, with their time.
fn watch(server: &Server, stop: &AtomicBool) -> Vec<(Duration, f64)> {
    let worker = running_worker(server);
    let start = Instant::now();
    let mut samples = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let memory = private_memory_mb(worker).expect("the worker lives on");
        samples.push((start.elapsed(), memory));
        thread::sleep(Duration::from_millis(200));
    }
    samples
}

fn peak(samples: &[(Duration, f64)], from: Duration, to: Duration) -> f64 {
    let within = samples.iter().filter(|(at, _)| (from..to).contains(at));
    within.map(|&(_, memory)| memory).fold(0.0, f64::max)
}

fn run(load: &Load) {
    let server = start(&["--set", "log_min_messages=warning", "--set", "autovacuum=on"]);
    assert!(pgbench(&server, &["-i", "-q", "-s", "2"]).wait().unwrap().success());
    let mut watcher = watcher(&server);
    watcher.batch_execute("VACUUM ANALYZE").unwrap();
    let questions: Vec<Question> = INVARIANTS
        .iter()
        .chain(&CONSTANT)
        .map(|sql| {
            let rows = Rows::from(watcher.simple_query(sql).unwrap());
            Question { sql, rows, sent: portal::read_in_steps(&mut watcher, sql, 0, || {}) }
        })
        .collect();
    for Question { sql, rows, .. } in &questions[..INVARIANTS.len()] {
        let wrong = rows.rows.iter().flatten().any(|value| value.as_deref() != Some("0"));
        assert!(!wrong, "sums that do not agree: {rows:?}\n{sql}");
    }
    set_mode(&mut watcher, Mode::Force);
    for sql in INVARIANTS.iter().chain(&CONSTANT) {
        let plan = Rows::from(watcher.simple_query(&format!("EXPLAIN {sql}")).unwrap()).lines();
        assert!(plan.contains("Custom Scan (PgFusion)"), "{plan}");
    }
    set_mode(&mut watcher, Mode::Off);

    let (writers, seconds) = (load.writers.to_string(), load.time.as_secs().to_string());
    let mut writing =
        pgbench(&server, &["-n", "-c", &writers, "-j", "2", "-T", &seconds, "-M", "prepared"]);
    let (stop, tally, tokens) = (AtomicBool::new(false), Tally::default(), Mutex::default());
    let mut waiting = 0;
    let samples = thread::scope(|scope| {
        let clients: Vec<_> = (0..load.clients)
            .map(|number| {
                let (server, questions) = (&server, &questions);
                let (stop, tally, tokens) = (&stop, &tally, &tokens);
                scope.spawn(move || client(server, number, questions, tokens, stop, tally))
            })
            .collect();
        let samples = scope.spawn(|| watch(&server, &stop));
        let start = Instant::now();
        let mut round = 0;
        while start.elapsed() < load.time && clients.iter().all(|client| !client.is_finished()) {
            thread::sleep(Duration::from_millis(50));
            let token: Option<CancelToken> = {
                let tokens = tokens.lock().unwrap();
                tokens.get(round * 7 % load.clients).cloned()
            };
            if let Some(token) = token {
                token.cancel_query(NoTls).unwrap();
            }
            round += 1;
            waiting = waiting.max(pool(&mut watcher).sessions);
        }
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("a client without a wrong answer");
        }
        samples.join().expect("the memory was watched")
    });
    assert!(writing.wait().unwrap().success(), "pgbench had errors");
    let transactions: i64 =
        watcher.query_one("SELECT count(*) FROM pgbench_history", &[]).unwrap().get(0);
    let (queries, cancelled) = (tally.queries.into_inner(), tally.cancelled.into_inner());
    let portals = tally.portals.into_inner();

    // Flat after the first minute, or quarter: the later half is no higher than the
    // time before, with room for noise.
    let settled = (load.time / 4).min(Duration::from_secs(60));
    let before = peak(&samples, settled, load.time / 2);
    let after = peak(&samples, load.time / 2, load.time * 2);
    println!(
        "{} clients, {} writers, {:?}: {queries} queries, {portals} of them through portals, \
         {cancelled} cancelled, {transactions} transactions, at most {waiting} sessions; worker's memory {before:.0} MB, then {after:.0} MB",
        load.clients, load.writers, load.time
    );
    assert!(after < before * 1.25 + 64.0, "{before} MB became {after} MB");
    assert!(queries > load.clients && portals > load.clients / 2);
    assert!(transactions > 100 && cancelled > 0);
    drop(watcher);
    assert_recovered(&server);
    let log = server.log();
    // PostgreSQL's own plans are cancelled, too, and end their parallel workers so.
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("PANIC") || line.contains("FATAL"))
        .filter(|line| !line.contains("terminating background worker \"parallel worker\""))
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[test]
fn a_short_load() {
    run(&Load { clients: 24, writers: 2, time: Duration::from_secs(15) });
}

/// Sessions whose LIMIT is satisfied end while their producers still look at the runtime
/// filter, and others take the pages that become free.
#[test]
fn filters_of_sessions_that_have_all_they_want() {
    let server = start(&[
        "--set",
        "pg_fusion.page_size=64kB",
        "--set",
        "pg_fusion.page_count=512",
        "--set",
        "pg_fusion.max_sessions=16",
        "--set",
        "max_worker_processes=24",
        "--set",
        "max_parallel_workers=16",
    ]);
    let mut watcher = watcher(&server);
    watcher
        .batch_execute(
            "CREATE TABLE fact AS SELECT g AS id, g % 50000 AS k, md5(g::text) AS t \
             FROM generate_series(1, 400000) g; \
             CREATE TABLE dim AS SELECT g * 7 AS k FROM generate_series(1, 5000) g; \
             ANALYZE fact; ANALYZE dim; CHECKPOINT",
        )
        .unwrap();
    let settings = "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; \
        SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 3";
    let filtered = |limit: usize| {
        format!(
            "SELECT count(*), count(*) FILTER (WHERE k % 7 <> 0) FROM \
             (SELECT f.k, f.t FROM fact f JOIN dim USING (k) LIMIT {limit}) q"
        )
    };
    let all = "SELECT count(*), sum(length(t)) FROM fact WHERE id % 7 <> 3";
    set_mode(&mut watcher, Mode::Force);
    watcher.batch_execute(settings).unwrap();
    let explain = format!("EXPLAIN (ANALYZE, COSTS off) {}", filtered(1_000_000));
    let plan = Rows::from(watcher.simple_query(&explain).unwrap()).lines();
    assert!(plan.contains("Rows Removed by Runtime Filter"), "{plan}");
    drop(watcher);
    let deadline = Instant::now() + Duration::from_secs(8);
    thread::scope(|scope| {
        for number in 0..8_usize {
            let (server, filtered) = (&server, &filtered);
            scope.spawn(move || {
                let mut client = server.connect();
                set_mode(&mut client, Mode::Force);
                client.batch_execute(settings).unwrap();
                let mut limit = number;
                while Instant::now() < deadline {
                    limit = (limit * 7919 + 1) % 2000;
                    let (sql, expected) = match number {
                        0..6 => (filtered(limit), [limit, 0]),
                        _ => (all.to_owned(), [342_857, 342_857 * 32]),
                    };
                    let rows = Rows::from(client.simple_query(&sql).unwrap()).rows;
                    assert_eq!(rows, [expected.map(|n| Some(n.to_string()))], "{sql}");
                }
            });
        }
    });
    assert_recovered(&server);
}

#[test]
#[ignore = "long: make soak MINUTES=10"]
fn soak() {
    let minutes = env::var("SOAK_MINUTES").ok().and_then(|text| text.parse::<f64>().ok());
    let time = Duration::from_secs_f64(60.0 * minutes.unwrap_or(10.0));
    run(&Load { clients: 64, writers: 8, time });
}
