//! Settings that are missing, impossible, or of another version; other extensions that
//! hook into the planner and the executor.

use std::fs::{self, File};
use std::process::Stdio;

use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use fusion_tests::process::{await_that, running_worker};
use fusion_tests::query::set_mode;
use fusion_tests::scene::whole_error;
use fusion_tests::server::Server;
use fusion_tests::shops::{BY_CITY, fill, start};
use fusion_tests::victim::assert_recovered;
use postgres::Client;

fn error(client: &mut Client, sql: &str) -> String {
    let error = client.simple_query(sql).expect_err(sql);
    whole_error(error.as_db_error().unwrap_or_else(|| panic!("{error}\n{sql}")))
}

#[test]
fn not_preloaded() {
    let server = Server::start(&["--plain"]).unwrap();
    fill(&server);
    let mut client = server.connect();
    let native = Rows::from(client.simple_query(BY_CITY).unwrap());
    client.batch_execute("CREATE EXTENSION pg_fusion").unwrap();
    let text = error(&mut client, "SELECT * FROM pg_fusion_pool()");
    assert!(
        text.contains("must be loaded via shared_preload_libraries (SQLSTATE 55000)"),
        "{text}"
    );
    assert!(text.contains("HINT: Add pg_fusion to shared_preload_libraries"), "{text}");
    // Loaded by that function, and by hand, it has no effect.
    client.batch_execute("LOAD 'pg_fusion'").unwrap();
    let plan = Rows::from(client.simple_query(&format!("EXPLAIN {BY_CITY}")).unwrap()).lines();
    assert!(!plan.contains("PgFusion"), "{plan}");
    assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()), native);
    let text = error(&mut client, "SET enable_fusion_customscan = off");
    assert!(text.contains("unrecognized configuration parameter"), "{text}");
    client.batch_execute("DROP EXTENSION pg_fusion").unwrap();
}

/// In all sessions, but only from their start.
#[test]
fn loaded_by_sessions_only() {
    let server = Server::start(&["--plain", "--set", "session_preload_libraries=pg_fusion"]);
    let server = server.unwrap();
    fill(&server);
    let mut client = server.connect();
    let plan = Rows::from(client.simple_query(&format!("EXPLAIN {BY_CITY}")).unwrap()).lines();
    assert!(!plan.contains("PgFusion"), "{plan}");
    assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()).rows.len(), 4);
}

/// Starts the stopped server with other settings, and stops it again. Gives what it
/// says: as an error when it did not start.
fn start_with(server: &Server, settings: &[&str]) -> Result<String, String> {
    let output = server.dir().join("attempt");
    let file = File::create(&output).unwrap();
    let mut command = server.program("postgres");
    command.arg("-D").arg(server.data());
    for setting in settings {
        command.args(["-c", setting]);
    }
    command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
    let mut child = command.spawn().unwrap();
    let mut status = None;
    await_that("the server to start or to fail", || {
        status = child.try_wait().unwrap();
        status.is_some() || server.config().connect(postgres::NoTls).is_ok()
    });
    let text = || fs::read_to_string(&output).unwrap();
    if let Some(status) = status {
        assert!(!status.success());
        return Err(text());
    }
    running_worker(server);
    server.pg_ctl("stop", &["--mode", "fast"]).unwrap();
    child.wait().unwrap();
    Ok(text())
}

/// Sizes that do not go together: the server says why, and does not start.
#[test]
fn impossible_sizes() {
    let server = Server::start(&[]).unwrap();
    server.pg_ctl("stop", &["--mode", "fast"]).unwrap();
    let cases: [(&[&str], &str); 2] = [
        (&["pg_fusion.page_size=100kB"], "is not a power of two"),
        (
            &["pg_fusion.page_count=100", "pg_fusion.max_sessions=200"],
            "100 pages are too few for 200 sessions",
        ),
    ];
    for (settings, reason) in cases {
        let text = start_with(&server, settings).expect_err(&settings.join(" "));
        println!("{settings:?}: {text}");
        let hint = "Check pg_fusion.page_size, pg_fusion.page_count and pg_fusion.max_sessions.";
        for message in ["could not create the shared pages of pg_fusion", reason, hint] {
            assert!(text.contains(message), "{settings:?}: {message:?} is not in {text}");
        }
        assert!(!text.contains("PANIC") && !text.contains("panicked"), "{text}");
    }
    server.pg_ctl("start", &[]).unwrap();
    fill(&server);
    assert_recovered(&server);
}

