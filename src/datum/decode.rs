//! From the rows of a result page to datums.

use super::memory::allocate;
use super::storage::Storage;
use super::{enums, names};
use arrow_buffer::i256;
use fusion_page::{PageMemory, PageReader};
use fusion_plan::{
    DECIMAL128_INFINITY, DECIMAL128_NAN, DECIMAL128_NEGATIVE_INFINITY, DataType,
    MAX_DECIMAL128_PRECISION,
};
use fusion_scalar::numeric::{Decimal, NAN_BYTES, Wide, infinity_bytes};
use pgrx::pg_sys;

type Read<M> = unsafe fn(&PageReader<M>, usize, usize, &Detail) -> pg_sys::Datum;

/// What the reader of a column needs to know.
struct Detail {
    /// The scale of a decimal column.
    scale: u8,
    storage: Storage,
}

/// Builds the datums of one result column; chosen once for a plan.
pub struct ColumnReader<M: PageMemory> {
    read: Read<M>,
    detail: Detail,
}

impl<M: PageMemory> ColumnReader<M> {
    /// The reader for columns of type `ty` that PostgreSQL stores as `storage`.
    pub fn new(ty: DataType, storage: Storage) -> Self {
        let mut column_scale = 0;
        let read: Read<M> = match ty {
            DataType::Bool => read_bool,
            DataType::Int2 => read_i16,
            DataType::Int4 | DataType::Date => read_i32,
            DataType::Int8 | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
                read_i64
            }
            DataType::Oid => read_u32,
            DataType::Float4 => read_f32,
            DataType::Float8 => read_f64,
            DataType::Decimal { precision, scale } => {
                column_scale = scale;
                if precision <= MAX_DECIMAL128_PRECISION { read_decimal } else { read_wide }
            }
            DataType::Interval | DataType::Uuid => read_fixed16,
            DataType::Enum => read_enum,
            DataType::Text if storage.is_name() => read_name,
            DataType::Text | DataType::Bpchar | DataType::Numeric | DataType::Bytea => read_varlena,
            DataType::Opaque => read_opaque,
        };
        Self { read, detail: Detail { scale: column_scale, storage } }
    }

    /// The datum of a value that is not NULL; what it points to is in the
    /// current memory context.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread.
    #[inline(always)]
    pub unsafe fn read(&self, page: &PageReader<M>, column: usize, row: usize) -> pg_sys::Datum {
        // SAFETY: the caller's promise.
        unsafe { (self.read)(page, column, row, &self.detail) }
    }
}

/// Defines readers of pass-by-value types.
macro_rules! by_value {
    ($($name:ident: $get:ident($value:ident) $datum:expr;)*) => {$(
        unsafe fn $name<M: PageMemory>(
            page: &PageReader<M>,
            column: usize,
            row: usize,
            _detail: &Detail,
        ) -> pg_sys::Datum {
            let $value = page.$get(column, row);
            pg_sys::Datum::from($datum)
        }
    )*};
}

by_value! {
    read_bool: bool(value) value;
    read_i16: i16(value) value;
    read_i32: i32(value) value;
    read_i64: i64(value) value;
    read_u32: u32(value) value;
    // Extended as `Float4GetDatum` in postgres.h does.
    read_f32: f32(value) value.to_bits() as i32;
    read_f64: f64(value) value.to_bits() as usize;
}

unsafe fn read_decimal<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    detail: &Detail,
) -> pg_sys::Datum {
    // SAFETY: the caller runs in a backend's main thread.
    unsafe {
        match page.i128(column, row) {
            DECIMAL128_NAN => varlena(&NAN_BYTES),
            DECIMAL128_INFINITY => varlena(&infinity_bytes(false)),
            DECIMAL128_NEGATIVE_INFINITY => varlena(&infinity_bytes(true)),
            unscaled => varlena(Decimal::new(unscaled, detail.scale.into()).stored().as_slice()),
        }
    }
}

unsafe fn read_wide<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    detail: &Detail,
) -> pg_sys::Datum {
    let value = page.i256(column, row);
    let mut bytes = Vec::new();
    if value == i256::MAX {
        bytes.extend_from_slice(&NAN_BYTES);
    } else {
        let (low, high) = value.to_parts();
        // A decimal's scale is never too large to be stored.
        let written = Wide { low, high }.write(detail.scale.into(), &mut bytes);
        debug_assert!(written.is_ok());
    }
    // SAFETY: the caller runs in a backend's main thread.
    unsafe { varlena(&bytes) }
}

unsafe fn read_varlena<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    _detail: &Detail,
) -> pg_sys::Datum {
    // SAFETY: the caller runs in a backend's main thread.
    unsafe { varlena(page.bytes(column, row)) }
}

unsafe fn read_fixed16<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    detail: &Detail,
) -> pg_sys::Datum {
    // SAFETY: the caller runs in a backend's main thread.
    unsafe { detail.storage.datum(&page.fixed16(column, row)) }
}

unsafe fn read_enum<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    _detail: &Detail,
) -> pg_sys::Datum {
    pg_sys::Datum::from(enums::oid(page.u64(column, row)))
}

unsafe fn read_name<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    _detail: &Detail,
) -> pg_sys::Datum {
    // SAFETY: the caller runs in a backend's main thread.
    unsafe { names::datum(page.bytes(column, row)) }
}

unsafe fn read_opaque<M: PageMemory>(
    page: &PageReader<M>,
    column: usize,
    row: usize,
    detail: &Detail,
) -> pg_sys::Datum {
    // SAFETY: the bytes are those of a value of the column's type.
    unsafe { detail.storage.datum(page.bytes(column, row)) }
}

/// A varlena with these bytes, in the current memory context.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn varlena(bytes: &[u8]) -> pg_sys::Datum {
    let size = bytes.len() + pg_sys::VARHDRSZ;
    // SAFETY: `allocate` returns `size` writable bytes (or raises an error): the
    // header's and the payload's.
    unsafe {
        let varlena = allocate(size).cast::<pg_sys::varlena>();
        pgrx::set_varsize_4b(varlena, size as i32);
        std::ptr::copy_nonoverlapping(
            bytes.as_ptr(),
            varlena.cast::<u8>().add(pg_sys::VARHDRSZ),
            bytes.len(),
        );
        pg_sys::Datum::from(varlena)
    }
}
