//! Arguments and results of variable length, row by row: what kernels over strings
//! and bytes, and conversions from and to them, have in common.

use super::{Arg, valid_rows};
use crate::error::out_of_memory;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray,
    BooleanBufferBuilder, PrimitiveArray, make_view,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use fusion_plan::PgError;
use std::ops::Range;
use std::sync::Arc;

/// The longest value a view holds in itself.
const MAX_INLINE: usize = 12;

/// How much the results of one batch may take: a function that repeats or pads can
/// make much of little, and the memory limit sees only what operators keep.
const MAX_BATCH: usize = 1 << 30;

/// The values of an argument of variable length: strings, which are bytes like all others,
/// or `bytea`.
pub(crate) struct Bytes<'a> {
    array: &'a BinaryViewArray,
    arg: &'a Arg,
}

impl<'a> Bytes<'a> {
    /// The values of `arg`.
    ///
    /// # Errors
    ///
    /// If it has another type.
    pub(crate) fn new(arg: &'a Arg) -> Result<Self, PgError> {
        match arg.array().as_binary_view_opt() {
            Some(array) => Ok(Self { array, arg }),
            None => Err(PgError::internal(format!("unexpected {}", arg.array().data_type()))),
        }
    }

    /// The value in `row`.
    pub(crate) fn get(&self, row: usize) -> &'a [u8] {
        self.array.value(self.arg.index(row))
    }

    /// The value of all rows, if it is the same.
    pub(crate) fn constant(&self) -> Option<&'a [u8]> {
        self.arg.is_scalar().then(|| self.array.value(0))
    }
}

/// The values of an argument of fixed width.
pub(crate) struct Numbers<'a, P: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<P>,
    arg: &'a Arg,
}

impl<'a, P: ArrowPrimitiveType> Numbers<'a, P> {
    /// The values of `arg`.
    ///
    /// # Errors
    ///
    /// If it has another type.
    pub(crate) fn new(arg: &'a Arg) -> Result<Self, PgError> {
        Ok(Self { array: arg.primitive::<P>()?, arg })
    }

    /// The value in `row`.
    pub(crate) fn get(&self, row: usize) -> P::Native {
        self.array.value(self.arg.index(row))
    }
}

/// The values of a boolean argument.
pub(crate) struct Flags<'a> {
    array: &'a BooleanArray,
    arg: &'a Arg,
}

impl<'a> Flags<'a> {
    /// The values of `arg`.
    ///
    /// # Errors
    ///
    /// If it has another type.
    pub(crate) fn new(arg: &'a Arg) -> Result<Self, PgError> {
        match arg.array().as_boolean_opt() {
            Some(array) => Ok(Self { array, arg }),
            None => Err(PgError::internal(format!("unexpected {}", arg.array().data_type()))),
        }
    }

    /// The value in `row`.
    pub(crate) fn get(&self, row: usize) -> bool {
        self.array.value(self.arg.index(row))
    }
}

/// The `N` arguments of a kernel.
///
/// # Errors
///
/// If there are more or fewer.
pub(crate) fn arguments<const N: usize>(args: &[Arg]) -> Result<&[Arg; N], PgError> {
    args.try_into()
        .map_err(|_| PgError::internal(format!("{} arguments instead of {N}", args.len())))
}

/// What `value` gives for each row in which no argument is NULL.
pub(crate) fn numbers<O: ArrowPrimitiveType>(
    args: &[Arg],
    rows: usize,
    mut value: impl FnMut(usize) -> Result<O::Native, PgError>,
) -> Result<ArrayRef, PgError> {
    let valid = valid_rows(args);
    let values = (0..rows)
        .map(|row| if is_null(&valid, row) { Ok(O::Native::default()) } else { value(row) })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(PrimitiveArray::<O>::new(values.into(), valid)))
}

/// What `value` gives for each row in which no argument is NULL.
pub(crate) fn flags(
    args: &[Arg],
    rows: usize,
    mut value: impl FnMut(usize) -> Result<bool, PgError>,
) -> Result<ArrayRef, PgError> {
    let valid = valid_rows(args);
    let mut result = BooleanBufferBuilder::new(rows);
    for row in 0..rows {
        result.append(!is_null(&valid, row) && value(row)?);
    }
    Ok(Arc::new(BooleanArray::new(result.finish(), valid)))
}

/// The strings, in characters that are ours, that `build` appends for each row in which no
/// argument is NULL.
pub(crate) fn texts(
    args: &[Arg],
    rows: usize,
    mut build: impl FnMut(usize, &mut String) -> Result<(), PgError>,
) -> Result<ArrayRef, PgError> {
    let mut text = String::new();
    built(args, rows, |row, builder| {
        text.clear();
        build(row, &mut text)?;
        builder.append_value(&text);
        Ok(text.len())
    })
}

/// The bytes that `build` appends for each row in which no argument is NULL.
pub(crate) fn bytes(
    args: &[Arg],
    rows: usize,
    mut build: impl FnMut(usize, &mut Vec<u8>) -> Result<(), PgError>,
) -> Result<ArrayRef, PgError> {
    let mut bytes = Vec::new();
    built(args, rows, |row, builder| {
        bytes.clear();
        build(row, &mut bytes)?;
        builder.append_value(&bytes);
        Ok(bytes.len())
    })
}

