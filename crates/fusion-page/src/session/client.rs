//! The client's end: a backend that runs fusion plans.
//!
//! The order of things: [`ClientSession::try_open`] (or a [`Waiter`](crate::Waiter)
//! first), [`ClientSession::submit_startup_message`], then in a loop feed the leaves that
//! [`Feeder::next_demand`] names and take what [`ClientSession::poll`] brings,
//! until it says how the session ended. Closing at any time cancels it.

use crate::error::PageError;
use crate::format::layout::PageKind;
use crate::format::memory::PageMemory;
use crate::format::view;
use crate::limits::MAX_LEAVES;
use crate::session::endpoint::Endpoint;
use crate::session::feeder::Feeder;
use crate::session::page_handle::PageHandle;
use crate::shared::identity::{SessionKey, WorkerId};
use crate::shared::outcome::Seen;
use crate::shared::owner::Side;
use crate::shared::region::Region;
use crate::shared::state::State;
use crate::shared::waiters::Ticket;
use crate::sync::{AtomicBool, process_id};
use fusion_plan::PgError;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

/// Why a session cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// No worker is attached to the region.
    #[error("the fusion worker is not running")]
    NoWorker,
    /// [`MAX_WAITERS`](crate::MAX_WAITERS) clients wait already.
    #[error("too many sessions wait for a slot")]
    TooManyWaiting,
}

/// What the worker has sent.
#[derive(Debug)]
pub enum Event {
    /// Rows of the result, for a [`PageReader`](crate::PageReader).
    Result(ResultPage),
    /// Bytes that the worker sent with
    /// [`WorkerSession::send_blob`](crate::WorkerSession::send_blob).
    Blob(Vec<u8>),
    /// The end of the result: everything sent before has been polled.
    Finished,
    /// The session failed; results that were not polled are lost.
    Failed(PgError),
    /// The worker has gone without telling an outcome.
    WorkerGone,
    /// Nothing at the moment.
    Nothing,
}

/// A client's session. Dropping it, and all pages that came from it, closes it,
/// which cancels what the worker still does for it.
#[derive(Debug)]
pub struct ClientSession {
    feeder: Feeder,
}

impl ClientSession {
    /// Opens a session for this process, which is woken by `latch`; `None` if
    /// all slots are taken, or earlier comers wait for those that are not. Then
    /// wait with a [`Waiter`](crate::Waiter).
    ///
    /// # Errors
    ///
    /// [`OpenError::NoWorker`].
    pub fn try_open(region: &Region, latch: u64) -> Result<Option<Self>, OpenError> {
        Self::open_in_turn(region, latch, None)
    }

    /// As [`ClientSession::try_open`], for a newcomer or for who waits with `ticket`.
    pub(crate) fn open_in_turn(
        region: &Region,
        latch: u64,
        ticket: Option<Ticket>,
    ) -> Result<Option<Self>, OpenError> {
        let worker = present_worker(region)?;
        match region.may_open(ticket) {
            true => Ok(Self::open(region, latch, worker, false)),
            false => Ok(None),
        }
    }

    /// Opens a further session for a client that has one already, in a slot that is kept
    /// for such: those that have one must not wait for each other. `None` if all of them
    /// are taken.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoWorker`].
    pub fn try_open_nested(region: &Region, latch: u64) -> Result<Option<Self>, OpenError> {
        let worker = present_worker(region)?;
        Ok(Self::open(region, latch, worker, true))
    }

    fn open(region: &Region, latch: u64, worker: u64, nested: bool) -> Option<Self> {
        let key = region.claim_slot(process_id(), nested)?;
        region.slot(key.slot).begin(key, worker, latch);
        let (region, open) = (region.clone(), AtomicBool::new(true));
        let endpoint = Arc::new(Endpoint { region, key, worker, participant: 0, open });
        Some(Self { feeder: Feeder { endpoint } })
    }

    /// Sends the startup message: `blob`, which the worker receives as it is, and the
    /// number of leaves.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`]; [`PageError::Jumbo`] for a blob larger than a page.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_LEAVES`] leaves.
    pub fn submit_startup_message(&self, blob: &[u8], leaves: usize) -> Result<(), PageError> {
        assert!(leaves <= MAX_LEAVES, "a session has up to {MAX_LEAVES} leaves");
        let endpoint = &self.feeder.endpoint;
        endpoint.check_open()?;
        let slot = endpoint.slot();
        slot.begin_leaves(leaves);
        let handle = PageHandle::blob(&endpoint.region, endpoint.key, Side::Client, blob)?;
        slot.startup_message.store(handle.hand_over()?, SeqCst);
        if !endpoint.region.change_state(endpoint.key, State::CLIENT, State::SUBMITTED, 0) {
            return Err(PageError::Closed);
        }
        endpoint.ring();
        Ok(())
    }

