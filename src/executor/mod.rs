//! The executor side: the nodes `Custom Scan (PgFusion)` and
//! `Custom Scan (Feed)`, and `Custom Scan (Feeds)` for leaves that parallel workers
//! feed, too.
//!
//! A PgFusion node opens a session with its plan when its first row is asked
//! for, and from then on does two things in one loop: it fills pages for the
//! leaves that the engine wants rows of, and it returns the rows of result
//! pages. It never waits while it could do either.
//!
//! ```text
//! node             PostgreSQL's callbacks; beside it explain, privileges
//!   plan_inlining  plans within plans become one (tree)
//!   state ─▶ run   from the first row asked for to the last one: params, results
//!     session      one run in the worker; slot waits for a place there
//!       parallel/  leaves that several processes feed
//!         feed/    one leaf in one process
//! ```

mod children;
mod explain;
mod feed;
mod methods;
mod node;
mod owned;
mod parallel;
mod params;
mod plan_inlining;
mod privileges;
mod raw;
mod results;
mod run;
mod session;
mod slot;
mod state;
mod tree;
mod wait;

use pgrx::pg_sys;

pub use feed::scan_methods as feed_scan_methods;
pub use node::scan_methods as fusion_scan_methods;
pub use parallel::scan_methods as feeds_scan_methods;

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
