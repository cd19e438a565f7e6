//! Queries of which PostgreSQL takes a portion of the rows at a time, and after each
//! portion says that parallel workers may go: portals with a row limit, SQL functions
//! that are read lazily.

use fusion_bench::measure::Mode;
use fusion_tests::portal::{Sent, read_in_steps};
use fusion_tests::query::{assert_pool_becomes_idle, pool};
use fusion_tests::scene::{Watched, assert_scene};
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, turn};

/// Leaves have parallel workers, however small their tables are.
const PARALLEL: &str = "SET min_parallel_table_scan_size = 0; SET parallel_setup_cost = 0; \
    SET parallel_tuple_cost = 0";

/// A table of which PostgreSQL, and so the node, expects enough to be read in parallel.
const LARGE: &str = "CREATE TABLE IF NOT EXISTS large AS SELECT g AS id, g % 1000 AS k, \
    g % 7 AS n FROM generate_series(1, 500000) g; ANALYZE large";

/// The rows of `sql` in steps, and how many of the executed plans had a PgFusion node.
fn read(server: &Server, mode: Mode, settings: &str, sql: &str, step: i32) -> (Vec<Sent>, usize) {
    let mut session = Watched::connect(server, mode);
    session.client.batch_execute(settings).unwrap();
    session.notices();
    let rows = read_in_steps(&mut session.client, sql, step, || {});
    (rows, session.notices().1)
}

#[test]
fn portals() {
    let (_turn, server) = turn();
    let queries = [
        BY_CITY,
        "SELECT id, shop_id, item, qty, price, day FROM sale WHERE qty > 3",
        "SELECT shop_id, qty, count(*), sum(price) FROM sale GROUP BY shop_id, qty",
        "SELECT sale.id, city, price FROM sale JOIN shop ON shop.id = shop_id WHERE qty > 3 \
         ORDER BY sale.id",
        "SELECT a.id, b.id FROM sale a JOIN sale b ON a.id = b.id + 1 WHERE a.qty = 2",
        "SELECT DISTINCT qty, day FROM sale",
        "SELECT id FROM sale WHERE qty = 1 UNION ALL SELECT shop_id FROM sale WHERE qty = 2",
        "SELECT id, qty FROM sale WHERE price > (SELECT avg(price) FROM sale) ORDER BY id LIMIT 777",
        "SELECT id, (SELECT count(*) FROM sale WHERE shop_id = shop.id) FROM shop",
        "SELECT s.id, x.n FROM shop s, LATERAL (SELECT qty, count(*) AS n FROM sale \
         WHERE shop_id = s.id GROUP BY qty) x",
        "SELECT generate_series(1, 3), city, n FROM (SELECT city, count(*) AS n FROM sale \
         JOIN shop ON shop.id = shop_id GROUP BY city) q",
        "SELECT count(*) FROM sale WHERE qty > 100 GROUP BY shop_id",
    ];
    for sql in queries {
        for settings in ["", PARALLEL] {
            let (mut native, none) = read(server, Mode::Off, settings, sql, 0);
            assert_eq!(none, 0);
            for step in [0, 1, 100] {
                let (mut forced, fused) = read(server, Mode::Force, settings, sql, step);
                assert!(fused > 0, "no PgFusion node: {sql}");
                if !sql.contains("ORDER BY") {
                    native.sort();
                    forced.sort();
                }
                let (expected, found) = (native.len(), forced.len());
                assert_eq!(found, expected, "rows in steps of {step} ({settings}): {sql}");
                assert!(forced == native, "other rows in steps of {step} ({settings}): {sql}");
            }
        }
    }
    assert_pool_becomes_idle(&mut server.connect());
}

#[test]
fn portals_at_default_settings() {
    let (_turn, server) = turn();
    server.connect().batch_execute(LARGE).unwrap();
    let sql = "SELECT k, count(*) FROM large GROUP BY k";
    for step in [0, 1, 100] {
        let (rows, fused) = read(server, Mode::On, "", sql, step);
        assert_eq!((rows.len(), fused), (1000, 1), "in steps of {step}");
    }
    let sql = "SELECT a.id FROM large a JOIN large b ON a.id = b.id WHERE a.k < 500 AND b.n < 6";
    for step in [50, 1000] {
        let (rows, fused) = read(server, Mode::On, "", sql, step);
        assert_eq!((rows.len(), fused), (214_285, 1), "in steps of {step}");
    }
    assert_pool_becomes_idle(&mut server.connect());
}

/// The rest of a portal that was read in steps, without a limit; and one that is left
/// half-read.
#[test]
fn portals_of_mixed_steps() {
    let (_turn, server) = turn();
    let sql = "SELECT id, shop_id FROM sale WHERE qty > 3";
    let run = |mode| {
        let mut session = Watched::connect(server, mode);
        session.client.batch_execute(PARALLEL).unwrap();
        let mut transaction = session.client.transaction().unwrap();
        let left = transaction.bind(sql, &[]).unwrap();
        assert_eq!(transaction.query_portal(&left, 3).unwrap().len(), 3);
        let portal = transaction.bind(sql, &[]).unwrap();
        let mut ids: Vec<i32> = Vec::new();
        for limit in [1, 10, 600, 0, 5] {
            let rows = transaction.query_portal(&portal, limit).unwrap();
            ids.extend(rows.iter().map(|row| row.get::<_, i32>(0)));
        }
        transaction.commit().unwrap();
        ids.sort();
        (ids, session.notices().1)
    };
    let (native, none) = run(Mode::Off);
    let (forced, fused) = run(Mode::Force);
    assert_eq!((none, fused), (0, 2));
    assert_eq!(native.len(), 12_307);
    assert!(native == forced);
    assert_pool_becomes_idle(&mut server.connect());
}

