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

/// The first argument, of a function that has no other.
///
/// # Errors
///
/// If there is none, which is a defect.
pub(crate) fn first(args: &[Arg]) -> Result<&Arg, PgError> {
    args.first().ok_or_else(|| PgError::internal("no argument"))
}

/// The two arguments of a binary function.
pub(crate) fn two(args: &[Arg]) -> Result<(&Arg, &Arg), PgError> {
    match args {
        [left, right] => Ok((left, right)),
        _ => Err(PgError::internal(format!("{} arguments instead of two", args.len()))),
    }
}
