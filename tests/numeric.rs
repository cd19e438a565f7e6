//! `numeric` against PostgreSQL's own, over many random operands.
//!
//! [`ROWS`] rows of numbers of all sizes, scales and kinds go into one table. Every
//! operator, function and cast is computed for every row by PostgreSQL alone and by
//! the engine, and the texts must be the same, which includes display scales. What
//! the engine computed is told by EXPLAIN: the fusion plan's own text shows the
//! expression, where a column that PostgreSQL computed for it would show its name.
//!
//! An error ends a query, so operands that can raise one have a table and queries of
//! their own, one per row.

use std::io::Write;

use fusion_bench::measure::Mode;
use fusion_tests::query::{run, set_mode};
use fusion_tests::server::Server;
use postgres::Client;

/// Rows of operands.
const ROWS: u64 = 100_000;

/// Expressions over the table, with what EXPLAIN shows of them.
const EXACT: &[(&str, &str)] = &[
    ("max(a + b)", "max((a + b))"),
    ("max(a - b)", "max((a - b))"),
    ("max(a * b)", "max((a * b))"),
    ("max(a / d)", "max((a / d))"),
    ("max(a % d)", "max((a % d))"),
    ("max(div(a, d))", "max(div(a, d))"),
    ("max(-a)", "max(-(a))"),
    ("max(abs(a))", "max(abs(a))"),
    ("max(sign(a))", "max(sign(a))"),
    ("max(ceil(a))", "max(ceil(a))"),
    ("max(floor(a))", "max(floor(a))"),
    ("max(round(a, s))", "max(round(a, s))"),
    ("max(trunc(a, s))", "max(trunc(a, s))"),
    ("max(round(a, 2))", "max(round(a, 2))"),
    ("max(trunc(a, -3))", "max(trunc(a, -3))"),
    ("max(round(a))", "max(round(a, 0))"),
    ("max(scale(a))", "max(scale(a))"),
    ("max(min_scale(a))", "max(min_scale(a))"),
    ("max(trim_scale(a))", "max(trim_scale(a))"),
    ("max(greatest(a, b, p))", "max(GREATEST(a, b, p))"),
    ("max(least(a, b, q))", "max(LEAST(a, b, q))"),
    ("max(coalesce(p, a))", "max(COALESCE(p, a))"),
    ("max(case when a < b then p else q end)", "max(CASE WHEN (a < b) THEN p ELSE q END)"),
    ("max(nullif(a, b))", "max(NULLIF(a, b))"),
];

/// Comparisons; `e` is often equal to `a` at another scale.
const COMPARISONS: &[(&str, &str)] = &[
    ("bool_and(a < e)", "bool_and((a < e))"),
    ("bool_and(a <= e)", "bool_and((a <= e))"),
    ("bool_and(a = e)", "bool_and((a = e))"),
    ("bool_and(a <> e)", "bool_and((a <> e))"),
    ("bool_and(a >= e)", "bool_and((a >= e))"),
    ("bool_and(a > e)", "bool_and((a > e))"),
    ("bool_and(a is distinct from e)", "bool_and((a IS DISTINCT FROM e))"),
    ("bool_and(p < e)", "bool_and((p < e))"),
    ("bool_and(w >= e)", "bool_and((w >= e))"),
    ("bool_and(e = i)", "bool_and((e = i))"),
    ("bool_and(a < 'Infinity')", "bool_and((a < Infinity))"),
    ("bool_and(p < 'NaN')", "bool_and((p < NaN))"),
    ("bool_and(p > 0.00001)", "bool_and((p > 0.00001))"),
    ("bool_and(a in (0, 9.0, 99, 'NaN'))", "bool_and((a IN (0, 9.0, 99, NaN)))"),
    ("bool_and((a, b) < (e, d))", "bool_and((ROW(a, b) < ROW(e, d)))"),
];

