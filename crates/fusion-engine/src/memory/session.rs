//! One session's account.

use super::budget::{Admission, Budget};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// What a session holds, and has held.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) budget: Arc<Budget>,
    used: AtomicUsize,
    peak: AtomicUsize,
    /// Counts what the session does.
    pub(super) steps: Arc<AtomicUsize>,
    pub(super) admitted: OnceLock<Admitted>,
}

/// What a session was admitted with.
#[derive(Debug)]
pub(super) struct Admitted {
    /// The guarantee of each operator.
    pub(super) guarantee: usize,
    pub(super) _admission: Admission,
}

impl Session {
    /// A session under `budget`, not admitted yet.
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        budget.sessions.fetch_add(1, Ordering::Relaxed);
        Self {
            budget,
            used: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
            steps: Arc::default(),
            admitted: OnceLock::new(),
        }
    }

    /// The session does something.
    pub(super) fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// The bytes that it holds.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The most bytes that it ever held.
    pub(super) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    /// It holds as many bytes more.
    pub(super) fn record(&self, additional: usize) {
        self.step();
        let used = self.used.fetch_add(additional, Ordering::Relaxed) + additional;
        self.peak.fetch_max(used, Ordering::Relaxed);
    }

    /// It holds as many bytes less.
    pub(super) fn unrecord(&self, shrink: usize) {
        self.step();
        self.used.fetch_sub(shrink, Ordering::Relaxed);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.budget.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
