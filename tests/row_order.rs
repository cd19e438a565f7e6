//! Results that follow the order of rows: PostgreSQL's where its plan is serial, the same
//! at every run and with any number of threads where it is parallel.

use std::collections::HashMap;

use fusion_bench::measure::Mode;
use fusion_tests::query::{assert_uses_fusion, plan, run};
use fusion_tests::server::Server;
use postgres::Client;

const RUNS: usize = 8;

/// Values that are equal but look different, mixed up, and floats with many digits.
const TABLES: &str = "
    CREATE TABLE looks AS
    SELECT i AS id, i % 11 AS k, i % 6007 AS many,
           CASE WHEN i % 13 = 0 THEN NULL WHEN i * 7919 % 3 = 0 THEN '-0'::float8 ELSE 0 END AS f8,
           CASE WHEN i % 17 = 0 THEN NULL WHEN i * 7919 % 5 = 0 THEN '-0'::float4 ELSE 0 END AS f4,
           CASE i * 7919 % 7 WHEN 0 THEN NULL WHEN 1 THEN 1.0 WHEN 2 THEN 1.000 ELSE 1 END AS n,
           CASE i * 7919 % 7 WHEN 0 THEN NULL WHEN 1 THEN interval '24:00' ELSE interval '1 day' END AS iv,
           CASE i * 7919 % 7 WHEN 0 THEN NULL WHEN 1 THEN 'z' WHEN 2 THEN 'z ' ELSE 'z  ' END::bpchar
               COLLATE \"C\" AS bp,
           (i * 7919 % 1000) / 7.0::float8 AS x, ((i * 7919 % 1000) / 7.0)::float4 AS y
    FROM generate_series(1, 60000) i;
    CREATE TABLE odd AS SELECT i * 3 AS id, i % 5 AS g FROM generate_series(1, 20000) i;
    ANALYZE looks, odd";

/// Over one table.
const PLAIN: &[&str] = &[
    "SELECT min(f8), max(f8), min(f4), max(f4), min(n), max(n), min(iv), max(iv), min(bp), max(bp) FROM looks",
    "SELECT k, min(f8), max(f4), min(n), max(n), min(iv), max(bp) FROM looks GROUP BY k",
    "SELECT many, max(f8), min(n), max(iv), min(bp), sum(x) FROM looks GROUP BY many",
    "SELECT f8, n, iv, bp, count(*) FROM looks GROUP BY f8, n, iv, bp",
    "SELECT DISTINCT f4, iv FROM looks",
    "SELECT sum(x), avg(x), sum(y), avg(y) FROM looks",
    "SELECT k, sum(x), avg(x), sum(y), avg(y) FROM looks WHERE id % 3 > 0 GROUP BY k",
    "SELECT many, sum(x), avg(y) FROM looks GROUP BY many",
];

/// Over a join.
const JOINED: &[&str] = &[
    "SELECT k, sum(x), avg(x), sum(y), min(f8), max(n) FROM looks JOIN odd USING (id) GROUP BY k",
    "SELECT DISTINCT f8, n, iv FROM looks JOIN odd USING (id)",
    "SELECT stddev(x), sum(x), avg(x) FROM looks JOIN odd USING (id)",
    "SELECT md5(array_agg(id)::text), md5(string_agg(k::text, ',')) FROM looks JOIN odd USING (id)",
];

fn start(threads: &str) -> (Server, Client) {
    let threads = format!("pg_fusion.worker_threads={threads}");
    let server = Server::start(&["--set", "synchronize_seqscans=off", "--set", &threads]).unwrap();
    let mut client = server.connect();
    client.batch_execute(TABLES).unwrap();
    (server, client)
}

/// The rows of a query as text, in no order.
fn rows(client: &mut Client, mode: Mode, sql: &str) -> Vec<String> {
    let rows = run(client, mode, sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    let mut lines: Vec<String> = rows.lines().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn postgresqls_value_where_its_plan_is_serial() {
    for threads in ["1", "4"] {
        let (_server, mut client) = start(threads);
        client.batch_execute("SET max_parallel_workers_per_gather = 0").unwrap();
        for work_mem in ["64kB", "256MB"] {
            client.batch_execute(&format!("SET work_mem = '{work_mem}'")).unwrap();
            for sql in PLAIN.iter().chain(JOINED) {
                let native = rows(&mut client, Mode::Off, sql);
                for mode in [Mode::On, Mode::Force] {
                    for _ in 0..RUNS {
                        let fused = rows(&mut client, mode, sql);
                        assert!(fused == native, "{} {threads} {work_mem}\n{sql}", mode.as_str());
                    }
                }
            }
        }
        for sql in PLAIN {
            assert_uses_fusion(&mut client, sql);
        }
        for sql in JOINED {
            let plan = plan(&mut client, Mode::Force, sql);
            assert_eq!(plan.fusion_nodes(), 0, "{plan}\n{sql}");
        }
    }
}

#[test]
fn no_timing_where_its_plan_is_parallel() {
    let mut known: HashMap<&str, Vec<String>> = HashMap::new();
    for threads in ["1", "4"] {
        let (_server, mut client) = start(threads);
        let parallel = "SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; \
                        SET parallel_tuple_cost = 0";
        client.batch_execute(parallel).unwrap();
        for sql in PLAIN.iter().chain(&JOINED[..2]) {
            assert_uses_fusion(&mut client, sql);
            for _ in 0..RUNS {
                let fused = rows(&mut client, Mode::Force, sql);
                let first = known.entry(sql).or_insert_with(|| fused.clone());
                assert!(fused == *first, "{threads}\n{sql}");
            }
        }
    }
}
