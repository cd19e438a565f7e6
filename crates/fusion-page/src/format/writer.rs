//! A page while it is filled.
//!
//! [`PageWriter`] owns the page's memory. Rows are written column by column, by the
//! methods of the modules [`columns`](crate::format::columns) and
//! [`batch`](crate::format::batch), into the room behind the finished rows, and then made
//! part of the page with [`PageWriter::advance`]; what is not advanced over leaves no
//! trace.
//!
//! Values are valid unless set to NULL: the validity bitmaps begin as all ones, so only
//! NULLs cost a write there.

use crate::error::PageError;
use crate::format::layout::{
    Descriptor, HEADER_SIZE, MAX_VALUE_LEN, PageHeader, PageKind, PageLayout, SEGMENT_BITS,
    SlotKind,
};
use crate::format::memory::PageMemoryMut;
use smallvec::SmallVec;
use std::ptr::NonNull;
use std::sync::Arc;

/// Fills one page.
#[derive(Debug)]
pub struct PageWriter<M: PageMemoryMut> {
    memory: M,
    base: NonNull<u8>,
    layout: Arc<PageLayout>,
    rows: usize,
    arena_used: usize,
    /// Per column: a NULL may have been written.
    has_null: SmallVec<[bool; 32]>,
}

// SAFETY: `base` points into `memory`, which moves along; a PageMemoryMut's
// range is exclusive to its owner.
unsafe impl<M: PageMemoryMut + Send> Send for PageWriter<M> {}

impl<M: PageMemoryMut> PageWriter<M> {
    /// Starts an empty page in `memory`.
    ///
    /// # Errors
    ///
    /// [`PageError::Corrupt`] if `memory` is smaller than the layout's size.
    pub fn new(layout: Arc<PageLayout>, memory: M) -> Result<Self, PageError> {
        let range = memory.memory();
        if range.len() < layout.size() {
            return Err(PageError::Corrupt("page memory smaller than its layout"));
        }
        let has_null = SmallVec::from_elem(false, layout.columns().len());
        let mut writer =
            Self { memory, base: range.cast(), layout, rows: 0, arena_used: 0, has_null };
        writer.mark_all_valid();
        Ok(writer)
    }

    fn mark_all_valid(&mut self) {
        let capacity = self.layout.capacity();
        for column in self.layout.columns() {
            // SAFETY: the layout places both ranges inside the page, which
            // `new` found large enough, and this writer owns it. With a
            // capacity of 0 both lengths are 0.
            unsafe {
                let validity = self.base.add(column.validity);
                validity.write_bytes(0xff, capacity.div_ceil(8));
            }
        }
    }

    /// The layout that the page follows.
    pub fn layout(&self) -> &Arc<PageLayout> {
        &self.layout
    }

    /// The number of finished rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether the page holds no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Whether the page holds as many rows as its layout has room for.
    pub fn is_full(&self) -> bool {
        self.rows == self.layout.capacity()
    }

    /// The average arena bytes per row so far, rounded up; what
    /// [`PageLayout::refitted`] wants. `None` without rows.
    pub fn payload_per_row(&self) -> Option<usize> {
        (self.rows > 0).then(|| self.arena_used.div_ceil(self.rows))
    }

    /// Adds `count` rows of a schema without columns; returns how many fitted.
    ///
    /// # Panics
    ///
    /// If the schema has columns.
    pub fn add_empty_rows(&mut self, count: usize) -> usize {
        assert!(self.layout.columns().is_empty(), "rows with columns cannot be empty");
        let added = count.min(self.layout.capacity() - self.rows);
        self.rows += added;
        added
    }

    /// Writes the header and returns the memory, ready to be sent.
    pub fn finish(self) -> M {
        // A layout without room for a single row may not even have room for the
        // descriptors; its pages stay empty, and nobody needs to send them.
        let roomy = self.layout.capacity() > 0;
        let columns = if roomy { self.layout.columns() } else { &[] };
        let header = PageHeader::new(
            PageKind::Batch,
            self.rows as u32,
            columns.len() as u32,
            (self.layout.arena_offset() as u64, self.arena_used as u64),
        );
        // SAFETY: the header and the descriptors (if the capacity is not 0) lie
        // inside the page by the layout, aligned to 16 bytes.
        unsafe {
            self.base.cast::<PageHeader>().write(header);
            let descriptors = self.base.add(HEADER_SIZE).cast::<Descriptor>();
            for (i, column) in columns.iter().enumerate() {
                descriptors.add(i).write(Descriptor {
                    kind: column.kind as u32,
                    validity_offset: column.validity as u32,
                    values_offset: column.values as u32,
                    null_count: self.null_count(i),
                });
            }
        }
        self.memory
    }

    fn null_count(&self, column: usize) -> u32 {
        if !self.has_null[column] {
            return 0;
        }
        let valid: u32 = {
            let bits = self.validity(column);
            let (whole, rest) = (self.rows / 8, self.rows % 8);
            let tail = if rest == 0 { 0 } else { bits[whole] & ((1 << rest) - 1) };
            bits[..whole].iter().map(|b| b.count_ones()).sum::<u32>() + tail.count_ones()
        };
        self.rows as u32 - valid
    }

