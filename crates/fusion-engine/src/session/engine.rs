//! The engine and its sessions.

use super::host::SessionIo;
use super::metrics;
use super::parallelism::Parallelism;
use crate::error::{from_panic, to_pg};
use crate::lower::{Lowered, lower};
use crate::memory::{
    Budget, SessionPool, disk_manager, guarantee, merge_reservation, remove_leftovers,
};
use crate::ops::Demand;
use datafusion_common::config::ConfigNonZeroUsize;
use datafusion_execution::TaskContext;
use datafusion_execution::config::SessionConfig;
use datafusion_execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use fusion_plan::{Literal, PgError, Plan, SessionMetrics, SqlState};
use futures::{FutureExt, StreamExt};
use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

/// At this size a partitioning of rows begins its next spill file: after every
/// batch. It waits for the oldest file that is still being written, while the
/// batch it needs may be in another, and everyone waits for everyone: DataFusion
/// 55 hangs (apache/datafusion#24883). A file that is complete is never waited
/// for.
const REPARTITION_SPILL_BYTES: usize = 1;

/// What the engine may use.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Partitions per session at most; the runtime should have as many threads.
    pub threads: usize,
    /// Bytes for all sessions together.
    pub memory_limit: usize,
    /// Where operators write what does not fit in memory, if the session's host names
    /// no other place. What a crashed predecessor left there is removed.
    pub spill_directory: PathBuf,
    /// Rows per batch inside the engine at most.
    pub batch_size: usize,
}

/// Runs fusion plans. One per process; sessions share its memory limit.
#[derive(Debug)]
pub struct Engine {
    parallelism: Parallelism,
    session_config: SessionConfig,
    runtime: RuntimeEnv,
    spill_directory: PathBuf,
    budget: Arc<Budget>,
}

impl Engine {
    /// Sets up the engine; starts no thread.
    ///
    /// # Errors
    ///
    /// If the spill directory cannot be created.
    pub fn new(config: EngineConfig) -> Result<Self, PgError> {
        fs::create_dir_all(&config.spill_directory).map_err(|error| {
            let message = format!(
                "could not create the pg_fusion spill directory \"{}\": {error}",
                config.spill_directory.display()
            );
            PgError::new(SqlState::of_file_error(&error), message)
        })?;
        remove_leftovers(&config.spill_directory)?;
        let runtime = RuntimeEnvBuilder::new().build().map_err(|error| to_pg(&error))?;
        let (threads, batch_size) = (config.threads.max(1), config.batch_size.max(1));
        let parallelism = Parallelism { threads, batch_size };
        let mut session_config = SessionConfig::new();
        session_config.options_mut().execution.max_spill_file_size_bytes =
            ConfigNonZeroUsize::try_new(REPARTITION_SPILL_BYTES).map_err(|error| to_pg(&error))?;
        let budget = Arc::new(Budget::new(config.memory_limit));
        let spill_directory = config.spill_directory;
        Ok(Self { parallelism, session_config, runtime, spill_directory, budget })
    }

    /// Runs `plan` with the parameters' values and writes the result to `io`.
    ///
    /// The future must be polled inside a tokio runtime with timers, where it spawns the
    /// session's tasks. It may first wait for memory. Dropping it cancels the session: all tasks are aborted
    /// and all batches dropped. A panic in an operator is an error like any
    /// other.
    ///
    /// # Errors
    ///
    /// The error PostgreSQL would raise, the host's own, `53200` when memory
    /// runs out, or `XX000`.
    pub fn run(
        &self,
        plan: &Plan,
        params: Vec<Literal>,
        io: Arc<dyn SessionIo>,
    ) -> impl Future<Output = Result<SessionMetrics, PgError>> + Send + 'static {
        let pool = SessionPool::new(Arc::clone(&self.budget));
        let (limit, sessions) = (self.budget.limit(), self.budget.sessions());
        let share = self.parallelism.resource_share(limit, sessions);
        let lowered = lower(plan, &params, share, Arc::clone(&io));
        let demand =
            lowered.as_ref().map_or(Demand::default(), |lowered| Demand::of(&lowered.root));
        let batch_bytes = demand.row_bytes.saturating_mul(share.batch_size);
        let guarantee = guarantee(limit, demand.guarantees, batch_bytes);
        let context = self.context(share, guarantee, &pool, &io);
        let session = async move {
            let (lowered, context) = (lowered?, context?);
            if demand.guarantees > 0 {
                pool.admit(guarantee, demand.guarantees).await;
            }
            execute(&lowered, &context, &pool, io.as_ref()).await?;
            Ok(metrics::collect(&lowered, pool.peak()))
        };
        AssertUnwindSafe(session)
            .catch_unwind()
            .map(|outcome| outcome.unwrap_or_else(|panic| Err(from_panic(panic.as_ref()))))
    }

    /// What the operators of a session use together.
    fn context(
        &self,
        share: Parallelism,
        guarantee: usize,
        pool: &SessionPool,
        io: &Arc<dyn SessionIo>,
    ) -> Result<Arc<TaskContext>, PgError> {
        let mut config = self
            .session_config
            .clone()
            .with_target_partitions(share.threads)
            .with_batch_size(share.batch_size)
            .with_sort_spill_reservation_bytes(merge_reservation(guarantee));
        if share.batch_size < self.parallelism.batch_size {
            // DataFusion's sort puts batches together, sorts that, and splits it into
            // batches, each charged for as if it had the strings of all of them.
            config.options_mut().execution.sort_in_place_threshold_bytes = 0;
        }
        let mut runtime = self.runtime.clone();
        runtime.memory_pool = Arc::new(pool.clone());
        let disk = disk_manager(&self.spill_directory, Arc::clone(io)).build();
        runtime.disk_manager = Arc::new(disk.map_err(|error| to_pg(&error))?);
        Ok(Arc::new(TaskContext::new(
            None,
            String::new(),
            config,
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::new(runtime),
        )))
    }
}

async fn execute(
    lowered: &Lowered,
    context: &Arc<TaskContext>,
    pool: &SessionPool,
    io: &dyn SessionIo,
) -> Result<(), PgError> {
    let mut batches =
        lowered.root.execute(0, Arc::clone(context)).map_err(|error| to_pg(&error))?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| to_pg(&error))?;
        if batch.num_rows() > 0 {
            io.write(batch).await?;
            pool.step();
        }
    }
    Ok(())
}
