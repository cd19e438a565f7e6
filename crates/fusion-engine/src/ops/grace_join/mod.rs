//! A hash join that goes to disk when its build side does not fit in memory.

mod disk;
mod files;
mod handover;
mod load;
mod meeting;
mod paid;
mod partition;
mod spec;

pub(crate) use spec::JoinSpec;

use self::disk::{DiskJoin, consumer};
use self::files::Files;
use self::handover::{HandoverExec, in_memory};
use self::load::{Loader, Piece};
use self::meeting::{Guest, Meeting};
use self::paid::{PaidPool, limit_of};
use self::partition::{NULLS, Partitioner};
use crate::memory::{SessionPool, Use};
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_common::{DataFusionError, Result, internal_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::{EquivalenceProperties, Partitioning, PhysicalExpr};
use datafusion_physical_plan::execution_plan::Boundedness;
use datafusion_physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion_physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, SpillMetrics,
};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::future::{BoxFuture, Shared};
use futures::{FutureExt, TryStreamExt, stream};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Joins by hash. It first reads its build side; if that fits in memory, DataFusion's
/// hash join does the rest. If not, both sides go to disk, see [`DiskJoin`].
///
/// Rows of a join on disk come in another order than they came in, so no order is
/// promised.
pub(crate) struct GraceJoinExec {
    spec: Arc<JoinSpec>,
    build: Arc<dyn ExecutionPlan>,
    probe: Arc<dyn ExecutionPlan>,
    /// The join in memory, and where it gets its rows from.
    join: Arc<HashJoinExec>,
    build_handover: Arc<HandoverExec>,
    probe_handover: Arc<HandoverExec>,
    /// Per partition of the build side; there once it is asked for.
    builds: Vec<Mutex<Option<Begun>>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// A build side that all partitions wait for which need it.
type SharedBuild = Shared<BoxFuture<'static, std::result::Result<Build, Arc<DataFusionError>>>>;

/// A build side that is being read, and where those meet who need it.
type Begun = (SharedBuild, Arc<Meeting>);

/// A build side that was read.
#[derive(Clone)]
enum Build {
    /// It fits; the join in memory has it, and runs in this context.
    InMemory(Arc<TaskContext>),
    /// It is on disk.
    OnDisk,
}

impl GraceJoinExec {
    /// Joins `build`, whose rows are kept, with `probe`.
    pub(crate) fn try_new(
        build: Arc<dyn ExecutionPlan>,
        probe: Arc<dyn ExecutionPlan>,
        spec: Arc<JoinSpec>,
    ) -> Result<Self> {
        let build_handover = Arc::new(HandoverExec::in_place_of(&build));
        let probe_handover = Arc::new(HandoverExec::in_place_of(&probe));
        let join = spec.hash_join(
            Arc::clone(&build_handover) as Arc<dyn ExecutionPlan>,
            Arc::clone(&probe_handover) as Arc<dyn ExecutionPlan>,
        )?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(join.schema()),
            Partitioning::UnknownPartitioning(probe.output_partitioning().partition_count()),
            join.properties().emission_type,
            Boundedness::Bounded,
        );
        let builds = build.output_partitioning().partition_count();
        Ok(Self {
            spec,
            builds: (0..builds).map(|_| Mutex::new(None)).collect(),
            build,
            probe,
            join: Arc::new(join),
            build_handover,
            probe_handover,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The build side for a partition, which begins to be read when it is first waited
    /// for, and the partition's place among those that it is shared with. The rows come
    /// from `context`; `own` has the memory of the partition.
    fn build_of(
        &self,
        partition: usize,
        context: &Arc<TaskContext>,
        own: &Arc<TaskContext>,
    ) -> Result<(SharedBuild, Guest)> {
        let shared = self.spec.mode == PartitionMode::CollectLeft;
        let (source, partitions) = if shared {
            (0, self.probe.output_partitioning().partition_count())
        } else {
            (partition, 1)
        };
        let Some(build) = self.builds.get(source) else {
            return internal_err!("a join's sides have different partitions");
        };
        let mut build = build.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((build, meeting)) = &*build {
            return Ok((build.clone(), meeting.guest()));
        }
        let meeting = Arc::new(Meeting::new(partitions));
        let reader = BuildReader {
            spec: Arc::clone(&self.spec),
            input: self.build.execute(source, Arc::clone(context))?,
            files: self.files(&self.build, partition, own),
            handover: Arc::clone(&self.build_handover),
            partition: source,
            meeting: Arc::clone(&meeting),
            context: Arc::clone(own),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let future = reader.read().map(|build| build.map_err(Arc::new)).boxed().shared();
        let guest = meeting.guest();
        Ok((build.insert((future, meeting)).0.clone(), guest))
    }

    fn files(
        &self,
        side: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: &TaskContext,
    ) -> Files {
        let metrics = SpillMetrics::new(&self.metrics, partition);
        Files::new(context, side.schema(), metrics, limit_of(context.memory_pool()))
    }
}

/// What reads a build side.
struct BuildReader {
    spec: Arc<JoinSpec>,
    input: SendableRecordBatchStream,
    files: Files,
    handover: Arc<HandoverExec>,
    partition: usize,
    meeting: Arc<Meeting>,
    context: Arc<TaskContext>,
    metrics: BaselineMetrics,
}

impl BuildReader {
    async fn read(self) -> Result<Build> {
        let schema = self.input.schema();
        let mut loader = Loader::new(self.input, 1);
        let piece = loader.piece(consumer().register(self.context.memory_pool())).await?;
        if piece.last {
            let Piece { batches, memory, .. } = piece;
            self.handover.put(self.partition, in_memory(schema, batches));
            return Ok(Build::InMemory(PaidPool::context(&self.context, memory)));
        }
        let memory = consumer().register(self.context.memory_pool());
        memory.grow(partition::memory(&self.files));
        let keeps_nulls = self.spec.keeps_build();
        let partitioner = Partitioner::new(&self.files, self.spec.keys(true), 0, |part| {
            part != NULLS || keeps_nulls
        });
        let written = partitioner.all(loader.rest(piece), self.metrics.elapsed_compute()).await?;
        self.meeting.open(written);
        Ok(Build::OnDisk)
    }
}

impl fmt::Debug for GraceJoinExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraceJoinExec").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl DisplayAs for GraceJoinExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GraceJoinExec: {:?}, {:?}", self.spec.kind, self.spec.mode)
    }
}

impl ExecutionPlan for GraceJoinExec {
    fn name(&self) -> &str {
        "GraceJoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.build, &self.probe]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.join.apply_expressions(visit)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match <[_; 2]>::try_from(children) {
            Ok([build, probe]) => {
                Ok(Arc::new(Self::try_new(build, probe, Arc::clone(&self.spec))?))
            }
            Err(_) => internal_err!("a join has two inputs"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let probe = self.probe.execute(partition, Arc::clone(&context))?;
        let own = match SessionPool::of(&context) {
            Some(session) => session.operator_context(&context, Use::Join, 1),
            None => Arc::clone(&context),
        };
        let (build, guest) = self.build_of(partition, &context, &own)?;
        let on_disk = DiskJoin {
            spec: Arc::clone(&self.spec),
            output: self.schema(),
            build: self.files(&self.build, partition, &own),
            probe: self.files(&self.probe, partition, &own),
            context: own,
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let (join, handover) = (Arc::clone(&self.join), Arc::clone(&self.probe_handover));
        let rows = async move {
            match build.await.map_err(DataFusionError::Shared)? {
                Build::InMemory(context) => {
                    handover.put(partition, probe);
                    join.execute(partition, context)
                }
                Build::OnDisk => Ok(on_disk.stream(guest, probe)),
            }
        };
        let rows = stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        let mut metrics = self.metrics.clone_inner();
        for metric in self.join.metrics().iter().flat_map(MetricsSet::iter) {
            metrics.push(Arc::clone(metric));
        }
        Some(metrics)
    }
}
