//! The producing end of a session: credits, pages to fill, queues to push to.
//!
//! The backend has a [`Feeder`] in its [`ClientSession`](crate::ClientSession);
//! its parallel workers attach one each to the same session. All of them may
//! feed any leaf at the same time.
//!
//! The order of things for one page: [`Feeder::try_claim_credit`], then
//! [`Feeder::begin_page`], fill it with a [`PageWriter`](crate::PageWriter),
//! [`LeafPageMut::push`]. A credit that turns out not to be needed, because
//! there are no rows left, is given back with [`Feeder::return_credit`], for
//! another producer of the leaf may need it.

use crate::error::PageError;
use crate::filter::key_filter::KeyFilter;
use crate::format::memory::{PageMemory, PageMemoryMut};
use crate::limits::MAX_PARTICIPANTS;
use crate::session::endpoint::{Endpoint, settle_and_tell};
use crate::session::page_handle::PageHandle;
use crate::shared::identity::SessionKey;
use crate::shared::owner::Side;
use crate::shared::region::Region;
use crate::shared::slot::Leaf;
use crate::shared::state::State;
use crate::sync::{AtomicBool, fence, process_id};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

/// How a session stands, for a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedStatus {
    /// It runs: go on.
    Running,
    /// It has finished or failed, or its client has closed it: stop, nobody
    /// wants more pages. The client knows the reason.
    Over,
    /// The worker has gone, without an outcome.
    WorkerGone,
}

/// How often the two sides of a session have told each other something, and woken
/// each other for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WakeUps {
    /// Pages that the worker waited for, ends of leaves and the like that the client's
    /// side told the worker of.
    pub news: u64,
    /// Of these, how many found the worker's doorbell thread asleep.
    pub worker: u64,
    /// How often the worker woke a process of the client's side.
    pub clients: u64,
}