/// Casts; the operands are chosen to fit.
const CASTS: &[(&str, &str)] = &[
    ("max(k::int2)", "max(integer(k))"),
    ("max(k::int4)", "max(integer(k))"),
    ("max(k::int8)", "max(integer(k))"),
    ("max(l::int8)", "max(integer(l))"),
    ("max(i::numeric + a)", "max((i + a))"),
    ("max(f::float8)", "max(float(f))"),
    ("max(f::float4)", "max(float(f))"),
    ("max(f8::numeric)", "max(numeric(f8))"),
    ("max(f4::numeric)", "max(numeric(f4))"),
    ("max(t::numeric(30, 7))", "max(numeric(t))"),
    ("max(t::numeric(60, 20))", "max(numeric(t))"),
    ("max(t::numeric(100, 30))", "max(numeric(t))"),
    ("max(t::numeric(13, -2))", "max(numeric(t))"),
    ("max(t::numeric(100, -2))", "max(numeric(t))"),
    ("max(p::numeric(16, 1))", "max(round(p, 1))"),
    ("max(w::numeric(45, 3))", "max(numeric(w))"),
    ("max(p::float8)", "max(float(p))"),
    ("max(r::int8 + 1)", "max((integer(r) + 1))"),
];

/// Columns of declared precision and scale, alone and mixed.
const DECLARED: &[(&str, &str)] = &[
    ("max(p + q)", "max((p + q))"),
    ("max(p * q - w)", "max(((p * q) - w))"),
    ("max(p / r)", "max((p / r))"),
    ("max(q / r)", "max((q / r))"),
    ("max(w / r)", "max((w / r))"),
    ("max(p % r)", "max((p % r))"),
    ("max(w % r)", "max((w % r))"),
    ("max(div(p, r))", "max(div(p, r))"),
    ("max(div(w, r))", "max(div(w, r))"),
    ("max(p * a)", "max((p * a))"),
    ("max(w + a)", "max((w + a))"),
    ("max(i * p / 7)", "max(((i * p) / 7))"),
    ("max(round(p, 1))", "max(round(p, 1))"),
    ("max(round(p, 4))", "max(round(p, 4))"),
    ("max(round(p, -3))", "max(round(p, -3))"),
    ("max(round(p, s))", "max(round(p, s))"),
    ("max(trunc(q, 3))", "max(trunc(q, 3))"),
    ("max(trunc(w, -5))", "max(trunc(w, -5))"),
    ("max(ceil(p))", "max(ceil(p))"),
    ("max(floor(q))", "max(floor(q))"),
    ("max(ceil(w))", "max(ceil(w))"),
    ("max(sign(p))", "max(sign(p))"),
    ("max(sign(w))", "max(sign(w))"),
    ("max(abs(w))", "max(abs(w))"),
    ("max(scale(p / r))", "max(scale((p / r)))"),
    ("max(trim_scale(q))", "max(trim_scale(q))"),
];

/// Aggregates of many rows.
const AGGREGATES: &[(&str, &str)] = &[
    ("sum(a)", "sum(a)"),
    ("avg(a)", "avg(a)"),
    ("min(e)", "min(e)"),
    ("max(e)", "max(e)"),
    ("sum(f)", "sum(f)"),
    ("avg(f)", "avg(f)"),
    ("sum(l)", "sum(l)"),
    ("avg(l)", "avg(l)"),
    ("sum(p)", "sum(p)"),
    ("avg(p)", "avg(p)"),
    ("sum(w)", "sum(w)"),
    ("avg(w)", "avg(w)"),
    ("sum(w * w)", "sum((w * w))"),
    ("avg(t * t)", "avg((t * t))"),
    ("sum(p / r)", "sum((p / r))"),
    ("avg(i)", "avg(i)"),
    ("count(a / d)", "count((a / d))"),
    (
        "sum(a) FILTER (WHERE abs(a) < 1e40)",
        "sum(a) FILTER (WHERE (abs(a) < 10000000000000000000000000000000000000000))",
    ),
];

