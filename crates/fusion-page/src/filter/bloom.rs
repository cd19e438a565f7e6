//! A register-blocked Bloom filter (Putze, Sanders, Singler: Cache-, Hash- and
//! Space-Efficient Bloom Filters, 2007): all bits of a key are in one word. Its words are
//! a power of two, or none, and then nothing is known of the keys.

use crate::sync::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Keys per word beyond which a filter keeps hardly any row off.
const MAX_KEYS_PER_WORD: usize = 12;
/// Keys per word that are aimed at.
const KEYS_PER_WORD: usize = 4;

/// The most keys for which a filter in `room` words is of use.
pub(crate) fn capacity(room: usize) -> usize {
    most_words(room) * MAX_KEYS_PER_WORD
}

/// The size of a filter for `keys` keys where there is room for `room` words.
pub(crate) fn words_for(keys: usize, room: usize) -> usize {
    match keys {
        0 => 0,
        count => (count / KEYS_PER_WORD).next_power_of_two().min(most_words(room)),
    }
}

/// The largest filter that fits into `room` words.
fn most_words(room: usize) -> usize {
    if room == 0 { 0 } else { 1 << room.ilog2() }
}

/// Makes `words`, which nobody else uses, the filter of `keys`.
pub(crate) fn fill<'a>(words: &[AtomicU64], keys: impl IntoIterator<Item = &'a i64>) {
    words.iter().for_each(|word| word.store(0, Relaxed));
    if words.is_empty() {
        return;
    }
    for key in keys {
        let (index, mask) = place(*key, words.len());
        // Nobody else writes, so this need not be one step.
        words[index].store(words[index].load(Relaxed) | mask, Relaxed);
    }
}

/// Whether `key` may be among the keys of the filter.
#[inline(always)]
pub(crate) fn may_contain(words: &[AtomicU64], key: i64) -> bool {
    if words.is_empty() {
        return true;
    }
    let (index, mask) = place(key, words.len());
    words[index].load(Relaxed) & mask == mask
}

/// The word and the bits of a key in a filter of `words` words, a power of two.
#[inline(always)]
fn place(key: i64, words: usize) -> (usize, u64) {
    let hash = (key as u64 ^ (key as u64 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bit = |shift: u32| 1_u64 << (hash >> shift & 63);
    ((hash >> 32) as usize & (words - 1), bit(0) | bit(6) | bit(12) | bit(18))
}
