//! The manual's generated page is what the extension says of itself, and it says so on
//! a server that has not loaded it, too.

use std::fs;
use std::path::PathBuf;

use fusion_bench::connect::Rows;
use fusion_tests::server::{Server, script};
use postgres::error::SqlState;

/// The version of PostgreSQL that the page describes.
const DESCRIBED: i32 = 15;

fn checkout() -> PathBuf {
    script().parent().and_then(|scripts| scripts.parent()).expect("a checkout").to_owned()
}

#[test]
fn the_list_of_what_is_computed_is_up_to_date() {
    let server = Server::start(&[]).unwrap();
    let mut client = server.connect();
    let version: String = client.query_one("SHOW server_version_num", &[]).unwrap().get(0);
    if version.parse::<i32>().unwrap() / 10_000 != DESCRIBED {
        println!("docs/compatibility.md describes PostgreSQL {DESCRIBED}; not compared");
        return;
    }
    let script = fs::read_to_string(checkout().join("scripts/compatibility.sql")).unwrap();
    let rows = Rows::from(client.simple_query(&script).unwrap());
    let generated = rows.lines();
    let page = fs::read_to_string(checkout().join("docs/compatibility.md")).unwrap();
    for (number, (line, expected)) in page.lines().zip(generated.lines()).enumerate() {
        assert_eq!(line, expected, "docs/compatibility.md:{}: run `make docs`", number + 1);
    }
    assert_eq!(page.lines().count(), generated.lines().count(), "run `make docs`");
}

#[test]
fn what_is_computed_can_be_asked_without_preloading() {
    let server = Server::start(&["--plain"]).unwrap();
    let mut client = server.connect();
    client.batch_execute("CREATE EXTENSION pg_fusion").unwrap();
    let query =
        "SELECT computed FROM pg_fusion_compatibility() WHERE object = 'int4pl(integer,integer)'";
    assert_eq!(client.query_one(query, &[]).unwrap().get::<_, &str>(0), "always");
    let error = client.query("SELECT * FROM pg_fusion_pool()", &[]).unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE), "{error}");
}
