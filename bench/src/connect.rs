//! Connections by libpq's environment variables (PGHOST, PGPORT, PGUSER,
//! PGDATABASE, PGPASSWORD), and the statement timeout that does not depend on
//! the server's good will.

use std::env;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use postgres::error::SqlState;
use postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// The connection settings of the environment, with libpq's defaults.
pub fn config_from_env() -> Result<Config> {
    let mut config = Config::new();
    let var = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let user = var("PGUSER").or_else(|| var("USER")).unwrap_or_else(|| "postgres".to_owned());
    config.host(&var("PGHOST").unwrap_or_else(|| "/var/run/postgresql".to_owned()));
    if let Some(port) = var("PGPORT") {
        config.port(port.parse().with_context(|| format!("PGPORT is {port:?}"))?);
    }
    config.dbname(&var("PGDATABASE").unwrap_or_else(|| user.clone()));
    config.user(&user);
    if let Some(password) = var("PGPASSWORD") {
        config.password(password);
    }
    config.application_name("fusion-bench");
    Ok(config)
}

/// A result as text, as the server sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Column names.
    pub columns: Vec<String>,
    /// Values in the order of the columns; `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Rows {
    /// The first column of every row, one line each: what EXPLAIN prints.
    pub fn lines(&self) -> String {
        let lines: Vec<&str> = self.rows.iter().filter_map(|row| row.first()?.as_deref()).collect();
        lines.join("\n")
    }
}

impl From<Vec<SimpleQueryMessage>> for Rows {
    fn from(messages: Vec<SimpleQueryMessage>) -> Self {
        let mut result = Self::default();
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    result.columns = columns.iter().map(|c| c.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    let values = (0..row.len()).map(|i| row.get(i).map(str::to_owned));
                    result.rows.push(values.collect());
                }
                _ => {}
            }
        }
        result
    }
}

/// How a statement ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// All rows arrived after this many milliseconds.
    Done(f64, Rows),
    /// The statement timeout ended it.
    TimedOut,
    /// It failed, or the server stopped answering.
    Failed(String),
}

/// A connection that survives what its statements do: when the server crashes it
/// reconnects, and when a statement ignores its timeout it is abandoned.
pub struct Session {
    config: Config,
    timeout: Duration,
    client: Option<Client>,
}

impl Session {
    /// Connects; every statement will have the given timeout.
    pub fn open(config: Config, timeout: Duration) -> Result<Self> {
        let mut session = Self { config, timeout, client: None };
        session.client = Some(session.connect().context("cannot connect to PostgreSQL")?);
        Ok(session)
    }

    fn connect(&self) -> Result<Client> {
        let mut client = self.config.connect(NoTls)?;
        client.batch_execute(&format!(
            "SET statement_timeout = {}; SET max_parallel_workers_per_gather = 2",
            self.timeout.as_millis()
        ))?;
        Ok(client)
    }

    /// The open client, reconnecting for up to a minute while the server recovers.
    fn take_client(&mut self) -> Result<Client> {
        if let Some(client) = self.client.take().filter(|client| !client.is_closed()) {
            return Ok(client);
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.connect() {
                Ok(client) => return Ok(client),
                Err(error) if Instant::now() > deadline => {
                    return Err(error.context("the server did not come back"));
                }
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// Runs `settings` and then, timed, `sql`; the time ends when all rows have
    /// been received.
    pub fn run(&mut self, settings: &str, sql: &str) -> Outcome {
        let (settings, sql) = (settings.to_owned(), sql.to_owned());
        self.attend(move |client| timed(client, &settings, &sql))
            .unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")))
    }

    /// Does something with the connection. An error means that the server cannot be
    /// reached, or that it gave no answer long after the statement timeout; then the
    /// connection is abandoned.
    pub fn attend<T: Send + 'static>(
        &mut self,
        action: impl FnOnce(&mut Client) -> T + Send + 'static,
    ) -> Result<T> {
        let mut client = self.take_client()?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let result = action(&mut client);
            // Nobody listens any more when the statement has been given up.
            let _ = sender.send((client, result));
        });
        let patience = self.timeout * 2 + Duration::from_secs(20);
        let (client, result) = receiver.recv_timeout(patience).map_err(|_| {
            anyhow!(
                "no answer {} s after the start; the statement timeout had no effect",
                patience.as_secs()
            )
        })?;
        self.client = Some(client);
        Ok(result)
    }

    /// Runs a statement that must succeed.
    pub fn fetch(&mut self, settings: &str, sql: &str) -> Result<Rows> {
        match self.run(settings, sql) {
            Outcome::Done(_, rows) => Ok(rows),
            Outcome::TimedOut => Err(anyhow!("statement timeout")),
            Outcome::Failed(message) => Err(anyhow!(message)),
        }
    }
}

fn timed(client: &mut Client, settings: &str, sql: &str) -> Outcome {
    if !settings.is_empty()
        && let Err(error) = client.batch_execute(settings)
    {
        return Outcome::Failed(describe(&error));
    }
    let start = Instant::now();
    match client.simple_query(sql) {
        Ok(messages) => {
            let elapsed = start.elapsed().as_secs_f64() * 1000.0;
            Outcome::Done(elapsed, Rows::from(messages))
        }
        Err(error) if is_timeout(&error) => Outcome::TimedOut,
        Err(error) => Outcome::Failed(describe(&error)),
    }
}

fn is_timeout(error: &postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        db.code() == &SqlState::QUERY_CANCELED && db.message().contains("statement timeout")
    })
}

/// Message and SQLSTATE of a server error, or whatever else went wrong.
pub fn describe(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => {
            let mut text = format!("{} (SQLSTATE {})", db.message(), db.code().code());
            if let Some(detail) = db.detail() {
                text.push_str("; ");
                text.push_str(detail);
            }
            text
        }
        None => error.to_string(),
    }
}
