//! Who owns which page.
//!
//! Each page has one word: 0 if it is free, otherwise its owner, a session (slot
//! and generation) and a side of it. To claim a page is one CAS of that word,
//! to give it back another, which fails harmlessly if the page has meanwhile
//! been reclaimed. There is no list that could be torn: a process may die at any
//! instruction, and its pages are found by their words.
//!
//! What one side owns is reclaimed when that side is over. A page that several
//! processes read, each for as long as it likes, belongs to the session itself: it
//! is reclaimed when the session is settled, which is when all of them have left.
//!
//! Slot `i` has the pages from `i * min` to `(i + 1) * min` to itself: its
//! guaranteed minimum, which is claimed first, because it is uncontended, warm
//! in the cache, and of no use to others. The pages behind those of all slots
//! are the surplus, which everybody takes from. What only saves time comes from the
//! surplus alone, so that the minimum remains for rows.

use crate::shared::identity::SessionKey;
use crate::shared::owner::{FREE, Side, owner_word};
use crate::shared::region::Region;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

impl Region {
    /// Claims a free page for one side of a session.
    pub(crate) fn claim_page(&self, key: SessionKey, side: Side) -> Option<u32> {
        self.counted(key, || {
            let own = self.own_pages(key.slot).find(|&page| self.take_page(page, key, side));
            own.or_else(|| self.take_surplus_page(key, side))
        })
    }

    /// Claims a page of the surplus for a session's processes to read until the last of
    /// them has left; `None` if others may soon need what is left of the surplus.
    pub(crate) fn claim_common_page(&self, key: SessionKey) -> Option<u32> {
        if self.surplus_is_low() {
            return None;
        }
        self.counted(key, || self.take_surplus_page(key, Side::Everybody))
    }

    /// Counts the page that `claim` takes: before it is taken, and discounts it after it
    /// is given back, so that 0 proves that there is nothing to reclaim.
    fn counted(&self, key: SessionKey, claim: impl FnOnce() -> Option<usize>) -> Option<u32> {
        let count = &self.slot(key.slot).pages;
        count.add(key.generation);
        let page = claim();
        if page.is_none() {
            count.sub(key.generation);
        }
        page.map(|page| page as u32)
    }

    fn take_page(&self, page: usize, key: SessionKey, side: Side) -> bool {
        let owner = &self.owners()[page];
        owner.load(Relaxed) == FREE
            && owner.compare_exchange(FREE, owner_word(key, side), AcqRel, Relaxed).is_ok()
    }

    fn take_surplus_page(&self, key: SessionKey, side: Side) -> Option<usize> {
        let surplus = self.surplus_pages();
        if surplus.is_empty() {
            return None;
        }
        let control = self.control();
        let hint = control.surplus_hint.load(Relaxed) as usize % surplus.len();
        let start = surplus.start + hint;
        let mut pages = (start..surplus.end).chain(surplus.start..start);
        let page = pages.find(|&page| self.take_page(page, key, side))?;
        control.surplus_hint.store((page - surplus.start + 1) as u32, Relaxed);
        control.surplus_used.fetch_add(1, Relaxed);
        Some(page)
    }

    /// Gives a page back; does nothing if this side does not own it any more.
    pub(crate) fn release_page(&self, page: u32, key: SessionKey, side: Side) {
        self.free_page(page as usize, key, owner_word(key, side));
    }

    fn free_page(&self, page: usize, key: SessionKey, expected: u64) {
        let owner = &self.owners()[page];
        if owner.compare_exchange(expected, FREE, AcqRel, Relaxed).is_ok() {
            if self.surplus_pages().contains(&page) {
                self.control().surplus_used.fetch_sub(1, Relaxed);
            }
            self.slot(key.slot).pages.sub(key.generation);
        }
    }

    /// Makes the other of client and worker the owner; `false` if this side is not the
    /// owner.
    pub(crate) fn hand_over_page(&self, page: u32, key: SessionKey, from: Side) -> bool {
        let to = if from == Side::Client { Side::Worker } else { Side::Client };
        let owner = &self.owners()[page as usize];
        owner.compare_exchange(owner_word(key, from), owner_word(key, to), AcqRel, Relaxed).is_ok()
    }

    /// Whether this side owns the page, which exists.
    pub(crate) fn owns_page(&self, page: u32, key: SessionKey, side: Side) -> bool {
        self.owners().get(page as usize).is_some_and(|o| o.load(Acquire) == owner_word(key, side))
    }

