//! One run of a fusion plan: its session, its feeds and its results.

use super::feed::{Feed, Produced, page_error};
use super::params::Params;
use super::results::Results;
use super::wait::{latch_word, wait};
use crate::nodes::iter;
use crate::opening::Opening;
use crate::shared;
use fusion_page::{ClientSession, Event, OpenError, Region, Waiter};
use fusion_plan::{PgError, Plan, SessionMetrics, SqlState, decode};
use pgrx::pg_sys;
use std::time::{Duration, Instant};

/// How long a wait lasts if nothing wakes it: the worker wakes whoever it owes
/// something, so this only bounds the damage of a lost wake-up.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait for a worker that is being started.
const WORKER_START: Duration = Duration::from_secs(5);

/// A PgFusion node's state between rows.
pub struct Run {
    /// The plan.
    pub plan: Plan,
    /// The engine's figures, once a session has finished.
    pub metrics: Option<SessionMetrics>,
    node: *mut pg_sys::CustomScanState,
    bytes: Vec<u8>,
    params: Params,
    results: Results,
    session: Option<Session>,
    finished: bool,
}

/// The session under way.
struct Session {
    feeds: Vec<Feed>,
    /// Where to look for the next leaf to serve.
    next_leaf: usize,
    /// Dropped last: closing it ends everything else.
    client: ClientSession,
}

impl Run {
    /// A run of the plan that `scan` carries, by `node`.
    ///
    /// # Errors
    ///
    /// If the plan is not one of this library.
    ///
    /// # Safety
    ///
    /// Called from `BeginCustomScan`, after the children were initialised.
    pub unsafe fn new(
        bytes: &[u8],
        scan: *const pg_sys::CustomScan,
        node: *mut pg_sys::CustomScanState,
    ) -> Result<Self, PgError> {
        let plan = decode(bytes).map_err(|error| PgError::internal(error.to_string()))?;
        let types =
            plan.schema(&plan.root).ok_or_else(|| PgError::internal("plan without a schema"))?;
        Ok(Self {
            metrics: None,
            node,
            bytes: bytes.to_vec(),
            // SAFETY: the caller's promise.
            params: unsafe { Params::new(scan, node) },
            results: Results::new(types)?,
            session: None,
            finished: false,
            plan,
        })
    }

    /// Stores the next row in the scan slot; `false` at the end.
    ///
    /// # Errors
    ///
    /// Whatever the engine, a feed or the worker's death brings.
    ///
    /// # Safety
    ///
    /// Runs during execution of the node, in a backend's main thread.
    pub unsafe fn next(&mut self) -> Result<bool, PgError> {
        // SAFETY: the caller's promise; the node has a slot and a context.
        unsafe {
            let slot = (*self.node).ss.ss_ScanTupleSlot;
            let memory = (*(*self.node).ss.ps.ps_ExprContext).ecxt_per_tuple_memory;
            loop {
                if self.results.next(slot, memory) {
                    return Ok(true);
                }
                if self.finished || !self.next_page()? {
                    return Ok(false);
                }
            }
        }
    }

    /// Forgets everything but the plan: the next row is the first one again.
    pub fn reset(&mut self) {
        self.results.clear();
        self.session = None;
        self.finished = false;
    }

    /// Works and waits until there is a page of results; `false` at the end.
    unsafe fn next_page(&mut self) -> Result<bool, PgError> {
        if self.session.is_none() {
            // SAFETY: the caller's promise.
            self.session = Some(unsafe { self.open()? });
        }
        let Some(session) = self.session.as_mut() else {
            return Ok(false);
        };
        let mut announced = false;
        loop {
            match session.client.poll().map_err(page_error)? {
                Event::Nothing => {
                    // SAFETY: the caller's promise.
                    if unsafe { session.produce()? } {
                        continue;
                    }
                    // A sleep is announced first; then everything is looked at
                    // once more. Either that brings the news, or the worker
                    // sees the announcement and sets the latch.
                    let feeder = session.client.feeder();
                    if announced {
                        wait(PATIENCE);
                        feeder.cancel_sleep();
                    } else {
                        feeder.prepare_sleep();
                    }
                    announced = !announced;
                }
                Event::Result(page) => {
                    session.client.feeder().cancel_sleep();
                    self.results.set_page(page)?;
                    return Ok(true);
                }
                Event::Blob(bytes) => {
                    self.metrics = postcard::from_bytes(&bytes).ok();
                }
                Event::Finished => {
                    self.session = None;
                    self.finished = true;
                    return Ok(false);
                }
                Event::Failed(error) => {
                    self.session = None;
                    return Err(error);
                }
                Event::WorkerGone => {
                    self.session = None;
                    return Err(worker_gone());
                }
            }
        }
    }

