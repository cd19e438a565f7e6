//! One session's pool: the limit that all share, an account of its own.

use super::budget::{Asker, Budget};
use super::context::with_pool;
use super::operator::{Account, OperatorPool, Use};
use super::session::{Admitted, Session};
use datafusion_common::Result;
use datafusion_execution::TaskContext;
use datafusion_execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A session's memory.
#[derive(Clone, Debug)]
pub(crate) struct SessionPool(Arc<Session>);

impl SessionPool {
    /// A pool under `budget`.
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self(Arc::new(Session::new(budget)))
    }

    /// The session's pool, if `context` is one's.
    pub(crate) fn of(context: &TaskContext) -> Option<Self> {
        let pool = context.memory_pool();
        pool.downcast_ref::<Self>().cloned().or_else(|| {
            let operator = pool.downcast_ref::<OperatorPool>()?;
            Some(Self(Arc::clone(operator.session())))
        })
    }

    /// Waits until as many guarantees are set aside. To be called once, before anything of
    /// the session runs.
    pub(crate) async fn admit(&self, guarantee: usize, guarantees: usize) {
        let Session { budget, steps, admitted, .. } = &*self.0;
        let admission = budget.admit(guarantee.saturating_mul(guarantees), steps).await;
        let _ = admitted.set(Admitted { guarantee, _admission: admission });
    }

    /// `context` for an operator that has as many guarantees.
    pub(crate) fn operator_context(
        &self,
        context: &TaskContext,
        purpose: Use,
        guarantees: usize,
    ) -> Arc<TaskContext> {
        let guarantee = self.0.admitted.get().map_or(0, |admitted| admitted.guarantee);
        let account = Account::new(&self.0, purpose, guarantee.saturating_mul(guarantees));
        with_pool(context, Arc::new(OperatorPool::new(account)))
    }

    /// The session does something, so it does not stand still.
    pub(crate) fn step(&self) {
        self.0.step();
    }

    /// The most bytes the session ever held.
    pub(crate) fn peak(&self) -> usize {
        self.0.peak()
    }
}

impl MemoryPool for SessionPool {
    fn name(&self) -> &str {
        "session"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.0.budget.small.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        if consumer.can_spill() {
            self.0.budget.small.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        self.0.budget.share(additional);
        self.0.record(additional);
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        self.0.budget.give_back(shrink);
        self.0.unrecord(shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let budget = &self.0.budget;
        let small = reservation.size().saturating_add(additional) <= budget.small_share();
        let asker = match reservation.consumer().can_spill() {
            false => Asker::Cannot,
            true if small => Asker::Small,
            true => Asker::Spills,
        };
        budget.try_share(asker, additional, || reservation.consumer().name().to_owned())?;
        self.0.record(additional);
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.0.used()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.0.budget.limit())
    }
}

impl fmt::Display for SessionPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session(used: {}, limit: {})", self.reserved(), self.0.budget.limit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_the_limit_and_keep_their_own_account() {
        let budget = Arc::new(Budget::new(1600));
        let first = SessionPool::new(Arc::clone(&budget));
        let second = SessionPool::new(Arc::clone(&budget));
        let pool = |session: &SessionPool| Arc::new(session.clone()) as Arc<dyn MemoryPool>;
        let one = MemoryConsumer::new("one").register(&pool(&first));
        let two = MemoryConsumer::new("two").register(&pool(&second));
        one.try_grow(1000).unwrap();
        assert!(two.try_grow(301).is_err());
        two.try_grow(300).unwrap();
        one.shrink(800);
        assert_eq!((first.reserved(), second.reserved(), first.peak()), (200, 300, 1000));
        // Who can give away what he holds has a small share of his own.
        one.try_grow(800).unwrap();
        let table = MemoryConsumer::new("table").with_can_spill(true).register(&pool(&second));
        assert!(table.try_grow(101).is_err());
        table.try_grow(100).unwrap();
        assert_eq!(budget.sessions(), 2);
        drop((one, two, table, first));
        assert_eq!((second.reserved(), budget.sessions()), (0, 1));
    }
}
