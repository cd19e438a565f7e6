//! Errors of the query itself: in a leaf, in an expression that a leaf computes, in
//! the engine. All that PostgreSQL tells of them is told, and no row is sent that
//! PostgreSQL would not have sent.

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::running_worker;
use fusion_tests::query::{assert_uses_fusion, set_mode};
use fusion_tests::scene::whole_error;
use fusion_tests::server::Server;
use fusion_tests::shops::turn;
use fusion_tests::victim::{Victim, assert_recovered};
use postgres::Client;
use postgres::fallible_iterator::FallibleIterator;

const PREPARATION: &str = "CREATE OR REPLACE FUNCTION picky(int) RETURNS bool LANGUAGE plpgsql \
    STABLE AS $$ BEGIN IF $1 = 15000 THEN RAISE EXCEPTION 'no %', $1 USING ERRCODE = 'UU123', \
    DETAIL = 'a detail', HINT = 'a hint', TABLE = 'sale', COLUMN = 'id', CONSTRAINT = 'c', \
    SCHEMA = 'public', DATATYPE = 'int4'; END IF; RETURN true; END $$; \
    CREATE OR REPLACE FUNCTION picky_sql(int) RETURNS int LANGUAGE sql STABLE \
    AS 'SELECT 1 / (15000 - $1)'; \
    CREATE OR REPLACE FUNCTION nested_picky(int) RETURNS bool LANGUAGE plpgsql STABLE AS $$ BEGIN \
    RETURN (SELECT bool_and(picky(g)) FROM generate_series($1, $1 + 1) g); END $$";

/// In a leaf's condition, or in a column that a leaf computes.
const IN_A_LEAF: [&str; 7] = [
    "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id WHERE picky(sale.id) \
     GROUP BY city",
    "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id WHERE nested_picky(sale.id) \
     GROUP BY city",
    "SELECT city, sum(picky_sql(sale.id)) FROM sale JOIN shop ON shop.id = shop_id GROUP BY city",
    "SELECT bool_and(picky(sale.id)) FROM sale JOIN shop ON shop.id = shop_id",
    "SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id \
     WHERE to_date(item, 'YYYY-MM-DD') > '2024-01-01'",
    "SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id \
     WHERE item ~ CASE WHEN sale.id = 15000 THEN '(' ELSE '' END",
    "SELECT count(*) FROM (SELECT 1 / (g - 700) AS x FROM generate_series(1, 1000) g OFFSET 0) q \
     JOIN shop ON shop.id = q.x",
];

/// Of the engine.
const IN_THE_ENGINE: [&str; 9] = [
    "SELECT sum(1 / (sale.id - 15000)) FROM sale JOIN shop ON shop.id = shop_id",
    "SELECT city, sum(sale.id % (sale.id - 15000)) FROM sale JOIN shop ON shop.id = shop_id \
     GROUP BY city",
    "SELECT sum(price / (sale.id - 15000)) FROM sale JOIN shop ON shop.id = shop_id",
    "SELECT max(sale.id * 200000) FROM sale JOIN shop ON shop.id = shop_id",
    "SELECT max(sale.id::bigint * 9000000000000000) FROM sale JOIN shop ON shop.id = shop_id",
    "SELECT max(sale.id::smallint + 20000::smallint) FROM sale JOIN shop ON shop.id = shop_id",
    "SELECT max((10::float8 * sale.id * 1e304)::text COLLATE \"C\") FROM sale \
     JOIN shop ON shop.id = shop_id",
    // One wrong text: of several, any may be the first.
    "SELECT max((CASE sale.id WHEN 15000 THEN item ELSE qty::text END)::int) FROM sale \
     JOIN shop ON shop.id = shop_id",
    "SELECT max((price * 1000)::numeric(6,2)) FROM sale JOIN shop ON shop.id = shop_id",
];

fn prepare(server: &Server) -> Client {
    let mut client = server.connect();
    client.batch_execute(PREPARATION).unwrap();
    client
}

fn error(client: &mut Client, mode: Mode, sql: &str) -> String {
    set_mode(client, mode);
    let error = client.simple_query(sql).expect_err(sql);
    whole_error(error.as_db_error().unwrap_or_else(|| panic!("{error}\n{sql}")))
}

fn assert_same_errors(server: &Server, queries: &[&str]) {
    let mut client = prepare(server);
    for sql in queries {
        assert_uses_fusion(&mut client, sql);
        let native = error(&mut client, Mode::Off, sql);
        let forced = error(&mut client, Mode::Force, sql);
        assert_eq!(forced, native, "{sql}");
        drop(client);
        client = assert_recovered(server);
    }
}

#[test]
fn in_a_leaf() {
    let (_turn, server) = turn();
    assert_same_errors(server, &IN_A_LEAF);
}

#[test]
fn in_the_engine() {
    let (_turn, server) = turn();
    assert_same_errors(server, &IN_THE_ENGINE);
}