fn built(
    args: &[Arg],
    rows: usize,
    mut append: impl FnMut(usize, &mut BinaryViewBuilder) -> Result<usize, PgError>,
) -> Result<ArrayRef, PgError> {
    let valid = valid_rows(args);
    let mut builder = BinaryViewBuilder::with_capacity(rows);
    let mut total = 0;
    for row in 0..rows {
        if is_null(&valid, row) {
            builder.append_null();
            continue;
        }
        total += append(row, &mut builder)?;
        if total > MAX_BATCH {
            return Err(out_of_memory("The strings of one batch are too large."));
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The part of each value of `arg` that `part` chooses, in bytes, for each row in
/// which no argument is NULL. The result's views point into the argument's buffers;
/// no byte is copied.
pub(crate) fn parts(
    arg: &Arg,
    args: &[Arg],
    rows: usize,
    mut part: impl FnMut(usize, &[u8]) -> Result<Range<usize>, PgError>,
) -> Result<ArrayRef, PgError> {
    let values = Bytes::new(arg)?;
    let valid = valid_rows(args);
    let mut views = Vec::with_capacity(rows);
    for row in 0..rows {
        if is_null(&valid, row) {
            views.push(0);
            continue;
        }
        let value = values.get(row);
        let range = part(row, value)?;
        views.push(subview(values.array.views()[arg.index(row)], value, range));
    }
    let views = ScalarBuffer::from(views);
    let buffers = values.array.data_buffers().to_vec();
    // SAFETY: each view is a NULL row's empty one, holds its bytes itself, or
    // covers a part of what the argument's view covered in the same buffer.
    let result = unsafe { BinaryViewArray::new_unchecked(views, buffers, valid) };
    Ok(Arc::new(result))
}

/// The view of `range` of `value`, whose own view is `view`.
fn subview(view: u128, value: &[u8], range: Range<usize>) -> u128 {
    if range.len() == value.len() {
        return view;
    }
    let part = &value[range.clone()];
    if part.len() <= MAX_INLINE {
        return make_view(part, 0, 0);
    }
    // A view is length, first four bytes, buffer and offset, 32 bits each.
    let buffer = (view >> 64) as u32;
    let offset = (view >> 96) as u32;
    make_view(part, buffer, offset + range.start as u32)
}

fn is_null(valid: &Option<NullBuffer>, row: usize) -> bool {
    valid.as_ref().is_some_and(|valid| valid.is_null(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{BinaryViewArray, Int32Array, StringViewArray};
    use arrow::datatypes::Int32Type;

    fn strings(values: &[Option<&str>]) -> Arg {
        Arg::column(Arc::new(StringViewArray::from(values.to_vec()).to_binary_view()))
    }

    /// Without the last `count` bytes.
    fn shortened(arg: &Arg, rows: usize, count: usize) -> ArrayRef {
        let args = std::slice::from_ref(arg);
        parts(arg, args, rows, |_, value| Ok(0..value.len().saturating_sub(count))).unwrap()
    }

    #[test]
    fn parts_keep_the_buffers_and_shorten_the_views() {
        let long = "a string that is long enough   ";
        let values = [Some("short   "), Some(long), None, Some("   "), Some("becomes inline   ")];
        let input = strings(&values);
        let result = shortened(&input, 5, 3);
        let result = result.as_text();
        let expected =
            [Some("short"), Some(long.trim_end()), None, Some(""), Some("becomes inline")];
        assert_eq!(result.iter().collect::<Vec<_>>(), expected);
        let source = input.array().as_text();
        assert_eq!(result.data_buffers()[0].as_ptr(), source.data_buffers()[0].as_ptr());
        assert!(result.to_data().validate_full().is_ok());
    }

    #[test]
    fn a_sliced_argument_is_read_at_its_offset() {
        let array: ArrayRef =
            Arc::new(StringViewArray::from(vec!["x ", "y   ", "z"]).to_binary_view());
        let result = shortened(&Arg::column(array.slice(1, 2)), 2, 1);
        assert_eq!(result.as_text().iter().flatten().collect::<Vec<_>>(), ["y  ", ""]);
    }

    #[test]
    fn parts_of_a_constant_vary_by_row() {
        let text = Arg::scalar(Arc::new(BinaryViewArray::from(vec![&b"0123456789abcdef"[..]])));
        let ends: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), None, Some(15)]));
        let args = [text, Arg::column(ends)];
        let ends = Numbers::<Int32Type>::new(&args[1]).unwrap();
        let result = parts(&args[0], &args, 3, |row, _| Ok(0..ends.get(row) as usize));
        let expected = [Some(&b"01"[..]), None, Some(b"0123456789abcde")];
        assert_eq!(result.unwrap().as_binary_view().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn null_rows_are_never_looked_at() {
        let args = [strings(&[None, Some("a")])];
        let text = Bytes::new(&args[0]).unwrap();
        let seen = |row: usize| match text.get(row) {
            b"a" => Ok(()),
            _ => Err(PgError::internal("a NULL row")),
        };
        let built = texts(&args, 2, |row, out| {
            out.push('x');
            seen(row)
        });
        assert_eq!(built.unwrap().as_text().iter().collect::<Vec<_>>(), [None, Some("x")]);
        assert!(numbers::<Int32Type>(&args, 2, |row| seen(row).map(|()| 1)).is_ok());
        assert!(flags(&args, 2, |row| seen(row).map(|()| true)).is_ok());
    }

    #[test]
    fn a_batch_has_a_limit() {
        let args = [strings(&[Some("a"), Some("b"), Some("c")])];
        let error = texts(&args, 3, |_, out| {
            out.extend(std::iter::repeat_n("0123456789abcdef", 1 << 25));
            Ok(())
        })
        .unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "53200");
    }
}
