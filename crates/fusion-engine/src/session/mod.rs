//! Sessions: what the engine asks of its host, how much a session does at a time, its
//! execution from plan to result, and its metrics.

mod engine;
pub(crate) mod host;
mod metrics;
pub(crate) mod parallelism;

pub use engine::{Engine, EngineConfig};
pub use host::{SessionIo, SpillPlace};
