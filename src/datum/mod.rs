//! PostgreSQL values to page columns and back.
//!
//! [`encode`] writes values into the columns of a page, and [`decode`] builds datums
//! from the rows of a result page.

mod decode;
mod encode;
mod enums;
mod filter;
mod memory;
mod names;
mod row_test;
mod storage;

pub use decode::{ColumnReader, varlena};
pub use encode::{ColumnWriter, is_toasted, varlena_bytes};
pub use filter::{Filter, Key};
pub use memory::detoast;
pub use row_test::RowTest;
pub use storage::Storage;

use fusion_plan::{DataType, PgError, Value};
use pgrx::pg_sys;

/// The value of a datum that is not NULL and whose type is stored as `storage`;
/// `None` if the type has no constants here.
///
/// # Errors
///
/// If an enum's value does not exist.
///
/// # Safety
///
/// `datum` is valid for the PostgreSQL type behind `ty`; runs in a backend's main thread.
pub unsafe fn value_of(
    datum: pg_sys::Datum,
    ty: DataType,
    type_id: pg_sys::Oid,
) -> Result<Option<Value>, PgError> {
    Ok(Some(match ty {
        DataType::Bool => Value::Bool(datum.value() & 0xff != 0),
        DataType::Int2 => Value::Int(i64::from(datum.value() as i16)),
        DataType::Int4 | DataType::Date => Value::Int(i64::from(datum.value() as i32)),
        DataType::Int8 | DataType::Timestamp | DataType::TimestampTz | DataType::Time => {
            Value::Int(datum.value() as i64)
        }
        DataType::Oid => Value::Int(i64::from(datum.value() as u32)),
        DataType::Float4 => Value::Float(f64::from(f32::from_bits(datum.value() as u32)).to_bits()),
        DataType::Float8 => Value::Float(datum.value() as u64),
        // SAFETY: by the caller's promise a value of the type.
        DataType::Text | DataType::Bpchar => unsafe {
            let bytes = match type_id {
                pg_sys::NAMEOID => names::bytes(datum),
                _ => encode::varlena_bytes(datum),
            };
            Value::Text(bytes.to_vec())
        },
        // SAFETY: as above.
        DataType::Bytea | DataType::Numeric => unsafe {
            Value::Bytes(encode::varlena_bytes(datum).to_vec())
        },
        // SAFETY: as above: 16 bytes.
        DataType::Uuid => unsafe {
            Value::Bytes(datum.cast_mut_ptr::<[u8; 16]>().read_unaligned().to_vec())
        },
        // SAFETY: as above.
        DataType::Interval => unsafe {
            let interval = datum.cast_mut_ptr::<pg_sys::Interval>().read_unaligned();
            Value::Interval(interval.month, interval.day, interval.time)
        },
        // SAFETY: the caller's promise.
        DataType::Enum => unsafe {
            Value::Bytes(enums::value(datum.value() as u32)?.to_ne_bytes().to_vec())
        },
        DataType::Decimal { .. } | DataType::Opaque => return Ok(None),
    }))
}
