//! Functions that make new strings.

use crate::expr::kernel::varlen::{Bytes, Flags, Numbers, arguments, bytes, texts};
use crate::expr::kernel::{Arg, FnKernel, Kernel, plain};
use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{Int32Type, Int64Type};
use fusion_plan::{DataType, PgError, TextFunction};
use fusion_scalar::text::like::{Unit, escape};
use fusion_scalar::text::{build, bytes as bytea, length};
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(super) fn kernel(function: TextFunction, args: &[DataType]) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use TextFunction as F;
    Some(match (function, args) {
        (F::Concat, [T::Text, T::Text] | [T::Bytea, T::Bytea]) => plain("||", |args, rows| {
            let [left, right] = arguments(args)?;
            let (left, right) = (Bytes::new(left)?, Bytes::new(right)?);
            bytes(args, rows, |row, out| build::concatenate(left.get(row), right.get(row), out))
        }),
        (F::Append, [T::Text, ..]) if args.iter().all(|arg| *arg == T::Text) => {
            plain("concat", append)
        }
        (F::Overlay, [T::Text, T::Text, T::Int4] | [T::Text, T::Text, T::Int4, T::Int4]) => {
            plain("overlay", overlay)
        }
        (F::Overlay, [T::Bytea, T::Bytea, T::Int4] | [T::Bytea, T::Bytea, T::Int4, T::Int4]) => {
            plain("overlay", bytea_overlay)
        }
        (F::PadLeft, [T::Text, T::Int4, T::Text]) => {
            plain("lpad", |args, rows| pad(args, rows, build::lpad))
        }
        (F::PadRight, [T::Text, T::Int4, T::Text]) => {
            plain("rpad", |args, rows| pad(args, rows, build::rpad))
        }
        (F::Repeat, [T::Text, T::Int4]) => plain("repeat", |args, rows| {
            let [text, count] = arguments(args)?;
            let (text, count) = (Bytes::new(text)?, Numbers::<Int32Type>::new(count)?);
            bytes(args, rows, |row, out| build::repeat(text.get(row), count.get(row), out))
        }),
        (F::Reverse, [T::Text]) => {
            plain("reverse", |args, rows| of_text(args, rows, build::reverse))
        }
        (F::QuoteLiteral, [T::Text]) => {
            plain("quote_literal", |args, rows| of_text(args, rows, build::quote_literal))
        }
        (F::Translate, [T::Text, T::Text, T::Text]) => plain("translate", |args, rows| {
            let [text, from, to] = arguments(args)?;
            let (text, from, to) = (Bytes::new(text)?, Bytes::new(from)?, Bytes::new(to)?);
            bytes(args, rows, |row, out| {
                build::translate(text.get(row), from.get(row), to.get(row), out)
            })
        }),
        (F::Chr, [T::Int4]) => plain("chr", |args, rows| {
            let [code] = arguments(args)?;
            let code = Numbers::<Int32Type>::new(code)?;
            bytes(args, rows, |row, out| build::chr(code.get(row), out))
        }),
        (F::ToHex, [T::Int4]) => {
            plain("to_hex", |args, rows| of_number::<Int32Type>(args, rows, build::to_hex32))
        }
        (F::ToHex, [T::Int8]) => {
            plain("to_hex", |args, rows| of_number::<Int64Type>(args, rows, build::to_hex64))
        }
        (F::Lower, [T::Text]) => cased("lower", build::lower_c),
        (F::Upper, [T::Text]) => cased("upper", build::upper_c),
        (F::InitCap, [T::Text]) => cased("initcap", build::initcap_c),
        (F::Md5, [T::Text] | [T::Bytea]) => plain("md5", md5),
        (F::LikeEscape, [T::Text, T::Text]) => like_escape(Unit::Character),
        (F::LikeEscape, [T::Bytea, T::Bytea]) => like_escape(Unit::Byte),
        (F::BpcharLength, [T::Bpchar, T::Int4, T::Bool]) => plain("bpchar", bpchar),
        _ => return None,
    })
}

/// What `build` makes of each string.
fn of_text(
    args: &[Arg],
    rows: usize,
    build: fn(&[u8], &mut Vec<u8>) -> Result<(), PgError>,
) -> Result<ArrayRef, PgError> {
    let [text] = arguments(args)?;
    let text = Bytes::new(text)?;
    bytes(args, rows, |row, out| build(text.get(row), out))
}

/// What `build` makes of each number.
fn of_number<P: ArrowPrimitiveType>(
    args: &[Arg],
    rows: usize,
    build: fn(P::Native, &mut String),
) -> Result<ArrayRef, PgError> {
    let [number] = arguments(args)?;
    let number = Numbers::<P>::new(number)?;
    texts(args, rows, |row, out| {
        build(number.get(row), out);
        Ok(())
    })
}

/// `lower` and its kin.
fn cased(name: &'static str, case: fn(&[u8], &mut Vec<u8>)) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, move |args: &[Arg], rows| {
        let [text] = arguments(args)?;
        let text = Bytes::new(text)?;
        bytes(args, rows, |row, out| {
            case(text.get(row), out);
            Ok(())
        })
    })
}

/// `concat` of strings that are not NULL.
fn append(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let values = args.iter().map(Bytes::new).collect::<Result<Vec<_>, _>>()?;
    bytes(args, rows, |row, out| {
        values.iter().try_for_each(|value| build::append(value.get(row), out))
    })
}

/// The count of `overlay`, if there is one.
fn count(args: &[Arg]) -> Result<Option<Numbers<'_, Int32Type>>, PgError> {
    args.get(3).map(Numbers::new).transpose()
}

