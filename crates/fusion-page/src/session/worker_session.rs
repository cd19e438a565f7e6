//! One session in the worker: pages in, credits out, results out.

use crate::error::PageError;
use crate::filter::key_filter::write_filter;
use crate::format::memory::{PageMemory, PageMemoryMut};
use crate::format::view;
use crate::limits::{LEAF_WINDOW, MAX_LEAVES, RESULT_WINDOW};
use crate::session::page_handle::PageHandle;
use crate::session::wake::{CLIENT_ONLY, EVERYBODY};
use crate::session::worker::WorkerSide;
use crate::shared::identity::SessionKey;
use crate::shared::owner::Side;
use crate::shared::region::Region;
use crate::shared::slot::{Leaf, Slot};
use crate::shared::state::State;
use crate::sync::{AtomicU32, fence};
use fusion_plan::{KeySet, PgError};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

/// What the queue of a leaf holds.
#[derive(Debug)]
pub enum LeafEvent {
    /// The oldest page that was not yet taken.
    Page(LeafPage),
    /// Nothing at the moment.
    Empty,
    /// Nothing, and nothing will come.
    Ended,
}

/// The worker's side of a session, to be shared by the threads that run it.
/// When the last reference goes, and the last page that came from it, the
/// worker's side is closed.
#[derive(Debug)]
pub struct WorkerSession {
    side: Arc<WorkerSide>,
    key: SessionKey,
    startup_message: Vec<u8>,
    leaves: usize,
}

impl WorkerSession {
    pub(crate) fn new(side: Arc<WorkerSide>, key: SessionKey) -> Self {
        Self { side, key, startup_message: Vec::new(), leaves: 0 }
    }

    /// Takes over what the client submitted.
    pub(crate) fn read_startup_message(mut self) -> Result<Self, (Self, PageError)> {
        let (message, leaves) = {
            let slot = self.slot();
            (slot.startup_message.load(Acquire), slot.leaves.load(Acquire) as usize)
        };
        let read = || {
            let handle = PageHandle::receive(self.region(), self.key, Side::Worker, message)?;
            // SAFETY: `handle` keeps the memory, which nobody writes any more,
            // and the bytes are copied.
            unsafe { view::blob(handle.memory()) }.map(<[u8]>::to_vec)
        };
        match read() {
            Ok(startup_message) => {
                (self.startup_message, self.leaves) = (startup_message, leaves.min(MAX_LEAVES));
                Ok(self)
            }
            Err(error) => Err((self, error)),
        }
    }

    /// The session's name.
    pub fn key(&self) -> SessionKey {
        self.key
    }

    /// The worker's side of the region.
    pub fn side(&self) -> &Arc<WorkerSide> {
        &self.side
    }

    /// The region.
    pub fn region(&self) -> &Region {
        self.side.region()
    }

    /// The bytes that the client opened the session with.
    pub fn startup_message(&self) -> &[u8] {
        &self.startup_message
    }

    /// The number of leaves.
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// Whether the client has closed the session, or died: then nobody wants
    /// the result.
    pub fn is_client_closed(&self) -> bool {
        !self.region().session_has(self.key, State::CLIENT)
    }

    /// Tells the client that `files` more temporary files were made for it, and `bytes`
    /// more written to them.
    pub fn record_spill(&self, files: u64, bytes: u64) {
        let slot = self.slot();
        slot.spill_files.fetch_add(files, Relaxed);
        slot.spilled_bytes.fetch_add(bytes, Relaxed);
    }

    /// Takes the next page of a leaf, if there is one; any thread may. After
    /// [`LeafEvent::Empty`] the doorbell rings when there is one, or the leaf has ended.
    ///
    /// # Errors
    ///
    /// If what a producer sent is not to be understood.
    ///
    /// # Panics
    ///
    /// Here and below, if there is no such leaf.
    pub fn try_pop(self: &Arc<Self>, leaf: usize) -> Result<LeafEvent, PageError> {
        let shared = self.leaf(leaf);
        // Read before the queue: what comes before the end is seen then.
        let ended = shared.ended.load(Acquire) != 0;
        let mut message = shared.ring.pop();
        if message.is_none() {
            if ended {
                return Ok(LeafEvent::Ended);
            }
            // The wish first, then a second look: a page that is pushed in between is
            // either found here or announced.
            shared.wanted.store(1, SeqCst);
            fence(SeqCst);
            message = shared.ring.pop();
        }
        let Some(message) = message else { return Ok(LeafEvent::Empty) };
        self.side.waker().wake_starved(self.key.slot);
        let handle = PageHandle::receive(self.region(), self.key, Side::Worker, message)?;
        Ok(LeafEvent::Page(LeafPage { handle, _release: Release { session: Arc::clone(self) } }))
    }

