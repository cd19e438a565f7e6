//! From the values of a column to a page: dozens of rows at a time, with one decision
//! per column.

use super::storage::Storage;
use super::{enums, names};
use arrow_buffer::i256;
use fusion_page::{PageMemoryMut, PageWriter};
use fusion_plan::{DECIMAL128_NAN, DataType, MAX_DECIMAL128_PRECISION, PgError};
use fusion_scalar::numeric::{NumericRef, small_unscaled};
use pgrx::pg_sys;

/// Writes the values of one column; made once for a leaf.
pub struct ColumnWriter {
    form: Form,
    storage: Storage,
    /// The values of an enum column met so far.
    enums: enums::Cache,
}

/// How the values travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Bool,
    Int2,
    /// Also dates.
    Int4,
    /// Also times and timestamps.
    Int8,
    Oid,
    Float4,
    Float8,
    Decimal {
        scale: u8,
    },
    Wide {
        scale: u8,
    },
    /// Sixteen bytes as they lie in memory.
    Fixed16,
    Enum,
    Varlena,
    Name,
    Opaque,
}

impl ColumnWriter {
    /// The writer for columns of type `ty` that PostgreSQL stores as `storage`.
    pub fn new(ty: DataType, storage: Storage) -> Self {
        let form = match ty {
            DataType::Bool => Form::Bool,
            DataType::Int2 => Form::Int2,
            DataType::Int4 | DataType::Date => Form::Int4,
            DataType::Int8 | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
                Form::Int8
            }
            DataType::Oid => Form::Oid,
            DataType::Float4 => Form::Float4,
            DataType::Float8 => Form::Float8,
            DataType::Decimal { precision, scale } if precision <= MAX_DECIMAL128_PRECISION => {
                Form::Decimal { scale }
            }
            DataType::Decimal { scale, .. } => Form::Wide { scale },
            DataType::Interval | DataType::Uuid => Form::Fixed16,
            DataType::Enum => Form::Enum,
            DataType::Text if storage.is_name() => Form::Name,
            DataType::Text | DataType::Bpchar | DataType::Numeric | DataType::Bytea => {
                Form::Varlena
            }
            DataType::Opaque => Form::Opaque,
        };
        Self { form, storage, enums: enums::Cache::default() }
    }

    /// Whether values travel as views of bytes: [`ColumnWriter::bytes`] then gives
    /// them, and otherwise [`ColumnWriter::write`] writes them.
    pub fn is_view(&self) -> bool {
        matches!(self.form, Form::Varlena | Form::Name | Form::Opaque)
    }

    /// Whether a datum must be detoasted before it is read. (Decimals are short: if one
    /// is toasted all the same, its writer sees to it.)
    pub fn reads_varlenas(&self) -> bool {
        self.form == Form::Varlena
    }

    /// Whether a datum is the value itself.
    pub fn is_by_value(&self) -> bool {
        self.storage.by_value
    }

    /// What `datum`, which is not NULL, consists of in memory.
    ///
    /// # Safety
    ///
    /// As for [`Storage::bytes`].
    pub unsafe fn stored<'a>(&self, datum: &'a pg_sys::Datum) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe { self.storage.bytes(datum) }
    }

    /// The bytes of `datum`, which is not NULL.
    ///
    /// # Safety
    ///
    /// `datum` is a detoasted value of the PostgreSQL type behind the column's, which
    /// is a view; runs in a backend's main thread. The bytes live as long as the
    /// value, the place where the datum is, and the current memory context.
    #[inline(always)]
    pub unsafe fn bytes<'a>(&self, datum: &'a pg_sys::Datum) -> &'a [u8] {
        // SAFETY: the caller's promise.
        unsafe {
            match self.form {
                Form::Varlena => plain_bytes(*datum),
                Form::Name => names::bytes(*datum),
                _ => self.storage.bytes(datum),
            }
        }
    }

    /// Writes `datums` as the next values of `column` of `page`, which is no view.
    /// Those whose bit, the lowest for the first, is set in `nulls` are NULL.
    ///
    /// # Errors
    ///
    /// If one is not a value of the column's type.
    ///
    /// # Safety
    ///
    /// The others are values of the PostgreSQL type behind the column's; runs in a
    /// backend's main thread, in a memory context of short life.
    pub unsafe fn write<M: PageMemoryMut>(
        &self,
        page: &mut PageWriter<M>,
        column: usize,
        datums: &[pg_sys::Datum],
        nulls: u64,
    ) -> Result<(), PgError> {
        match self.form {
            Form::Bool => {
                let bits = datums.iter().enumerate().fold(0, |bits, (row, datum)| {
                    bits | u64::from(datum.value() & 0xff != 0) << row
                });
                page.set_bits(column, bits & !nulls, datums.len());
                Ok(())
            }
            Form::Int2 => page.write_values(column, datums, nulls, |d| Ok(d.value() as i16)),
            Form::Int4 => page.write_values(column, datums, nulls, |d| Ok(d.value() as i32)),
            Form::Int8 => page.write_values(column, datums, nulls, |d| Ok(d.value() as i64)),
            Form::Oid => page.write_values(column, datums, nulls, |d| Ok(d.value() as u32)),
            Form::Float4 => page.write_values(column, datums, nulls, |datum| {
                let value = f32::from_bits(datum.value() as u32);
                Ok(if value.is_nan() { f32::NAN } else { value }.to_bits())
            }),
            Form::Float8 => page.write_values(column, datums, nulls, |datum| {
                let value = f64::from_bits(datum.value() as u64);
                Ok(if value.is_nan() { f64::NAN } else { value }.to_bits())
            }),
            // SAFETY: the caller's promise, here and below.
            Form::Fixed16 => page.write_values(column, datums, nulls, |datum| unsafe {
                Ok(u128::from_le_bytes(datum.cast_mut_ptr::<[u8; 16]>().read_unaligned()))
            }),
            Form::Decimal { scale } => {
                // SAFETY: see above.
                page.write_values(column, datums, nulls, |d| unsafe { decimal(d, scale) })
            }
            Form::Wide { scale } => {
                // SAFETY: see above.
                page.write_values(column, datums, nulls, |d| unsafe { wide(d, scale) })
            }
            // SAFETY: see above.
            Form::Enum => page.write_values(column, datums, nulls, |datum| unsafe {
                self.enums.value(datum.value() as u32)
            }),
            Form::Varlena | Form::Name | Form::Opaque => {
                Err(PgError::internal("a column of views is written as such"))
            }
        }
    }
}

