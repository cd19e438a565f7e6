//! What PostgreSQL's own plan decides about a cursor: whether WHERE CURRENT OF finds its
//! row, and whether it can be read backwards. It must be the same with ours.

use std::fmt::Write;

use fusion_bench::measure::Mode;
use fusion_tests::query::assert_pool_becomes_idle;
use fusion_tests::scene::{Watched, assert_same_text, whole_error};
use fusion_tests::server::Server;
use fusion_tests::shops::turn;
use postgres::{Client, SimpleQueryMessage};

/// Queries over tables `t`, `u` and `parts`.
const QUERIES: [&str; 27] = [
    "SELECT v, count(*), max(id) FROM t GROUP BY v ORDER BY v",
    "SELECT v, count(*) FROM t GROUP BY v",
    "SELECT a.id, b.v FROM t a JOIN t b USING (id) WHERE a.v = 5 ORDER BY a.id",
    "SELECT a.id, b.v FROM t a JOIN t b USING (id) WHERE a.v = 5 ORDER BY a.id LIMIT 4 OFFSET 2",
    "SELECT id FROM t WHERE v = 3",
    "SELECT id, v + 1 FROM t WHERE v = 3 LIMIT 10",
    "SELECT id FROM t ORDER BY v, id DESC",
    "SELECT id FROM t ORDER BY id",
    "SELECT DISTINCT v FROM t",
    "SELECT * FROM (SELECT id, v FROM t OFFSET 0) s WHERE v > 3",
    "SELECT t.id FROM t LEFT JOIN u ON u.id = t.id WHERE t.v > 1",
    "SELECT t.id FROM t, (SELECT 1) one WHERE t.v > 1",
    "SELECT id FROM t WHERE v > (SELECT avg(v) FROM t)",
    "SELECT id FROM t WHERE v IN (SELECT v FROM u GROUP BY v HAVING count(*) > 1)",
    "SELECT id FROM t WHERE v = 2 UNION ALL SELECT id FROM u WHERE v = 3",
    "SELECT id FROM t WHERE v = 2 UNION ALL SELECT id FROM t WHERE v = 3",
    "SELECT id FROM t WHERE v = 2 UNION ALL SELECT count(*) FROM u GROUP BY v",
    "SELECT id FROM parts WHERE v > 1",
    "VALUES (1), (2), (3)",
    "SELECT * FROM generate_series(1, 5)",
    "SELECT generate_series(1, 5)",
    "SELECT 1 AS a UNION ALL SELECT 2",
    "WITH c AS MATERIALIZED (SELECT v, count(*) AS n FROM t GROUP BY v) SELECT * FROM c",
    "SELECT v, sum(v) OVER (ORDER BY id) FROM t ORDER BY id",
    "SELECT t.id FROM t, u WHERE t.id = u.id AND u.v = 1 FOR UPDATE OF t",
    "SELECT kind COLLATE \"en_US\" AS k, count(*) FROM t GROUP BY 1 ORDER BY 1",
    "SELECT ctid, id FROM t WHERE v > (SELECT avg(v) FROM t)",
];

/// What is done with each of the cursors; `{c}` is its declaration.
const SCRIPTS: [&[&str]; 5] = [
    &["FETCH 2 FROM c", "FETCH BACKWARD 1 FROM c", "FETCH 2 FROM c"],
    &["MOVE LAST FROM c", "FETCH PRIOR FROM c", "MOVE BACKWARD ALL IN c", "FETCH 1 FROM c"],
    &["FETCH ALL FROM c", "FETCH RELATIVE -2 FROM c", "FETCH ABSOLUTE 1 FROM c"],
    &["MOVE 1 IN c", "UPDATE t SET v = v WHERE CURRENT OF c", "FETCH 1 FROM c"],
    &["MOVE 1 IN c", "DELETE FROM parts WHERE CURRENT OF c"],
];

