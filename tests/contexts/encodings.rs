//! Databases in other encodings: names, plans and messages come out as they are.

use fusion_bench::measure::Mode;
use fusion_tests::query::{assert_same, assert_uses_fusion, run, set_mode};
use fusion_tests::server::Server;
use fusion_tests::shops::turn;
use postgres::{Client, NoTls};

/// A connection to a new database in `encoding`, with a table, a column, a value, an enum
/// and a function that are called by `name`.
fn database(server: &Server, encoding: &str, name: &str) -> Client {
    let database = encoding.to_lowercase();
    let mut client = server.connect();
    client.batch_execute(&format!("DROP DATABASE IF EXISTS {database}")).unwrap();
    client
        .batch_execute(&format!(
            "CREATE DATABASE {database} ENCODING '{encoding}' TEMPLATE template0 \
             LC_COLLATE 'C' LC_CTYPE 'C'"
        ))
        .unwrap();
    let mut client = server.config().clone().dbname(&database).connect(NoTls).unwrap();
    client
        .batch_execute(&format!(
            "CREATE TYPE \"{name}e\" AS ENUM ('{name}1', '{name}2'); \
             CREATE TABLE \"{name}\" (\"{name}\" int, amount numeric(10, 2), t text, e \"{name}e\"); \
             INSERT INTO \"{name}\" SELECT g % 10, g, '{name}' || g % 3, ('{name}' || g % 2 + 1)::\"{name}e\" \
                FROM generate_series(1, 100) g; \
             CREATE FUNCTION \"{name}f\"(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END'; \
             ANALYZE"
        ))
        .unwrap();
    client
}

/// Everything that shows names, and results that have them.
fn check(client: &mut Client, name: &str) {
    let query = format!(
        "SELECT \"{name}\", sum(amount) FROM \"{name}\" WHERE \"{name}\" > 3 AND \"{name}f\"(\"{name}\") < 8 \
         GROUP BY 1 ORDER BY 1"
    );
    assert_uses_fusion(client, &query);
    for format in ["TEXT", "JSON", "XML", "YAML"] {
        client.batch_execute("SET pg_fusion.explain_reasons = on").unwrap();
        let explain = format!("EXPLAIN (ANALYZE, VERBOSE, FORMAT {format}) {query}");
        let plan = run(client, Mode::Force, &explain).unwrap().lines();
        let leaf = plan.lines().find(|line| line.contains("Leaf 0:")).expect("a leaf");
        assert!(leaf.contains(name), "{plan}");
        assert!(plan.contains(&format!("{name}f")), "{plan}");
    }
    for query in [
        &query,
        &format!("SELECT t, count(*) FROM \"{name}\" GROUP BY t ORDER BY t"),
        &format!("SELECT e, count(*), min(e) FROM \"{name}\" GROUP BY e ORDER BY e"),
        &format!("SELECT count(*) FROM \"{name}\" WHERE t = '{name}1'"),
        &format!("SELECT sum(t::int) FROM \"{name}\""),
        &format!("SELECT sum(\"{name}\" / (\"{name}\" - 5)) FROM \"{name}\""),
        &format!("SELECT count(*), sum('{name}'::text::int) FROM \"{name}\""),
        &format!("SELECT count(*) FROM \"{name}\" WHERE e = ('{name}' || \"{name}\")::\"{name}e\""),
    ] {
        assert_same(client, query);
    }
    // Reasons are told to those who ask for them.
    client.batch_execute("SET client_min_messages = debug2").unwrap();
    set_mode(client, Mode::Force);
    client.simple_query(&query).unwrap();
    client.batch_execute("RESET client_min_messages").unwrap();
}

#[test]
fn names_in_other_encodings() {
    let (_turn, server) = turn();
    for (encoding, name) in [
        ("EUC_JP", "表日本"),
        ("LATIN1", "täblé"),
        ("SQL_ASCII", "täblé"),
        ("WIN1251", "таблица"),
        ("UTF8", "表é😀"),
    ] {
        check(&mut database(server, encoding, name), name);
        let database = encoding.to_lowercase();
        server.connect().batch_execute(&format!("DROP DATABASE {database}")).unwrap();
    }
}
