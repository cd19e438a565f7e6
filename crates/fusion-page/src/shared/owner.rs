//! The owner word of a page: 0 if it is free, otherwise a session (slot and generation)
//! and a side of it. No two owners have the same word.

use crate::shared::identity::SessionKey;

/// The party of a session that owns a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The backend and its parallel workers.
    Client,
    /// The fusion worker.
    Worker,
    /// All of them, until the last has left.
    Everybody,
}

/// The word of a page that nobody owns.
pub(crate) const FREE: u64 = 0;
const OWNED: u64 = 1 << 63;
const WORKER: u64 = 1 << 62;
const EVERYBODY: u64 = 1 << 61;

/// The word of a page of one side of a session: owned, side, slot, generation.
pub(crate) fn owner_word(key: SessionKey, side: Side) -> u64 {
    let side = match side {
        Side::Client => 0,
        Side::Worker => WORKER,
        Side::Everybody => EVERYBODY,
    };
    OWNED | side | u64::from(key.slot) << 32 | u64::from(key.generation)
}
