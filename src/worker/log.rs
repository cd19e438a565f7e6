//! The way of the engine threads' messages into PostgreSQL's log: only the
//! main thread may write there, so they go through a channel.

use super::latch::{self, LatchWord};
use crossbeam_channel::{Receiver as Channel, Sender, bounded};
use pgrx::PgLogLevel;
use std::fmt::{self, Write};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Messages that may wait; more are dropped rather than block the engine.
const CAPACITY: usize = 1024;

struct Message {
    level: Level,
    text: String,
}

/// The main thread's end.
pub struct Receiver(Channel<Message>);

impl Receiver {
    /// Writes all waiting messages to PostgreSQL's log.
    pub fn write(&self) {
        for Message { level, text } in self.0.try_iter() {
            let level = match level {
                Level::ERROR | Level::WARN => PgLogLevel::WARNING,
                _ => PgLogLevel::LOG,
            };
            pgrx::ereport!(level, pgrx::PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, text);
        }
    }
}

/// Sends what any thread of this process logs through `tracing` to the main
/// thread, which is woken by `latch`.
pub fn install(latch: LatchWord) -> Receiver {
    let (sender, receiver) = bounded(CAPACITY);
    // There is one worker per process, so this is the first subscriber.
    let _ = tracing::subscriber::set_global_default(ToChannel { sender, latch });
    Receiver(receiver)
}

/// Takes events only; spans are of no use in PostgreSQL's log.
struct ToChannel {
    sender: Sender<Message>,
    latch: LatchWord,
}

impl Subscriber for ToChannel {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::from("pg_fusion: "));
        event.record(&mut text);
        let message = Message { level: *event.metadata().level(), text: text.0 };
        if self.sender.try_send(message).is_ok() {
            latch::set(self.latch);
        }
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

/// An event's fields as text, the message first.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }
}
