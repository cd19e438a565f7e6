//! Random access to the rows of a page, without Arrow: how a backend takes
//! results out of pages.

use crate::error::PageError;
use crate::format::layout::{INLINE_LEN, SlotKind};
use crate::format::memory::PageMemory;
use crate::format::view::{PageView, view_len, view_place};
use arrow_buffer::i256;
use fusion_plan::DataType;
use std::ptr::NonNull;

/// Reads the values of one received page, which it owns.
///
/// # Panics
///
/// The accessors panic if the row or the column does not exist or has values of
/// another width: that is a defect of the caller, which knows the schema.
#[derive(Debug)]
pub struct PageReader<M: PageMemory> {
    view: PageView,
    page: M,
}

// SAFETY: the view points into `page`, which moves along, and is only read.
unsafe impl<M: PageMemory + Send> Send for PageReader<M> {}

/// Defines accessors of native values.
macro_rules! native_getters {
    ($($(#[$doc:meta])* $name:ident -> $native:ty = $kind:ident;)*) => {$(
        $(#[$doc])*
        #[inline(always)]
        pub fn $name(&self, column: usize, row: usize) -> $native {
            // SAFETY: `slot` checked that this row and column exist with values
            // of this kind, which is as wide as the native type. Any bits are a
            // value of it.
            unsafe { self.slot(column, row, SlotKind::$kind).cast::<$native>().read_unaligned() }
        }
    )*};
}

impl<M: PageMemory> PageReader<M> {
    /// Checks `page`, which must hold columns of `types`.
    ///
    /// # Errors
    ///
    /// [`PageError::Corrupt`], [`PageError::ColumnCount`] or
    /// [`PageError::TypeMismatch`] if the page is not one of this schema.
    pub fn new(page: M, types: &[DataType]) -> Result<Self, PageError> {
        // SAFETY: the page is kept beside the view.
        let view = unsafe { PageView::parse(page.memory(), types) }?;
        Ok(Self { view, page })
    }

    /// The number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        self.view.rows
    }

    /// Whether the value is NULL.
    #[inline(always)]
    pub fn is_null(&self, column: usize, row: usize) -> bool {
        let place = &self.view.columns[column];
        if !place.has_nulls {
            return false;
        }
        assert!(row < self.view.rows, "row {row} does not exist");
        // SAFETY: the column's validity bitmap, and an existing row.
        unsafe { !self.view.bit(place.validity, row) }
    }

    /// A `bool`; arbitrary for NULL, like all values but varlena ones.
    #[inline(always)]
    pub fn bool(&self, column: usize, row: usize) -> bool {
        let place = &self.view.columns[column];
        assert!(place.kind == SlotKind::Bit, "column {column} is not of booleans");
        assert!(row < self.view.rows, "row {row} does not exist");
        // SAFETY: the column's values are a bitmap, and the row exists.
        unsafe { self.view.bit(place.values, row) }
    }

    native_getters! {
        /// An `int2`.
        i16 -> i16 = Fixed2;
        /// An `int4` or `date`.
        i32 -> i32 = Fixed4;
        /// An `oid`.
        u32 -> u32 = Fixed4;
        /// A `float4`.
        f32 -> f32 = Fixed4;
        /// An `int8`, `time`, `timestamp` or `timestamptz`.
        i64 -> i64 = Fixed8;
        /// An enum.
        u64 -> u64 = Fixed8;
        /// A `float8`.
        f64 -> f64 = Fixed8;
        /// A decimal of up to 38 digits, unscaled.
        i128 -> i128 = Fixed16;
        /// A decimal of more than 38 digits, unscaled.
        i256 -> i256 = Fixed32;
        /// An `interval` or `uuid`, or any 16-byte value as it lies in memory.
        fixed16 -> [u8; 16] = Fixed16;
        /// A 32-byte value as it lies in memory.
        fixed32 -> [u8; 32] = Fixed32;
    }

    /// The bytes of a value of any varlena type; empty for NULL.
    #[inline(always)]
    pub fn bytes(&self, column: usize, row: usize) -> &[u8] {
        let slot = self.slot(column, row, SlotKind::View);
        // SAFETY: `slot` checked that this is a column of views, whose values
        // `parse` aligned to 16 bytes and found inside the arena.
        unsafe {
            let view = slot.cast::<u128>().read();
            let len = view_len(view);
            let start = if len <= INLINE_LEN {
                slot.add(4)
            } else {
                self.view.base.add(self.view.arena_offset + view_place(view))
            };
            std::slice::from_raw_parts(start.as_ptr(), len)
        }
    }

    /// Gives the page back, for the next one to be read.
    pub fn into_page(self) -> M {
        self.page
    }

    #[inline(always)]
    fn slot(&self, column: usize, row: usize, kind: SlotKind) -> NonNull<u8> {
        let place = &self.view.columns[column];
        assert!(place.kind == kind, "column {column} is of another width");
        assert!(row < self.view.rows, "row {row} does not exist");
        // SAFETY: `parse` found the slots of all rows to lie inside the page.
        unsafe { self.view.base.add(place.values + row * kind.width()) }
    }
}