/// `textoverlay`.
fn overlay(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let count = count(args)?;
    let [text, with, start] = arguments(args.get(..3).unwrap_or(args))?;
    let (text, with) = (Bytes::new(text)?, Bytes::new(with)?);
    let start = Numbers::<Int32Type>::new(start)?;
    bytes(args, rows, |row, out| {
        let count = count.as_ref().map(|count| count.get(row));
        build::overlay(text.get(row), with.get(row), start.get(row), count, out)
    })
}

/// `byteaoverlay`.
fn bytea_overlay(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let count = count(args)?;
    let [value, with, start] = arguments(args.get(..3).unwrap_or(args))?;
    let (value, with) = (Bytes::new(value)?, Bytes::new(with)?);
    let start = Numbers::<Int32Type>::new(start)?;
    bytes(args, rows, |row, out| {
        let count = count.as_ref().map(|count| count.get(row));
        bytea::overlay(value.get(row), with.get(row), start.get(row), count, out)
    })
}

/// What pads a text to a length with a fill.
type Pad = fn(&[u8], i32, &[u8], &mut Vec<u8>) -> Result<(), PgError>;

/// `lpad`, `rpad`.
fn pad(args: &[Arg], rows: usize, pad: Pad) -> Result<ArrayRef, PgError> {
    let [text, target, fill] = arguments(args)?;
    let (text, fill) = (Bytes::new(text)?, Bytes::new(fill)?);
    let target = Numbers::<Int32Type>::new(target)?;
    bytes(args, rows, |row, out| pad(text.get(row), target.get(row), fill.get(row), out))
}

/// `md5_text`, `md5_bytea`.
fn md5(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [value] = arguments(args)?;
    let value = Bytes::new(value)?;
    texts(args, rows, |row, out| {
        build::md5(value.get(row), out);
        Ok(())
    })
}

/// `like_escape`, `like_escape_bytea`.
fn like_escape(unit: Unit) -> Arc<dyn Kernel> {
    FnKernel::boxed("like_escape", move |args: &[Arg], rows| {
        let [pattern, by] = arguments(args)?;
        let (pattern, by) = (Bytes::new(pattern)?, Bytes::new(by)?);
        bytes(args, rows, |row, out| escape(pattern.get(row), by.get(row), unit, out))
    })
}

/// The length coercion of `bpchar`.
fn bpchar(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, modifier, explicit] = arguments(args)?;
    let (text, modifier) = (Bytes::new(text)?, Numbers::<Int32Type>::new(modifier)?);
    let explicit = Flags::new(explicit)?;
    bytes(args, rows, |row, out| {
        length::bpchar(text.get(row), modifier.get(row), explicit.get(row), out)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{AsArray, BinaryViewArray, BooleanArray, Int32Array, StringViewArray};

    fn text(values: &[Option<&str>]) -> Arg {
        Arg::column(Arc::new(StringViewArray::from(values.to_vec()).to_binary_view()))
    }

    fn int(value: i32) -> Arg {
        Arg::scalar(Arc::new(Int32Array::from(vec![value])))
    }

    fn call(function: TextFunction, types: &[DataType], args: &[Arg]) -> Result<ArrayRef, PgError> {
        let rows = args.iter().find(|arg| !arg.is_scalar()).unwrap().array().len();
        kernel(function, types).unwrap().call(args, rows)
    }

    #[test]
    fn strings_and_bytes_are_joined() {
        let pair = [text(&[Some("a"), None]), text(&[Some("é"), Some("b")])];
        let joined = call(TextFunction::Concat, &[DataType::Text; 2], &pair).unwrap();
        assert_eq!(joined.as_text().iter().collect::<Vec<_>>(), [Some("aé"), None]);
        let three = [pair[0].clone(), text(&[Some("-"), Some("-")]), pair[1].clone()];
        let joined = call(TextFunction::Append, &[DataType::Text; 3], &three).unwrap();
        assert_eq!(joined.as_text().iter().collect::<Vec<_>>(), [Some("a-é"), None]);
        let bytes = Arg::column(Arc::new(BinaryViewArray::from(vec![&b"\xff"[..]])));
        let joined =
            call(TextFunction::Concat, &[DataType::Bytea; 2], &[bytes.clone(), bytes]).unwrap();
        assert_eq!(joined.as_binary_view().value(0), b"\xff\xff");
    }

    #[test]
    fn optional_arguments() {
        let types = [DataType::Text, DataType::Text, DataType::Int4, DataType::Int4];
        let args = [text(&[Some("Txxxxas")]), text(&[Some("hom")]), int(2), int(4)];
        let overlaid = |count| {
            let result = call(TextFunction::Overlay, &types[..count], &args[..count]).unwrap();
            result.as_text().value(0).to_owned()
        };
        assert_eq!((overlaid(3), overlaid(4)), ("Thomxas".into(), "Thomas".into()));
    }

    #[test]
    fn padding_to_a_declared_length() {
        let types = [DataType::Bpchar, DataType::Int4, DataType::Bool];
        let explicit = Arg::scalar(Arc::new(BooleanArray::from(vec![true])));
        let args = [text(&[Some("é"), Some("étés"), None]), int(7), explicit];
        let padded = call(TextFunction::BpcharLength, &types, &args).unwrap();
        let expected = [Some("é  "), Some("été"), None];
        assert_eq!(padded.as_text().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_escape_may_be_any_character() {
        let args = [text(&[Some("aé%"), Some("é")]), text(&[Some("é"), Some("%")])];
        let escaped = call(TextFunction::LikeEscape, &[DataType::Text; 2], &args).unwrap();
        let expected = [Some("a\\%"), Some("é")];
        assert_eq!(escaped.as_text().iter().collect::<Vec<_>>(), expected);
    }
}
