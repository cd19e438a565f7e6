//! What a leaf can read: every kind of relation.

use fusion_tests::scene::assert_scene;
use fusion_tests::shops::turn;

#[test]
fn temporary_and_unlogged_tables() {
    let (_turn, server) = turn();
    let query = "SELECT city, count(*), sum(price) FROM t JOIN shop ON shop.id = shop_id \
        GROUP BY city ORDER BY city";
    assert_scene(
        server,
        6,
        &[
            "CREATE TEMP TABLE t AS SELECT * FROM sale",
            query,
            "ANALYZE t",
            query,
            "INSERT INTO t SELECT * FROM sale WHERE qty = 3",
            query,
            "DROP TABLE t",
            "BEGIN",
            "CREATE TEMP TABLE t ON COMMIT DROP AS SELECT * FROM sale WHERE id < 100",
            query,
            "COMMIT",
            "! SELECT * FROM t",
            "CREATE UNLOGGED TABLE t AS SELECT * FROM sale",
            query,
            "BEGIN",
            "TRUNCATE t",
            query,
            "ROLLBACK",
            query,
        ],
    );
}

#[test]
fn partitioned_tables() {
    let (_turn, server) = turn();
    let query = "SELECT city, count(*), sum(price), min(day) FROM t \
        JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city";
    let pruned = "SELECT city, count(*), sum(price) FROM t JOIN shop ON shop.id = shop_id \
        WHERE day >= '2024-11-05' GROUP BY city ORDER BY city";
    assert_scene(
        server,
        8,
        &[
            "CREATE TABLE t (LIKE sale) PARTITION BY RANGE (day)",
            "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2024-01-01') TO ('2024-04-01')",
            // Other columns, another order, and partitions of its own.
            "CREATE TABLE t2 (day date NOT NULL, gone int, price numeric(10,2) NOT NULL, qty int, \
             item text NOT NULL, shop_id int NOT NULL, id int NOT NULL) PARTITION BY HASH (id)",
            "ALTER TABLE t2 DROP COLUMN gone",
            "CREATE TABLE t2a PARTITION OF t2 FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
            "CREATE TABLE t2b PARTITION OF t2 FOR VALUES WITH (MODULUS 2, REMAINDER 1)",
            "ALTER TABLE t ATTACH PARTITION t2 FOR VALUES FROM ('2024-04-01') TO ('2024-11-01')",
            "CREATE TABLE t3 PARTITION OF t DEFAULT",
            "INSERT INTO t SELECT * FROM sale",
            query,
            "ANALYZE t",
            query,
            pruned,
            "PREPARE q(date) AS SELECT count(*), sum(t.price) FROM t \
             JOIN shop ON shop.id = shop_id WHERE day < $1",
            "SET plan_cache_mode = force_generic_plan",
            "EXECUTE q('2024-02-01')",
            "EXECUTE q('2023-02-01')",
            "ALTER TABLE t DETACH PARTITION t1",
            "EXECUTE q('2024-08-01')",
            "SET enable_partitionwise_join = on",
            "SET enable_partitionwise_aggregate = on",
            "SELECT a.day, count(*) FROM t a JOIN t b ON a.day = b.day AND a.id = b.id \
             GROUP BY a.day ORDER BY a.day LIMIT 5",
            query,
        ],
    );
}

#[test]
fn inheritance() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        4,
        &[
            "CREATE TABLE parent AS SELECT * FROM sale WHERE id % 3 = 0",
            "CREATE TABLE child (extra text) INHERITS (parent)",
            "INSERT INTO child SELECT *, 'x' FROM sale WHERE id % 3 = 1",
            "SELECT city, count(*), sum(price) FROM parent JOIN shop ON shop.id = shop_id \
             GROUP BY city ORDER BY city",
            "SELECT city, count(*), sum(price) FROM ONLY parent JOIN shop ON shop.id = shop_id \
             GROUP BY city ORDER BY city",
            "SELECT parent.tableoid::regclass, count(*), sum(parent.qty) FROM parent \
             JOIN shop ON shop.id = shop_id GROUP BY parent.tableoid ORDER BY 2, 3",
            "SELECT extra, count(*) FROM child JOIN shop ON shop.id = shop_id GROUP BY extra",
        ],
    );
}

