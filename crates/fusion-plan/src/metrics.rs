//! What the engine measured, sent back at the end of a session for
//! `EXPLAIN ANALYZE`.

use crate::rel::NodeId;
use serde::{Deserialize, Serialize};

/// Figures of one plan node, summed over the engine's partitions and over all
/// physical operators the node was lowered to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeMetrics {
    /// Rows the node produced.
    pub rows: u64,
    /// CPU time spent in the node, in nanoseconds, summed over threads; time
    /// spent in its inputs does not count.
    pub compute_ns: u64,
    /// Bytes written to spill files.
    pub spilled_bytes: u64,
    /// Bytes copied out of shared pages because the node keeps its input.
    pub copied_bytes: u64,
}

/// Figures of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionMetrics {
    /// Per plan node, indexed by [`NodeId`].
    pub nodes: Vec<NodeMetrics>,
    /// Peak of the session's memory pool, in bytes.
    pub peak_memory: u64,
    /// Threads (partitions) the engine used.
    pub threads: u32,
}

impl SessionMetrics {
    /// The figures of `node`, if the engine reported any.
    pub fn node(&self, node: NodeId) -> Option<&NodeMetrics> {
        self.nodes.get(node.0 as usize)
    }
}
