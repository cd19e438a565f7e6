//! PgFusion nodes inside of other plans, and inside of each other.

use fusion_tests::scene::assert_scene;
use fusion_tests::shops::turn;

#[test]
fn subqueries() {
    let (_turn, server) = turn();
    let queries = [
        // Grouped, and grouped again.
        "SELECT n, count(*) FROM (SELECT shop_id, count(*) AS n FROM sale \
         JOIN shop ON shop.id = shop_id WHERE qty > 3 GROUP BY shop_id) q GROUP BY n ORDER BY n",
        // An init plan.
        "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id \
         WHERE price > (SELECT avg(price) FROM sale JOIN shop ON shop.id = shop_id) \
         GROUP BY city ORDER BY city",
        "SELECT count(*) FROM sale WHERE shop_id IN (SELECT shop.id FROM shop \
         JOIN sale ON shop.id = shop_id GROUP BY shop.id HAVING count(*) > 300)",
        "SELECT count(*) FROM shop WHERE EXISTS (SELECT FROM sale WHERE shop_id = shop.id \
         AND qty > 11)",
        // A CTE that is read twice, and one with a data-modifying neighbour.
        "WITH q AS MATERIALIZED (SELECT shop_id, sum(price) AS total FROM sale \
         JOIN shop ON shop.id = shop_id GROUP BY shop_id) \
         SELECT count(*), sum(a.total - b.total) FROM q a JOIN q b ON a.shop_id = b.shop_id + 1",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 40) \
         SELECT city, count(*) FROM r JOIN shop ON shop.id = r.n GROUP BY city ORDER BY city",
        "SELECT 'a', count(*), sum(price) FROM sale JOIN shop ON shop.id = shop_id WHERE qty = 1 \
         UNION ALL SELECT 'b', count(*), sum(price) FROM sale JOIN shop ON shop.id = shop_id \
         WHERE qty = 2 ORDER BY 1",
        // What is above the node: windows, set-returning functions.
        "SELECT city, n, sum(n) OVER (ORDER BY city) FROM (SELECT city, count(*) AS n FROM sale \
         JOIN shop ON shop.id = shop_id GROUP BY city) q ORDER BY city",
        "SELECT city, generate_series(1, 2), count(*) FROM sale JOIN shop ON shop.id = shop_id \
         GROUP BY city ORDER BY 1, 2",
    ];
    for query in queries {
        assert_scene(server, 1, &[query]);
    }
}

#[test]
fn a_correlated_subquery_is_rescanned_thousands_of_times() {
    let (_turn, server) = turn();
    let scene = assert_scene(
        server,
        1,
        &[
            "CREATE TABLE few AS SELECT g AS id, g % 4 AS part FROM generate_series(1, 40) g",
            "ANALYZE few",
            "SELECT sum(s.id), sum(n), count(n) FROM (SELECT id, (SELECT count(*) FROM few a \
             JOIN few b ON a.part = b.part WHERE a.id <= sale.qty) AS n FROM sale \
             WHERE id <= 3000 OFFSET 0) s",
        ],
    );
    assert!(scene.contains("4501500|"), "{scene}");
}

#[test]
fn lateral() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        2,
        &[
            "SELECT shop.id, q.* FROM shop CROSS JOIN LATERAL (SELECT count(*), sum(price) \
             FROM sale JOIN shop s ON s.id = shop_id WHERE qty < shop.id) q ORDER BY shop.id",
            "SELECT shop.id, q.* FROM shop LEFT JOIN LATERAL (SELECT item, count(*) FROM sale \
             WHERE shop_id = shop.id GROUP BY item ORDER BY 2 DESC, 1 LIMIT 2) q ON true \
             ORDER BY 1, 2",
        ],
    );
}

/// PostgreSQL stops reading: LIMIT above, a merge join or a semi-join that is done.
#[test]
fn nodes_that_are_not_read_to_their_end() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        3,
        &[
            "SELECT EXISTS (SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id \
             GROUP BY qty HAVING sum(price) > 0)",
            "SELECT q.qty, generate_series(1, 3) FROM (SELECT qty, count(*) FROM sale \
             JOIN shop ON shop.id = shop_id GROUP BY qty ORDER BY qty) q LIMIT 5",
            "SELECT (SELECT sale.id FROM sale JOIN shop ON shop.id = shop_id WHERE qty > g \
             ORDER BY sale.id LIMIT 1) FROM generate_series(1, 20) g",
        ],
    );
}

/// A fusion plan whose leaf calls a function that runs one, three levels deep.
#[test]
fn inside_of_each_other() {
    let (_turn, server) = turn();
    assert_scene(
        server,
        1 + 10 + 45,
        &[
            "CREATE FUNCTION one(int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN \
             RETURN (SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id \
             WHERE shop_id = $1); END $$",
            "CREATE FUNCTION two(int) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN \
             RETURN (SELECT count(*) FROM shop a JOIN shop b ON a.id = b.id \
             WHERE a.id < $1 AND one(a.id) > 10); END $$",
            "SELECT a.city, count(*) FROM shop a JOIN shop b ON a.id = b.id \
             WHERE a.id < 11 AND two(a.id) > 3 GROUP BY a.city ORDER BY a.city",
        ],
    );
}
