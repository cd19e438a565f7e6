//! The shared region: one mapping that the postmaster makes and all its
//! children inherit.
//!
//! ```text
//! ┌─────────┬────────────────┬────────────────┬──────────────┬───────────────┐
//! │ control │ slot states    │ page owners    │ slots        │ pages         │
//! │         │ 8 B/session    │ 8 B/page       │              │ page_size each│
//! └─────────┴────────────────┴────────────────┴──────────────┴───────────────┘
//! ```
//!
//! Everything in front of the pages is made of atomics for which zero is the
//! initial state, so a fresh mapping needs no initialisation, and none of its
//! memory is committed before it is used.

use crate::format::layout::MIN_PAGE_SIZE;
use crate::limits::{MAX_PAGES, MAX_SESSIONS};
use crate::shared::control::Control;
use crate::shared::identity::WorkerId;
use crate::shared::jumbo::JumboDir;
use crate::shared::slot::Slot;
use crate::sync::AtomicU64;
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::FromRawFd;
use std::path::PathBuf;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

const OS_PAGE: usize = 4096;
/// Alignment of what lies in front of the pages.
const ALIGN: usize = align_of::<Slot>();

const _: () = assert!(ALIGN <= OS_PAGE && align_of::<Control>() <= OS_PAGE);
const _: () = assert!(size_of::<Control>().is_multiple_of(ALIGN));

/// The sizes of a region.
#[derive(Clone, Debug)]
pub struct RegionConfig {
    /// Bytes per page: a power of two, from
    /// [`MIN_PAGE_SIZE`](crate::MIN_PAGE_SIZE) to 1 GiB.
    pub page_size: usize,
    /// Number of pages.
    pub page_count: usize,
    /// Number of sessions that can run at the same time, up to
    /// [`MAX_SESSIONS`].
    pub max_sessions: usize,
    /// Number of further sessions that clients with a session may open, up to
    /// [`MAX_SESSIONS`].
    pub nested_sessions: usize,
    /// Pages that each session has to itself, at least 1.
    pub min_pages_per_session: usize,
    /// Directory for rows that are larger than a page. It is created, and
    /// jumbo files of earlier runs in it are removed.
    pub jumbo_dir: PathBuf,
}

/// A handle of the shared region; clones are cheap and mean the same region.
#[derive(Clone, Debug)]
pub struct Region(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    map: MmapRaw,
    geometry: Geometry,
    jumbo_dir: JumboDir,
}

#[derive(Clone, Copy, Debug)]
struct Geometry {
    page_size: usize,
    page_count: usize,
    max_sessions: usize,
    slot_count: usize,
    min_pages: usize,
    states: usize,
    owners: usize,
    slots: usize,
    pages: usize,
    total: usize,
}

impl Geometry {
    fn new(config: &RegionConfig) -> io::Result<Self> {
        let invalid = |message: String| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        let RegionConfig { page_size, page_count, max_sessions, nested_sessions, .. } = *config;
        let min_pages = config.min_pages_per_session;
        if !page_size.is_power_of_two() || !(MIN_PAGE_SIZE..=1 << 30).contains(&page_size) {
            return invalid(format!(
                "page size {page_size} is not a power of two between {MIN_PAGE_SIZE} bytes and 1 GiB"
            ));
        }
        if !(1..=MAX_SESSIONS).contains(&max_sessions) {
            return invalid(format!(
                "number of sessions {max_sessions} is not between 1 and {MAX_SESSIONS}"
            ));
        }
        if nested_sessions > MAX_SESSIONS {
            return invalid(format!("more than {MAX_SESSIONS} nested sessions"));
        }
        let slot_count = max_sessions + nested_sessions;
        if min_pages == 0 {
            return invalid("a session needs at least one page".to_owned());
        }
        let guaranteed = slot_count.checked_mul(min_pages);
        if guaranteed.is_none_or(|pages| pages > page_count) {
            return invalid(format!(
                "{page_count} pages are too few for {slot_count} sessions with {min_pages} each"
            ));
        }
        if page_count > MAX_PAGES {
            return invalid(format!("more than {} pages", MAX_PAGES));
        }
        let states = size_of::<Control>();
        let owners = states + (slot_count * 8).next_multiple_of(ALIGN);
        let slots = owners + (page_count * 8).next_multiple_of(ALIGN);
        let control_end = slots + slot_count * size_of::<Slot>();
        let pages = control_end.next_multiple_of(OS_PAGE);
        let total = page_count.checked_mul(page_size).and_then(|len| len.checked_add(pages));
        let Some(total) = total.filter(|&total| total <= isize::MAX as usize) else {
            return invalid("the region exceeds the address space".to_owned());
        };
        Ok(Self {
            page_size,
            page_count,
            max_sessions,
            slot_count,
            min_pages,
            states,
            owners,
            slots,
            pages,
            total,
        })
    }
}

