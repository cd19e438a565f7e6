//! Fewer pages than queries would like, down to the fewest that a server can have:
//! slow, but never stuck, and never wrong.

use std::thread;

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::query::set_mode;
use fusion_tests::shops::{BY_CITY, start};
use fusion_tests::victim::{assert_recovered, watcher};

/// Queries of each kind: many rows in, many rows out, wide rows, several leaves.
const QUERIES: [&str; 6] = [
    BY_CITY,
    "SELECT sale.id, city, price FROM sale JOIN shop ON shop.id = shop_id ORDER BY price, sale.id",
    "SELECT a.id, repeat(a.item, 1500) FROM sale a JOIN shop ON shop.id = a.shop_id \
     WHERE a.id % 200 = 0 ORDER BY a.id",
    "SELECT a.city, count(*), sum(s.price) FROM sale s JOIN shop a ON a.id = s.shop_id \
     JOIN shop b ON b.id = s.qty JOIN shop c ON c.id = s.qty + 1 JOIN sale d ON d.id = s.id \
     GROUP BY a.city ORDER BY a.city",
    "SELECT item, count(*), min(w), max(w) FROM (SELECT item, repeat(item, 200) AS w FROM sale \
     WHERE id <= 3000 OFFSET 0) q JOIN shop ON shop.id = length(item) GROUP BY item ORDER BY item",
    "SELECT sale.id FROM sale LEFT JOIN shop ON shop.id = shop_id + 40 WHERE city IS NULL \
     ORDER BY sale.id LIMIT 100",
];

fn run(settings: &[&str]) {
    let mut options = Vec::new();
    for setting in settings {
        options.extend(["--set", setting]);
    }
    let server = start(&options);
    let mut watcher = watcher(&server);
    let expected = QUERIES.map(|sql| Rows::from(watcher.simple_query(sql).unwrap()));
    set_mode(&mut watcher, Mode::Force);
    for sql in QUERIES {
        let plan = Rows::from(watcher.simple_query(&format!("EXPLAIN {sql}")).unwrap()).lines();
        assert!(plan.contains("Custom Scan (PgFusion)"), "{plan}");
    }
    drop(watcher);
    thread::scope(|scope| {
        for number in 0..8 {
            let (server, expected) = (&server, &expected);
            scope.spawn(move || {
                let mut client = server.connect();
                set_mode(&mut client, Mode::Force);
                client.batch_execute("SET statement_timeout = '100s'").unwrap();
                // A cursor that is read now and then holds its pages all the time.
                client
                    .batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM shop ORDER BY id")
                    .unwrap();
                client.batch_execute("FETCH 1 FROM c").unwrap();
                for round in 0..QUERIES.len() {
                    let query = (number + round) % QUERIES.len();
                    let rows = Rows::from(client.simple_query(QUERIES[query]).unwrap());
                    assert!(rows == expected[query], "{}", QUERIES[query]);
                    client.batch_execute("FETCH 1 FROM c").unwrap();
                }
            });
        }
    });
    assert_recovered(&server);
}

#[test]
fn the_fewest_and_smallest() {
    run(&["pg_fusion.page_count=64", "pg_fusion.page_size=8kB", "pg_fusion.max_sessions=32"]);
}

#[test]
fn one_page_per_session() {
    run(&["pg_fusion.page_count=64", "pg_fusion.page_size=16kB", "pg_fusion.max_sessions=64"]);
}
