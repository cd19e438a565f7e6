//! As little as makes a difference.

pub const MAX_SESSIONS: usize = 2;
pub(crate) const MAX_SLOTS: usize = 2;
pub(crate) const MAX_PAGES: usize = 8;
pub(crate) const MAX_JUMBOS: u32 = 1;
pub const MAX_LEAVES: usize = 1;
pub const MAX_PARTICIPANTS: usize = 3;
pub(crate) const MAX_FILTERS: usize = 1;
pub(crate) const LEAF_RING: usize = 2;
pub const LEAF_WINDOW: u64 = LEAF_RING as u64;
pub const RESULT_WINDOW: u64 = 1;
pub(crate) const RESULT_RING: usize = 2;
pub const MAX_WAITERS: usize = 2;
pub const FUTEX_LATCHES: usize = 4;
