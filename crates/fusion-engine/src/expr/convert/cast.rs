//! Conversions from and to text, and to narrower types.

use crate::expr::kernel::primitive::{try_unary, unary};
use crate::expr::kernel::varlen::{Bytes, Flags, Numbers, arguments, flags, numbers, texts};
use crate::expr::kernel::{Arg, FnKernel, Kernel, plain, valid_rows};
use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, FixedSizeBinaryArray};
use arrow::buffer::Buffer;
use arrow::datatypes::{Float32Type, Float64Type, Int16Type, Int32Type, Int64Type, UInt32Type};
use fusion_plan::{CastFunction, DataType, PgError};
use fusion_scalar::text::float_in::ParseFloat;
use fusion_scalar::text::integer::Integer;
use fusion_scalar::text::{boolean, c_string, float, float_in, float_out, integer, oid, uuid};
use std::sync::Arc;

/// Bytes of a UUID.
const UUID: i32 = 16;

/// The conversion `function` from arguments of types `args` to `result`.
pub(crate) fn kernel(
    function: CastFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use CastFunction as F;
    use DataType as T;
    Some(match (function, args, result) {
        (F::Parse, [T::Text], _) => parse(result)?,
        (F::Format, [from], T::Text) => format(*from)?,
        (F::FormatFloat, [T::Float4, T::Int4], T::Text) => plain("float4 to text", |args, rows| {
            let [value, digits] = arguments(args)?;
            let digits = Numbers::<Int32Type>::new(digits)?;
            let value = Numbers::<Float32Type>::new(value)?;
            texts(args, rows, |row, out| {
                float_out::format_float4(value.get(row), digits.get(row), out);
                Ok(())
            })
        }),
        (F::FormatFloat, [T::Float8, T::Int4], T::Text) => plain("float8 to text", |args, rows| {
            let [value, digits] = arguments(args)?;
            let digits = Numbers::<Int32Type>::new(digits)?;
            let value = Numbers::<Float64Type>::new(value)?;
            texts(args, rows, |row, out| {
                float_out::format_float8(value.get(row), digits.get(row), out);
                Ok(())
            })
        }),
        (F::BoolWord, [T::Bool], T::Text) => {
            plain("bool to text", |args, rows| bool_text(args, rows, boolean::word))
        }
        (F::BoolLetter, [T::Bool], T::Text) => {
            plain("bool to text", |args, rows| bool_text(args, rows, boolean::letter))
        }
        (F::NarrowInteger, [T::Int4], T::Int2) => narrow::<Int32Type, Int16Type>(),
        (F::NarrowInteger, [T::Int8], T::Int2) => narrow::<Int64Type, Int16Type>(),
        (F::NarrowInteger, [T::Int8], T::Int4) => narrow::<Int64Type, Int32Type>(),
        (F::NarrowFloat, [T::Float8], T::Float4) => {
            converted::<Float64Type, Float32Type>("float8 to float4", float::to_float4)
        }
        (F::RoundToInteger, [T::Float4], T::Int2) => round::<Float32Type, Int16Type>(),
        (F::RoundToInteger, [T::Float4], T::Int4) => round::<Float32Type, Int32Type>(),
        (F::RoundToInteger, [T::Float4], T::Int8) => round::<Float32Type, Int64Type>(),
        (F::RoundToInteger, [T::Float8], T::Int2) => round::<Float64Type, Int16Type>(),
        (F::RoundToInteger, [T::Float8], T::Int4) => round::<Float64Type, Int32Type>(),
        (F::RoundToInteger, [T::Float8], T::Int8) => round::<Float64Type, Int64Type>(),
        (F::IntegerToBool, [T::Int4], T::Bool) => plain("int4 to bool", |args, rows| {
            let [value] = arguments(args)?;
            let value = Numbers::<Int32Type>::new(value)?;
            flags(args, rows, |row| Ok(value.get(row) != 0))
        }),
        (F::BoolToInteger, [T::Bool], T::Int4) => plain("bool to int4", |args, rows| {
            let [value] = arguments(args)?;
            let value = Flags::new(value)?;
            numbers::<Int32Type>(args, rows, |row| Ok(i32::from(value.get(row))))
        }),
        (F::IntegerToOid, [T::Int8], T::Oid) => {
            converted::<Int64Type, UInt32Type>("int8 to oid", oid::from_int8)
        }
        (F::OidToInteger, [T::Oid], T::Int8) => same::<UInt32Type, Int64Type>(i64::from),
        (F::Relabel, [T::Oid], T::Int4) => same::<UInt32Type, Int32Type>(|oid| oid as i32),
        (F::Relabel, [T::Int4], T::Oid) => same::<Int32Type, UInt32Type>(|int| int as u32),
        // Text is held as bytes are, but is none.
        (F::Relabel, [from], to)
            if from.arrow() == to.arrow() && (*from == T::Bytea) == (to == T::Bytea) =>
        {
            plain("relabel", |args, _| {
                let [value] = arguments(args)?;
                Ok(Arc::clone(value.array()))
            })
        }
        _ => return None,
    })
}

