//! What the sessions share, and the queue in front of it.

use datafusion_common::{Result, resources_datafusion_err};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A session that has neither taken nor given memory nor written rows for this long
/// stands still.
const IDLE: Duration = Duration::from_secs(1);
/// How often those who wait look for such sessions.
const LOOK: Duration = Duration::from_millis(100);

/// Who asks for shared memory: what he does when he gets none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// He writes to disk.
    Spills,
    /// The same, but his next attempt needs as much.
    Joins,
    /// He holds next to nothing, and can give it away.
    Small,
    /// He fails.
    Cannot,
}

/// The memory that all sessions of the process share.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    state: Mutex<State>,
    /// Consumers that have small shares.
    pub(super) small: AtomicUsize,
    pub(super) sessions: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// In use beyond guarantees.
    shared: usize,
    /// The guarantees of sessions that run.
    guaranteed: usize,
    running: Vec<Arc<Running>>,
    waiting: VecDeque<Waiting>,
    next: u64,
}

/// A session that was admitted.
#[derive(Debug)]
struct Running {
    bytes: usize,
    /// Counts what it does.
    steps: Arc<AtomicUsize>,
    seen: Mutex<Seen>,
}

/// What was last seen of a session.
#[derive(Debug)]
struct Seen {
    steps: usize,
    since: Instant,
    /// It stood still, so its guarantee does not count.
    idle: bool,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    bytes: usize,
    steps: Arc<AtomicUsize>,
    admitted: oneshot::Sender<Admission>,
}

/// The right to run; dropping it gives the guarantee back.
#[derive(Debug)]
pub(crate) struct Admission {
    budget: Arc<Budget>,
    running: Arc<Running>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.budget.state();
            state.running.retain(|running| !Arc::ptr_eq(running, &self.running));
            if !self.running.seen().idle {
                state.guaranteed -= self.running.bytes;
            }
            state.serve(&self.budget)
        };
        notify(granted);
    }
}

impl Running {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Places in the queue whose turn it is. They are told without the lock: a wait that was
/// given up gives its admission back at once.
type Granted = Vec<(oneshot::Sender<Admission>, Admission)>;

fn notify(granted: Granted) {
    for (place, admission) in granted {
        let _ = place.send(admission);
    }
}

impl Budget {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let (small, sessions) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { limit, state: Mutex::default(), small, sessions }
    }

    /// The bytes for all sessions.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets `bytes` aside for a session, which counts its steps in `steps`; waits until
    /// that is possible and those that came earlier have been served.
    pub(super) async fn admit(
        self: &Arc<Self>,
        bytes: usize,
        steps: &Arc<AtomicUsize>,
    ) -> Admission {
        let (admitted, mut answer) = oneshot::channel();
        let number = {
            let mut state = self.state();
            state.next += 1;
            let (number, steps) = (state.next, Arc::clone(steps));
            state.waiting.push_back(Waiting { number, bytes, steps, admitted });
            number
        };
        let place = Place { budget: self, number };
        loop {
            self.look_for_idle_sessions();
            // Told already, in most cases.
            // The sender lives in the queue, which this place does not leave.
            if let Ok(Ok(admission)) = tokio::time::timeout(LOOK, &mut answer).await {
                drop(place);
                return admission;
            }
        }
    }

    /// Leaves out of account the guarantees of sessions that stand still, and takes those
    /// that go on into account again. Then it may be somebody's turn.
    fn look_for_idle_sessions(self: &Arc<Self>) {
        let granted = {
            let mut state = self.state();
            let State { running, guaranteed, .. } = &mut *state;
            for running in running {
                let steps = running.steps.load(Ordering::Relaxed);
                let mut seen = running.seen();
                if seen.steps != steps {
                    *guaranteed += if seen.idle { running.bytes } else { 0 };
                    *seen = Seen { steps, since: Instant::now(), idle: false };
                } else if !seen.idle && seen.since.elapsed() >= IDLE {
                    *guaranteed -= running.bytes;
                    seen.idle = true;
                }
            }
            state.serve(self)
        };
        notify(granted);
    }

    /// Takes `bytes` of what is shared.
    pub(super) fn try_share(
        &self,
        asker: Asker,
        bytes: usize,
        name: impl FnOnce() -> String,
    ) -> Result<()> {
        let mut state = self.state();
        let kept = state.guaranteed.max(self.limit / 8);
        let common = self.limit.saturating_sub(kept);
        let most = common.saturating_sub(self.limit / 16);
        let ceiling = match asker {
            Asker::Spills => most.min(self.limit / 2),
            Asker::Joins => most.min(self.limit / 8 * 5),
            Asker::Cannot => most,
            Asker::Small => common,
        };
        let refused = matches!(asker, Asker::Spills | Asker::Joins) && !state.waiting.is_empty();
        match state.shared.checked_add(bytes).filter(|shared| *shared <= ceiling && !refused) {
            Some(shared) => {
                state.shared = shared;
                Ok(())
            }
            None => Err(resources_datafusion_err!(
                "{} asked for {bytes} bytes when {} were in use and {kept} set aside of {}.",
                name(),
                state.shared,
                self.limit
            )),
        }
    }

    /// Takes `bytes` of what is shared, which are in use already.
    pub(super) fn share(&self, bytes: usize) {
        self.state().shared += bytes;
    }

    /// Gives `bytes` back.
    pub(super) fn give_back(self: &Arc<Self>, bytes: usize) {
        let granted = {
            let mut state = self.state();
            state.shared = state.shared.saturating_sub(bytes);
            state.serve(self)
        };
        notify(granted);
    }

