//! The feeds of one process, which serve whichever leaf the engine asks for.

use super::pages::{Feed, Produced};
use crate::executor::parallel::Participants;
use crate::executor::wait::{PATIENCE, serve_interrupts, wait};
use crate::nodes::{cast, iter};
use fusion_page::{FeedStatus, Feeder, Region};
use fusion_plan::PgError;
use pgrx::pg_sys;

/// The feeds of one process.
pub struct Producer {
    feeds: Vec<Feed>,
    /// Where to look for the next leaf to serve.
    next: usize,
}

impl Producer {
    /// No feeds.
    pub fn empty() -> Self {
        Self { feeds: Vec::new(), next: 0 }
    }

    /// Adds the feeds of the Feed nodes directly below `node`; returns their leaves, a
    /// bit per leaf. `number` gives the session's number of a leaf of the node; those that
    /// have none are not fed.
    ///
    /// # Errors
    ///
    /// As for [`Feed::new`].
    ///
    /// # Safety
    ///
    /// `node` is a node of ours, initialised, and outlives the producer.
    pub unsafe fn add(
        &mut self,
        node: *mut pg_sys::CustomScanState,
        region: &Region,
        number: impl Fn(usize) -> Option<usize>,
    ) -> Result<u64, PgError> {
        let mut leaves = 0;
        // SAFETY: the caller's promise.
        unsafe {
            for child in iter::<pg_sys::PlanState>((*node).custom_ps) {
                if cast::<pg_sys::CustomScanState, _>(child).is_some()
                    && let Some(feed) = Feed::new(child, region.page_size(), &number)?
                {
                    leaves |= 1 << feed.leaf();
                    self.feeds.push(feed);
                }
            }
        }
        Ok(leaves)
    }

    /// Shares the rows of `leaves`, a bit per leaf, with `participants` from now on; nothing of
    /// them was produced yet. For `area` see [`Feed::share`].
    pub fn share(
        &mut self,
        leaves: u64,
        participants: Option<Participants>,
        area: *mut pg_sys::dsa_area,
    ) {
        for feed in self.feeds.iter_mut().filter(|feed| leaves >> feed.leaf() & 1 != 0) {
            feed.share(participants, area);
        }
    }

    /// The number of leaves.
    pub fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Fills one page for one of the leaves among `demand` (a bit per leaf) that this
    /// process can feed.
    ///
    /// # Errors
    ///
    /// As for [`Feed::produce`].
    ///
    /// # Safety
    ///
    /// As for [`Feed::produce`].
    pub unsafe fn produce(&mut self, feeder: &Feeder, demand: u64) -> Result<Produced, PgError> {
        let count = self.feeds.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            let feed = &mut self.feeds[index];
            if demand >> feed.leaf() & 1 == 0 || feed.has_ended() {
                continue;
            }
            serve_interrupts();
            // SAFETY: the caller's promise.
            if unsafe { feed.produce(feeder)? } == Produced::Progress {
                self.next = index + 1;
                return Ok(Produced::Progress);
            }
        }
        Ok(Produced::Nothing)
    }

    /// Produces until nothing is left to, or the session is over.
    ///
    /// # Errors
    ///
    /// As for [`Feed::produce`].
    ///
    /// # Safety
    ///
    /// As for [`Feed::produce`].
    pub unsafe fn work(&mut self, feeder: &Feeder) -> Result<(), PgError> {
        let mut announced = false;
        while feeder.status() == FeedStatus::Running && !self.feeds.iter().all(Feed::has_ended) {
            // SAFETY: the caller's promise.
            if unsafe { self.produce(feeder, feeder.next_demand())? } == Produced::Progress {
                feeder.cancel_sleep();
                announced = false;
                continue;
            }
            // As in the leader: announced first, then everything is looked at again.
            if announced {
                wait(PATIENCE);
                feeder.cancel_sleep();
            } else {
                feeder.prepare_sleep();
            }
            announced = !announced;
        }
        feeder.cancel_sleep();
        Ok(())
    }

    /// Adds the session's figures to those of the nodes.
    ///
    /// # Safety
    ///
    /// As for [`Feed::report`].
    pub unsafe fn report(&self, feeder: &Feeder) {
        for feed in &self.feeds {
            // SAFETY: the caller's promise.
            unsafe { feed.report(feeder) };
        }
    }

    /// Gives back what the feeds hold of PostgreSQL's.
    ///
    /// # Safety
    ///
    /// As for [`Feed::close`].
    pub unsafe fn close(&mut self) {
        for feed in &mut self.feeds {
            // SAFETY: the caller's promise.
            unsafe { feed.close() };
        }
    }
}