    /// Frees what a session, or one side of it, still owns. That side's
    /// processes must not use their pages any more.
    pub(crate) fn reclaim_pages(&self, key: SessionKey, side: Option<Side>) {
        if self.slot(key.slot).pages.is_zero(key.generation) {
            return;
        }
        let free_all = |expected: u64| {
            for page in self.own_pages(key.slot).chain(self.surplus_pages()) {
                if self.owners()[page].load(Relaxed) == expected {
                    self.free_page(page, key, expected);
                }
            }
        };
        for one in [Side::Client, Side::Worker, Side::Everybody] {
            if side.is_none_or(|wanted| wanted == one) {
                free_all(owner_word(key, one));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::region::tests::region;
    use crate::shared::state::State;
    use std::collections::HashSet;
    use std::sync::Mutex;
    use std::thread;

    fn session(region: &Region) -> SessionKey {
        let key = region.claim_slot(1, false).unwrap();
        region.slot(key.slot).begin(key, 0, 0);
        key
    }

    #[test]
    fn own_pages_first_and_never_those_of_others() {
        let region = region(10, 2, 3);
        let (a, b) = (session(&region), session(&region));
        let claim = |key| region.claim_page(key, Side::Client);
        let mut taken: Vec<u32> = (0..7).map(|_| claim(a).unwrap()).collect();
        assert_eq!(taken[..3], [0, 1, 2]);
        taken[3..].sort_unstable();
        assert_eq!(taken[3..], [6, 7, 8, 9]);
        assert!(claim(a).is_none());
        assert!(region.surplus_is_low());
        // The other session still has its minimum.
        assert_eq!([claim(b), claim(b), claim(b), claim(b)], [Some(3), Some(4), Some(5), None]);
        region.release_page(8, a, Side::Client);
        region.release_page(9, a, Side::Client);
        assert!(!region.surplus_is_low());
        assert_eq!(claim(b), Some(8));
    }

    #[test]
    fn stale_releases_do_nothing() {
        let region = region(4, 1, 2);
        let old = session(&region);
        let page = region.claim_page(old, Side::Client).unwrap();
        region.release_page(page, old, Side::Worker);
        assert!(region.owns_page(page, old, Side::Client));
        region.change_state(old, 0, 0, State::CLIENT);
        assert!(region.settle(old.slot) && !region.settle(old.slot));
        assert_eq!(region.count_free_pages(), 4);
        let new = session(&region);
        assert_eq!((new.slot, new.generation), (old.slot, old.generation + 1));
        assert_eq!(region.claim_page(new, Side::Client), Some(page));
        region.release_page(page, old, Side::Client);
        assert!(!region.hand_over_page(page, old, Side::Client));
        region.reclaim_pages(old, None);
        assert!(region.owns_page(page, new, Side::Client));
        assert!(!region.slot(new.slot).pages.is_zero(new.generation));
    }

    #[test]
    fn one_side_can_be_reclaimed() {
        let region = region(8, 1, 2);
        let key = session(&region);
        let pages: Vec<u32> =
            (0..6).map(|_| region.claim_page(key, Side::Client).unwrap()).collect();
        for &page in &pages[1..4] {
            assert!(region.hand_over_page(page, key, Side::Client));
        }
        region.reclaim_pages(key, Some(Side::Worker));
        assert_eq!(region.count_free_pages(), 5);
        region.reclaim_pages(key, None);
        assert_eq!(region.count_free_pages(), 8);
        assert!(region.slot(key.slot).pages.is_zero(key.generation));
        assert!(!region.surplus_is_low());
        region.control().surplus_used.store(4, Relaxed);
        region.recount_surplus();
        assert_eq!(region.control().surplus_used.load(Relaxed), 0);
    }

    #[test]
    fn common_pages_stay_until_the_session_is_settled() {
        let region = region(6, 1, 2);
        let key = session(&region);
        let common: Vec<_> = (0..5).map_while(|_| region.claim_common_page(key)).collect();
        assert_eq!(common[..], [2, 3, 4, 5], "the session's own pages are for rows");
        region.reclaim_pages(key, Some(Side::Worker));
        region.reclaim_pages(key, Some(Side::Client));
        assert_eq!(region.count_free_pages(), 2);
        region.change_state(key, 0, 0, State::CLIENT);
        assert!(region.settle(key.slot));
        assert_eq!(region.count_free_pages(), 6);
        assert!(!region.surplus_is_low());
    }

    #[test]
    fn threads_never_share_a_page() {
        let region = region(12, 3, 2);
        let owned = Mutex::new(HashSet::new());
        thread::scope(|scope| {
            for _ in 0..3 {
                let key = session(&region);
                let (region, owned) = (&region, &owned);
                scope.spawn(move || {
                    for round in 0..3000 {
                        let pages: Vec<u32> = (0..1 + round % 6)
                            .filter_map(|_| region.claim_page(key, Side::Worker))
                            .collect();
                        assert!(pages.len() >= 2.min(1 + round % 6), "the minimum is guaranteed");
                        for &page in &pages {
                            assert!(owned.lock().unwrap().insert(page));
                        }
                        for page in pages {
                            owned.lock().unwrap().remove(&page);
                            region.release_page(page, key, Side::Worker);
                        }
                    }
                });
            }
        });
        assert_eq!(region.count_free_pages(), 12);
    }
}
