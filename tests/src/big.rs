//! A table that is larger than a small memory limit, and queries that must hold it.

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use postgres::Client;

use crate::query::set_mode;

/// Some 70 MB: 400,000 rows, no two alike, of 130 bytes.
pub const TABLE: &str = "CREATE TABLE big AS SELECT g AS id, g % 1000 AS part, \
    md5(g::text) || repeat('x', 90) AS pad FROM generate_series(1, 400000) g; ANALYZE big";

/// Sorts all of it. PostgreSQL numbers and hashes the rows above, so the result depends
/// on the place of each.
pub const SORT: &str = "SELECT count(*), sum(place * hash) FROM (SELECT row_number() OVER () AS place, \
    hashtext(pad)::bigint AS hash FROM (SELECT pad FROM big ORDER BY pad OFFSET 0) s) t";

/// As many groups as rows.
pub const GROUP: &str = "SELECT count(*), sum(n), sum(hashtext(pad)::bigint) \
    FROM (SELECT pad, count(*) AS n FROM big GROUP BY pad OFFSET 0) q";

/// A join whose sides are both twice as large as the table.
pub const JOIN: &str = "SELECT count(*), sum(a.id - b.id), min(a.pad) \
    FROM (SELECT id, pad || pad AS pad FROM big OFFSET 0) a \
    JOIN (SELECT id, pad || pad AS pad FROM big OFFSET 0) b ON a.pad = b.pad";

/// Options of a server for whose engine the table is too large. One thread: what a
/// sort needs at least grows with the threads.
pub const SMALL: [&str; 4] =
    ["--set", "pg_fusion.memory_limit=64MB", "--set", "pg_fusion.worker_threads=1"];

/// The fusion plan as EXPLAIN ANALYZE shows it, one line per operator.
pub fn analysed(client: &mut Client, sql: &str) -> String {
    set_mode(client, Mode::Force);
    let rows = client.simple_query(&format!("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {sql}"));
    Rows::from(rows.expect("EXPLAIN ANALYZE runs the query")).lines()
}
