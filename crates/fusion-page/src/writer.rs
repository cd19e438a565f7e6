//! Writing rows into a page, one value at a time.
//!
//! [`PageWriter`] owns the page's memory while it is being filled. A row is
//! written through a [`RowWriter`], which exists only while there is room for a
//! row, so its setters check nothing but the column's width. A row that is not
//! finished, because a value did not fit or the caller's code failed in the
//! middle, leaves no trace.
//!
//! Values are valid unless set to NULL: the validity bitmaps begin as all ones,
//! so only NULLs cost a write there. Every value of a row must be set.

use crate::error::PageError;
use crate::layout::{
    Descriptor, HEADER_SIZE, INLINE_LEN, MAX_VALUE_LEN, PageHeader, PageKind, PageLayout,
    SEGMENT_BITS, SlotKind,
};
use crate::memory::PageMemoryMut;
use arrow_buffer::i256;
use smallvec::SmallVec;
use std::ptr::NonNull;
use std::sync::Arc;

/// The page's arena has no room for a value: send the page, and write the row
/// again into a fresh one, or into a jumbo buffer if this page was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value does not fit into the page")]
pub struct Full;

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

    /// Begins the next row, or returns `None` if the page is full.
    #[inline]
    pub fn begin_row(&mut self) -> Option<RowWriter<'_, M>> {
        if self.is_full() {
            return None;
        }
        let arena_start = self.arena_used;
        Some(RowWriter { page: self, arena_start })
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

    /// Copies `len` bytes to the arena and returns their place.
    #[inline(always)]
    fn append(&mut self, bytes: &[u8]) -> Result<usize, Full> {
        if bytes.len() > self.free_arena() {
            return Err(Full);
        }
        let at = self.arena_used;
        // SAFETY: just checked to lie inside the arena.
        unsafe {
            let to = self.base.add(self.layout.arena_offset() + at);
            to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        self.arena_used += bytes.len();
        Ok(at)
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

/// Writes the values of one row; dropped without [`RowWriter::finish`], it
/// leaves the page as it was.
///
/// # Panics
///
/// Setters panic if the column does not exist or has values of another width:
/// that is a defect of the caller, which knows the schema.
#[derive(Debug)]
pub struct RowWriter<'a, M: PageMemoryMut> {
    page: &'a mut PageWriter<M>,
    arena_start: usize,
}

/// Defines setters of native values.
macro_rules! native_setters {
    ($($(#[$doc:meta])* $name:ident($native:ty) = $kind:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&mut self, column: usize, value: $native) {
            // SAFETY: `slot` checked that the column's values have this kind,
            // which is as wide and at most as aligned as the native type; the
            // layout aligns values to 32 bytes at least.
            unsafe { self.slot(column, SlotKind::$kind).cast::<$native>().write(value) }
        }
    )*};
}

impl<M: PageMemoryMut> RowWriter<'_, M> {
    native_setters! {
        /// Sets an `int2`.
        set_i16(i16) = Fixed2;
        /// Sets an `int4` or `date`.
        set_i32(i32) = Fixed4;
        /// Sets an `oid`.
        set_u32(u32) = Fixed4;
        /// Sets an `int8`, `time`, `timestamp` or `timestamptz`.
        set_i64(i64) = Fixed8;
        /// Sets an enum: its Arrow form is an unsigned 64-bit integer.
        set_u64(u64) = Fixed8;
        /// Sets a decimal of up to 38 digits, unscaled.
        set_i128(i128) = Fixed16;
        /// Sets a decimal of more than 38 digits, unscaled.
        set_i256(i256) = Fixed32;
        /// Sets an `interval` or `uuid`, or any 16-byte value as it lies in
        /// memory.
        set_fixed16([u8; 16]) = Fixed16;
        /// Sets a 32-byte value as it lies in memory.
        set_fixed32([u8; 32]) = Fixed32;
    }

    /// Sets a `float4`; every NaN becomes the canonical one.
    #[inline(always)]
    pub fn set_f32(&mut self, column: usize, value: f32) {
        let value = if value.is_nan() { f32::NAN } else { value };
        self.set_u32(column, value.to_bits());
    }

    /// Sets a `float8`; every NaN becomes the canonical one.
    #[inline(always)]
    pub fn set_f64(&mut self, column: usize, value: f64) {
        let value = if value.is_nan() { f64::NAN } else { value };
        self.set_u64(column, value.to_bits());
    }

    /// Sets a `bool`.
    #[inline(always)]
    pub fn set_bool(&mut self, column: usize, value: bool) {
        let place = self.page.layout.columns()[column];
        assert!(place.kind == SlotKind::Bit, "column {column} is not of booleans");
        self.put_bit(place.values, value);
    }

    /// Sets a value of any varlena type.
    ///
    /// # Errors
    ///
    /// [`Full`] if the arena has no room for it (or the value is longer than
    /// [`MAX_VALUE_LEN`]).
    #[inline(always)]
    pub fn set_bytes(&mut self, column: usize, value: &[u8]) -> Result<(), Full> {
        let slot = self.slot(column, SlotKind::View).cast::<u128>();
        let view = if value.len() <= INLINE_LEN {
            inline_view(value)
        } else if value.len() > MAX_VALUE_LEN {
            return Err(Full);
        } else {
            long_view(value, self.page.append(value)?)
        };
        // SAFETY: `slot` checked that this is a column of views.
        unsafe { slot.write(view) };
        Ok(())
    }

    /// Reserves `len` bytes for a value of any varlena type, so that the caller
    /// can produce it in place; [`Reserved::commit`] sets the value.
    ///
    /// # Errors
    ///
    /// As for [`RowWriter::set_bytes`]; also short values need room here.
    pub fn reserve_bytes(&mut self, column: usize, len: usize) -> Result<Reserved<'_, M>, Full> {
        let slot = self.slot(column, SlotKind::View).cast();
        if len > self.page.free_arena().min(MAX_VALUE_LEN) {
            return Err(Full);
        }
        Ok(Reserved { page: self.page, slot, len })
    }

    /// Sets NULL, whatever the column's type.
    #[inline(always)]
    pub fn set_null(&mut self, column: usize) {
        let place = self.page.layout.columns()[column];
        self.page.has_null[column] = true;
        self.put_bit(place.validity, false);
        // The slot of a NULL is zero, too: pages are used by many sessions, and
        // a stale view must not be followed.
        if place.kind == SlotKind::Bit {
            self.put_bit(place.values, false);
        } else {
            let width = place.kind.width();
            // SAFETY: the row is below the capacity, so its slot is in the page.
            unsafe {
                let slot = self.page.base.add(place.values + self.page.rows * width);
                slot.write_bytes(0, width);
            }
        }
    }

    /// Makes the row part of the page.
    #[inline(always)]
    pub fn finish(self) {
        self.page.rows += 1;
        std::mem::forget(self);
    }

    /// The slot of this row in `column`, whose values must be of `kind`.
    #[inline(always)]
    fn slot(&mut self, column: usize, kind: SlotKind) -> NonNull<u8> {
        let place = &self.page.layout.columns()[column];
        assert!(place.kind == kind, "column {column} is of another width");
        // SAFETY: the row is below the capacity, or `begin_row` had returned
        // None, so its slot lies in the page by the layout.
        unsafe { self.page.base.add(place.values + self.page.rows * kind.width()) }
    }

    /// Sets this row's bit in the bitmap that begins at `offset`.
    #[inline(always)]
    fn put_bit(&mut self, offset: usize, value: bool) {
        let row = self.page.rows;
        let mask = 1u8 << (row % 8);
        // SAFETY: the bitmaps of the layout have a bit for every row below the
        // capacity, and `offset` is that of one of them.
        unsafe {
            let byte = self.page.base.add(offset + row / 8).as_ptr();
            *byte = if value { *byte | mask } else { *byte & !mask };
        }
    }
}

