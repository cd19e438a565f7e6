//! Names: of a session, and of a run of the worker. Each fits into a word, and counts
//! what came before it, so that an old one is not taken for a new one.

/// Names a session: a slot, and how often it had been opened. Travels between
/// processes as a `u64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl SessionKey {
    /// The number of the session's slot, below
    /// [`RegionConfig::max_sessions`](crate::RegionConfig::max_sessions).
    pub fn slot(self) -> u32 {
        self.slot
    }

    /// How often the slot had been opened.
    pub fn generation(self) -> u32 {
        self.generation
    }

    /// The key as a number.
    pub fn to_bits(self) -> u64 {
        u64::from(self.slot) << 32 | u64::from(self.generation)
    }

    /// The key from [`SessionKey::to_bits`].
    pub fn from_bits(bits: u64) -> Self {
        Self { slot: (bits >> 32) as u32, generation: bits as u32 }
    }
}

/// Names one run of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerId {
    /// How many workers have been attached to the region, with this one.
    pub generation: u32,
    /// The worker's process id.
    pub pid: u32,
}

impl WorkerId {
    pub(crate) fn from_word(word: u64) -> Option<Self> {
        let pid = word as u32;
        (pid != 0).then_some(Self { generation: (word >> 32) as u32, pid })
    }

    pub(crate) fn word(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.pid)
    }
}
