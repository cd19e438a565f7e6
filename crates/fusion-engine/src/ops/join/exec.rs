//! The operator of a hybrid hash join.

use super::barrier::{Barrier, Participant};
use super::chunk::{Chunk, Loader, consumer};
use super::on_disk::OnDiskJoin;
use super::one_shot::{OneShotExec, in_memory};
use super::partitioner::{self, NULLS, Partitioner};
use super::spec::JoinSpec;
use super::spill_files::SpillFiles;
use crate::memory::{PrepaidPool, SessionPool, Use, limit_of};
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
/// hash join does the rest. If not, both sides go to disk, see [`OnDiskJoin`].
///
/// Rows of a join on disk come in another order than they came in, so no order is
/// promised.
pub(crate) struct HybridHashJoinExec {
    spec: Arc<JoinSpec>,
    build: Arc<dyn ExecutionPlan>,
    probe: Arc<dyn ExecutionPlan>,
    /// The join in memory, and where it gets its rows from.
    join: Arc<HashJoinExec>,
    build_source: Arc<OneShotExec>,
    probe_source: Arc<OneShotExec>,
    /// Per partition of the build side; there once it is asked for.
    builds: Vec<Mutex<Option<Begun>>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// A build side that all partitions wait for which need it.
type SharedBuild = Shared<BoxFuture<'static, std::result::Result<Build, Arc<DataFusionError>>>>;

/// A build side that is being read, and where those meet who need it.
type Begun = (SharedBuild, Arc<Barrier>);

/// A build side that was read.
#[derive(Clone)]
enum Build {
    /// It fits; the join in memory has it, and runs in this context.
    InMemory(Arc<TaskContext>),
    /// It is on disk.
    OnDisk,
}

impl HybridHashJoinExec {
    /// Joins `build`, whose rows are kept, with `probe`.
    pub(crate) fn try_new(
        build: Arc<dyn ExecutionPlan>,
        probe: Arc<dyn ExecutionPlan>,
        spec: Arc<JoinSpec>,
    ) -> Result<Self> {
        let build_source = Arc::new(OneShotExec::in_place_of(&build));
        let probe_source = Arc::new(OneShotExec::in_place_of(&probe));
        let join = spec.hash_join(
            Arc::clone(&build_source) as Arc<dyn ExecutionPlan>,
            Arc::clone(&probe_source) as Arc<dyn ExecutionPlan>,
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
            build_source,
            probe_source,
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
    ) -> Result<(SharedBuild, Participant)> {
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
        if let Some((build, barrier)) = &*build {
            return Ok((build.clone(), barrier.participant()));
        }
        let barrier = Arc::new(Barrier::new(partitions));
        let reader = BuildReader {
            spec: Arc::clone(&self.spec),
            input: self.build.execute(source, Arc::clone(context))?,
            files: self.files(&self.build, partition, own),
            source: Arc::clone(&self.build_source),
            partition: source,
            barrier: Arc::clone(&barrier),
            context: Arc::clone(own),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let future = reader.read().map(|build| build.map_err(Arc::new)).boxed().shared();
        let participant = barrier.participant();
        Ok((build.insert((future, barrier)).0.clone(), participant))
    }

    fn files(
        &self,
        side: &Arc<dyn ExecutionPlan>,
        partition: usize,
        context: &TaskContext,
    ) -> SpillFiles {
        let metrics = SpillMetrics::new(&self.metrics, partition);
        SpillFiles::new(context, side.schema(), metrics, limit_of(context.memory_pool()))
    }
}

/// What reads a build side.
struct BuildReader {
    spec: Arc<JoinSpec>,
    input: SendableRecordBatchStream,
    files: SpillFiles,
    source: Arc<OneShotExec>,
    partition: usize,
    barrier: Arc<Barrier>,
    context: Arc<TaskContext>,
    metrics: BaselineMetrics,
}

impl BuildReader {
    async fn read(self) -> Result<Build> {
        let schema = self.input.schema();
        let mut loader = Loader::new(self.input, 1);
        let chunk = loader.chunk(consumer().register(self.context.memory_pool())).await?;
        if chunk.last {
            let Chunk { batches, memory, .. } = chunk;
            self.source.put(self.partition, in_memory(schema, batches));
            return Ok(Build::InMemory(PrepaidPool::context(&self.context, memory)));
        }
        let memory = consumer().register(self.context.memory_pool());
        memory.grow(partitioner::memory(&self.files));
        let keeps_nulls = self.spec.keeps_build();
        let partitioner = Partitioner::new(&self.files, self.spec.keys(true), 0, |index| {
            index != NULLS || keeps_nulls
        });
        let written = partitioner.all(loader.rest(chunk), self.metrics.elapsed_compute()).await?;
        self.barrier.open(written);
        Ok(Build::OnDisk)
    }
}

impl fmt::Debug for HybridHashJoinExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HybridHashJoinExec").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl DisplayAs for HybridHashJoinExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HybridHashJoinExec: {:?}, {:?}", self.spec.kind, self.spec.mode)
    }
}

impl ExecutionPlan for HybridHashJoinExec {
    fn name(&self) -> &str {
        "HybridHashJoinExec"
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
        let (build, participant) = self.build_of(partition, &context, &own)?;
        let on_disk = OnDiskJoin {
            spec: Arc::clone(&self.spec),
            output: self.schema(),
            build: self.files(&self.build, partition, &own),
            probe: self.files(&self.probe, partition, &own),
            context: own,
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let (join, source) = (Arc::clone(&self.join), Arc::clone(&self.probe_source));
        let rows = async move {
            match build.await.map_err(DataFusionError::Shared)? {
                Build::InMemory(context) => {
                    source.put(partition, probe);
                    join.execute(partition, context)
                }
                Build::OnDisk => Ok(on_disk.stream(participant, probe)),
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
