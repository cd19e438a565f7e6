//! What a backend sends to the worker to open a session.

use fusion_plan::Value;
use serde::{Deserialize, Serialize};

/// The first message of a session; travels as `postcard`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct StartupMessage<'a> {
    /// The encoded fusion plan.
    #[serde(borrow)]
    pub plan: &'a [u8],
    /// The values of the plan's parameters; `None` is NULL.
    pub params: Vec<Option<Value>>,
    /// Whether the backend wants the engine's figures at the end.
    pub metrics: bool,
    /// Whether the engine may publish filters for the leaves.
    pub runtime_filters: bool,
    /// Whether an operator is to panic at its first rows.
    pub panics: bool,
    /// Where the engine may write what does not fit in memory; nothing means the
    /// worker's own place.
    pub spill_directories: Vec<String>,
    /// The most that it may have there at a time, in kB.
    pub spill_limit_kb: Option<u64>,
}
