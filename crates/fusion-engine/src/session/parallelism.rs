//! Parallelism: how much a session does at a time, for its share of the memory.
//!
//! Each partition of a sort or a grouping needs some batches at least, to read what it
//! has written to disk. With little memory, or with many sessions, there are therefore
//! fewer partitions, and smaller batches.

/// The memory for which a session has another partition.
const PER_PARTITION: usize = 32 * 1024 * 1024;
/// A batch of as many rows as this goes into a partition's memory has room for several
/// such batches in each operator.
const PER_BATCH_ROW: usize = 16 * 1024;
/// Smaller batches save nothing: a sort splits what it has sorted into batches, each of
/// which it is charged for as if it had all strings of what was split.
const MIN_BATCH_SIZE: usize = 2048;

/// How much a session does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parallelism {
    /// Partitions per leaf, if the plan allows for more than one.
    pub(crate) threads: usize,
    /// Rows per batch.
    pub(crate) batch_size: usize,
}

impl Parallelism {
    /// The resource share of one of `sessions`, of which each could use all of this.
    pub(crate) fn resource_share(self, memory_limit: usize, sessions: usize) -> Self {
        let memory = memory_limit / sessions.max(1);
        let threads = (memory / PER_PARTITION).clamp(1, self.threads.max(1));
        let memory = memory / threads;
        let most = self.batch_size.max(1);
        let batch_size = (memory / PER_BATCH_ROW).clamp(MIN_BATCH_SIZE.min(most), most);
        Self { threads, batch_size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: usize = 1024 * 1024;

    fn of(memory_limit: usize, sessions: usize) -> (usize, usize) {
        let most = Parallelism { threads: 8, batch_size: 8192 };
        let share = most.resource_share(memory_limit, sessions);
        (share.threads, share.batch_size)
    }

    #[test]
    fn little_memory_and_many_sessions_make_small_shares() {
        assert_eq!(of(1024 * MB, 1), (8, 8192));
        assert_eq!(of(8192 * MB, 4), (8, 8192));
        assert_eq!(of(64 * MB, 1), (2, 2048));
        assert_eq!(of(256 * MB, 4), (2, 2048));
        assert_eq!(of(512 * MB, 8), (2, 2048));
        assert_eq!(of(96 * MB, 2), (1, 3072));
        assert_eq!(of(64 * MB, 4), (1, 2048));
        assert_eq!(of(MB, 1000), (1, 2048));
    }
}
