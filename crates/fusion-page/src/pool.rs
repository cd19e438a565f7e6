//! Who owns which page.
//!
//! Each page has one word: 0 if it is free, otherwise its owner, a session (slot
//! and generation) and a side of it. To claim a page is one CAS of that word,
//! to give it back another, which fails harmlessly if the page has meanwhile
//! been reclaimed. There is no list that could be torn: a process may die at any
//! instruction, and its pages are found by their words.
//!
//! Slot `i` has the pages from `i * min` to `(i + 1) * min` to itself: its
//! guaranteed minimum, which is claimed first, because it is uncontended, warm
//! in the cache, and of no use to others. The pages behind those of all slots
//! are the surplus, which everybody takes from.

use crate::region::Region;
use crate::slot::SessionKey;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// The party of a session that owns a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The backend and its parallel workers.
    Client,
    /// The fusion worker.
    Worker,
}

const FREE: u64 = 0;
const OWNED: u64 = 1 << 63;
const WORKER: u64 = 1 << 62;

/// The owner word: owned, side, slot, generation.
fn word(key: SessionKey, side: Side) -> u64 {
    let side = if side == Side::Worker { WORKER } else { 0 };
    OWNED | side | u64::from(key.slot) << 32 | u64::from(key.generation)
}

impl Region {
    /// Claims a free page for one side of a session.
    pub(crate) fn claim_page(&self, key: SessionKey, side: Side) -> Option<u32> {
        let owners = self.owners();
        let held = &self.slot(key.slot).held;
        // Counted before the page is taken, and discounted after it is given
        // back, so that 0 proves that there is nothing to reclaim.
        held.add(key.generation);
        let own = self.own_pages(key.slot);
        let surplus = self.surplus_pages();
        let take = |page: usize| {
            let free = owners[page].load(Relaxed) == FREE;
            free && owners[page].compare_exchange(FREE, word(key, side), AcqRel, Relaxed).is_ok()
        };
        if let Some(page) = own.clone().find(|&page| take(page)) {
            return Some(page as u32);
        }
        if !surplus.is_empty() {
            let control = self.control();
            let hint = control.surplus_hint.load(Relaxed) as usize % surplus.len();
            let start = surplus.start + hint;
            let found = (start..surplus.end).chain(surplus.start..start).find(|&page| take(page));
            if let Some(page) = found {
                control.surplus_hint.store((page - surplus.start + 1) as u32, Relaxed);
                control.surplus_used.fetch_add(1, Relaxed);
                return Some(page as u32);
            }
        }
        held.sub(key.generation);
        None
    }

    /// Gives a page back; does nothing if this side does not own it any more.
    pub(crate) fn release_page(&self, page: u32, key: SessionKey, side: Side) {
        self.free_page(page as usize, key, word(key, side));
    }

    fn free_page(&self, page: usize, key: SessionKey, expected: u64) {
        let owner = &self.owners()[page];
        if owner.compare_exchange(expected, FREE, AcqRel, Relaxed).is_ok() {
            if self.surplus_pages().contains(&page) {
                self.control().surplus_used.fetch_sub(1, Relaxed);
            }
            self.slot(key.slot).held.sub(key.generation);
        }
    }

    /// Makes the other side the owner; `false` if this side is not the owner.
    pub(crate) fn hand_over_page(&self, page: u32, key: SessionKey, from: Side) -> bool {
        let to = if from == Side::Client { Side::Worker } else { Side::Client };
        let owner = &self.owners()[page as usize];
        owner.compare_exchange(word(key, from), word(key, to), AcqRel, Relaxed).is_ok()
    }

    /// Whether this side owns the page, which exists.
    pub(crate) fn owns_page(&self, page: u32, key: SessionKey, side: Side) -> bool {
        self.owners().get(page as usize).is_some_and(|o| o.load(Acquire) == word(key, side))
    }

    /// Frees what a session, or one side of it, still owns. That side's
    /// processes must not use their pages any more.
    pub(crate) fn reclaim_pages(&self, key: SessionKey, side: Option<Side>) {
        if self.slot(key.slot).held.is_zero(key.generation) {
            return;
        }
        let free_all = |expected: u64| {
            for page in self.own_pages(key.slot).chain(self.surplus_pages()) {
                if self.owners()[page].load(Relaxed) == expected {
                    self.free_page(page, key, expected);
                }
            }
        };
        for one in [Side::Client, Side::Worker] {
            if side.is_none_or(|wanted| wanted == one) {
                free_all(word(key, one));
            }
        }
    }

    /// Whether most of the surplus is in use, so that holding on to a page for
    /// long is not neighbourly. A cheap estimate.
    pub fn surplus_is_low(&self) -> bool {
        let total = self.surplus_pages().len() as i64;
        self.control().surplus_used.load(Relaxed) * 4 > total * 3
    }

    /// Counts the surplus anew: deaths between a claim and its count make the
    /// estimate drift.
    pub(crate) fn recount_surplus(&self) {
        let used = self.owners()[self.surplus_pages()]
            .iter()
            .filter(|owner| owner.load(Relaxed) != FREE)
            .count();
        self.control().surplus_used.store(used as i64, Relaxed);
    }

    /// The number of free pages.
    pub(crate) fn count_free_pages(&self) -> usize {
        self.owners().iter().filter(|owner| owner.load(Relaxed) == FREE).count()
    }
}
