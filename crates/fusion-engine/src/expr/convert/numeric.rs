//! Casts between `numeric` and integers, floats and text.

use crate::expr::kernel::varlen::Bytes;
use crate::expr::kernel::{Arg, FnKernel, Kernel, first};
use crate::expr::value::numeric::{Operand, Valid, collect};
use arrow::array::{ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, PrimitiveArray};
use arrow::datatypes::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};
use fusion_plan::{DataType, PgError};
use fusion_scalar::numeric::{self, Number};
use fusion_scalar::text::c_string;
use std::sync::Arc;

/// `numeric_int2`, `numeric_int4`, `numeric_int8`.
pub(crate) fn to_integer(arg: DataType, result: DataType) -> Option<Arc<dyn Kernel>> {
    Some(match result {
        DataType::Int2 => fixed::<Int16Type>(arg, numeric::to_integer),
        DataType::Int4 => fixed::<Int32Type>(arg, numeric::to_integer),
        DataType::Int8 => fixed::<Int64Type>(arg, numeric::to_integer),
        _ => return None,
    })
}

/// `numeric_float4`, `numeric_float8`.
pub(crate) fn to_float(arg: DataType, result: DataType) -> Option<Arc<dyn Kernel>> {
    Some(match result {
        DataType::Float4 => fixed::<Float32Type>(arg, numeric::to_float),
        DataType::Float8 => fixed::<Float64Type>(arg, numeric::to_float),
        _ => return None,
    })
}

/// A cast to a fixed-width type.
fn fixed<T: ArrowPrimitiveType>(
    ty: DataType,
    cast: fn(Number<'_>) -> Result<T::Native, PgError>,
) -> Arc<dyn Kernel> {
    FnKernel::boxed("cast of numeric", move |args: &[Arg], rows| {
        let operand = Operand::new(first(args)?, ty)?;
        let valid = Valid::of(args);
        let mut values = Vec::with_capacity(rows);
        for row in 0..rows {
            values.push(if valid.is(row) {
                cast(operand.number(row))?
            } else {
                T::Native::default()
            });
        }
        let result: ArrayRef =
            Arc::new(PrimitiveArray::<T>::new(values.into(), valid.into_nulls()));
        Ok(result)
    })
}

/// `float4_numeric`, `float8_numeric`.
pub(crate) fn from_float(arg: DataType, result: DataType) -> Option<Arc<dyn Kernel>> {
    if result != DataType::Numeric {
        return None;
    }
    Some(match arg {
        DataType::Float4 => FnKernel::boxed("float4 to numeric", |args: &[Arg], rows| {
            let arg = first(args)?;
            let values = arg.primitive::<Float32Type>()?;
            collect(args, rows, |row, out| numeric::from_float(values.value(arg.index(row)), out))
        }),
        DataType::Float8 => FnKernel::boxed("float8 to numeric", |args: &[Arg], rows| {
            let arg = first(args)?;
            let values = arg.primitive::<Float64Type>()?;
            collect(args, rows, |row, out| numeric::from_float(values.value(arg.index(row)), out))
        }),
        _ => return None,
    })
}

/// `numeric_out`.
pub(crate) fn to_text(ty: DataType) -> Arc<dyn Kernel> {
    FnKernel::boxed("numeric to text", move |args: &[Arg], rows| {
        let operand = Operand::new(first(args)?, ty)?;
        let valid = Valid::of(args);
        let mut array = BinaryViewBuilder::with_capacity(rows);
        let mut text = String::new();
        for row in 0..rows {
            if valid.is(row) {
                text.clear();
                numeric::numeric_out(operand.number(row), &mut text);
                array.append_value(&text);
            } else {
                array.append_null();
            }
        }
        let result: ArrayRef = Arc::new(array.finish());
        Ok(result)
    })
}

/// `numeric_in` without a type modifier.
pub(crate) fn from_text(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let texts = Bytes::new(first(args)?)?;
    collect(args, rows, |row, out| numeric::numeric_in(c_string(texts.get(row)), None, out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::dispatch::numeric as kernel;
    use crate::testing::{AsText, numbers, texts};
    use arrow::array::{AsArray, Float64Array, StringViewArray};
    use fusion_plan::NumericFunction;

    #[test]
    fn casts_skip_nulls_and_report_the_first_error() {
        let cast = |values: &[Option<&str>], ty| {
            let kernel = kernel(NumericFunction::ToInteger, &[DataType::Numeric], ty).unwrap();
            kernel.call(&[Arg::column(numbers(values))], values.len())
        };
        let result = cast(&[Some("1.5"), None, Some("-32768.4")], DataType::Int2).unwrap();
        let result: Vec<_> = result.as_primitive::<Int16Type>().iter().collect();
        assert_eq!(result, [Some(2), None, Some(i16::MIN)]);
        let error = cast(&[Some("1"), Some("NaN"), Some("1e9")], DataType::Int2).unwrap_err();
        assert_eq!(error.message, "cannot convert NaN to smallint");
    }

    #[test]
    fn floats_and_text_go_both_ways() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.1), None, Some(1e20)]));
        let forth = kernel(NumericFunction::FromFloat, &[DataType::Float8], DataType::Numeric);
        let stored = forth.unwrap().call(&[Arg::column(Arc::clone(&floats))], 3).unwrap();
        let shown = [Some("0.1"), None, Some("100000000000000000000")];
        assert_eq!(texts(&stored), shown.map(|text| text.map(str::to_owned)));
        let stored = Arg::column(stored);
        let back = kernel(NumericFunction::ToFloat, &[DataType::Numeric], DataType::Float8);
        assert_eq!(&back.unwrap().call(std::slice::from_ref(&stored), 3).unwrap(), &floats);
        let out = kernel(NumericFunction::ToText, &[DataType::Numeric], DataType::Text).unwrap();
        let text = out.call(&[stored], 3).unwrap();
        assert_eq!(text.as_text(), StringViewArray::from(shown.to_vec()));
        let into = kernel(NumericFunction::FromText, &[DataType::Text], DataType::Numeric).unwrap();
        let read = into.call(&[Arg::column(text)], 3).unwrap();
        assert_eq!(texts(&read), shown.map(|text| text.map(str::to_owned)));
    }
}
