//! Writing Arrow record batches into pages: how the worker returns results.
//!
//! Fixed-width columns are copied as they are, bitmaps bit-shifted, and long
//! values gathered into the page's arena. Rows go in order, as many as fit.

use crate::error::PageError;
use crate::format::import::check_arrow_types;
use crate::format::layout::{INLINE_LEN, MAX_VALUE_LEN, SlotKind};
use crate::format::memory::PageMemoryMut;
use crate::format::view::view_len;
use crate::format::writer::{PageWriter, long_view};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::bit_mask::set_bits;
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, ToByteSlice};
use arrow_schema::DataType as ArrowType;

/// Writes rows of `batch`, from row `from` on, after the rows that are already
/// in the page; returns how many fitted.
///
/// 0 with an empty page means that the next row is larger than the page: send
/// it in a jumbo buffer, with the layout that
/// [`PageLayout::single_row`](crate::PageLayout::single_row) makes for
/// [`batch_row_payload`].
///
/// # Errors
///
/// [`PageError::ColumnCount`] or [`PageError::TypeMismatch`] if the batch's
/// columns are not exactly those of the layout; [`PageError::ValueTooLong`].
pub fn write_batch<M: PageMemoryMut>(
    page: &mut PageWriter<M>,
    batch: &RecordBatch,
    from: usize,
) -> Result<usize, PageError> {
    let layout = page.layout().clone();
    check_arrow_types(layout.types(), batch.columns().iter().map(|c| c.data_type()))?;
    let wanted = batch.num_rows().saturating_sub(from).min(layout.capacity() - page.rows());
    let rows = rows_that_fit(page, batch, from, wanted)?;
    if rows == 0 {
        return Ok(0);
    }
    let mut arena_used = 0;
    for (i, (array, column)) in batch.columns().iter().zip(layout.columns()).enumerate() {
        match column.kind {
            SlotKind::Bit => {
                let bits = array.as_boolean().values().slice(from, rows);
                let start = page.rows();
                copy_bits(page.bitmap_mut(i, true), start, &bits);
            }
            SlotKind::View => {
                arena_used += copy_views(page, i, array, from, rows, arena_used);
            }
            kind => {
                let width = kind.width();
                let bytes = &fixed_bytes(array)[from * width..(from + rows) * width];
                page.free_slots_mut(i)[..bytes.len()].copy_from_slice(bytes);
            }
        }
        if let Some(nulls) = array.nulls().filter(|n| n.null_count() > 0) {
            let bits = nulls.inner().slice(from, rows);
            let start = page.rows();
            copy_bits(page.bitmap_mut(i, false), start, &bits);
        }
    }
    page.advance(rows, arena_used);
    Ok(rows)
}

/// The arena bytes that one row of `batch` takes.
///
/// # Panics
///
/// If the row does not exist.
pub fn batch_row_payload(batch: &RecordBatch, row: usize) -> usize {
    batch.columns().iter().filter_map(Views::of).map(|views| views.payload(row)).sum()
}

/// The largest number of rows, up to `wanted`, whose payload fits.
fn rows_that_fit<M: PageMemoryMut>(
    page: &mut PageWriter<M>,
    batch: &RecordBatch,
    from: usize,
    wanted: usize,
) -> Result<usize, PageError> {
    let columns: Vec<Views<'_>> = batch.columns().iter().filter_map(Views::of).collect();
    let room = page.free_arena_mut().0.len();
    // Mostly all of it fits, so that is found out column by column first.
    let mut total = 0;
    for views in &columns {
        for row in from..from + wanted {
            total += views.payload(row);
        }
    }
    if total <= room {
        return Ok(wanted);
    }
    let mut used = 0;
    for n in 0..wanted {
        for views in &columns {
            let payload = views.payload(from + n);
            if payload > MAX_VALUE_LEN {
                return Err(PageError::ValueTooLong(payload));
            }
            used += payload;
        }
        if used > room {
            return Ok(n);
        }
    }
    Ok(wanted)
}