/// Plays all scripts over cursors of `kind`; what the client saw, and how many plans of
/// its statements had a PgFusion node.
fn play(server: &Server, mode: Mode, kind: &str, hold: bool, queries: &[&str]) -> (String, usize) {
    let mut session = Watched::connect(server, mode);
    // A plan whose groups come in order cannot go back, where one that sorts them could.
    let hashing = if hold { "off" } else { "on" };
    session.client.batch_execute(&format!("SET enable_hashagg = {hashing}")).unwrap();
    let mut text = String::new();
    let mut fused = 0;
    for query in queries {
        for script in SCRIPTS {
            session.client.batch_execute("BEGIN").unwrap();
            let hold_clause = if hold { "WITH HOLD" } else { "" };
            let declare = format!("DECLARE c {kind} CURSOR {hold_clause} FOR {query}");
            let middle = if hold { "COMMIT" } else { "SAVEPOINT s" };
            let statements = [declare.as_str(), script[0], middle];
            for statement in statements.iter().chain(&script[1..]) {
                let _ = writeln!(text, "> {statement}");
                let result = session.client.simple_query(statement);
                let failed = result.is_err();
                match result {
                    Ok(messages) => write_shown(&mut text, query, messages),
                    Err(error) => {
                        let error = error.as_db_error().map(whole_error).unwrap();
                        let _ = writeln!(text, "{error}");
                    }
                }
                if failed && !hold {
                    let _ = session.client.batch_execute("ROLLBACK TO s");
                }
            }
            // A plan that ends is told of; one that is rolled back is not.
            let _ = session.client.batch_execute("CLOSE ALL");
            session.client.batch_execute("ROLLBACK").unwrap();
            fused += session.notices().1;
        }
    }
    (text, fused)
}

/// Writes the rows, or for queries that do not say in which order they come, how many.
fn write_shown(text: &mut String, query: &str, messages: Vec<SimpleQueryMessage>) {
    let ordered = query.contains("ORDER BY") || !query.contains(" FROM ");
    for message in messages {
        let _ = match message {
            SimpleQueryMessage::Row(row) if ordered => writeln!(text, "{:?}", row.get(0)),
            SimpleQueryMessage::CommandComplete(rows) => writeln!(text, "{rows} rows"),
            _ => Ok(()),
        };
    }
}

const TABLES: &str = "
    CREATE TABLE t AS SELECT g AS id, g % 20 AS v, 'kind ' || g % 3 AS kind
        FROM generate_series(1, 3000) g;
    ALTER TABLE t ADD PRIMARY KEY (id);
    CREATE TABLE u AS SELECT g AS id, g % 5 AS v FROM generate_series(1, 50) g;
    ALTER TABLE u ADD PRIMARY KEY (id);
    CREATE TABLE parts (id int, v int) PARTITION BY LIST (v);
    CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1, 2);
    CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (3, 4);
    INSERT INTO parts SELECT g, g % 4 + 1 FROM generate_series(1, 100) g;
    CREATE COLLATION IF NOT EXISTS \"en_US\" (provider = icu, locale = 'en-US');
    ANALYZE t, u, parts";

fn with_tables(server: &Server, test: impl FnOnce()) {
    let mut client = server.connect();
    let drop = "SET client_min_messages = warning; DROP TABLE IF EXISTS t, u, parts; \
        DROP COLLATION IF EXISTS public.\"en_US\"";
    client.batch_execute(drop).unwrap();
    client.batch_execute(TABLES).unwrap();
    test();
    client.batch_execute(drop).unwrap();
    assert_pool_becomes_idle(&mut client);
}

#[test]
fn as_postgresqls_own_plan_has_it() {
    let (_turn, server) = turn();
    with_tables(server, || {
        for kind in ["", "NO SCROLL", "SCROLL"] {
            for hold in [false, true] {
                // Cursors WITH HOLD lock no rows.
                let queries = QUERIES.iter().copied();
                let queries: Vec<_> =
                    queries.filter(|query| !(hold && query.contains("FOR UPDATE"))).collect();
                let (native, none) = play(server, Mode::Off, kind, hold, &queries);
                assert_eq!(none, 0);
                assert!(native.contains("cursor can only scan forward") || kind == "SCROLL");
                assert!(hold || kind == "SCROLL" || native.contains("UPDATE t"));
                for mode in [Mode::On, Mode::Force] {
                    let (fusion, fused) = play(server, mode, kind, hold, &queries);
                    assert_same_text(&native, &fusion);
                    // Of many cursors that fail, no plan is told.
                    let least = QUERIES.len() / 2;
                    assert!(mode == Mode::On || fused >= least, "{fused} plans, {kind} {hold}");
                }
            }
        }
    });
}