/// A conversion that cannot fail.
fn same<A, O>(convert: fn(A::Native) -> O::Native) -> Arc<dyn Kernel>
where
    A: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    FnKernel::boxed("relabel", move |args: &[Arg], _| {
        let [value] = arguments(args)?;
        unary::<A, O>(value, &O::DATA_TYPE, convert)
    })
}

/// A conversion between numbers that can fail.
fn converted<A, O>(
    name: &'static str,
    convert: fn(A::Native) -> Result<O::Native, PgError>,
) -> Arc<dyn Kernel>
where
    A: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    FnKernel::boxed(name, move |args: &[Arg], rows| {
        let [value] = arguments(args)?;
        let value = Numbers::<A>::new(value)?;
        numbers::<O>(args, rows, |row| convert(value.get(row)))
    })
}

/// `i4toi2`, `int82`, `int84`.
fn narrow<A, O>() -> Arc<dyn Kernel>
where
    A: ArrowPrimitiveType<Native: Integer>,
    O: ArrowPrimitiveType<Native: Integer>,
{
    FnKernel::boxed("narrow", |args: &[Arg], _| {
        let [value] = arguments(args)?;
        let narrowed = |value: A::Native| O::Native::try_from(value.into());
        try_unary::<A, O>(
            value,
            &O::DATA_TYPE,
            |value| narrowed(value).map_or((O::Native::default(), true), |value| (value, false)),
            |_| PgError::out_of_range(O::Native::NAME),
        )
    })
}

/// `dtoi4`, `ftoi4` and their kin.
fn round<A, O>() -> Arc<dyn Kernel>
where
    A: ArrowPrimitiveType<Native: Into<f64>>,
    O: ArrowPrimitiveType<Native: Integer>,
{
    converted::<A, O>("round", float::to_integer)
}

/// The input function of `result`.
fn parse(result: DataType) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    Some(match result {
        T::Int2 => parse_integer::<Int16Type>(),
        T::Int4 => parse_integer::<Int32Type>(),
        T::Int8 => parse_integer::<Int64Type>(),
        T::Float4 => parse_float::<Float32Type>(),
        T::Float8 => parse_float::<Float64Type>(),
        T::Oid => plain("text to oid", |args, rows| {
            let [text] = arguments(args)?;
            let text = Bytes::new(text)?;
            numbers::<UInt32Type>(args, rows, |row| oid::parse(c_string(text.get(row))))
        }),
        T::Bool => plain("text to bool", |args, rows| {
            let [text] = arguments(args)?;
            let text = Bytes::new(text)?;
            flags(args, rows, |row| boolean::parse(c_string(text.get(row))))
        }),
        T::Uuid => plain("text to uuid", parse_uuid),
        _ => return None,
    })
}

fn parse_integer<O: ArrowPrimitiveType<Native: Integer>>() -> Arc<dyn Kernel> {
    plain("text to integer", |args, rows| {
        let [text] = arguments(args)?;
        let text = Bytes::new(text)?;
        numbers::<O>(args, rows, |row| integer::parse(c_string(text.get(row))))
    })
}

fn parse_float<O: ArrowPrimitiveType<Native: ParseFloat>>() -> Arc<dyn Kernel> {
    plain("text to float", |args, rows| {
        let [text] = arguments(args)?;
        let text = Bytes::new(text)?;
        numbers::<O>(args, rows, |row| float_in::parse(c_string(text.get(row))))
    })
}

/// `uuid_in`.
fn parse_uuid(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text] = arguments(args)?;
    let text = Bytes::new(text)?;
    let valid = valid_rows(args);
    let mut bytes = Vec::with_capacity(rows * UUID as usize);
    for row in 0..rows {
        let uuid = match valid.as_ref().is_some_and(|valid| valid.is_null(row)) {
            true => [0; UUID as usize],
            false => uuid::parse(c_string(text.get(row)))?,
        };
        bytes.extend_from_slice(&uuid);
    }
    Ok(Arc::new(FixedSizeBinaryArray::new(UUID, Buffer::from_vec(bytes), valid)))
}

/// The output function of `from`.
fn format(from: DataType) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    Some(match from {
        T::Int2 => format_number::<Int16Type>(integer::format),
        T::Int4 => format_number::<Int32Type>(integer::format),
        T::Int8 => format_number::<Int64Type>(integer::format),
        T::Oid => format_number::<UInt32Type>(oid::format),
        T::Uuid => plain("uuid to text", |args, rows| {
            let [value] = arguments(args)?;
            let array = value.array().as_fixed_size_binary_opt();
            let array = array.ok_or_else(|| PgError::internal("unexpected type of a UUID"))?;
            texts(args, rows, |row, out| {
                uuid::format(array.value(value.index(row)), out);
                Ok(())
            })
        }),
        _ => return None,
    })
}

