//! Functions that give a part of a string or of bytes, without copying it.

use crate::expr::kernel::varlen::{Bytes, Flags, Numbers, arguments, parts};
use crate::expr::kernel::{Arg, FnKernel, Kernel, plain};
use arrow::array::ArrayRef;
use arrow::datatypes::Int32Type;
use fusion_plan::{DataType, PgError, TextFunction};
use fusion_scalar::text::slice::{self, Ends};
use fusion_scalar::text::{bytes, c_string, length};
use std::ops::Range;
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(super) fn kernel(function: TextFunction, args: &[DataType]) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use TextFunction as F;
    Some(match (function, args) {
        (F::Substring, [T::Text, T::Int4] | [T::Text, T::Int4, T::Int4]) => {
            plain("substring", substring)
        }
        (F::Substring, [T::Bytea, T::Int4] | [T::Bytea, T::Int4, T::Int4]) => {
            plain("substring", bytea_substring)
        }
        (F::Left, [T::Text, T::Int4]) => {
            plain("left", |args, rows| counted(args, rows, slice::left))
        }
        (F::Right, [T::Text, T::Int4]) => {
            plain("right", |args, rows| counted(args, rows, slice::right))
        }
        (F::TrimBoth, _) => trim(args, Ends::Both)?,
        (F::TrimLeft, _) => trim(args, Ends::Left)?,
        (F::TrimRight, _) => trim(args, Ends::Right)?,
        (F::VarcharLength, [T::Text, T::Int4, T::Bool]) => plain("varchar", varchar),
        (F::TextToName, [T::Text]) => {
            plain("name", |args, rows| whole(args, rows, |text| Ok(length::text_to_name(text))))
        }
        (F::BpcharToName, [T::Bpchar]) => {
            plain("name", |args, rows| whole(args, rows, |text| Ok(length::bpchar_to_name(text))))
        }
        (F::BpcharToText, [T::Bpchar]) => plain("text", |args, rows| {
            whole(args, rows, |text| slice::trim(text, b" ", Ends::Right))
        }),
        (F::Output, [T::Text]) => {
            plain("output", |args, rows| whole(args, rows, |text| Ok(0..c_string(text).len())))
        }
        (F::SkipBytes, [T::Text, T::Int4]) => plain("skip", skip_bytes),
        _ => return None,
    })
}

/// A `bpchar` without trailing blanks, as it is compared.
pub(crate) fn trim_blanks(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    whole(args, rows, |text| Ok(slice::true_length(text)))
}

/// A part that depends on nothing but the string.
fn whole(
    args: &[Arg],
    rows: usize,
    part: fn(&[u8]) -> Result<Range<usize>, PgError>,
) -> Result<ArrayRef, PgError> {
    let [text] = arguments(args)?;
    parts(text, args, rows, |_, value| part(value))
}

/// Without as many bytes.
fn skip_bytes(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, count] = arguments(args)?;
    let count = Numbers::<Int32Type>::new(count)?;
    parts(text, args, rows, |row, value| {
        let skipped = usize::try_from(count.get(row)).unwrap_or(0);
        Ok(skipped.min(value.len())..value.len())
    })
}

/// `text_left`, `text_right`.
fn counted(
    args: &[Arg],
    rows: usize,
    part: fn(&[u8], i32) -> Result<Range<usize>, PgError>,
) -> Result<ArrayRef, PgError> {
    let [text, count] = arguments(args)?;
    let count = Numbers::<Int32Type>::new(count)?;
    parts(text, args, rows, |row, value| part(value, count.get(row)))
}

/// The start and, if there is one, the length of `substring`.
type Window<'a> = (Numbers<'a, Int32Type>, Option<Numbers<'a, Int32Type>>);

fn window(args: &[Arg]) -> Result<(&Arg, Window<'_>), PgError> {
    match args {
        [value, start] => Ok((value, (Numbers::new(start)?, None))),
        [value, start, length] => Ok((value, (Numbers::new(start)?, Some(Numbers::new(length)?)))),
        _ => Err(PgError::internal("substring takes two or three arguments")),
    }
}

