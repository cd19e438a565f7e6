//! Writing many rows into a page at once, column by column.
//!
//! ```text
//!            slots    nulls   texts
//!            ┌────┐   ┌───┐   ┌──────┬─────────────┐
//!  rows() ─▶ │ .. │   │ . │   │views │ arena       │   written beyond the
//!            │ .. │   │ . │   │      │             │   finished rows,
//!            └────┘   └───┘   └──────┴─────────────┘   then advance()
//! ```
//!
//! A caller that has a few dozen rows at hand writes each column of them in one
//! loop, with one decision per column instead of one per value, and then makes the
//! rows part of the page with [`PageWriter::advance`]. What was written and not
//! advanced over leaves no trace.

use crate::format::layout::{INLINE_LEN, SlotKind};
use crate::format::memory::PageMemoryMut;
use crate::format::writer::{PageWriter, inline_view, long_view};
use arrow_buffer::i256;

/// The most rows that [`PageWriter::set_nulls`] and [`PageWriter::set_bits`] take at
/// a time.
pub const MAX_CHUNK: usize = 64;

/// A value as it lies in a slot of fixed width.
pub trait Fixed: Copy + sealed::Sealed {}

mod sealed {
    use super::i256;

    /// # Safety
    ///
    /// Plain data: any bytes are a value.
    pub unsafe trait Sealed {}

    macro_rules! sealed {
        ($($ty:ty),*) => {$(
            // SAFETY: integers.
            unsafe impl Sealed for $ty {}
            impl super::Fixed for $ty {}
        )*};
    }

    sealed!(i16, i32, u32, i64, u64, i128, u128, i256);
}

impl<M: PageMemoryMut> PageWriter<M> {
    /// How many more rows the page has slots for.
    pub fn room(&self) -> usize {
        self.layout().capacity() - self.rows()
    }

    /// How many more bytes the arena has room for.
    pub fn arena_room(&self) -> usize {
        self.free_arena()
    }

    /// The free slots of `column`, first that of the row after the finished ones,
    /// with arbitrary content. The slot of a NULL should be zeroed.
    ///
    /// # Panics
    ///
    /// Here and below, if there is no such column, or its values are of another
    /// width.
    #[inline]
    pub fn slots_mut<T: Fixed>(&mut self, column: usize) -> &mut [T] {
        let kind = self.kind(column);
        assert!(
            kind.width() == size_of::<T>() && kind != SlotKind::View,
            "column {column} is of another width"
        );
        let bytes = self.free_slots_mut(column);
        // SAFETY: the bytes are those of `room()` values of this width, the layout
        // aligns values to 32 bytes at least, and any bytes are a value.
        unsafe {
            std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len() / size_of::<T>())
        }
    }

    /// Writes the next values of a column of fixed width: what `make` makes of
    /// `values`, and zeroes for those whose bit, the lowest for the first, is set in
    /// `nulls`. ([`PageWriter::set_nulls`] marks them.)
    ///
    /// # Errors
    ///
    /// The first of `make`.
    ///
    /// # Panics
    ///
    /// Also if there is no room for the values.
    #[inline(always)]
    pub fn write_values<V: Copy, T: Fixed + Default, E>(
        &mut self,
        column: usize,
        values: &[V],
        nulls: u64,
        make: impl Fn(V) -> Result<T, E>,
    ) -> Result<(), E> {
        let slots = self.slots_mut::<T>(column)[..values.len()].iter_mut().zip(values);
        if nulls == 0 {
            for (slot, value) in slots {
                *slot = make(*value)?;
            }
            return Ok(());
        }
        for (row, (slot, value)) in slots.enumerate() {
            *slot = if nulls >> row & 1 != 0 { T::default() } else { make(*value)? };
        }
        Ok(())
    }

    /// Marks rows among the next `count` as NULL in `column`: those whose bit, the
    /// lowest for the first row, is set in `nulls`.
    ///
    /// # Panics
    ///
    /// Also if there is no room for `count` rows, or they are more than
    /// [`MAX_CHUNK`].
    #[inline]
    pub fn set_nulls(&mut self, column: usize, nulls: u64, count: usize) {
        assert!(count <= self.room().min(MAX_CHUNK), "more rows than there is room for");
        // Also without NULLs if there were some: an earlier attempt to write these
        // rows may have left marks.
        if nulls != 0 || self.has_null(column) {
            let row = self.rows();
            put_bits(self.bitmap_mut(column, false), row, !nulls, count);
        }
    }

    /// Sets the next `count` values of a column of booleans, the lowest bit first.
    ///
    /// # Panics
    ///
    /// As for [`PageWriter::set_nulls`].
    #[inline]
    pub fn set_bits(&mut self, column: usize, values: u64, count: usize) {
        assert!(count <= self.room().min(MAX_CHUNK), "more rows than there is room for");
        let row = self.rows();
        put_bits(self.bitmap_mut(column, true), row, values, count);
    }

    /// Writes the next values of a varlena column. `arena` is how many bytes of the
    /// free arena the other columns of these rows have taken; it is moved on.
    ///
    /// # Panics
    ///
    /// Also if there is no room for the values: the caller adds up what they take
    /// ([`arena_bytes`]) before.
    #[inline]
    pub fn write_texts<'a>(
        &mut self,
        column: usize,
        arena: &mut usize,
        values: impl ExactSizeIterator<Item = &'a [u8]>,
    ) {
        let (views, free, start) = self.free_views_mut(column);
        assert!(values.len() <= views.len(), "more rows than there is room for");
        for (view, value) in views.iter_mut().zip(values) {
            *view = if value.len() <= INLINE_LEN {
                inline_view(value)
            } else {
                let at = *arena;
                *arena += value.len();
                free[at..*arena].copy_from_slice(value);
                long_view(value, start + at)
            };
        }
    }
}

