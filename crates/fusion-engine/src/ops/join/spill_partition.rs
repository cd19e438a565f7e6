//! A part of both sides of a join on disk.

use super::spec::JoinSpec;
use super::spill_files::File;

/// Rows of both sides that find their partners among each other.
pub(super) struct SpillPartition {
    pub(super) build: Option<File>,
    pub(super) probe: Vec<File>,
    pub(super) level: u32,
    /// Whether another partitioning may help.
    pub(super) divisible: bool,
}

impl SpillPartition {
    /// Whether a row can come of it.
    pub(super) fn has_result(&self, spec: &JoinSpec) -> bool {
        match (self.build.is_some(), self.probe.is_empty()) {
            (true, false) => true,
            (true, true) => spec.keeps_build(),
            (false, false) => spec.keeps_probe(),
            (false, true) => false,
        }
    }
}
