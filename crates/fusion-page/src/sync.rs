//! What the protocol is made of: the words that processes share, and who they are.
//!
//! The modules of the protocol take these from here and from nowhere else, so that
//! the models of them (`crates/fusion-page/models`) can compile the same source with
//! words whose every step is a choice.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, fence};

/// This process.
pub(crate) fn process_id() -> u32 {
    std::process::id()
}
