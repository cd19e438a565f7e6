//! Getting a session slot: at once, after waiting in the queue, or as one of those
//! that are kept for queries inside of queries.

use super::wait::{PATIENCE, WORKER_START, latch_word, wait};
use fusion_page::{ClientSession, OpenError, Region, Waiter};
use fusion_plan::{PgError, SqlState};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// How long a backend that has a session waits for a further one.
const NESTED_PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// Sessions that this backend has open.
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// Counts an open session; dropped with it.
pub struct Counted(());

impl Counted {
    /// Counts a session from now on.
    pub fn new() -> Self {
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
pub fn open_client(region: &Region) -> Result<ClientSession, PgError> {
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

fn cannot_open(error: OpenError) -> PgError {
    let error = PgError::new(SqlState::SYSTEM_ERROR, error.to_string());
    error.with_hint("Set enable_fusion_customscan = off to run the query without it.")
}
