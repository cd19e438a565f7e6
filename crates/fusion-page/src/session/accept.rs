//! How a session comes to the worker: accepted once, or its client is told why not.

use crate::error::PageError;
use crate::session::worker::WorkerSide;
use crate::session::worker_session::WorkerSession;
use crate::shared::identity::SessionKey;
use crate::shared::state::State;
use fusion_plan::PgError;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

impl WorkerSide {
    /// Opens the worker's side of the session that a client has submitted in
    /// `slot`; `None` if there is none, or it has been accepted.
    ///
    /// # Errors
    ///
    /// If the startup message cannot be read; the client has then been told.
    pub fn accept(self: &Arc<Self>, slot: u32) -> Result<Option<Arc<WorkerSession>>, PageError> {
        if slot as usize >= self.region().slot_count() {
            return Ok(None);
        }
        let state = self.region().state(slot);
        let submitted = State::BUSY | State::CLIENT | State::SUBMITTED;
        if state.flags != submitted
            || self.region().slot(slot).worker.load(Acquire) != self.id().word()
        {
            return Ok(None);
        }
        let accepted = State { flags: submitted | State::WORKER, ..state };
        let word = &self.region().states()[slot as usize];
        if word.compare_exchange(state.pack(), accepted.pack(), SeqCst, Relaxed).is_err() {
            return Ok(None);
        }
        let key = SessionKey { slot, generation: state.generation };
        let session = WorkerSession::new(Arc::clone(self), key);
        match session.read_startup_message() {
            Ok(session) => Ok(Some(Arc::new(session))),
            Err((session, error)) => {
                session.fail(&PgError::internal(format!("could not open session: {error}")));
                Err(error)
            }
        }
    }
}
