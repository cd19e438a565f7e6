//! Scenes: statements that one session runs, once by PostgreSQL alone and once with
//! pg_fusion forced. Everything that the client sees must be the same.
//!
//! What was executed is known from auto_explain, which tells the plan of every
//! statement that ran to its end, those inside of functions included. So a scene
//! proves that PgFusion nodes ran wherever the statement stood.

use std::fmt::Write;
use std::sync::mpsc::{Receiver, channel};

use fusion_bench::measure::Mode;
use postgres::error::DbError;
use postgres::{Client, NoTls, SimpleQueryMessage};

use crate::query::{assert_pool_becomes_idle, set_mode};
use crate::server::Server;

/// The client has the plan of every executed statement as a notice.
pub const TELL_PLANS: &str = "LOAD 'auto_explain'; \
    SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; \
    SET auto_explain.log_level = notice; SET auto_explain.log_format = text";

/// What auto_explain's messages begin with.
const PLAN_PREFIX: &str = "duration: ";

/// What came of a scene.
#[derive(Debug)]
pub struct Played {
    /// All that the client saw: rows, numbers of rows, notices, errors.
    pub transcript: String,
    /// How many of the executed plans had a PgFusion node.
    pub fused: usize,
}

/// A session whose executed plans are known.
pub struct Watched {
    /// The connection.
    pub client: Client,
    notices: Receiver<String>,
}

impl Watched {
    /// Connects, in the given mode.
    pub fn connect(server: &Server, mode: Mode) -> Self {
        let (sender, notices) = channel();
        let mut config = server.config().clone();
        config.notice_callback(move |notice| {
            // Nobody listens any more when the session has been dropped.
            let _ = sender.send(format!("{}: {}", notice.severity(), notice.message()));
        });
        let mut client = config.connect(NoTls).expect("the throw-away server takes connections");
        set_mode(&mut client, mode);
        client.batch_execute(TELL_PLANS).expect("auto_explain belongs to PostgreSQL");
        let watched = Self { client, notices };
        watched.notices();
        watched
    }

    /// The notices since the last call, without auto_explain's, and how many of
    /// auto_explain's plans had a PgFusion node.
    pub fn notices(&self) -> (Vec<String>, usize) {
        let (plans, notices): (Vec<String>, Vec<String>) =
            self.notices.try_iter().partition(|notice| notice.contains(PLAN_PREFIX));
        let fused = plans.iter().filter(|plan| plan.contains("Custom Scan (PgFusion)")).count();
        (notices, fused)
    }
}

/// Plays a scene in a schema of its own, which is first on the search path. A
/// statement that begins with `!` must fail; no other may.
pub fn play(server: &Server, mode: Mode, statements: &[&str]) -> Played {
    let mut session = Watched::connect(server, mode);
    let fresh = "DROP SCHEMA IF EXISTS scene CASCADE; CREATE SCHEMA scene; \
        SET search_path = scene, public";
    session.client.batch_execute(fresh).unwrap();
    session.notices();
    let mut played = Played { transcript: String::new(), fused: 0 };
    for statement in statements {
        let (statement, must_fail) = match statement.strip_prefix('!') {
            Some(rest) => (rest.trim_start(), true),
            None => (*statement, false),
        };
        let result = session.client.simple_query(statement);
        let (notices, fused) = session.notices();
        played.fused += fused;
        let transcript = &mut played.transcript;
        let _ = writeln!(transcript, "> {statement}");
        for notice in notices {
            let _ = writeln!(transcript, "{notice}");
        }
        match result {
            Ok(messages) => {
                assert!(!must_fail, "mode {}: no error\n{statement}", mode.as_str());
                write_messages(transcript, &messages);
            }
            Err(error) => {
                let text = error.as_db_error().map_or_else(|| error.to_string(), whole_error);
                assert!(must_fail, "mode {}: {text}\n{statement}", mode.as_str());
                let _ = writeln!(transcript, "{text}");
            }
        }
    }
    // The end of the session ends whatever the scene left open.
    drop(session);
    let mut client = server.connect();
    client.batch_execute("SET client_min_messages = warning; DROP SCHEMA scene CASCADE").unwrap();
    played
}

/// Asserts that a scene shows the client the same with pg_fusion as without, and
/// that at least `fused` of the executed plans had a PgFusion node. Returns what the
/// client saw.
pub fn assert_scene(server: &Server, fused: usize, statements: &[&str]) -> String {
    assert!(fused > 0, "a scene without pg_fusion proves nothing");
    let native = play(server, Mode::Off, statements);
    assert_eq!(native.fused, 0, "PostgreSQL alone");
    let forced = play(server, Mode::Force, statements);
    assert_same_text(&native.transcript, &forced.transcript);
    assert!(forced.fused >= fused, "{} fused plans instead of {fused}", forced.fused);
    assert_pool_becomes_idle(&mut server.connect());
    forced.transcript
}

/// Asserts that two transcripts are the same; shows the first line that is not.
pub fn assert_same_text(native: &str, forced: &str) {
    let mut statement = "";
    let mut lines = (native.lines(), forced.lines());
    loop {
        match (lines.0.next(), lines.1.next()) {
            (None, None) => return,
            (native, forced) if native == forced => {
                statement = native.filter(|line| line.starts_with("> ")).unwrap_or(statement);
            }
            (native, forced) => {
                panic!("{statement}\n  native: {native:?}\n  forced: {forced:?}")
            }
        }
    }
}

fn write_messages(transcript: &mut String, messages: &[SimpleQueryMessage]) {
    for message in messages {
        let _ = match message {
            SimpleQueryMessage::RowDescription(columns) => {
                let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
                writeln!(transcript, "({})", names.join("|"))
            }
            SimpleQueryMessage::Row(row) => {
                let values = (0..row.len()).map(|i| row.get(i).unwrap_or("NULL"));
                writeln!(transcript, "{}", values.collect::<Vec<_>>().join("|"))
            }
            SimpleQueryMessage::CommandComplete(rows) => writeln!(transcript, "{rows} rows"),
            _ => Ok(()),
        };
    }
}

/// All that an error says, but where in PostgreSQL's source it was raised.
pub fn whole_error(error: &DbError) -> String {
    let mut text =
        format!("{}: {} (SQLSTATE {})", error.severity(), error.message(), error.code().code());
    let position = error.position().map(|position| format!("{position:?}"));
    let fields = [
        ("DETAIL", error.detail()),
        ("HINT", error.hint()),
        ("CONTEXT", error.where_()),
        ("POSITION", position.as_deref()),
        ("SCHEMA", error.schema()),
        ("TABLE", error.table()),
        ("COLUMN", error.column()),
        ("TYPE", error.datatype()),
        ("CONSTRAINT", error.constraint()),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = write!(text, "\n{name}: {value}");
        }
    }
    text
}
