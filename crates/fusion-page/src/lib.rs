//! Shared-memory pages, sessions and messages between PostgreSQL's backends and
//! the fusion worker.
//!
//! One [`Region`] holds a pool of pages, slots for sessions, and the words that
//! wake either side. A backend opens a [`ClientSession`], feeds the leaves of
//! its plan with pages ([`PageWriter`]) and reads pages of results
//! ([`PageReader`]); the worker has a [`WorkerSession`] for it, takes pages as
//! Arrow batches ([`Importer`]) and returns batches ([`write_batch`]).
//!
//! What holds everywhere:
//!
//! - Any process may die at any instruction. What it held is found by the words
//!   of its pages and slots, and nothing that others share is ever half-changed.
//! - Every end is explicit: of a leaf, of a result, of a session. That the other
//!   side is gone is told apart from all of these.
//! - Nobody waits inside this crate: calls return at once, and the host sleeps
//!   as it pleases. The doorbell, on which the worker may sleep, and
//!   [`FutexLatch`] are the exceptions.
//!
//! The crate knows neither PostgreSQL nor DataFusion.

mod batch;
mod client;
mod columns;
mod control;
mod doorbell;
mod error;
mod feeder;
mod filter;
mod futex;
mod futex_latch;
mod held;
mod import;
mod jumbo;
mod layout;
mod limits;
mod many;
mod memory;
mod outcome;
mod pool;
mod reader;
mod region;
mod ring;
mod slot;
mod sync;
mod view;
mod waiters;
mod worker;
mod worker_session;
mod writer;

pub use batch::{batch_row_payload, write_batch};
pub use client::{ClientSession, Event, OpenError, ResultPage, Waiter};
pub use columns::{Fixed, MAX_CHUNK, arena_bytes, row_payload};
pub use control::WorkerId;
pub use doorbell::News;
pub use error::PageError;
pub use feeder::{FeedStatus, Feeder, LeafPageMut};
pub use filter::{KeyFilter, filter_capacity};
pub use futex_latch::{FutexLatch, FutexWaker};
pub use import::Importer;
pub use layout::{DEFAULT_PAGE_SIZE, MAX_ROWS, MAX_VALUE_LEN, MIN_PAGE_SIZE, PageLayout};
pub use limits::{
    FUTEX_LATCHES, LEAF_WINDOW, MAX_LEAVES, MAX_PARTICIPANTS, MAX_SESSIONS, MAX_WAITERS,
    RESULT_WINDOW,
};
pub use memory::{HeapPage, PageMemory, PageMemoryMut};
pub use reader::PageReader;
pub use region::{Region, RegionConfig, RegionStats};
pub use slot::{SessionKey, WakeUps};
pub use worker::{WakeClient, WorkerSide};
pub use worker_session::{LeafEvent, LeafPage, ResultPageMut, WorkerSession};
pub use writer::PageWriter;
