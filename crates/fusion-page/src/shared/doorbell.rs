//! How clients get the worker's attention: a bit per session that has news, and
//! one word to sleep on. Ringing costs a system call only if the worker sleeps.

use crate::limits::MAX_SLOTS;
use crate::shared::futex;
use crate::shared::many::Many;
use crate::sync::{AtomicU32, AtomicU64};
use crossbeam_utils::CachePadded;
use smallvec::SmallVec;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

/// The doorbell. All zeroes is silence.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Doorbell {
    /// 1 while the worker sleeps, or is about to.
    sleeping: CachePadded<AtomicU32>,
    /// Not 0 if a slot became free while clients waited for one.
    slot_freed: AtomicU32,
    dirty: Many<AtomicU64, { MAX_SLOTS.div_ceil(64) }>,
    sleeps: AtomicU64,
    wakes: AtomicU64,
}

/// What a wait on the doorbell brought.
#[derive(Debug, Default)]
pub struct News {
    /// Slots of sessions with news: a startup message to read, pages, ends of leaves,
    /// released results, or a closed client.
    pub slots: SmallVec<[u32; 16]>,
    /// A slot became free while clients waited for one.
    pub(crate) slot_freed: bool,
}

impl Doorbell {
    /// Reports news of the session in `slot`, after they were published; whether the
    /// worker had to be woken.
    pub(crate) fn ring(&self, slot: u32) -> bool {
        let (word, bit) = (slot as usize / 64, 1u64 << (slot % 64));
        // SeqCst, as in `wait`: either the worker sees the bit before it
        // sleeps, or this sees that it sleeps. Also rung if the bit was set,
        // for who set it may have died before ringing.
        self.dirty[word].fetch_or(bit, SeqCst);
        self.wake()
    }

    /// Reports that a slot became free.
    pub(crate) fn ring_slot_freed(&self) {
        self.slot_freed.store(1, SeqCst);
        self.wake();
    }

    fn wake(&self) -> bool {
        let asleep = self.sleeping.load(SeqCst) != 0 && self.sleeping.swap(0, SeqCst) != 0;
        if asleep {
            self.wakes.fetch_add(1, Relaxed);
            futex::wake_all(&self.sleeping);
        }
        asleep
    }

    /// Wakes the worker without news.
    pub(crate) fn nudge(&self) {
        self.wake();
    }

    /// Waits for news, at most for `timeout`.
    pub(crate) fn wait(&self, timeout: Duration) -> News {
        if let Some(news) = self.collect() {
            return news;
        }
        self.sleeping.store(1, SeqCst);
        if let Some(news) = self.collect() {
            self.sleeping.store(0, SeqCst);
            return news;
        }
        self.sleeps.fetch_add(1, Relaxed);
        futex::wait(&self.sleeping, 1, timeout);
        self.sleeping.store(0, SeqCst);
        self.collect().unwrap_or_default()
    }

    fn collect(&self) -> Option<News> {
        let mut news = News::default();
        for (i, word) in self.dirty.iter().enumerate() {
            if word.load(SeqCst) == 0 {
                continue;
            }
            let mut bits = word.swap(0, SeqCst);
            while bits != 0 {
                news.slots.push(i as u32 * 64 + bits.trailing_zeros());
                bits &= bits - 1;
            }
        }
        news.slot_freed = self.slot_freed.load(SeqCst) != 0 && self.slot_freed.swap(0, SeqCst) != 0;
        (news.slot_freed || !news.slots.is_empty()).then_some(news)
    }

    /// How often the worker slept, and was woken.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.sleeps.load(Relaxed), self.wakes.load(Relaxed))
    }
}
