//! A bounded queue of messages in shared memory that survives the death of any
//! process at any instruction.
//!
//! A cell holds its lap in the upper half and a message plus one, or 0 for
//! empty, in the lower. A push is the one CAS that turns `(lap, empty)` into
//! `(lap, message)`, a pop the one that turns that into `(lap + 1, empty)`.
//! `tail` and `head` only say where to look: whoever finds one lagging behind
//! the cells, because its owner has not come to advance it (or never will),
//! advances it himself. So there is no state in which others must wait.

use crate::shared::many::Many;
use crate::sync::AtomicU64;
use crossbeam_utils::CachePadded;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// A queue of up to `N` messages; any number of pushing and popping threads
/// and processes. All zeroes is the empty queue.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Ring<const N: usize> {
    tail: CachePadded<AtomicU64>,
    head: CachePadded<AtomicU64>,
    cells: Many<AtomicU64, N>,
}

const EMPTY: u32 = 0;

fn cell(lap: u32, content: u32) -> u64 {
    u64::from(lap) << 32 | u64::from(content)
}

fn parts(cell: u64) -> (u32, u32) {
    ((cell >> 32) as u32, cell as u32)
}

impl<const N: usize> Ring<N> {
    /// Where position `at` lies, and in which lap.
    fn place(&self, at: u64) -> (&AtomicU64, u32) {
        (&self.cells[(at % N as u64) as usize], (at / N as u64) as u32)
    }

    fn advance(counter: &AtomicU64, from: u64) {
        // Losing means that somebody else has advanced it.
        let _ = counter.compare_exchange(from, from + 1, AcqRel, Relaxed);
    }

    /// Appends `message`, which is less than `u32::MAX`; returns `false` if the
    /// queue is full. What was written before is visible to who pops it.
    pub(crate) fn push(&self, message: u32) -> bool {
        loop {
            let tail = self.tail.load(Acquire);
            let (place, lap) = self.place(tail);
            let seen = place.load(Acquire);
            match parts(seen) {
                (l, EMPTY) if l == lap => {
                    let full = cell(lap, message + 1);
                    if place.compare_exchange(seen, full, AcqRel, Relaxed).is_ok() {
                        Self::advance(&self.tail, tail);
                        return true;
                    }
                }
                // Still filled from the lap before: full, unless `tail` is old.
                (l, _) if l.wrapping_add(1) == lap => {
                    if self.tail.load(Acquire) == tail {
                        return false;
                    }
                }
                // Already pushed here, and perhaps popped.
                _ => Self::advance(&self.tail, tail),
            }
        }
    }

    /// Takes the oldest message.
    pub(crate) fn pop(&self) -> Option<u32> {
        loop {
            let head = self.head.load(Acquire);
            let (place, lap) = self.place(head);
            let seen = place.load(Acquire);
            match parts(seen) {
                // Nothing here yet: empty, unless `head` is old.
                (l, EMPTY) if l == lap => {
                    if self.head.load(Acquire) == head {
                        return None;
                    }
                }
                (l, content) if l == lap => {
                    let empty = cell(lap.wrapping_add(1), EMPTY);
                    if place.compare_exchange(seen, empty, AcqRel, Relaxed).is_ok() {
                        Self::advance(&self.head, head);
                        return Some(content - 1);
                    }
                }
                // Already popped here.
                _ => Self::advance(&self.head, head),
            }
        }
    }

    /// Whether nothing is queued; may be outdated at once.
    pub(crate) fn is_empty(&self) -> bool {
        let (place, lap) = self.place(self.head.load(Acquire));
        let (l, content) = parts(place.load(Acquire));
        l == lap && content == EMPTY
    }

    /// How many messages were ever popped; may lag behind.
    pub(crate) fn popped(&self) -> u64 {
        self.head.load(Acquire)
    }

    /// Empties the queue; nobody may use it meanwhile.
    pub(crate) fn reset(&self) {
        self.tail.store(0, Relaxed);
        self.head.store(0, Relaxed);
        for cell in self.cells.iter() {
            cell.store(0, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::SeqCst;
    use std::thread;

    #[test]
    fn first_in_first_out_and_bounded() {
        let ring = Ring::<4>::default();
        for lap in 0..10 {
            assert!(ring.is_empty());
            assert_eq!((ring.pop(), ring.popped()), (None, lap * 4));
            assert!((0..4).all(|i| ring.push(i)) && !ring.push(4));
            assert!((0..4).all(|i| ring.pop() == Some(i)));
        }
        assert!(ring.push(7));
        ring.reset();
        assert_eq!(ring.pop(), None);
    }

    /// A process that dies between its CAS of a cell and the counter.
    #[test]
    fn the_dead_are_helped() {
        let ring = Ring::<2>::default();
        for round in 0..6 {
            let tail = ring.tail.load(SeqCst);
            assert!(ring.push(1));
            ring.tail.store(tail, SeqCst);
            assert!(!ring.is_empty());
            assert!(ring.push(2), "round {round}");
            assert!(!ring.push(3));
            let head = ring.head.load(SeqCst);
            assert_eq!(ring.pop(), Some(1));
            ring.head.store(head, SeqCst);
            assert_eq!(ring.pop(), Some(2));
            assert_eq!(ring.pop(), None);
        }
        // Pushed and popped, and both died.
        let (tail, head) = (ring.tail.load(SeqCst), ring.head.load(SeqCst));
        assert!(ring.push(1));
        assert_eq!(ring.pop(), Some(1));
        ring.tail.store(tail, SeqCst);
        ring.head.store(head, SeqCst);
        assert!(ring.push(5));
        assert_eq!((ring.pop(), ring.pop()), (Some(5), None));
    }

    #[test]
    fn threads_lose_and_repeat_nothing() {
        const EACH: u32 = 50_000;
        let ring = Ring::<8>::default();
        let counts: Vec<AtomicUsize> = (0..3 * EACH).map(|_| AtomicUsize::new(0)).collect();
        let left = AtomicUsize::new(counts.len());
        thread::scope(|scope| {
            for producer in 0..3 {
                let ring = &ring;
                scope.spawn(move || {
                    for i in 0..EACH {
                        while !ring.push(producer * EACH + i) {
                            thread::yield_now();
                        }
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    // What one producer pushed comes in its order.
                    let mut last = [None; 3];
                    while left.load(SeqCst) > 0 {
                        let Some(message) = ring.pop() else {
                            thread::yield_now();
                            continue;
                        };
                        let producer = (message / EACH) as usize;
                        assert!(last[producer].is_none_or(|l| l < message));
                        last[producer] = Some(message);
                        counts[message as usize].fetch_add(1, SeqCst);
                        left.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        assert!(counts.iter().all(|count| count.load(SeqCst) == 1));
    }
}
