//! One run of a fusion plan: its session, its feeds and its results.

use super::crew::Crew;
use super::feed::Produced;
use super::feeds::{FeedsState, Producer};
use super::gather::Gather;
use super::graft::{Branch, Tree};
use super::params::Params;
use super::results::Results;
use super::wait::{PATIENCE, latch_word, wait};
use crate::error::page_error;
use crate::guc;
use crate::nodes::{cast, iter};
use crate::opening::Opening;
use crate::shared;
use crate::temporary;
use fusion_page::{ClientSession, Event, OpenError, Region, Waiter, WakeUps};
use fusion_plan::{PgError, SessionMetrics, SqlState, Value, decode, encode};
use pgrx::pg_sys;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long to wait for a worker that is being started, the one that runs plans or
/// a parallel one.
const WORKER_START: Duration = Duration::from_secs(5);

/// A PgFusion node's state between rows.
pub struct Run {
    /// The plan.
    pub tree: Tree,
    /// Whether another node runs the plan as a part of its own.
    pub grafted: bool,
    /// The engine's figures, once a session has finished.
    pub metrics: Option<SessionMetrics>,
    /// How often the two sides woke each other, once a session has ended.
    pub wake_ups: Option<WakeUps>,
    node: *mut pg_sys::CustomScanState,
    bytes: Vec<u8>,
    results: Results,
    state: RunState,
}

/// What comes next.
enum RunState {
    /// A session is opened when the first row is asked for.
    New,
    /// More of the session's rows.
    Open(Session),
    /// Nothing: all rows were returned.
    Ended,
    /// An error: the rest is lost.
    Lost,
}

/// How long a backend that has a session waits for a further one.
const NESTED_PATIENCE: Duration = Duration::from_secs(5);

/// The session under way.
struct Session {
    producer: Producer,
    /// The leaves that parallel workers may feed, too.
    teams: Vec<Team>,
    /// Dropped after the feeds, which may have pages of it.
    client: ClientSession,
    _counted: Counted,
}

