//! Timeouts, cancel requests, terminated backends and vanished clients, in every
//! phase of a query.

use std::process::{Child, Stdio};

use fusion_tests::process::{await_that, running_worker};
use fusion_tests::query::pool;
use fusion_tests::server::Server;
use fusion_tests::shops::turn;
use fusion_tests::victim::{Victim, activity, assert_recovered, watcher};
use postgres::Client;

/// Where a query is when it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Planning,
    Waiting,
    Feeding,
    Computing,
    Returning,
    IdleCursor,
}

use Phase::{Computing, Feeding, IdleCursor, Planning, Returning, Waiting};

/// Functions that take their time: at planning because it is immutable, in a leaf.
const SLOW: &str = "CREATE OR REPLACE FUNCTION slow_plan() RETURNS int LANGUAGE plpgsql IMMUTABLE \
    AS 'BEGIN PERFORM pg_sleep(600); RETURN 1; END'; \
    CREATE OR REPLACE FUNCTION slow_row(int) RETURNS bool LANGUAGE plpgsql STABLE COST 1 \
    AS 'BEGIN PERFORM pg_sleep(0.05); RETURN true; END'";

impl Phase {
    /// A statement that stays in the phase for minutes.
    fn sql(self) -> &'static str {
        match self {
            Planning => {
                "SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id WHERE qty = slow_plan()"
            }
            Feeding => {
                "SELECT city, count(*) FROM sale JOIN shop ON shop.id = shop_id \
                 WHERE slow_row(sale.id) GROUP BY city"
            }
            Computing | Waiting => {
                "SELECT count(*) FROM sale a JOIN sale b ON a.qty = b.qty JOIN sale c ON c.qty = b.qty"
            }
            Returning => {
                "COPY (SELECT a.id, b.id, a.item, b.item FROM sale a JOIN sale b ON a.qty = b.qty \
                 JOIN shop ON shop.id = a.shop_id) TO STDOUT"
            }
            IdleCursor => {
                "BEGIN; DECLARE c CURSOR FOR SELECT a.id, b.id FROM sale a \
                 JOIN sale b ON a.qty = b.qty; FETCH 10 FROM c"
            }
        }
    }

    /// Whether the backend `pid` is in the phase. `others` is the number of sessions
    /// that are not the backend's.
    fn is_reached(self, watcher: &mut Client, pid: i32, others: i32) -> bool {
        let Some((state, class, event)) = activity(watcher, pid) else { return false };
        let own = pool(watcher).sessions - others;
        match self {
            Planning => event == "PgSleep" && own == 0,
            Feeding => event == "PgSleep" && own == 1,
            Waiting => class == "Extension" && own == 0,
            Computing => class == "Extension" && own == 1,
            // PostgreSQL fills the client's socket buffer and waits.
            Returning => event == "ClientWrite" && own == 1,
            IdleCursor => state == "idle in transaction" && own == 1,
        }
    }
}

/// Sessions that take all of the server's, for the phase of waiting.
struct Crowd(Vec<Client>);

impl Crowd {
    fn of(server: &Server, phase: Phase) -> Self {
        if phase != Waiting {
            return Self(Vec::new());
        }
        let mut clients = Vec::new();
        for _ in 0..32 {
            let mut client = server.connect();
            client.batch_execute("SET pg_fusion.force = on").unwrap();
            client.batch_execute(IdleCursor.sql()).unwrap();
            clients.push(client);
        }
        Self(clients)
    }

    fn sessions(&self) -> i32 {
        self.0.len() as i32
    }
}

fn prepare(server: &Server) -> Client {
    let mut watcher = watcher(server);
    watcher.batch_execute(SLOW).unwrap();
    watcher
}

#[test]
fn cancel_requests() {
    let (_turn, server) = turn();
    let mut watcher = prepare(server);
    for phase in [Planning, Waiting, Feeding, Computing] {
        let crowd = Crowd::of(server, phase);
        let victim = Victim::run(server, "", phase.sql());
        await_that(&format!("{phase:?}"), || {
            phase.is_reached(&mut watcher, victim.pid, crowd.sessions())
        });
        victim.cancel();
        let failure = victim.outcome().unwrap_err();
        assert!(failure.is_cancel(), "{phase:?}: {failure:?}");
        assert_eq!(failure.message, "canceling statement due to user request", "{phase:?}");
        drop(crowd);
        drop(watcher);
        watcher = assert_recovered(server);
    }
}

/// While results are on their way, the client reads as fast as it can.
#[test]
fn cancel_requests_while_rows_are_returned() {
    let (_turn, server) = turn();
    let mut watcher = prepare(server);
    for _ in 0..3 {
        let victim = Victim::run(server, "", Returning.sql());
        await_that("a session", || pool(&mut watcher).sessions == 1);
        // Some more, so that rows flow.
        std::thread::sleep(std::time::Duration::from_millis(100));
        let row = watcher.query_one("SELECT pg_cancel_backend($1)", &[&victim.pid]).unwrap();
        assert!(row.get::<_, bool>(0));
        let failure = victim.outcome().unwrap_err();
        assert!(failure.is_cancel(), "{failure:?}");
        drop(watcher);
        watcher = assert_recovered(server);
    }
}