/// The three cases of the comparison with PostgreSQL's plan, seen in the plans.
#[test]
fn which_plan_a_cursor_has() {
    let (_turn, server) = turn();
    with_tables(server, || {
        let mut client = server.connect();
        client.batch_execute(Mode::Force.settings()).unwrap();
        let plan = |client: &mut Client, declaration: &str, query: &str| {
            let explain = format!("EXPLAIN (COSTS OFF) DECLARE c {declaration} FOR {query}");
            let rows = client.query(explain.as_str(), &[]).unwrap();
            let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            lines.join("\n")
        };
        let sorted = QUERIES[0];
        let text = plan(&mut client, "CURSOR", sorted);
        assert!(text.starts_with("Materialize\n  ->  Custom Scan (PgFusion)"), "{text}");
        for kind in ["NO SCROLL CURSOR", "NO SCROLL CURSOR WITH HOLD"] {
            let text = plan(&mut client, kind, sorted);
            assert!(text.starts_with("Custom Scan (PgFusion)"), "{text}");
        }
        // PostgreSQL hashes, and cannot go back.
        let text = plan(&mut client, "CURSOR", QUERIES[1]);
        assert!(text.starts_with("Custom Scan (PgFusion)"), "{text}");
        // The scan that WHERE CURRENT OF finds is in PostgreSQL's plan only.
        let text = plan(&mut client, "CURSOR", QUERIES[10]);
        assert!(text.starts_with("Seq Scan on t"), "{text}");
        // PostgreSQL's groups come in order, and it cannot go back; ours would be sorted
        // above the node, and could.
        client.batch_execute("SET enable_hashagg = off").unwrap();
        let text = plan(&mut client, "CURSOR", QUERIES[25]);
        assert!(text.starts_with("GroupAggregate"), "{text}");
    });
}

/// WHERE CURRENT OF changes the row that the cursor shows.
#[test]
fn current_of() {
    let (_turn, server) = turn();
    with_tables(server, || {
        for mode in [Mode::Off, Mode::On, Mode::Force] {
            let mut client = server.connect();
            client.batch_execute(mode.settings()).unwrap();
            for query in [10, 11, 12, 14].map(|index: usize| QUERIES[index]) {
                let mut transaction = client.transaction().unwrap();
                transaction.batch_execute(&format!("DECLARE c CURSOR FOR {query}")).unwrap();
                transaction.batch_execute("MOVE 2 IN c").unwrap();
                let id: i32 = transaction.query_one("FETCH c", &[]).unwrap().get(0);
                transaction.batch_execute("UPDATE t SET v = -7 WHERE CURRENT OF c").unwrap();
                let row = transaction.query_one("SELECT id FROM t WHERE v = -7", &[]).unwrap();
                assert_eq!(row.get::<_, i32>(0), id, "{query}");
                transaction.rollback().unwrap();
            }
        }
    });
}