    /// Asks for `pages` more pages of a leaf. Returns how many were granted:
    /// fewer if [`LEAF_WINDOW`] pages are already asked for and not yet taken.
    pub fn grant(&self, leaf: usize, pages: u64) -> u64 {
        let leaf = self.leaf(leaf);
        let mut granted = leaf.granted.load(Acquire);
        loop {
            let limit = leaf.ring.popped() + LEAF_WINDOW;
            let more = pages.min(limit.saturating_sub(granted));
            if more == 0 {
                return 0;
            }
            match leaf.granted.compare_exchange_weak(granted, granted + more, SeqCst, Acquire) {
                Ok(_) => {
                    self.side.waker().wake(self.key.slot, EVERYBODY);
                    return more;
                }
                Err(seen) => granted = seen,
            }
        }
    }

    /// How many pages of a leaf were asked for and not yet taken.
    pub fn outstanding(&self, leaf: usize) -> u64 {
        let leaf = self.leaf(leaf);
        leaf.granted.load(Acquire).saturating_sub(leaf.ring.popped())
    }

    /// Publishes a filter for `column` of `leaf`: from now on producers may drop rows
    /// whose key is not in `keys`. Its page stays until the session is settled, for a
    /// producer may read it as long as it has not left. `false` if there is no page to
    /// spare, or the leaf has as many filters as it can have.
    pub fn publish_filter(&self, leaf: usize, column: u32, keys: &KeySet) -> bool {
        let filters = &self.leaf(leaf).filters;
        if self.is_client_closed() {
            return false;
        }
        let region = self.region();
        let Some(page) = region.claim_common_page(self.key) else { return false };
        let published = region.page_words(page).is_some_and(|words| {
            write_filter(keys, column, words);
            let publish =
                |word: &AtomicU32| word.compare_exchange(0, page + 1, AcqRel, Relaxed).is_ok();
            filters.iter().any(publish)
        });
        if !published {
            region.release_page(page, self.key, Side::Everybody);
        }
        published
    }

    /// Whether all pages of a leaf have been pushed; some may still be queued.
    pub fn leaf_ended(&self, leaf: usize) -> bool {
        self.leaf(leaf).ended.load(Acquire) != 0
    }

    /// A page to fill with results; `None` while the client has not released
    /// enough of the earlier ones. When it does, the doorbell rings.
    ///
    /// If no page is free although the client holds none, the results go into a
    /// jumbo buffer, so that they never wait for another session.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`] if the client has closed; [`PageError::Jumbo`].
    pub fn try_begin_result(self: &Arc<Self>) -> Result<Option<ResultPageMut>, PageError> {
        self.try_begin(|region, key, alone| {
            if let Some(handle) = PageHandle::claim(region, key, Side::Worker) {
                return Ok(Some(handle));
            }
            if !alone {
                return Ok(None);
            }
            region.control().overflows.fetch_add(1, Relaxed);
            PageHandle::jumbo(region, key, Side::Worker, region.page_size()).map(Some)
        })
    }