    /// Whether a NULL may have been written to `column`.
    #[inline(always)]
    pub(crate) fn has_null(&self, column: usize) -> bool {
        self.has_null[column]
    }

    /// How the values of `column` lie.
    #[inline(always)]
    pub(crate) fn kind(&self, column: usize) -> SlotKind {
        self.layout.columns()[column].kind
    }

    fn validity(&self, column: usize) -> &[u8] {
        let column = self.layout.columns()[column];
        // SAFETY: in the page by the layout, initialised by `mark_all_valid`.
        unsafe {
            let start = self.base.add(column.validity).as_ptr();
            std::slice::from_raw_parts(start, self.layout.capacity().div_ceil(8))
        }
    }

    /// The bitmap of `column`: its validity, or its values if it is of bits.
    pub(crate) fn bitmap_mut(&mut self, column: usize, values: bool) -> &mut [u8] {
        let place = self.layout.columns()[column];
        assert!(!values || place.kind == SlotKind::Bit);
        if !values {
            self.has_null[column] = true;
        }
        let offset = if values { place.values } else { place.validity };
        // SAFETY: both bitmaps have this length in the layout, lie in the page
        // and are borrowed from the exclusive owner. Page memory is always
        // initialised (mapped files and heap pages begin as zeroes).
        unsafe {
            let start = self.base.add(offset).as_ptr();
            std::slice::from_raw_parts_mut(start, self.layout.capacity().div_ceil(8))
        }
    }

    /// The value slots of `column`, which is not of bits, from the first row
    /// after the finished ones to the capacity.
    pub(crate) fn free_slots_mut(&mut self, column: usize) -> &mut [u8] {
        let place = self.layout.columns()[column];
        let width = place.kind.width();
        let free = self.layout.capacity() - self.rows;
        // SAFETY: the column's values take capacity * width bytes of the page,
        // and the borrow is from the exclusive owner.
        unsafe {
            let start = self.base.add(place.values + self.rows * width).as_ptr();
            std::slice::from_raw_parts_mut(start, free * width)
        }
    }

    /// The unused part of the arena, and where it begins in the arena.
    pub(crate) fn free_arena_mut(&mut self) -> (&mut [u8], usize) {
        let start = self.layout.arena_offset() + self.arena_used;
        // SAFETY: the arena reaches to the end of the page, `arena_used` never
        // exceeds it, and the borrow is from the exclusive owner.
        let bytes = unsafe {
            std::slice::from_raw_parts_mut(
                self.base.add(start).as_ptr(),
                self.layout.size() - start,
            )
        };
        (bytes, self.arena_used)
    }

    /// The free view slots of `column`, the free arena, and where that begins.
    pub(crate) fn free_views_mut(&mut self, column: usize) -> (&mut [u128], &mut [u8], usize) {
        let place = self.layout.columns()[column];
        assert!(place.kind == SlotKind::View);
        let (slots, arena) = (place.values + self.rows * 16, self.layout.arena_offset());
        let free_rows = self.layout.capacity() - self.rows;
        // SAFETY: as for `free_slots_mut` and `free_arena_mut`; the layout aligns
        // the values to 32 bytes and keeps them in front of the arena, so the
        // two slices do not overlap.
        unsafe {
            let views = self.base.add(slots).cast::<u128>().as_ptr();
            let bytes = self.base.add(arena + self.arena_used).as_ptr();
            (
                std::slice::from_raw_parts_mut(views, free_rows),
                std::slice::from_raw_parts_mut(bytes, self.layout.arena_size() - self.arena_used),
                self.arena_used,
            )
        }
    }

    /// Makes rows part of the page that were written in bulk, and arena bytes that
    /// their values took.
    ///
    /// # Panics
    ///
    /// If the page has no room for them.
    pub fn advance(&mut self, rows: usize, arena: usize) {
        assert!(self.rows + rows <= self.layout.capacity());
        assert!(self.arena_used + arena <= self.layout.arena_size());
        self.rows += rows;
        self.arena_used += arena;
    }

    #[inline(always)]
    pub(crate) fn free_arena(&self) -> usize {
        self.layout.arena_size() - self.arena_used
    }
}

/// The view of a value of more than 12 bytes that lies at `at` in the arena.
#[inline(always)]
pub(crate) fn long_view(bytes: &[u8], at: usize) -> u128 {
    let prefix = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let offset = at & (MAX_VALUE_LEN - 1);
    u128::from(bytes.len() as u32)
        | u128::from(prefix) << 32
        | ((at >> SEGMENT_BITS) as u128) << 64
        | (offset as u128) << 96
}

/// The view of a value of at most 12 bytes.
#[inline(always)]
pub(crate) fn inline_view(bytes: &[u8]) -> u128 {
    // Loads that overlap instead of a copy of unknown length.
    let word = |at: usize| {
        u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as u128
    };
    let value = match bytes.len() {
        0 => 0,
        1 => u128::from(bytes[0]),
        2 | 3 => {
            let last = bytes.len() - 1;
            u128::from(bytes[0]) | u128::from(bytes[1]) << 8 | u128::from(bytes[last]) << (8 * last)
        }
        length @ 4..=8 => word(0) | word(length - 4) << (8 * (length - 4)),
        length => word(0) | word(4) << 32 | word(length - 4) << (8 * (length - 4)),
    };
    bytes.len() as u128 | value << 32
}