impl<M: PageMemoryMut> Drop for RowWriter<'_, M> {
    fn drop(&mut self) {
        self.page.arena_used = self.arena_start;
        for i in 0..self.page.has_null.len() {
            if self.page.has_null[i] {
                let offset = self.page.layout.columns()[i].validity;
                self.put_bit(offset, true);
            }
        }
    }
}

/// Room for one value in the arena, to be filled by the caller; dropped without
/// [`Reserved::commit`], it gives the room back and sets nothing.
#[derive(Debug)]
pub struct Reserved<'a, M: PageMemoryMut> {
    page: &'a mut PageWriter<M>,
    slot: NonNull<u128>,
    len: usize,
}

impl<M: PageMemoryMut> Reserved<'_, M> {
    /// The reserved bytes, with arbitrary content.
    #[inline]
    pub fn buffer(&mut self) -> &mut [u8] {
        let len = self.len;
        &mut self.page.free_arena_mut().0[..len]
    }

    /// Makes the first `len` of the reserved bytes the column's value.
    ///
    /// # Panics
    ///
    /// If `len` is more than was reserved.
    #[inline]
    pub fn commit(mut self, len: usize) {
        assert!(len <= self.len, "more bytes than were reserved");
        let at = self.page.arena_used;
        let bytes = &self.buffer()[..len];
        let (view, used) =
            if len <= INLINE_LEN { (inline_view(bytes), 0) } else { (long_view(bytes, at), len) };
        self.page.arena_used += used;
        // SAFETY: `reserve_bytes` took the slot of a column of views, and the
        // page has been borrowed since.
        unsafe { self.slot.write(view) };
    }
}

/// The arena bytes that a row with such values takes: the sum of the lengths of
/// values longer than 12 bytes. What [`PageLayout::single_row`] wants.
pub fn row_payload(value_lengths: impl IntoIterator<Item = usize>) -> usize {
    value_lengths.into_iter().filter(|&len| len > INLINE_LEN).sum()
}
