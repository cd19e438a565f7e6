//! The layout of a page: where each column's bits, values and payload lie.
//!
//! ```text
//! ┌────────┬─────────────┬──────────────────────┬─────┬──────────────────────┐
//! │ header │ descriptors │ validity₀ │ values₀  │ ... │ payload arena        │
//! │ 64 B   │ 16 B/column │ bitmap    │ capacity │     │ grows to the right   │
//! └────────┴─────────────┴──────────────────────┴─────┴──────────────────────┘
//! ```
//!
//! A page describes itself: the reader takes every offset from the page, checks
//! it against the page's length, and needs no copy of the writer's
//! [`PageLayout`]. So writers may change their layout from page to page, as
//! [`PageLayout::refitted`] does.

use crate::error::PageError;
use fusion_plan::DataType;
use std::sync::Arc;

/// The largest number of rows in one page.
pub const MAX_ROWS: usize = 8192;
/// The longest single value in bytes: PostgreSQL's own limit is one byte less
/// (`MaxAllocSize`, src/include/utils/memutils.h).
pub const MAX_VALUE_LEN: usize = 1 << SEGMENT_BITS;
/// The smallest page size in bytes.
pub const MIN_PAGE_SIZE: usize = 8 << 10;
/// The page size that suits most systems, in bytes.
pub const DEFAULT_PAGE_SIZE: usize = 256 << 10;

/// Values up to this length live inside their view.
pub(crate) const INLINE_LEN: usize = 12;
/// The size of [`PageHeader`] in a page; a blob's bytes begin here.
pub(crate) const HEADER_SIZE: usize = 64;
/// A payload's place in the arena is `buffer_index << SEGMENT_BITS | offset`,
/// so arenas (of jumbo buffers) may exceed the 4 GiB that an offset reaches.
pub(crate) const SEGMENT_BITS: u32 = 30;

const MAGIC: u32 = u32::from_le_bytes(*b"PgFu");
const DESCRIPTOR_SIZE: usize = size_of::<Descriptor>();
/// Alignment of bitmaps and values where it does not cost much of the page.
const WIDE_ALIGN: usize = 64;
/// What Arrow's widest native type and a vector load are content with.
const NARROW_ALIGN: usize = 32;
/// Payload bytes assumed per varlena value when nothing is known.
const DEFAULT_PAYLOAD: usize = 24;
/// The share of a page that is arena at least, if there is any varlena column:
/// a value longer than the whole arena would need a jumbo buffer.
const MIN_ARENA_SHARE: usize = 8;

/// What a page carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum PageKind {
    /// Rows in columns.
    Batch = 1,
    /// Plain bytes.
    Blob = 2,
}

/// The first bytes of every page and jumbo buffer.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct PageHeader {
    magic: u32,
    kind: u32,
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    /// Where the arena (or the blob) begins.
    pub(crate) arena_offset: u64,
    /// How many of its bytes are used.
    pub(crate) arena_len: u64,
    reserved: [u64; 4],
}

const _: () = assert!(size_of::<PageHeader>() == HEADER_SIZE);

impl PageHeader {
    pub(crate) fn new(kind: PageKind, rows: u32, columns: u32, arena: (u64, u64)) -> Self {
        Self {
            magic: MAGIC,
            kind: kind as u32,
            rows,
            columns,
            arena_offset: arena.0,
            arena_len: arena.1,
            reserved: [0; 4],
        }
    }

    /// The kind of the page, if this is a header at all.
    pub(crate) fn kind(&self) -> Result<PageKind, PageError> {
        match (self.magic, self.kind) {
            (MAGIC, k) if k == PageKind::Batch as u32 => Ok(PageKind::Batch),
            (MAGIC, k) if k == PageKind::Blob as u32 => Ok(PageKind::Blob),
            (MAGIC, _) => Err(PageError::Corrupt("unknown page kind")),
            _ => Err(PageError::Corrupt("no page header")),
        }
    }
}