/// A small generator, so that every run sees the same numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// Decimal digits, often in the runs that carry, borrow and round.
    fn digits(&mut self, count: u64) -> String {
        let style = self.below(5);
        (0..count)
            .map(|_| match style {
                0 => '9',
                1 => '0',
                2 if self.below(2) == 0 => '9',
                2 => '0',
                3 if self.below(4) == 0 => '5',
                3 => '0',
                _ => (b'0' + self.below(10) as u8) as char,
            })
            .collect()
    }

    /// A number of at most so many digits before and after the point.
    fn finite(&mut self, whole: u64, fraction: u64) -> String {
        let sign = if self.below(2) == 0 { "-" } else { "" };
        let whole = match self.below(3) {
            0 => self.below(whole.min(5) + 1),
            _ => self.below(whole + 1),
        };
        let fraction = match self.below(3) {
            0 => 0,
            1 => self.below(fraction.min(5) + 1),
            _ => self.below(fraction + 1),
        };
        let whole = self.digits(whole);
        let fraction = self.digits(fraction);
        match (whole.is_empty(), fraction.is_empty()) {
            (true, true) => "0".to_owned(),
            (_, true) => format!("{sign}{whole}"),
            _ => format!("{sign}{whole}.{fraction}"),
        }
    }

    /// One in 30 is not finite, and one in 30 far from the point.
    fn number(&mut self) -> String {
        match self.below(30) {
            0 => ["NaN", "Infinity", "-Infinity"][self.below(3) as usize].to_owned(),
            1 => format!("{}e{}", self.finite(5, 5), self.below(300) as i64 - 150),
            _ => self.finite(30, 30),
        }
    }

    fn nonzero(&mut self) -> String {
        loop {
            let number = self.number();
            let digits = number.split('e').next().unwrap_or_default();
            if digits.bytes().any(|byte| !b"-.0".contains(&byte)) {
                return number;
            }
        }
    }

    /// `finite` or, one time in 30, NULL or NaN.
    fn declared(&mut self, whole: u64, fraction: u64) -> String {
        match self.below(60) {
            0 => "\\N".to_owned(),
            1 => "NaN".to_owned(),
            _ => self.finite(whole, fraction),
        }
    }
}

/// One row of the table `operands`.
fn row(random: &mut Random, id: u64) -> Vec<String> {
    let a = random.number();
    let e = match random.below(3) {
        0 if a.contains('.') && !a.contains('e') => format!("{a}000"),
        0 => a.clone(),
        _ => random.number(),
    };
    let r = loop {
        let number = random.finite(8, 4);
        if number.bytes().any(|byte| !b"-.0".contains(&byte)) {
            break number;
        }
    };
    let f8 = match random.below(4) {
        0 => {
            (random.below(4_000_001) as f64 - 2_000_000.0)
                / [1.0, 2.0, 8.0, 1e3][random.below(4) as usize]
        }
        // Ties at the fifteenth digit.
        1 => (random.below(10) + 100_000_000_000_000) as f64 + 0.5 * random.below(4) as f64,
        2 => random.finite(30, 30).parse().unwrap_or_default(),
        _ => f64::from_bits(random.next() << 12 ^ random.next()),
    };
    let f8 =
        if f8.is_nan() { "NaN".to_owned() } else { format!("{f8:?}").replace("inf", "Infinity") };
    let f4 = random.finite(20, 20).parse::<f32>().unwrap_or_default();
    vec![
        id.to_string(),
        (id % 501).to_string(),
        a,
        random.number(),
        random.nonzero(),
        e,
        random.finite(4, 30),
        random.finite(18, 30),
        match random.below(30) {
            0 => ["NaN", "Infinity", "-Infinity"][random.below(3) as usize].to_owned(),
            _ => random.finite(30, 30),
        },
        random.declared(10, 40),
        random.declared(13, 2),
        random.declared(21, 9),
        r,
        random.declared(40, 10),
        (random.below(70) as i64 - 35).to_string(),
        (random.below(4_000_000) as i64 - 2_000_000).to_string(),
        f8,
        format!("{f4:?}"),
    ]
}

/// A server with the table `operands`, and a connection that runs one query after
/// the other without parallel workers, so that rows come in one order.
fn with_operands() -> (Server, Client) {
    let server = Server::start(&["--set", "max_parallel_workers_per_gather=0"])
        .expect("a throw-away server with pg_fusion");
    let mut client = server.connect();
    client
        .batch_execute(
            "CREATE TABLE operands (id int PRIMARY KEY, g int, a numeric, b numeric, d numeric,
                 e numeric, k numeric, l numeric, f numeric, t numeric, p numeric(15, 2),
                 q numeric(30, 9), r numeric(12, 4), w numeric(50, 10), s int, i int,
                 f8 float8, f4 float4)",
        )
        .unwrap();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut copy = client.copy_in("COPY operands FROM STDIN").unwrap();
    for id in 0..ROWS {
        writeln!(copy, "{}", row(&mut random, id).join("\t")).unwrap();
    }
    copy.finish().unwrap();
    // Of equal numbers min and max give the last one, if the rows are grouped as they come.
    client.batch_execute("VACUUM ANALYZE operands").unwrap();
    client.batch_execute("SET enable_indexscan = off; SET work_mem = '1GB'").unwrap();
    (server, client)
}

