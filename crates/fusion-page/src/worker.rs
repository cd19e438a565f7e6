//! The worker's end: one per process that runs the engine.
//!
//! One thread listens to the doorbell: for each slot that
//! [`WorkerSide::wait_doorbell`] returns, it notifies the session that it knows
//! there, or [accepts](WorkerSide::accept) a new one. The main thread now and
//! then calls [`WorkerSide::reap_dead_clients`].

use crate::control::WorkerId;
use crate::doorbell::News;
use crate::error::PageError;
use crate::region::Region;
use crate::slot::{SessionKey, State};
use crate::sync::{fence, process_id};
use crate::worker_session::WorkerSession;
use fusion_plan::PgError;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::time::Duration;

/// How the host wakes a client: in PostgreSQL, by setting its latch.
pub trait WakeClient: Send + Sync {
    /// Wakes whoever opened a session, or waits for one, with this `latch`
    /// word. Must not block, and may be called for a client that is awake, or
    /// gone.
    fn wake(&self, latch: u64);
}

/// All participants of a session.
pub(crate) const EVERYBODY: u64 = u64::MAX;
/// The client itself, without its parallel workers.
pub(crate) const CLIENT_ONLY: u64 = 1;

/// The worker attached to a region. Its sessions keep it; when it goes, its
/// clients are told.
pub struct WorkerSide {
    region: Region,
    id: WorkerId,
    waker: Box<dyn WakeClient>,
}

impl fmt::Debug for WorkerSide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerSide").field("id", &self.id).finish_non_exhaustive()
    }
}

