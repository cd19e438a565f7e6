//! A received page, checked once: every offset and every view in it points
//! inside the page, so what follows may read without further checks.
//!
//! Pages come from other processes of the same server, which follow the same
//! protocol; the checks turn a defect there into an error here. They are not a
//! defence against a process that changes a page after sending it.

use crate::error::PageError;
use crate::format::layout::{
    Descriptor, HEADER_SIZE, INLINE_LEN, MAX_VALUE_LEN, PageHeader, PageKind, SEGMENT_BITS,
    SlotKind,
};
use fusion_plan::DataType;
use smallvec::SmallVec;
use std::ptr::NonNull;

/// Where a checked column lies in its page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ColumnView {
    pub(crate) kind: SlotKind,
    pub(crate) values: usize,
    pub(crate) validity: usize,
    pub(crate) has_nulls: bool,
}

/// A checked page of rows.
#[derive(Debug)]
pub(crate) struct PageView {
    pub(crate) base: NonNull<u8>,
    pub(crate) rows: usize,
    pub(crate) columns: SmallVec<[ColumnView; 16]>,
    pub(crate) arena_offset: usize,
    pub(crate) arena_len: usize,
}

/// Reads the header of a page.
///
/// # Safety
///
/// `memory` must be readable, initialised, aligned to 8 bytes and not written
/// to at the same time.
unsafe fn header(memory: NonNull<[u8]>) -> Result<PageHeader, PageError> {
    if memory.len() < HEADER_SIZE {
        return Err(PageError::Corrupt("page shorter than its header"));
    }
    // SAFETY: long enough; any bytes are a PageHeader, which has only integers.
    Ok(unsafe { memory.cast::<PageHeader>().read() })
}

/// What a page carries.
///
/// # Safety
///
/// As for [`PageMemory`](crate::PageMemory): readable, initialised, aligned and
/// not being written.
pub(crate) unsafe fn kind(memory: NonNull<[u8]>) -> Result<PageKind, PageError> {
    // SAFETY: passed on to the caller.
    unsafe { header(memory) }?.kind()
}

/// The bytes of a blob.
///
/// # Safety
///
/// As for [`kind`], for as long as the result is used.
pub(crate) unsafe fn blob<'a>(memory: NonNull<[u8]>) -> Result<&'a [u8], PageError> {
    // SAFETY: passed on to the caller.
    let header = unsafe { header(memory) }?;
    if header.kind()? != PageKind::Blob {
        return Err(PageError::Corrupt("not a blob"));
    }
    let range = range(memory.len(), header.arena_offset as usize, header.arena_len as usize)?;
    // SAFETY: the range lies inside the memory, see above.
    Ok(unsafe { std::slice::from_raw_parts(memory.cast::<u8>().add(range.0).as_ptr(), range.1) })
}

/// `(offset, len)` if that lies inside `total` bytes.
fn range(total: usize, offset: usize, len: usize) -> Result<(usize, usize), PageError> {
    match offset.checked_add(len) {
        Some(end) if end <= total => Ok((offset, len)),
        _ => Err(PageError::Corrupt("offset outside the page")),
    }
}

impl PageView {
    /// Checks the page in `memory`, which must hold columns of `types`.
    ///
    /// # Safety
    ///
    /// `memory` must be as [`PageMemory`](crate::PageMemory) promises for as
    /// long as the view, or anything read through it, is used.
    pub(crate) unsafe fn parse(
        memory: NonNull<[u8]>,
        types: &[DataType],
    ) -> Result<Self, PageError> {
        // SAFETY: passed on to the caller.
        let header = unsafe { header(memory) }?;
        if header.kind()? != PageKind::Batch {
            return Err(PageError::Corrupt("not a page of rows"));
        }
        let (rows, count) = (header.rows as usize, header.columns as usize);
        if count != types.len() {
            return Err(PageError::ColumnCount { expected: types.len(), found: count });
        }
        range(memory.len(), HEADER_SIZE, count * size_of::<Descriptor>())?;
        let (arena_offset, arena_len) =
            range(memory.len(), header.arena_offset as usize, header.arena_len as usize)?;
        let mut view = Self {
            base: memory.cast(),
            rows,
            columns: SmallVec::with_capacity(count),
            arena_offset,
            arena_len,
        };
        for (i, &data_type) in types.iter().enumerate() {
            // SAFETY: the descriptors were just found to lie inside the memory,
            // at a multiple of their alignment; any bytes are a Descriptor.
            let descriptor = unsafe {
                view.base.add(HEADER_SIZE + i * size_of::<Descriptor>()).cast::<Descriptor>().read()
            };
            let column = check(&descriptor, i, data_type, rows, memory.len())?;
            if column.kind == SlotKind::View {
                // SAFETY: `check` found the slots to lie inside the page, at a
                // multiple of their alignment.
                let inside = unsafe {
                    views_are_inside(view.base.add(column.values).cast(), rows, arena_len)
                };
                if !inside {
                    return Err(PageError::Corrupt("view outside the arena"));
                }
            }
            view.columns.push(column);
        }
        Ok(view)
    }

