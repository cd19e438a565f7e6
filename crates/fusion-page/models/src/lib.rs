//! Models of `fusion-page`'s protocol: the same source, over words whose every step is a
//! choice of [loom]'s, which tries the orders in which threads can take them, and what
//! each of them can see.
//!
//! What is modelled stands in `crates/fusion-page/src` and is compiled here once more.
//! What it stands on is replaced:
//!
//! | here | there |
//! |---|---|
//! | `sync` | loom's words. Of the strongest order each has a fence in front of it, because loom knows that order of fences only |
//! | `process` | threads are processes: each has an id, and may die at any step |
//! | `shared::region` | made by constructors, because loom does not see a mapping |
//! | `shared::futex` | a lock and a condition. Nobody wakes up by himself: who is not woken hangs, and loom says so |
//! | `limits` | two sessions, one leaf, queues of two |
//! | `shared::jumbo` | there are none |

#![allow(dead_code, unused_imports, reason = "the models do not use all of the protocol")]
#![allow(missing_docs, reason = "modules of another crate")]

#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/filter/mod.rs"]
mod filter;
mod format;
mod limits;
mod process;
#[path = "../../src/session/mod.rs"]
mod session;
mod shared;
mod sync;

// For the links in the documentation of what is included.
pub use format::layout::{MAX_VALUE_LEN, MIN_PAGE_SIZE};
pub use format::memory::PageMemory;
pub use limits::*;
pub use session::client::Event;
pub use session::feeder::WakeUps;
pub use session::waiter::Waiter;
pub use session::worker::WorkerSide;
pub use session::worker_session::WorkerSession;

pub mod models;
