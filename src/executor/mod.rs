//! The executor side: the nodes `Custom Scan (PgFusion)` and
//! `Custom Scan (Feed)`, and `Custom Scan (Feeds)` for leaves that parallel workers
//! feed, too.
//!
//! A PgFusion node opens a session with its plan when its first row is asked
//! for, and from then on does two things in one loop: it fills pages for the
//! leaves that the engine wants rows of, and it returns the rows of result
//! pages. It never waits while it could do either.

mod crew;
mod explain;
mod feed;
mod feeds;
mod fusion;
mod gather;
mod graft;
mod owned;
mod params;
mod privileges;
mod raw;
mod results;
mod run;
mod sieve;
mod source;
mod stage;
mod wait;

use pgrx::pg_sys;

pub use feed::scan_methods as feed_scan_methods;
pub use feeds::scan_methods as feeds_scan_methods;
pub use fusion::scan_methods as fusion_scan_methods;

/// Makes the nodes known to PostgreSQL, which finds them by name when a plan
/// is copied or sent to a parallel worker.
///
/// # Safety
///
/// Runs in the main thread, from `_PG_init`.
pub unsafe fn register() {
    // SAFETY: the methods are static.
    unsafe {
        pg_sys::RegisterCustomScanMethods(fusion_scan_methods());
        pg_sys::RegisterCustomScanMethods(feed_scan_methods());
        pg_sys::RegisterCustomScanMethods(feeds_scan_methods());
    }
}

/// Method tables: immutable, and their only pointers are to static data.
#[repr(transparent)]
struct Methods<T>(T);

// SAFETY: see above.
unsafe impl<T> Sync for Methods<T> {}

/// A node without any callback, to be completed.
const NO_CALLBACKS: pg_sys::CustomExecMethods = pg_sys::CustomExecMethods {
    CustomName: std::ptr::null(),
    BeginCustomScan: None,
    ExecCustomScan: None,
    EndCustomScan: None,
    ReScanCustomScan: None,
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
    ExplainCustomScan: None,
};
