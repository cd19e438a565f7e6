//! Functions that give a part of a string. The result's views point into the
//! argument's buffers; no byte is copied.

use super::Arg;
use arrow::array::{Array, ArrayRef, AsArray, StringViewArray, make_view};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::Int32Type;
use fusion_plan::{PgError, SqlState};
use std::ops::Range;
use std::sync::Arc;

/// The longest string a view holds in itself.
const MAX_INLINE: usize = 12;

/// `rtrim1`, which casts `bpchar` to `text`: without trailing blanks. A column
/// without any is its own result.
pub(crate) fn trim(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let text = first(args)?;
    if let Some(strings) = text.array().as_string_view_opt()
        && !text.is_scalar()
        && !strings.iter().flatten().any(|value| value.ends_with(' '))
    {
        return Ok(Arc::clone(text.array()));
    }
    parts(text, rows, args, |_, value| {
        let blanks = value.bytes().rev().take_while(|byte| *byte == b' ').count();
        Ok(0..value.len() - blanks)
    })
}

/// The same bytes under another type.
pub(crate) fn identity(args: &[Arg], _rows: usize) -> Result<ArrayRef, PgError> {
    Ok(Arc::clone(first(args)?.array()))
}

/// `text_substr`: positions count characters from one; a start before the
/// string uses up part of the length.
pub(crate) fn substring(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, start, length] = args else {
        return Err(PgError::internal("substring takes three arguments"));
    };
    let (starts, lengths) = (start.primitive::<Int32Type>()?, length.primitive::<Int32Type>()?);
    parts(text, rows, args, |row, value| {
        let (start, length) = (starts.value(start.index(row)), lengths.value(length.index(row)));
        if length < 0 {
            let sqlstate = SqlState(*b"22011");
            return Err(PgError::new(sqlstate, "negative substring length not allowed"));
        }
        let skip = usize::try_from(start.max(1) - 1).unwrap_or_default();
        let Some(end) = start.checked_add(length) else {
            return Ok(byte_position(value, skip)..value.len());
        };
        if end <= 1 {
            return Ok(0..0);
        }
        let stop = usize::try_from(end - 1).unwrap_or_default().max(skip);
        Ok(byte_position(value, skip)..byte_position(value, stop))
    })
}

/// Where character number `index` of `value` starts, or its end.
fn byte_position(value: &str, index: usize) -> usize {
    if index >= value.len() {
        return value.len();
    }
    if value.as_bytes()[..index].is_ascii() {
        return index;
    }
    value.char_indices().nth(index).map_or(value.len(), |(position, _)| position)
}

fn first(args: &[Arg]) -> Result<&Arg, PgError> {
    args.first().ok_or_else(|| PgError::internal("no argument"))
}

/// Views of the part of each string that `part` chooses, in bytes.
fn parts(
    text: &Arg,
    rows: usize,
    args: &[Arg],
    part: impl Fn(usize, &str) -> Result<Range<usize>, PgError>,
) -> Result<ArrayRef, PgError> {
    let array = text
        .array()
        .as_string_view_opt()
        .ok_or_else(|| PgError::internal(format!("unexpected {}", text.array().data_type())))?;
    let valid = super::arg::valid_rows(args);
    let mut views = Vec::with_capacity(rows);
    for row in 0..rows {
        if valid.as_ref().is_some_and(|valid| valid.is_null(row)) {
            views.push(0);
            continue;
        }
        let index = text.index(row);
        let value = array.value(index);
        let range = part(row, value)?;
        views.push(subview(array.views()[index], value.as_bytes(), range));
    }
    let views = ScalarBuffer::from(views);
    // SAFETY: each view is a NULL row's empty one, holds its bytes itself, or
    // covers a part of what the argument's view covered in the same buffer; the
    // parts start and end at character boundaries.
    let result =
        unsafe { StringViewArray::new_unchecked(views, array.data_buffers().to_vec(), valid) };
    Ok(Arc::new(result))
}

/// The view of `range` of the string `value`, whose own view is `view`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int32Array;

    fn strings(values: &[Option<&str>]) -> Arg {
        Arg::column(Arc::new(StringViewArray::from(values.to_vec())))
    }

    fn sub(value: &str, start: i32, length: i32) -> Result<String, PgError> {
        let [start, length] =
            [start, length].map(|v| Arg::scalar(Arc::new(Int32Array::from(vec![v]))));
        let result = substring(&[strings(&[Some(value)]), start, length], 1)?;
        Ok(result.as_string_view().value(0).to_owned())
    }

    #[test]
    fn trimming_keeps_the_buffers_and_shortens_the_views() {
        let long = "a string that is long enough      ";
        let values = [Some("short   "), Some(long), None, Some("   "), Some("becomes inline    ")];
        let input = strings(&values);
        let result = trim(std::slice::from_ref(&input), 5).unwrap();
        let result = result.as_string_view();
        let expected =
            [Some("short"), Some(long.trim_end()), None, Some(""), Some("becomes inline")];
        assert_eq!(result.iter().collect::<Vec<_>>(), expected);
        let source = input.array().as_string_view();
        assert_eq!(result.data_buffers()[0].as_ptr(), source.data_buffers()[0].as_ptr());
        assert!(result.to_data().validate_full().is_ok());
    }

    #[test]
    fn a_sliced_argument_is_read_at_its_offset() {
        let array: ArrayRef = Arc::new(StringViewArray::from(vec!["x ", "y   ", "z"]));
        let result = trim(&[Arg::column(array.slice(1, 2))], 2).unwrap();
        assert_eq!(result.as_string_view().iter().flatten().collect::<Vec<_>>(), ["y", "z"]);
    }

    #[test]
    fn only_blanks_are_trimmed() {
        let result = trim(&[strings(&[Some("tab\t \u{a0} ")])], 1).unwrap();
        assert_eq!(result.as_string_view().value(0), "tab\t \u{a0}");
    }

    #[test]
    fn substring_counts_characters_from_one() {
        assert_eq!(sub("héllo wörld, long enough", 2, 4).unwrap(), "éllo");
        assert_eq!(sub("héllo wörld, long enough", 7, 18).unwrap(), "wörld, long enough");
        assert_eq!(sub("abc", -1, 3).unwrap(), "a");
        assert_eq!(sub("abc", 0, 1).unwrap(), "");
        assert_eq!(sub("abc", 4, 1).unwrap(), "");
        assert_eq!(sub("abc", 2, i32::MAX).unwrap(), "bc");
        assert_eq!(sub("abc", i32::MIN, i32::MAX).unwrap(), "");
        assert_eq!(sub("", 1, 5).unwrap(), "");
    }

    #[test]
    fn a_negative_length_is_an_error_but_not_in_null_rows() {
        let error = sub("abc", 1, -1).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22011");
        let [one, minus] = [1, -1].map(|v| Arg::scalar(Arc::new(Int32Array::from(vec![v]))));
        let result = substring(&[strings(&[None]), one, minus], 1).unwrap();
        assert!(result.is_null(0));
    }
}