/// A value out of its range: PostgreSQL warns, as for any extension, and the default
/// holds.
#[test]
fn values_out_of_range() {
    let server = Server::start(&[]).unwrap();
    server.pg_ctl("stop", &["--mode", "fast"]).unwrap();
    let settings = [
        "pg_fusion.page_size=4kB",
        "pg_fusion.page_count=10",
        "pg_fusion.max_sessions=5000",
        "pg_fusion.memory_limit=1MB",
        "pg_fusion.worker_threads=-1",
    ];
    let text = start_with(&server, &settings).unwrap();
    for setting in settings {
        let (name, _) = setting.split_once('=').unwrap();
        let warned = text.lines().any(|line| {
            line.contains("WARNING")
                && line.contains("outside the valid range")
                && line.contains(&format!("\"{name}\""))
        });
        assert!(warned, "{setting}: {text}");
    }
}

/// Large sizes are only address space until they are used; and the smallest ones.
#[test]
fn extreme_sizes() {
    let server = Server::start(&[]).unwrap();
    server.pg_ctl("stop", &["--mode", "fast"]).unwrap();
    for settings in [
        ["pg_fusion.page_count=100000", "pg_fusion.page_size=1MB", "pg_fusion.max_sessions=1024"],
        ["pg_fusion.page_count=64", "pg_fusion.page_size=8kB", "pg_fusion.max_sessions=1"],
    ] {
        let text = start_with(&server, &settings).unwrap();
        assert!(!text.contains("WARNING"), "{text}");
    }
    server.pg_ctl("start", &[]).unwrap();
    fill(&server);
    assert_recovered(&server);
}

/// A setting that is only for the start, one that is not for files, and an unknown one.
#[test]
fn settings_at_the_wrong_time() {
    let server = Server::start(&[]).unwrap();
    let mut client = server.connect();
    let text = error(&mut client, "SET pg_fusion.max_sessions = 5");
    assert!(text.contains("cannot be changed without restarting the server"), "{text}");
    let text = error(&mut client, "ALTER SYSTEM SET enable_fusion_customscan = off");
    assert!(text.contains("cannot be changed"), "{text}");
    let text = error(&mut client, "SET pg_fusion.nonsense = 1");
    assert!(text.contains("(SQLSTATE 42602)"), "{text}");
    client.batch_execute("ALTER SYSTEM SET pg_fusion.enable = off").unwrap();
    client.batch_execute("SELECT pg_reload_conf()").unwrap();
    await_that("the setting of the file", || {
        let row = server.connect().query_one("SHOW pg_fusion.enable", &[]).unwrap();
        row.get::<_, &str>(0) == "off"
    });
    fill(&server);
    let mut client = server.connect();
    set_mode(&mut client, Mode::Force);
    let plan = Rows::from(client.simple_query(&format!("EXPLAIN {BY_CITY}")).unwrap()).lines();
    assert!(!plan.contains("PgFusion"), "{plan}");
}

/// The SQL objects may be older or newer than the library: plans do not need them, and
/// what the library does not have is an error.
#[test]
fn another_version_of_the_extension() {
    let server = start(&[]);
    let mut client = server.connect();
    client
        .batch_execute(
            "UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'pg_fusion'; \
             CREATE FUNCTION of_the_future() RETURNS int LANGUAGE c \
             AS '$libdir/pg_fusion', 'pg_fusion_of_the_future_wrapper'",
        )
        .expect_err("the library has no such function");
    client
        .batch_execute("UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'pg_fusion'")
        .unwrap();
    drop(client);
    drop(assert_recovered(&server));
    let mut client = server.connect();
    let text = error(&mut client, "ALTER EXTENSION pg_fusion UPDATE");
    assert!(text.contains("has no update path"), "{text}");
    client.batch_execute("DROP EXTENSION pg_fusion").unwrap();
    // Without the functions, plans are the same.
    set_mode(&mut client, Mode::Force);
    let plan = Rows::from(client.simple_query(&format!("EXPLAIN {BY_CITY}")).unwrap()).lines();
    assert!(plan.contains("PgFusion"), "{plan}");
    client.batch_execute("CREATE EXTENSION pg_fusion").unwrap();
    drop(client);
    assert_recovered(&server);
}

