//! Functions that look for one string in another. A constant string is prepared
//! once per batch.

use crate::expr::kernel::varlen::{Bytes, Numbers, arguments, bytes, numbers, parts};
use crate::expr::kernel::{Arg, Kernel, plain};
use arrow::array::ArrayRef;
use arrow::datatypes::Int32Type;
use fusion_plan::{DataType, PgError, TextFunction};
use fusion_scalar::text::bytes as bytea;
use fusion_scalar::text::search::Needle;
use std::sync::Arc;

/// The function `function` over arguments of types `args`.
pub(super) fn kernel(function: TextFunction, args: &[DataType]) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use TextFunction as F;
    Some(match (function, args) {
        (F::Position, [T::Text, T::Text]) => plain("position", position),
        (F::Position, [T::Bytea, T::Bytea]) => plain("position", bytea_position),
        (F::Replace, [T::Text, T::Text, T::Text]) => plain("replace", replace),
        (F::SplitPart, [T::Text, T::Text, T::Int4]) => plain("split_part", split_part),
        _ => return None,
    })
}

/// What is looked for in each row.
struct Needles<'a> {
    texts: Bytes<'a>,
    constant: Option<Needle<'a>>,
}

impl<'a> Needles<'a> {
    fn new(arg: &'a Arg) -> Result<Self, PgError> {
        let texts = Bytes::new(arg)?;
        let constant = texts.constant().map(Needle::new);
        Ok(Self { texts, constant })
    }

    /// What `search` finds with the string of `row`.
    fn with<R>(&self, row: usize, search: impl FnOnce(&Needle<'_>) -> R) -> R {
        match &self.constant {
            Some(needle) => search(needle),
            None => search(&Needle::new(self.texts.get(row))),
        }
    }
}

/// `textpos`.
fn position(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, needle] = arguments(args)?;
    let (text, needles) = (Bytes::new(text)?, Needles::new(needle)?);
    numbers::<Int32Type>(args, rows, |row| {
        needles.with(row, |needle| needle.position(text.get(row)))
    })
}

/// `byteapos`.
fn bytea_position(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [value, needle] = arguments(args)?;
    let (value, needle) = (Bytes::new(value)?, Bytes::new(needle)?);
    numbers::<Int32Type>(args, rows, |row| Ok(bytea::position(value.get(row), needle.get(row))))
}

/// `replace_text`.
fn replace(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, needle, with] = arguments(args)?;
    let (text, needles, with) = (Bytes::new(text)?, Needles::new(needle)?, Bytes::new(with)?);
    bytes(args, rows, |row, out| {
        needles.with(row, |needle| needle.replace(text.get(row), with.get(row), out))
    })
}

/// `split_part`.
fn split_part(args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
    let [text, separator, number] = arguments(args)?;
    let (separators, number) = (Needles::new(separator)?, Numbers::<Int32Type>::new(number)?);
    parts(text, args, rows, |row, value| {
        separators.with(row, |separator| separator.split_part(value, number.get(row)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{AsArray, Int32Array, StringViewArray};

    fn strings(values: &[&str]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()).to_binary_view())
    }

    #[test]
    fn constant_and_varying_needles() {
        let text = Arg::column(strings(&["a-b-c", "a+b+c"]));
        let constant = Arg::scalar(strings(&["-"]));
        let varying = Arg::column(strings(&["-", "+"]));
        let number = Arg::scalar(Arc::new(Int32Array::from(vec![-1])));
        let types = [DataType::Text, DataType::Text, DataType::Int4];
        for (needle, second) in [(constant, ("a+b+c", 0)), (varying, ("c", 2))] {
            let args = [text.clone(), needle, number.clone()];
            let part = kernel(TextFunction::SplitPart, &types).unwrap().call(&args, 2).unwrap();
            let part = part.as_text().iter().flatten().collect::<Vec<_>>().join("|");
            assert_eq!(part, format!("c|{}", second.0));
            let kernel = kernel(TextFunction::Position, &types[..2]).unwrap();
            let position = kernel.call(&args[..2], 2).unwrap();
            assert_eq!(position.as_primitive::<Int32Type>().values(), &[2, second.1]);
        }
    }
}
