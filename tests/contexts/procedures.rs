//! Queries inside of functions, procedures and triggers; errors that are caught.

use fusion_tests::query::assert_pool_becomes_idle;
use fusion_tests::scene::assert_scene;
use fusion_tests::shops::{BY_CITY, turn};

const REVENUE: &str = "CREATE FUNCTION revenue(int) RETURNS numeric LANGUAGE plpgsql STABLE AS $$ \
    BEGIN RETURN (SELECT sum(price) FROM sale JOIN shop ON shop.id = shop_id \
    WHERE shop_id = $1); END $$";

#[test]
fn loops() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        9,
        &[
            "CREATE FUNCTION report() RETURNS SETOF text LANGUAGE plpgsql AS $$ \
             DECLARE r record; n bigint; \
             BEGIN \
               FOR r IN SELECT city, count(*) AS n FROM sale JOIN shop ON shop.id = shop_id \
                        GROUP BY city ORDER BY city LOOP \
                 SELECT count(*) INTO STRICT n FROM sale JOIN shop ON shop.id = shop_id \
                   WHERE city = r.city AND qty > 6; \
                 RETURN NEXT r.city || ' ' || r.n || ' ' || n; \
                 PERFORM count(*) FROM sale WHERE qty = r.n GROUP BY shop_id; \
                 IF NOT FOUND THEN RETURN NEXT 'none'; END IF; \
               END LOOP; \
             END $$",
            "SELECT * FROM report()",
            "SELECT * FROM report()",
        ],
    );
}

#[test]
fn ways_to_run_a_query_in_plpgsql() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        6,
        &[
            "CREATE FUNCTION all_ways() RETURNS SETOF text LANGUAGE plpgsql AS $$ \
             DECLARE c CURSOR (least int) FOR SELECT city, sum(qty) AS total FROM sale \
               JOIN shop ON shop.id = shop_id WHERE qty > least GROUP BY city ORDER BY city; \
               rows bigint; total bigint; open_one refcursor; name text; \
             BEGIN \
               FOR r IN c(3) LOOP RETURN NEXT r::text; END LOOP; \
               OPEN c(9); FETCH c INTO name, total; RETURN NEXT name || total; CLOSE c; \
               OPEN open_one FOR SELECT shop_id::text, count(*) FROM sale \
                 JOIN shop ON shop.id = shop_id GROUP BY shop_id ORDER BY shop_id; \
               FETCH open_one INTO name, total; MOVE FORWARD 10 FROM open_one; \
               FETCH open_one INTO name, total; RETURN NEXT name || ' ' || total; \
               RETURN QUERY SELECT city || max(price) FROM sale JOIN shop ON shop.id = shop_id \
                 GROUP BY city ORDER BY city; \
               GET DIAGNOSTICS rows = ROW_COUNT; RETURN NEXT rows::text; \
               EXECUTE 'SELECT sum(price) FROM sale JOIN shop ON shop.id = shop_id \
                 WHERE qty < $1' INTO name USING 5; RETURN NEXT name; \
               RETURN QUERY EXECUTE 'SELECT city || count(*) FROM sale \
                 JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city'; \
               CLOSE open_one; \
             END $$",
            "SELECT * FROM all_ways()",
        ],
    );
}

/// The cursor outlives the function that opened it.
#[test]
fn a_function_returns_an_open_cursor() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        1,
        &[
            "CREATE FUNCTION opened() RETURNS refcursor LANGUAGE plpgsql AS $$ \
             DECLARE c refcursor := 'mine'; \
             BEGIN OPEN c FOR SELECT city, sum(qty) FROM sale JOIN shop ON shop.id = shop_id \
               GROUP BY city ORDER BY city; RETURN c; END $$",
            "BEGIN",
            "SELECT opened()",
            "FETCH 2 FROM mine",
            "FETCH ALL FROM mine",
            "COMMIT",
        ],
    );
}

#[test]
fn functions_called_per_row() {
    let (_turn, server) = turn();
    let sql_function = REVENUE
        .replace("revenue", "revenue_sql")
        .replace("plpgsql", "sql")
        .replace("BEGIN RETURN (", "")
        .replace("); END", "");
    assert_scene(
        server,
        150,
        &[
            REVENUE,
            &sql_function,
            "SELECT id, revenue(id) FROM shop ORDER BY id",
            "SELECT id, revenue_sql(id) FROM shop ORDER BY id",
            // In a leaf, and above the node that has it.
            "SELECT city, count(*), sum(price) FROM sale JOIN shop ON shop.id = shop_id \
             WHERE revenue(shop.id) > 20000 GROUP BY city ORDER BY city",
            "SELECT city, count(*), revenue(count(*)::int) FROM shop GROUP BY city ORDER BY city",
        ],
    );
}

