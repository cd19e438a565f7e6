//! Who may see what: row security, privileges, views of both kinds, changed roles.

use fusion_tests::scene::assert_scene;
use fusion_tests::server::Server;
use fusion_tests::shops::turn;

/// Roles are the server's, not the scene's schema's.
fn roles(server: &Server) {
    server
        .connect()
        .batch_execute(
            "DO $$ BEGIN IF to_regrole('ann') IS NULL THEN CREATE ROLE ann; CREATE ROLE bob; \
             END IF; END $$",
        )
        .unwrap();
}

const OWN_TABLES: [&str; 4] = [
    "GRANT USAGE ON SCHEMA scene TO ann, bob",
    "CREATE TABLE s AS SELECT *, CASE shop_id % 2 WHEN 0 THEN 'ann' ELSE 'bob' END AS owner \
     FROM sale",
    "CREATE TABLE p AS SELECT * FROM shop",
    "GRANT SELECT ON s, p TO ann, bob",
];

const REPORT: &str = "SELECT city, count(*), sum(price), min(owner), max(owner) FROM s \
    JOIN p ON p.id = shop_id GROUP BY city ORDER BY city";

fn scene<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    OWN_TABLES.iter().chain(rest).copied().collect()
}

#[test]
fn row_security() {
    let (_turn, server) = turn();
    roles(server);
    let transcript = assert_scene(
        server,
        9,
        &scene(&[
            "ALTER TABLE s ENABLE ROW LEVEL SECURITY",
            "PREPARE q AS SELECT owner, count(*), sum(price) FROM s JOIN p ON p.id = shop_id \
             GROUP BY owner ORDER BY owner",
            "SET plan_cache_mode = force_generic_plan",
            "EXECUTE q",
            "SET ROLE ann",
            // No policy: no rows.
            "EXECUTE q",
            REPORT,
            "RESET ROLE",
            "CREATE POLICY own ON s FOR SELECT USING (owner = current_user)",
            "SET ROLE ann",
            "EXECUTE q",
            REPORT,
            "SET ROLE bob",
            "EXECUTE q",
            REPORT,
            "SET row_security = off",
            "! SELECT count(*) FROM s JOIN p ON p.id = shop_id",
            "RESET row_security",
            "RESET ROLE",
            "CREATE POLICY shops ON s AS RESTRICTIVE FOR SELECT \
             USING (EXISTS (SELECT FROM p WHERE p.id = shop_id AND city = 'Bonn'))",
            "SET ROLE bob",
            "EXECUTE q",
            REPORT,
            "RESET ROLE",
            "EXECUTE q",
            "ALTER TABLE s FORCE ROW LEVEL SECURITY",
            REPORT,
        ]),
    );
    assert!(transcript.contains("ann|10000|"), "{transcript}");
}

/// A function that tells what it sees must not see what row security hides.
#[test]
fn a_leaky_function_sees_nothing_that_is_hidden() {
    let (_turn, server) = turn();
    roles(server);
    let leak = "CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 \
        AS 'BEGIN RAISE NOTICE ''seen %'', $1; RETURN true; END'";
    for protect in [
        &[
            "ALTER TABLE s ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON s FOR SELECT USING (owner = current_user)",
            "CREATE VIEW v AS SELECT * FROM s",
        ][..],
        &["CREATE VIEW v WITH (security_barrier) AS SELECT * FROM s WHERE owner = 'ann'"],
    ] {
        let mut rest = vec!["DELETE FROM s WHERE id > 400", leak];
        rest.extend(protect);
        rest.extend([
            "GRANT SELECT ON v TO ann",
            "ALTER VIEW v OWNER TO ann",
            "SET ROLE ann",
            "SELECT city, count(*) FROM v JOIN p ON p.id = shop_id WHERE leak(owner) \
             GROUP BY city ORDER BY city",
            "SELECT count(*) FROM v JOIN p ON p.id = shop_id WHERE leak(owner) AND qty > 3",
            "SELECT count(*), bool_and(leak(owner)) FROM v JOIN p ON p.id = shop_id",
            // An error of a condition tells as much as a message.
            "SELECT count(*) FROM v JOIN p ON p.id = shop_id \
             WHERE 1 / (CASE owner WHEN 'bob' THEN 0 ELSE 1 END) > 0",
        ]);
        let transcript = assert_scene(server, 2, &scene(&rest));
        assert!(transcript.contains("NOTICE: seen ann"), "{transcript}");
        assert!(!transcript.contains("seen bob"), "{transcript}");
    }
}

