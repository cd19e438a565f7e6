//! The engine and its sessions.

use crate::error::{from_panic, to_pg};
use crate::host::SessionIo;
use crate::lower::{Lowered, Shape, lower};
use crate::memory::{Budget, SessionPool};
use crate::metrics;
use crate::share::Share;
use datafusion_common::config::ConfigNonZeroUsize;
use datafusion_execution::TaskContext;
use datafusion_execution::config::SessionConfig;
use datafusion_execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion_execution::memory_pool::MemoryPool;
use datafusion_execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use fusion_plan::{Literal, PgError, Plan, SessionMetrics, SqlState};
use futures::{FutureExt, StreamExt};
use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How DataFusion's temporary directories begin.
const SPILL_PREFIX: &str = "datafusion-";
/// How many spill files a sort merges at once: with more, their buffers would
/// take the memory that other operators need.
const MERGE_FAN_IN: usize = 16;

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
    /// Where operators write what does not fit in memory. The engine owns the
    /// directory: what a crashed predecessor left there is removed.
    pub spill_directory: PathBuf,
    /// Rows per batch inside the engine at most.
    pub batch_size: usize,
}

/// Runs fusion plans. One per process; sessions share its memory limit.
#[derive(Debug)]
pub struct Engine {
    shape: Shape,
    session_config: SessionConfig,
    runtime: Arc<RuntimeEnv>,
    budget: Arc<Budget>,
}

impl Engine {
    /// Sets up the engine; starts no thread.
    ///
    /// # Errors
    ///
    /// If the spill directory cannot be created.
    pub fn new(config: EngineConfig) -> Result<Self, PgError> {
        prepare_spill_directory(&config.spill_directory)?;
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![config.spill_directory]))
            .with_max_temp_directory_size(u64::MAX)
            .with_max_spill_merge_fan_in(MERGE_FAN_IN);
        let runtime = RuntimeEnvBuilder::new()
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(|error| to_pg(&error))?;
        let shape = Shape { threads: config.threads.max(1), batch_size: config.batch_size.max(1) };
        let mut session_config = SessionConfig::new();
        session_config.options_mut().execution.max_spill_file_size_bytes =
            ConfigNonZeroUsize::try_new(REPARTITION_SPILL_BYTES).map_err(|error| to_pg(&error))?;
        let budget = Arc::new(Budget::new(config.memory_limit));
        Ok(Self { shape, session_config, runtime, budget })
    }

    /// Runs `plan` with the parameters' values and writes the result to `io`.
    ///
    /// The future must be polled inside a tokio runtime, where it spawns the
    /// session's tasks. Dropping it cancels the session: all tasks are aborted
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
        let pool = Arc::new(SessionPool::new(Arc::clone(&self.budget)));
        let share = Share::of(self.shape, self.budget.limit(), self.budget.sessions());
        let config = self
            .session_config
            .clone()
            .with_target_partitions(share.shape.threads)
            .with_batch_size(share.shape.batch_size)
            .with_sort_spill_reservation_bytes(share.merge_reservation);
        let mut runtime = RuntimeEnv::clone(&self.runtime);
        runtime.memory_pool = Arc::clone(&pool) as Arc<dyn MemoryPool>;
        let context = Arc::new(TaskContext::new(
            None,
            String::new(),
            config,
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            HashMap::new(),
            Arc::new(runtime),
        ));
        let lowered = lower(plan, &params, share.shape, Arc::clone(&io));
        let session = async move {
            let lowered = lowered?;
            execute(&lowered, &context, io.as_ref()).await?;
            Ok(metrics::collect(&lowered, pool.peak()))
        };
        AssertUnwindSafe(session)
            .catch_unwind()
            .map(|outcome| outcome.unwrap_or_else(|panic| Err(from_panic(panic.as_ref()))))
    }
}

async fn execute(
    lowered: &Lowered,
    context: &Arc<TaskContext>,
    io: &dyn SessionIo,
) -> Result<(), PgError> {
    let mut batches =
        lowered.root.execute(0, Arc::clone(context)).map_err(|error| to_pg(&error))?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| to_pg(&error))?;
        if batch.num_rows() > 0 {
            io.write(batch).await?;
        }
    }
    Ok(())
}

/// Creates the directory, or empties it of what a predecessor left.
fn prepare_spill_directory(directory: &Path) -> Result<(), PgError> {
    let failed = |error: std::io::Error| {
        let message = format!(
            "could not prepare the pg_fusion spill directory \"{}\": {error}",
            directory.display()
        );
        PgError::new(SqlState::SYSTEM_ERROR, message)
    };
    fs::create_dir_all(directory).map_err(failed)?;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(SPILL_PREFIX) {
            fs::remove_dir_all(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
