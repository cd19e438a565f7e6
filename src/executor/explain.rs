//! EXPLAIN of a PgFusion node: the fusion plan, and under ANALYZE what the
//! engine measured. The leaves' own plans follow as PostgreSQL shows them.

use super::fusion::FusionState;
use super::run::Run;
use fusion_plan::PlanDisplay;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CString;

/// `ExplainCustomScan`.
#[pg_guard]
pub unsafe extern "C-unwind" fn explain(
    node: *mut pg_sys::CustomScanState,
    _ancestors: *mut pg_sys::List,
    es: *mut pg_sys::ExplainState,
) {
    // SAFETY: called by PostgreSQL on a node of ours with a valid state.
    unsafe {
        let Some(run) = FusionState::run(node) else {
            return;
        };
        let timing = (*es).timing;
        let lines = run.plan.lines();
        let lines = lines.iter().map(|line| describe(run, line, timing));
        if (*es).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT {
            write_text(es, "Fusion Plan:", 0);
            for (depth, line) in lines {
                write_text(es, &line, depth + 1);
            }
        } else {
            let lines = lines.map(|(depth, line)| format!("{:1$}{line}", "", depth * 2));
            let list = crate::nodes::list_of(lines.map(|line| {
                let line = CString::new(line).unwrap_or_default();
                pg_sys::pstrdup(line.as_ptr())
            }));
            pg_sys::ExplainPropertyList(c"Fusion Plan".as_ptr(), list, es);
        }
        if let Some(metrics) = run.metrics.as_ref().filter(|_| (*es).analyze) {
            let threads = i64::from(metrics.threads);
            pg_sys::ExplainPropertyInteger(
                c"Fusion Threads".as_ptr(),
                std::ptr::null(),
                threads,
                es,
            );
            let peak = metrics.peak_memory.div_ceil(1024) as i64;
            pg_sys::ExplainPropertyInteger(
                c"Fusion Peak Memory".as_ptr(),
                c"kB".as_ptr(),
                peak,
                es,
            );
        }
    }
}

/// A plan line with its figures, and its depth.
fn describe(run: &Run, line: &PlanDisplay, timing: bool) -> (usize, String) {
    let mut text = line.text.clone();
    if let Some(node) = run.metrics.as_ref().and_then(|metrics| metrics.node(line.node)) {
        use std::fmt::Write;
        let _ = write!(text, "  (rows={}", node.rows);
        if timing {
            let _ = write!(text, " time={:.3} ms", node.compute_ns as f64 / 1e6);
        }
        if node.spilled_bytes > 0 {
            let _ = write!(text, " spilled={} kB", node.spilled_bytes.div_ceil(1024));
        }
        text.push(')');
    }
    (line.depth, text)
}

/// Appends one line at the node's indentation and `depth` more.
unsafe fn write_text(es: *mut pg_sys::ExplainState, text: &str, depth: usize) {
    let Ok(text) = CString::new(text) else {
        return;
    };
    // SAFETY: a valid state and string.
    unsafe {
        let indent = (*es).indent * 2 + depth as i32 * 2;
        pg_sys::appendStringInfoSpaces((*es).str_, indent);
        pg_sys::appendStringInfoString((*es).str_, text.as_ptr());
        pg_sys::appendStringInfoChar((*es).str_, b'\n' as std::ffi::c_char);
    }
}
