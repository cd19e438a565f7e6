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
//! | `session` | what the engine asks of its host; sessions from plan to metrics |
//! | `lower` | from fusion plans to physical operators |
//! | `ops` | physical operators of our own |
//! | `expr` | scalar functions, and operators that decide which rows an argument sees |
//! | `agg` | aggregates |
//! | `memory` | one memory limit for all sessions, and each session's files |

mod agg;
mod error;
mod expr;
mod lower;
mod memory;
mod ops;
mod session;
#[cfg(test)]
mod testing;

pub use lower::check_supported;
pub use memory::remove_leftovers;
pub use session::{Engine, EngineConfig, SessionIo, SpillPlace};
