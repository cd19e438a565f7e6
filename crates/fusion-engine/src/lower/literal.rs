//! Constants.

use super::lowering::{datafusion, inconsistent};
use crate::expr::{is_128, widen};
use arrow::array::new_null_array;
use datafusion_common::ScalarValue;
use fusion_plan::{DECIMAL128_NAN, DataType, Literal, PgError, Value};

/// The constant in its type's representation.
pub(super) fn scalar(literal: &Literal) -> Result<ScalarValue, PgError> {
    use DataType as T;
    let Some(value) = &literal.value else {
        let null = new_null_array(&literal.ty.arrow(), 1);
        return ScalarValue::try_from_array(&null, 0).map_err(datafusion);
    };
    let wrong = || inconsistent("a constant's value is not of its type");
    let scalar = match (literal.ty, value) {
        (T::Bool, Value::Bool(value)) => ScalarValue::Boolean(Some(*value)),
        (T::Int2, Value::Int(value)) => {
            ScalarValue::Int16(Some((*value).try_into().map_err(|_| wrong())?))
        }
        (T::Int4 | T::Date, Value::Int(value)) => {
            ScalarValue::Int32(Some((*value).try_into().map_err(|_| wrong())?))
        }
        (T::Int8 | T::Time | T::Timestamp | T::TimestampTz, Value::Int(value)) => {
            ScalarValue::Int64(Some(*value))
        }
        (T::Oid, Value::Int(value)) => {
            ScalarValue::UInt32(Some((*value).try_into().map_err(|_| wrong())?))
        }
        (T::Float4, Value::Float(bits)) => {
            let value = f64::from_bits(*bits);
            ScalarValue::Float32(Some(if value.is_nan() { f32::NAN } else { value as f32 }))
        }
        (T::Float8, Value::Float(bits)) => {
            let value = f64::from_bits(*bits);
            ScalarValue::Float64(Some(if value.is_nan() { f64::NAN } else { value }))
        }
        (ty @ T::Decimal { scale, .. }, Value::Decimal(value)) => {
            let value = value.unwrap_or(DECIMAL128_NAN);
            match is_128(ty) {
                true => ScalarValue::Decimal128(Some(value), 38, scale as i8),
                false => ScalarValue::Decimal256(Some(widen(value)), 76, scale as i8),
            }
        }
        (T::Interval, Value::Interval(months, days, microseconds)) => {
            // The fields in the order of `Interval` in timestamp.h.
            let mut bytes = microseconds.to_ne_bytes().to_vec();
            bytes.extend_from_slice(&days.to_ne_bytes());
            bytes.extend_from_slice(&months.to_ne_bytes());
            ScalarValue::FixedSizeBinary(16, Some(bytes))
        }
        (T::Text | T::Bpchar, Value::Text(text)) => ScalarValue::BinaryView(Some(text.clone())),
        (T::Uuid, Value::Bytes(bytes)) if bytes.len() == 16 => {
            ScalarValue::FixedSizeBinary(16, Some(bytes.clone()))
        }
        (T::Enum, Value::Bytes(bytes)) => {
            let bytes = bytes.as_slice().try_into().map_err(|_| wrong())?;
            ScalarValue::UInt64(Some(u64::from_ne_bytes(bytes)))
        }
        (T::Numeric | T::Bytea | T::Opaque, Value::Bytes(bytes)) => {
            ScalarValue::BinaryView(Some(bytes.clone()))
        }
        _ => return Err(wrong()),
    };
    Ok(scalar)
}
