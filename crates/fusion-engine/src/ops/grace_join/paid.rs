//! Memory that is reserved before the operator that uses it begins.

use crate::memory::with_pool;
use datafusion_common::Result;
use datafusion_execution::TaskContext;
use datafusion_execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Grants what a reservation holds, and grows that only for what goes beyond. Between
/// giving memory back and asking for it again somebody else could take it.
#[derive(Debug)]
pub(super) struct PaidPool {
    paid: Arc<MemoryReservation>,
    limit: Option<usize>,
    used: Mutex<usize>,
}

impl PaidPool {
    /// `context` with a pool that grants `paid`.
    pub(super) fn context(context: &TaskContext, paid: Arc<MemoryReservation>) -> Arc<TaskContext> {
        let limit = limit_of(context.memory_pool());
        with_pool(context, Arc::new(Self { paid, limit, used: Mutex::new(0) }))
    }

    /// How much of `additional` bytes goes beyond what is paid, when `used` are in use.
    fn beyond(&self, used: usize, additional: usize) -> usize {
        used.saturating_add(additional).saturating_sub(self.paid.size())
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a pool, if they are limited.
pub(super) fn limit_of(pool: &Arc<dyn MemoryPool>) -> Option<usize> {
    match pool.memory_limit() {
        MemoryLimit::Finite(limit) => Some(limit),
        MemoryLimit::Infinite | MemoryLimit::Unknown => None,
    }
}

impl MemoryPool for PaidPool {
    fn name(&self) -> &str {
        "paid"
    }

    fn register(&self, _consumer: &MemoryConsumer) {}

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        let mut used = self.used();
        self.paid.grow(self.beyond(*used, additional));
        *used += additional;
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        let mut used = self.used();
        *used -= shrink;
        // The operator has ended. Nobody else will need what is paid, unless he shares it.
        if *used == 0 && Arc::strong_count(&self.paid) == 1 {
            self.paid.free();
        }
    }

    fn try_grow(&self, _reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut used = self.used();
        self.paid.try_grow(self.beyond(*used, additional))?;
        *used += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.paid.size()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.limit.map_or(MemoryLimit::Unknown, MemoryLimit::Finite)
    }
}

impl fmt::Display for PaidPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paid({})", self.paid.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_execution::memory_pool::GreedyMemoryPool;
    use datafusion_execution::runtime_env::RuntimeEnv;

    fn paid(limit: usize, bytes: usize) -> (Arc<dyn MemoryPool>, Arc<MemoryReservation>) {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(limit));
        let paid = MemoryConsumer::new("paid").register(&pool);
        paid.try_grow(bytes).unwrap();
        (pool, Arc::new(paid))
    }

    fn context(pool: &Arc<dyn MemoryPool>, paid: Arc<MemoryReservation>) -> Arc<TaskContext> {
        let runtime = RuntimeEnv { memory_pool: Arc::clone(pool), ..RuntimeEnv::default() };
        PaidPool::context(&TaskContext::default().with_runtime(Arc::new(runtime)), paid)
    }

    #[test]
    fn what_is_paid_is_granted_and_only_the_rest_asked_for() {
        let (pool, paid) = paid(100, 60);
        let context = context(&pool, paid);
        let join = MemoryConsumer::new("join").register(context.memory_pool());
        join.try_grow(50).unwrap();
        assert_eq!(pool.reserved(), 60);
        join.try_grow(30).unwrap();
        assert_eq!(pool.reserved(), 80);
        assert!(join.try_grow(21).is_err());
        join.grow(21);
        assert_eq!(pool.reserved(), 101);
        drop(join);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn what_is_shared_stays_paid() {
        let (pool, paid) = paid(100, 60);
        let context = context(&pool, Arc::clone(&paid));
        let join = MemoryConsumer::new("join").register(context.memory_pool());
        join.try_grow(50).unwrap();
        drop(join);
        assert_eq!(pool.reserved(), 60);
        drop(paid);
        drop(context);
        assert_eq!(pool.reserved(), 0);
    }
}
