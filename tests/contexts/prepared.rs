//! Prepared statements: custom and generic plans, and plans that are made again
//! because something that they depend on has changed.

use fusion_bench::measure::Mode;
use fusion_tests::query::assert_pool_becomes_idle;
use fusion_tests::scene::{Watched, assert_scene};
use fusion_tests::shops::turn;
use postgres::types::Type;

const PREPARE: &str = "PREPARE q(int, text) AS SELECT city, count(*), sum(price) FROM sale \
    JOIN shop ON shop.id = shop_id WHERE qty > $1 AND item <> $2 GROUP BY city ORDER BY city";

#[test]
fn custom_and_generic_plans() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        15,
        &[
            PREPARE,
            "SET plan_cache_mode = force_custom_plan",
            "EXECUTE q(3, 'item 5')",
            "EXECUTE q(11, 'item 6')",
            "EXECUTE q(NULL, 'item 6')",
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements",
            "SET plan_cache_mode = force_generic_plan",
            "EXECUTE q(3, 'item 5')",
            "EXECUTE q(11, 'item 6')",
            "EXECUTE q(NULL, 'item 6')",
            "EXECUTE q(0, '')",
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements",
            "SET plan_cache_mode = auto",
            "EXECUTE q(1, 'item 1')",
            "EXECUTE q(2, 'item 2')",
            "EXECUTE q(3, 'item 3')",
            "EXECUTE q(4, 'item 4')",
            "EXECUTE q(5, 'item 5')",
            "EXECUTE q(6, 'item 6')",
            "EXECUTE q(7, 'item 7')",
            "EXECUTE q(8, 'item 8')",
        ],
    );
}

#[test]
fn the_same_text_with_other_parameter_types() {
    let (_turn, server) = turn();
    let types = ["int, text", "bigint, varchar", "numeric, bpchar", "smallint, name"];
    for types in types {
        let prepare = PREPARE.replace("int, text", types);
        assert_scene(
            server,
            // With NULL, a custom plan is known to give nothing.
            3,
            &[
                &prepare,
                "SET plan_cache_mode = force_custom_plan",
                "EXECUTE q(3, 'item 5')",
                "EXECUTE q(NULL, 'item 5')",
                "SET plan_cache_mode = force_generic_plan",
                "EXECUTE q(3, 'item 5')",
                "EXECUTE q(7, NULL)",
                "DEALLOCATE q",
            ],
        );
    }
}

/// Drivers send parameters in the binary format, in portals of the extended protocol.
#[test]
fn statements_of_the_extended_protocol() {
    let (_turn, server) = turn();
    let sql = "SELECT city, count(*)::text, sum(price)::text FROM sale \
        JOIN shop ON shop.id = shop_id WHERE qty > $1 GROUP BY city ORDER BY city";
    let run = |mode| {
        let mut session = Watched::connect(server, mode);
        let mut rows = Vec::new();
        let small = session.client.prepare_typed(sql, &[Type::INT4]).unwrap();
        let large = session.client.prepare_typed(sql, &[Type::INT8]).unwrap();
        for round in 0..8 {
            rows.extend(session.client.query(&small, &[&(round + 1)]).unwrap());
            rows.extend(session.client.query(&large, &[&i64::from(round + 2)]).unwrap());
        }
        let rows: Vec<[String; 3]> =
            rows.iter().map(|row| [row.get(0), row.get(1), row.get(2)]).collect();
        (rows, session.notices().1)
    };
    let (native, none) = run(Mode::Off);
    let (forced, fused) = run(Mode::Force);
    assert_eq!(native.len(), 8 * 2 * 4);
    assert_eq!(native, forced);
    assert_eq!((none, fused), (0, 16));
    assert_pool_becomes_idle(&mut server.connect());
}

