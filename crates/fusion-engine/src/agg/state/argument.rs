//! The columns that an accumulator is given: its argument's values, or states to merge.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, BooleanArray,
    FixedSizeBinaryArray, PrimitiveArray,
};
use datafusion_common::{Result, internal_datafusion_err};

/// The first column.
pub(crate) fn first(columns: &[ArrayRef]) -> Result<&ArrayRef> {
    columns.first().ok_or_else(|| internal_datafusion_err!("an aggregate without an argument"))
}

/// The column number `index`, of fixed-width values.
pub(crate) fn typed<T: ArrowPrimitiveType>(
    columns: &[ArrayRef],
    index: usize,
) -> Result<&PrimitiveArray<T>> {
    of_type(columns.get(index).and_then(|column| column.as_primitive_opt::<T>()))
}

/// The first column, of bytes.
pub(crate) fn bytes(columns: &[ArrayRef]) -> Result<&BinaryViewArray> {
    of_type(first(columns)?.as_binary_view_opt())
}

/// The first column, of as many bytes each.
pub(crate) fn fixed(columns: &[ArrayRef]) -> Result<&FixedSizeBinaryArray> {
    of_type(first(columns)?.as_fixed_size_binary_opt())
}

fn of_type<A>(column: Option<A>) -> Result<A> {
    column.ok_or_else(|| internal_datafusion_err!("an aggregate's argument has the wrong type"))
}

/// Whether the value of `row` counts: it is not NULL, and the filter is true.
#[inline]
pub(crate) fn counts(values: &impl Array, filter: Option<&BooleanArray>, row: usize) -> bool {
    values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row))
}