/// Puts the lowest `count` of `values` into a bitmap, from bit `start` on.
#[inline]
fn put_bits(bitmap: &mut [u8], start: usize, values: u64, count: usize) {
    let (first, shift) = (start / 8, start % 8);
    let place = &mut bitmap[first..(start + count).div_ceil(8).max(first)];
    // Up to 64 bits that begin in the middle of a byte lie in nine bytes.
    let mut word = [0; 16];
    word[..place.len()].copy_from_slice(place);
    let mask = ((1_u128 << count) - 1) << shift;
    let word = u128::from_le_bytes(word) & !mask | u128::from(values) << shift & mask;
    place.copy_from_slice(&word.to_le_bytes()[..place.len()]);
}

/// The bytes of an arena that a value of `len` bytes takes.
#[inline]
pub fn arena_bytes(len: usize) -> usize {
    if len <= INLINE_LEN { 0 } else { len }
}

/// The arena bytes that a row with values of such lengths takes: what
/// [`PageLayout::single_row`](crate::PageLayout::single_row) wants.
pub fn row_payload(value_lengths: impl IntoIterator<Item = usize>) -> usize {
    value_lengths.into_iter().map(arena_bytes).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::layout::{DEFAULT_PAGE_SIZE, PageLayout};
    use crate::format::memory::HeapPage;
    use crate::format::reader::PageReader;
    use fusion_plan::DataType;
    use std::sync::Arc;

    #[test]
    fn columns_read_back_as_written() {
        let types = [DataType::Int4, DataType::Bool, DataType::Text];
        let layout = Arc::new(PageLayout::new(&types, DEFAULT_PAGE_SIZE, None));
        let mut writer = PageWriter::new(layout, HeapPage::new(DEFAULT_PAGE_SIZE)).unwrap();
        let texts = ["", "twelve bytes", "more than twelve bytes", "thirteen byte", "é"];
        let nulls = [0b00100_u64, 0b10001];
        for (round, nulls) in nulls.into_iter().enumerate() {
            let rows = texts.len();
            for attempt in 0..2 {
                // The first attempt is not advanced over.
                let slots = writer.slots_mut::<i32>(0);
                (0..rows).for_each(|row| slots[row] = (round * 100 + row * 2 + attempt) as i32);
                writer.set_nulls(0, if attempt == 0 { 0b11111 } else { nulls }, rows);
                writer.set_bits(1, 0b01010 << attempt, rows);
                let mut arena = 0;
                writer.write_texts(2, &mut arena, texts.iter().map(|text| text.as_bytes()));
                assert_eq!(arena, 22 + 13);
                if attempt == 1 {
                    writer.advance(rows, arena);
                }
            }
        }
        let reader = PageReader::new(writer.finish(), &types).unwrap();
        assert_eq!(reader.rows(), 10);
        for row in 0..10 {
            let (round, index) = (row / 5, row % 5);
            let null = nulls[round] >> index & 1 != 0;
            assert_eq!(reader.is_null(0, row), null, "row {row}");
            if !null {
                assert_eq!(reader.i32(0, row), (round * 100 + index * 2 + 1) as i32);
            }
            assert_eq!(reader.bool(1, row), 0b10100 >> index & 1 != 0, "row {row}");
            assert_eq!(reader.bytes(2, row), texts[index].as_bytes());
            assert!(!reader.is_null(1, row) && !reader.is_null(2, row));
        }
    }
}
