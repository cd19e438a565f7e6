//! A join whose build side does not fit in memory.
//!
//! ```text
//!  build ──▶ ▤ ▤ ▤ ▤  by hash of the keys      part by part:
//!                                               hash join in memory ──▶ result
//!  probe ──▶ ▤ ▤ ▤ ▤  by the same hash
//! ```
//!
//! A part that still does not fit is partitioned again by another hash. Where that does
//! not help, because its rows have the same key, its build side is read in pieces that
//! fit, and each piece meets all rows of the other side.

use super::files::{File, Files};
use super::handover::{HandoverExec, in_memory};
use super::load::{Loader, Piece};
use super::meeting::{Guest, Meeting};
use super::paid::PaidPool;
use super::partition::{self, NULLS, Partitioner};
use super::spec::JoinSpec;
use crate::ops::leaf::adopt;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::metrics::BaselineMetrics;
use datafusion_physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Sender;

/// How often a part is partitioned again at most.
const MAX_LEVEL: u32 = 4;
/// A part's join reads its rows and then puts them together.
const COPIES: usize = 2;
/// A part is not partitioned again if it has more than this share of the rows of the
/// part it comes of: most of them have one key.
const INDIVISIBLE: f64 = 0.75;

/// Rows of both sides that find their partners among each other.
pub(super) struct Part {
    pub(super) build: Option<File>,
    pub(super) probe: Vec<File>,
    pub(super) level: u32,
    /// Whether another partitioning may help.
    pub(super) divisible: bool,
}

impl Part {
    /// Whether a row can come of it.
    pub(super) fn has_result(&self, spec: &JoinSpec) -> bool {
        match (self.build.is_some(), self.probe.is_empty()) {
            (true, false) => true,
            (true, true) => spec.keeps_build(),
            (false, false) => spec.keeps_probe(),
            (false, true) => false,
        }
    }
}

/// One partition's work on a join on disk.
pub(super) struct DiskJoin {
    pub(super) spec: Arc<JoinSpec>,
    /// The result's schema.
    pub(super) output: SchemaRef,
    pub(super) context: Arc<TaskContext>,
    pub(super) build: Files,
    pub(super) probe: Files,
    pub(super) metrics: BaselineMetrics,
}

impl DiskJoin {
    /// The rows that this partition joins. A task of its own does it.
    pub(super) fn stream(
        self,
        guest: Guest,
        probe: SendableRecordBatchStream,
    ) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.output);
        let mut stream = RecordBatchReceiverStreamBuilder::new(schema, 1);
        let out = stream.tx();
        stream.spawn(self.run(guest, probe, out));
        stream.build()
    }

    /// Writes `probe` to disk, and when all partitions have done so joins parts, as long
    /// as there are any.
    async fn run(
        self,
        guest: Guest,
        probe: SendableRecordBatchStream,
        out: Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let keys = self.spec.keys(false);
        let wanted = |part| guest.wants(&self.spec, part);
        let partitioner = Partitioner::new(&self.probe, keys, 0, wanted);
        let memory = self.memory();
        memory.grow(partition::memory(&self.probe));
        let written = partitioner.all(probe, self.metrics.elapsed_compute()).await;
        drop(memory);
        let meeting = guest.meet(&self.spec, written).await?;
        while let Some(part) = meeting.next() {
            if out.is_closed() {
                break;
            }
            self.join(part, &meeting, &out).await?;
        }
        Ok(())
    }

    async fn join(
        &self,
        part: Part,
        meeting: &Meeting,
        out: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let rows = part.build.as_ref().map_or(0, |file| file.rows);
        let build = self.build.read(part.build.into_iter().collect());
        let mut loader = Loader::new(build, COPIES);
        let piece = loader.piece(self.memory()).await?;
        if piece.last {
            let spec = self.spec.of_parts();
            return self.emit(&spec, piece, self.probe.read(part.probe), out).await;
        }
        if !part.divisible || part.level >= MAX_LEVEL {
            return self.join_pieces(piece, loader, part.probe, out).await;
        }
        let level = part.level + 1;
        let time = self.metrics.elapsed_compute();
        let memory = self.memory();
        memory.grow(partition::memory(&self.build));
        let partitioner = Partitioner::new(&self.build, self.spec.keys(true), level, |_| true);
        let build = partitioner.all(loader.rest(piece), time).await?.files;
        let wanted = |part: usize| {
            self.spec.keeps_probe() || build.get(part).is_some_and(|file| file.is_some())
        };
        let partitioner = Partitioner::new(&self.probe, self.spec.keys(false), level, wanted);
        let probe = partitioner.all(self.probe.read(part.probe), time).await?.files;
        let parts = build.into_iter().zip(probe).enumerate().map(|(index, (build, probe))| {
            let share = build.as_ref().map_or(0, |file| file.rows) as f64 / rows as f64;
            let divisible = index != NULLS && share <= INDIVISIBLE;
            Part { build, probe: probe.into_iter().collect(), level, divisible }
        });
        meeting.add(parts.filter(|part| part.has_result(&self.spec)));
        Ok(())
    }

    /// Joins `piece` and all that `loader` still has with `probe`, piece by piece.
    async fn join_pieces(
        &self,
        mut piece: Piece,
        mut loader: Loader,
        probe: Vec<File>,
        out: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let steps = self.spec.piecewise()?;
        // Rows that have found no partner yet.
        let mut unmatched = probe.clone();
        loop {
            if piece.batches.is_empty() && !piece.last {
                return Err(loader.refusal());
            }
            let last = piece.last;
            if let Some(spec) = &steps.adds {
                let meet = if steps.all_meet { &probe } else { &unmatched };
                self.emit(spec, piece.clone(), self.probe.read(meet.clone()), out).await?;
            }
            if let Some(spec) = &steps.unmatched {
                unmatched = self.unmatched(spec, piece, self.probe.read(unmatched)).await?;
            } else {
                drop(piece);
            }
            if last {
                break;
            }
            piece = loader.piece(self.memory()).await?;
        }
        if let Some(spec) = &steps.rest {
            let nothing = Piece { batches: Vec::new(), memory: self.memory().into(), last: true };
            self.emit(spec, nothing, self.probe.read(unmatched), out).await?;
        }
        Ok(())
    }

    /// Sends what a join in memory gives.
    async fn emit(
        &self,
        spec: &JoinSpec,
        piece: Piece,
        probe: SendableRecordBatchStream,
        out: &Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let mut joined = self.joined(spec, piece, probe)?;
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

    /// Writes the rows of `probe` without a partner in `piece`.
    async fn unmatched(
        &self,
        spec: &JoinSpec,
        piece: Piece,
        probe: SendableRecordBatchStream,
    ) -> Result<Vec<File>> {
        let mut joined = self.joined(spec, piece, probe)?;
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
        piece: Piece,
        probe: SendableRecordBatchStream,
    ) -> Result<(Arc<dyn ExecutionPlan>, SendableRecordBatchStream)> {
        let context = PaidPool::context(&self.context, piece.memory);
        let build = in_memory(Arc::clone(self.build.schema()), piece.batches);
        let build = Arc::new(HandoverExec::of(build));
        let join = spec.hash_join(build, Arc::new(HandoverExec::of(probe)))?;
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

/// Who asks for a join's memory.
pub(super) fn consumer() -> MemoryConsumer {
    MemoryConsumer::new("HashJoin").with_can_spill(true)
}