#[test]
fn plans_follow_what_happens_to_their_tables() {
    let (_turn, server) = turn();
    let execute = "EXECUTE q(3)";
    assert_scene(
        server,
        12,
        &[
            "CREATE TABLE t AS SELECT *, id AS unused, 0 AS unused2 FROM sale",
            "PREPARE q(int) AS SELECT city, count(*), sum(price), max(item) FROM t \
             JOIN shop ON shop.id = shop_id WHERE qty > $1 GROUP BY city ORDER BY city",
            "SET plan_cache_mode = force_generic_plan",
            execute,
            "ALTER TABLE t DROP COLUMN unused",
            execute,
            "CREATE INDEX ON t (qty)",
            execute,
            "INSERT INTO t SELECT id + 100000, shop_id, item, qty, price, day, 1 FROM sale",
            execute,
            "ANALYZE t",
            execute,
            "DELETE FROM t WHERE id % 3 = 0",
            "VACUUM FULL t",
            execute,
            "CLUSTER t USING t_qty_idx",
            execute,
            "ALTER TABLE t ALTER unused2 TYPE text USING 'x' || unused2",
            execute,
            "ALTER TABLE t ADD COLUMN more int DEFAULT 7",
            execute,
            "ALTER TABLE t ALTER qty TYPE bigint",
            execute,
            "TRUNCATE t",
            execute,
            "INSERT INTO t (id, shop_id, item, qty, price, day) SELECT * FROM sale",
            execute,
            // The statement names the table, not the one that it once was.
            "ALTER TABLE t RENAME TO u",
            "! EXECUTE q(3)",
            "ALTER TABLE u RENAME TO t",
            execute,
            // What the statement returns must not change, as always.
            "ALTER TABLE t ALTER price TYPE float8",
            "! EXECUTE q(3)",
            "ALTER TABLE t DROP COLUMN price",
            "! EXECUTE q(3)",
            "DROP TABLE t",
            "! EXECUTE q(3)",
        ],
    );
}

#[test]
fn plans_follow_what_happens_to_functions_views_and_settings() {
    let (_turn, server) = turn();
    let execute = "EXECUTE q(3)";
    assert_scene(
        server,
        6,
        &[
            "CREATE FUNCTION wanted(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE \
             AS 'BEGIN RETURN $1 % 2 = 0; END'",
            "CREATE VIEW v AS SELECT * FROM sale WHERE wanted(id)",
            "PREPARE q(int) AS SELECT city, count(*), sum(price) FROM v \
             JOIN shop ON shop.id = shop_id WHERE qty > $1 GROUP BY city ORDER BY city",
            "SET plan_cache_mode = force_generic_plan",
            execute,
            "CREATE OR REPLACE FUNCTION wanted(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE \
             AS 'BEGIN RETURN $1 % 5 = 0; END'",
            execute,
            "CREATE OR REPLACE VIEW v AS SELECT * FROM sale WHERE wanted(id) AND price > 50",
            execute,
            "SET enable_hashjoin = off",
            execute,
            "CREATE TABLE shop (id int, name text, city text)",
            "INSERT INTO shop VALUES (1, 'mine', 'Here'), (2, NULL, 'Here'), (3, 'x', NULL)",
            // The search path finds the new table.
            execute,
            "DROP TABLE shop",
            execute,
        ],
    );
}

/// A generic plan outlives the settings under which it was made.
#[test]
fn a_generic_plan_runs_under_other_settings() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        5,
        &[
            "PREPARE q(int) AS SELECT shop_id, count(*), sum(price), max(day)::text AS last \
             FROM sale WHERE qty > $1 GROUP BY shop_id ORDER BY shop_id LIMIT 7",
            "SET plan_cache_mode = force_generic_plan",
            "EXECUTE q(3)",
            "SET datestyle = 'German'",
            "EXECUTE q(3)",
            "SET timezone = 'Asia/Tokyo'",
            "EXECUTE q(3)",
            "SET work_mem = '64kB'",
            "EXECUTE q(3)",
            "SET max_parallel_workers_per_gather = 0",
            "EXECUTE q(3)",
        ],
    );
}
