//! EXPLAIN of a PgFusion node: the fusion plan, and under ANALYZE what the
//! engine measured. The leaves' own plans follow as PostgreSQL shows them.

use super::run::Run;
use super::state::FusionState;
use crate::explain;
use fusion_page::WakeUps;
use fusion_plan::PlanDisplay;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, c_char};
use std::ptr;

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
        if run.inlined {
            explain::write_list(es, c"Fusion Plan", &[(0, "(part of the one above)".to_owned())]);
            return;
        }
        let timing = (*es).timing;
        let lines = run.tree.plan.lines();
        let lines: Vec<_> = lines.iter().map(|line| describe(run, line, timing)).collect();
        explain::write_list(es, c"Fusion Plan", &lines);
        if !(*es).analyze {
            return;
        }
        let integer = |label: &CStr, unit: *const c_char, value: u64| {
            pg_sys::ExplainPropertyInteger(label.as_ptr(), unit, value as i64, es);
        };
        if let Some(metrics) = &run.metrics {
            integer(c"Fusion Threads", ptr::null(), metrics.threads.into());
            integer(c"Fusion Peak Memory", c"kB".as_ptr(), metrics.peak_memory.div_ceil(1024));
        }
        if let Some(WakeUps { news, worker, clients }) = run.wake_ups.filter(|_| (*es).verbose) {
            if (*es).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT {
                let text =
                    format!("Fusion Wake-Ups: worker={worker} (news={news}) backends={clients}");
                explain::write_line(es, &text, 0);
            } else {
                integer(c"Fusion News", ptr::null(), news);
                integer(c"Fusion Worker Wake-Ups", ptr::null(), worker);
                integer(c"Fusion Backend Wake-Ups", ptr::null(), clients);
            }
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
