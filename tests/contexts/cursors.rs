//! Cursors and portals: read in steps, backwards, after the end of their
//! transaction, and side by side.

use fusion_bench::measure::Mode;
use fusion_tests::query::{assert_pool_becomes_idle, pool};
use fusion_tests::scene::{Watched, assert_scene};
use fusion_tests::shops::{BY_CITY, turn};

/// Many rows, in an order that nothing leaves open.
const ROWS: &str = "SELECT sale.id, city, price FROM sale JOIN shop ON shop.id = shop_id \
    WHERE qty > 3 ORDER BY sale.id";

fn declare(kind: &str) -> String {
    format!("DECLARE c {kind} FOR {ROWS}")
}

#[test]
fn read_in_steps() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        1,
        &[
            "BEGIN",
            &declare("CURSOR"),
            "FETCH 7 FROM c",
            "FETCH c",
            "MOVE 4000 IN c",
            "FETCH 100 FROM c",
            "FETCH ALL FROM c",
            "FETCH 3 FROM c",
            "CLOSE c",
            "COMMIT",
        ],
    );
}

#[test]
fn scrolled() {
    let (_turn, server) = turn();
    let scene = assert_scene(
        server,
        1,
        &[
            "BEGIN",
            &declare("SCROLL CURSOR"),
            "FETCH 10 FROM c",
            "FETCH BACKWARD 5 FROM c",
            "FETCH LAST FROM c",
            "FETCH PRIOR FROM c",
            "FETCH FIRST FROM c",
            "FETCH ABSOLUTE 3333 FROM c",
            "FETCH RELATIVE -17 FROM c",
            "FETCH ABSOLUTE -2 FROM c",
            "FETCH FORWARD ALL FROM c",
            "FETCH BACKWARD 3 FROM c",
            "MOVE BACKWARD ALL IN c",
            "FETCH 2 FROM c",
            "COMMIT",
        ],
    );
    assert!(scene.lines().count() > 40, "{scene}");
    assert_scene(
        server,
        1,
        &[
            "BEGIN",
            &declare("NO SCROLL CURSOR"),
            "FETCH ALL FROM c",
            "CLOSE c",
            &declare("NO SCROLL CURSOR"),
            "FETCH 2 FROM c",
            "! FETCH PRIOR FROM c",
            "ROLLBACK",
        ],
    );
}

#[test]
fn with_hold() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        2,
        &[
            "CREATE TABLE t AS SELECT * FROM sale",
            "ANALYZE t",
            "BEGIN",
            "DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT t.id, city FROM t \
             JOIN shop ON shop.id = shop_id WHERE qty > 3 ORDER BY t.id",
            "FETCH 5 FROM c",
            "COMMIT",
            "TRUNCATE t",
            "FETCH 1000 FROM c",
            BY_CITY,
            "FETCH PRIOR FROM c",
            "FETCH ALL FROM c",
            "CLOSE c",
        ],
    );
    // One that its session leaves behind.
    assert_scene(server, 1, &[&declare("CURSOR WITH HOLD"), "FETCH 1 FROM c"]);
}

#[test]
fn a_cursor_shows_the_time_of_its_declaration() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        2,
        &[
            "CREATE TABLE t AS SELECT * FROM sale",
            "BEGIN",
            "DECLARE c CURSOR FOR SELECT t.id, city FROM t JOIN shop ON shop.id = shop_id \
             WHERE qty > 3 ORDER BY t.id",
            "DELETE FROM t WHERE id % 2 = 0",
            "INSERT INTO t SELECT id + 100000, shop_id, item, qty, price, day FROM sale",
            "FETCH 10 FROM c",
            "UPDATE t SET shop_id = 1",
            "SELECT count(*), sum(price) FROM t JOIN shop ON shop.id = shop_id",
            "MOVE 1000 IN c",
            "FETCH ALL FROM c",
            "COMMIT",
        ],
    );
}

#[test]
fn cursors_end_with_their_subtransaction() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        3,
        &[
            "BEGIN",
            "DECLARE outside CURSOR FOR SELECT sale.id, city FROM sale \
             JOIN shop ON shop.id = shop_id WHERE qty = 2 ORDER BY sale.id",
            "FETCH 3 FROM outside",
            "SAVEPOINT s",
            &declare("CURSOR"),
            "FETCH 3 FROM c",
            "ROLLBACK TO s",
            "! FETCH 3 FROM c",
            "ROLLBACK TO s",
            "FETCH 3 FROM outside",
            &declare("CURSOR"),
            "FETCH 3 FROM c",
            "RELEASE s",
            "FETCH 3 FROM c",
            "SAVEPOINT s",
            "! SELECT sum(1 / (qty - 3)) FROM sale JOIN shop ON shop.id = shop_id",
            "ROLLBACK TO s",
            "FETCH 3 FROM c",
            "FETCH 3 FROM outside",
            BY_CITY,
            "COMMIT",
        ],
    );
}

