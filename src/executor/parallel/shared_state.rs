//! The processes that feed one session together, and how they know when a leaf ends.
//!
//! A parallel scan hands its rows to whichever process asks, and none of them knows
//! of the others' rows. So each says when it begins to take rows of a leaf and when
//! it has sent its last; a leaf has ended when one process found no more rows, and
//! all that had begun have sent theirs. Who has not begun by then does not begin.

use fusion_page::{MAX_LEAVES, SessionKey};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// A leaf's word: set once a process has found no more rows; below it, the number
/// of processes that have rows to send.
const EXHAUSTED: u64 = 1 << 63;

/// What the processes share, in the dynamic shared memory of PostgreSQL's parallel
/// context.
#[repr(C)]
pub struct Shared {
    session: AtomicU64,
    /// The numbers in the session of the leaves as the plan of the workers numbers them,
    /// plus one; 0 for those that are not fed.
    numbers: [AtomicU64; MAX_LEAVES],
    leaves: [AtomicU64; MAX_LEAVES],
}

/// One process's view of [`Shared`].
#[derive(Clone, Copy, Debug)]
pub struct Participants(NonNull<Shared>);

impl Participants {
    /// Bytes of shared memory.
    pub const SIZE: usize = size_of::<Shared>();

    /// The participants at `memory`; `None` if that is NULL.
    ///
    /// # Safety
    ///
    /// `memory` has [`Participants::SIZE`] bytes, aligned for a `u64`, and stays mapped as
    /// long as the participants is used.
    pub unsafe fn at(memory: *mut std::ffi::c_void) -> Option<Self> {
        NonNull::new(memory.cast()).map(Self)
    }

    fn shared(&self) -> &Shared {
        // SAFETY: the promise of `at`; any bytes are atomic integers.
        unsafe { self.0.as_ref() }
    }

    /// Prepares for a session, before any process is started. `numbers` are those in the
    /// session of the workers' leaves.
    pub fn begin(&self, session: SessionKey, numbers: &[Option<usize>]) {
        let numbers = numbers.iter().copied().chain(std::iter::repeat(None));
        for (word, number) in self.shared().numbers.iter().zip(numbers) {
            word.store(number.map_or(0, |number| number as u64 + 1), Relaxed);
        }
        for leaf in &self.shared().leaves {
            leaf.store(0, Relaxed);
        }
        self.shared().session.store(session.to_bits(), Release);
    }

    /// The session.
    pub fn session(&self) -> SessionKey {
        SessionKey::from_bits(self.shared().session.load(Acquire))
    }

    /// The number in the session of the workers' leaf `leaf`.
    pub fn number(&self, leaf: usize) -> Option<usize> {
        let number = self.shared().numbers.get(leaf)?.load(Acquire);
        usize::try_from(number).ok()?.checked_sub(1)
    }

    /// Says that this process begins to take rows of `leaf`; `false` if there are
    /// none.
    pub fn join(&self, leaf: usize) -> bool {
        let joined = |word| (word & EXHAUSTED == 0).then_some(word + 1);
        self.shared().leaves[leaf].fetch_update(AcqRel, Acquire, joined).is_ok()
    }

    /// Says that this process found no more rows of `leaf` and has sent those it
    /// had; whether it was the last.
    pub fn leave(&self, leaf: usize) -> bool {
        let word = &self.shared().leaves[leaf];
        word.fetch_or(EXHAUSTED, AcqRel);
        word.fetch_sub(1, AcqRel) == EXHAUSTED + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_leave_knows_it() {
        let words = || std::array::from_fn(|_| 9.into());
        let mut shared = Shared { session: 7.into(), numbers: words(), leaves: words() };
        // SAFETY: the memory is there until the end of the test.
        let participants = unsafe { Participants::at((&raw mut shared).cast()) }.unwrap();
        participants.begin(SessionKey::from_bits(5 << 32 | 3), &[None, Some(0)]);
        assert_eq!(participants.session().slot(), 5);
        assert_eq!(
            [0, 1, 2, 99].map(|leaf| participants.number(leaf)),
            [None, Some(0), None, None]
        );
        assert!(participants.join(0) && participants.join(0) && participants.join(1));
        assert!(!participants.leave(0));
        assert!(!participants.join(0), "all rows have been taken");
        assert!(participants.leave(0));
        assert!(participants.join(1), "the leaves are apart");
        assert!(!participants.leave(1));
        assert!(participants.leave(1));
    }
}
