//! Parallel workers for a plan's leaves, through the state of PostgreSQL's Gather.
//!
//! `ExecGather` does three things: it starts the workers, takes rows from their
//! queues, and runs the plan in the leader. Our workers send no rows, and the leader
//! must not wait for them, so the first is done here as `ExecGather` in nodeGather.c does it, and the
//! others not at all. Everything else is the Gather's own: its parameters, rescan,
//! shutdown, and what EXPLAIN shows.

use super::shared_state::Participants;
use super::state::FeedsState;
use crate::boundary;
use crate::executor::raw;
use fusion_page::SessionKey;
use pgrx::pg_sys;
use std::ffi::c_void;

unsafe extern "C-unwind" {
    fn ExecInitParallelPlan(
        node: *mut pg_sys::PlanState,
        estate: *mut pg_sys::EState,
        params: *mut pg_sys::Bitmapset,
        workers: i32,
        tuples_needed: i64,
    ) -> *mut pg_sys::ParallelExecutorInfo;
    fn ExecParallelReinitialize(
        node: *mut pg_sys::PlanState,
        info: *mut pg_sys::ParallelExecutorInfo,
        params: *mut pg_sys::Bitmapset,
    );
    #[link_name = "LaunchParallelWorkers"]
    fn launch_workers(context: *mut pg_sys::ParallelContext);
}

/// The beginning of PostgreSQL's `ParallelExecutorInfo`, as it is in versions 15 to 18.
#[repr(C)]
struct ExecutorInfo {
    node: *mut pg_sys::PlanState,
    context: *mut pg_sys::ParallelContext,
    buffer_usage: *mut pg_sys::BufferUsage,
    wal_usage: *mut pg_sys::WalUsage,
    instrumentation: *mut c_void,
    jit_instrumentation: *mut c_void,
    area: *mut pg_sys::dsa_area,
}

/// The Gather of a PgFusion node.
#[derive(Clone, Copy)]
pub struct Gather(*mut pg_sys::GatherState);

impl Gather {
    /// The Gather whose state is `node`, above a Feeds node.
    ///
    /// # Safety
    ///
    /// As said; the state outlives the value.
    pub unsafe fn new(node: *mut pg_sys::GatherState) -> Self {
        Self(node)
    }

    /// The Feeds node below.
    pub fn feeds(self) -> *mut FeedsState {
        // SAFETY: a Gather has its plan on the left.
        unsafe { (*self.0).ps.lefttree.cast() }
    }

    /// The memory that parallel-aware nodes of the leaves share; NULL if no workers were
    /// started. It must be the query's while the leader runs such a node.
    pub fn area(self) -> *mut pg_sys::dsa_area {
        // SAFETY: what `start` made.
        unsafe {
            let info = (*self.0).pei.cast::<ExecutorInfo>();
            if info.is_null() { std::ptr::null_mut() } else { (*info).area }
        }
    }

    /// Starts workers that feed `session`, as many as can be had; `None` if there
    /// are none, and the leader feeds alone. `numbers` are those of the node's leaves in
    /// the session.
    ///
    /// # Safety
    ///
    /// Runs during execution, within `boundary::guard`; no workers are running.
    pub unsafe fn start(
        self,
        session: SessionKey,
        numbers: &[Option<usize>],
    ) -> Option<Participants> {
        // SAFETY: the caller's promise; follows `ExecGather`.
        unsafe {
            let state = self.0;
            let estate = (*state).ps.state;
            let plan: *mut pg_sys::Gather = (*state).ps.plan.cast();
            let feeds: *mut pg_sys::PlanState = (*state).ps.lefttree;
            let mut participants = None;
            // Nobody asks the Gather for rows; EXPLAIN ANALYZE shows what starting took.
            let instrument = (*state).ps.instrument;
            if !instrument.is_null() {
                pg_sys::InstrStartNode(instrument);
            }
            if (*plan).num_workers > 0 && (*estate).es_use_parallel_mode {
                boundary::call(|| {
                    if (*state).pei.is_null() {
                        let all = -1;
                        (*state).pei = ExecInitParallelPlan(
                            feeds,
                            estate,
                            (*plan).initParam,
                            (*plan).num_workers,
                            all,
                        );
                    } else {
                        ExecParallelReinitialize(feeds, (*state).pei, (*plan).initParam);
                    }
                });
                let context = (*(*state).pei.cast::<ExecutorInfo>()).context;
                let prepared = FeedsState::participants(self.feeds());
                if let Some(participants) = prepared {
                    participants.begin(session, numbers);
                }
                boundary::call(|| launch_workers(context));
                (*state).nworkers_launched = (*context).nworkers_launched;
                participants = prepared.filter(|_| (*context).nworkers_launched > 0);
            }
            if !instrument.is_null() {
                pg_sys::InstrStopNode(instrument, 0.0);
            }
            (*state).initialized = true;
            // A rescan is left to whoever runs the plan next, see `ExecReScanGather` in nodeGather.c.
            if !(*feeds).chgParam.is_null() {
                (*estate).es_query_dsa = self.area();
                boundary::call(|| raw::rescan_node(feeds));
                (*estate).es_query_dsa = std::ptr::null_mut();
            }
            participants
        }
    }
}
