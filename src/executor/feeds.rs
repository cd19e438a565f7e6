//! The Feeds node: the leaves that parallel workers feed, too.
//!
//! ```text
//!   Custom Scan (PgFusion)
//!     Gather                      PostgreSQL's node, of which we use the state: it
//!       Custom Scan (Feeds)       starts the workers, and ends them
//!         Custom Scan (Feed)
//!           Parallel Seq Scan
//!         Custom Scan (Feed)
//!           Parallel Seq Scan
//! ```
//!
//! PostgreSQL's parallel executor runs the Feeds node in each worker, where it serves
//! whichever leaf the engine asks for, until all have ended or the session has. It
//! returns no rows. In the leader the PgFusion node does the same, beside its other
//! duties, without asking the Gather.

use super::crew::Crew;
use super::feed::{Feed, Produced};
use super::fusion::FusionState;
use super::owned::Owned;
use super::wait::{PATIENCE, latch_word, serve_interrupts, wait};
use super::{Methods, NO_CALLBACKS, feed};
use crate::boundary;
use crate::error::{self, page_error};
use crate::nodes::{cast, iter};
use crate::planner::FEEDS_NAME;
use crate::shared;
use fusion_page::{FeedStatus, Feeder, PageError, Region};
use fusion_plan::PgError;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_void;
use std::ptr;

static SCAN_METHODS: Methods<pg_sys::CustomScanMethods> = Methods(pg_sys::CustomScanMethods {
    CustomName: FEEDS_NAME.as_ptr(),
    CreateCustomScanState: Some(create_state),
});

static EXEC_METHODS: Methods<pg_sys::CustomExecMethods> = Methods(pg_sys::CustomExecMethods {
    CustomName: FEEDS_NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(exec),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    EstimateDSMCustomScan: Some(estimate_dsm),
    InitializeDSMCustomScan: Some(initialize_dsm),
    ReInitializeDSMCustomScan: Some(initialize_dsm),
    InitializeWorkerCustomScan: Some(initialize_worker),
    ShutdownCustomScan: Some(shutdown),
    ..NO_CALLBACKS
});

/// The plan node's methods.
pub fn scan_methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

/// The node's state.
#[repr(C)]
pub struct FeedsState {
    css: pg_sys::CustomScanState,
    /// What the processes share, once workers are to be started; NULL before.
    shared: *mut c_void,
    /// In the leader, the PgFusion node.
    fusion: *mut pg_sys::CustomScanState,
    /// In a worker, its end of the session, while it runs.
    feeder: Owned<Feeder>,
}

impl FeedsState {
    /// Names the PgFusion node that the leaves belong to.
    ///
    /// # Safety
    ///
    /// `this` is the state of a Feeds node, and `fusion` that of the node above.
    pub unsafe fn set_fusion(this: *mut Self, fusion: *mut pg_sys::CustomScanState) {
        // SAFETY: the caller's promise.
        unsafe { (*this).fusion = fusion };
    }

    /// What the processes share; `None` before workers were prepared.
    ///
    /// # Safety
    ///
    /// `this` is the state of a Feeds node.
    pub unsafe fn crew(this: *mut Self) -> Option<Crew> {
        // SAFETY: PostgreSQL gave the memory for this purpose, and keeps it until
        // the node is shut down.
        unsafe { Crew::at((*this).shared) }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: a zeroed state with its tag and methods is what PostgreSQL asks for;
    // zeroes are NULL pointers.
    unsafe {
        let state: *mut FeedsState = pg_sys::palloc0(size_of::<FeedsState>()).cast();
        (*state).css.ss.ps.type_ = pg_sys::NodeTag::T_CustomScanState;
        (*state).css.methods = &raw const EXEC_METHODS.0;
        state.cast()
    }
}

unsafe extern "C-unwind" fn begin(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    eflags: i32,
) {
    // SAFETY: called by PostgreSQL on a node of ours; `es_query_cxt` holds the
    // node's state, and calls back before it frees it.
    unsafe {
        boundary::guard(|| {
            feed::init_children(node, estate, eflags);
            let state: *mut FeedsState = node.cast();
            Owned::keep_in(&raw mut (*state).feeder, (*estate).es_query_cxt);
        });
    }
}

/// In a worker: feeds until there is nothing more to feed.
unsafe extern "C-unwind" fn exec(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe {
        boundary::guard(|| {
            error::check(work(node.cast()));
            ptr::null_mut()
        })
    }
}

/// What a parallel worker does.
unsafe fn work(state: *mut FeedsState) -> Result<(), PgError> {
    // SAFETY: called from `exec`.
    unsafe {
        let (Some(crew), Some(region)) = (FeedsState::crew(state), shared::region()) else {
            return Err(PgError::internal("a Feeds node was asked for rows"));
        };
        let feeder = match Feeder::attach(region, crew.session(), latch_word()) {
            Ok(feeder) => feeder,
            // The query is over already.
            Err(PageError::Closed) => return Ok(()),
            Err(error) => return Err(page_error(error)),
        };
        let owned = &raw mut (*state).feeder;
        Owned::set(owned, feeder);
        let Some(feeder) = Owned::get(owned) else { return Ok(()) };
        let mut producer = Producer::empty();
        let leaves = producer.add(&raw mut (*state).css, region, |leaf| crew.number(leaf))?;
        producer.share(leaves, Some(crew), ptr::null_mut());
        let result = producer.work(feeder);
        producer.close();
        Owned::clear(owned);
        result
    }
}

unsafe extern "C-unwind" fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe { boundary::guard(|| feed::end_children(node)) }
}

unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe { boundary::guard(|| feed::rescan_all(node)) }
}

#[pg_guard]
unsafe extern "C-unwind" fn estimate_dsm(
    _node: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
) -> usize {
    Crew::SIZE
}

/// In the leader, before workers are started, for the first time or again.
#[pg_guard]
unsafe extern "C-unwind" fn initialize_dsm(
    node: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
    memory: *mut c_void,
) {
    // SAFETY: called by PostgreSQL on a node of ours with the memory it asked for.
    unsafe { (*node.cast::<FeedsState>()).shared = memory };
}

#[pg_guard]
unsafe extern "C-unwind" fn initialize_worker(
    node: *mut pg_sys::CustomScanState,
    _toc: *mut pg_sys::shm_toc,
    memory: *mut c_void,
) {
    // SAFETY: as in `initialize_dsm`.
    unsafe { (*node.cast::<FeedsState>()).shared = memory };
}

/// The workers are to go: the Gather above, which is shut down next, waits for them, and
/// they stop when the session is over. There are none if it must go on.
unsafe extern "C-unwind" fn shutdown(node: *mut pg_sys::CustomScanState) {
    // SAFETY: called by PostgreSQL on a node of ours.
    unsafe {
        boundary::guard(|| {
            let state: *mut FeedsState = node.cast();
            if !(*state).fusion.is_null() {
                FusionState::shut_down((*state).fusion);
            }
            // The memory goes with the Gather's parallel context.
            (*state).shared = ptr::null_mut();
        });
    }
}

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

    /// Shares the rows of `leaves`, a bit per leaf, with `crew` from now on; nothing of
    /// them was produced yet. For `area` see [`Feed::share`].
    pub fn share(&mut self, leaves: u64, crew: Option<Crew>, area: *mut pg_sys::dsa_area) {
        for feed in self.feeds.iter_mut().filter(|feed| leaves >> feed.leaf() & 1 != 0) {
            feed.share(crew, area);
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
    unsafe fn work(&mut self, feeder: &Feeder) -> Result<(), PgError> {
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
