//! The engine of pg_fusion: runs fusion plans on DataFusion's physical
//! operators with PostgreSQL's exact semantics.
//!
//! PostgreSQL has already optimised the plan, so there is no second planner
//! here: [`Engine::run`] lowers the plan operator by operator, executes it, and
//! hands the result to its host, which it knows only as a [`SessionIo`]. It
//! depends on no PostgreSQL code and runs under plain `cargo test`.
//!
//! | module | what it is |
//! |---|---|
//! | [`host`] | what the engine asks of its host |
//! | [`engine`] | sessions: lowering, execution, errors, metrics |
//! | `lower` | from fusion plans to physical operators |
//! | `ops` | physical operators of our own |
//! | `expr` | scalar functions and lazy operators |
//! | `agg` | aggregates |
//! | `group` | the first stage of a grouping with many groups |
//! | `memory`, `share` | one memory limit for all sessions, and what it allows each |
//! | `spill` | each session's files |

mod agg;
pub mod engine;
mod error;
mod expr;
mod group;
pub mod host;
mod lower;
mod memory;
mod metrics;
mod ops;
mod share;
mod spill;
#[cfg(test)]
mod testing;

pub use engine::{Engine, EngineConfig};
pub use host::{SessionIo, SpillPlace};
pub use lower::check_supported;
pub use spill::remove_leftovers;
