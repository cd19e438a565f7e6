//! `textlike` and `textnlike`.

use super::arg::primitive::two;
use super::arg::valid_rows;
use super::kernel::FnKernel;
use super::like_pattern::Pattern;
use super::{Arg, Kernel};
use arrow::array::{ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, StringViewArray};
use fusion_plan::PgError;
use std::sync::Arc;

/// `text LIKE pattern`, or `NOT LIKE` if `negated`. A constant pattern is
/// prepared once per batch.
pub(crate) fn matching(negated: bool) -> Arc<dyn Kernel> {
    FnKernel::boxed("like", move |args: &[Arg], rows| {
        let (text, pattern) = two(args)?;
        let (texts, patterns) = (strings(text)?, strings(pattern)?);
        let constant = pattern.is_scalar().then(|| Pattern::new(patterns.value(0)));
        let valid = valid_rows(args);
        let mut result = BooleanBufferBuilder::new(rows);
        for row in 0..rows {
            if valid.as_ref().is_some_and(|valid| valid.is_null(row)) {
                result.append(false);
                continue;
            }
            let value = texts.value(text.index(row)).as_bytes();
            let matched = match &constant {
                Some(pattern) => pattern.matches(value)?,
                None => Pattern::new(patterns.value(row)).matches(value)?,
            };
            result.append(matched != negated);
        }
        let array: ArrayRef = Arc::new(BooleanArray::new(result.finish(), valid));
        Ok(array)
    })
}

fn strings(arg: &Arg) -> Result<&StringViewArray, PgError> {
    arg.array()
        .as_string_view_opt()
        .ok_or_else(|| PgError::internal(format!("unexpected {}", arg.array().data_type())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()))
    }

    #[test]
    fn constant_and_varying_patterns() {
        let text = Arg::column(strings(&[Some("abc"), None, Some("xbz")]));
        let call = |negated, pattern| {
            let result = matching(negated).call(&[text.clone(), pattern], 3).unwrap();
            result.as_boolean().iter().collect::<Vec<_>>()
        };
        let constant = Arg::scalar(strings(&[Some("a%")]));
        assert_eq!(call(false, constant.clone()), [Some(true), None, Some(false)]);
        assert_eq!(call(true, constant), [Some(false), None, Some(true)]);
        let varying = Arg::column(strings(&[None, Some("\\"), Some("_b_")]));
        assert_eq!(call(false, varying), [None, None, Some(true)]);
    }
}
