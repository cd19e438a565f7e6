//! From the values of a slot to a row of a page.

use super::numeric::NumericValue;
use arrow_buffer::i256;
use fusion_page::{Full, PageMemoryMut, RowWriter};
use fusion_plan::{DECIMAL128_NAN, DataType, MAX_DECIMAL128_PRECISION, PgError};
use pgrx::pg_sys;

/// Why a value was not written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The page has no room for it.
    #[error(transparent)]
    Full(#[from] Full),
    /// It is not a value of the column's type.
    #[error(transparent)]
    Value(#[from] PgError),
}

type Write<M> =
    unsafe fn(&mut RowWriter<'_, M>, usize, pg_sys::Datum, u8) -> Result<(), EncodeError>;

/// Writes the values of one column; chosen once for a leaf.
pub struct ColumnWriter<M: PageMemoryMut> {
    write: Write<M>,
    /// The scale of a decimal column.
    scale: u8,
}

impl<M: PageMemoryMut> ColumnWriter<M> {
    /// The writer for columns of type `ty`.
    ///
    /// # Errors
    ///
    /// If the type cannot travel in a page.
    pub fn new(ty: DataType) -> Result<Self, PgError> {
        let mut column_scale = 0;
        let write: Write<M> = match ty {
            DataType::Bool => write_bool,
            DataType::Int2 => write_i16,
            DataType::Int4 | DataType::Date => write_i32,
            DataType::Int8 | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
                write_i64
            }
            DataType::Oid => write_u32,
            DataType::Float4 => write_f32,
            DataType::Float8 => write_f64,
            DataType::Decimal { precision, scale } => {
                column_scale = scale;
                if precision <= MAX_DECIMAL128_PRECISION { write_decimal } else { write_wide }
            }
            DataType::Text | DataType::Bpchar | DataType::Numeric => write_varlena,
            other => return Err(PgError::internal(format!("a leaf column of type {other}"))),
        };
        Ok(Self { write, scale: column_scale })
    }

    /// Writes `datum`, which is not NULL, as the row's value in `column`.
    ///
    /// # Errors
    ///
    /// [`EncodeError`].
    ///
    /// # Safety
    ///
    /// `datum` is a value of the PostgreSQL type behind the column's; runs in a
    /// backend's main thread. Detoasted copies go to the current memory
    /// context.
    #[inline(always)]
    pub unsafe fn write(
        &self,
        row: &mut RowWriter<'_, M>,
        column: usize,
        datum: pg_sys::Datum,
    ) -> Result<(), EncodeError> {
        // SAFETY: the caller's promise.
        unsafe { (self.write)(row, column, datum, self.scale) }
    }
}

/// Defines writers of pass-by-value types.
macro_rules! by_value {
    ($($name:ident: $set:ident($datum:ident) $value:expr;)*) => {$(
        unsafe fn $name<M: PageMemoryMut>(
            row: &mut RowWriter<'_, M>,
            column: usize,
            $datum: pg_sys::Datum,
            _scale: u8,
        ) -> Result<(), EncodeError> {
            row.$set(column, $value);
            Ok(())
        }
    )*};
}

by_value! {
    write_bool: set_bool(datum) datum.value() & 0xff != 0;
    write_i16: set_i16(datum) datum.value() as i16;
    write_i32: set_i32(datum) datum.value() as i32;
    write_i64: set_i64(datum) datum.value() as i64;
    write_u32: set_u32(datum) datum.value() as u32;
    write_f32: set_f32(datum) f32::from_bits(datum.value() as u32);
    write_f64: set_f64(datum) f64::from_bits(datum.value() as u64);
}

unsafe fn write_decimal<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    scale: u8,
) -> Result<(), EncodeError> {
    // SAFETY: a numeric, by the caller's promise.
    let value = unsafe { NumericValue::from_bytes(varlena_bytes(datum)) };
    let unscaled = match value {
        NumericValue::NaN => DECIMAL128_NAN,
        value => value.unscaled_as_declared(scale).ok_or_else(|| undeclared(scale))?,
    };
    row.set_i128(column, unscaled);
    Ok(())
}

unsafe fn write_wide<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    scale: u8,
) -> Result<(), EncodeError> {
    // SAFETY: a numeric, by the caller's promise.
    let value = unsafe { NumericValue::from_bytes(varlena_bytes(datum)) };
    let unscaled = match value {
        NumericValue::NaN => i256::MAX,
        value if value.has_scale(scale) => {
            value.unscaled_wide(scale).ok_or_else(|| undeclared(scale))?
        }
        _ => return Err(undeclared(scale).into()),
    };
    row.set_i256(column, unscaled);
    Ok(())
}

/// `apply_typmod` lets no such value into a column; a foreign table or a C
/// function that lies about its type might.
fn undeclared(scale: u8) -> PgError {
    PgError::internal(format!("a numeric value does not fit its declared scale {scale}"))
        .with_hint("Set enable_fusion_customscan = off for this query.")
}

unsafe fn write_varlena<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    _scale: u8,
) -> Result<(), EncodeError> {
    // SAFETY: a varlena, by the caller's promise.
    let bytes = unsafe { varlena_bytes(datum) };
    Ok(row.set_bytes(column, bytes)?)
}

/// The bytes of a varlena. Only a compressed or external one is copied.
///
/// # Safety
///
/// `datum` is a varlena; the bytes live as long as it or the current memory
/// context.
#[inline(always)]
pub unsafe fn varlena_bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    const { assert!(cfg!(target_endian = "little"), "varlena headers are read as such") };
    // SAFETY: the first byte of a varlena tells its kind: an odd one other than
    // 1 is a short header, one divisible by four a plain header.
    unsafe {
        let mut varlena = datum.cast_mut_ptr::<pg_sys::varlena>();
        let first = *varlena.cast::<u8>();
        if first == 0x01 || first & 0x03 == 0x02 {
            varlena = pg_sys::detoast_attr(varlena);
        }
        pgrx::varlena_to_byte_slice(varlena)
    }
}