/// A defect in the engine, as a panic of an operator would be: an error of its query, and
/// nothing to the worker and the other queries.
#[test]
fn a_panic_in_the_engine() {
    const OTHER: &str = "SELECT city, count(*), sum(price) FROM sale JOIN shop ON shop.id = shop_id \
        GROUP BY city ORDER BY city";
    let (_turn, server) = turn();
    let mut client = server.connect();
    let worker = running_worker(server);
    set_mode(&mut client, Mode::Off);
    let native = Rows::from(client.simple_query(OTHER).unwrap());
    for sql in [
        OTHER,
        "SELECT item, sum(price) FROM sale GROUP BY item",
        "SELECT count(*) FROM sale a JOIN sale b ON a.id = b.id",
        "SELECT id FROM sale ORDER BY price LIMIT 3",
    ] {
        assert_uses_fusion(&mut client, sql);
        let others = [OTHER; 3].map(|sql| Victim::run(server, "", sql));
        let failure =
            Victim::run(server, "SET pg_fusion.fault = 'panic'", sql).outcome().unwrap_err();
        assert_eq!(failure.code, "XX000", "{failure:?}");
        assert!(failure.message.contains("pg_fusion.fault asks for a panic"), "{failure:?}");
        for other in others {
            assert_eq!(other.outcome().unwrap(), native);
        }
        drop(client);
        client = assert_recovered(server);
    }
    assert_eq!(running_worker(server), worker, "the worker has lived on");
}

/// Every field of an error in a leaf is the one that was raised.
#[test]
fn a_users_error_comes_out_whole() {
    let (_turn, server) = turn();
    let mut client = prepare(server);
    let text = error(&mut client, Mode::Force, IN_A_LEAF[0]);
    for part in [
        "no 15000 (SQLSTATE UU123)",
        "DETAIL: a detail",
        "HINT: a hint",
        "picky(integer)",
        "TABLE: sale",
        "COLUMN: id",
        "CONSTRAINT: c",
        "SCHEMA: public",
        "TYPE: int4",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    drop(client);
    assert_recovered(server);
}

/// How many rows arrive before the error.
fn rows_before_the_error(client: &mut Client, mode: Mode, sql: &str) -> (Vec<i32>, String) {
    set_mode(client, mode);
    let mut rows = Vec::new();
    let mut results = client.query_raw(sql, std::iter::empty::<i32>()).unwrap();
    loop {
        match results.next() {
            Ok(Some(row)) => rows.push(row.get(0)),
            Ok(None) => panic!("no error\n{sql}"),
            Err(error) => return (rows, error.code().unwrap().code().to_owned()),
        }
    }
}

/// Without ORDER BY the rows come in another order, so there may be more or fewer of them
/// before the one that fails.
#[test]
fn the_failing_row_and_those_after_a_sort_are_not_sent() {
    let (_turn, server) = turn();
    let mut client = prepare(server);
    for sql in [
        "SELECT sale.id, 1 / (sale.id - 15000) FROM sale LEFT JOIN shop ON shop.id = shop_id",
        "SELECT sale.id, city FROM sale LEFT JOIN shop ON shop.id = shop_id WHERE picky(sale.id)",
        "SELECT sale.id, picky_sql(sale.id) FROM sale LEFT JOIN shop ON shop.id = shop_id",
        // A sort has seen every row before it gives one.
        "SELECT sale.id FROM sale JOIN shop ON shop.id = shop_id WHERE picky(sale.id) \
         ORDER BY price, sale.id",
        "SELECT max(sale.id) FROM sale JOIN shop ON shop.id = shop_id \
         GROUP BY shop_id HAVING max(1 / (sale.id - 15000)) >= 0",
    ] {
        assert_uses_fusion(&mut client, sql);
        let (native, native_code) = rows_before_the_error(&mut client, Mode::Off, sql);
        let (forced, forced_code) = rows_before_the_error(&mut client, Mode::Force, sql);
        assert_eq!(native_code, forced_code, "{sql}");
        println!("rows before the error: native {}, forced {}", native.len(), forced.len());
        assert!(!forced.contains(&15_000), "the row that fails\n{sql}");
        if native.is_empty() {
            assert_eq!(forced, native, "rows before all were seen\n{sql}");
        }
    }
    drop(client);
    assert_recovered(server);
}

/// Many failures in one transaction block after another, and of many sessions at a
/// time: nothing adds up.
#[test]
fn hundreds_of_failures() {
    let (_turn, server) = turn();
    drop(prepare(server));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = server.connect();
                set_mode(&mut client, Mode::Force);
                for round in 0..40 {
                    let queries =
                        if round % 2 == 0 { &IN_A_LEAF[..4] } else { &IN_THE_ENGINE[..4] };
                    let sql = queries[round % 4];
                    client.batch_execute("BEGIN; SAVEPOINT s").unwrap();
                    assert!(client.simple_query(sql).unwrap_err().as_db_error().is_some());
                    client.batch_execute("ROLLBACK TO s").unwrap();
                    let rows = client.query("SELECT count(*) FROM sale", &[]).unwrap();
                    assert_eq!(rows[0].get::<_, i64>(0), 20000);
                    client.batch_execute("ROLLBACK").unwrap();
                }
            });
        }
    });
    assert_recovered(server);
}