/// `text_substr`.
fn substring(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let (text, (start, length)) = window(args)?;
    parts(text, args, rows, |row, value| {
        slice::substring(value, start.get(row), length.as_ref().map(|length| length.get(row)))
    })
}

/// `bytea_substr`.
fn bytea_substring(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let (value, (start, length)) = window(args)?;
    parts(value, args, rows, |row, value| {
        bytes::substring(value, start.get(row), length.as_ref().map(|length| length.get(row)))
    })
}

/// `btrim`, `byteatrim` and their kin.
fn trim(args: &[DataType], ends: Ends) -> Option<Arc<dyn Kernel>> {
    match args {
        [DataType::Text, DataType::Text] => {
            Some(FnKernel::boxed("trim", move |args: &[Arg], rows| {
                let [text, set] = arguments(args)?;
                let set = Bytes::new(set)?;
                parts(text, args, rows, |row, value| slice::trim(value, set.get(row), ends))
            }))
        }
        [DataType::Bytea, DataType::Bytea] => {
            Some(FnKernel::boxed("trim", move |args: &[Arg], rows| {
                let [value, set] = arguments(args)?;
                let set = Bytes::new(set)?;
                parts(value, args, rows, |row, value| Ok(bytes::trim(value, set.get(row), ends)))
            }))
        }
        _ => None,
    }
}

/// The length coercion of `varchar`.
fn varchar(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, modifier, explicit] = arguments(args)?;
    let (modifier, explicit) = (Numbers::<Int32Type>::new(modifier)?, Flags::new(explicit)?);
    parts(text, args, rows, |row, value| {
        length::varchar(value, modifier.get(row), explicit.get(row))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{
        Array, AsArray, BinaryViewArray, BooleanArray, Int32Array, StringViewArray,
    };

    fn text(values: &[Option<&str>]) -> Arg {
        Arg::column(Arc::new(StringViewArray::from(values.to_vec()).to_binary_view()))
    }

    fn int(value: i32) -> Arg {
        Arg::scalar(Arc::new(Int32Array::from(vec![value])))
    }

    fn call(function: TextFunction, types: &[DataType], args: &[Arg]) -> Result<ArrayRef, PgError> {
        let rows = args[0].array().len();
        kernel(function, types).unwrap().call(args, rows)
    }

    #[test]
    fn substrings_have_a_length_or_not() {
        let types = [DataType::Text, DataType::Int4, DataType::Int4];
        let args = [text(&[Some("héllo wörld, long enough"), None]), int(7), int(18)];
        let with = call(TextFunction::Substring, &types, &args).unwrap();
        assert_eq!(with.as_text().iter().collect::<Vec<_>>(), [Some("wörld, long enough"), None]);
        let without = call(TextFunction::Substring, &types[..2], &args[..2]).unwrap();
        assert_eq!(without.as_text().value(0), "wörld, long enough");
        let bytes = Arg::column(Arc::new(BinaryViewArray::from(vec![&b"\xc3\xa9a"[..]])));
        let types = [DataType::Bytea, DataType::Int4];
        let result = call(TextFunction::Substring, &types, &[bytes, int(2)]).unwrap();
        assert_eq!(result.as_binary_view().value(0), b"\xa9a");
    }

    #[test]
    fn an_error_in_a_null_row_is_none() {
        let types = [DataType::Text, DataType::Int4, DataType::Int4];
        let error = call(TextFunction::Substring, &types, &[text(&[Some("a")]), int(1), int(-1)]);
        assert_eq!(error.unwrap_err().sqlstate.as_str(), "22011");
        let null = call(TextFunction::Substring, &types, &[text(&[None]), int(1), int(-1)]);
        assert!(null.unwrap().is_null(0));
    }

    #[test]
    fn coercion_to_a_length() {
        let types = [DataType::Text, DataType::Int4, DataType::Bool];
        let explicit = |flag| Arg::scalar(Arc::new(BooleanArray::from(vec![flag])));
        let cut = |flag| {
            call(
                TextFunction::VarcharLength,
                &types,
                &[text(&[Some("été")]), int(6), explicit(flag)],
            )
        };
        assert_eq!(cut(true).unwrap().as_text().value(0), "ét");
        assert_eq!(cut(false).unwrap_err().sqlstate.as_str(), "22001");
    }
}