/// The unscaled value of a numeric of the declared `scale`.
///
/// # Errors
///
/// If it has another.
///
/// # Safety
///
/// `datum` is a numeric; runs in a backend's main thread. If it must be detoasted, that
/// goes to the current memory context.
#[inline(always)]
pub unsafe fn decimal(datum: pg_sys::Datum, scale: u8) -> Result<i128, PgError> {
    // SAFETY: a numeric, by the caller's promise.
    unsafe {
        if *datum.cast_mut_ptr::<u8>() & 1 != 0
            && let Some(unscaled) = small_unscaled(plain_bytes(datum), scale)
        {
            return Ok(i128::from(unscaled));
        }
        any_decimal(datum, scale)
    }
}

#[cold]
unsafe fn any_decimal(datum: pg_sys::Datum, scale: u8) -> Result<i128, PgError> {
    let declared = i32::from(scale);
    // SAFETY: a numeric, by the caller's promise.
    let unscaled = match NumericRef::parse(unsafe { varlena_bytes(datum) }) {
        NumericRef::NaN => Some(DECIMAL128_NAN),
        NumericRef::Finite(value) if value.scale == declared => value.unscaled(declared),
        NumericRef::Finite(_) | NumericRef::Infinite { .. } => None,
    };
    unscaled.ok_or_else(|| undeclared(scale))
}

#[inline(always)]
unsafe fn wide(datum: pg_sys::Datum, scale: u8) -> Result<i256, PgError> {
    let declared = i32::from(scale);
    // SAFETY: a numeric, by the caller's promise.
    let unscaled = match NumericRef::parse(unsafe { varlena_bytes(datum) }) {
        NumericRef::NaN => Some(i256::MAX),
        NumericRef::Finite(value) if value.scale == declared => {
            value.unscaled_wide(declared).map(|wide| i256::from_parts(wide.low, wide.high))
        }
        NumericRef::Finite(_) | NumericRef::Infinite { .. } => None,
    };
    unscaled.ok_or_else(|| undeclared(scale))
}

/// `apply_typmod` lets no such value into a column; a foreign table or a C
/// function that lies about its type might.
#[cold]
fn undeclared(scale: u8) -> PgError {
    PgError::internal(format!("a numeric value does not fit its declared scale {scale}"))
        .with_hint("Set enable_fusion_customscan = off for this query.")
}

/// Whether a varlena is compressed or lies elsewhere: its bytes must be fetched.
///
/// # Safety
///
/// `datum` is a varlena.
#[inline(always)]
pub unsafe fn is_toasted(datum: pg_sys::Datum) -> bool {
    const { assert!(cfg!(target_endian = "little"), "varlena headers are read as such") };
    // SAFETY: the first byte of a varlena tells its kind: an odd one other than
    // 1 is a short header, one divisible by four a plain header.
    let first = unsafe { *datum.cast_mut_ptr::<u8>() };
    first == 0x01 || first & 0x03 == 0x02
}

/// The bytes of a varlena that is not toasted.
///
/// # Safety
///
/// `datum` is such a varlena; the bytes live as long as it.
#[inline(always)]
unsafe fn plain_bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the caller's promise: a header of one byte with the length in its
    // upper seven bits, or of four with the length in its upper thirty.
    unsafe {
        let start = datum.cast_mut_ptr::<u8>();
        let (header, size) = match *start & 1 {
            1 => (1, usize::from(*start >> 1)),
            _ => (4, (start.cast::<u32>().read_unaligned() >> 2) as usize),
        };
        std::slice::from_raw_parts(start.add(header), size - header)
    }
}

/// The bytes of a varlena. Only a compressed or external one is copied.
///
/// # Safety
///
/// `datum` is a varlena; the bytes live as long as it or the current memory
/// context.
#[inline(always)]
pub unsafe fn varlena_bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the caller's promise; what `detoast_attr` returns is plain.
    unsafe {
        if is_toasted(datum) {
            let plain = pg_sys::detoast_attr(datum.cast_mut_ptr());
            return plain_bytes(pg_sys::Datum::from(plain));
        }
        plain_bytes(datum)
    }
}