    /// The session's name, with which parallel workers
    /// [attach](Feeder::attach).
    pub fn key(&self) -> SessionKey {
        self.feeder.endpoint.key
    }

    /// The producing end, and how to sleep.
    pub fn feeder(&self) -> &Feeder {
        &self.feeder
    }

    /// The next thing that the worker has sent; never waits.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`], and other errors if what was sent is not to be
    /// understood: then close the session.
    pub fn poll(&self) -> Result<Event, PageError> {
        let endpoint = &self.feeder.endpoint;
        endpoint.check_open()?;
        let slot = endpoint.slot();
        // In this order: a worker that has gone tells no more outcome, and a
        // worker that told an outcome sends no more results.
        let gone = endpoint.worker_gone();
        let outcome = slot.outcome.get();
        if let Seen::Failed(error) = outcome {
            return Ok(Event::Failed(error));
        }
        if let Some(message) = slot.results.ring.pop() {
            return self.receive(message);
        }
        Ok(match outcome {
            Seen::Finished => Event::Finished,
            _ if gone => Event::WorkerGone,
            _ => Event::Nothing,
        })
    }

    fn receive(&self, message: u32) -> Result<Event, PageError> {
        let endpoint = &self.feeder.endpoint;
        let handle = PageHandle::receive(&endpoint.region, endpoint.key, Side::Client, message)?;
        // SAFETY: `handle` keeps the memory, which nobody writes any more.
        match unsafe { view::kind(handle.memory()) }? {
            PageKind::Batch => {
                let release = Release { endpoint: Arc::clone(endpoint) };
                Ok(Event::Result(ResultPage { handle, _release: release }))
            }
            // SAFETY: as above; the bytes are copied.
            PageKind::Blob => Ok(Event::Blob(unsafe { view::blob(handle.memory()) }?.to_vec())),
        }
    }

    /// Temporary files that the worker has made for the session so far, and the bytes
    /// that it has written to them.
    pub fn spilled(&self) -> (u64, u64) {
        let slot = self.feeder.endpoint.slot();
        (slot.spill_files.load(Relaxed), slot.spilled_bytes.load(Relaxed))
    }

    /// Closes the session now, even if pages of it are still around; calling it
    /// again does nothing. It neither panics nor waits, so it can be called
    /// while a transaction is aborted.
    ///
    /// # Safety
    ///
    /// No page of this session, be it one to fill, a result or a filter, may be
    /// written or read from now on, only dropped: it may belong to another session.
    pub unsafe fn force_close(&self) {
        self.feeder.endpoint.close();
    }
}

/// The worker that is attached.
fn present_worker(region: &Region) -> Result<u64, OpenError> {
    let word = region.worker_word();
    WorkerId::from_word(word).map(|_| word).ok_or(OpenError::NoWorker)
}

/// A page of results; dropping it gives it back, which lets the worker send
/// another.
#[derive(Debug)]
pub struct ResultPage {
    handle: PageHandle,
    /// Behind `handle`, so that it is dropped after it.
    _release: Release,
}

// SAFETY: the page or jumbo buffer belongs to `handle`, is aligned to 4096 bytes,
// mapped as long as `handle` lives, and was written before it was sent.
unsafe impl PageMemory for ResultPage {
    fn memory(&self) -> NonNull<[u8]> {
        self.handle.memory()
    }
}

/// Opens the result window by one page when dropped.
#[derive(Debug)]
struct Release {
    endpoint: Arc<Endpoint>,
}

impl Drop for Release {
    fn drop(&mut self) {
        // After a forced close the slot may have another session.
        if self.endpoint.check_open().is_err() {
            return;
        }
        let results = &self.endpoint.slot().results;
        results.released.fetch_add(1, SeqCst);
        if results.wanted.load(SeqCst) != 0 && results.wanted.swap(0, AcqRel) != 0 {
            self.endpoint.ring();
        }
    }
}
