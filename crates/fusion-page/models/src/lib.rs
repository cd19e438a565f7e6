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
//! | `region` | made by constructors, because loom does not see a mapping |
//! | `futex` | a lock and a condition. Nobody wakes up by himself: who is not woken hangs, and loom says so |
//! | `limits` | two sessions, one leaf, queues of two |
//! | `jumbo` | there are none |

#![allow(dead_code, unused_imports, reason = "the models do not use all of the protocol")]
#![allow(missing_docs, reason = "modules of another crate")]

#[path = "../../src/client.rs"]
mod client;
#[path = "../../src/control.rs"]
mod control;
#[path = "../../src/doorbell.rs"]
mod doorbell;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/feeder.rs"]
mod feeder;
#[path = "../../src/filter.rs"]
mod filter;
mod futex;
#[path = "../../src/futex_latch.rs"]
mod futex_latch;
#[path = "../../src/held.rs"]
mod held;
mod jumbo;
#[path = "../../src/layout.rs"]
mod layout;
mod limits;
#[path = "../../src/many.rs"]
mod many;
#[path = "../../src/memory.rs"]
mod memory;
#[path = "../../src/outcome.rs"]
mod outcome;
#[path = "../../src/pool.rs"]
mod pool;
mod process;
mod region;
#[path = "../../src/ring.rs"]
mod ring;
#[path = "../../src/slot.rs"]
mod slot;
mod sync;
#[path = "../../src/view.rs"]
mod view;
#[path = "../../src/waiters.rs"]
mod waiters;
#[path = "../../src/worker.rs"]
mod worker;
#[path = "../../src/worker_session.rs"]
mod worker_session;

// For the links in the documentation of what is included.
pub use client::Event;
pub use layout::{MAX_VALUE_LEN, MIN_PAGE_SIZE};
pub use limits::*;
pub use memory::PageMemory;
pub use worker::WorkerSide;
pub use worker_session::WorkerSession;

pub mod models;
