//! From a function and its types to the code that computes it.

use super::{Arg, cast, compare, convert, datetime, decimal, float, integer, numeric, text};
use arrow::array::ArrayRef;
use fusion_plan::{DataType, Function, PgError, SqlState};
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

/// The error for a function that has no kernel for these types.
pub(crate) fn unsupported(function: Function, args: &[DataType]) -> PgError {
    let args = args.iter().map(DataType::to_string).collect::<Vec<_>>().join(", ");
    let message = format!("pg_fusion engine does not support {function:?}({args})");
    PgError::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

/// The kernel of `function` for arguments of types `args`.
///
/// # Errors
///
/// If there is none.
pub(crate) fn kernel_for(
    function: Function,
    args: &[DataType],
    result: DataType,
) -> Result<Arc<dyn Kernel>, PgError> {
    use DataType as T;
    use Function as F;
    let kernel = match (function, args) {
        (F::Eq | F::Ne | F::Lt | F::Le | F::Gt | F::Ge, [left, right]) => {
            compare::kernel(function, *left, *right)
        }
        (F::Add | F::Sub | F::Mul | F::Div | F::Mod, [left, right])
            if left == right && *left == result && left.is_integer() =>
        {
            integer::binary(function, result)
        }
        (F::Add | F::Sub | F::Mul | F::Div, [left, right])
            if left == right && *left == result && left.is_float() =>
        {
            float::binary(function, result)
        }
        (F::Add | F::Sub | F::Mul, [left @ T::Decimal { .. }, right @ T::Decimal { .. }]) => {
            decimal::binary(function, *left, *right, result)
        }
        (F::Neg | F::Abs, [arg]) if *arg == result && arg.is_integer() => {
            integer::unary(function, result)
        }
        (F::Neg | F::Abs, [arg]) if *arg == result && arg.is_float() => {
            float::unary(function, result)
        }
        (F::Neg | F::Abs, [arg @ T::Decimal { .. }]) => decimal::unary(function, *arg, result),
        (F::WidenInteger, [arg]) => convert::widen_integer(*arg, result),
        (F::ToFloat, [arg]) => convert::to_float(*arg, result),
        (F::WidenDecimal, [arg]) => convert::widen_decimal(*arg, result),
        (F::BpcharTrim, [T::Bpchar]) => Some(FnKernel::boxed("bpchar_trim", text::trim_blanks)),
        (F::Like | F::NotLike, _) => text::matching(args, function == F::NotLike),
        (F::Numeric(function), _) => numeric::kernel(function, args, result),
        (F::Datetime(function), _) => datetime::kernel(function, args, result),
        (F::Text(function), _) => text::kernel(function, args),
        (F::Float(function), [T::Float8]) => Some(float::of(function)),
        (F::Cast(function), _) => cast::kernel(function, args, result),
        _ => None,
    };
    kernel.ok_or_else(|| unsupported(function, args))
}