/// A plan that has run to its end has no session any more, though a LIMIT above has not
/// read the node to its end, its workers are gone, and its portal is still open.
#[test]
fn a_complete_run_keeps_no_session() {
    let (_turn, server) = turn();
    let sql = "SELECT qty, generate_series(1, 2) FROM (SELECT qty, count(*) FROM sale \
        GROUP BY qty) q LIMIT 5";
    let mut session = Watched::connect(server, Mode::Force);
    session.client.batch_execute(PARALLEL).unwrap();
    let mut sessions = Vec::new();
    for step in [0, 3] {
        let mut watcher = server.connect();
        let rows = read_in_steps(&mut session.client, sql, step, || {
            if step == 0 {
                assert_pool_becomes_idle(&mut watcher);
            }
            sessions.push(pool(&mut watcher).sessions);
        });
        assert_eq!(rows.len(), 5);
        assert_eq!(session.notices().1, 1);
    }
    assert_eq!(sessions, [0, 1, 1]);
    assert_pool_becomes_idle(&mut session.client);
}

#[test]
fn sql_functions() {
    let (_turn, server) = turn();
    let counts = "CREATE FUNCTION counts() RETURNS SETOF bigint LANGUAGE sql STABLE AS \
        'SELECT count(*) FROM sale GROUP BY shop_id, qty'";
    let names = "CREATE FUNCTION names(int) RETURNS SETOF text LANGUAGE sql AS \
        'SELECT item || city FROM sale JOIN shop ON shop.id = shop_id WHERE qty = $1'";
    let settings: Vec<&str> = PARALLEL.split("; ").collect();
    for settings in [&[][..], &settings] {
        let mut statements = settings.to_vec();
        statements.extend([
            counts,
            names,
            "SELECT count(*), sum(c) FROM (SELECT counts() AS c) s",
            // Started again before its end, and after it.
            "SELECT g, count(*), min(n), max(n) FROM (SELECT g, names(g) AS n \
             FROM generate_series(0, 15) g) s GROUP BY g ORDER BY g",
            "SELECT g, (SELECT n FROM (SELECT names(g) AS n) s WHERE n LIKE '%Bonn' LIMIT 1) \
             LIKE 'item %' FROM generate_series(0, 15) g ORDER BY g",
            "SELECT count(*) FROM (SELECT counts(), names(4)) s",
            // A single row of many.
            "CREATE FUNCTION one(int) RETURNS bigint LANGUAGE sql STABLE AS \
             'SELECT count(*) FROM sale WHERE qty < $1 GROUP BY qty ORDER BY 1 LIMIT 3'",
            "SELECT one(g) FROM generate_series(1, 5) g",
        ]);
        assert_scene(server, 30, &statements);
    }
}

#[test]
fn an_sql_function_at_default_settings() {
    let (_turn, server) = turn();
    server.connect().batch_execute(LARGE).unwrap();
    let mut session = Watched::connect(server, Mode::On);
    session
        .client
        .batch_execute(
            "CREATE OR REPLACE FUNCTION pg_temp.counts() RETURNS SETOF bigint LANGUAGE sql \
             STABLE AS 'SELECT count(*) FROM large GROUP BY k'",
        )
        .unwrap();
    session.notices();
    let sql = "SELECT count(*), sum(c)::bigint FROM (SELECT pg_temp.counts() AS c) s";
    let row = session.client.query_one(sql, &[]).unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (1000, 500_000));
    assert!(session.notices().1 > 0, "no PgFusion node");
    assert_pool_becomes_idle(&mut server.connect());
}

/// Correlated subqueries, of which one is a plan that is a part of the one above it.
#[test]
fn correlated_subqueries() {
    let (_turn, server) = turn();
    let mut client = server.connect();
    client
        .batch_execute(
            "CREATE TABLE measured (id int PRIMARY KEY, part int, amount int); \
             INSERT INTO measured SELECT g, g % 10, g % 7 FROM generate_series(1, 300000) g; \
             ANALYZE measured",
        )
        .unwrap();
    let inlined = "SELECT g, (SELECT sum(n) FROM (SELECT id AS n FROM measured \
        WHERE id >= g AND amount >= 0 ORDER BY id LIMIT 5) x)::int FROM generate_series(1, 4) g";
    let joined = "SELECT g, (SELECT max(n) FROM (SELECT m.part, count(*) AS n FROM measured m \
        JOIN measured n USING (id) WHERE m.amount >= g GROUP BY m.part) x)::int \
        FROM generate_series(0, 7) g";
    let modes = [(inlined, Mode::Force), (joined, Mode::Force), (joined, Mode::On)];
    for (sql, mode) in modes {
        let (native, none) = read(server, Mode::Off, "", sql, 0);
        for step in [0, 1] {
            let (rows, fused) = read(server, mode, "", sql, step);
            assert!(rows == native, "mode {}, steps of {step}: {sql}", mode.as_str());
            assert_eq!((none, fused), (0, 1), "mode {}: {sql}", mode.as_str());
        }
    }
    client.batch_execute("DROP TABLE measured").unwrap();
    assert_pool_becomes_idle(&mut client);
}
