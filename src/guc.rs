//! The settings a user can change; `docs/configuration.md` explains them.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum, pg_sys};
use std::ffi::CString;

/// `enable_fusion_customscan`: the planner switch.
pub static ENABLE_CUSTOMSCAN: GucSetting<bool> = GucSetting::<bool>::new(true);
/// `pg_fusion.enable`: the same, for `postgresql.conf`.
pub static ENABLE: GucSetting<bool> = GucSetting::<bool>::new(true);
/// `pg_fusion.force`: take any possible fusion path.
pub static FORCE: GucSetting<bool> = GucSetting::<bool>::new(false);
/// `pg_fusion.explain_reasons`: EXPLAIN tells what stays in PostgreSQL, and why.
pub static EXPLAIN_REASONS: GucSetting<bool> = GucSetting::<bool>::new(false);

/// `pg_fusion.runtime_filters`: the keys of a join keep rows of its other side from being
/// fed.
pub static RUNTIME_FILTERS: GucSetting<bool> = GucSetting::<bool>::new(true);

/// How far a feed takes its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum FeedStage {
    /// They are fetched and decoded, and dropped.
    Decode,
    /// They are written to pages, which are dropped.
    Encode,
    /// They are sent to the engine.
    Send,
}

/// `pg_fusion.feed_stage`: for measuring; without rows, results are wrong.
pub static FEED_STAGE: GucSetting<FeedStage> = GucSetting::<FeedStage>::new(FeedStage::Send);

/// What goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub enum Fault {
    /// Nothing.
    None,
    /// An operator of the engine panics at its first rows.
    Panic,
}

/// `pg_fusion.fault`: for tests of what a defect in the engine does to others.
pub static FAULT: GucSetting<Fault> = GucSetting::<Fault>::new(Fault::None);

/// `pg_fusion.worker_threads`: engine threads; 0 means one per processor.
pub static WORKER_THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
/// `pg_fusion.memory_limit`, in MB.
pub static MEMORY_LIMIT: GucSetting<i32> = GucSetting::<i32>::new(1024);
/// `pg_fusion.max_sessions`.
pub static MAX_SESSIONS: GucSetting<i32> = GucSetting::<i32>::new(32);
/// `pg_fusion.page_size`, in kB.
pub static PAGE_SIZE: GucSetting<i32> = GucSetting::<i32>::new(256);
/// `pg_fusion.page_count`.
pub static PAGE_COUNT: GucSetting<i32> = GucSetting::<i32>::new(2048);
/// `pg_fusion.spill_directory`: relative to the data directory; empty means where
/// PostgreSQL would put a query's temporary files.
pub static SPILL_DIRECTORY: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c""));

/// `pg_fusion.startup_cost`.
pub static STARTUP_COST: GucSetting<f64> = GucSetting::<f64>::new(500.0);
/// `pg_fusion.feed_tuple_cost`.
pub static FEED_TUPLE_COST: GucSetting<f64> = GucSetting::<f64>::new(0.004);
/// `pg_fusion.result_tuple_cost`.
pub static RESULT_TUPLE_COST: GucSetting<f64> = GucSetting::<f64>::new(0.02);
/// `pg_fusion.scan_cost_factor`: what a sequential scan costs in a feed, which drives it
/// without the executor's nodes, relative to what PostgreSQL counts for it.
pub static SCAN_COST_FACTOR: GucSetting<f64> = GucSetting::<f64>::new(0.7);
/// `pg_fusion.operator_cost`.
pub static OPERATOR_COST: GucSetting<f64> = GucSetting::<f64>::new(0.0005);

/// Whether this session wants fusion plans at all.
pub fn enabled() -> bool {
    ENABLE_CUSTOMSCAN.get() && ENABLE.get()
}

/// Defines all settings. Called once, in the postmaster.
pub fn define() {
    define_switches();
    define_resources();
    define_costs();
    // SAFETY: called from `_PG_init`; the string is static.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"pg_fusion".as_ptr()) }
}