/// The descriptor of one column, following the header.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Descriptor {
    /// A [`SlotKind`] as stored.
    pub(crate) kind: u32,
    pub(crate) validity_offset: u32,
    pub(crate) values_offset: u32,
    /// 0 means that the validity bitmap need not be looked at.
    pub(crate) null_count: u32,
}

/// How one value sits in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum SlotKind {
    /// One bit.
    Bit = 1,
    /// Native integers and floats, and plain bytes, by width.
    Fixed2 = 2,
    Fixed4 = 4,
    Fixed8 = 8,
    Fixed16 = 16,
    Fixed32 = 32,
    /// A 16-byte Arrow view.
    View = 17,
}

impl SlotKind {
    pub(crate) fn of(data_type: DataType) -> Self {
        match (data_type, data_type.slot_width()) {
            (DataType::Bool, _) => Self::Bit,
            (t, _) if t.is_varlen() => Self::View,
            (_, 2) => Self::Fixed2,
            (_, 4) => Self::Fixed4,
            (_, 8) => Self::Fixed8,
            (_, 32) => Self::Fixed32,
            _ => Self::Fixed16,
        }
    }

    /// Bytes that `rows` values take.
    pub(crate) fn values_len(self, rows: usize) -> usize {
        match self {
            Self::Bit => rows.div_ceil(8),
            kind => rows * kind.width(),
        }
    }

    /// Bytes of one value; 0 for a bit.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Bit => 0,
            Self::View => 16,
            kind => kind as usize,
        }
    }
}

/// Where one column lies, as a writer needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) kind: SlotKind,
    pub(crate) validity: usize,
    pub(crate) values: usize,
}

/// The plan of a page for one schema: offsets of all columns and how many rows
/// fit. Computed once per leaf or result, shared by its writers.
#[derive(Clone, Debug)]
pub struct PageLayout {
    types: Arc<[DataType]>,
    columns: Box<[Column]>,
    capacity: usize,
    arena: usize,
    size: usize,
}

impl PageLayout {
    /// The layout of rows of `types` in pages of `page_size` bytes.
    ///
    /// `avg_payload` holds the expected average length in bytes of each
    /// column's values (entries of fixed-width columns are ignored); it decides
    /// how the page is divided between slots and payload. A wrong guess costs
    /// room, never correctness.
    ///
    /// With very many columns not even one row may fit: the capacity is then 0
    /// and every row needs a jumbo buffer.
    pub fn new(types: &[DataType], page_size: usize, avg_payload: Option<&[usize]>) -> Self {
        let payload = types
            .iter()
            .enumerate()
            .filter(|(_, t)| t.is_varlen())
            .map(|(i, _)| match avg_payload.and_then(|avg| avg.get(i)) {
                // Short values live in their views, and cost nothing here.
                Some(&len) if len <= 8 => 0,
                Some(&len) => len.min(MAX_VALUE_LEN),
                None => DEFAULT_PAYLOAD,
            })
            .sum();
        Self::fit(types.into(), page_size, payload)
    }

    /// The same schema and size, divided for rows of `payload` arena bytes on
    /// average, as [`PageWriter::payload_per_row`](crate::PageWriter::payload_per_row)
    /// measured them in an earlier page.
    pub fn refitted(&self, payload: usize) -> Self {
        Self::fit(self.types.clone(), self.size, payload)
    }

    /// The layout of a jumbo buffer: one row with `payload` bytes of values
    /// that are longer than 12 bytes each. [`PageLayout::size`] is how large
    /// the buffer must be.
    pub fn single_row(&self, payload: usize) -> Self {
        let (columns, arena) = place(&self.types, 1, NARROW_ALIGN);
        Self { types: self.types.clone(), columns, capacity: 1, arena, size: arena + payload }
    }