#[test]
fn triggers() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        8,
        &[
            "CREATE TABLE t AS SELECT * FROM sale WHERE id <= 5",
            "CREATE TABLE audit (what text, number bigint, total numeric)",
            "CREATE FUNCTION per_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               NEW.qty := (SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id \
                 WHERE shop_id = NEW.shop_id); RETURN NEW; END $$",
            "CREATE FUNCTION per_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
               INSERT INTO audit SELECT city, count(*), sum(price) FROM added \
                 JOIN shop ON shop.id = shop_id GROUP BY city; RETURN NULL; END $$",
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION per_row()",
            "CREATE TRIGGER b AFTER INSERT ON t REFERENCING NEW TABLE AS added \
             FOR EACH STATEMENT EXECUTE FUNCTION per_statement()",
            "INSERT INTO t SELECT * FROM sale WHERE id BETWEEN 6 AND 9",
            "INSERT INTO t SELECT sale.* FROM sale JOIN shop ON shop.id = shop_id \
             WHERE qty = 3 AND city = 'Bonn' AND sale.id < 100",
            "SELECT * FROM t ORDER BY id",
            "SELECT * FROM audit ORDER BY what, number",
        ],
    );
}

#[test]
fn errors_caught_in_plpgsql() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        21,
        &[
            // In turns an error of the engine, an error of a leaf, and none.
            "CREATE FUNCTION bad(int) RETURNS int LANGUAGE plpgsql STABLE \
             AS 'BEGIN IF $1 = 777 THEN RAISE EXCEPTION ''bad row''; END IF; RETURN $1; END'",
            "CREATE FUNCTION attempts() RETURNS SETOF text LANGUAGE plpgsql AS $$ \
             DECLARE total bigint; divisor int; \
             BEGIN FOR i IN 1..60 LOOP \
               BEGIN \
                 IF i % 3 = 1 THEN \
                   SELECT sum(1 / (qty - i % 12)) INTO total FROM sale \
                     JOIN shop ON shop.id = shop_id; \
                 ELSIF i % 3 = 2 THEN \
                   SELECT count(*) INTO total FROM sale JOIN shop ON shop.id = shop_id \
                     WHERE bad(sale.id) > 0; \
                 ELSE \
                   SELECT sum(qty) INTO total FROM sale JOIN shop ON shop.id = shop_id \
                     WHERE qty <> i % 13; \
                 END IF; \
                 RETURN NEXT i || ': ' || total; \
               EXCEPTION WHEN division_by_zero OR raise_exception THEN \
                 RETURN NEXT i || ': ' || SQLSTATE || ' ' || SQLERRM; \
               END; \
             END LOOP; END $$",
            "BEGIN",
            "SELECT * FROM attempts()",
            BY_CITY,
            "COMMIT",
        ],
    );
}

/// Inside of one transaction, errors that are caught leave nothing behind.
#[test]
fn a_caught_error_leaves_nothing() {
    let (_turn, server) = turn();
    let mut client = server.connect();
    client
        .batch_execute(
            "SET pg_fusion.force = on; BEGIN; DO $$ BEGIN FOR i IN 1..40 LOOP BEGIN \
             PERFORM sum(1 / (qty - 3)) FROM sale JOIN shop ON shop.id = shop_id; \
             RAISE EXCEPTION 'no error'; \
             EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$",
        )
        .unwrap();
    assert_pool_becomes_idle(&mut client);
    client.batch_execute("COMMIT").unwrap();
}

#[test]
fn procedures_that_commit() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        2,
        &[
            "CREATE TABLE done (city text, n bigint)",
            "CREATE PROCEDURE work() LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN \
               FOR r IN SELECT city, count(*) AS n FROM sale JOIN shop ON shop.id = shop_id \
                        GROUP BY city ORDER BY city LOOP \
                 INSERT INTO done VALUES (r.city, r.n); \
                 IF r.city = 'Celle' THEN ROLLBACK; ELSE COMMIT; END IF; \
               END LOOP; \
               INSERT INTO done SELECT city, sum(qty) FROM sale JOIN shop ON shop.id = shop_id \
                 GROUP BY city; \
             END $$",
            "CALL work()",
            "SELECT * FROM done ORDER BY city, n",
        ],
    );
}

#[test]
fn functions_that_call_themselves() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        10,
        &[
            "CREATE FUNCTION deep(level int) RETURNS text LANGUAGE plpgsql AS $$ \
             DECLARE r record; answer text := ''; \
             BEGIN \
               IF level = 0 THEN RETURN ''; END IF; \
               FOR r IN SELECT shop_id, count(*) AS n FROM sale JOIN shop ON shop.id = shop_id \
                        GROUP BY shop_id ORDER BY shop_id LOOP \
                 answer := answer || r.shop_id || ' ' || r.n || ' '; \
                 IF r.shop_id = 2 THEN answer := answer || deep(level - 1); END IF; \
                 EXIT WHEN r.shop_id = 4; \
               END LOOP; RETURN answer; \
             END $$",
            "SELECT deep(10)",
        ],
    );
}
