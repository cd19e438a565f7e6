//! One run of a fusion plan: its session, its feeds and its results.

use super::feed::Produced;
use super::results::Results;
use super::session::Session;
use super::tree::{Branch, Tree};
use super::wait::{PATIENCE, wait};
use crate::guc;
use crate::shared;
use crate::startup_message::StartupMessage;
use crate::temporary;
use fusion_page::{Event, WakeUps};
use fusion_plan::{PgError, SessionMetrics, SqlState, Value};
use pgrx::pg_sys;

/// A PgFusion node's state between rows.
pub struct Run {
    /// The plan.
    pub tree: Tree,
    /// Whether another node runs the plan as a part of its own.
    pub inlined: bool,
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

impl Run {
    /// A run of the plan of `tree`, encoded as `bytes`, by `node`.
    ///
    /// # Errors
    ///
    /// If the plan does not give rows that `node` can return.
    ///
    /// # Safety
    ///
    /// Called from `BeginCustomScan`, after the children were initialised.
    pub unsafe fn new(
        tree: Tree,
        bytes: Vec<u8>,
        node: *mut pg_sys::CustomScanState,
    ) -> Result<Self, PgError> {
        let types = tree.plan.schema(&tree.plan.root);
        let types = types.ok_or_else(|| PgError::internal("a plan without a schema"))?;
        Ok(Self {
            tree,
            inlined: false,
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
        if let RunState::Open(session) = std::mem::replace(&mut self.state, next) {
            // SAFETY: the caller's promise.
            self.wake_ups = Some(unsafe { session.close() });
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
            match session.poll()? {
                Event::Nothing => {
                    // SAFETY: the caller's promise.
                    if unsafe { session.produce()? } == Produced::Progress {
                        // The leaf may have waited, and taken our wake-up.
                        session.feeder().cancel_sleep();
                        announced = false;
                        continue;
                    }
                    // A sleep is announced first; then everything is looked at
                    // once more. Either that brings the news, or the worker
                    // sees the announcement and sets the latch.
                    let feeder = session.feeder();
                    if announced {
                        wait(PATIENCE);
                        feeder.cancel_sleep();
                    } else {
                        feeder.prepare_sleep();
                    }
                    announced = !announced;
                }
                Event::Result(page) => {
                    session.feeder().cancel_sleep();
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
            let message = StartupMessage {
                plan: &self.bytes,
                params,
                metrics: !(*self.node).ss.ps.instrument.is_null(),
                runtime_filters: guc::RUNTIME_FILTERS.get(),
                panics: guc::FAULT.get() == guc::Fault::Panic,
                spill_directories: temporary::places_of_query(),
                spill_limit_kb: temporary::limit_kb(),
            };
            let blob = postcard::to_stdvec(&message)
                .map_err(|error| PgError::internal(error.to_string()))?;
            Session::open(region, &self.tree, self.node, &blob)
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
}

fn not_preloaded() -> PgError {
    PgError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "pg_fusion is not loaded")
        .with_hint("Add pg_fusion to shared_preload_libraries and restart the server.")
}

fn worker_gone() -> PgError {
    PgError::new(SqlState::SYSTEM_ERROR, "the pg_fusion worker ended while it ran the query")
        .with_hint("Repeat the query; the worker is started again by itself.")
}
