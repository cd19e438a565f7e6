//! The sessions that run, and the doorbell that brings their news.

use super::session::{self, News};
use fusion_engine::Engine;
use fusion_page::WorkerSide;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;

/// Starts sessions and passes news on to them. Used by the doorbell thread.
pub struct Registry {
    side: Arc<WorkerSide>,
    engine: Arc<Engine>,
    runtime: Handle,
    /// By slot. A session's task owns its news; when it ends, the entry is
    /// dead.
    sessions: Mutex<HashMap<u32, Weak<News>>>,
}

impl Registry {
    /// An empty registry.
    pub fn new(side: Arc<WorkerSide>, engine: Arc<Engine>, runtime: Handle) -> Self {
        Self { side, engine, runtime, sessions: Mutex::default() }
    }

    /// Waits for news, at most for `timeout`, and serves them.
    pub fn serve(&self, timeout: Duration) {
        for slot in self.side.wait_doorbell(timeout).slots {
            match self.side.accept(slot) {
                Ok(Some(session)) => {
                    let news = Arc::new(News::default());
                    let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                    sessions.insert(slot, Arc::downgrade(&news));
                    self.runtime.spawn(session::run(session, news, self.engine.clone()));
                }
                Ok(None) => {
                    let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                    if let Some(news) = sessions.get(&slot).and_then(Weak::upgrade) {
                        news.announce();
                    }
                }
                Err(reason) => tracing::warn!("could not open a session: {reason}"),
            }
        }
    }
}