/// The session of a cursor ends with the error that ends its transaction, not with
/// the ROLLBACK that a client may send much later.
#[test]
fn an_error_ends_open_cursors_at_once() {
    let (_turn, server) = turn();
    let mut session = Watched::connect(server, Mode::Force);
    session.client.batch_execute(&format!("BEGIN; {}", declare("CURSOR"))).unwrap();
    session.client.batch_execute("FETCH 5 FROM c").unwrap();
    assert_eq!(pool(&mut server.connect()).sessions, 1);
    session.client.batch_execute("SELECT 1 / 0").unwrap_err();
    assert_pool_becomes_idle(&mut server.connect());
    session.client.batch_execute("ROLLBACK").unwrap();
    assert_pool_becomes_idle(&mut session.client);
}

/// Cursors, and portals of the extended protocol, half-read while others run.
#[test]
fn many_half_read_at_a_time() {
    let (_turn, server) = turn();
    let run = |mode| {
        let mut session = Watched::connect(server, mode);
        let mut seen = Vec::new();
        let mut transaction = session.client.transaction().unwrap();
        transaction
            .batch_execute(&format!(
                "DECLARE c1 CURSOR FOR {ROWS}; DECLARE c2 CURSOR FOR {BY_CITY}; \
                 DECLARE c3 CURSOR FOR {ROWS}"
            ))
            .unwrap();
        let text = ROWS.replace("price FROM", "price::text FROM");
        let portals = [(); 3].map(|()| transaction.bind(text.as_str(), &[]).unwrap());
        let mut open = 0;
        for round in 0..12 {
            for (cursor, count) in [("c1", 1 + round * 17), ("c2", 1), ("c3", 301)] {
                let fetch = format!("FETCH {count} FROM {cursor}");
                for message in transaction.simple_query(&fetch).unwrap() {
                    if let postgres::SimpleQueryMessage::Row(row) = message {
                        seen.push(format!("{cursor} {:?} {:?}", row.get(0), row.get(1)));
                    }
                }
            }
            for (number, portal) in portals.iter().enumerate() {
                for row in transaction.query_portal(portal, 1 + 10 * number as i32).unwrap() {
                    let (id, city): (i32, &str) = (row.get(0), row.get(1));
                    seen.push(format!("p{number} {id} {city} {}", row.get::<_, &str>(2)));
                }
            }
            let row = transaction.query_one("SELECT sessions FROM pg_fusion_pool()", &[]).unwrap();
            open = open.max(row.get::<_, i32>(0));
            let count: i64 = transaction
                .query_one(&format!("SELECT count(*) FROM ({ROWS}) q"), &[])
                .unwrap()
                .get(0);
            seen.push(count.to_string());
        }
        transaction.commit().unwrap();
        (seen, open)
    };
    let (native, none) = run(Mode::Off);
    let (forced, open) = run(Mode::Force);
    assert!(native.len() > 5000, "{} rows", native.len());
    assert_eq!(none, 0);
    assert_eq!(open, 6, "each half-read portal is a session");
    assert!(
        native == forced,
        "a difference in {:?}",
        native.iter().zip(&forced).find(|(a, b)| a != b)
    );
    assert_pool_becomes_idle(&mut server.connect());
}

/// VACUUM waits for whoever has pinned a page: PostgreSQL's cursor holds one at most.
#[test]
fn an_idle_cursor_pins_no_pages() {
    let (_turn, server) = turn();
    let mut other = server.connect();
    other
        .batch_execute(
            "CREATE TABLE pinned AS SELECT g, g % 50 AS k, md5(g::text) AS s, repeat('x', g % 300) AS x \
             FROM generate_series(1, 20000) g; ANALYZE pinned",
        )
        .unwrap();
    for (mode, query) in [
        (Mode::Off, "SELECT k, count(*), min(s COLLATE \"C\") FROM pinned GROUP BY k ORDER BY k"),
        (Mode::Force, "SELECT k, count(*), min(s COLLATE \"C\") FROM pinned GROUP BY k ORDER BY k"),
        // Half-read, with rows that wait for room in a page.
        (Mode::Force, "SELECT a.s, a.x FROM pinned a JOIN shop ON shop.id = a.k"),
    ] {
        let mut session = Watched::connect(server, mode);
        session
            .client
            .batch_execute(&format!(
                "BEGIN; DECLARE c NO SCROLL CURSOR FOR {query}; FETCH 1 FROM c"
            ))
            .unwrap();
        assert_eq!(pool(&mut other).sessions, i32::from(mode == Mode::Force));
        let pinned = "SELECT coalesce(sum(pinning_backends), 0) FROM pg_buffercache \
            WHERE relfilenode = pg_relation_filenode('pinned')";
        other.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_buffercache").unwrap();
        let pins: i64 = other.query_one(pinned, &[]).unwrap().get(0);
        // The scan that is under way has its own page.
        assert!(pins <= 1, "{pins} pinned pages, {query}");
        session.client.batch_execute("COMMIT").unwrap();
    }
    other.batch_execute("DROP TABLE pinned; DROP EXTENSION pg_buffercache").unwrap();
    assert_pool_becomes_idle(&mut other);
}