impl Region {
    /// Reserves the region's memory and creates the directory of jumbo buffers.
    /// To be called once, before the processes that share it are forked.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidInput`] for sizes that make no sense; otherwise
    /// what the operating system reports.
    pub fn create(config: RegionConfig) -> io::Result<Self> {
        let geometry = Geometry::new(&config)?;
        let jumbo_dir = JumboDir::create(config.jumbo_dir)?;
        let file = anonymous_file()?;
        file.set_len(geometry.total as u64)?;
        let map = MmapOptions::new().len(geometry.total).no_reserve_swap().map_raw(&file)?;
        jumbo_dir.remove_all(None);
        Ok(Self(Arc::new(Inner { map, geometry, jumbo_dir })))
    }

    /// Returns the region to its initial state, gives its memory back to the
    /// operating system and removes all jumbo files. For the postmaster, when
    /// it reinitialises shared memory: no other process may use the region.
    ///
    /// # Errors
    ///
    /// What the operating system reports.
    pub fn reset(&self) -> io::Result<()> {
        self.jumbo_dir().remove_all(None);
        // Worker generations go on, so that none is ever mistaken for another.
        let generation = self.control().worker.load(SeqCst) >> 32;
        let start = self.0.map.as_mut_ptr().cast();
        // SAFETY: the range is the whole mapping, which is shared. Punching a
        // hole in its file (`madvise_remove`, mm/madvise.c) leaves zeroes, the
        // initial state of all that is in front of the pages; pages have no state.
        if unsafe { libc::madvise(start, self.0.map.len(), libc::MADV_REMOVE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        self.control().worker.store(generation << 32, SeqCst);
        Ok(())
    }

    /// Bytes per page.
    pub fn page_size(&self) -> usize {
        self.0.geometry.page_size
    }

    /// Number of sessions, not counting nested ones.
    pub fn max_sessions(&self) -> usize {
        self.0.geometry.max_sessions
    }

    /// Number of session slots, those of nested sessions being the last.
    pub(crate) fn slot_count(&self) -> usize {
        self.0.geometry.slot_count
    }

    /// Bytes of address space that the region takes.
    pub fn len(&self) -> usize {
        self.0.map.len()
    }

    /// Always `false`: a region has pages.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The worker that is attached, if there is one.
    pub fn worker(&self) -> Option<WorkerId> {
        WorkerId::from_word(self.worker_word())
    }

    pub(crate) fn worker_word(&self) -> u64 {
        self.control().worker.load(SeqCst)
    }

    pub(crate) fn jumbo_dir(&self) -> &JumboDir {
        &self.0.jumbo_dir
    }

    /// A pointer to `offset` in the mapping, which is longer than that.
    fn at<T>(&self, offset: usize) -> *const T {
        self.0.map.as_ptr().wrapping_add(offset).cast()
    }

    pub(crate) fn control(&self) -> &Control {
        // SAFETY: the mapping begins with a Control, page-aligned; it consists
        // of atomics, valid for any bits, and lives as long as `self`.
        unsafe { &*self.at(0) }
    }

    /// The state words of the slots.
    pub(crate) fn states(&self) -> &[AtomicU64] {
        let geometry = &self.0.geometry;
        // SAFETY: as for `control`; the geometry reserves 8 bytes per slot here.
        unsafe { std::slice::from_raw_parts(self.at(geometry.states), geometry.slot_count) }
    }

    /// The owner words of the pages.
    pub(crate) fn owners(&self) -> &[AtomicU64] {
        let geometry = &self.0.geometry;
        // SAFETY: as for `control`; the geometry reserves 8 bytes per page here.
        unsafe { std::slice::from_raw_parts(self.at(geometry.owners), geometry.page_count) }
    }

    /// A session slot.
    ///
    /// # Panics
    ///
    /// If `slot` is not below the number of slots.
    pub(crate) fn slot(&self, slot: u32) -> &Slot {
        let geometry = &self.0.geometry;
        assert!((slot as usize) < geometry.slot_count);
        // SAFETY: as for `control`; a Slot has only atomics, and bytes that its
        // Outcome guards. The geometry reserves room for each slot here, at a
        // multiple of its alignment.
        unsafe { &*self.at(geometry.slots + slot as usize * size_of::<Slot>()) }
    }

    /// The bytes of a page.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    pub(crate) fn page_memory(&self, page: u32) -> NonNull<[u8]> {
        let geometry = &self.0.geometry;
        assert!((page as usize) < geometry.page_count);
        let offset = geometry.pages + page as usize * geometry.page_size;
        let start = self.at::<u8>(offset).cast_mut();
        // SAFETY: inside a mapping, which is never at address 0.
        let start = unsafe { NonNull::new_unchecked(start) };
        NonNull::slice_from_raw_parts(start, geometry.page_size)
    }

    /// The words of a page that is read while it may be written; `None` if there is no
    /// such page.
    pub(crate) fn page_words(&self, page: u32) -> Option<&[AtomicU64]> {
        if page as usize >= self.0.geometry.page_count {
            return None;
        }
        let memory = self.page_memory(page);
        // SAFETY: mapped as long as the region, aligned to 4096 bytes, and any bytes
        // are atomic integers.
        Some(unsafe {
            std::slice::from_raw_parts(
                memory.cast().as_ptr(),
                memory.len() / size_of::<AtomicU64>(),
            )
        })
    }

    /// The pages that only the session in `slot` uses.
    pub(crate) fn own_pages(&self, slot: u32) -> Range<usize> {
        let min = self.0.geometry.min_pages;
        slot as usize * min..(slot as usize + 1) * min
    }

    /// The pages that any session uses.
    pub(crate) fn surplus_pages(&self) -> Range<usize> {
        let geometry = &self.0.geometry;
        geometry.slot_count * geometry.min_pages..geometry.page_count
    }
}

/// A file in memory, without a name.
fn anonymous_file() -> io::Result<File> {
    // SAFETY: the name is a C string; the descriptor that is returned is new
    // and owned by the File.
    unsafe {
        let fd = libc::memfd_create(c"pg_fusion".as_ptr(), libc::MFD_CLOEXEC);
        if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(File::from_raw_fd(fd)) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::shared::owner::Side;
    use std::fs;
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;

    /// A small region, without a directory of jumbo buffers.
    pub(crate) fn region(page_count: usize, max_sessions: usize, min_pages: usize) -> Region {
        let (region, jumbo_dir) = region_and_dir(page_count, max_sessions, min_pages);
        fs::remove_dir(jumbo_dir).unwrap();
        region
    }

    fn region_and_dir(
        page_count: usize,
        max_sessions: usize,
        min_pages_per_session: usize,
    ) -> (Region, PathBuf) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("fusion-page-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let jumbo_dir = std::env::temp_dir().join(name);
        let region = Region::create(RegionConfig {
            page_size: MIN_PAGE_SIZE,
            page_count,
            max_sessions,
            nested_sessions: 0,
            min_pages_per_session,
            jumbo_dir: jumbo_dir.clone(),
        })
        .unwrap();
        (region, jumbo_dir)
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let good = RegionConfig {
            page_size: MIN_PAGE_SIZE,
            page_count: 8,
            max_sessions: 4,
            nested_sessions: 0,
            min_pages_per_session: 2,
            jumbo_dir: std::env::temp_dir(),
        };
        assert!(Geometry::new(&good).is_ok());
        for bad in [
            RegionConfig { page_size: 3 * MIN_PAGE_SIZE, ..good.clone() },
            RegionConfig { page_size: 4096, ..good.clone() },
            RegionConfig { page_size: 1 << 31, ..good.clone() },
            RegionConfig { page_count: 7, ..good.clone() },
            RegionConfig { page_count: usize::MAX, ..good.clone() },
            RegionConfig { max_sessions: 0, ..good.clone() },
            RegionConfig { max_sessions: MAX_SESSIONS + 1, ..good.clone() },
            RegionConfig { nested_sessions: MAX_SESSIONS + 1, ..good.clone() },
            RegionConfig { nested_sessions: 1, ..good.clone() },
            RegionConfig { min_pages_per_session: 0, ..good.clone() },
            RegionConfig { min_pages_per_session: usize::MAX, ..good },
        ] {
            let error = Region::create(bad).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn reset_forgets_all_but_the_worker_generation() {
        let (region, jumbo_dir) = region_and_dir(8, 2, 2);
        let key = region.claim_slot(1, false).unwrap();
        region.slot(key.slot).begin(key, 0, 0);
        region.claim_page(key, Side::Client).unwrap();
        let slot = region.slot(key.slot);
        region.jumbo_dir().create_jumbo(key, slot, region.control(), 100).unwrap();
        region.control().worker.store(WorkerId { generation: 7, pid: 1 }.word(), SeqCst);
        region.reset().unwrap();
        let stats = region.stats();
        assert_eq!((stats.pages_free, stats.sessions_in_use, stats.jumbos), (8, 0, 0));
        assert_eq!((region.worker(), region.worker_word() >> 32), (None, 7));
        // Fails if the file of the jumbo buffer is still there.
        fs::remove_dir(jumbo_dir).unwrap();
    }
}
