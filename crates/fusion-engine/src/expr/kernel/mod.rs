//! Row kernels: what computes a function over columns, and the ways to make one.
//!
//! A kernel is strict and never looks at rows in which an argument is NULL: an error that
//! such a row would raise is none. It is made of a function over the values of one row:
//!
//! | module | results and arguments |
//! |---|---|
//! | [`primitive`] | of fixed width, in loops without branches |
//! | [`rows`] | of the types that have an [`Input`](rows::Input) or [`Output`](rows::Output) |
//! | [`varlen`] | of which some are strings or bytes |
//!
//! Nothing here knows which functions there are.

mod arg;
pub(crate) mod primitive;
pub(crate) mod rows;
pub(crate) mod varlen;

pub(crate) use arg::{Arg, defect, first, two, valid_rows};

use arrow::array::ArrayRef;
use fusion_plan::PgError;
use std::fmt;
use std::sync::Arc;

/// Computes a function for all rows of a batch.
pub(crate) trait Kernel: fmt::Debug + Send + Sync {
    /// The result, one value per row. No argument is a NULL constant, at least
    /// one is a column, and columns have `rows` values.
    ///
    /// # Errors
    ///
    /// PostgreSQL's error for the first row that has one.
    fn call(&self, args: &[Arg], rows: usize) -> Result<ArrayRef, PgError>;
}

/// Any function of the right shape is a kernel; `name` is for debugging.
pub(crate) struct FnKernel<F> {
    name: &'static str,
    call: F,
}

impl<F> FnKernel<F>
where
    F: Fn(&[Arg], usize) -> Result<ArrayRef, PgError> + Send + Sync + 'static,
{
    /// `call` as a kernel.
    pub(crate) fn boxed(name: &'static str, call: F) -> Arc<dyn Kernel> {
        Arc::new(Self { name, call })
    }
}

impl<F> fmt::Debug for FnKernel<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<F> Kernel for FnKernel<F>
where
    F: Fn(&[Arg], usize) -> Result<ArrayRef, PgError> + Send + Sync,
{
    fn call(&self, args: &[Arg], rows: usize) -> Result<ArrayRef, PgError> {
        (self.call)(args, rows)
    }
}

/// A kernel of a plain function.
pub(crate) fn plain(
    name: &'static str,
    call: fn(&[Arg], usize) -> Result<ArrayRef, PgError>,
) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, call)
}
