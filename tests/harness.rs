//! Tests of what the other tests stand on: a throw-away server that comes and
//! goes. They need PostgreSQL, but no extension.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fusion_tests::server::{Server, script};
use postgres::config::Host;

fn folder(server: &Server) -> PathBuf {
    match &server.config().get_hosts()[0] {
        Host::Unix(path) => path.clone(),
        Host::Tcp(name) => panic!("the throw-away server listens on {name}"),
    }
}

#[test]
fn a_server_comes_and_goes_without_a_trace() {
    let server = Server::start(&["--plain"]).unwrap();
    let mut client = server.connect();
    let row = client.query_one("SELECT current_setting('listen_addresses'), 6 * 7", &[]).unwrap();
    assert_eq!(row.get::<_, &str>(0), "", "no TCP port");
    assert_eq!(row.get::<_, i32>(1), 42);
    let folder = folder(&server);
    assert!(folder.exists());
    drop(server);
    assert!(!folder.exists(), "{} is left", folder.display());
    assert!(client.query("SELECT 1", &[]).is_err());
}

#[test]
fn settings_reach_the_server() {
    let server = Server::start(&["--plain", "--set", "work_mem=17MB"]).unwrap();
    let row = server.connect().query_one("SELECT current_setting('work_mem')", &[]).unwrap();
    assert_eq!(row.get::<_, &str>(0), "17MB");
}

#[test]
fn a_terminated_script_takes_its_server_along() {
    let mut script = Command::new(script())
        .args(["run", "--plain", "--", "sh", "-c", "echo \"$PG_FUSION_SERVER_DIR\"; exec sleep 60"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let folder = PathBuf::from(line.trim_end());
    assert!(folder.join("data").exists());
    let start = Instant::now();
    // The shell's own kill: not every machine has a program of that name.
    let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", script.id())]).status();
    let kill = kill.unwrap();
    assert!(kill.success());
    assert!(!script.wait().unwrap().success());
    assert!(!folder.exists(), "{} is left", folder.display());
    assert!(start.elapsed() < Duration::from_secs(30), "the command was waited for");
}
