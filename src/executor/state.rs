//! The PgFusion node's state, and what its shutdown means.

use super::owned::Owned;
use super::run::Run;
use pgrx::pg_sys;

/// The node's state: PostgreSQL's, and ours behind a pointer.
///
/// The run is dropped when the node ends, and if it does not, because of an
/// error, when the query's memory goes.
#[repr(C)]
pub struct FusionState {
    /// PostgreSQL's own.
    pub css: pg_sys::CustomScanState,
    /// Ours.
    pub run: Owned<Run>,
}

impl FusionState {
    /// The run of `node`, a PgFusion node, once it has begun.
    ///
    /// # Safety
    ///
    /// `node` is the state of a PgFusion node; nothing else borrows its run.
    pub unsafe fn run<'a>(node: *mut pg_sys::CustomScanState) -> Option<&'a mut Run> {
        // SAFETY: the caller's promise.
        unsafe { Owned::get(&raw mut (*node.cast::<Self>()).run) }
    }

    /// PostgreSQL shuts the nodes of a plan down, this one or one below it: ends the session
    /// if no more rows will be asked for.
    ///
    /// A shutdown alone does not say so: it says that parallel workers may go.
    /// `ExecutePlan` in execMain.c, which nothing else does, shuts the nodes down after each
    /// portion of the rows, of a portal that is read in steps or of an SQL function in a
    /// target list. But it allows parallel mode only if the plan runs once, to its end. So
    /// in parallel mode the run is over, and in any other there are no workers, and the
    /// session goes on with the leader alone.
    ///
    /// # Safety
    ///
    /// As for [`FusionState::run`].
    pub unsafe fn shut_down(node: *mut pg_sys::CustomScanState) {
        // SAFETY: the caller's promise.
        unsafe {
            if (*(*node).ss.ps.state).es_use_parallel_mode
                && let Some(run) = Self::run(node)
            {
                run.stop();
            }
        }
    }
}