#[test]
fn foreign_tables() {
    let (_turn, server) = turn();
    let connect = format!(
        "CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw OPTIONS \
         (host '{}', port '5432', dbname 'postgres', options '-c pg_fusion.force=on')",
        server.dir().display()
    );
    let query = "SELECT city, count(*), sum(price), min(item) FROM far \
        JOIN shop ON shop.id = shop_id WHERE qty > 3 GROUP BY city ORDER BY city";
    assert_scene(
        server,
        5,
        &[
            "CREATE EXTENSION postgres_fdw",
            &connect,
            "CREATE USER MAPPING FOR CURRENT_USER SERVER loopback",
            "CREATE FOREIGN TABLE far (id int, shop_id int, item text, qty int, \
             price numeric(10,2), day date) SERVER loopback \
             OPTIONS (schema_name 'public', table_name 'sale')",
            query,
            "ANALYZE far",
            query,
            // A row that the foreign server changes in the same transaction.
            "BEGIN",
            "CREATE TABLE mine AS SELECT * FROM far WHERE id <= 10",
            "SELECT count(*), sum(far.price) FROM far JOIN mine ON mine.id = far.id",
            "COMMIT",
            // Partitions here and there.
            "CREATE TABLE t (LIKE sale) PARTITION BY LIST (shop_id)",
            "CREATE TABLE near PARTITION OF t DEFAULT",
            "INSERT INTO near SELECT * FROM sale WHERE shop_id > 2",
            "CREATE FOREIGN TABLE t1 PARTITION OF t FOR VALUES IN (1) SERVER loopback \
             OPTIONS (schema_name 'scene', table_name 'remote')",
            "CREATE TABLE remote AS SELECT * FROM sale WHERE shop_id = 1",
            "SELECT city, count(*), sum(price) FROM t JOIN shop ON shop.id = shop_id \
             GROUP BY city ORDER BY city",
            // The far end fails.
            "ALTER TABLE remote RENAME TO elsewhere",
            "! SELECT city, count(*) FROM t JOIN shop ON shop.id = shop_id GROUP BY city",
            query,
            "DROP EXTENSION postgres_fdw CASCADE",
        ],
    );
}

#[test]
fn catalogs() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        4,
        &[
            "SELECT relkind, count(*), count(DISTINCT attname), max(attnum) FROM pg_class c \
             JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.oid < 16384 \
             GROUP BY relkind ORDER BY relkind",
            "SELECT nspname, count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace \
             WHERE p.oid < 16384 GROUP BY nspname ORDER BY nspname",
            "SELECT table_name, count(*) FROM information_schema.columns \
             WHERE table_name IN ('sale', 'shop') GROUP BY table_name ORDER BY table_name",
            "SELECT typname, count(*) FROM pg_attribute JOIN pg_type t ON t.oid = atttypid \
             WHERE attrelid < 16384 GROUP BY typname ORDER BY count(*) DESC, typname LIMIT 9",
            // A change of this transaction.
            "BEGIN",
            "CREATE TABLE a_new_one (b int, c text)",
            "SELECT relname, count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE relname = 'a_new_one' AND attnum > 0 GROUP BY relname",
            "ROLLBACK",
        ],
    );
}

#[test]
fn everything_else_that_gives_rows() {
    let (_turn, server) = turn();
    let queries = [
        "SELECT city, count(*) FROM generate_series(1, 5000) g JOIN shop ON shop.id = g % 60 \
         GROUP BY city ORDER BY city",
        "SELECT city, count(*), sum(v.column2) FROM (VALUES (1, 2), (2, 3), (3, NULL)) v \
         JOIN shop ON shop.id = v.column1 GROUP BY city ORDER BY city",
        "SELECT city, count(*) FROM sale TABLESAMPLE system (50) REPEATABLE (1) \
         JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city",
        "SELECT city, count(*) FROM json_to_recordset('[{\"a\": 1}, {\"a\": 2}, {\"a\": 1}]') \
         AS j (a int) JOIN shop ON shop.id = j.a GROUP BY city ORDER BY city",
        "SELECT count(*), sum(price) FROM sale JOIN shop ON shop.id = shop_id \
         WHERE sale.ctid < '(10,1)'",
        "SELECT city, count(*) FROM unnest(ARRAY[1, 2, 2, NULL]) WITH ORDINALITY u (a, n) \
         JOIN shop ON shop.id = u.a GROUP BY city ORDER BY city",
    ];
    for query in queries {
        assert_scene(server, 1, &[query]);
    }
    assert_scene(
        server,
        2,
        &[
            "CREATE MATERIALIZED VIEW m AS SELECT shop_id, count(*) AS n FROM sale GROUP BY shop_id",
            "SELECT city, sum(n) FROM m JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city",
            "CREATE VIEW v AS SELECT shop_id, sum(n) AS n FROM m GROUP BY shop_id",
            "SELECT city, sum(n) FROM v JOIN shop ON shop.id = shop_id GROUP BY city ORDER BY city",
        ],
    );
    assert_scene(
        server,
        3,
        &[
            "CREATE TABLE wide (id int, body text, twice int GENERATED ALWAYS AS (id * 2) STORED)",
            "ALTER TABLE wide ALTER body SET STORAGE external",
            "INSERT INTO wide SELECT g, repeat(md5(g::text), g * 100) FROM generate_series(1, 50) g",
            "SELECT city, count(body), sum(length(body)), max(body) = min(body), sum(twice) \
             FROM wide JOIN shop USING (id) GROUP BY city ORDER BY city",
            // Larger than a page.
            "INSERT INTO wide SELECT 50 + g, repeat(md5(g::text), 20000) FROM generate_series(1, 3) g",
            "SELECT w.id, md5(w.body), length(w.body) FROM wide w JOIN shop ON shop.id = w.id - 50 \
             ORDER BY w.id",
            "SELECT count(*), count(DISTINCT body) FROM wide",
        ],
    );
}
