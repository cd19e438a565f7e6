//! The smallest `pg_fusion.memory_limit`: sorts, groups and joins go to disk and are
//! right; what cannot go to disk fails with a hint.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::big::{GROUP, JOIN, SMALL, SORT, TABLE, analysed};
use fusion_tests::process::{private_memory_mb, running_worker};
use fusion_tests::query::{assert_uses_fusion, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::start;
use fusion_tests::victim::{Failure, Victim, assert_recovered, watcher};

/// Holds every value that it has seen.
const DISTINCT: &str = "SELECT count(DISTINCT pad || '|' || pad) FROM big";

/// A server with 64 MB for the engine, for one test at a time.
fn turn() -> (MutexGuard<'static, ()>, &'static Server) {
    static TURN: Mutex<()> = Mutex::new(());
    static SERVER: OnceLock<Server> = OnceLock::new();
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let server = SERVER.get_or_init(|| {
        let server = start(&SMALL);
        server.connect().batch_execute(TABLE).unwrap();
        server
    });
    (turn, server)
}

#[test]
fn sorts_and_groups_go_to_disk() {
    let (_turn, server) = turn();
    let mut client = watcher(server);
    for sql in [SORT, GROUP] {
        set_mode(&mut client, Mode::Off);
        let native = Rows::from(client.simple_query(sql).unwrap());
        let plan = analysed(&mut client, sql);
        assert!(plan.contains("Custom Scan (PgFusion)"), "{plan}");
        assert!(plan.contains("spilled"), "{plan}");
        let forced = Rows::from(client.simple_query(sql).unwrap());
        assert_eq!(native, forced);
    }
    drop(client);
    assert_recovered(server);
}

/// What one thread does in 64 MB, many threads should do in as much.
#[test]
fn many_threads_share_the_limit() {
    let options = ["--set", "pg_fusion.memory_limit=64MB", "--set", "pg_fusion.worker_threads=8"];
    let server = start(&options);
    let mut client = watcher(&server);
    client.batch_execute(TABLE).unwrap();
    for sql in [SORT, GROUP, JOIN] {
        set_mode(&mut client, Mode::Off);
        let native = Rows::from(client.simple_query(sql).unwrap());
        assert_eq!(Victim::run(&server, "", sql).outcome().unwrap(), native);
    }
    drop(client);
    assert_recovered(&server);
}

/// Several at a time share the limit.
#[test]
fn several_share_the_limit() {
    let (_turn, server) = turn();
    let mut client = watcher(server);
    let native = [SORT, GROUP, JOIN].map(|sql| Rows::from(client.simple_query(sql).unwrap()));
    drop(client);
    let victims = [SORT, GROUP, JOIN, SORT, GROUP, JOIN].map(|sql| Victim::run(server, "", sql));
    for (index, victim) in victims.into_iter().enumerate() {
        assert_eq!(victim.outcome().unwrap(), native[index % 3]);
    }
    assert_recovered(server);
}

fn assert_out_of_memory(failure: &Failure) {
    assert_eq!(failure.code, "53200", "{failure:?}");
    assert_eq!(failure.message, "out of memory");
    assert!(failure.hint.contains("pg_fusion.memory_limit"), "{failure:?}");
}

#[test]
fn a_join_goes_to_disk() {
    let (_turn, server) = turn();
    let mut client = watcher(server);
    assert_uses_fusion(&mut client, JOIN);
    set_mode(&mut client, Mode::Off);
    let native = Rows::from(client.simple_query(JOIN).unwrap());
    let plan = analysed(&mut client, JOIN);
    let join = plan.lines().find(|line| line.contains(" join on ")).unwrap();
    assert!(join.contains("spilled"), "{plan}");
    assert_eq!(Victim::run(server, "", JOIN).outcome().unwrap(), native);
    drop(client);
    assert_recovered(server);
}

/// A cross join must keep one of its sides.
#[test]
fn what_cannot_go_to_disk_fails_with_a_hint() {
    let (_turn, server) = turn();
    let sql = "SELECT count(*) FROM (SELECT pad || pad AS pad FROM big OFFSET 0) a \
        JOIN (SELECT pad || pad AS pad FROM big OFFSET 0) b ON a.pad < b.pad";
    let mut client = watcher(server);
    assert_uses_fusion(&mut client, sql);
    drop(client);
    assert_out_of_memory(&Victim::run(server, "", sql).outcome().unwrap_err());
    assert_recovered(server);
}

/// A build side of ten times the limit.
#[test]
fn a_join_of_ten_times_the_limit() {
    let (_turn, server) = turn();
    let mut client = watcher(server);
    client.batch_execute("CREATE TABLE huge AS SELECT * FROM big").unwrap();
    for _ in 0..9 {
        client
            .batch_execute("INSERT INTO huge SELECT id + 400000, part, pad || id FROM big")
            .unwrap();
    }
    client.batch_execute("ANALYZE huge").unwrap();
    let sql = "SELECT count(*), sum(a.id - b.id), min(a.pad) FROM huge a \
        JOIN huge b ON a.pad = b.pad AND a.id = b.id";
    assert_uses_fusion(&mut client, sql);
    set_mode(&mut client, Mode::Off);
    let native = Rows::from(client.simple_query(sql).unwrap());
    assert_eq!(Victim::run(server, "", sql).outcome().unwrap(), native);
    drop(client);
    assert_recovered(server);
}

#[test]
fn distinct_within_an_aggregate() {
    let (_turn, server) = turn();
    assert_uses_fusion(&mut watcher(server), DISTINCT);
    let rows = Victim::run(server, "", DISTINCT).outcome().unwrap();
    assert_eq!(rows.lines(), "400000");
    assert_recovered(server);
}

/// What the worker takes beside the limit: its own code's, pages that are being read,
/// what the allocator keeps.
const BESIDE_THE_LIMIT_MB: f64 = 192.0;

#[test]
fn the_worker_stays_near_its_limit() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    let mut peak: f64 = 0.0;
    for _ in 0..3 {
        let victims = [SORT, GROUP, JOIN].map(|sql| Victim::run(server, "", sql));
        while victims.iter().any(|victim| !victim.has_ended()) {
            peak = peak.max(private_memory_mb(worker).expect("the worker is there"));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for victim in victims {
            if let Err(failure) = victim.outcome() {
                assert_out_of_memory(&failure);
            }
        }
    }
    println!("private memory of the worker with a limit of 64 MB: {peak:.0} MB at most");
    assert!(peak < 64.0 + BESIDE_THE_LIMIT_MB, "{peak} MB");
    assert_eq!(running_worker(server), worker);
    assert_recovered(server);
}
