//! From the values of a slot to a row of a page.

use super::storage::Storage;
use super::{enums, names};
use arrow_buffer::i256;
use fusion_page::{Full, PageMemoryMut, RowWriter};
use fusion_plan::{DECIMAL128_NAN, DataType, MAX_DECIMAL128_PRECISION, PgError};
use fusion_scalar::numeric::NumericRef;
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
    unsafe fn(&mut RowWriter<'_, M>, usize, pg_sys::Datum, &Detail) -> Result<(), EncodeError>;

/// What the writer of a column needs to know.
struct Detail {
    /// The scale of a decimal column.
    scale: u8,
    storage: Storage,
    /// The values of an enum column met so far.
    enums: enums::Cache,
}

/// Writes the values of one column; chosen once for a leaf.
pub struct ColumnWriter<M: PageMemoryMut> {
    write: Write<M>,
    ty: DataType,
    detail: Detail,
}

impl<M: PageMemoryMut> ColumnWriter<M> {
    /// The writer for columns of type `ty` that PostgreSQL stores as `storage`.
    pub fn new(ty: DataType, storage: Storage) -> Self {
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
            DataType::Interval | DataType::Uuid => write_fixed16,
            DataType::Enum => write_enum,
            DataType::Text if storage.is_name() => write_name,
            DataType::Text | DataType::Bpchar | DataType::Numeric | DataType::Bytea => {
                write_varlena
            }
            DataType::Opaque => write_opaque,
        };
        let detail = Detail { scale: column_scale, storage, enums: enums::Cache::default() };
        Self { write, ty, detail }
    }

    /// The bytes that `datum`, which is not NULL, takes of a page's arena, or
    /// more.
    ///
    /// # Safety
    ///
    /// As for [`ColumnWriter::write`].
    pub unsafe fn payload(&self, datum: pg_sys::Datum) -> usize {
        // SAFETY: the caller's promise. The length of a varlena without
        // detoasting is known from its header.
        unsafe {
            match self.ty {
                DataType::Opaque => self.detail.storage.bytes(&datum, &mut [0; 8]).len(),
                _ if self.detail.storage.is_name() => pg_sys::NAMEDATALEN as usize,
                ty if ty.is_varlen() => pg_sys::toast_raw_datum_size(datum),
                _ => 0,
            }
        }
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
        unsafe { (self.write)(row, column, datum, &self.detail) }
    }
}

/// Defines writers of pass-by-value types.
macro_rules! by_value {
    ($($name:ident: $set:ident($datum:ident) $value:expr;)*) => {$(
        unsafe fn $name<M: PageMemoryMut>(
            row: &mut RowWriter<'_, M>,
            column: usize,
            $datum: pg_sys::Datum,
            _detail: &Detail,
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
    detail: &Detail,
) -> Result<(), EncodeError> {
    let scale = detail.scale.into();
    // SAFETY: a numeric, by the caller's promise.
    let unscaled = match NumericRef::parse(unsafe { varlena_bytes(datum) }) {
        NumericRef::NaN => Some(DECIMAL128_NAN),
        NumericRef::Finite(value) if value.scale == scale => value.unscaled(scale),
        NumericRef::Finite(_) | NumericRef::Infinite { .. } => None,
    };
    let unscaled = unscaled.ok_or_else(|| undeclared(detail.scale))?;
    row.set_i128(column, unscaled);
    Ok(())
}

unsafe fn write_wide<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    detail: &Detail,
) -> Result<(), EncodeError> {
    let scale = detail.scale.into();
    // SAFETY: a numeric, by the caller's promise.
    let unscaled = match NumericRef::parse(unsafe { varlena_bytes(datum) }) {
        NumericRef::NaN => Some(i256::MAX),
        NumericRef::Finite(value) if value.scale == scale => {
            value.unscaled_wide(scale).map(|wide| i256::from_parts(wide.low, wide.high))
        }
        NumericRef::Finite(_) | NumericRef::Infinite { .. } => None,
    };
    let unscaled = unscaled.ok_or_else(|| undeclared(detail.scale))?;
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
    _detail: &Detail,
) -> Result<(), EncodeError> {
    // SAFETY: a varlena, by the caller's promise.
    let bytes = unsafe { varlena_bytes(datum) };
    Ok(row.set_bytes(column, bytes)?)
}

unsafe fn write_fixed16<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    _detail: &Detail,
) -> Result<(), EncodeError> {
    // SAFETY: by the caller's promise an interval or a uuid, which are 16 bytes.
    row.set_fixed16(column, unsafe { datum.cast_mut_ptr::<[u8; 16]>().read_unaligned() });
    Ok(())
}

unsafe fn write_enum<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    detail: &Detail,
) -> Result<(), EncodeError> {
    // SAFETY: a value of an enum, by the caller's promise.
    row.set_u64(column, unsafe { detail.enums.value(datum.value() as u32) }?);
    Ok(())
}

unsafe fn write_name<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    _detail: &Detail,
) -> Result<(), EncodeError> {
    // SAFETY: a name, by the caller's promise.
    Ok(row.set_bytes(column, unsafe { names::bytes(datum) })?)
}

unsafe fn write_opaque<M: PageMemoryMut>(
    row: &mut RowWriter<'_, M>,
    column: usize,
    datum: pg_sys::Datum,
    detail: &Detail,
) -> Result<(), EncodeError> {
    let mut word = [0; 8];
    // SAFETY: a value of the column's type, by the caller's promise.
    let bytes = unsafe { detail.storage.bytes(&datum, &mut word) };
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
