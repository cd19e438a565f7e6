//! How a session ended, as the worker tells it: explicitly, and once.

use crate::sync::AtomicU32;
use fusion_plan::PgError;
use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};

const RUNNING: u32 = 0;
const WRITING: u32 = 1;
const FINISHED: u32 = 2;
const FAILED: u32 = 3;

/// Bytes for a serialised error.
const ERROR_SIZE: usize = 8 << 10;
/// Longer texts are cut, so that an error always fits.
const MESSAGE_LIMIT: usize = 4 << 10;
const DETAIL_LIMIT: usize = 2 << 10;
const HINT_LIMIT: usize = 1 << 10;

/// The outcome of a session. All zeroes is a running one.
#[repr(C)]
pub(crate) struct Outcome {
    state: AtomicU32,
    error_len: AtomicU32,
    error: UnsafeCell<[u8; ERROR_SIZE]>,
}

impl Default for Outcome {
    fn default() -> Self {
        let (state, error_len) = (AtomicU32::new(RUNNING), AtomicU32::new(0));
        Self { state, error_len, error: UnsafeCell::new([0; ERROR_SIZE]) }
    }
}

// SAFETY: `error` is written by the one thread that moved `state` from RUNNING
// to WRITING, and read only after it had moved it on to FAILED.
unsafe impl Sync for Outcome {}

/// An outcome as the client sees it.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Running,
    Finished,
    Failed(PgError),
}

impl Outcome {
    pub(crate) fn reset(&self) {
        self.state.store(RUNNING, Relaxed);
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state.load(SeqCst), RUNNING | WRITING)
    }

    /// Tells success; `false` if an outcome had been told.
    pub(crate) fn finish(&self) -> bool {
        self.state.compare_exchange(RUNNING, FINISHED, SeqCst, Relaxed).is_ok()
    }

    /// Tells an error; `false` if an outcome had been told.
    pub(crate) fn fail(&self, error: &PgError) -> bool {
        if self.state.compare_exchange(RUNNING, WRITING, SeqCst, Relaxed).is_err() {
            return false;
        }
        // SAFETY: this thread alone moved the state to WRITING.
        let buffer = unsafe { &mut *self.error.get() };
        let len = encode(error, buffer);
        self.error_len.store(len as u32, Release);
        self.state.store(FAILED, SeqCst);
        true
    }

    pub(crate) fn get(&self) -> Seen {
        match self.state.load(SeqCst) {
            FINISHED => Seen::Finished,
            FAILED => {
                let len = (self.error_len.load(Acquire) as usize).min(ERROR_SIZE);
                // SAFETY: in this state nobody writes.
                let buffer = unsafe { &*self.error.get() };
                Seen::Failed(decode(&buffer[..len]))
            }
            _ => Seen::Running,
        }
    }
}

fn encode(error: &PgError, buffer: &mut [u8]) -> usize {
    if let Ok(bytes) = postcard::to_slice(error, buffer) {
        return bytes.len();
    }
    let cut = PgError {
        sqlstate: error.sqlstate,
        message: truncate(&error.message, MESSAGE_LIMIT).to_owned(),
        detail: error.detail.as_deref().map(|text| truncate(text, DETAIL_LIMIT).to_owned()),
        hint: error.hint.as_deref().map(|text| truncate(text, HINT_LIMIT).to_owned()),
    };
    postcard::to_slice(&cut, buffer).map_or(0, |bytes| bytes.len())
}

fn decode(bytes: &[u8]) -> PgError {
    postcard::from_bytes(bytes)
        .unwrap_or_else(|_| PgError::internal("the fusion worker reported an unreadable error"))
}

/// The longest beginning of `text` of at most `limit` bytes.
fn truncate(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use fusion_plan::SqlState;

    #[test]
    fn the_first_outcome_counts() {
        let cell = Outcome::default();
        let error = PgError::division_by_zero().with_detail("d").with_hint("h");
        assert_eq!(cell.get(), Seen::Running);
        assert!(cell.fail(&error));
        assert!(!cell.finish() && !cell.fail(&PgError::internal("later")));
        assert_eq!(cell.get(), Seen::Failed(error));
        cell.reset();
        assert!(cell.finish());
        assert_eq!(cell.get(), Seen::Finished);
    }

    #[test]
    fn long_errors_are_cut_at_characters() {
        let cell = Outcome::default();
        let long = "ä".repeat(ERROR_SIZE);
        let error = PgError::new(SqlState::DISK_FULL, format!("x{long}"))
            .with_detail(long.clone())
            .with_hint(long.clone());
        assert!(cell.fail(&error));
        let Seen::Failed(seen) = cell.get() else { panic!("not failed") };
        assert_eq!(seen.sqlstate, SqlState::DISK_FULL);
        assert_eq!(seen.message.len(), MESSAGE_LIMIT - 1);
        assert!(error.message.starts_with(&seen.message));
        assert_eq!(seen.hint.map(|h| h.len()), Some(HINT_LIMIT));
    }
}
