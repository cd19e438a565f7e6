//! The worker's end: one per process that runs the engine.
//!
//! One thread listens to the doorbell: for each slot that
//! [`WorkerSide::wait_doorbell`] returns, it notifies the session that it knows
//! there, or [accepts](WorkerSide::accept) a new one. The main thread now and
//! then calls [`WorkerSide::reap_dead_clients`].

use crate::session::wake::{EVERYBODY, WakeClient, Waker};
use crate::shared::doorbell::News;
use crate::shared::identity::{SessionKey, WorkerId};
use crate::shared::owner::Side;
use crate::shared::region::Region;
use crate::shared::state::State;
use crate::sync::process_id;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// The worker attached to a region. Its sessions keep it; when it goes, its
/// clients are told.
pub struct WorkerSide {
    region: Region,
    id: WorkerId,
    waker: Waker,
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
    /// because the pages that it had are given to others.
    pub unsafe fn attach(region: &Region, waker: impl WakeClient + 'static) -> Arc<Self> {
        let generation = ((region.worker_word() >> 32) as u32).wrapping_add(1);
        let id = WorkerId { generation, pid: process_id() };
        let waker = Waker::new(region, Box::new(waker));
        let side = Arc::new(Self { region: region.clone(), id, waker });
        region.control().worker.store(id.word(), SeqCst);
        for slot in 0..region.slot_count() as u32 {
            let state = region.state(slot);
            if state.has(State::WORKER) {
                side.close(SessionKey { slot, generation: state.generation });
            } else {
                side.waker.wake(slot, EVERYBODY);
            }
        }
        side.waker.wake_waiters(usize::MAX);
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

    /// What wakes its clients.
    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Waits until clients have news, at most for `timeout`; may return early.
    /// One thread at a time should wait: a ring may wake only one of several.
    pub fn wait_doorbell(&self, timeout: Duration) -> News {
        let news = self.region.control().doorbell.wait(timeout);
        if news.slot_freed {
            self.waker.serve_waiters();
        }
        news
    }

    /// Ends a [`WorkerSide::wait_doorbell`] of another thread early.
    pub fn nudge_doorbell(&self) {
        self.region.control().doorbell.nudge();
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
            self.waker.serve_waiters();
        }
    }

    /// Tells all clients that the worker goes. Dropping does it, too.
    pub fn detach(&self) {
        let gone = u64::from(self.id.generation) << 32;
        let worker = &self.region.control().worker;
        if worker.compare_exchange(self.id.word(), gone, SeqCst, Relaxed).is_ok() {
            for slot in 0..self.region.slot_count() as u32 {
                self.waker.wake(slot, EVERYBODY);
            }
            self.waker.wake_waiters(usize::MAX);
        }
    }

    /// Closes the worker's side of a session.
    pub(crate) fn close(&self, key: SessionKey) {
        self.region.reclaim_pages(key, Some(Side::Worker));
        // Nor is it there to be accepted any more, though the client may still be.
        let over = State::WORKER | State::SUBMITTED;
        self.region.change_state(key, State::WORKER, 0, over);
        self.waker.wake(key.slot, EVERYBODY);
        if self.region.settle(key.slot) {
            self.waker.serve_waiters();
        }
    }
}

impl Drop for WorkerSide {
    fn drop(&mut self) {
        self.detach();
    }
}