/// A function whose result has another number of columns than the library gives.
#[test]
fn a_function_of_another_version() {
    let server = start(&[]);
    let mut client = server.connect();
    for columns in
        ["a bigint, OUT b bigint, OUT c int, OUT d bigint, OUT e text", "a bigint, OUT b bigint"]
    {
        let create = format!(
            "CREATE OR REPLACE FUNCTION other(OUT {columns}) RETURNS SETOF record LANGUAGE c \
             AS '$libdir/pg_fusion', 'pg_fusion_pool_wrapper'"
        );
        client.batch_execute(&create).unwrap();
        let text = error(&mut client, "SELECT * FROM other()");
        assert!(text.contains("version"), "{text}");
        client.batch_execute("DROP FUNCTION other()").unwrap();
    }
    drop(client);
    assert_recovered(&server);
}

/// What pg_stat_statements has counted of a query: calls, rows, and whether it saw
/// blocks and time.
fn counted(client: &mut Client) -> (i64, i64, bool, bool) {
    let sql = "SELECT calls, rows, shared_blks_hit + shared_blks_read > 0, total_exec_time > 0 \
        FROM pg_stat_statements WHERE query LIKE 'SELECT city, count(*) AS n%'";
    let row = client.query_one(sql, &[]).unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

/// Hooks chain in either order, and what the others count is right.
#[test]
fn beside_other_extensions() {
    for libraries in
        ["pg_stat_statements,auto_explain,pg_fusion", "pg_fusion,auto_explain,pg_stat_statements"]
    {
        let preload = format!("shared_preload_libraries={libraries}");
        let server = start(&[
            "--set",
            &preload,
            "--set",
            "auto_explain.log_min_duration=0",
            "--set",
            "auto_explain.log_analyze=on",
            "--set",
            "pg_stat_statements.track=all",
            "--set",
            "pg_stat_statements.track_planning=on",
            "--set",
            "compute_query_id=on",
        ]);
        let mut client = server.connect();
        client.batch_execute("CREATE EXTENSION pg_stat_statements").unwrap();
        let mut results = Vec::new();
        let mut counts = Vec::new();
        for mode in [Mode::Off, Mode::Force] {
            client.simple_query("SELECT pg_stat_statements_reset()").unwrap();
            set_mode(&mut client, mode);
            for _ in 0..5 {
                results.push(Rows::from(client.simple_query(BY_CITY).unwrap()));
            }
            set_mode(&mut client, Mode::Off);
            counts.push(counted(&mut client));
        }
        assert!(results.iter().all(|rows| *rows == results[0]), "{libraries}");
        assert_eq!(counts, [(5, 20, true, true); 2], "{libraries}");
        // auto_explain has seen the plan with its rows, and the engine's figures.
        let log = server.log();
        assert!(log.contains("Custom Scan (PgFusion)"), "{libraries}");
        assert!(log.contains("Custom Scan (Feed)"), "{libraries}");
        assert!(log.contains("Fusion Peak Memory"), "{libraries}");
        drop(client);
        assert_recovered(&server);
    }
}

/// pg_hint_plan, where it is installed: its hints still work with pg_fusion around.
#[test]
fn beside_pg_hint_plan() {
    for libraries in ["pg_hint_plan,pg_fusion", "pg_fusion,pg_hint_plan"] {
        let preload = format!("shared_preload_libraries={libraries}");
        let Ok(server) = Server::start(&["--set", &preload]) else {
            println!("skipped: pg_hint_plan is not installed");
            return;
        };
        fill(&server);
        let mut client = server.connect();
        set_mode(&mut client, Mode::Off);
        let native = Rows::from(client.simple_query(BY_CITY).unwrap());
        let hinted = format!("/*+ MergeJoin(sale shop) */ EXPLAIN {BY_CITY}");
        let plan = Rows::from(client.simple_query(&hinted).unwrap()).lines();
        assert!(plan.contains("Merge Join"), "{plan}");
        set_mode(&mut client, Mode::Force);
        let plan = Rows::from(client.simple_query(&format!("EXPLAIN {BY_CITY}")).unwrap()).lines();
        assert!(plan.contains("PgFusion"), "{plan}");
        assert_eq!(Rows::from(client.simple_query(BY_CITY).unwrap()), native);
        drop(client);
        assert_recovered(&server);
    }
}