    fn fit(types: Arc<[DataType]>, size: usize, payload: usize) -> Self {
        let align =
            if types.len() * 2 * WIDE_ALIGN <= size / 8 { WIDE_ALIGN } else { NARROW_ALIGN };
        let least_arena =
            if types.iter().any(|t| t.is_varlen()) { size / MIN_ARENA_SHARE } else { 0 };
        let fits = |rows: usize| {
            let arena = rows.saturating_mul(payload).max(least_arena);
            slots_end(&types, rows, align).saturating_add(arena) <= size
        };
        // The largest capacity that fits; `fits` is monotone.
        let (mut low, mut high) = (0, MAX_ROWS);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if fits(middle) { low = middle } else { high = middle - 1 }
        }
        let (columns, arena) = place(&types, low, align);
        Self { types, columns, capacity: low, arena: arena.min(size), size }
    }

    /// The column types.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The largest number of rows that a page holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes of arena for payload of long values.
    pub fn arena_size(&self) -> usize {
        self.size - self.arena
    }

    /// Bytes of memory that a page of this layout needs.
    pub fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn arena_offset(&self) -> usize {
        self.arena
    }
}

/// Where the slots of `rows` rows end.
fn slots_end(types: &[DataType], rows: usize, align: usize) -> usize {
    types.iter().fold(HEADER_SIZE + types.len() * DESCRIPTOR_SIZE, |end, &t| {
        let validity = end.next_multiple_of(align) + rows.div_ceil(8);
        validity.next_multiple_of(align) + SlotKind::of(t).values_len(rows)
    })
}

/// Places the columns of `rows` rows; also returns where the arena begins.
fn place(types: &[DataType], rows: usize, align: usize) -> (Box<[Column]>, usize) {
    let mut end = HEADER_SIZE + types.len() * DESCRIPTOR_SIZE;
    let columns = types
        .iter()
        .map(|&t| {
            let kind = SlotKind::of(t);
            let validity = end.next_multiple_of(align);
            let values = (validity + rows.div_ceil(8)).next_multiple_of(align);
            end = values + kind.values_len(rows);
            Column { kind, validity, values }
        })
        .collect();
    (columns, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECIMAL: DataType = DataType::Decimal { precision: 15, scale: 2 };

    #[test]
    fn fixed_columns_fill_the_page() {
        let layout = PageLayout::new(&[DECIMAL, DataType::Date], DEFAULT_PAGE_SIZE, None);
        assert_eq!(layout.capacity(), MAX_ROWS);
        let layout = PageLayout::new(&[DECIMAL, DataType::Date], MIN_PAGE_SIZE, None);
        let used = layout.arena_offset();
        assert!(used <= MIN_PAGE_SIZE && used > MIN_PAGE_SIZE - 200, "{used}");
        for column in layout.columns() {
            assert_eq!((column.validity % 32, column.values % 32), (0, 0));
        }
    }

    #[test]
    fn averages_divide_the_page() {
        let types = [DataType::Text, DataType::Int4];
        let short = PageLayout::new(&types, DEFAULT_PAGE_SIZE, Some(&[4, 0]));
        let long = PageLayout::new(&types, DEFAULT_PAGE_SIZE, Some(&[1000, 0]));
        assert_eq!(short.capacity(), MAX_ROWS);
        assert!(short.arena_size() >= DEFAULT_PAGE_SIZE / MIN_ARENA_SHARE);
        assert!((200..260).contains(&long.capacity()), "{}", long.capacity());
        assert_eq!(short.refitted(1000).capacity(), long.capacity());
    }

    #[test]
    fn extreme_schemas_have_a_layout() {
        let none = PageLayout::new(&[], MIN_PAGE_SIZE, None);
        assert_eq!(none.capacity(), MAX_ROWS);
        let wide = vec![DataType::Text; 1600];
        let layout = PageLayout::new(&wide, MIN_PAGE_SIZE, None);
        assert_eq!((layout.capacity(), layout.arena_size()), (0, 0));
        assert!(layout.single_row(7).size() > 1600 * 48);
        assert!(PageLayout::new(&wide, DEFAULT_PAGE_SIZE, Some(&[])).capacity() >= 1);
    }
}
