//! Kernels over fixed-width values.

use super::arg::{Arg, two, valid_rows};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use fusion_plan::PgError;
use std::sync::Arc;

/// Applies `op` to every row.
pub(crate) fn unary<A, O>(
    arg: &Arg,
    ty: &DataType,
    op: impl Fn(A::Native) -> O::Native,
) -> Result<ArrayRef, PgError>
where
    A: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let input = arg.primitive::<A>()?;
    let values = input.values().iter().map(|value| op(*value)).collect::<Vec<_>>();
    Ok(finish::<O>(values, input.nulls().cloned(), ty))
}

/// Applies `op`, whose second result says that the row is in error. Errors
/// of NULL rows do not count; `error` words the first one that does.
pub(crate) fn try_unary<A, O>(
    arg: &Arg,
    ty: &DataType,
    op: impl Fn(A::Native) -> (O::Native, bool),
    error: impl Fn(A::Native) -> PgError,
) -> Result<ArrayRef, PgError>
where
    A: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let input = arg.primitive::<A>()?;
    let mut suspicious = false;
    let values = input
        .values()
        .iter()
        .map(|value| {
            let (value, bad) = op(*value);
            suspicious |= bad;
            value
        })
        .collect::<Vec<_>>();
    if suspicious && let Some(value) = input.iter().flatten().find(|value| op(*value).1) {
        return Err(error(value));
    }
    Ok(finish::<O>(values, input.nulls().cloned(), ty))
}

/// Applies `op` to every row of two arguments.
pub(crate) fn binary<A, B, O>(
    args: &[Arg],
    ty: &DataType,
    op: impl Fn(A::Native, B::Native) -> O::Native,
) -> Result<ArrayRef, PgError>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let (left, right) = two(args)?;
    let values = map2(
        left.primitive::<A>()?,
        left.is_scalar(),
        right.primitive::<B>()?,
        right.is_scalar(),
        op,
    );
    Ok(finish::<O>(values, valid_rows(args), ty))
}

/// [`try_unary`] for two arguments.
///
/// All rows are computed first, in a loop without branches; only if some
/// row looks wrong are the rows visited again to see whether it counts.
pub(crate) fn try_binary<A, B, O>(
    args: &[Arg],
    ty: &DataType,
    op: impl Fn(A::Native, B::Native) -> (O::Native, bool),
    error: impl Fn(A::Native, B::Native) -> PgError,
) -> Result<ArrayRef, PgError>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let (left, right) = two(args)?;
    let (a, b) = (left.primitive::<A>()?, right.primitive::<B>()?);
    let suspicious = std::cell::Cell::new(false);
    let values = map2(a, left.is_scalar(), b, right.is_scalar(), |a, b| {
        let (value, bad) = op(a, b);
        suspicious.set(suspicious.get() | bad);
        value
    });
    let valid = valid_rows(args);
    if suspicious.get() {
        for row in 0..values.len() {
            let (a, b) = (a.value(left.index(row)), b.value(right.index(row)));
            if valid.as_ref().is_none_or(|valid| valid.is_valid(row)) && op(a, b).1 {
                return Err(error(a, b));
            }
        }
    }
    Ok(finish::<O>(values, valid, ty))
}

fn map2<A, B, V>(
    a: &PrimitiveArray<A>,
    a_scalar: bool,
    b: &PrimitiveArray<B>,
    b_scalar: bool,
    op: impl Fn(A::Native, B::Native) -> V,
) -> Vec<V>
where
    A: ArrowPrimitiveType,
    B: ArrowPrimitiveType,
{
    match (a_scalar, b_scalar) {
        (true, false) => {
            let a = a.value(0);
            b.values().iter().map(|b| op(a, *b)).collect()
        }
        (false, true) => {
            let b = b.value(0);
            a.values().iter().map(|a| op(*a, b)).collect()
        }
        _ => a.values().iter().zip(b.values()).map(|(a, b)| op(*a, *b)).collect(),
    }
}

fn finish<O: ArrowPrimitiveType>(
    values: Vec<O::Native>,
    valid: Option<NullBuffer>,
    ty: &DataType,
) -> ArrayRef {
    let array = PrimitiveArray::<O>::new(values.into(), valid);
    Arc::new(array.with_data_type(ty.clone()))
}