/// A column of views.
struct Views<'a> {
    views: &'a [u128],
    buffers: &'a [Buffer],
    nulls: Option<&'a NullBuffer>,
}

impl<'a> Views<'a> {
    fn of(array: &'a ArrayRef) -> Option<Self> {
        let array = array.as_binary_view_opt()?;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        Some(Self { views: array.views(), buffers: array.data_buffers(), nulls })
    }

    /// The arena bytes of one value.
    #[inline(always)]
    fn payload(&self, row: usize) -> usize {
        let len = view_len(self.views[row]);
        if len <= INLINE_LEN || self.is_null(row) { 0 } else { len }
    }

    #[inline(always)]
    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// The bytes of a long value.
    #[inline(always)]
    fn long_value(&self, view: u128) -> &'a [u8] {
        let (buffer, offset) = ((view >> 64) as u32 as usize, (view >> 96) as usize);
        &self.buffers[buffer][offset..offset + view_len(view)]
    }
}

/// Copies views, gathering long values in the arena behind `skip` bytes that
/// earlier columns took; returns how many bytes were added.
fn copy_views<M: PageMemoryMut>(
    page: &mut PageWriter<M>,
    column: usize,
    array: &ArrayRef,
    from: usize,
    rows: usize,
    skip: usize,
) -> usize {
    let Some(source) = Views::of(array) else { return 0 };
    let (slots, arena, start) = page.free_views_mut(column);
    let arena = &mut arena[skip..];
    let mut used = 0;
    for (row, slot) in (from..from + rows).zip(slots) {
        let view = source.views[row];
        *slot = if source.is_null(row) {
            0
        } else if view_len(view) > INLINE_LEN {
            let value = source.long_value(view);
            arena[used..used + value.len()].copy_from_slice(value);
            let view = long_view(value, start + skip + used);
            used += value.len();
            view
        } else {
            view
        };
    }
    used
}

/// The native values of an array of fixed width as bytes.
fn fixed_bytes(array: &ArrayRef) -> &[u8] {
    fn bytes<T: ArrowPrimitiveType>(array: &ArrayRef) -> &[u8]
    where
        T::Native: ArrowNativeType,
    {
        array.as_primitive::<T>().values().to_byte_slice()
    }
    match array.data_type() {
        ArrowType::Int16 => bytes::<Int16Type>(array),
        ArrowType::Int32 => bytes::<Int32Type>(array),
        ArrowType::UInt32 => bytes::<UInt32Type>(array),
        ArrowType::Float32 => bytes::<Float32Type>(array),
        ArrowType::Int64 => bytes::<Int64Type>(array),
        ArrowType::UInt64 => bytes::<UInt64Type>(array),
        ArrowType::Float64 => bytes::<Float64Type>(array),
        ArrowType::Decimal128(..) => bytes::<Decimal128Type>(array),
        ArrowType::Decimal256(..) => bytes::<Decimal256Type>(array),
        _ => array.as_fixed_size_binary().value_data(),
    }
}

/// Copies all of `bits` into `to`, from bit `start` on.
fn copy_bits(to: &mut [u8], start: usize, bits: &BooleanBuffer) {
    clear_bits(to, start, bits.len());
    set_bits(to, bits.values(), start, bits.offset(), bits.len());
}

/// Clears `len` bits from bit `start` on.
fn clear_bits(bits: &mut [u8], start: usize, len: usize) {
    let end = start + len;
    let mut bit = start;
    while bit < end && !bit.is_multiple_of(8) {
        bits[bit / 8] &= !(1 << (bit % 8));
        bit += 1;
    }
    let whole = (end - bit) / 8;
    bits[bit / 8..][..whole].fill(0);
    for bit in bit + whole * 8..end {
        bits[bit / 8] &= !(1 << (bit % 8));
    }
}