/// The producing end of a session in one process. Dropping it, and all pages
/// begun with it, leaves the session; a killed process is found by
/// [`WorkerSide::reap_dead_clients`](crate::WorkerSide::reap_dead_clients).
#[derive(Debug)]
pub struct Feeder {
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Feeder {
    /// Joins the session `key` from a further process of the same backend, that
    /// is woken by `latch`.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`] if the session is no longer open, or has
    /// [`MAX_PARTICIPANTS`] already.
    pub fn attach(region: &Region, key: SessionKey, latch: u64) -> Result<Self, PageError> {
        if key.slot as usize >= region.slot_count() {
            return Err(PageError::Closed);
        }
        let slot = region.slot(key.slot);
        let pid = process_id();
        let entry = (1..MAX_PARTICIPANTS)
            .find(|&i| slot.participants[i].pid.compare_exchange(0, pid, SeqCst, Relaxed).is_ok());
        let Some(participant) = entry else { return Err(PageError::Closed) };
        // Entered first, checked then: whoever settles the slot either finds
        // the entry, or had closed before this check.
        if !region.session_has(key, State::BUSY | State::CLIENT | State::SUBMITTED) {
            slot.participants[participant].pid.store(0, SeqCst);
            settle_and_tell(region, key.slot);
            return Err(PageError::Closed);
        }
        slot.participants[participant].latch.store(latch, SeqCst);
        let worker = slot.worker.load(Acquire);
        let region = region.clone();
        let open = AtomicBool::new(true);
        Ok(Self { endpoint: Arc::new(Endpoint { region, key, worker, participant, open }) })
    }

    /// The session.
    pub fn key(&self) -> SessionKey {
        self.endpoint.key
    }

    /// How the session stands.
    pub fn status(&self) -> FeedStatus {
        let gone = self.endpoint.worker_gone();
        let client_open = self.endpoint.region.session_has(self.endpoint.key, State::CLIENT);
        if !self.endpoint.slot().outcome.is_running() || !client_open {
            FeedStatus::Over
        } else if gone {
            FeedStatus::WorkerGone
        } else {
            FeedStatus::Running
        }
    }

    /// The leaves that the engine wants pages of: bit `i` is set if leaf `i` has
    /// credits left and has not ended.
    pub fn next_demand(&self) -> u64 {
        let slot = self.endpoint.slot();
        let leaves = slot.leaves.load(Relaxed) as usize;
        slot.leaf.iter().take(leaves).enumerate().fold(0, |demand, (i, leaf)| {
            let wanted = leaf.produced.load(Acquire) < leaf.granted.load(Acquire)
                && leaf.ended.load(Acquire) == 0;
            demand | u64::from(wanted) << i
        })
    }

    /// Takes a credit of `leaf`, which obliges to push one page, or to return
    /// it; `false` if there is none.
    ///
    /// # Panics
    ///
    /// Here and below, if there is no such leaf.
    pub fn try_claim_credit(&self, leaf: usize) -> bool {
        let leaf = self.leaf(leaf);
        let mut produced = leaf.produced.load(Acquire);
        while produced < leaf.granted.load(Acquire) {
            match leaf.produced.compare_exchange_weak(produced, produced + 1, AcqRel, Acquire) {
                Ok(_) => return true,
                Err(seen) => produced = seen,
            }
        }
        false
    }

    /// Gives back a credit that was claimed and not used.
    pub fn return_credit(&self, leaf: usize) {
        self.leaf(leaf).produced.fetch_sub(1, AcqRel);
    }

    /// A page to fill for `leaf`; `None` if none is free, and then the process
    /// is woken when there may be one.
    ///
    /// A leaf of which the worker has nothing queued always gets one, if need be
    /// in a jumbo buffer: else two leaves, or two sessions, could wait for each
    /// other's pages forever.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`]; [`PageError::Jumbo`].
    pub fn begin_page(&self, leaf: usize) -> Result<Option<LeafPageMut>, PageError> {
        self.endpoint.check_open()?;
        let queue = &self.leaf(leaf).ring;
        let (region, key) = (&self.endpoint.region, self.endpoint.key);
        let mut handle = PageHandle::claim(region, key, Side::Client);
        if handle.is_none() {
            // The flag first, then a second look: a page that is released in
            // between is either found here or announced.
            self.endpoint.slot().starved.store(1, SeqCst);
            fence(SeqCst);
            handle = PageHandle::claim(region, key, Side::Client);
        }
        if handle.is_none() && queue.is_empty() {
            handle = Some(PageHandle::jumbo(region, key, Side::Client, region.page_size())?);
            region.control().overflows.fetch_add(1, Relaxed);
        }
        Ok(handle.map(|handle| LeafPageMut { handle, leaf, endpoint: Arc::clone(&self.endpoint) }))
    }

    /// A jumbo buffer of `size` bytes to fill for `leaf`, for a row that is
    /// larger than a page. Its push takes a credit like that of a page.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`]; [`PageError::Jumbo`], for example if the disk is
    /// full.
    pub fn begin_jumbo(&self, leaf: usize, size: usize) -> Result<LeafPageMut, PageError> {
        self.endpoint.check_open()?;
        self.leaf(leaf);
        let handle =
            PageHandle::jumbo(&self.endpoint.region, self.endpoint.key, Side::Client, size)?;
        Ok(LeafPageMut { handle, leaf, endpoint: Arc::clone(&self.endpoint) })
    }

    /// Tells the engine that all pages of `leaf`, from all producers, have been
    /// pushed.
    pub fn end_leaf(&self, leaf: usize) {
        self.leaf(leaf).ended.store(1, SeqCst);
        self.endpoint.ring();
    }

    /// Announces that this process is about to sleep. After this, look once
    /// more for everything that it waits for ([`Feeder::next_demand`],
    /// [`Feeder::begin_page`], [`Feeder::status`], or the client's
    /// [`poll`](crate::ClientSession::poll)); only if there is nothing, sleep.
    pub fn prepare_sleep(&self) {
        self.endpoint.slot().waiting.fetch_or(1 << self.endpoint.participant, SeqCst);
        self.endpoint.region.control().client_sleeps.fetch_add(1, Relaxed);
        fence(SeqCst);
    }

    /// Takes the announcement back, after the sleep or instead of it.
    pub fn cancel_sleep(&self) {
        self.endpoint.slot().waiting.fetch_and(!(1 << self.endpoint.participant), SeqCst);
    }

    /// The filters that the worker has published for `leaf` so far; more may follow.
    /// They stay as they are until this process leaves the session.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`]; or if what the worker published is not to be understood.
    pub fn filters(&self, leaf: usize) -> Result<Vec<KeyFilter<'_>>, PageError> {
        self.endpoint.check_open()?;
        let published = self.leaf(leaf).filters.iter();
        published
            .filter_map(|word| word.load(Acquire).checked_sub(1))
            .map(|page| {
                let words = self.endpoint.region.page_words(page);
                words.ok_or(PageError::Corrupt("no such page")).and_then(KeyFilter::read)
            })
            .collect()
    }

