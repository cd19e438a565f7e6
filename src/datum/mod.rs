//! PostgreSQL values to page columns and back.
//!
//! [`encode`] writes the values of a slot into a row of a page, [`decode`]
//! builds datums from the rows of a result page, and [`numeric`] does the
//! `numeric` part of both.

mod decode;
mod encode;
mod numeric;

pub use decode::{ColumnReader, varlena};
pub use encode::{ColumnWriter, EncodeError};
pub use numeric::NumericValue;

use fusion_plan::{DataType, Value};
use pgrx::pg_sys;

/// The value of a datum that is not NULL, of any type but `numeric`; `None` if
/// the type has no constants here.
///
/// # Safety
///
/// `datum` is valid for the PostgreSQL type behind `ty`, in a UTF-8 database if
/// that is text; runs in a backend's main thread.
pub unsafe fn value_of(datum: pg_sys::Datum, ty: DataType) -> Option<Value> {
    Some(match ty {
        DataType::Bool => Value::Bool(datum.value() & 0xff != 0),
        DataType::Int2 => Value::Int(i64::from(datum.value() as i16)),
        DataType::Int4 | DataType::Date => Value::Int(i64::from(datum.value() as i32)),
        DataType::Int8 | DataType::Timestamp | DataType::TimestampTz | DataType::Time => {
            Value::Int(datum.value() as i64)
        }
        DataType::Oid => Value::Int(i64::from(datum.value() as u32)),
        DataType::Float4 => Value::Float(f64::from(f32::from_bits(datum.value() as u32)).to_bits()),
        DataType::Float8 => Value::Float(datum.value() as u64),
        DataType::Text | DataType::Bpchar => {
            // SAFETY: a varlena of text, by the caller's promise.
            let bytes = unsafe { encode::varlena_bytes(datum) };
            Value::Text(String::from_utf8_lossy(bytes).into_owned())
        }
        _ => return None,
    })
}
