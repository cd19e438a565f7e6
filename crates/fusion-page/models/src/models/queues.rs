//! The ring and the doorbell by themselves.

use super::{CLIENT, HELPER, LONG, explore, explore_deaths, spawn};
use crate::shared::doorbell::Doorbell;
use crate::shared::ring::Ring;
use crate::sync::AtomicU64;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

type Pair = Arc<(Ring<2>, [AtomicU64; 4])>;

/// Writes something, and pushes where.
fn push(pair: &Pair, message: u32) {
    pair.1[message as usize].store(u64::from(message) + 10, Relaxed);
    while !pair.0.push(message) {
        loom::thread::yield_now();
    }
}

/// Pops a message, and sees what was written before.
fn pop(pair: &Pair) -> Option<u32> {
    let message = pair.0.pop()?;
    assert_eq!(pair.1[message as usize].load(Relaxed), u64::from(message) + 10);
    Some(message)
}

/// Of several producers and consumers nobody loses or repeats a message, also where the
/// queue is full and goes into its second lap.
pub fn a_ring_of_many() {
    explore(2, || {
        let pair = Pair::default();
        let producer = {
            let pair = pair.clone();
            spawn(CLIENT, None, move || (0..2).for_each(|message| push(&pair, message)))
        };
        let helper = {
            let pair = pair.clone();
            spawn(HELPER, None, move || push(&pair, 3))
        };
        let mut seen = Vec::new();
        while seen.len() < 3 {
            match pop(&pair) {
                Some(message) => seen.push(message),
                None => loom::thread::yield_now(),
            }
        }
        producer.join().unwrap();
        helper.join().unwrap();
        assert!(pair.0.is_empty() && pair.0.pop().is_none());
        let of_one: Vec<_> = seen.iter().copied().filter(|message| *message < 2).collect();
        assert_eq!((of_one, seen.contains(&3)), (vec![0, 1], true));
    });
}

/// A producer dies at any step: the others go on, and its message is there or not.
pub fn a_dead_producer() {
    explore_deaths(2, |steps| {
        let pair = Pair::default();
        let dies = {
            let pair = pair.clone();
            spawn(CLIENT, Some(steps), move || push(&pair, 0))
        };
        push(&pair, 1);
        let whole = dies.join().unwrap();
        let mut seen: Vec<_> = std::iter::from_fn(|| pop(&pair)).collect();
        seen.sort_unstable();
        assert!(seen == [0, 1] || (!whole && seen == [1]), "{seen:?}");
        // The queue has room for as many as before.
        assert!(pair.0.push(2) && pair.0.push(3) && !pair.0.push(2));
        whole
    });
}

/// A consumer dies at any step: the others get all but what it had taken.
pub fn a_dead_consumer() {
    explore_deaths(2, |steps| {
        let pair = Pair::default();
        push(&pair, 0);
        push(&pair, 1);
        let dies = {
            let pair = pair.clone();
            spawn(CLIENT, Some(steps), move || {
                pop(&pair);
            })
        };
        let mut seen: Vec<_> = std::iter::from_fn(|| pop(&pair)).collect();
        let whole = dies.join().unwrap();
        seen.extend(std::iter::from_fn(|| pop(&pair)));
        assert!(matches!(seen[..], [0, 1] | [0] | [1]), "{seen:?}");
        assert!(whole || !seen.is_empty());
        whole
    });
}

/// Whoever rings is heard.
pub fn nobody_rings_in_vain() {
    explore(3, || {
        let bell = Arc::new(Doorbell::default());
        let rings = [0, 1].map(|slot| {
            let bell = Arc::clone(&bell);
            spawn(CLIENT + slot, None, move || {
                bell.ring(slot);
            })
        });
        let mut heard = 0;
        while heard != 0b11 {
            for slot in bell.wait(LONG).slots {
                heard |= 1 << slot;
            }
        }
        for ring in rings {
            ring.join().unwrap();
        }
    });
}
