//! A join whose build side does not fit in memory.
//!
//! ```text
//!  build ──▶ ▤ ▤ ▤ ▤  by hash of the keys      partition by partition:
//!                                               hash join in memory ──▶ result
//!  probe ──▶ ▤ ▤ ▤ ▤  by the same hash
//! ```
//!
//! A spill partition that still does not fit is partitioned again by another hash. Where
//! that does not help, because its rows have the same key, its build side is read in chunks
//! that fit, and each chunk meets all rows of the other side.

use super::barrier::{Barrier, Participant};
use super::chunk::{Chunk, Loader, consumer};
use super::one_shot::{OneShotExec, in_memory};
use super::partitioner::{self, NULLS, Partitioner};
use super::spec::JoinSpec;
use super::spill_files::{File, SpillFiles};
use super::spill_partition::SpillPartition;
use crate::memory::PrepaidPool;
use crate::ops::leaf::adopt;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_execution::memory_pool::MemoryReservation;
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::metrics::BaselineMetrics;
use datafusion_physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// How often a spill partition is partitioned again at most.
const MAX_LEVEL: u32 = 4;
/// A spill partition's join reads its rows and then puts them together.
const COPIES: usize = 2;
/// A spill partition is not partitioned again if it has more than this share of the rows
/// of the one it comes of: most of them have one key.
const INDIVISIBLE: f64 = 0.75;

/// One partition's work on a join on disk.
pub(super) struct OnDiskJoin {
    pub(super) spec: Arc<JoinSpec>,
    /// The result's schema.
    pub(super) output: SchemaRef,
    pub(super) context: Arc<TaskContext>,
    pub(super) build: SpillFiles,
    pub(super) probe: SpillFiles,
    pub(super) metrics: BaselineMetrics,
}

