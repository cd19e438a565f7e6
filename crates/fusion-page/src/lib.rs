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
//! - Any process may die at any instruction. What it owned is found by the words
//!   of its pages and slots, and nothing that others share is ever half-changed.
//! - Every end is explicit: of a leaf, of a result, of a session. That the other
//!   side is gone is told apart from all of these.
//! - Nobody waits inside this crate: calls return at once, and the host sleeps
//!   as it pleases. The doorbell, on which the worker may sleep, and
//!   [`FutexLatch`] are the exceptions.
//!
//! The folders, each of which uses only those before it: `format` is what a page is,
//! `shared` what processes share, `filter` runtime filters, and `session` who talks to
//! whom.
//!
//! The crate knows neither PostgreSQL nor DataFusion.

mod error;
mod filter;
mod format;
mod limits;
mod session;
mod shared;
mod sync;

pub use error::PageError;
pub use filter::key_filter::{KeyFilter, filter_capacity};
pub use format::batch::{batch_row_payload, write_batch};
pub use format::columns::{Fixed, MAX_CHUNK, arena_bytes, row_payload};
pub use format::import::Importer;
pub use format::layout::{DEFAULT_PAGE_SIZE, MAX_ROWS, MAX_VALUE_LEN, MIN_PAGE_SIZE, PageLayout};
pub use format::memory::{HeapPage, PageMemory, PageMemoryMut};
pub use format::reader::PageReader;
pub use format::writer::PageWriter;
pub use limits::{
    FUTEX_LATCHES, LEAF_WINDOW, MAX_LEAVES, MAX_PARTICIPANTS, MAX_SESSIONS, MAX_WAITERS,
    RESULT_WINDOW,
};
pub use session::client::{ClientSession, Event, OpenError, ResultPage};
pub use session::feeder::{FeedStatus, Feeder, LeafPageMut, WakeUps};
pub use session::futex_latch::{FutexLatch, FutexWaker};
pub use session::waiter::Waiter;
pub use session::wake::WakeClient;
pub use session::worker::WorkerSide;
pub use session::worker_session::{LeafEvent, LeafPage, ResultPageMut, WorkerSession};
pub use shared::doorbell::News;
pub use shared::identity::{SessionKey, WorkerId};
pub use shared::region::{Region, RegionConfig};
pub use shared::stats::RegionStats;
