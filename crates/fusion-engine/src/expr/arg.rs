//! Function arguments: a column, or one value for all rows.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Datum, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::error::ArrowError;
use datafusion_common::Result;
use datafusion_expr::ColumnarValue;
use fusion_plan::PgError;

/// One argument of a kernel.
#[derive(Clone, Debug)]
pub(crate) struct Arg {
    array: ArrayRef,
    scalar: bool,
}

impl Arg {
    /// A column.
    pub(crate) fn column(array: ArrayRef) -> Self {
        Self { array, scalar: false }
    }

    /// The value for all rows that is the only one in `array`.
    pub(crate) fn scalar(array: ArrayRef) -> Self {
        Self { array, scalar: true }
    }

    /// What an argument expression evaluated to.
    pub(crate) fn from_value(value: ColumnarValue) -> Result<Self> {
        Ok(match value {
            ColumnarValue::Array(array) => Self::column(array),
            ColumnarValue::Scalar(value) => Self::scalar(value.to_array()?),
        })
    }

    /// The values: one per row, or the only one.
    pub(crate) fn array(&self) -> &ArrayRef {
        &self.array
    }

    /// Whether one value stands for all rows.
    pub(crate) fn is_scalar(&self) -> bool {
        self.scalar
    }

    /// Whether the argument is NULL in all rows because it is a NULL constant.
    pub(crate) fn is_null_scalar(&self) -> bool {
        self.scalar && self.array.is_null(0)
    }

    /// The values as a primitive array of type `T`.
    pub(crate) fn primitive<T: ArrowPrimitiveType>(&self) -> Result<&PrimitiveArray<T>, PgError> {
        self.array
            .as_primitive_opt::<T>()
            .ok_or_else(|| PgError::internal(format!("unexpected {}", self.array.data_type())))
    }

    /// The position in [`Arg::array`] of the value for `row`.
    pub(crate) fn index(&self, row: usize) -> usize {
        if self.scalar { 0 } else { row }
    }
}

impl Datum for Arg {
    fn get(&self) -> (&dyn Array, bool) {
        (self.array.as_ref(), self.scalar)
    }
}

/// The rows in which no argument is NULL; `None` if that is all of them.
/// Constants are not NULL here.
pub(crate) fn valid_rows(args: &[Arg]) -> Option<NullBuffer> {
    args.iter()
        .filter(|arg| !arg.scalar)
        .fold(None, |all, arg| NullBuffer::union(all.as_ref(), arg.array.nulls()))
}

/// For kernels whose only way to fail is a defect of ours.
pub(crate) fn defect(error: ArrowError) -> PgError {
    PgError::internal(error.to_string())
}

/// Kernels over fixed-width values.
pub(crate) mod primitive {
    use super::*;
    use arrow::datatypes::DataType;
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
        let values =
            map2(left.primitive::<A>()?, left.scalar, right.primitive::<B>()?, right.scalar, op);
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
        let values = map2(a, left.scalar, b, right.scalar, |a, b| {
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

    /// The two arguments of a binary function.
    pub(crate) fn two(args: &[Arg]) -> Result<(&Arg, &Arg), PgError> {
        match args {
            [left, right] => Ok((left, right)),
            _ => Err(PgError::internal(format!("{} arguments instead of two", args.len()))),
        }
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
}