    /// The bits of a column's bitmap at `offset`.
    ///
    /// # Safety
    ///
    /// `offset` must be that of a bitmap of this page.
    #[inline(always)]
    pub(crate) unsafe fn bit(&self, offset: usize, row: usize) -> bool {
        debug_assert!(row < self.rows);
        // SAFETY: bitmaps have a bit for each row, see the caller's promise.
        unsafe { self.base.add(offset + row / 8).read() >> (row % 8) & 1 == 1 }
    }
}

fn check(
    descriptor: &Descriptor,
    number: usize,
    data_type: DataType,
    rows: usize,
    total: usize,
) -> Result<ColumnView, PageError> {
    let kind = SlotKind::of(data_type);
    if descriptor.kind != kind as u32 {
        return Err(PageError::TypeMismatch {
            column: number,
            expected: data_type.to_string(),
            found: format!("slots of kind {}", descriptor.kind),
        });
    }
    let align = kind.width().clamp(1, 16);
    if !(descriptor.values_offset as usize).is_multiple_of(align) {
        return Err(PageError::Corrupt("misaligned values"));
    }
    let (values, _) = range(total, descriptor.values_offset as usize, kind.values_len(rows))?;
    let (validity, _) = range(total, descriptor.validity_offset as usize, rows.div_ceil(8))?;
    Ok(ColumnView { kind, values, validity, has_nulls: descriptor.null_count != 0 })
}

/// Whether all views stay inside an arena of `arena_len` bytes.
///
/// # Safety
///
/// `views` must point to `rows` readable views.
unsafe fn views_are_inside(views: NonNull<u128>, rows: usize, arena_len: usize) -> bool {
    // SAFETY: the caller's promise; a view is four 32-bit words, of which Arrow
    // defines length, prefix, buffer and offset in this order.
    let views = unsafe { std::slice::from_raw_parts(views.as_ptr().cast::<[u32; 4]>(), rows) };
    // Short columns are common, and this loop is a few cycles per view.
    let longest = views.iter().fold(0, |longest, view| view[0].max(longest));
    if longest as usize <= INLINE_LEN {
        return true;
    }
    // Without early exit, so that the compiler may do several at a time.
    longest as usize <= MAX_VALUE_LEN
        && views.iter().fold(true, |inside, &[len, _, segment, offset]| {
            let end = (u64::from(segment) << SEGMENT_BITS) + u64::from(offset) + u64::from(len);
            let long_inside = (offset < 1 << SEGMENT_BITS) & (end <= arena_len as u64);
            inside & ((len <= INLINE_LEN as u32) | long_inside)
        })
}

/// The length of a view's value.
#[inline(always)]
pub(crate) fn view_len(view: u128) -> usize {
    view as u32 as usize
}

/// Where the value of a long view begins in the arena.
#[inline(always)]
pub(crate) fn view_place(view: u128) -> usize {
    (((view >> 64) as u32 as usize) << SEGMENT_BITS) + (view >> 96) as usize
}

/// Writes a blob into `memory`, which is large enough: see [`blob_size`].
///
/// # Safety
///
/// As for [`PageMemoryMut`](crate::PageMemoryMut).
pub(crate) unsafe fn write_blob(memory: NonNull<[u8]>, bytes: &[u8]) {
    assert!(memory.len() >= blob_size(bytes));
    let header = PageHeader::new(PageKind::Blob, 0, 0, (HEADER_SIZE as u64, bytes.len() as u64));
    // SAFETY: just checked to fit; aligned and writable by the caller's promise.
    unsafe {
        memory.cast::<PageHeader>().write(header);
        let to = memory.cast::<u8>().add(HEADER_SIZE);
        to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
    }
}

/// Bytes of memory that a blob needs.
pub(crate) fn blob_size(bytes: &[u8]) -> usize {
    HEADER_SIZE + bytes.len()
}