/// PL/pgSQL's cursors, bound and unbound, of all kinds.
#[test]
fn in_plpgsql() {
    let (_turn, server) = turn();
    with_tables(server, || {
        let grouped = "SELECT v, count(*) AS n FROM t GROUP BY v ORDER BY v";
        let mut results = Vec::new();
        for mode in [Mode::Off, Mode::On, Mode::Force] {
            let mut session = Watched::connect(server, mode);
            for kind in ["CURSOR", "NO SCROLL CURSOR", "SCROLL CURSOR"] {
                let block = format!(
                    "DO $$ DECLARE c {kind} FOR {grouped}; d refcursor; r record; \
                     e {kind} FOR SELECT t.id FROM t LEFT JOIN u ON u.id = t.id WHERE t.v > 1; \
                     BEGIN \
                       OPEN c; MOVE FORWARD 3 FROM c; FETCH c INTO r; RAISE INFO '% %', r.v, r.n; \
                       BEGIN FETCH PRIOR FROM c INTO r; RAISE INFO '% %', r.v, r.n; \
                       EXCEPTION WHEN OTHERS THEN RAISE INFO '%', sqlerrm; END; \
                       CLOSE c; \
                       OPEN d {kind} FOR EXECUTE '{grouped}'; FETCH d INTO r; FETCH d INTO r; \
                       BEGIN FETCH FIRST FROM d INTO r; RAISE INFO '% %', r.v, r.n; \
                       EXCEPTION WHEN OTHERS THEN RAISE INFO '%', sqlerrm; END; \
                       FOR r IN e LOOP \
                         BEGIN UPDATE t SET v = v WHERE CURRENT OF e; \
                         EXCEPTION WHEN OTHERS THEN RAISE INFO '%', sqlerrm; END; \
                         EXIT WHEN r.id > 20; \
                       END LOOP; \
                     END $$"
                )
                .replace("OPEN d CURSOR", "OPEN d")
                .replace("OPEN d NO SCROLL CURSOR", "OPEN d NO SCROLL")
                .replace("OPEN d SCROLL CURSOR", "OPEN d SCROLL");
                session.client.batch_execute(&block).unwrap_or_else(|e| panic!("{e}\n{block}"));
            }
            let (seen, fused) = session.notices();
            assert_eq!(fused > 0, mode == Mode::Force, "{} plans", fused);
            results.push(seen);
        }
        assert!(results[0].iter().any(|line| line.contains("can only scan forward")));
        assert_eq!(results[0], results[1]);
        assert_eq!(results[0], results[2]);
    });
}

/// Rows kept for going back are PostgreSQL's and go to disk like its own.
#[test]
fn at_default_settings() {
    let (_turn, server) = turn();
    let mut client = server.connect();
    client
        .batch_execute(
            "CREATE TABLE d AS SELECT g AS id, g % 100 AS k FROM generate_series(1, 500000) g; \
             ANALYZE d; SET work_mem = '64kB'",
        )
        .unwrap();
    let grouped = "SELECT k, count(*) FROM d GROUP BY k ORDER BY k";
    let explain = format!("EXPLAIN DECLARE c CURSOR FOR {grouped}");
    let top: String = client.query(explain.as_str(), &[]).unwrap()[1].get(0);
    assert!(top.contains("PgFusion"), "{top}");
    // WHERE CURRENT OF finds the scan in our plan, too: the node is below it.
    client.batch_execute("CREATE TABLE few AS SELECT g AS k FROM generate_series(1, 9) g").unwrap();
    let above = "SELECT k FROM few WHERE k > (SELECT count(*) / 100000 FROM d a JOIN d b \
        USING (id))";
    let explain = format!("EXPLAIN DECLARE c CURSOR FOR {above}");
    let rows = client.query(explain.as_str(), &[]).unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(plan[0].starts_with("Seq Scan on few"), "{plan:?}");
    assert!(plan.iter().any(|line| line.contains("PgFusion")), "{plan:?}");
    let mut transaction = client.transaction().unwrap();
    transaction.batch_execute(&format!("DECLARE c CURSOR FOR {above}")).unwrap();
    let k: i32 = transaction.query_one("FETCH c", &[]).unwrap().get(0);
    assert_eq!(k, 6);
    let update = "UPDATE few SET k = -k WHERE CURRENT OF c RETURNING k";
    assert_eq!(transaction.query_one(update, &[]).unwrap().get::<_, i32>(0), -6);
    transaction.rollback().unwrap();
    let joined = "SELECT a.id, b.k FROM d a JOIN d b USING (id) WHERE a.k < 50 AND b.k > 2 \
        ORDER BY a.id";
    for (query, last) in [(grouped, 98), (joined, 499_948)] {
        let mut transaction = client.transaction().unwrap();
        transaction.batch_execute(&format!("DECLARE c CURSOR FOR {query}")).unwrap();
        transaction.batch_execute("FETCH 2 FROM c; FETCH BACKWARD 1 FROM c").unwrap();
        transaction.batch_execute("MOVE LAST FROM c").unwrap();
        let row = transaction.query_one("FETCH PRIOR FROM c", &[]).unwrap();
        assert_eq!(row.get::<_, i32>(0), last);
        transaction.commit().unwrap();
    }
    client.batch_execute("DROP TABLE d, few").unwrap();
    assert_pool_becomes_idle(&mut client);
}
