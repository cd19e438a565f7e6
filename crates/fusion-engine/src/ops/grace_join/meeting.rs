//! Where the partitions of a join meet: all rows of the side that streams must be on
//! disk before any part of it can be joined.

use super::disk::Part;
use super::files::File;
use super::partition::{NULLS, PARTS, Partitioned};
use super::spec::JoinSpec;
use datafusion_common::{DataFusionError, Result, internal_datafusion_err};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Gathers what the partitions have written, and then deals out the parts.
#[derive(Debug)]
pub(super) struct Meeting {
    state: Mutex<State>,
    over: watch::Sender<bool>,
}

struct State {
    /// Partitions that have not written all of their rows yet.
    awaited: usize,
    /// Per part, the build side.
    build: Vec<Option<File>>,
    /// Per part, the other side's files of all partitions.
    probe: Vec<Vec<File>>,
    rows: usize,
    nulls: usize,
    /// What is to be joined.
    parts: Vec<Part>,
    failure: Option<Arc<DataFusionError>>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("awaited", &self.awaited).finish_non_exhaustive()
    }
}

impl Meeting {
    /// A meeting of `partitions`.
    pub(super) fn new(partitions: usize) -> Self {
        let state = State {
            awaited: partitions,
            build: Vec::new(),
            probe: vec![Vec::new(); PARTS + 1],
            rows: 0,
            nulls: 0,
            parts: Vec::new(),
            failure: None,
        };
        Self { state: Mutex::new(state), over: watch::Sender::new(false) }
    }

    /// A partition that will come.
    pub(super) fn guest(self: &Arc<Self>) -> Guest {
        Guest { meeting: Arc::clone(self), came: false }
    }

    /// Says that the build side is on disk.
    pub(super) fn open(&self, build: Partitioned) {
        self.state().build = build.files;
    }

    /// The next part to join.
    pub(super) fn next(&self) -> Option<Part> {
        self.state().parts.pop()
    }

    /// Adds parts of a part.
    pub(super) fn add(&self, parts: impl IntoIterator<Item = Part>) {
        self.state().parts.extend(parts);
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

    /// All parts that can have a result.
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
            let part = Part { build, probe, level: 0, divisible: index != NULLS };
            if part.has_result(spec) {
                self.parts.push(part);
            }
        }
    }
}

/// A partition on its way to the meeting. If it ends before, the others must not wait.
pub(super) struct Guest {
    meeting: Arc<Meeting>,
    came: bool,
}

impl Guest {
    /// Whether rows of the partition in `part` are needed.
    pub(super) fn wants(&self, spec: &JoinSpec, part: usize) -> bool {
        let state = self.meeting.state();
        let has_build = || state.build.get(part).is_some_and(Option::is_some);
        spec.keeps_probe() || (part != NULLS && has_build())
    }

    /// Brings what the partition has written, or why it could not, and waits for the
    /// others.
    pub(super) async fn meet(
        mut self,
        spec: &JoinSpec,
        written: Result<Partitioned>,
    ) -> Result<Arc<Meeting>> {
        let meeting = Arc::clone(&self.meeting);
        self.came = true;
        let mut over = meeting.over.subscribe();
        let all_came = {
            let mut state = meeting.state();
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
            meeting.over.send_replace(true);
        }
        // The sender lives as long as the meeting.
        let _ = over.wait_for(|over| *over).await;
        let failure = meeting.state().failure.clone();
        match failure {
            Some(error) => Err(DataFusionError::Shared(error)),
            None => Ok(meeting),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.came {
            return;
        }
        let error = internal_datafusion_err!("a partition of a join ended before the others");
        self.meeting.state().failure.get_or_insert_with(|| Arc::new(error));
        self.meeting.over.send_replace(true);
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
        Partitioned { files: vec![None; PARTS + 1], rows: 0, nulls: 0 }
    }

    #[test]
    fn all_wait_for_the_last() {
        let (meeting, spec) = (Arc::new(Meeting::new(2)), spec());
        meeting.open(nothing());
        let (first, second) = (meeting.guest(), meeting.guest());
        let (first, second) =
            block_on(join(first.meet(&spec, Ok(nothing())), second.meet(&spec, Ok(nothing()))));
        assert!(first.unwrap().next().is_none() && second.unwrap().next().is_none());
    }

    #[test]
    fn nobody_waits_for_one_that_failed_or_never_comes() {
        let (meeting, spec) = (Arc::new(Meeting::new(3)), spec());
        let (first, second, third) = (meeting.guest(), meeting.guest(), meeting.guest());
        let failure = internal_datafusion_err!("no space");
        let (first, second) =
            block_on(join(first.meet(&spec, Ok(nothing())), second.meet(&spec, Err(failure))));
        for outcome in [first, second] {
            assert!(outcome.err().unwrap().to_string().contains("no space"));
        }
        drop(third);
        let meeting = Arc::new(Meeting::new(2));
        let (first, second) = (meeting.guest(), meeting.guest());
        drop(second);
        assert!(block_on(first.meet(&spec, Ok(nothing()))).is_err());
    }
}