/// The leaves below a Gather.
struct Team {
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
        // SAFETY: the caller's promise.
        let params = unsafe { Params::new(scan, node) };
        let mut tree = Tree::new(plan, node, params);
        // SAFETY: as above.
        let bytes = match unsafe { tree.graft()? } {
            true => encode(&tree.plan).map_err(|error| PgError::internal(error.to_string()))?,
            false => bytes.to_vec(),
        };
        let types = tree.plan.schema(&tree.plan.root);
        let types = types.ok_or_else(|| PgError::internal("a plan without a schema"))?;
        Ok(Self {
            tree,
            grafted: false,
            metrics: None,
            wake_ups: None,
            node,
            bytes,
            // SAFETY: PostgreSQL makes the scan slot before it calls us.
            results: unsafe {
                let slot = (*node).ss.ss_ScanTupleSlot;
                Results::new(types, (*slot).tts_tupleDescriptor)?
            },
            state: RunState::New,
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
                if !self.next_page()? {
                    return Ok(false);
                }
            }
        }
    }

    /// Forgets everything but the plan: the next row is the first one again.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread, in the transaction that ran the plan.
    pub unsafe fn reset(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { self.close(RunState::New) };
    }

    /// Ends the session, if there is one, because whoever reads the rows has enough of
    /// them. A run that has not reached its end has none after this: it must not be asked.
    ///
    /// # Safety
    ///
    /// As for [`Run::reset`].
    pub unsafe fn stop(&mut self) {
        if let RunState::Open(_) = self.state {
            // SAFETY: the caller's promise.
            unsafe { self.close(RunState::Lost) };
        }
    }

    /// Ends the session, if there is one, and goes on with `next`.
    unsafe fn close(&mut self, next: RunState) {
        self.results.clear();
        if let RunState::Open(mut session) = std::mem::replace(&mut self.state, next) {
            self.wake_ups = Some(session.client.feeder().wake_ups());
            // SAFETY: the caller's promise.
            unsafe {
                session.report_spill();
                session.producer.report(session.client.feeder());
                session.producer.close();
            }
        }
    }

    /// Works and waits until there is a page of results; `false` at the end.
    unsafe fn next_page(&mut self) -> Result<bool, PgError> {
        if let RunState::New = self.state {
            // SAFETY: the caller's promise.
            self.state = RunState::Open(unsafe { self.open()? });
        }
        let session = match &mut self.state {
            RunState::Open(session) => session,
            RunState::Ended => return Ok(false),
            RunState::New | RunState::Lost => {
                return Err(PgError::internal("a PgFusion node was asked for rows after its end"));
            }
        };
        let mut announced = false;
        loop {
            match session.client.poll().map_err(page_error)? {
                Event::Nothing => {
                    // SAFETY: the caller's promise.
                    if unsafe { session.produce()? } == Produced::Progress {
                        // The leaf may have waited, and taken our wake-up.
                        session.client.feeder().cancel_sleep();
                        announced = false;
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
                    // SAFETY: the caller's promise.
                    unsafe { self.close(RunState::Ended) };
                    return Ok(false);
                }
                Event::Failed(error) => {
                    // SAFETY: the caller's promise.
                    unsafe { session.report_spill() };
                    self.state = RunState::Lost;
                    return Err(error);
                }
                Event::WorkerGone => {
                    // SAFETY: the caller's promise.
                    unsafe { session.report_spill() };
                    self.state = RunState::Lost;
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
            self.tree.rescan();
            let params = self.params()?;
            let opening = Opening {
                plan: &self.bytes,
                params,
                metrics: !(*self.node).ss.ps.instrument.is_null(),
                runtime_filters: guc::RUNTIME_FILTERS.get(),
                panics: guc::FAULT.get() == guc::Fault::Panic,
                spill_directories: temporary::places_of_query(),
                spill_limit_kb: temporary::limit_kb(),
            };
            let blob = postcard::to_stdvec(&opening)
                .map_err(|error| PgError::internal(error.to_string()))?;
            let (producer, teams) = self.feeds(region)?;
            if producer.len() != self.tree.plan.leaves.len() {
                return Err(PgError::internal("a plan does not have its leaves"));
            }
            let client = open_client(region)?;
            client.submit_startup_message(&blob, producer.len()).map_err(page_error)?;
            Ok(Session { producer, teams, client, _counted: Counted::new() })
        }
    }

    /// The values of all parameters.
    unsafe fn params(&self) -> Result<Vec<Option<Value>>, PgError> {
        let mut types = self.tree.plan.params.as_slice();
        let mut values = Vec::with_capacity(types.len());
        for Branch { node, params, .. } in &self.tree.branches {
            let (own, rest) = types.split_at(params.len().min(types.len()));
            // SAFETY: the caller's promise; the nodes of a plan begin and end together.
            values.extend(unsafe { params.values(own, (**node).ss.ps.ps_ExprContext)? });
            types = rest;
        }
        match types.is_empty() {
            true => Ok(values),
            false => Err(PgError::internal("a plan does not have its parameters")),
        }
    }

    /// The feeds of all leaves.
    unsafe fn feeds(&self, region: &Region) -> Result<(Producer, Vec<Team>), PgError> {
        // SAFETY: the caller's promise: the children of a PgFusion node are Feed
        // nodes, and at most one Gather above a Feeds node.
        unsafe {
            let (mut producer, mut teams) = (Producer::empty(), Vec::new());
            for Branch { node, numbers, .. } in &self.tree.branches {
                let number = |leaf: usize| numbers.get(leaf).copied().flatten();
                producer.add(*node, region, number)?;
                for child in iter::<pg_sys::PlanState>((**node).custom_ps) {
                    if cast::<pg_sys::GatherState, _>(child).is_some() {
                        let gather = Gather::new(child.cast());
                        FeedsState::set_fusion(gather.feeds(), self.node);
                        let leaves = producer.add(gather.feeds().cast(), region, number)?;
                        let (numbers, state) = (numbers.clone(), TeamState::Idle);
                        teams.push(Team { gather, leaves, numbers, state });
                    }
                }
            }
            Ok((producer, teams))
        }
    }
}

impl Session {
    /// Counts the session's temporary files; they will be no more.
    unsafe fn report_spill(&self) {
        let (files, bytes) = self.client.spilled();
        // SAFETY: the caller's promise.
        unsafe { temporary::report(files, bytes) };
    }

    /// Fills one page for one of the leaves that the engine wants rows of.
    unsafe fn produce(&mut self) -> Result<Produced, PgError> {
        let feeder = self.client.feeder();
        let mut demand = feeder.next_demand();
        for team in &mut self.teams {
            if demand & team.leaves == 0 {
                continue;
            }
            if team.state == TeamState::Idle {
                // SAFETY: the caller's promise.
                let crew = unsafe { team.gather.start(self.client.key(), &team.numbers) };
                team.state = TeamState::of(crew);
                self.producer.share(team.leaves, crew, team.gather.area());
            }
            if !team.state.leader_feeds() {
                demand &= !team.leaves;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { self.producer.produce(feeder, demand) }
    }
}

impl TeamState {
    /// The state after workers were started, or could not be.
    fn of(crew: Option<Crew>) -> Self {
        // SAFETY: a setting, read in a backend's main thread.
        let leader_too = crew.is_none() || unsafe { pg_sys::parallel_leader_participation };
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

thread_local! {
    /// Sessions that this backend has open.
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// Counts an open session; dropped with it.
struct Counted(());

impl Counted {
    fn new() -> Self {
        OPEN.set(OPEN.get() + 1);
        Self(())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPEN.set(OPEN.get().saturating_sub(1));
    }
}

/// Opens a session slot; waits in the queue if all are taken.
///
/// A backend that has a session already (a query inside a query, or beside an
/// open cursor) may take one of the slots that are kept for such. If those are taken,
/// too, it waits for [`NESTED_PATIENCE`] only: others may wait for the one it holds.
fn open_client(region: &Region) -> Result<ClientSession, PgError> {
    let latch = latch_word();
    let nested = OPEN.get() > 0;
    let started = Instant::now();
    let mut no_worker_since = None;
    loop {
        let opened = match try_open(region, latch, nested) {
            Ok(Some(client)) => return Ok(client),
            Ok(None) => wait_in_queue(region, latch, nested.then_some(started)),
            Err(error) => Err(error),
        };
        match opened {
            Ok(Some(client)) => return Ok(client),
            Ok(None) => return Err(too_many_sessions(region)),
            // A worker that ended is started again after a second.
            Err(OpenError::NoWorker)
                if no_worker_since.get_or_insert_with(Instant::now).elapsed() < WORKER_START =>
            {
                wait(Duration::from_millis(50));
            }
            Err(error) => return Err(cannot_open(error)),
        }
    }
}

/// Opens a session slot that is free.
fn try_open(region: &Region, latch: u64, nested: bool) -> Result<Option<ClientSession>, OpenError> {
    if nested && let Some(client) = ClientSession::try_open_nested(region, latch)? {
        return Ok(Some(client));
    }
    ClientSession::try_open(region, latch)
}

/// Waits for a slot; `None` if that took too long since `nested_since`.
fn wait_in_queue(
    region: &Region,
    latch: u64,
    nested_since: Option<Instant>,
) -> Result<Option<ClientSession>, OpenError> {
    let waiter = Waiter::join(region, latch)?;
    loop {
        if let Some(client) = waiter.try_open()? {
            return Ok(Some(client));
        }
        if let Some(since) = nested_since {
            // Nobody is told when one of these becomes free.
            if let Some(client) = ClientSession::try_open_nested(region, latch)? {
                return Ok(Some(client));
            }
            if since.elapsed() >= NESTED_PATIENCE {
                return Ok(None);
            }
        }
        wait(PATIENCE);
    }
}

fn too_many_sessions(region: &Region) -> PgError {
    PgError::new(
        SqlState::CONFIGURATION_LIMIT_EXCEEDED,
        format!("all {} sessions of pg_fusion are taken", region.max_sessions()),
    )
    .with_detail("This backend has one open already, so it does not wait for another.")
    .with_hint("Consider raising the configuration parameter \"pg_fusion.max_sessions\".")
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