impl OnDiskJoin {
    /// The rows that this partition joins. A task of its own does it.
    pub(super) fn stream(
        self,
        participant: Participant,
        probe: SendableRecordBatchStream,
    ) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.output);
        let mut stream = RecordBatchReceiverStreamBuilder::new(schema, 1);
        let out = stream.tx();
        stream.spawn(self.run(participant, probe, out));
        stream.build()
    }

    /// Writes `probe` to disk, and when all partitions have done so joins spill partitions, as
    /// long as there are any.
    async fn run(
        self,
        participant: Participant,
        probe: SendableRecordBatchStream,
        out: Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let keys = self.spec.keys(false);
        let wanted = |index| participant.wants(&self.spec, index);
        let partitioner = Partitioner::new(&self.probe, keys, 0, wanted);
        let memory = self.memory();
        memory.grow(partitioner::memory(&self.probe));
        let written = partitioner.all(probe, self.metrics.elapsed_compute()).await;
        drop(memory);
        let barrier = participant.wait(&self.spec, written).await?;
        while let Some(spilled) = barrier.next() {
            if out.is_closed() {
                break;
            }
            self.join(spilled, &barrier, &out).await?;
        }
        Ok(())
    }

    async fn join(
        &self,
        spilled: SpillPartition,
        barrier: &Barrier,
        out: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let rows = spilled.build.as_ref().map_or(0, |file| file.rows);
        let build = self.build.read(spilled.build.into_iter().collect());
        let mut loader = Loader::new(build, COPIES);
        let chunk = loader.chunk(self.memory()).await?;
        if chunk.last {
            let spec = self.spec.of_spill_partitions();
            return self.emit(&spec, chunk, self.probe.read(spilled.probe), out).await;
        }
        if !spilled.divisible || spilled.level >= MAX_LEVEL {
            return self.join_chunks(chunk, loader, spilled.probe, out).await;
        }
        let level = spilled.level + 1;
        let time = self.metrics.elapsed_compute();
        let memory = self.memory();
        memory.grow(partitioner::memory(&self.build));
        let partitioner = Partitioner::new(&self.build, self.spec.keys(true), level, |_| true);
        let build = partitioner.all(loader.rest(chunk), time).await?.files;
        let wanted = |index: usize| {
            self.spec.keeps_probe() || build.get(index).is_some_and(|file| file.is_some())
        };
        let partitioner = Partitioner::new(&self.probe, self.spec.keys(false), level, wanted);
        let probe = partitioner.all(self.probe.read(spilled.probe), time).await?.files;
        let partitions = build.into_iter().zip(probe).enumerate().map(|(index, (build, probe))| {
            let share = build.as_ref().map_or(0, |file| file.rows) as f64 / rows as f64;
            let divisible = index != NULLS && share <= INDIVISIBLE;
            SpillPartition { build, probe: probe.into_iter().collect(), level, divisible }
        });
        barrier.add(partitions.filter(|spilled| spilled.has_result(&self.spec)));
        Ok(())
    }

    /// Joins `chunk` and all that `loader` still has with `probe`, chunk by chunk.
    async fn join_chunks(
        &self,
        mut chunk: Chunk,
        mut loader: Loader,
        probe: Vec<File>,
        out: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let steps = self.spec.by_chunks()?;
        // Rows that have found no partner yet.
        let mut unmatched = probe.clone();
        loop {
            if chunk.batches.is_empty() && !chunk.last {
                return Err(loader.refusal());
            }
            let last = chunk.last;
            if let Some(spec) = &steps.adds {
                let meet = if steps.all_meet { &probe } else { &unmatched };
                self.emit(spec, chunk.clone(), self.probe.read(meet.clone()), out).await?;
            }
            if let Some(spec) = &steps.unmatched {
                unmatched = self.unmatched(spec, chunk, self.probe.read(unmatched)).await?;
            } else {
                drop(chunk);
            }
            if last {
                break;
            }
            chunk = loader.chunk(self.memory()).await?;
        }
        if let Some(spec) = &steps.rest {
            let nothing = Chunk { batches: Vec::new(), memory: self.memory().into(), last: true };
            self.emit(spec, nothing, self.probe.read(unmatched), out).await?;
        }
        Ok(())
    }

    /// Sends what a join in memory gives.
    async fn emit(
        &self,
        spec: &JoinSpec,
        chunk: Chunk,
        probe: SendableRecordBatchStream,
        out: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let mut joined = self.joined(spec, chunk, probe)?;
        while let Some(batch) = joined.1.next().await.transpose()? {
            if batch.num_rows() == 0 {
                continue;
            }
            self.metrics.record_output(batch.num_rows());
            if out.send(adopt(batch, &self.output)).await.is_err() {
                break;
            }
        }
        self.count_time(joined.0.as_ref());
        Ok(())
    }

    /// Writes the rows of `probe` without a partner in `chunk`.
    async fn unmatched(
        &self,
        spec: &JoinSpec,
        chunk: Chunk,
        probe: SendableRecordBatchStream,
    ) -> Result<Vec<File>> {
        let mut joined = self.joined(spec, chunk, probe)?;
        let mut writer = self.probe.writer();
        while let Some(batch) = joined.1.next().await.transpose()? {
            writer.add(&batch)?;
        }
        self.count_time(joined.0.as_ref());
        Ok(writer.finish()?.into_iter().collect())
    }

    fn joined(
        &self,
        spec: &JoinSpec,
        chunk: Chunk,
        probe: SendableRecordBatchStream,
    ) -> Result<(Arc<dyn ExecutionPlan>, SendableRecordBatchStream)> {
        let context = PrepaidPool::context(&self.context, chunk.memory);
        let build = in_memory(Arc::clone(self.build.schema()), chunk.batches);
        let build = Arc::new(OneShotExec::of(build));
        let join = spec.hash_join(build, Arc::new(OneShotExec::of(probe)))?;
        let rows = join.execute(0, context)?;
        Ok((Arc::new(join), rows))
    }

    fn count_time(&self, join: &dyn ExecutionPlan) {
        let spent = join.metrics().and_then(|metrics| metrics.elapsed_compute()).unwrap_or(0);
        let spent = Duration::from_nanos(spent as u64);
        self.metrics.elapsed_compute().add_duration(spent);
    }

    fn memory(&self) -> MemoryReservation {
        consumer().register(self.context.memory_pool())
    }
}
