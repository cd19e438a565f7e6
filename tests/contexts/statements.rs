//! Statements that write what a query gives, and queries in statements that write.

use std::io::Read;

use fusion_bench::measure::Mode;
use fusion_tests::process::await_that;
use fusion_tests::query::assert_pool_becomes_idle;
use fusion_tests::scene::{Watched, assert_scene};
use fusion_tests::shops::{BY_CITY, turn};

#[test]
fn insert_select() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        7,
        &[
            "CREATE TABLE t (city text PRIMARY KEY, n bigint, total numeric)",
            "INSERT INTO t SELECT city, count(*), sum(price) FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY city",
            "SELECT * FROM t ORDER BY city",
            "! INSERT INTO t SELECT city, count(*), 0 FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY city HAVING city = 'Bonn'",
            "INSERT INTO t SELECT city, count(*), 1 FROM sale JOIN shop ON shop.id = shop_id \
             GROUP BY city HAVING city = 'Bonn' \
             ON CONFLICT (city) DO UPDATE SET n = t.n + excluded.n RETURNING *",
            "INSERT INTO t SELECT city || '!', count(*), sum(price) FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city RETURNING n, city",
            "WITH added AS (INSERT INTO t SELECT city || '?', count(*), sum(price) FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY city RETURNING *) \
             SELECT count(*), sum(n), sum(total) FROM added",
            "UPDATE t SET total = (SELECT sum(qty) FROM sale JOIN shop ON shop.id = shop_id \
             WHERE shop.city = t.city)",
            "UPDATE t SET n = q.n FROM (SELECT city, count(*) AS n FROM sale \
             JOIN shop ON shop.id = shop_id WHERE qty = 1 GROUP BY city) q WHERE q.city = t.city",
            "DELETE FROM t WHERE n < (SELECT min(n) FROM (SELECT count(*) AS n FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY city) q)",
            "SELECT * FROM t ORDER BY city",
        ],
    );
}

#[test]
fn create_table_as_and_materialised_views() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        7,
        &[
            &format!("CREATE TABLE t AS {BY_CITY}"),
            "SELECT * FROM t ORDER BY city",
            "SELECT shop_id, count(*) AS n INTO u FROM sale JOIN shop ON shop.id = shop_id \
             GROUP BY shop_id",
            "SELECT sum(n) FROM u",
            &format!("CREATE TABLE none AS {BY_CITY} WITH NO DATA"),
            "SELECT * FROM none",
            "CREATE TABLE s AS SELECT * FROM sale",
            "CREATE MATERIALIZED VIEW m AS SELECT city, count(*) AS n, sum(price) AS total \
             FROM s JOIN shop ON shop.id = shop_id GROUP BY city",
            "SELECT * FROM m ORDER BY city",
            "DELETE FROM s WHERE id % 7 = 0",
            "REFRESH MATERIALIZED VIEW m",
            "SELECT * FROM m ORDER BY city",
            "CREATE UNIQUE INDEX ON m (city)",
            "DELETE FROM s WHERE id % 5 = 0",
            "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
            "SELECT sum(n), sum(total), count(*) FROM m",
        ],
    );
}

#[test]
fn copy_to() {
    let (_turn, server) = turn();
    let run = |mode, options: &str| {
        let mut session = Watched::connect(server, mode);
        let mut text = String::new();
        let rows = "SELECT sale.id, city, qty, price FROM sale JOIN shop ON shop.id = shop_id \
            WHERE qty IS DISTINCT FROM 2 ORDER BY sale.id";
        for query in [BY_CITY, rows] {
            let copy = format!("COPY ({query}) TO STDOUT {options}");
            let mut reader = session.client.copy_out(copy.as_str()).unwrap();
            reader.read_to_string(&mut text).unwrap();
        }
        (text, session.notices().1)
    };
    for options in ["", "(FORMAT csv, HEADER, NULL 'none')"] {
        let (native, none) = run(Mode::Off, options);
        let (forced, fused) = run(Mode::Force, options);
        assert!(native.len() > 100_000, "{} bytes", native.len());
        assert!(native == forced, "COPY {options} differs");
        assert_eq!((none, fused), (0, 2));
    }
    assert_pool_becomes_idle(&mut server.connect());
}

#[test]
fn merge_and_returning() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        1,
        &[
            "CREATE TABLE t (city text, n bigint)",
            "INSERT INTO t VALUES ('Bonn', 0), ('Nowhere', 0)",
            "MERGE INTO t USING (SELECT city, count(*) AS n FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY city) q ON q.city = t.city \
             WHEN MATCHED THEN UPDATE SET n = q.n WHEN NOT MATCHED THEN INSERT VALUES (q.city, -1)",
            "SELECT * FROM t ORDER BY city",
        ],
    );
}

/// An UPDATE that waited for another transaction checks its rows again
/// (EvalPlanQual), with a PgFusion node in a subquery.
#[test]
fn an_update_that_waited_checks_its_rows_again() {
    let (_turn, server) = turn();
    let run = |mode| {
        let mut admin = server.connect();
        admin
            .batch_execute(
                "CREATE TABLE counter AS SELECT id, city, 0::bigint AS n FROM shop; ANALYZE counter",
            )
            .unwrap();
        let mut first = server.connect();
        first.batch_execute("BEGIN; UPDATE counter SET city = 'Bonn', n = 5 WHERE id = 7").unwrap();
        let waiting = std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                let mut session = Watched::connect(server, mode);
                let done = session.client.execute(
                    "UPDATE counter SET n = n + (SELECT count(*) FROM sale \
                     JOIN shop ON shop.id = shop_id WHERE shop.city = counter.city) \
                     WHERE id BETWEEN 5 AND 9 AND n < 3 + (SELECT count(DISTINCT shop.city) \
                     FROM sale JOIN shop ON shop.id = shop_id)",
                    &[],
                );
                (done.unwrap(), session.notices().1)
            });
            await_that("the second UPDATE to wait", || {
                let waits = "SELECT count(*) > 0 FROM pg_stat_activity \
                    WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE counter%'";
                admin.query_one(waits, &[]).unwrap().get(0)
            });
            first.batch_execute("COMMIT").unwrap();
            second.join().unwrap()
        });
        let rows = admin.query("SELECT c::text FROM counter c ORDER BY id", &[]).unwrap();
        admin.batch_execute("DROP TABLE counter").unwrap();
        let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        (waiting.0, rows, waiting.1)
    };
    let (native, native_rows, none) = run(Mode::Off);
    let (forced, forced_rows, fused) = run(Mode::Force);
    assert_eq!(native, 5);
    assert_eq!((native, native_rows), (forced, forced_rows));
    assert_eq!((none, fused), (0, 1));
    assert_pool_becomes_idle(&mut server.connect());
}