    /// The most that a consumer with a small share may hold.
    pub(super) fn small_share(&self) -> usize {
        self.limit / 16 / self.small.load(Ordering::Relaxed).max(1)
    }
}

impl State {
    /// Admits those in front of the queue for whom there is enough.
    #[must_use]
    fn serve(&mut self, budget: &Arc<Budget>) -> Granted {
        let mut granted = Vec::new();
        while let Some(first) = self.waiting.front() {
            let sum = self.shared.saturating_add(self.guaranteed).saturating_add(first.bytes);
            let free = first.bytes == 0 || self.guaranteed == 0 || sum <= budget.limit;
            if !free {
                break;
            }
            let Some(first) = self.waiting.pop_front() else { break };
            self.guaranteed += first.bytes;
            let steps = first.steps.load(Ordering::Relaxed);
            let seen = Mutex::new(Seen { steps, since: Instant::now(), idle: false });
            let running = Arc::new(Running { bytes: first.bytes, steps: first.steps, seen });
            self.running.push(Arc::clone(&running));
            granted.push((first.admitted, Admission { budget: Arc::clone(budget), running }));
        }
        granted
    }
}

/// A place in the queue, which it leaves when dropped.
struct Place<'a> {
    budget: &'a Arc<Budget>,
    number: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.budget.state();
            state.waiting.retain(|waiting| waiting.number != self.number);
            state.serve(self.budget)
        };
        notify(granted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::future::Future;
    use std::pin::pin;

    fn steps() -> Arc<AtomicUsize> {
        Arc::default()
    }

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { future.now_or_never() })
    }

    fn share(budget: &Budget, asker: Asker, bytes: usize) -> bool {
        budget.try_share(asker, bytes, String::new).is_ok()
    }

    #[test]
    fn what_is_shared_leaves_the_rest_alone() {
        let budget = Arc::new(Budget::new(1600));
        assert!(!share(&budget, Asker::Spills, 801) && share(&budget, Asker::Spills, 800));
        assert!(!share(&budget, Asker::Joins, 201) && share(&budget, Asker::Joins, 200));
        assert!(!share(&budget, Asker::Cannot, 301) && share(&budget, Asker::Cannot, 300));
        assert!(!share(&budget, Asker::Small, 101) && share(&budget, Asker::Small, 100));
        // The last eighth is for guarantees; beyond that they take from what is shared.
        let first = now(budget.admit(200, &steps())).expect("an eighth is kept");
        assert!(now(budget.admit(1, &steps())).is_none());
        budget.give_back(100);
        let second = now(budget.admit(100, &steps())).unwrap();
        assert!(!share(&budget, Asker::Small, 1));
        drop((first, second));
        assert!(share(&budget, Asker::Small, 100));
    }

    #[test]
    fn first_come_first_served() {
        let budget = Arc::new(Budget::new(1000));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let first = budget.admit(900, &steps()).await;
            let (steps, others) = (steps(), self::steps());
            let mut large = pin!(budget.admit(600, &steps));
            let mut small = pin!(budget.admit(100, &others));
            assert!(large.as_mut().now_or_never().is_none());
            assert!(small.as_mut().now_or_never().is_none(), "it would overtake");
            assert!(!share(&budget, Asker::Spills, 1) && !share(&budget, Asker::Joins, 1));
            drop(first);
            let (_large, _small) = (large.await, small.await);
            assert!(share(&budget, Asker::Spills, 1));
        });
    }

    #[test]
    fn a_wait_that_is_given_up_leaves_nothing_behind() {
        let budget = Arc::new(Budget::new(1000));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let first = budget.admit(900, &steps()).await;
            let steps = steps();
            let mut behind = {
                let mut given_up = pin!(budget.admit(600, &steps));
                assert!(given_up.as_mut().now_or_never().is_none());
                let mut behind = Box::pin(budget.admit(50, &steps));
                assert!(behind.as_mut().now_or_never().is_none());
                behind
            };
            // It is its turn now.
            drop(behind.as_mut().now_or_never().unwrap());
            {
                let mut admitted = pin!(budget.admit(600, &steps));
                assert!(admitted.as_mut().now_or_never().is_none());
                drop(first);
                // Admitted, and nobody looks.
            }
            assert_eq!(budget.state().guaranteed, 0);
            assert!(budget.state().running.is_empty() && budget.state().waiting.is_empty());
        });
    }

    #[test]
    fn who_stands_still_is_not_waited_for() {
        let budget = Arc::new(Budget::new(1000));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (idle_steps, busy_steps) = (steps(), steps());
            let idle = budget.admit(500, &idle_steps).await;
            let busy = budget.admit(400, &busy_steps).await;
            let moving = async {
                loop {
                    busy_steps.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LOOK / 2).await;
                }
            };
            let others = steps();
            let waited = Instant::now();
            let (third, fourth) = tokio::select! {
                admissions = async {
                    (budget.admit(500, &others).await, budget.admit(50, &others).await)
                } => admissions,
                () = moving => unreachable!(),
            };
            assert!((IDLE..IDLE * 2).contains(&waited.elapsed()));
            assert_eq!(budget.state().guaranteed, 950);
            // It goes on, and counts again.
            idle_steps.fetch_add(1, Ordering::Relaxed);
            budget.look_for_idle_sessions();
            assert_eq!(budget.state().guaranteed, 1450);
            drop((idle, busy, third, fourth));
            assert_eq!(budget.state().guaranteed, 0);
        });
    }
}
