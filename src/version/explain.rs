//! EXPLAIN of one query, behind its hook.

use pgrx::pg_sys;
use std::ffi::c_char;
#[cfg(any(feature = "pg15", feature = "pg16"))]
use std::time::{Duration, Instant};

/// Plans a query and writes its plan, as EXPLAIN does without a hook. Errors jump
/// over it, see [`boundary`](crate::boundary).
///
/// # Safety
///
/// The arguments are those of `ExplainOneQuery_hook`.
pub unsafe fn explain_one_query(
    query: *mut pg_sys::Query,
    options: i32,
    into: *mut pg_sys::IntoClause,
    es: *mut pg_sys::ExplainState,
    text: *const c_char,
    params: pg_sys::ParamListInfo,
    env: *mut pg_sys::QueryEnvironment,
) {
    #[cfg(any(feature = "pg17", feature = "pg18"))]
    {
        unsafe extern "C-unwind" {
            fn standard_ExplainOneQuery(
                query: *mut pg_sys::Query,
                options: i32,
                into: *mut pg_sys::IntoClause,
                es: *mut pg_sys::ExplainState,
                text: *const c_char,
                params: pg_sys::ParamListInfo,
                env: *mut pg_sys::QueryEnvironment,
            );
        }
        // SAFETY: declared as in explain.h; the caller's promise.
        unsafe { standard_ExplainOneQuery(query, options, into, es, text, params, env) }
    }
    // Before version 17 this cannot be called from outside: the plan is made and
    // measured here.
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    {
        unsafe extern "C-unwind" {
            fn pg_plan_query(
                query: *mut pg_sys::Query,
                text: *const c_char,
                options: i32,
                params: pg_sys::ParamListInfo,
            ) -> *mut pg_sys::PlannedStmt;
            fn ExplainOnePlan(
                plan: *mut pg_sys::PlannedStmt,
                into: *mut pg_sys::IntoClause,
                es: *mut pg_sys::ExplainState,
                text: *const c_char,
                params: pg_sys::ParamListInfo,
                env: *mut pg_sys::QueryEnvironment,
                duration: *const pg_sys::instr_time,
                usage: *const pg_sys::BufferUsage,
            );
        }
        // SAFETY: declared as in tcopprot.h and explain.h; the caller's promise;
        // counters are plain numbers.
        unsafe {
            let before = pg_sys::pgBufferUsage;
            let start = Instant::now();
            let plan = pg_plan_query(query, text, options, params);
            let duration = instr_time(start.elapsed());
            let mut usage = pg_sys::BufferUsage::default();
            let usage: *const pg_sys::BufferUsage = if (*es).buffers {
                let after = pg_sys::pgBufferUsage;
                pg_sys::BufferUsageAccumDiff(&mut usage, &after, &before);
                &usage
            } else {
                std::ptr::null()
            };
            ExplainOnePlan(plan, into, es, text, params, env, &duration, usage);
        }
    }
}

/// A duration as PostgreSQL measures times.
#[cfg(feature = "pg15")]
fn instr_time(duration: Duration) -> pg_sys::instr_time {
    let seconds = duration.as_secs().try_into().unwrap_or(i64::MAX);
    pg_sys::instr_time { tv_sec: seconds, tv_nsec: duration.subsec_nanos().into() }
}

/// A duration as PostgreSQL measures times: in nanoseconds, except on Windows.
#[cfg(feature = "pg16")]
fn instr_time(duration: Duration) -> pg_sys::instr_time {
    pg_sys::instr_time { ticks: duration.as_nanos().try_into().unwrap_or(i64::MAX) }
}
