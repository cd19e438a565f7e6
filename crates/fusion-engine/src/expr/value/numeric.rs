//! The numbers of an argument, whatever form they have, and stored ones as results.

use super::decimal::{DECIMAL256_NAN, scale};
use crate::expr::kernel::{Arg, valid_rows};
use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Decimal128Type, Decimal256Type, Int16Type, Int32Type, Int64Type};
use fusion_plan::{
    DECIMAL128_INFINITY, DECIMAL128_NAN, DECIMAL128_NEGATIVE_INFINITY, DataType, PgError,
};
use fusion_scalar::numeric::{Decimal, Number, Wide, from_integer};
use std::sync::Arc;

/// Appends a function's result.
pub(crate) type Write = Result<(), PgError>;

/// Whether the functions take values of type `ty` as numbers.
pub(crate) fn is_number(ty: DataType) -> bool {
    ty.is_integer() || matches!(ty, DataType::Numeric | DataType::Decimal { .. })
}

/// An argument to read numbers from.
pub(crate) struct Operand<'a> {
    values: Values<'a>,
    arg: &'a Arg,
}

enum Values<'a> {
    Stored(BinaryViewArray),
    Decimal(&'a PrimitiveArray<Decimal128Type>, i32),
    Int2(&'a PrimitiveArray<Int16Type>),
    Int4(&'a PrimitiveArray<Int32Type>),
    Int8(&'a PrimitiveArray<Int64Type>),
}

impl<'a> Operand<'a> {
    /// The numbers of `arg`, which is of type `ty`.
    ///
    /// # Errors
    ///
    /// If it is not, which is a defect.
    pub(crate) fn new(arg: &'a Arg, ty: DataType) -> Result<Self, PgError> {
        let wrong = || PgError::internal(format!("unexpected {}", arg.array().data_type()));
        let values = match ty {
            DataType::Numeric => {
                Values::Stored(arg.array().as_binary_view_opt().ok_or_else(wrong)?.clone())
            }
            DataType::Int2 => Values::Int2(arg.primitive()?),
            DataType::Int4 => Values::Int4(arg.primitive()?),
            DataType::Int8 => Values::Int8(arg.primitive()?),
            _ => {
                let scale = scale(ty).ok_or_else(wrong)?;
                match arg.array().as_primitive_opt::<Decimal128Type>() {
                    Some(narrow) => Values::Decimal(narrow, scale.into()),
                    None => Values::Stored(stored(arg.primitive()?, scale)?),
                }
            }
        };
        Ok(Self { values, arg })
    }

    /// The number of `row`, which is not NULL.
    #[inline]
    pub(crate) fn number(&self, row: usize) -> Number<'_> {
        let index = self.arg.index(row);
        match &self.values {
            Values::Stored(array) => Number::parse(array.value(index)),
            Values::Decimal(array, scale) => decimal(array.value(index), *scale),
            Values::Int2(array) => from_integer(array.value(index)),
            Values::Int4(array) => from_integer(array.value(index)),
            Values::Int8(array) => from_integer(array.value(index)),
        }
    }

    /// The stored bytes of `row`, if that is the form the values have.
    #[inline]
    pub(crate) fn bytes(&self, row: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Stored(array) => Some(array.value(self.arg.index(row))),
            _ => None,
        }
    }
}

/// The number that the unscaled `value` stands for.
#[inline]
fn decimal(value: i128, scale: i32) -> Number<'static> {
    match value {
        DECIMAL128_NAN => Number::NaN,
        DECIMAL128_INFINITY => Number::Infinite { negative: false },
        DECIMAL128_NEGATIVE_INFINITY => Number::Infinite { negative: true },
        unscaled => Number::Decimal(Decimal::new(unscaled, scale)),
    }
}

/// 256-bit values as PostgreSQL stores them.
fn stored(values: &PrimitiveArray<Decimal256Type>, scale: u8) -> Result<BinaryViewArray, PgError> {
    let mut array = BinaryViewBuilder::with_capacity(values.len());
    let mut bytes = Vec::new();
    for value in values {
        let Some(value) = value else {
            array.append_null();
            continue;
        };
        bytes.clear();
        if value == DECIMAL256_NAN {
            Number::NaN.write(&mut bytes)?;
        } else {
            let (low, high) = value.to_parts();
            Wide { low, high }.write(scale.into(), &mut bytes)?;
        }
        array.append_value(&bytes);
    }
    Ok(array.finish())
}

/// Which of `rows` rows have a value in all of `args`.
pub(crate) struct Valid(Option<NullBuffer>);

impl Valid {
    pub(crate) fn of(args: &[Arg]) -> Self {
        Self(valid_rows(args))
    }

    #[inline]
    pub(crate) fn is(&self, row: usize) -> bool {
        self.0.as_ref().is_none_or(|valid| valid.is_valid(row))
    }

    pub(crate) fn into_nulls(self) -> Option<NullBuffer> {
        self.0
    }
}

/// The stored bytes that `write` appends for each row that is not NULL.
pub(crate) fn collect(
    args: &[Arg],
    rows: usize,
    write: impl Fn(usize, &mut Vec<u8>) -> Write,
) -> Result<ArrayRef, PgError> {
    let valid = Valid::of(args);
    let mut array = BinaryViewBuilder::with_capacity(rows);
    let mut bytes = Vec::new();
    for row in 0..rows {
        if valid.is(row) {
            bytes.clear();
            write(row, &mut bytes)?;
            array.append_value(&bytes);
        } else {
            array.append_null();
        }
    }
    Ok(Arc::new(array.finish()))
}
