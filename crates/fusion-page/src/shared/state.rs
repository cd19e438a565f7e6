//! The state word of a slot.
//!
//! It holds the generation (how often the slot was opened), the client's process id
//! and the flags, so that opening is one CAS, and a client that dies right after it
//! can be found.

/// The state word of a slot, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) generation: u32,
    pub(crate) pid: u32,
    pub(crate) flags: u8,
}

impl State {
    /// The slot is in use; without the flags below it waits to be settled.
    pub(crate) const BUSY: u8 = 1;
    /// The client's side is open.
    pub(crate) const CLIENT: u8 = 2;
    /// The startup message is there.
    pub(crate) const SUBMITTED: u8 = 4;
    /// The worker's side is open.
    pub(crate) const WORKER: u8 = 8;

    /// Process ids are below 2^22 on Linux (`PID_MAX_LIMIT`, include/linux/threads.h),
    /// so 24 bits hold them.
    pub(crate) fn pack(self) -> u64 {
        u64::from(self.generation) << 32
            | u64::from(self.pid & 0xff_ffff) << 8
            | u64::from(self.flags)
    }

    pub(crate) fn unpack(word: u64) -> Self {
        Self {
            generation: (word >> 32) as u32,
            pid: (word >> 8) as u32 & 0xff_ffff,
            flags: word as u8,
        }
    }

    pub(crate) fn has(self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}
