//! From the operators' own metrics to the session's.

use crate::lower::Lowered;
use crate::ops::COPIED_BYTES;
use fusion_plan::{NodeMetrics, SessionMetrics};

/// What the finished session did.
pub(crate) fn collect(lowered: &Lowered, peak_memory: usize) -> SessionMetrics {
    let nodes = lowered.nodes.iter().map(|node| {
        let mut metrics = NodeMetrics::default();
        for operator in &node.operators {
            let Some(set) = operator.metrics() else { continue };
            metrics.compute_ns += set.elapsed_compute().unwrap_or(0) as u64;
            metrics.spilled_bytes += set.spilled_bytes().unwrap_or(0) as u64;
            metrics.copied_bytes +=
                set.sum_by_name(COPIED_BYTES).map_or(0, |value| value.as_usize() as u64);
        }
        let top = node.top.as_ref().and_then(|top| top.metrics());
        metrics.rows = top.and_then(|set| set.output_rows()).unwrap_or(0) as u64;
        metrics
    });
    SessionMetrics {
        nodes: nodes.collect(),
        peak_memory: peak_memory as u64,
        threads: lowered.partitions as u32,
    }
}
