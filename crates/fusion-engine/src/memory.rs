//! One memory limit for the process, one pool per session under it.
//!
//! DataFusion's `FairSpillPool` divides the limit by the number of *registered*
//! spilling consumers, used or not: two idle sessions with a few sorts each
//! would leave a busy one a fraction of the memory. Here memory is given to
//! whoever asks first: to sorts and groups until half of the limit is in use, to
//! the tables of hash joins until five eighths are. The rest is for those that
//! cannot spill, and for the merging that a spilling sort does, which may need as
//! much again as the rows it holds. From there, too, spilling consumers that hold
//! almost nothing get equal shares of an eighth, so that each can always make
//! progress: it holds a batch, spills it, and goes on.

use datafusion_common::Result;
use datafusion_common::resources_datafusion_err;
use datafusion_execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The name under which joins ask for memory.
pub(crate) const JOIN: &str = "HashJoin";

/// The memory that all sessions of the process share.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
    spilling_consumers: AtomicUsize,
    sessions: AtomicUsize,
}

impl Budget {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            spilling_consumers: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
        }
    }

    /// The bytes for all sessions.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// How far use may go for a consumer that holds `held` bytes and asks for
    /// `additional` more.
    fn ceiling(&self, consumer: Consumer, held: usize, additional: usize) -> usize {
        let most = match consumer {
            Consumer::Spills => self.limit / 2,
            Consumer::Joins => self.limit / 8 * 5,
            Consumer::Cannot => return self.limit,
        };
        let consumers = self.spilling_consumers.load(Ordering::Relaxed).max(1);
        let share = self.limit / 8 / consumers;
        if held.saturating_add(additional) <= share { self.limit } else { most }
    }
}

/// What a consumer does when it gets no more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Consumer {
    /// It writes to disk.
    Spills,
    /// The same, but its next attempt needs as much.
    Joins,
    /// It fails.
    Cannot,
}

impl Consumer {
    fn of(consumer: &MemoryConsumer) -> Self {
        match (consumer.can_spill(), consumer.name()) {
            (true, JOIN) => Self::Joins,
            (true, _) => Self::Spills,
            (false, _) => Self::Cannot,
        }
    }
}

/// One session's view of the [`Budget`]: the same limit, its own account.
#[derive(Debug)]
pub(crate) struct SessionPool {
    budget: Arc<Budget>,
    used: AtomicUsize,
    peak: AtomicUsize,
}

impl SessionPool {
    /// A pool under `budget`.
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        budget.sessions.fetch_add(1, Ordering::Relaxed);
        Self { budget, used: AtomicUsize::new(0), peak: AtomicUsize::new(0) }
    }

    /// The most bytes the session ever held.
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn record(&self, additional: usize) {
        let used = self.used.fetch_add(additional, Ordering::Relaxed) + additional;
        self.peak.fetch_max(used, Ordering::Relaxed);
    }
}

impl Drop for SessionPool {
    fn drop(&mut self) {
        self.budget.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}

impl MemoryPool for SessionPool {
    fn name(&self) -> &str {
        "session"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.budget.spilling_consumers.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.budget.spilling_consumers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        self.budget.used.fetch_add(additional, Ordering::Relaxed);
        self.record(additional);
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        self.budget.used.fetch_sub(shrink, Ordering::Relaxed);
        self.used.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = Consumer::of(reservation.consumer());
        let ceiling = self.budget.ceiling(consumer, reservation.size(), additional);
        self.budget
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(additional).filter(|used| *used <= ceiling)
            })
            .map_err(|used| {
                resources_datafusion_err!(
                    "{} asked for {additional} bytes when {used} of {} were in use.",
                    reservation.consumer().name(),
                    self.budget.limit
                )
            })?;
        self.record(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.budget.limit)
    }
}

impl fmt::Display for SessionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session(used: {}, limit: {})", self.reserved(), self.budget.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools(limit: usize) -> (Arc<SessionPool>, Arc<dyn MemoryPool>, Arc<dyn MemoryPool>) {
        let budget = Arc::new(Budget::new(limit));
        let first = Arc::new(SessionPool::new(Arc::clone(&budget)));
        let second = Arc::new(SessionPool::new(budget));
        (Arc::clone(&first), first, second)
    }

    #[test]
    fn sessions_share_the_limit_and_keep_their_own_account() {
        let (account, first, second) = pools(800);
        let one = MemoryConsumer::new("one").register(&first);
        let two = MemoryConsumer::new("two").register(&second);
        one.try_grow(500).unwrap();
        assert!(two.try_grow(301).is_err());
        two.try_grow(300).unwrap();
        one.shrink(400);
        assert_eq!((first.reserved(), second.reserved(), account.peak()), (100, 300, 500));
    }

    #[test]
    fn half_is_for_those_that_cannot_spill() {
        let (_, first, second) = pools(800);
        let hog = MemoryConsumer::new("hog").with_can_spill(true).register(&first);
        hog.try_grow(400).unwrap();
        assert!(hog.try_grow(1).is_err());
        let small = MemoryConsumer::new("small").with_can_spill(true).register(&second);
        assert!(small.try_grow(51).is_err());
        small.try_grow(50).unwrap();
        let join = MemoryConsumer::new("join").register(&second);
        join.try_grow(350).unwrap();
        assert!(join.try_grow(1).is_err());
    }

    #[test]
    fn joins_leave_room_for_merging() {
        let (_, first, second) = pools(800);
        let table = MemoryConsumer::new(JOIN).with_can_spill(true).register(&first);
        table.try_grow(500).unwrap();
        assert!(table.try_grow(1).is_err());
        let small = MemoryConsumer::new("small").with_can_spill(true).register(&second);
        small.try_grow(50).unwrap();
        assert!(small.try_grow(1).is_err());
        let merge = MemoryConsumer::new("merge").register(&second);
        merge.try_grow(250).unwrap();
    }
}