    /// Opens a session for the plan.
    unsafe fn open(&self) -> Result<Session, PgError> {
        let region = shared::region().ok_or_else(not_preloaded)?;
        // SAFETY: the caller's promise.
        unsafe {
            let econtext = (*self.node).ss.ps.ps_ExprContext;
            let params = self.params.values(&self.plan.params, econtext)?;
            let opening = Opening {
                plan: &self.bytes,
                params,
                metrics: !(*self.node).ss.ps.instrument.is_null(),
            };
            let blob = postcard::to_stdvec(&opening)
                .map_err(|error| PgError::internal(error.to_string()))?;
            let feeds = iter::<pg_sys::PlanState>((*self.node).custom_ps)
                .zip(&self.plan.leaves)
                .enumerate()
                .map(|(index, (node, schema))| Feed::new(node, index, schema, region.page_size()))
                .collect::<Result<Vec<_>, _>>()?;
            if feeds.len() != self.plan.leaves.len() {
                return Err(PgError::internal("a plan does not have its leaves"));
            }
            let client = open_client(region)?;
            client.submit_opening(&blob, feeds.len()).map_err(page_error)?;
            Ok(Session { feeds, next_leaf: 0, client })
        }
    }
}

impl Session {
    /// Fills one page for a leaf that the engine wants rows of; `false` if
    /// there is no such leaf, or no page.
    unsafe fn produce(&mut self) -> Result<bool, PgError> {
        let feeder = self.client.feeder();
        let Some(leaf) = pick(feeder.next_demand(), self.next_leaf) else {
            return Ok(false);
        };
        let Some(feed) = self.feeds.get_mut(leaf) else {
            return Err(PgError::internal("a leaf that does not exist is asked for"));
        };
        self.next_leaf = leaf + 1;
        pgrx::check_for_interrupts!();
        // SAFETY: the caller's promise.
        Ok(unsafe { feed.produce(feeder)? } == Produced::Progress)
    }
}

/// The first leaf of `demand` at or after `start`, going round.
fn pick(demand: u64, start: usize) -> Option<usize> {
    if demand == 0 {
        return None;
    }
    let start = (start % 64) as u32;
    Some(((demand.rotate_right(start).trailing_zeros() + start) % 64) as usize)
}

/// Opens a session slot; waits in the queue if all are taken.
fn open_client(region: &Region) -> Result<ClientSession, PgError> {
    let latch = latch_word();
    let started = Instant::now();
    loop {
        match ClientSession::try_open(region, latch) {
            Ok(Some(client)) => return Ok(client),
            Ok(None) => {
                let waiter = Waiter::join(region, latch).map_err(cannot_open)?;
                loop {
                    match waiter.try_open() {
                        Ok(Some(client)) => return Ok(client),
                        Ok(None) => wait(PATIENCE),
                        Err(OpenError::NoWorker) => break,
                        Err(error) => return Err(cannot_open(error)),
                    }
                }
            }
            // A worker that ended is started again after a second.
            Err(OpenError::NoWorker) if started.elapsed() < WORKER_START => {
                wait(Duration::from_millis(50));
            }
            Err(error) => return Err(cannot_open(error)),
        }
    }
}

fn not_preloaded() -> PgError {
    PgError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "pg_fusion is not loaded")
        .with_hint("Add pg_fusion to shared_preload_libraries and restart the server.")
}

fn cannot_open(error: OpenError) -> PgError {
    let error = PgError::new(SqlState::SYSTEM_ERROR, error.to_string());
    error.with_hint("Set enable_fusion_customscan = off to run the query without it.")
}

fn worker_gone() -> PgError {
    PgError::new(SqlState::SYSTEM_ERROR, "the pg_fusion worker ended while it ran the query")
        .with_hint("Repeat the query; the worker is started again by itself.")
}