#[test]
fn privileges() {
    let (_turn, server) = turn();
    roles(server);
    assert_scene(
        server,
        5,
        &scene(&[
            "PREPARE q AS SELECT city, sum(price) FROM s JOIN p ON p.id = shop_id \
             GROUP BY city ORDER BY city",
            "SET plan_cache_mode = force_generic_plan",
            "EXECUTE q",
            "SET ROLE ann",
            "EXECUTE q",
            "RESET ROLE",
            "REVOKE SELECT ON s FROM ann",
            "SET ROLE ann",
            "! EXECUTE q",
            "RESET ROLE",
            "GRANT SELECT (id, shop_id, qty) ON s TO ann",
            "SET ROLE ann",
            "! EXECUTE q",
            "! SELECT count(*), sum(price) FROM s JOIN p ON p.id = shop_id",
            "! SELECT count(*) FROM s JOIN p ON p.id = shop_id WHERE price > 3",
            "! SELECT count(s.*) FROM s JOIN p ON p.id = shop_id",
            "SELECT city, count(*), sum(qty) FROM s JOIN p ON p.id = shop_id \
             GROUP BY city ORDER BY city",
            "RESET ROLE",
            // Functions that the engine computes, and one that a leaf calls.
            "REVOKE EXECUTE ON FUNCTION lower(text) FROM PUBLIC",
            "CREATE FUNCTION mine(int) RETURNS int LANGUAGE plpgsql IMMUTABLE \
             AS 'BEGIN RETURN $1; END'",
            "REVOKE EXECUTE ON FUNCTION mine(int) FROM PUBLIC",
            "GRANT SELECT ON s TO ann",
            "SET ROLE ann",
            "! SELECT lower(item), count(*) FROM s JOIN p ON p.id = shop_id GROUP BY 1",
            "! SELECT count(*) FROM s JOIN p ON p.id = shop_id WHERE mine(s.id) > 3",
            "RESET ROLE",
            "GRANT EXECUTE ON FUNCTION lower(text) TO PUBLIC",
            "SET ROLE ann",
            "SELECT lower(item) COLLATE \"C\" AS i, count(*) FROM s JOIN p ON p.id = shop_id \
             GROUP BY 1 ORDER BY 1 LIMIT 3",
            // The equality that says what a group is.
            "RESET ROLE",
            "REVOKE EXECUTE ON FUNCTION int4eq(int, int) FROM PUBLIC",
            "SET ROLE ann",
            "! SELECT qty, count(*) FROM s GROUP BY qty",
            "! SELECT DISTINCT shop_id, qty FROM s",
            "SELECT item, count(*) FROM s GROUP BY item ORDER BY item COLLATE \"C\" LIMIT 3",
            "RESET ROLE",
            "GRANT EXECUTE ON FUNCTION int4eq(int, int) TO PUBLIC",
        ]),
    );
}

#[test]
fn views_check_the_right_user() {
    let (_turn, server) = turn();
    roles(server);
    assert_scene(
        server,
        5,
        &scene(&[
            "REVOKE SELECT ON s FROM ann, bob",
            "CREATE VIEW definer AS SELECT city, qty, price FROM s JOIN p ON p.id = shop_id",
            "CREATE VIEW invoker WITH (security_invoker) AS \
             SELECT city, qty, price FROM s JOIN p ON p.id = shop_id",
            "CREATE FUNCTION total() RETURNS numeric LANGUAGE sql SECURITY DEFINER \
             SET search_path = scene \
             AS 'SELECT sum(price) FROM s JOIN p ON p.id = shop_id'",
            "GRANT SELECT ON definer, invoker TO ann",
            "SELECT city, sum(price) FROM invoker GROUP BY city ORDER BY city",
            "SET ROLE ann",
            "SELECT city, sum(price) FROM definer GROUP BY city ORDER BY city",
            "! SELECT city, sum(price) FROM invoker GROUP BY city ORDER BY city",
            "SELECT total()",
            "! SELECT sum(price) FROM s JOIN p ON p.id = shop_id",
            "RESET ROLE",
            "GRANT SELECT ON s TO ann",
            // Row security of the one who asks, behind a view of the invoker's.
            "ALTER TABLE s ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON s FOR SELECT USING (owner = current_user)",
            "SET ROLE ann",
            "SELECT city, count(*), sum(price) FROM invoker GROUP BY city ORDER BY city",
            "SELECT city, count(*), sum(price) FROM definer GROUP BY city ORDER BY city",
        ]),
    );
}
