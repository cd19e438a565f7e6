//! From a function and its types to the kernel that computes it. It knows all kernels, and
//! none of them knows it.

use super::arithmetic::{decimal, decimal_rounding, float, integer, numeric as variable_scale};
use super::convert::{cast, numeric as numeric_cast, typmod, widen};
use super::kernel::{FnKernel, Kernel};
use super::value::numeric::is_number;
use super::{compare, datetime, text};
use fusion_plan::{DataType, Function, NumericFunction, PgError, SqlState};
use std::sync::Arc;

/// The error for a function that has no kernel for these types.
fn unsupported(function: Function, args: &[DataType]) -> PgError {
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
        (F::WidenInteger, [arg]) => widen::widen_integer(*arg, result),
        (F::ToFloat, [arg]) => widen::to_float(*arg, result),
        (F::WidenDecimal, [arg]) => widen::widen_decimal(*arg, result),
        (F::BpcharTrim, [T::Bpchar]) => Some(FnKernel::boxed("bpchar_trim", text::trim_blanks)),
        (F::Like | F::NotLike, _) => text::matching(args, function == F::NotLike),
        (F::Numeric(function), _) => numeric(function, args, result),
        (F::Datetime(function), _) => datetime::kernel(function, args, result),
        (F::Text(function), _) => text::kernel(function, args),
        (F::Float(function), [T::Float8]) => Some(float::of(function)),
        (F::Cast(function), _) => cast::kernel(function, args, result),
        _ => None,
    };
    kernel.ok_or_else(|| unsupported(function, args))
}

/// The kernel of the numeric function `function`: for decimals of fixed scale, where all
/// are, else for `numeric` of variable scale.
pub(super) fn numeric(
    function: NumericFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    use NumericFunction as N;
    match (function, args) {
        (N::WithTypmod { precision, scale }, [arg]) if is_number(*arg) => {
            return typmod::kernel(precision, scale, *arg, result);
        }
        (_, [T::Decimal { .. }, ..]) if matches!(result, T::Decimal { .. }) => {
            return decimal_rounding::kernel(function, args, result);
        }
        (N::FromFloat, [arg]) => return numeric_cast::from_float(*arg, result),
        (N::FromText, [T::Text]) if result == T::Numeric => {
            return Some(FnKernel::boxed("text to numeric", numeric_cast::from_text));
        }
        _ => {}
    }
    let numbers = match (function, args) {
        (N::Round | N::Trunc, [arg, T::Int4]) => std::slice::from_ref(arg),
        _ => args,
    };
    if !numbers.iter().all(|arg| is_number(*arg)) {
        return None;
    }
    match (function, numbers) {
        (N::ToInteger, [arg]) => return numeric_cast::to_integer(*arg, result),
        (N::ToFloat, [arg]) => return numeric_cast::to_float(*arg, result),
        (N::ToText, [arg]) if result == T::Text => return Some(numeric_cast::to_text(*arg)),
        (N::Scale | N::MinScale, [arg]) if result == T::Int4 => {
            return variable_scale::property(function, *arg);
        }
        _ if result != T::Numeric => return None,
        _ => {}
    }
    variable_scale::kernel(function, numbers)
}
