//! Scalar expressions with PostgreSQL's exact semantics.
//!
//! A [`Call`] evaluates its arguments for a batch and hands them to a
//! [`Kernel`], one per function and argument types. Kernels are strict, work on
//! whole columns, and never look at rows that are NULL. The lazy operators (AND,
//! OR, CASE, COALESCE) are expressions of their own, because they decide which
//! rows an argument sees at all.

mod arg;
mod call;
mod case;
mod cast;
mod coalesce;
mod compare;
mod convert;
mod date;
mod decimal;
mod decimal_compare;
mod float;
mod integer;
mod junction;
mod kernel;
mod lazy;
mod numeric;
mod test;
mod text;
mod varlen;

pub(crate) use arg::Arg;
pub(crate) use call::Call;
pub(crate) use case::Case;
pub(crate) use coalesce::Coalesce;
pub(crate) use decimal::{Unscaled, is_128, scale, widen};
pub(crate) use float::{Float, checked};
pub(crate) use junction::{Junction, JunctionKind};
pub(crate) use kernel::{Kernel, kernel_for};
pub(crate) use test::Test;
