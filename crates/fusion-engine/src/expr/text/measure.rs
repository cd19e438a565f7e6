//! Functions that give a number or a truth value of a string.

use crate::expr::kernel::varlen::{Bytes, Numbers, arguments, flags, numbers};
use crate::expr::kernel::{Arg, Kernel, plain};
use arrow::array::ArrayRef;
use arrow::datatypes::{Int32Type, Int64Type};
use fusion_plan::{DataType, PgError, TextFunction};
use fusion_scalar::text::{bytes, measure};
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(super) fn kernel(function: TextFunction, args: &[DataType]) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use TextFunction as F;
    Some(match (function, args) {
        (F::Length, [T::Text]) => plain("length", |args, rows| number(args, rows, measure::length)),
        (F::Length, [T::Bpchar]) => {
            plain("length", |args, rows| number(args, rows, measure::bpchar_length))
        }
        (F::Ascii, [T::Text]) => plain("ascii", |args, rows| number(args, rows, measure::ascii)),
        (F::OctetLength, [T::Text] | [T::Bytea]) => plain("octet_length", |args, rows| {
            number(args, rows, |value| Ok(measure::octet_length(value)))
        }),
        (F::StartsWith, [T::Text, T::Text]) => plain("starts_with", starts_with),
        (F::GetByte, [T::Bytea, T::Int4]) => plain("get_byte", get_byte),
        (F::GetBit, [T::Bytea, T::Int8]) => plain("get_bit", get_bit),
        _ => return None,
    })
}

/// `textlen` and its kin.
fn number(
    args: &[Arg],
    rows: usize,
    of: fn(&[u8]) -> Result<i32, PgError>,
) -> Result<ArrayRef, PgError> {
    let [text] = arguments(args)?;
    let text = Bytes::new(text)?;
    numbers::<Int32Type>(args, rows, |row| of(text.get(row)))
}

/// `text_starts_with`.
fn starts_with(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, prefix] = arguments(args)?;
    let (text, prefix) = (Bytes::new(text)?, Bytes::new(prefix)?);
    flags(args, rows, |row| measure::starts_with(text.get(row), prefix.get(row)))
}

/// `byteaGetByte`.
fn get_byte(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [value, index] = arguments(args)?;
    let (value, index) = (Bytes::new(value)?, Numbers::<Int32Type>::new(index)?);
    numbers::<Int32Type>(args, rows, |row| bytes::get_byte(value.get(row), index.get(row)))
}

/// `byteaGetBit`.
fn get_bit(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [value, index] = arguments(args)?;
    let (value, index) = (Bytes::new(value)?, Numbers::<Int64Type>::new(index)?);
    numbers::<Int32Type>(args, rows, |row| bytes::get_bit(value.get(row), index.get(row)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, StringViewArray};

    #[test]
    fn every_row_is_measured() {
        let text = Arg::column(Arc::new(
            StringViewArray::from(vec![Some("é"), None, Some("")]).to_binary_view(),
        ));
        let measured = |function| {
            let kernel = kernel(function, &[DataType::Text]).unwrap();
            let result = kernel.call(std::slice::from_ref(&text), 3).unwrap();
            result.as_primitive::<Int32Type>().iter().collect::<Vec<_>>()
        };
        assert_eq!(measured(TextFunction::Length), [Some(1), None, Some(0)]);
        assert_eq!(measured(TextFunction::OctetLength), [Some(2), None, Some(0)]);
        assert_eq!(measured(TextFunction::Ascii), [Some(233), None, Some(0)]);
    }
}
