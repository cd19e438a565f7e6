//! A session that is about to be disturbed, and what must hold afterwards.

use std::io::Read;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use fusion_bench::compare::difference;
use fusion_bench::connect::Rows;
use fusion_bench::measure::Mode;
use postgres::error::SqlState;
use postgres::{CancelToken, Client, NoTls};

use crate::process::{PATIENCE, await_that, children, fusion_worker};
use crate::query::{assert_pool_becomes_idle, set_mode};
use crate::server::Server;
use crate::shops::BY_CITY;

/// How a statement ended: its rows, or its error.
pub type Outcome = Result<Rows, Failure>;

/// An error as a test wants to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The SQLSTATE; empty if the connection broke without one.
    pub code: String,
    /// The message.
    pub message: String,
    /// The HINT, or nothing.
    pub hint: String,
}

impl From<postgres::Error> for Failure {
    fn from(error: postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            let message = error.to_string();
            return Self { code: String::new(), message, hint: String::new() };
        };
        Self {
            code: db.code().code().to_owned(),
            message: db.message().to_owned(),
            hint: db.hint().unwrap_or_default().to_owned(),
        }
    }
}

impl Failure {
    /// Whether a cancel request, or a timeout, ended the statement.
    pub fn is_cancel(&self) -> bool {
        self.code == SqlState::QUERY_CANCELED.code()
    }

    /// Whether the whole connection ended, with or without a message.
    pub fn is_disconnect(&self) -> bool {
        self.code.is_empty() || self.code.starts_with("57P")
    }
}

/// A statement that runs in a session of its own, in a thread.
pub struct Victim {
    /// The backend's process id.
    pub pid: i32,
    token: CancelToken,
    thread: JoinHandle<(Client, Outcome, Instant)>,
}

impl Victim {
    /// Runs `sql` with pg_fusion forced, after `settings`. A COPY TO STDOUT is read
    /// to its end; the rows are not kept.
    pub fn run(server: &Server, settings: &str, sql: &str) -> Self {
        let mut client = server.connect();
        set_mode(&mut client, Mode::Force);
        client.batch_execute(settings).expect("the settings are valid");
        Self::run_in(client, sql)
    }

    /// Runs `sql` in a session that there is.
    pub fn run_in(mut client: Client, sql: &str) -> Self {
        let pid = client.query_one("SELECT pg_backend_pid()", &[]).expect("a backend").get(0);
        let token = client.cancel_token();
        let sql = sql.to_owned();
        let thread = thread::spawn(move || {
            let outcome = if sql.starts_with("COPY") {
                copy(&mut client, &sql)
            } else {
                client.simple_query(&sql).map(Rows::from).map_err(Failure::from)
            };
            (client, outcome, Instant::now())
        });
        Self { pid, token, thread }
    }

    /// Asks the server to cancel the statement.
    pub fn cancel(&self) {
        self.token.cancel_query(NoTls).expect("the server takes cancel requests");
    }

    /// Whether the statement has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until the statement ends.
    pub fn outcome(self) -> Outcome {
        self.outcome_at().0
    }

    /// Waits until the statement ends; gives how, when, and the session.
    pub fn outcome_at(self) -> (Outcome, Instant, Client) {
        await_that("a statement to end", || self.thread.is_finished());
        let (client, outcome, at) = self.thread.join().expect("the session's thread");
        (outcome, at, client)
    }
}

fn copy(client: &mut Client, sql: &str) -> Outcome {
    let mut reader = client.copy_out(sql)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(Rows::default()),
            Ok(_) => {}
            Err(error) => {
                let inner = error.into_inner().and_then(|e| e.downcast::<postgres::Error>().ok());
                return Err(inner.map_or_else(
                    || Failure {
                        code: String::new(),
                        message: "connection lost".to_owned(),
                        hint: String::new(),
                    },
                    |error| Failure::from(*error),
                ));
            }
        }
    }
}

/// A session that looks at the others: it needs no session of pg_fusion for that, and
/// fails rather than wait for ever.
pub fn watcher(server: &Server) -> Client {
    let mut client = server.reconnect();
    set_mode(&mut client, Mode::Off);
    let timeout = format!("SET statement_timeout = {}", PATIENCE.as_millis());
    client.batch_execute(&timeout).expect("a valid timeout");
    client
}

/// What `pg_stat_activity` says of a backend: state, class and name of its wait event.
pub fn activity(client: &mut Client, pid: i32) -> Option<(String, String, String)> {
    let sql = "SELECT coalesce(state, ''), coalesce(wait_event_type, ''), \
        coalesce(wait_event, '') FROM pg_stat_activity WHERE pid = $1";
    let row = client.query_opt(sql, &[&pid]).expect("pg_stat_activity can be read")?;
    Some((row.get(0), row.get(1), row.get(2)))
}

/// Asserts that a failure has left nothing: no page, no session, no process but the
/// server's own and one fusion worker, and that the next query works, as PostgreSQL
/// alone would do it. `server` has the tables of [`crate::shops`]. Returns a
/// [`watcher`].
pub fn assert_recovered(server: &Server) -> Client {
    await_that("a fusion worker", || fusion_worker(server).is_some());
    let mut client = watcher(server);
    await_that("other backends to end", || {
        let others = "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
            AND backend_type IN ('client backend', 'parallel worker')";
        client.query_one(others, &[]).expect("pg_stat_activity can be read").get::<_, i64>(0) == 0
    });
    assert_pool_becomes_idle(&mut client);
    set_mode(&mut client, Mode::Off);
    let native = Rows::from(client.simple_query(BY_CITY).expect("PostgreSQL alone"));
    set_mode(&mut client, Mode::Force);
    // A worker that has just started is waited for by the planner only until it plans
    // natively, so the node may be missing once.
    await_that("a fused plan", || {
        let rows = client.simple_query(&format!("EXPLAIN {BY_CITY}")).expect("EXPLAIN");
        Rows::from(rows).lines().contains("Custom Scan (PgFusion)")
    });
    let forced = Rows::from(client.simple_query(BY_CITY).expect("the next query works"));
    assert_eq!(difference(&native, &forced), None);
    assert_pool_becomes_idle(&mut client);
    let strangers: Vec<_> = children(server)
        .into_iter()
        .filter(|process| process.title.contains("parallel worker"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    set_mode(&mut client, Mode::Off);
    client
}