fn format_number<A: ArrowPrimitiveType>(format: fn(A::Native, &mut String)) -> Arc<dyn Kernel> {
    FnKernel::boxed("number to text", move |args: &[Arg], rows| {
        let [value] = arguments(args)?;
        let value = Numbers::<A>::new(value)?;
        texts(args, rows, |row, out| {
            format(value.get(row), out);
            Ok(())
        })
    })
}

fn bool_text(
    args: &[Arg],
    rows: usize,
    text: fn(bool) -> &'static str,
) -> Result<ArrayRef, PgError> {
    let [value] = arguments(args)?;
    let value = Flags::new(value)?;
    texts(args, rows, |row, out| {
        out.push_str(text(value.get(row)));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{
        Array, BooleanArray, Float64Array, Int32Array, Int64Array, StringViewArray,
    };

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()).to_binary_view())
    }

    fn cast(
        function: CastFunction,
        from: DataType,
        to: DataType,
        value: ArrayRef,
    ) -> Result<ArrayRef, PgError> {
        let rows = value.len();
        kernel(function, &[from], to).unwrap().call(&[Arg::column(value)], rows)
    }

    #[test]
    fn text_becomes_every_type_and_back() {
        use DataType as T;
        const ID: &str = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        for (ty, text) in [
            (T::Int2, "-7"),
            (T::Int4, "2147483647"),
            (T::Int8, "-9223372036854775808"),
            (T::Oid, "4294967295"),
            (T::Uuid, ID),
        ] {
            let input = strings(&[Some(text), None]);
            let value = cast(CastFunction::Parse, T::Text, ty, Arc::clone(&input)).unwrap();
            assert_eq!(value.data_type(), &ty.arrow());
            let output = cast(CastFunction::Format, ty, T::Text, value).unwrap();
            assert_eq!(output.as_text(), input.as_text());
        }
        let value = cast(CastFunction::Parse, T::Text, T::Bool, strings(&[Some("yes"), None]));
        let words = cast(CastFunction::BoolWord, T::Bool, T::Text, value.unwrap()).unwrap();
        assert_eq!(words.as_text().iter().collect::<Vec<_>>(), [Some("true"), None]);
        for ty in [T::Float4, T::Float8] {
            let value = cast(CastFunction::Parse, T::Text, ty, strings(&[Some("1e3"), None]));
            let digits = Arg::scalar(Arc::new(Int32Array::from(vec![1])));
            let kernel = kernel(CastFunction::FormatFloat, &[ty, T::Int4], T::Text).unwrap();
            let text = kernel.call(&[Arg::column(value.unwrap()), digits], 2).unwrap();
            assert_eq!(text.as_text().iter().collect::<Vec<_>>(), [Some("1000"), None]);
        }
    }

    #[test]
    fn errors_count_in_rows_that_are_not_null() {
        use DataType as T;
        let error = cast(CastFunction::Parse, T::Text, T::Int4, strings(&[None, Some("x")]));
        assert_eq!(error.unwrap_err().sqlstate.as_str(), "22P02");
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(1 << 40)]));
        let error = cast(CastFunction::NarrowInteger, T::Int8, T::Int4, wide);
        assert_eq!(error.unwrap_err(), PgError::out_of_range("integer"));
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![Some(2.5), None]));
        let rounded = cast(CastFunction::RoundToInteger, T::Float8, T::Int2, floats).unwrap();
        assert_eq!(rounded.as_primitive::<Int16Type>().iter().collect::<Vec<_>>(), [Some(2), None]);
    }

    #[test]
    fn the_same_bits_in_another_type() {
        use DataType as T;
        let ints: ArrayRef = Arc::new(Int32Array::from(vec![-1]));
        let oids = cast(CastFunction::Relabel, T::Int4, T::Oid, ints).unwrap();
        assert_eq!(oids.as_primitive::<UInt32Type>().values(), &[u32::MAX]);
        let text = strings(&[Some("a ")]);
        assert!(cast(CastFunction::Relabel, T::Text, T::Bpchar, text).is_ok());
        assert!(kernel(CastFunction::Relabel, &[T::Text], T::Bytea).is_none());
        let flags: ArrayRef = Arc::new(BooleanArray::from(vec![true]));
        let ints = cast(CastFunction::BoolToInteger, T::Bool, T::Int4, flags).unwrap();
        assert_eq!(ints.as_primitive::<Int32Type>().values(), &[1]);
    }
}