    /// Counts rows of `leaf` that were dropped because of filters.
    pub fn count_filtered(&self, leaf: usize, rows: u64) {
        self.leaf(leaf).filtered.fetch_add(rows, Relaxed);
    }

    /// Rows of `leaf` that all producers have dropped because of filters.
    pub fn filtered(&self, leaf: usize) -> u64 {
        self.leaf(leaf).filtered.load(Relaxed)
    }

    /// Calls `wake` with the latch of every other process of the session that
    /// sleeps: for what the worker does not know of, a credit given back.
    pub fn wake_others(&self, mut wake: impl FnMut(u64)) {
        let slot = self.endpoint.slot();
        fence(SeqCst);
        let waiting = slot.waiting.load(SeqCst) & !(1 << self.endpoint.participant);
        for (index, participant) in slot.participants.iter().enumerate() {
            if waiting >> index & 1 != 0 {
                wake(participant.latch.load(SeqCst));
            }
        }
    }

    /// How often the session's processes and the worker have woken each other so far.
    pub fn wake_ups(&self) -> WakeUps {
        let slot = self.endpoint.slot();
        WakeUps {
            news: slot.news.load(Relaxed),
            worker: slot.worker_woken.load(Relaxed),
            clients: slot.clients_woken.load(Relaxed),
        }
    }

    fn leaf(&self, leaf: usize) -> &Leaf {
        let slot = self.endpoint.slot();
        assert!(leaf < slot.leaves.load(Relaxed) as usize, "leaf {leaf} does not exist");
        &slot.leaf[leaf]
    }
}

/// A page that a producer fills for a leaf. Dropped instead of pushed, it goes
/// back to the pool; its credit remains taken.
#[derive(Debug)]
pub struct LeafPageMut {
    handle: PageHandle,
    leaf: usize,
    endpoint: Arc<Endpoint>,
}

impl LeafPageMut {
    /// Sends the page to the engine.
    ///
    /// # Errors
    ///
    /// [`PageError::Closed`] if the session has been closed;
    /// [`PageError::QueueFull`] if pages were pushed without credits.
    pub fn push(self) -> Result<(), PageError> {
        self.endpoint.check_open()?;
        let leaf = &self.endpoint.slot().leaf[self.leaf];
        self.handle.send(&leaf.ring)?;
        // Pairs with the fence in `WorkerSession::try_pop`: either the worker sees the
        // page, or this sees that it waits for one.
        fence(SeqCst);
        if leaf.wanted.load(SeqCst) != 0 && leaf.wanted.swap(0, SeqCst) != 0 {
            self.endpoint.ring();
        }
        Ok(())
    }
}

// SAFETY: the page or jumbo buffer belongs to `handle`, is aligned to 4096 bytes,
// always initialised, and mapped as long as `handle` lives.
unsafe impl PageMemory for LeafPageMut {
    fn memory(&self) -> NonNull<[u8]> {
        self.handle.memory()
    }
}

// SAFETY: until it is pushed, the pool gives the page to nobody else; pushing
// consumes it.
unsafe impl PageMemoryMut for LeafPageMut {}
