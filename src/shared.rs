//! The region of shared pages, from the point of view of PostgreSQL's
//! processes: the postmaster creates it, everybody inherits it by fork, and it
//! is reset together with PostgreSQL's own shared memory.

use crate::error;
use crate::guc;
use crate::temporary;
use fusion_page::{Region, RegionConfig};
use fusion_plan::{PgError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::Cell;
use std::sync::OnceLock;

/// Pages that each session has to itself. With the result window and a page
/// under way per side, a session makes progress with these alone.
const MIN_PAGES_PER_SESSION: usize = 8;

static REGION: OnceLock<Region> = OnceLock::new();

thread_local! {
    static PREVIOUS_STARTUP: Cell<pg_sys::shmem_startup_hook_type> = const { Cell::new(None) };
}

/// Creates the region. Called once, in the postmaster, when all settings are
/// read; an error keeps the server from starting.
///
/// # Safety
///
/// Runs in the main thread, from `_PG_init`.
pub unsafe fn request() {
    let page_count = guc::PAGE_COUNT.get() as usize;
    let max_sessions = guc::MAX_SESSIONS.get() as usize;
    // As many again for queries inside of queries, if there are pages for them.
    let nested_sessions =
        max_sessions.min((page_count / MIN_PAGES_PER_SESSION).saturating_sub(max_sessions));
    let config = RegionConfig {
        page_size: guc::PAGE_SIZE.get() as usize * 1024,
        page_count,
        max_sessions,
        nested_sessions,
        min_pages_per_session: MIN_PAGES_PER_SESSION.min((page_count / max_sessions).max(1)),
        jumbo_dir: temporary::jumbo_directory(),
    };
    match Region::create(config) {
        Ok(region) => {
            // Loaded once per postmaster, so the cell is empty.
            let _ = REGION.set(region);
        }
        Err(reason) => error::raise(
            PgError::new(
                SqlState::SYSTEM_ERROR,
                format!("could not create the shared pages of pg_fusion: {reason}"),
            )
            .with_hint(
                "Check pg_fusion.page_size, pg_fusion.page_count and pg_fusion.max_sessions.",
            ),
        ),
    }
    // SAFETY: a plain function pointer that only this thread touches.
    unsafe {
        PREVIOUS_STARTUP.set(pg_sys::shmem_startup_hook);
        pg_sys::shmem_startup_hook = Some(startup);
    }
}

/// Runs when PostgreSQL sets up its shared memory: at start, and again after a
/// process crashed and all others were ended.
#[pg_guard]
unsafe extern "C-unwind" fn startup() {
    if let Some(hook) = PREVIOUS_STARTUP.get() {
        // SAFETY: called as PostgreSQL would.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| hook()) };
    }
    if let Some(region) = REGION.get()
        && let Err(reason) = region.reset()
    {
        pgrx::warning!("could not reset the shared pages of pg_fusion: {reason}");
    }
}

/// The region; `None` unless the library was preloaded.
pub fn region() -> Option<&'static Region> {
    REGION.get()
}

/// Whether a worker is there to run plans.
pub fn worker_is_up() -> bool {
    REGION.get().is_some_and(|region| region.worker().is_some())
}
