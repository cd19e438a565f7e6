//! How much of each there is. The models of the protocol have less of all.

/// The largest number of sessions that a region can have.
pub const MAX_SESSIONS: usize = 1024;
/// The largest number of session slots: those for nested sessions, too.
pub(crate) const MAX_SLOTS: usize = 2 * MAX_SESSIONS;
/// Pages that a region can have. A message names a page or a jumbo buffer by a number, and
/// says by one of its bits which of them it is.
pub(crate) const MAX_PAGES: usize = 1 << 30;
/// Jumbo buffers that one session can create, for the same reason.
pub(crate) const MAX_JUMBOS: u32 = 1 << 30;
/// The largest number of leaves of a session.
pub const MAX_LEAVES: usize = 64;
/// The largest number of processes of one session: the backend and its
/// parallel workers.
pub const MAX_PARTICIPANTS: usize = 64;
/// The most filters of one leaf.
pub(crate) const MAX_FILTERS: usize = 4;
/// Pages that wait in the queue of a leaf.
pub(crate) const LEAF_RING: usize = 64;
/// Credits of one leaf whose pages were not yet taken by the worker.
pub const LEAF_WINDOW: u64 = LEAF_RING as u64;
/// Result pages of one session that were begun by the worker and are not yet
/// released by the client: an idle cursor holds no more.
pub const RESULT_WINDOW: u64 = 4;
/// The result window and some room for blobs, which the window does not count.
pub(crate) const RESULT_RING: usize = 16;
/// Clients that can wait for a slot at the same time.
pub const MAX_WAITERS: usize = 512;
/// Number of latches in a region, for hosts that have none.
pub const FUTEX_LATCHES: usize = 256;
