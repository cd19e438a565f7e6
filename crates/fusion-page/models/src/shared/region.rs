//! The region, made by constructors.

use crate::shared::control::Control;
use crate::shared::identity::WorkerId;
use crate::shared::jumbo::JumboDir;
use crate::shared::slot::Slot;
use crate::sync::AtomicU64;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Enough for a header and some bytes.
const PAGE_SIZE: usize = 256;
/// A filter's header and one word of keys.
const WORDS: usize = 9;

#[derive(Clone)]
pub struct Region(Arc<Inner>);

struct Inner {
    control: Control,
    states: Vec<AtomicU64>,
    owners: Vec<AtomicU64>,
    slots: Vec<Slot>,
    pages: Vec<Page>,
    min_pages: usize,
}

/// Bytes, whose use loom does not see, and words, whose use it does.
struct Page {
    bytes: UnsafeCell<[u128; PAGE_SIZE / 16]>,
    words: Vec<AtomicU64>,
}

// SAFETY: the bytes are used by who owns the page, which is what the models are to show,
// and loom runs one thread at a time.
unsafe impl Sync for Page {}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Region")
    }
}

impl Region {
    /// `sessions` slots with `min_pages` each, and `surplus` pages besides.
    pub(crate) fn new(sessions: usize, min_pages: usize, surplus: usize) -> Self {
        let words = |count: usize| (0..count).map(|_| AtomicU64::default()).collect::<Vec<_>>();
        let pages = sessions * min_pages + surplus;
        Self(Arc::new(Inner {
            control: Control::default(),
            states: words(sessions),
            owners: words(pages),
            slots: (0..sessions).map(|_| Slot::default()).collect(),
            pages: (0..pages)
                .map(|_| Page { bytes: UnsafeCell::default(), words: words(WORDS) })
                .collect(),
            min_pages,
        }))
    }

    pub(crate) fn page_size(&self) -> usize {
        PAGE_SIZE
    }

    pub(crate) fn max_sessions(&self) -> usize {
        self.0.slots.len()
    }

    pub(crate) fn slot_count(&self) -> usize {
        self.0.slots.len()
    }

    pub(crate) fn worker(&self) -> Option<WorkerId> {
        WorkerId::from_word(self.worker_word())
    }

    pub(crate) fn worker_word(&self) -> u64 {
        self.control().worker.load(SeqCst)
    }

    pub(crate) fn jumbo_dir(&self) -> &JumboDir {
        &JumboDir
    }

    pub(crate) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(crate) fn states(&self) -> &[AtomicU64] {
        &self.0.states
    }

    pub(crate) fn owners(&self) -> &[AtomicU64] {
        &self.0.owners
    }

    pub(crate) fn slot(&self, slot: u32) -> &Slot {
        &self.0.slots[slot as usize]
    }

    pub(crate) fn page_memory(&self, page: u32) -> NonNull<[u8]> {
        let bytes = NonNull::from(&self.0.pages[page as usize].bytes).cast();
        NonNull::slice_from_raw_parts(bytes, PAGE_SIZE)
    }

    /// The words of the page that has these bytes.
    pub(crate) fn words_of(&self, memory: NonNull<[u8]>) -> &[AtomicU64] {
        let same = |page: &&Page| page.bytes.get().cast() == memory.cast::<u8>().as_ptr();
        &self.0.pages.iter().find(same).expect("a page of this region").words
    }

    pub(crate) fn page_words(&self, page: u32) -> Option<&[AtomicU64]> {
        self.0.pages.get(page as usize).map(|page| page.words.as_slice())
    }

    pub(crate) fn own_pages(&self, slot: u32) -> Range<usize> {
        let min = self.0.min_pages;
        slot as usize * min..(slot as usize + 1) * min
    }

    pub(crate) fn surplus_pages(&self) -> Range<usize> {
        self.slot_count() * self.0.min_pages..self.0.pages.len()
    }
}
