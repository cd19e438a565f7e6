//! File descriptors and background-worker slots.

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::big::{SMALL, SORT, TABLE};
use fusion_tests::process::{children, running_worker};
use fusion_tests::query::{pool, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, fill, start};
use fusion_tests::victim::{Victim, assert_recovered, watcher};

/// The worker may open no further file: what spills, or has a row that is larger than
/// a page, fails; the rest goes on.
#[test]
fn no_file_descriptors() {
    let server = start(&[&SMALL[..], &["--set", "pg_fusion.page_size=8kB"]].concat());
    server.connect().batch_execute(TABLE).unwrap();
    let create = "CREATE TABLE wide AS SELECT id, repeat(item, 5000) AS body FROM sale \
        WHERE id < 30; ANALYZE wide";
    server.connect().batch_execute(create).unwrap();
    let worker = running_worker(&server);
    // Files that are open stay so.
    if !server.limit(worker, "--nofile=3:") {
        println!("skipped: no prlimit");
        return;
    }
    let wide = "SELECT id, body FROM wide ORDER BY body, id";
    let native = Rows::from(watcher(&server).simple_query(wide).unwrap());
    for sql in [SORT, wide] {
        let failure = Victim::run(&server, "", sql).outcome().unwrap_err();
        println!("{failure:?}");
        assert!(failure.message.contains("Too many open files"), "{failure:?}");
        assert_recovered(&server);
    }
    assert!(server.limit(worker, "--nofile=1024:"));
    assert_eq!(Victim::run(&server, "", wide).outcome().unwrap(), native);
    Victim::run(&server, "", SORT).outcome().unwrap();
    assert_eq!(running_worker(&server), worker, "the worker has lived on");
    assert_recovered(&server);
}

/// Without a slot for a background worker there is no fusion worker: PostgreSQL plans
/// alone, and says so in its log.
#[test]
fn no_background_worker_slots() {
    let server =
        Server::start(&["--set", "max_worker_processes=0", "--set", "log_min_messages=log"])
            .unwrap();
    fill(&server);
    let mut client = server.connect();
    let native = Rows::from(client.simple_query(BY_CITY).unwrap());
    set_mode(&mut client, Mode::Force);
    let plan = Rows::from(client.simple_query(&format!("EXPLAIN {BY_CITY}")).unwrap()).lines();
    assert!(!plan.contains("PgFusion"), "{plan}");
    assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()), native);
    assert!(pool(&mut client).is_idle());
    assert!(children(&server).iter().all(|process| !process.title.contains("pg_fusion")));
    let log = server.log();
    assert!(log.contains("too many background workers"), "{log}");
}