/// The forced plan's fusion plan as EXPLAIN prints it.
fn fusion_plan(client: &mut Client, sql: &str) -> String {
    let rows = run(client, Mode::Force, &format!("EXPLAIN (COSTS OFF) {sql}"));
    rows.expect("the query can be planned").lines()
}

/// Asserts that the engine computes `calls` and gives what PostgreSQL gives.
fn assert_calls(client: &mut Client, calls: &[(&str, &str)], group: &str) {
    let columns: Vec<_> =
        calls.iter().enumerate().map(|(index, (sql, _))| format!("{sql} AS c{index}")).collect();
    let query =
        format!("SELECT {group} AS id, {} FROM operands GROUP BY {group}", columns.join(", "));
    let plan = fusion_plan(client, &query);
    for (sql, shown) in calls {
        assert!(plan.contains(shown), "{sql} is not computed by the engine as {shown}:\n{plan}");
    }
    // One hash over the texts of all rows; only if it differs are they looked at.
    let hash = format!(
        "SELECT count(*), md5(string_agg(DISTINCT rows::text, ' ')) FROM ({query}) AS rows"
    );
    assert!(fusion_plan(client, &hash).contains("Custom Scan (PgFusion)"), "{hash}");
    let native = run(client, Mode::Off, &hash).unwrap();
    let fused = run(client, Mode::Force, &hash).unwrap();
    if fused.lines() == native.lines() && fused.rows == native.rows {
        return;
    }
    for (index, (sql, _)) in calls.iter().enumerate() {
        let one = format!("SELECT id, c{index}::text FROM ({query}) AS rows ORDER BY id");
        let native = run(client, Mode::Off, &one).unwrap();
        let fused = run(client, Mode::Force, &one).unwrap();
        for (want, got) in native.rows.iter().zip(&fused.rows) {
            assert_eq!(got, want, "{sql} of the row whose {group} is the first value");
        }
    }
    panic!("the rows differ: {hash}");
}

#[test]
fn random_operands_give_what_postgresql_gives() {
    let (_server, mut client) = with_operands();
    for calls in [EXACT, COMPARISONS, CASTS, DECLARED] {
        assert_calls(&mut client, calls, "id");
    }
    assert_calls(&mut client, AGGREGATES, "g");
    parameters(&mut client);
    order_and_joins(&mut client);
}

/// Numeric parameters of a plan that does not know their values.
fn parameters(client: &mut Client) {
    client
        .batch_execute(
            "SET plan_cache_mode = force_generic_plan;
             PREPARE counted (numeric) AS
                 SELECT count(*), max(p * $1), max(a + $1) FROM operands WHERE p < $1 OR a = $1",
        )
        .unwrap();
    let plan = fusion_plan(client, "EXECUTE counted (1)");
    for shown in ["max((p * $1)), max((a + $1))", "((p < $1) OR (a = $1))"] {
        assert!(plan.contains(shown), "{shown}:\n{plan}");
    }
    for value in ["0", "12.345", "-99999.99", "1e40", "NaN", "Infinity", "-Infinity", "NULL"] {
        let execute = format!("EXECUTE counted ('{value}')").replace("'NULL'", "NULL");
        let native = run(client, Mode::Off, &execute).unwrap();
        let fused = run(client, Mode::Force, &execute).unwrap();
        assert_eq!(fused.rows, native.rows, "{execute}");
    }
    client.batch_execute("RESET plan_cache_mode; DEALLOCATE counted").unwrap();
}

/// Sorting by numeric keys, and joins of equal values at other scales.
fn order_and_joins(client: &mut Client) {
    for (query, shown) in [
        ("SELECT a, id FROM operands ORDER BY a DESC, id LIMIT 50000", "Top 50000 by a DESC, id"),
        ("SELECT e, id FROM operands WHERE id < 30000 ORDER BY e, id", "Sort by e, id"),
        (
            "SELECT count(*), sum(x.id), sum(y.id::int8) FROM operands x
             JOIN operands y ON x.a = y.e WHERE x.a <> trunc(x.a, 0) AND x.id < 10000",
            "Inner join on (a = e)",
        ),
        (
            "SELECT count(*), sum(x.id), max(y.p) FROM operands x JOIN operands y ON x.a = y.p
             WHERE x.id < 3000 AND y.id < 30000",
            "Inner join on (",
        ),
    ] {
        let plan = fusion_plan(client, query);
        assert!(plan.contains(shown), "{shown}:\n{plan}");
        let native = run(client, Mode::Off, query).unwrap();
        let fused = run(client, Mode::Force, query).unwrap();
        assert!(fused.rows == native.rows, "{query}");
        assert!(!native.rows.is_empty());
    }
}

