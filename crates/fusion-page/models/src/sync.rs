//! Words of which each use is a step.

use crate::process;
use loom::sync::atomic as loom;
use std::cell::Cell;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, SeqCst};

std::thread_local! {
    /// Loom takes a load and an update for two steps of which the order matters only if
    /// the load was the last use of the word; so it does not try all orders of threads
    /// that look at a word before they change it. As updates, loads have all their orders,
    /// but see the newest value always. Loom runs all threads of a model in one.
    static LOADS_ARE_UPDATES: Cell<bool> = const { Cell::new(false) };
}

/// From now on loads are updates, or not.
pub(crate) fn make_loads_updates(updates: bool) {
    LOADS_ARE_UPDATES.set(updates);
}

pub(crate) fn process_id() -> u32 {
    process::id()
}

pub(crate) fn fence(order: Ordering) {
    if process::step() {
        loom::fence(order);
    }
}

/// Begins a use of a word: `false` if the process is dead. What is to be in the one order
/// that all agree on has a fence in front, which is how processors without such words
/// make them.
fn begin(order: Ordering) -> bool {
    let alive = process::step();
    if alive && order == SeqCst {
        loom::fence(SeqCst);
    }
    alive
}

fn of_load(order: Ordering) -> Ordering {
    if order == SeqCst { Acquire } else { order }
}

fn of_update(order: Ordering) -> Ordering {
    if order == SeqCst { AcqRel } else { order }
}

macro_rules! words {
    ($($name:ident: $value:ty;)*) => {$(
        #[derive(Debug, Default)]
        pub(crate) struct $name(loom::$name);

        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::$name::new(value))
            }

            /// The value, without a step: for what the kernel does.
            pub(crate) fn peek(&self) -> $value {
                self.0.load(Acquire)
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                match begin(order) {
                    true if LOADS_ARE_UPDATES.get() => self.0.fetch_or(Default::default(), AcqRel),
                    true => self.0.load(of_load(order)),
                    false => Default::default(),
                }
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                match begin(order) {
                    // Loom does not know that it comes after an update that was not seen.
                    true if order == SeqCst => drop(self.0.swap(value, AcqRel)),
                    true => self.0.store(value, order),
                    false => {}
                }
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                match begin(order) {
                    true => self.0.swap(value, of_update(order)),
                    false => Default::default(),
                }
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                match begin(success) {
                    true => self.0.compare_exchange(current, new, of_update(success), of_load(failure)),
                    false => Ok(current),
                }
            }

            pub(crate) fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }
        }
    )*};
}

macro_rules! counts {
    ($($name:ident: $value:ty, $($operation:ident)*;)*) => {$(
        impl $name {
            $(pub(crate) fn $operation(&self, value: $value, order: Ordering) -> $value {
                match begin(order) {
                    true => self.0.$operation(value, of_update(order)),
                    false => 0,
                }
            })*
        }
    )*};
}

words! {
    AtomicBool: bool;
    AtomicI64: i64;
    AtomicU32: u32;
    AtomicU64: u64;
}

counts! {
    AtomicI64: i64, fetch_add fetch_sub;
    AtomicU32: u32, fetch_add fetch_sub fetch_or fetch_and;
    AtomicU64: u64, fetch_add fetch_sub fetch_or fetch_and;
}
