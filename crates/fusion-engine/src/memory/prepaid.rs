//! Prepaid reservations: memory that is reserved before the operator that uses it begins.

use super::context::with_pool;
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
pub(crate) struct PrepaidPool {
    prepaid: Arc<MemoryReservation>,
    limit: Option<usize>,
    used: Mutex<usize>,
}

impl PrepaidPool {
    /// `context` with a pool that grants `prepaid`.
    pub(crate) fn context(
        context: &TaskContext,
        prepaid: Arc<MemoryReservation>,
    ) -> Arc<TaskContext> {
        let limit = limit_of(context.memory_pool());
        with_pool(context, Arc::new(Self { prepaid, limit, used: Mutex::new(0) }))
    }

    /// How much of `additional` bytes goes beyond what is prepaid, when `used` are in use.
    fn beyond(&self, used: usize, additional: usize) -> usize {
        used.saturating_add(additional).saturating_sub(self.prepaid.size())
    }

    fn used(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of a pool, if they are limited.
pub(crate) fn limit_of(pool: &Arc<dyn MemoryPool>) -> Option<usize> {
    match pool.memory_limit() {
        MemoryLimit::Finite(limit) => Some(limit),
        MemoryLimit::Infinite | MemoryLimit::Unknown => None,
    }
}

impl MemoryPool for PrepaidPool {
    fn name(&self) -> &str {
        "prepaid"
    }

    fn register(&self, _consumer: &MemoryConsumer) {}

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        let mut used = self.used();
        self.prepaid.grow(self.beyond(*used, additional));
        *used += additional;
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        let mut used = self.used();
        *used -= shrink;
        // The operator has ended. Nobody else will need what is prepaid, unless he shares it.
        if *used == 0 && Arc::strong_count(&self.prepaid) == 1 {
            self.prepaid.free();
        }
    }

    fn try_grow(&self, _reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let mut used = self.used();
        self.prepaid.try_grow(self.beyond(*used, additional))?;
        *used += additional;
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.prepaid.size()
    }

    fn memory_limit(&self) -> MemoryLimit {
        self.limit.map_or(MemoryLimit::Unknown, MemoryLimit::Finite)
    }
}

impl fmt::Display for PrepaidPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prepaid({})", self.prepaid.size())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_execution::memory_pool::GreedyMemoryPool;
    use datafusion_execution::runtime_env::RuntimeEnv;

    fn prepaid(limit: usize, bytes: usize) -> (Arc<dyn MemoryPool>, Arc<MemoryReservation>) {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(limit));
        let prepaid = MemoryConsumer::new("prepaid").register(&pool);
        prepaid.try_grow(bytes).unwrap();
        (pool, Arc::new(prepaid))
    }

    fn context(pool: &Arc<dyn MemoryPool>, prepaid: Arc<MemoryReservation>) -> Arc<TaskContext> {
        let runtime = RuntimeEnv { memory_pool: Arc::clone(pool), ..RuntimeEnv::default() };
        PrepaidPool::context(&TaskContext::default().with_runtime(Arc::new(runtime)), prepaid)
    }

    #[test]
    fn what_is_prepaid_is_granted_and_only_the_rest_asked_for() {
        let (pool, prepaid) = prepaid(100, 60);
        let context = context(&pool, prepaid);
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
    fn what_is_shared_stays_reserved() {
        let (pool, prepaid) = prepaid(100, 60);
        let context = context(&pool, Arc::clone(&prepaid));
        let join = MemoryConsumer::new("join").register(context.memory_pool());
        join.try_grow(50).unwrap();
        drop(join);
        assert_eq!(pool.reserved(), 60);
        drop(prepaid);
        drop(context);
        assert_eq!(pool.reserved(), 0);
    }
}