/// Nothing is there to be cancelled, so the cursor goes on, as it does in PostgreSQL.
#[test]
fn an_idle_cursor_is_not_cancelled() {
    let (_turn, server) = turn();
    let mut watcher = prepare(server);
    let mut client = server.connect();
    client.batch_execute("SET pg_fusion.force = on").unwrap();
    client.batch_execute(IdleCursor.sql()).unwrap();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
    for _ in 0..3 {
        watcher.query_one("SELECT pg_cancel_backend($1)", &[&pid]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(client.query("FETCH 1000 FROM c", &[]).unwrap().len(), 1000);
    client.batch_execute("COMMIT").unwrap();
    drop((client, watcher));
    assert_recovered(server);
}

#[test]
fn statement_timeouts() {
    let (_turn, server) = turn();
    drop(prepare(server));
    for phase in [Planning, Waiting, Feeding, Computing, Returning] {
        let crowd = Crowd::of(server, phase);
        let victim = Victim::run(server, "SET statement_timeout = '300ms'", phase.sql());
        let failure = victim.outcome().unwrap_err();
        assert!(failure.is_cancel(), "{phase:?}: {failure:?}");
        assert_eq!(failure.message, "canceling statement due to statement timeout", "{phase:?}");
        drop(crowd);
        drop(assert_recovered(server));
    }
}

#[test]
fn an_idle_cursor_times_out_with_its_transaction() {
    let (_turn, server) = turn();
    let mut client = server.connect();
    let timeout = "SET pg_fusion.force = on; SET idle_in_transaction_session_timeout = '200ms'";
    client.batch_execute(timeout).unwrap();
    client.batch_execute(IdleCursor.sql()).unwrap();
    await_that("the session to be terminated", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        client.simple_query("SELECT 1").is_err()
    });
    drop(client);
    assert_recovered(server);
}

#[test]
fn terminated_backends() {
    let (_turn, server) = turn();
    let worker = running_worker(server);
    let mut watcher = prepare(server);
    for phase in [Planning, Waiting, Feeding, Computing] {
        let crowd = Crowd::of(server, phase);
        let victim = Victim::run(server, "", phase.sql());
        await_that(&format!("{phase:?}"), || {
            phase.is_reached(&mut watcher, victim.pid, crowd.sessions())
        });
        let terminate = "SELECT pg_terminate_backend($1, 30000)";
        assert!(watcher.query_one(terminate, &[&victim.pid]).unwrap().get::<_, bool>(0));
        let failure = victim.outcome().unwrap_err();
        // The client may find the connection closed before it has read why.
        assert!(failure.is_disconnect(), "{phase:?}: {failure:?}");
        assert_eq!(running_worker(server), worker, "nobody else ends");
        drop(crowd);
        drop(watcher);
        watcher = assert_recovered(server);
    }
}

/// psql, so that the client can be killed, or stop reading.
fn psql(server: &Server, name: &str, settings: &str, sql: &str) -> Child {
    let mut command = server.client_program("psql");
    command.env("PGAPPNAME", name).args(["-X", "-q", "-A", "-t"]);
    command.args(["-c", "SET pg_fusion.force = on"]);
    if !settings.is_empty() {
        command.args(["-c", settings]);
    }
    command.args(["-c", sql]);
    if sql.contains("CURSOR") {
        // Keeps the session open without a statement.
        command.args(["-c", "\\! exec sleep 600"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("psql belongs to PostgreSQL")
}

fn backend_of(watcher: &mut Client, name: &str) -> Option<i32> {
    let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1";
    Some(watcher.query_opt(sql, &[&name]).unwrap()?.get(0))
}

/// Starts psql and waits until its backend is in the phase.
fn psql_in(server: &Server, watcher: &mut Client, phase: Phase, others: i32) -> (Child, i32) {
    let child =
        psql(server, "victim", "SET client_connection_check_interval = '100ms'", phase.sql());
    let mut backend = 0;
    await_that(&format!("{phase:?}"), || {
        let Some(pid) = backend_of(watcher, "victim") else { return false };
        backend = pid;
        phase.is_reached(watcher, pid, others)
    });
    (child, backend)
}

/// The client is killed, so that it says no good-bye. PostgreSQL notices when it next
/// looks: at once with `client_connection_check_interval`.
#[test]
fn vanished_clients() {
    let (_turn, server) = turn();
    let mut watcher = prepare(server);
    for phase in [Planning, Waiting, Feeding, Computing, Returning, IdleCursor] {
        let crowd = Crowd::of(server, phase);
        let (mut child, backend) = psql_in(server, &mut watcher, phase, crowd.sessions());
        child.kill().unwrap();
        child.wait().unwrap();
        await_that(&format!("the backend to end, {phase:?}"), || {
            activity(&mut watcher, backend).is_none()
        });
        drop(crowd);
        drop(watcher);
        watcher = assert_recovered(server);
    }
}

/// A client that has stopped reading: rows wait in the backend, which can be
/// terminated, and the worker goes on with others meanwhile.
#[test]
fn a_client_that_does_not_read() {
    let (_turn, server) = turn();
    let mut watcher = prepare(server);
    for phase in [Returning, IdleCursor] {
        let (mut child, backend) = psql_in(server, &mut watcher, phase, 0);
        let victims = [(); 4].map(|()| {
            Victim::run(server, "", "SELECT count(*) FROM sale JOIN shop ON shop.id = shop_id")
        });
        for other in victims {
            assert_eq!(other.outcome().unwrap().lines(), "20000");
        }
        let terminate = "SELECT pg_terminate_backend($1, 30000)";
        assert!(watcher.query_one(terminate, &[&backend]).unwrap().get::<_, bool>(0));
        child.kill().unwrap();
        child.wait().unwrap();
        drop(watcher);
        watcher = assert_recovered(server);
    }
}
