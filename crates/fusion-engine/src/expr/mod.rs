//! Scalar expressions with PostgreSQL's exact semantics.
//!
//! A [`Call`] evaluates its arguments for a batch and hands them to a
//! [`Kernel`], one per function and argument types. Kernels are strict, work on
//! whole columns, and never look at rows that are NULL. The lazy operators (AND,
//! OR, CASE, COALESCE, row comparisons) are expressions of their own, because they
//! decide which rows an argument sees at all, and so are those that NULLs do not
//! make NULL (IS DISTINCT FROM, NULLIF, GREATEST, LEAST).

mod arg;
mod call;
mod case;
mod cast;
mod coalesce;
mod compare;
mod convert;
mod datetime;
mod decimal;
mod decimal_compare;
mod distinct;
mod float;
mod integer;
mod interrupt;
mod junction;
mod kernel;
mod key;
mod lazy;
mod min_max;
mod null_if;
mod numeric;
mod row_compare;
mod rows;
mod test;
mod text;
mod varlen;

use std::fmt;

pub(crate) use arg::Arg;
pub(crate) use call::Call;
pub(crate) use case::Case;
pub(crate) use coalesce::Coalesce;
pub(crate) use decimal::{Unscaled, is_128, scale, widen};
pub(crate) use distinct::Distinct;
pub(crate) use float::{Float, checked};
pub(crate) use interrupt::Interruptible;
pub(crate) use junction::{Junction, JunctionKind};
pub(crate) use kernel::{Kernel, kernel_for};
pub(crate) use key::{Key, KeyForm, key_form, keys, order_keys};
pub(crate) use min_max::MinMax;
pub(crate) use null_if::NullIf;
pub(crate) use row_compare::RowCompare;
pub(crate) use test::Test;

/// Writes `items` with commas between them, as expressions show their arguments.
fn write_list(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        let comma = if index > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    Ok(())
}
