//! The leaves below a Gather, in the leader: which processes feed them, and since when.

use super::gather::Gather;
use super::shared_state::Participants;
use super::state::FeedsState;
use crate::executor::feed::Producer;
use crate::executor::wait::WORKER_START;
use fusion_page::{Region, SessionKey};
use fusion_plan::PgError;
use pgrx::pg_sys;
use std::time::Instant;

/// The leaves below a Gather.
pub struct Team {
    gather: Gather,
    /// A bit per leaf.
    leaves: u64,
    /// The leaves' numbers in the plan.
    numbers: Vec<Option<usize>>,
    state: TeamState,
}

/// How the leaves of a team are fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TeamState {
    /// Not yet: the engine has asked for none.
    Idle,
    /// By the leader, alone or with workers.
    LeaderToo,
    /// By workers alone, since then, as `parallel_leader_participation` says.
    Workers(Instant),
}

impl Team {
    /// The leaves below the Gather `node`, whose feeds are added to `producer`. `numbers`
    /// are those of the leaves in the session of the PgFusion node `fusion`.
    ///
    /// # Errors
    ///
    /// As for [`Producer::add`].
    ///
    /// # Safety
    ///
    /// The nodes have begun, the Gather is above a Feeds node, and both outlive the team.
    pub unsafe fn new(
        node: *mut pg_sys::GatherState,
        fusion: *mut pg_sys::CustomScanState,
        numbers: &[Option<usize>],
        region: &Region,
        producer: &mut Producer,
    ) -> Result<Self, PgError> {
        // SAFETY: the caller's promise.
        unsafe {
            let gather = Gather::new(node);
            FeedsState::set_fusion(gather.feeds(), fusion);
            let number = |leaf: usize| numbers.get(leaf).copied().flatten();
            let leaves = producer.add(gather.feeds().cast(), region, number)?;
            Ok(Self { gather, leaves, numbers: numbers.to_vec(), state: TeamState::Idle })
        }
    }

    /// What of `demand`, a bit per leaf, the leader is to feed now. When the first of the
    /// leaves is asked for, workers are started for `session`.
    ///
    /// # Safety
    ///
    /// Runs during execution, within `boundary::guard`.
    pub unsafe fn leaders_part(
        &mut self,
        demand: u64,
        session: SessionKey,
        producer: &mut Producer,
    ) -> u64 {
        if demand & self.leaves == 0 {
            return demand;
        }
        if self.state == TeamState::Idle {
            // SAFETY: the caller's promise.
            let participants = unsafe { self.gather.start(session, &self.numbers) };
            self.state = TeamState::of(participants);
            producer.share(self.leaves, participants, self.gather.area());
        }
        match self.state.leader_feeds() {
            true => demand,
            false => demand & !self.leaves,
        }
    }
}

impl TeamState {
    /// The state after workers were started, or could not be.
    fn of(participants: Option<Participants>) -> Self {
        // SAFETY: a setting, read in a backend's main thread.
        let leader_too = participants.is_none() || unsafe { pg_sys::parallel_leader_participation };
        if leader_too { Self::LeaderToo } else { Self::Workers(Instant::now()) }
    }

    /// Whether the leader feeds the leaves now. If it should not, it begins to when
    /// the workers have not come after a while: they may never.
    fn leader_feeds(self) -> bool {
        match self {
            Self::Idle => false,
            Self::LeaderToo => true,
            Self::Workers(since) => since.elapsed() >= WORKER_START,
        }
    }
}