    /// A jumbo buffer of `size` bytes for a row that is larger than a page;
    /// otherwise as [`WorkerSession::try_begin_result`].
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`]; [`PageError::Jumbo`], for example if the disk is
    /// full.
    pub fn try_begin_jumbo_result(
        self: &Arc<Self>,
        size: usize,
    ) -> Result<Option<ResultPageMut>, PageError> {
        self.try_begin(|region, key, _| {
            PageHandle::jumbo(region, key, Side::Worker, size).map(Some)
        })
    }

    /// Begins a result page inside the window. `acquire` gets told whether no
    /// other one is under way.
    fn try_begin(
        self: &Arc<Self>,
        acquire: impl Fn(&Region, SessionKey, bool) -> Result<Option<PageHandle>, PageError>,
    ) -> Result<Option<ResultPageMut>, PageError> {
        if self.is_client_closed() {
            return Err(PageError::Closed);
        }
        let results = &self.slot().results;
        for second_look in [false, true] {
            if second_look {
                results.wanted.store(1, SeqCst);
                fence(SeqCst);
            }
            if let Some(in_window) = self.enter_window() {
                let begun = Begun { session: Arc::clone(self), sent: false };
                if let Some(handle) = acquire(self.region(), self.key, in_window == 0)? {
                    return Ok(Some(ResultPageMut { handle, begun }));
                }
            }
        }
        Ok(None)
    }

    /// Counts a page as begun, if the window has room; returns how many others
    /// were in it.
    fn enter_window(&self) -> Option<u64> {
        let results = &self.slot().results;
        let mut begun = results.begun.load(Acquire);
        loop {
            let others = begun.saturating_sub(results.released.load(SeqCst));
            if others >= RESULT_WINDOW {
                return None;
            }
            match results.begun.compare_exchange_weak(begun, begun + 1, AcqRel, Acquire) {
                Ok(_) => return Some(others),
                Err(seen) => begun = seen,
            }
        }
    }

    /// Sends bytes among the results; a few per session, outside the window.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`]; [`PageError::QueueFull`] if the client has not
    /// taken earlier ones; [`PageError::Jumbo`].
    pub fn send_blob(&self, blob: &[u8]) -> Result<(), PageError> {
        if self.is_client_closed() {
            return Err(PageError::Closed);
        }
        let handle = PageHandle::blob(self.region(), self.key, Side::Worker, blob)?;
        handle.send(&self.slot().results.ring)?;
        self.side.waker().wake(self.key.slot, CLIENT_ONLY);
        Ok(())
    }

    /// Tells the client that all results have been pushed. The first outcome
    /// that is told counts.
    pub fn finish(&self) {
        self.slot().outcome.finish();
        self.side.waker().wake(self.key.slot, EVERYBODY);
    }

    /// Tells the client that the session failed. The first outcome that is told
    /// counts. Texts of several KiB are cut.
    pub fn fail(&self, error: &PgError) {
        self.slot().outcome.fail(error);
        self.side.waker().wake(self.key.slot, EVERYBODY);
    }

    fn slot(&self) -> &Slot {
        self.region().slot(self.key.slot)
    }

    fn leaf(&self, leaf: usize) -> &Leaf {
        assert!(leaf < self.leaves, "leaf {leaf} does not exist");
        &self.slot().leaf[leaf]
    }
}

impl Drop for WorkerSession {
    fn drop(&mut self) {
        let slot = self.slot();
        if slot.outcome.is_running() && self.region().worker() == Some(self.side.id()) {
            // The end is always explicit, also that of a task that panicked;
            // but a worker that goes says so, and nothing else.
            slot.outcome.fail(&PgError::internal("fusion worker dropped the session"));
        }
        self.side.close(self.key);
    }
}

/// A page of a leaf; dropping it gives it back to the pool.
#[derive(Debug)]
pub struct LeafPage {
    handle: PageHandle,
    /// Behind `handle`, so that it is dropped after it.
    _release: Release,
}

// SAFETY: the page or jumbo buffer belongs to `handle`, is aligned to 4096 bytes,
// mapped as long as `handle` lives, and was written before it was pushed.
unsafe impl PageMemory for LeafPage {
    fn memory(&self) -> NonNull<[u8]> {
        self.handle.memory()
    }
}

/// Keeps the session; dropped after the page, it tells who waits for one.
#[derive(Debug)]
struct Release {
    session: Arc<WorkerSession>,
}

impl Drop for Release {
    fn drop(&mut self) {
        self.session.side.waker().wake_starved(self.session.key.slot);
    }
}

/// A page that the worker fills with results. Dropped instead of pushed, it
/// goes back to the pool.
#[derive(Debug)]
pub struct ResultPageMut {
    handle: PageHandle,
    begun: Begun,
}

impl ResultPageMut {
    /// Sends the page to the client.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`] if the client has closed.
    pub fn push(self) -> Result<(), PageError> {
        let Self { handle, mut begun } = self;
        let session = &begun.session;
        if session.is_client_closed() {
            return Err(PageError::Closed);
        }
        handle.send(&session.slot().results.ring)?;
        session.side.waker().wake(session.key.slot, CLIENT_ONLY);
        begun.sent = true;
        Ok(())
    }
}

// SAFETY: the page or jumbo buffer belongs to `handle`, is aligned to 4096 bytes,
// always initialised, and mapped as long as `handle` lives.
unsafe impl PageMemory for ResultPageMut {
    fn memory(&self) -> NonNull<[u8]> {
        self.handle.memory()
    }
}

// SAFETY: until it is pushed, the pool gives the page to nobody else; pushing
// consumes it.
unsafe impl PageMemoryMut for ResultPageMut {}

/// A page's place in the result window; given back unless the page was sent.
#[derive(Debug)]
struct Begun {
    session: Arc<WorkerSession>,
    sent: bool,
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.sent {
            return;
        }
        let session = &self.session;
        let results = &session.slot().results;
        results.begun.fetch_sub(1, AcqRel);
        // Another thread may wait for the place.
        if results.wanted.swap(0, SeqCst) != 0 {
            session.region().control().doorbell.ring(session.key.slot);
        }
    }
}