impl WorkerSide {
    /// Attaches this process as the region's worker. Sessions of an earlier
    /// worker are closed on the worker's side, and their clients see
    /// [`Event::WorkerGone`](crate::Event::WorkerGone).
    ///
    /// # Safety
    ///
    /// The earlier worker must be gone: no thread of it may use the region,
    /// because the pages that it held are given to others.
    pub unsafe fn attach(region: &Region, waker: impl WakeClient + 'static) -> Arc<Self> {
        let generation = ((region.worker_word() >> 32) as u32).wrapping_add(1);
        let id = WorkerId { generation, pid: process_id() };
        let side = Arc::new(Self { region: region.clone(), id, waker: Box::new(waker) });
        region.control().worker.store(id.word(), SeqCst);
        for slot in 0..region.slot_count() as u32 {
            let state = region.state(slot);
            if state.has(State::WORKER) {
                side.close(SessionKey { slot, generation: state.generation });
            } else {
                side.wake(slot, EVERYBODY);
            }
        }
        side.wake_waiters(usize::MAX);
        side
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Which worker this is.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Waits until clients have news, at most for `timeout`; may return early.
    /// One thread at a time should wait: a ring may wake only one of several.
    pub fn wait_doorbell(&self, timeout: Duration) -> News {
        let news = self.region.control().doorbell.wait(timeout);
        if news.slot_freed {
            self.serve_waiters();
        }
        news
    }

    /// Ends a [`WorkerSide::wait_doorbell`] of another thread early.
    pub fn nudge_doorbell(&self) {
        self.region.control().doorbell.nudge();
    }

    /// Opens the worker's side of the session that a client has submitted in
    /// `slot`; `None` if there is none, or it has been accepted.
    ///
    /// # Errors
    ///
    /// If the opening cannot be read; the client has then been told.
    pub fn accept(self: &Arc<Self>, slot: u32) -> Result<Option<Arc<WorkerSession>>, PageError> {
        if slot as usize >= self.region.slot_count() {
            return Ok(None);
        }
        let state = self.region.state(slot);
        let submitted = State::BUSY | State::CLIENT | State::SUBMITTED;
        if state.flags != submitted || self.region.slot(slot).worker.load(Acquire) != self.id.word()
        {
            return Ok(None);
        }
        let accepted = State { flags: submitted | State::WORKER, ..state };
        let word = &self.region.states()[slot as usize];
        if word.compare_exchange(state.pack(), accepted.pack(), SeqCst, Relaxed).is_err() {
            return Ok(None);
        }
        let key = SessionKey { slot, generation: state.generation };
        let session = WorkerSession::new(Arc::clone(self), key);
        match session.read_opening() {
            Ok(session) => Ok(Some(Arc::new(session))),
            Err((session, error)) => {
                session.fail(&PgError::internal(format!("could not open session: {error}")));
                Err(error)
            }
        }
    }

    /// Closes the client's side of sessions whose process is not `alive`, frees
    /// the slots that everybody has left, and wakes those whose turn it is.
    pub fn reap_dead_clients(&self, alive: impl Fn(u32) -> bool) {
        let mut freed = self.region.control().waiters.reap(&alive);
        for slot in 0..self.region.slot_count() as u32 {
            let state = self.region.state(slot);
            let key = SessionKey { slot, generation: state.generation };
            if state.has(State::BUSY | State::CLIENT)
                && !alive(state.pid)
                && self.region.change_state(key, State::CLIENT, 0, State::CLIENT)
            {
                self.region.control().doorbell.ring(slot);
            }
            let shared = self.region.slot(slot);
            // Also of a free slot: one that came too late to join its session may have died
            // before it could say so, and would keep the next one from being settled.
            for (i, participant) in shared.participants.iter().enumerate().skip(1) {
                let pid = participant.pid.load(SeqCst);
                if pid != 0 && !alive(pid) {
                    shared.waiting.fetch_and(!(1 << i), SeqCst);
                    let _ = participant.pid.compare_exchange(pid, 0, SeqCst, Relaxed);
                    // It may have died between pushing a page and saying so.
                    self.region.control().doorbell.ring(slot);
                }
            }
            freed |= self.region.settle(slot);
        }
        self.region.recount_surplus();
        if freed {
            self.serve_waiters();
        }
    }

    /// Tells all clients that the worker goes. Dropping does it, too.
    pub fn detach(&self) {
        let gone = u64::from(self.id.generation) << 32;
        let worker = &self.region.control().worker;
        if worker.compare_exchange(self.id.word(), gone, SeqCst, Relaxed).is_ok() {
            for slot in 0..self.region.slot_count() as u32 {
                self.wake(slot, EVERYBODY);
            }
            self.wake_waiters(usize::MAX);
        }
    }

    /// Closes the worker's side of a session.
    pub(crate) fn close(&self, key: SessionKey) {
        self.region.reclaim_pages(key, Some(crate::pool::Side::Worker));
        // Nor is it there to be accepted any more, though the client may still be.
        let over = State::WORKER | State::SUBMITTED;
        self.region.change_state(key, State::WORKER, 0, over);
        self.wake(key.slot, EVERYBODY);
        if self.region.settle(key.slot) {
            self.serve_waiters();
        }
    }

    /// Wakes those of the `wanted` participants that sleep, after something was
    /// published for them.
    pub(crate) fn wake(&self, slot: u32, wanted: u64) {
        // Pairs with the fence in `Feeder::prepare_sleep`: either the client
        // sees what was published, or this sees that it waits.
        fence(SeqCst);
        let slot = self.region.slot(slot);
        if slot.waiting.load(SeqCst) & wanted == 0 {
            return;
        }
        let mut woken = slot.waiting.fetch_and(!wanted, SeqCst) & wanted;
        let count = u64::from(woken.count_ones());
        self.region.control().client_wakes.fetch_add(count, Relaxed);
        slot.clients_woken.fetch_add(count, Relaxed);
        while woken != 0 {
            let participant = woken.trailing_zeros() as usize;
            self.waker.wake(slot.participants[participant].latch.load(Acquire));
            woken &= woken - 1;
        }
    }

    /// Wakes producers of a session that had found no free page.
    pub(crate) fn wake_starved(&self, slot: u32) {
        fence(SeqCst);
        let starved = &self.region.slot(slot).starved;
        if starved.load(SeqCst) != 0 && starved.swap(0, SeqCst) != 0 {
            self.wake(slot, EVERYBODY);
        }
    }

    /// Wakes as many waiters as there are free slots.
    fn serve_waiters(&self) {
        self.wake_waiters(self.region.free_slots());
    }

    fn wake_waiters(&self, count: usize) {
        let latches: SmallVec<[u64; 8]> = self.region.control().waiters.first(count);
        for latch in latches {
            self.waker.wake(latch);
        }
    }
}

impl Drop for WorkerSide {
    fn drop(&mut self) {
        self.detach();
    }
}
