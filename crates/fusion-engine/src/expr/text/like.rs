//! LIKE and ILIKE over text and bytes.

use crate::expr::kernel::varlen::{Bytes, arguments, flags};
use crate::expr::kernel::{Arg, FnKernel, Kernel};
use fusion_plan::{DataType, PgError};
use fusion_scalar::text::build::lower_c;
use fusion_scalar::text::like::{Pattern, Unit};
use std::sync::Arc;

/// `textlike` and `bytealike`, or NOT LIKE if `negated`. A constant pattern is
/// prepared once per batch.
pub(crate) fn matching(args: &[DataType], negated: bool) -> Option<Arc<dyn Kernel>> {
    match args {
        [DataType::Text, DataType::Text] => Some(matching_of(Unit::Character, negated)),
        [DataType::Bytea, DataType::Bytea] => Some(matching_of(Unit::Byte, negated)),
        _ => None,
    }
}

fn matching_of(unit: Unit, negated: bool) -> Arc<dyn Kernel> {
    FnKernel::boxed("like", move |args: &[Arg], rows| {
        let [text, pattern] = arguments(args)?;
        let (text, pattern) = (Bytes::new(text)?, Bytes::new(pattern)?);
        let constant = pattern.constant().map(|pattern| Pattern::new(pattern, unit));
        flags(args, rows, |row| {
            let value = text.get(row);
            let matched = match &constant {
                Some(pattern) => pattern.matches(value)?,
                None => Pattern::new(pattern.get(row), unit).matches(value)?,
            };
            Ok(matched != negated)
        })
    })
}

/// `texticlike`, or `texticnlike` if `negated`, under C and POSIX: LIKE on text and
/// pattern in lower case.
pub(super) fn folding(negated: bool) -> Arc<dyn Kernel> {
    FnKernel::boxed("ilike", move |args: &[Arg], rows| {
        let [text, pattern] = arguments(args)?;
        let (text, pattern) = (Bytes::new(text)?, Bytes::new(pattern)?);
        let (mut value, mut folded) = (Vec::new(), Vec::new());
        if let Some(pattern) = pattern.constant() {
            lower_c(pattern, &mut folded);
            let pattern = Pattern::new(&folded, Unit::Character);
            return flags(args, rows, |row| {
                value.clear();
                lower_c(text.get(row), &mut value);
                Ok::<_, PgError>(pattern.matches(&value)? != negated)
            });
        }
        flags(args, rows, |row| {
            value.clear();
            folded.clear();
            lower_c(text.get(row), &mut value);
            lower_c(pattern.get(row), &mut folded);
            let pattern = Pattern::new(&folded, Unit::Character);
            Ok(pattern.matches(&value)? != negated)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, BinaryViewArray, StringViewArray};

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()).to_binary_view())
    }

    fn call(kernel: Arc<dyn Kernel>, args: &[Arg], rows: usize) -> Vec<Option<bool>> {
        kernel.call(args, rows).unwrap().as_boolean().iter().collect()
    }

    #[test]
    fn constant_and_varying_patterns() {
        let text = Arg::column(strings(&[Some("abc"), None, Some("xbz")]));
        let like = |negated, pattern| {
            let kernel = matching(&[DataType::Text; 2], negated).unwrap();
            call(kernel, &[text.clone(), pattern], 3)
        };
        let constant = Arg::scalar(strings(&[Some("a%")]));
        assert_eq!(like(false, constant.clone()), [Some(true), None, Some(false)]);
        assert_eq!(like(true, constant), [Some(false), None, Some(true)]);
        let varying = Arg::column(strings(&[None, Some("\\"), Some("_b_")]));
        assert_eq!(like(false, varying), [None, None, Some(true)]);
    }

    #[test]
    fn bytes_match_byte_by_byte() {
        let bytes: ArrayRef = Arc::new(BinaryViewArray::from(vec![&b"\xc3\xa9"[..], b"\x00"]));
        let pattern: ArrayRef = Arc::new(BinaryViewArray::from(vec![&b"__"[..]]));
        let kernel = matching(&[DataType::Bytea; 2], false).unwrap();
        let matched = call(kernel, &[Arg::column(bytes), Arg::scalar(pattern)], 2);
        assert_eq!(matched, [Some(true), Some(false)]);
    }

    #[test]
    fn folding_knows_ascii_only() {
        let text = Arg::column(strings(&[Some("ABC"), Some("É"), None]));
        let constant = Arg::scalar(strings(&[Some("aB_")]));
        let matched = call(folding(false), &[text.clone(), constant], 3);
        assert_eq!(matched, [Some(true), Some(false), None]);
        let varying = Arg::column(strings(&[Some("%BC"), Some("é"), Some("%")]));
        assert_eq!(call(folding(true), &[text, varying], 3), [Some(false), Some(true), None]);
    }
}