/// Expressions that can fail, with what EXPLAIN shows of them.
const FAILING: &[(&str, &str)] = &[
    ("max(x + y)", "max((x + y))"),
    ("max(x * y)", "max((x * y))"),
    ("max(x / y)", "max((x / y))"),
    ("max(x % y)", "max((x % y))"),
    ("max(div(x, y))", "max(div(x, y))"),
    ("max(round(x, -131072))", "max(round(x, -131072))"),
    ("max(ceil(x))", "max(ceil(x))"),
    ("max(x::int2)", "max(integer(x))"),
    ("max(x::int4)", "max(integer(x))"),
    ("max(x::int8)", "max(integer(x))"),
    ("max(x::float4)", "max(float(x))"),
    ("max(x::float8)", "max(float(x))"),
    ("max(x::numeric(10, 2))", "max(numeric(x))"),
    ("max(x::numeric(60, 2))", "max(numeric(x))"),
    ("max(x::numeric(200, 150))", "max(numeric(x))"),
    ("max(x::numeric(3, -3))", "max(numeric(x))"),
    ("max(x::numeric(3, 5))", "max(numeric(x))"),
    ("sum(x)", "sum(x)"),
    ("avg(x)", "avg(x)"),
];

/// The row or the error of a query: SQLSTATE, message and DETAIL. A message quotes
/// up to 131072 digits, of which the engine's is cut after 4 kB.
fn outcome(client: &mut Client, mode: Mode, sql: &str) -> Result<Vec<Option<String>>, [String; 3]> {
    set_mode(client, mode);
    match client.query(sql, &[]) {
        Ok(rows) => Ok(rows.iter().map(|row| row.get(0)).collect()),
        Err(error) => {
            let error = error.as_db_error().expect("the server reports the error");
            let detail = error.detail().unwrap_or_default().to_owned();
            let message: String = error.message().chars().take(4000).collect();
            Err([error.code().code().to_owned(), message, detail])
        }
    }
}

#[test]
fn errors_are_postgresqls() {
    let server = Server::start(&["--set", "max_parallel_workers_per_gather=0"])
        .expect("a throw-away server with pg_fusion");
    let mut client = server.connect();
    client
        .batch_execute(
            "CREATE TABLE bad (id int PRIMARY KEY, x numeric, y numeric);
             INSERT INTO bad SELECT row_number() OVER (), x, y FROM
                 unnest(ARRAY['0', '1', 'NaN', 'Infinity', '-Infinity', '32767.5', '-2147483648.5',
                     '9223372036854775807.5', '1e39', '-1e309', '1e-46', '-1e-330', '999.995',
                     '0.009995', '999500', repeat('9', 131072), '1e131071', '1e-16383']::numeric[]) x,
                 unnest(ARRAY['0.00', '-1', '10', 'NaN', repeat('9', 131072)]::numeric[]) y;
             ANALYZE bad",
        )
        .unwrap();
    let rows: i64 = client.query_one("SELECT count(*) FROM bad", &[]).unwrap().get(0);
    let mut failures = std::collections::BTreeSet::new();
    for (sql, shown) in FAILING {
        let query = |id: i64| format!("SELECT ({sql})::text FROM bad WHERE id = {id}");
        let plan = fusion_plan(&mut client, &query(1));
        assert!(plan.contains(shown), "{sql} is not computed by the engine:\n{plan}");
        for id in 1..=rows {
            let native = outcome(&mut client, Mode::Off, &query(id));
            let fused = outcome(&mut client, Mode::Force, &query(id));
            assert!(fused == native, "{sql} of row {id}: {fused:.300?} instead of {native:.300?}");
            if let Err([state, ..]) = native {
                failures.insert((*sql, state));
            }
        }
    }
    // Nearly all of them did fail for some row.
    let failing = failures.iter().map(|(sql, _)| sql).collect::<std::collections::BTreeSet<_>>();
    assert!(failing.len() >= FAILING.len() - 3, "{failures:?}");
    for state in ["22003", "22012", "0A000"] {
        assert!(failures.iter().any(|(_, found)| found == state), "{state}");
    }
}
