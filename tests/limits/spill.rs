//! Spill files: where they are, that they go, and what happens when there is no room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fusion_bench::connect::Rows;
use fusion_tests::big::{GROUP, SMALL, SORT, TABLE};
use fusion_tests::process::{await_that, running_worker, signal};
use fusion_tests::server::{Server, is_root, script};
use fusion_tests::shops::{fill, start};
use fusion_tests::victim::{Victim, assert_recovered, watcher};

/// Files below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            Ok(_) => found.push(entry.path()),
            Err(_) => {}
        }
    }
    found
}

fn small() -> Server {
    let server = start(&SMALL);
    server.connect().batch_execute(TABLE).unwrap();
    server
}

/// The default place is where PostgreSQL keeps its own temporary files.
fn default_directory(server: &Server) -> PathBuf {
    server.data().join("base/pgsql_tmp")
}

#[test]
fn files_go_with_their_query() {
    let server = small();
    let directory = default_directory(&server);
    assert!(directory.is_dir());
    // To its end, cancelled, terminated, and with the worker.
    for round in 0..4 {
        let victim = Victim::run(&server, "", SORT);
        await_that("spill files", || !files(&directory).is_empty());
        match round {
            0 => {
                victim.outcome().unwrap();
            }
            1 => {
                victim.cancel();
                assert!(victim.outcome().unwrap_err().is_cancel());
            }
            2 => {
                let terminate = "SELECT pg_terminate_backend($1, 30000)";
                watcher(&server).query_one(terminate, &[&victim.pid]).unwrap();
                victim.outcome().unwrap_err();
            }
            _ => {
                signal(running_worker(&server), "TERM");
                assert_eq!(victim.outcome().unwrap_err().code, "58000");
                running_worker(&server);
            }
        }
        await_that("the files to go", || files(&directory).is_empty());
        assert_recovered(&server);
    }
    // A crash leaves files, and the start after it removes them.
    let victim = Victim::run(&server, "", SORT);
    await_that("spill files", || !files(&directory).is_empty());
    signal(running_worker(&server), "KILL");
    assert!(victim.outcome().unwrap_err().is_disconnect());
    running_worker(&server);
    await_that("the leftovers to go", || files(&directory).is_empty());
    assert_recovered(&server);
    // So does a start after an immediate stop.
    let victim = Victim::run(&server, "", GROUP);
    await_that("spill files", || !files(&directory).is_empty());
    server.pg_ctl("restart", &["--mode", "immediate"]).unwrap();
    assert!(victim.outcome().is_err());
    running_worker(&server);
    await_that("the leftovers to go", || files(&directory).is_empty());
    assert_recovered(&server);
}

/// The worker may write small files only: an error for the query that spills, and
/// nothing for the others.
#[test]
fn a_file_that_cannot_grow() {
    let server = small();
    let worker = running_worker(&server);
    if !server.limit(worker, "--fsize=100000:") {
        println!("skipped: no prlimit");
        return;
    }
    for sql in [SORT, GROUP] {
        let failure = Victim::run(&server, "", sql).outcome().unwrap_err();
        println!("{failure:?}");
        assert!(failure.message.starts_with("could not use a pg_fusion spill file"), "{failure:?}");
        assert_recovered(&server);
    }
    assert!(server.limit(worker, "--fsize=unlimited"));
    Victim::run(&server, "", SORT).outcome().unwrap();
    assert_eq!(running_worker(&server), worker, "the worker has lived on");
    assert_recovered(&server);
}

/// A file system of 16 MB, which only this server sees.
/// Gives the SQLSTATEs; none if the machine does not allow it.
fn on_a_full_disk() -> Vec<String> {
    if !is_root() {
        println!("skipped: only root can mount a small file system");
        return Vec::new();
    }
    let place = std::env::temp_dir().join(format!("pg_fusion-spill-{}", std::process::id()));
    fs::create_dir_all(&place).unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=16m,mode=1777 tmpfs {} || exit; exec {} \"$@\"",
        place.display(),
        script().display()
    );
    let mut launcher = Command::new("unshare");
    launcher.args(["--mount", "--", "sh", "-c", &mount, "sh"]);
    let directory = format!("pg_fusion.spill_directory={}", place.display());
    let options: Vec<&str> = SMALL.into_iter().chain(["--set", &directory]).collect();
    let server = Server::start_by(launcher, &options);
    let Ok(server) = server else {
        println!("skipped: no mount of its own");
        let _ = fs::remove_dir(&place);
        return Vec::new();
    };
    fill(&server);
    server.connect().batch_execute(TABLE).unwrap();
    let worker = running_worker(&server);
    let native = Rows::from(watcher(&server).simple_query(SORT).unwrap());
    let mut codes = Vec::new();
    for sql in [SORT, GROUP] {
        let failure = Victim::run(&server, "", sql).outcome().unwrap_err();
        println!("{failure:?}");
        assert!(failure.message.starts_with("could not use a pg_fusion spill file"), "{failure:?}");
        assert!(failure.message.contains("No space left on device"), "{failure:?}");
        codes.push(failure.code);
        assert_recovered(&server);
    }
    assert_eq!(running_worker(&server), worker, "the worker has lived on");
    // What needs no disk works, and so does PostgreSQL alone, whose files are elsewhere.
    assert_eq!(Rows::from(watcher(&server).simple_query(SORT).unwrap()), native);
    drop(server);
    let _ = fs::remove_dir(&place);
    codes
}

#[test]
fn no_space_left() {
    assert!(on_a_full_disk().iter().all(|code| code == "53100"));
}

fn temporary_bytes(server: &Server) -> i64 {
    let mut client = watcher(server);
    client.batch_execute("SELECT pg_stat_force_next_flush()").unwrap();
    let sql = "SELECT sum(temp_bytes)::bigint FROM pg_stat_database";
    client.query_one(sql, &[]).unwrap().get(0)
}

#[test]
fn spill_files_are_counted() {
    let server = small();
    let before = temporary_bytes(&server);
    Victim::run(&server, "SET work_mem = '1GB'", SORT).outcome().unwrap();
    await_that("statistics", || temporary_bytes(&server) > before + 10_000_000);
}

#[test]
fn spill_files_respect_temp_file_limit() {
    let server = small();
    let settings = "SET work_mem = '1GB'; SET temp_file_limit = '10MB'";
    let failure = Victim::run(&server, settings, SORT).outcome().unwrap_err();
    assert_eq!(failure.code, "53400", "{failure:?}");
    assert_eq!(failure.message, "temporary file size exceeds temp_file_limit (10240kB)");
    assert_recovered(&server);
}

#[test]
fn spill_files_follow_temp_tablespaces() {
    let server = small();
    let place = server.dir().join("tablespace");
    fs::create_dir(&place).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("postgres").arg(&place).status().unwrap().success());
    }
    let create = format!("CREATE TABLESPACE elsewhere LOCATION '{}'", place.display());
    server.connect().batch_execute(&create).unwrap();
    let victim = Victim::run(&server, "SET temp_tablespaces = elsewhere", SORT);
    await_that("spill files in the tablespace", || {
        assert!(!victim.has_ended(), "no spill file was seen");
        !files(&place).is_empty()
    });
    victim.outcome().unwrap();
}
