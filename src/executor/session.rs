//! A session under way: its feeds, and its end of the shared pages.

use super::feed::{Produced, Producer};
use super::parallel::Team;
use super::slot::{Counted, open_client};
use super::tree::{Branch, Tree};
use crate::error::page_error;
use crate::nodes::{cast, iter};
use crate::temporary;
use fusion_page::{ClientSession, Event, Feeder, Region, WakeUps};
use fusion_plan::PgError;
use pgrx::pg_sys;

/// The session under way.
pub struct Session {
    producer: Producer,
    /// The leaves that parallel workers may feed, too.
    teams: Vec<Team>,
    /// Dropped after the feeds, which may have pages of it.
    client: ClientSession,
    _counted: Counted,
}

impl Session {
    /// Opens a session that runs the plan of `tree` for `node`, and sends the worker the
    /// startup `message`.
    ///
    /// # Errors
    ///
    /// If the plan does not have its leaves, or no session can be had.
    ///
    /// # Safety
    ///
    /// Runs during execution of `node`, within `boundary::guard`; the nodes of `tree`
    /// outlive the session.
    pub unsafe fn open(
        region: &Region,
        tree: &Tree,
        node: *mut pg_sys::CustomScanState,
        message: &[u8],
    ) -> Result<Self, PgError> {
        // SAFETY: the caller's promise.
        let (producer, teams) = unsafe { feeds(region, tree, node)? };
        if producer.len() != tree.plan.leaves.len() {
            return Err(PgError::internal("a plan does not have its leaves"));
        }
        let client = open_client(region)?;
        client.submit_startup_message(message, producer.len()).map_err(page_error)?;
        Ok(Self { producer, teams, client, _counted: Counted::new() })
    }

    /// What the worker has sent.
    ///
    /// # Errors
    ///
    /// If the session's pages are not as they must be.
    pub fn poll(&mut self) -> Result<Event, PgError> {
        self.client.poll().map_err(page_error)
    }

    /// The end of the session that announces a sleep.
    pub fn feeder(&self) -> &Feeder {
        self.client.feeder()
    }

    /// Fills one page for one of the leaves that the engine wants rows of.
    ///
    /// # Errors
    ///
    /// As for [`Producer::produce`].
    ///
    /// # Safety
    ///
    /// As for [`Producer::produce`].
    pub unsafe fn produce(&mut self) -> Result<Produced, PgError> {
        let feeder = self.client.feeder();
        let mut demand = feeder.next_demand();
        for team in &mut self.teams {
            // SAFETY: the caller's promise.
            demand = unsafe { team.leaders_part(demand, self.client.key(), &mut self.producer) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.producer.produce(feeder, demand) }
    }

    /// Counts the session's temporary files; they will be no more.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread.
    pub unsafe fn report_spill(&self) {
        let (files, bytes) = self.client.spilled();
        // SAFETY: the caller's promise.
        unsafe { temporary::report(files, bytes) };
    }

    /// Ends the session; returns how often the two sides woke each other.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread, in the transaction that ran the plan.
    pub unsafe fn close(mut self) -> WakeUps {
        let wake_ups = self.client.feeder().wake_ups();
        // SAFETY: the caller's promise.
        unsafe {
            self.report_spill();
            self.producer.report(self.client.feeder());
            self.producer.close();
        }
        wake_ups
    }
}

/// The feeds of all leaves.
unsafe fn feeds(
    region: &Region,
    tree: &Tree,
    fusion: *mut pg_sys::CustomScanState,
) -> Result<(Producer, Vec<Team>), PgError> {
    // SAFETY: the caller's promise: the children of a PgFusion node are Feed
    // nodes, and at most one Gather above a Feeds node.
    unsafe {
        let (mut producer, mut teams) = (Producer::empty(), Vec::new());
        for Branch { node, numbers, .. } in &tree.branches {
            let number = |leaf: usize| numbers.get(leaf).copied().flatten();
            producer.add(*node, region, number)?;
            for child in iter::<pg_sys::PlanState>((**node).custom_ps) {
                if cast::<pg_sys::GatherState, _>(child).is_some() {
                    teams.push(Team::new(child.cast(), fusion, numbers, region, &mut producer)?);
                }
            }
        }
        Ok((producer, teams))
    }
}
