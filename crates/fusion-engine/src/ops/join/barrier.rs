//! The barrier of a join's partitions: all rows of the side that streams must be on disk
//! before any spill partition can be joined.

use super::partitioner::{NULLS, PARTITIONS, Partitioned};
use super::spec::JoinSpec;
use super::spill_files::File;
use super::spill_partition::SpillPartition;
use datafusion_common::{DataFusionError, Result, internal_datafusion_err};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Gathers what the partitions have written, and then deals out the spill partitions.
#[derive(Debug)]
pub(super) struct Barrier {
    state: Mutex<State>,
    over: watch::Sender<bool>,
}

struct State {
    /// Partitions that have not written all of their rows yet.
    awaited: usize,
    /// Per spill partition, the build side.
    build: Vec<Option<File>>,
    /// Per spill partition, the other side's files of all partitions.
    probe: Vec<Vec<File>>,
    rows: usize,
    nulls: usize,
    /// What is to be joined.
    ready: Vec<SpillPartition>,
    failure: Option<Arc<DataFusionError>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("awaited", &self.awaited).finish_non_exhaustive()
    }
}

impl Barrier {
    /// A barrier of `partitions`.
    pub(super) fn new(partitions: usize) -> Self {
        let state = State {
            awaited: partitions,
            build: Vec::new(),
            probe: vec![Vec::new(); PARTITIONS + 1],
            rows: 0,
            nulls: 0,
            ready: Vec::new(),
            failure: None,
        };
        Self { state: Mutex::new(state), over: watch::Sender::new(false) }
    }

    /// A partition that will come.
    pub(super) fn participant(self: &Arc<Self>) -> Participant {
        Participant { barrier: Arc::clone(self), came: false }
    }

    /// Says that the build side is on disk.
    pub(super) fn open(&self, build: Partitioned) {
        self.state().build = build.files;
    }

    /// The next spill partition to join.
    pub(super) fn next(&self) -> Option<SpillPartition> {
        self.state().ready.pop()
    }

    /// Adds what a spill partition was partitioned into.
    pub(super) fn add(&self, partitions: impl IntoIterator<Item = SpillPartition>) {
        self.state().ready.extend(partitions);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, written: Partitioned) {
        for (files, file) in self.probe.iter_mut().zip(written.files) {
            files.extend(file);
        }
        self.rows += written.rows;
        self.nulls += written.nulls;
    }

    /// All spill partitions that can have a result.
    fn deal(&mut self, spec: &JoinSpec) {
        // What is not in a set is not NULL, if the set is empty; with a NULL in the set
        // nothing is known of any value, and of NULL nothing with any value in the set.
        if spec.null_aware && self.nulls > 0 {
            return;
        }
        let nulls_unknown = spec.null_aware && self.rows > 0;
        let sides = self.build.drain(..).zip(self.probe.drain(..));
        for (index, (build, probe)) in sides.enumerate() {
            if index == NULLS && nulls_unknown {
                continue;
            }
            let spilled = SpillPartition { build, probe, level: 0, divisible: index != NULLS };
            if spilled.has_result(spec) {
                self.ready.push(spilled);
            }
        }
    }
}

/// A partition on its way to the barrier. If it ends before, the others must not wait.
pub(super) struct Participant {
    barrier: Arc<Barrier>,
    came: bool,
}

impl Participant {
    /// Whether rows of the participant in spill partition `index` are needed.
    pub(super) fn wants(&self, spec: &JoinSpec, index: usize) -> bool {
        let state = self.barrier.state();
        let has_build = || state.build.get(index).is_some_and(Option::is_some);
        spec.keeps_probe() || (index != NULLS && has_build())
    }

    /// Brings what the partition has written, or why it could not, and waits for the
    /// others.
    pub(super) async fn wait(
        mut self,
        spec: &JoinSpec,
        written: Result<Partitioned>,
    ) -> Result<Arc<Barrier>> {
        let barrier = Arc::clone(&self.barrier);
        self.came = true;
        let mut over = barrier.over.subscribe();
        let all_came = {
            let mut state = barrier.state();
            state.awaited -= 1;
            match written {
                Ok(written) => state.add(written),
                Err(error) => state.failure = Some(Arc::new(error)),
            }
            if state.awaited == 0 && state.failure.is_none() {
                state.deal(spec);
            }
            state.awaited == 0 || state.failure.is_some()
        };
        if all_came {
            barrier.over.send_replace(true);
        }
        // The sender lives as long as the barrier.
        let _ = over.wait_for(|over| *over).await;
        let failure = barrier.state().failure.clone();
        match failure {
            Some(error) => Err(DataFusionError::Shared(error)),
            None => Ok(barrier),
        }
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        if self.came {
            return;
        }
        let error = internal_datafusion_err!("a partition of a join ended before the others");
        self.barrier.state().failure.get_or_insert_with(|| Arc::new(error));
        self.barrier.over.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion_common::JoinType;
    use datafusion_physical_plan::joins::PartitionMode;
    use futures::executor::block_on;
    use futures::future::join;

    fn spec() -> JoinSpec {
        JoinSpec {
            on: Vec::new(),
            kind: JoinType::Inner,
            filter: None,
            projection: None,
            mode: PartitionMode::CollectLeft,
            null_aware: false,
        }
    }

    fn nothing() -> Partitioned {
        Partitioned { files: vec![None; PARTITIONS + 1], rows: 0, nulls: 0 }
    }

    #[test]
    fn all_wait_for_the_last() {
        let (barrier, spec) = (Arc::new(Barrier::new(2)), spec());
        barrier.open(nothing());
        let (first, second) = (barrier.participant(), barrier.participant());
        let (first, second) =
            block_on(join(first.wait(&spec, Ok(nothing())), second.wait(&spec, Ok(nothing()))));
        assert!(first.unwrap().next().is_none() && second.unwrap().next().is_none());
    }

    #[test]
    fn nobody_waits_for_one_that_failed_or_never_comes() {
        let (barrier, spec) = (Arc::new(Barrier::new(3)), spec());
        let (first, second, third) =
            (barrier.participant(), barrier.participant(), barrier.participant());
        let failure = internal_datafusion_err!("no space");
        let (first, second) =
            block_on(join(first.wait(&spec, Ok(nothing())), second.wait(&spec, Err(failure))));
        for outcome in [first, second] {
            assert!(outcome.err().unwrap().to_string().contains("no space"));
        }
        drop(third);
        let barrier = Arc::new(Barrier::new(2));
        let (first, second) = (barrier.participant(), barrier.participant());
        drop(second);
        assert!(block_on(first.wait(&spec, Ok(nothing()))).is_err());
    }
}
