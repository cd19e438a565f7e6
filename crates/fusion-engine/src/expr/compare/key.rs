//! Keys: values in the one form in which bytes decide equality and order as
//! PostgreSQL decides them, so that hashing, sorting and arrow's comparisons may
//! look at nothing else.
//!
//! | type | key |
//! |---|---|
//! | `Float4`, `Float8` | the float without negative zero and with one NaN |
//! | `Numeric` | bytes, see [`fusion_scalar::numeric::sort_key`] |
//! | `Interval` | 16 bytes, see [`fusion_scalar::datetime::interval_key`] |
//! | `Bpchar` | the string without its trailing blanks |
//! | `Enum` | the OID; to order by, the value |
//! | `Opaque` | none |
//! | all others | the value |
//!
//! An enum's value has its place in the order of its type in it, which another session may
//! change between two scans of a query (`RenumberEnumType` in pg_enum.c). So what is equal
//! is decided by the OID alone, and only what is ordered looks at places.

use crate::error::to_datafusion;
use crate::expr::expression::{identified_by, of_type};
use crate::expr::kernel::Arg;
use crate::expr::kernel::primitive::unary;
use crate::expr::text;
use crate::expr::value::float::Float;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, FixedSizeBinaryArray, RecordBatch,
};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType as Arrow, Float32Type, Float64Type, UInt64Type};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::{DataType, PgError};
use fusion_scalar::datetime::Interval;
use fusion_scalar::numeric::sort_key;
use std::fmt;
use std::sync::Arc;

/// How the keys of a type are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyForm {
    /// The values are their own keys: values that are equal are identical.
    Value,
    /// Several values that are equal, but can be told apart, share a key.
    Computed,
}

/// How values of `ty` become keys; `None` if they cannot be compared.
pub(crate) fn key_form(ty: DataType) -> Option<KeyForm> {
    match ty {
        DataType::Opaque => None,
        DataType::Float4
        | DataType::Float8
        | DataType::Numeric
        | DataType::Interval
        | DataType::Bpchar
        | DataType::Enum => Some(KeyForm::Computed),
        _ => Some(KeyForm::Value),
    }
}

/// The keys of a column of type `ty` by which it is ordered, in the same Arrow type; NULLs
/// stay NULL.
///
/// # Errors
///
/// As [`keys`].
pub(crate) fn order_keys(ty: DataType, values: &ArrayRef) -> Result<ArrayRef, PgError> {
    match ty {
        DataType::Enum => Ok(Arc::clone(values)),
        _ => keys(ty, values),
    }
}

/// The keys of a column of type `ty` by which values are equal, in the same Arrow type;
/// NULLs stay NULL.
///
/// # Errors
///
/// `XX000` if the column is not of that type.
pub(crate) fn keys(ty: DataType, values: &ArrayRef) -> Result<ArrayRef, PgError> {
    let wrong = || PgError::internal(format!("unexpected {}", values.data_type()));
    let arg = || Arg::column(Arc::clone(values));
    match ty {
        DataType::Float4 => {
            unary::<Float32Type, Float32Type>(&arg(), &Arrow::Float32, |v| v.canonical() + 0.0)
        }
        DataType::Float8 => {
            unary::<Float64Type, Float64Type>(&arg(), &Arrow::Float64, |v| v.canonical() + 0.0)
        }
        DataType::Numeric => {
            let values = values.as_binary_view_opt().ok_or_else(wrong)?;
            let mut keys = BinaryViewBuilder::with_capacity(values.len());
            let mut key = Vec::new();
            for value in values {
                match value {
                    Some(value) => {
                        key.clear();
                        sort_key(value, &mut key);
                        keys.append_value(&key);
                    }
                    None => keys.append_null(),
                }
            }
            Ok(Arc::new(keys.finish()))
        }
        DataType::Interval => {
            let values = values.as_fixed_size_binary_opt().ok_or_else(wrong)?;
            let mut keys = Vec::with_capacity(values.len() * 16);
            for row in 0..values.len() {
                let bytes = <[u8; 16]>::try_from(values.value(row)).map_err(|_| wrong())?;
                keys.extend_from_slice(&Interval::from_bytes(bytes).key());
            }
            let nulls = values.nulls().cloned();
            Ok(Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(keys), nulls)))
        }
        DataType::Bpchar => {
            let strings = values.as_binary_view_opt().ok_or_else(wrong)?;
            match strings.iter().flatten().any(|value| value.ends_with(b" ")) {
                true => text::trim_blanks(&[arg()], values.len()),
                false => Ok(Arc::clone(values)),
            }
        }
        DataType::Enum => unary::<UInt64Type, UInt64Type>(&arg(), &Arrow::UInt64, |value| {
            value & u64::from(u32::MAX)
        }),
        DataType::Opaque => Err(PgError::internal("opaque values have no keys")),
        _ => Ok(Arc::clone(values)),
    }
}

/// The keys of an argument.
///
/// # Errors
///
/// As [`keys`].
pub(crate) fn arg_keys(ty: DataType, arg: &Arg) -> Result<Arg, PgError> {
    let keys = keys(ty, arg.array())?;
    Ok(if arg.is_scalar() { Arg::scalar(keys) } else { Arg::column(keys) })
}