fn define_switches() {
    GucRegistry::define_bool_guc(
        c"enable_fusion_customscan",
        c"Enables the planner's use of pg_fusion plans.",
        c"",
        &ENABLE_CUSTOMSCAN,
        GucContext::Userset,
        GucFlags::EXPLAIN | GucFlags::DISALLOW_IN_FILE,
    );
    GucRegistry::define_bool_guc(
        c"pg_fusion.enable",
        c"Enables the planner's use of pg_fusion plans.",
        c"The same as enable_fusion_customscan, for configuration files.",
        &ENABLE,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"pg_fusion.force",
        c"Takes a pg_fusion plan wherever one is possible, whatever it costs.",
        c"For tests.",
        &FORCE,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_bool_guc(
        c"pg_fusion.runtime_filters",
        c"Enables filters from the keys of hash joins on the rows fed to pg_fusion.",
        c"Rows without a partner in a join are dropped before they are handed over.",
        &RUNTIME_FILTERS,
        GucContext::Userset,
        GucFlags::EXPLAIN,
    );
    GucRegistry::define_enum_guc(
        c"pg_fusion.feed_stage",
        c"How far rows are taken on their way to the pg_fusion worker.",
        c"For measurements only: with anything but send, queries have wrong results.",
        &FEED_STAGE,
        GucContext::Suset,
        GucFlags::EXPLAIN | GucFlags::NO_SHOW_ALL | GucFlags::DISALLOW_IN_FILE,
    );
    GucRegistry::define_enum_guc(
        c"pg_fusion.fault",
        c"What goes wrong on purpose in the pg_fusion worker.",
        c"For tests only.",
        &FAULT,
        GucContext::Suset,
        GucFlags::NO_SHOW_ALL | GucFlags::DISALLOW_IN_FILE,
    );
    GucRegistry::define_bool_guc(
        c"pg_fusion.explain_reasons",
        c"EXPLAIN tells why parts of a query are not computed by pg_fusion.",
        c"",
        &EXPLAIN_REASONS,
        GucContext::Userset,
        GucFlags::default(),
    );
}

fn define_resources() {
    GucRegistry::define_int_guc(
        c"pg_fusion.worker_threads",
        c"Number of threads that run queries in the pg_fusion worker.",
        c"0 means one per processor.",
        &WORKER_THREADS,
        0,
        256,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"pg_fusion.memory_limit",
        c"Memory that all queries in the pg_fusion worker may use together.",
        c"Operators that can, spill to disk when it is reached.",
        &MEMORY_LIMIT,
        64,
        i32::MAX,
        GucContext::Postmaster,
        GucFlags::UNIT_MB,
    );
    GucRegistry::define_int_guc(
        c"pg_fusion.max_sessions",
        c"Number of queries that can run in the pg_fusion worker at a time.",
        c"Further ones wait.",
        &MAX_SESSIONS,
        1,
        1024,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"pg_fusion.page_size",
        c"Size of a shared page; a power of two.",
        c"",
        &PAGE_SIZE,
        8,
        65536,
        GucContext::Postmaster,
        GucFlags::UNIT_KB,
    );
    GucRegistry::define_int_guc(
        c"pg_fusion.page_count",
        c"Number of shared pages.",
        c"Memory for a page is taken when it is first used.",
        &PAGE_COUNT,
        64,
        1 << 20,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"pg_fusion.spill_directory",
        c"Directory for temporary files of the pg_fusion worker.",
        c"A relative path starts at the data directory; empty means where PostgreSQL would put them.",
        &SPILL_DIRECTORY,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
}

fn define_costs() {
    let costs = [
        (
            c"pg_fusion.startup_cost",
            c"Planner's estimate of the cost of starting a pg_fusion plan.",
            &STARTUP_COST,
        ),
        (
            c"pg_fusion.feed_tuple_cost",
            c"Planner's estimate of the cost of handing one row to the pg_fusion worker.",
            &FEED_TUPLE_COST,
        ),
        (
            c"pg_fusion.result_tuple_cost",
            c"Planner's estimate of the cost of taking one row from the pg_fusion worker.",
            &RESULT_TUPLE_COST,
        ),
        (
            c"pg_fusion.scan_cost_factor",
            c"Planner's estimate of the cost of a sequential scan for pg_fusion, as a multiple of its cost otherwise.",
            &SCAN_COST_FACTOR,
        ),
        (
            c"pg_fusion.operator_cost",
            c"Planner's estimate of the cost of one operation on one row in the worker.",
            &OPERATOR_COST,
        ),
    ];
    for (name, description, setting) in costs {
        GucRegistry::define_float_guc(
            name,
            description,
            c"",
            setting,
            0.0,
            f64::MAX,
            GucContext::Userset,
            GucFlags::EXPLAIN,
        );
    }
}
