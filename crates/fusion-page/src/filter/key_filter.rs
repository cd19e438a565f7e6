//! A filter as it lies in its page: the column that it is for, the least and the greatest
//! key, and a Bloom filter. Written once, before anybody else sees the page.

use crate::error::PageError;
use crate::filter::bloom;
use crate::sync::AtomicU64;
use fusion_plan::KeySet;
use std::sync::atomic::Ordering::Relaxed;

/// Words in front of the Bloom filter: column, bounds, number of words.
const HEADER: usize = 8;

/// The most keys for which a filter in a page of `page_size` bytes is of use.
pub fn filter_capacity(page_size: usize) -> usize {
    bloom::capacity(room(page_size))
}

/// Words for the Bloom filter in a page.
fn room(page_size: usize) -> usize {
    (page_size / size_of::<u64>()).saturating_sub(HEADER)
}

/// Writes the filter of `keys` for `column` to `page`, which nobody else uses.
pub(crate) fn write_filter(keys: &KeySet, column: u32, page: &[AtomicU64]) {
    // No key: nothing is within these bounds.
    let (least, greatest) = keys.bounds().unwrap_or((i64::MAX, i64::MIN));
    let keys = keys.keys().unwrap_or_default();
    let words = bloom::words_for(keys.len(), room(size_of_val(page)));
    let (header, bits) = page.split_at(HEADER.min(page.len()));
    let values = [u64::from(column), least as u64, greatest as u64, words as u64];
    for (word, value) in header.iter().zip(values) {
        word.store(value, Relaxed);
    }
    bloom::fill(&bits[..words], keys);
}

/// A published filter.
#[derive(Clone, Copy, Debug)]
pub struct KeyFilter<'a> {
    column: usize,
    least: i64,
    greatest: i64,
    bits: &'a [AtomicU64],
}

impl<'a> KeyFilter<'a> {
    /// The filter in `page`.
    pub(crate) fn read(page: &'a [AtomicU64]) -> Result<Self, PageError> {
        let word = |index: usize| page.get(index).map_or(0, |word| word.load(Relaxed));
        let words = word(3) as usize;
        let bits = page.get(HEADER..).and_then(|bits| bits.get(..words));
        let bits = bits.filter(|_| words == 0 || words.is_power_of_two());
        let bits = bits.ok_or(PageError::Corrupt("a filter larger than its page"))?;
        Ok(Self { column: word(0) as usize, least: word(1) as i64, greatest: word(2) as i64, bits })
    }

    /// The leaf's column that holds the key.
    pub fn column(&self) -> usize {
        self.column
    }

    /// Whether `key` may be in the set; if not, it is not.
    #[inline(always)]
    pub fn may_contain(&self, key: i64) -> bool {
        if key < self.least || key > self.greatest {
            return false;
        }
        bloom::may_contain(self.bits, key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Vec<AtomicU64> {
        // What an earlier use of the page has left.
        (0..1024).map(|_| AtomicU64::new(u64::MAX)).collect()
    }

    fn set(keys: impl IntoIterator<Item = i64>, capacity: usize) -> KeySet {
        let mut set = KeySet::default();
        keys.into_iter().for_each(|key| set.insert(key, capacity));
        set
    }

    #[test]
    fn no_key_is_ever_kept_off() {
        let page = page();
        for count in [0, 1, 2, 7, 100, 5_000, 200_000] {
            let keys = (0..count).map(|key| key * 7919 - 40_000);
            write_filter(&set(keys.clone(), filter_capacity(8192)), 3, &page);
            let filter = KeyFilter::read(&page).unwrap();
            assert_eq!(filter.column(), 3);
            assert!(keys.clone().all(|key| filter.may_contain(key)), "{count}");
            assert!(!filter.may_contain(-40_001) && !filter.may_contain(i64::MAX), "{count}");
            let others = (0..10_000).filter(|key| filter.may_contain(key * 7919 - 39_999)).count();
            let most = if count <= 2_000 { 500 } else { 10_000 };
            assert!(others <= most, "{others} of 10000 others pass with {count} keys");
        }
    }

    #[test]
    fn parts_make_a_whole() {
        let capacity = 10;
        let mut whole = set([5, 5, 5, -3], capacity);
        whole.merge(KeySet::default(), capacity);
        whole.merge(set([i64::MAX], capacity), capacity);
        let page = page();
        write_filter(&whole, 0, &page);
        let filter = KeyFilter::read(&page).unwrap();
        assert!([5, -3, i64::MAX].into_iter().all(|key| filter.may_contain(key)));
        assert!(!filter.may_contain(-4));
        // More than it can hold: the bounds remain.
        whole.merge(set(0..9, capacity), capacity);
        write_filter(&whole, 0, &page);
        let filter = KeyFilter::read(&page).unwrap();
        assert!(filter.may_contain(1_000_000) && !filter.may_contain(-4));
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(KeyFilter::read(&page()).is_err());
        assert!(KeyFilter::read(&[]).is_err() || KeyFilter::read(&[]).unwrap().bits.is_empty());
    }
}