/// The expression for the keys of another, by which it is equal to others.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    arg: Arc<dyn PhysicalExpr>,
    ty: DataType,
}

impl Key {
    /// The keys of `arg`, whose type is `ty`: `arg` itself where its values are
    /// their own keys. `None` if they cannot be compared.
    pub(crate) fn of(arg: Arc<dyn PhysicalExpr>, ty: DataType) -> Option<Arc<dyn PhysicalExpr>> {
        Some(match key_form(ty)? {
            KeyForm::Value => arg,
            KeyForm::Computed => Arc::new(Self { arg, ty }),
        })
    }

    /// As [`Key::of`], to order by.
    pub(crate) fn to_order(
        arg: Arc<dyn PhysicalExpr>,
        ty: DataType,
    ) -> Option<Arc<dyn PhysicalExpr>> {
        match ty {
            DataType::Enum => Some(arg),
            _ => Self::of(arg, ty),
        }
    }
}

identified_by!(Key, self => (self.ty, &self.arg));

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.arg)
    }
}

impl PhysicalExpr for Key {
    of_type!(self => self.ty.arrow(), nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let of = |values| keys(self.ty, &values).map_err(to_datafusion);
        Ok(match self.arg.evaluate(batch)? {
            ColumnarValue::Array(values) => ColumnarValue::Array(of(values)?),
            ColumnarValue::Scalar(value) => {
                let key = of(value.to_array()?)?;
                ColumnarValue::Scalar(ScalarValue::try_from_array(&key, 0)?)
            }
        })
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.arg]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let arg = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.arg));
        Ok(Arc::new(Self { arg, ty: self.ty }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{BinaryViewArray, Float64Array, StringViewArray, UInt64Array};
    use fusion_scalar::numeric::NAN_BYTES;

    /// The stored bytes of a small whole number with a display scale.
    fn numeric(value: u16, scale: u16) -> Vec<u8> {
        let header = 0x8000 | (scale << 7);
        [header, value].iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    #[test]
    fn floats_have_one_zero_and_one_nan() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, -f64::NAN, 1.5]));
        let result = keys(DataType::Float8, &floats).unwrap();
        let bits: Vec<_> =
            result.as_primitive::<Float64Type>().values().iter().map(|v| v.to_bits()).collect();
        assert_eq!(bits, [0, f64::NAN.to_bits(), 1.5_f64.to_bits()]);
    }

    #[test]
    fn numerics_lose_their_display_scale_and_keep_their_order() {
        let values = [numeric(1, 0), numeric(1, 2), numeric(2, 1), NAN_BYTES.to_vec()];
        let mut values: Vec<Option<&[u8]>> = values.iter().map(|v| Some(v.as_slice())).collect();
        values.push(None);
        let values: ArrayRef = Arc::new(BinaryViewArray::from(values));
        let keys = keys(DataType::Numeric, &values).unwrap();
        let keys = keys.as_binary_view();
        assert_eq!(keys.value(0), keys.value(1));
        assert!(keys.value(1) < keys.value(2) && keys.value(2) < keys.value(3));
        assert!(keys.is_null(4));
    }

    #[test]
    fn months_are_thirty_days_and_nulls_stay() {
        let values = [Interval::new(1, 0, 0), Interval::new(0, 30, 0), Interval::new(0, -1, 0)];
        let mut values: Vec<_> = values.iter().map(|v| Some(v.to_bytes())).collect();
        values.push(None);
        let values =
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(values.into_iter(), 16).unwrap();
        let values: ArrayRef = Arc::new(values);
        let result = keys(DataType::Interval, &values).unwrap();
        let result = result.as_fixed_size_binary();
        assert_eq!(result.value(0), result.value(1));
        assert!(result.value(2) < result.value(0));
        assert!(result.is_null(3));
        let slice = keys(DataType::Interval, &values.slice(1, 2)).unwrap();
        assert_eq!(slice.as_fixed_size_binary().value(1), result.value(2));
    }

    #[test]
    fn padding_is_not_part_of_a_key() {
        let values: ArrayRef =
            Arc::new(StringViewArray::from(vec!["a  ", "a", "a b"]).to_binary_view());
        let keys = keys(DataType::Bpchar, &values).unwrap();
        assert_eq!(keys.as_text().iter().flatten().collect::<Vec<_>>(), ["a", "a", "a b"]);
    }

    #[test]
    fn what_cannot_be_compared_has_no_key() {
        assert_eq!(key_form(DataType::Opaque), None);
        assert_eq!(key_form(DataType::Uuid), Some(KeyForm::Value));
    }

    #[test]
    fn an_enum_is_equal_by_its_oid_and_ordered_by_its_place() {
        let values: ArrayRef = Arc::new(UInt64Array::from(vec![1 << 32 | 7, 2 << 32 | 7, 3 << 32]));
        let result = keys(DataType::Enum, &values).unwrap();
        assert_eq!(result.as_primitive::<UInt64Type>().values(), &[7, 7, 0]);
        assert_eq!(&order_keys(DataType::Enum, &values).unwrap(), &values);
    }
}
