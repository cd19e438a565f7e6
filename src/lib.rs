//! pg_fusion: analytical queries over ordinary PostgreSQL heap tables, with
//! the work above the scans done by Apache DataFusion in one shared background
//! worker.
//!
//! This crate is everything that calls PostgreSQL; see `docs/architecture.md`
//! for the whole.

use pgrx::pg_sys;
use pgrx::prelude::*;

mod boundary;
mod carried;
mod datum;
mod encoding;
mod error;
mod executor;
mod explain;
mod guc;
mod monitor;
mod nodes;
mod planner;
mod shared;
#[cfg(test)]
mod stand_ins;
mod startup_message;
mod temporary;
mod version;
mod worker;

pgrx::pg_module_magic!();

/// Called by PostgreSQL when the library is loaded. Everything needs the shared
/// region, so unless this happens in the postmaster, only the SQL functions
/// exist, and say so.
#[allow(non_snake_case)]
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    // SAFETY: PostgreSQL calls this once per process, in its main thread.
    unsafe {
        if !pg_sys::process_shared_preload_libraries_in_progress {
            return;
        }
        // pgrx would add a Rust backtrace to the DETAIL of every error that
        // passes through, if the server's environment asks for backtraces; an
        // error must be PostgreSQL's. The postmaster has one thread.
        std::env::set_var("RUST_LIB_BACKTRACE", "0");
        guc::define();
        shared::request();
        worker::register();
        executor::register();
        planner::install();
        explain::install();
    }
}
