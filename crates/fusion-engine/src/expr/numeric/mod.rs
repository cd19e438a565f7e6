//! `numeric` functions: in the exact lane, on PostgreSQL's own bytes, with any
//! mixture of bytes, decimals and integers as arguments; and in the fast lane,
//! from decimals to decimals.

mod cast;
mod compare;
mod exact;
mod fast;
mod operand;
mod typmod;

pub(super) use compare::kernel as comparison;

use super::Kernel;
use super::kernel::FnKernel;
use fusion_plan::{DataType, NumericFunction};
use fusion_scalar::numeric;
use operand::is_number;
use std::sync::Arc;

/// The numeric function `function` over arguments of types `args`.
pub(crate) fn kernel(
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
            return fast::kernel(function, args, result);
        }
        (N::FromFloat, [arg]) => return cast::from_float(*arg, result),
        (N::FromText, [T::Text]) if result == T::Numeric => {
            return Some(FnKernel::boxed("text to numeric", cast::from_text));
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
        (N::ToInteger, [arg]) => return cast::to_integer(*arg, result),
        (N::ToFloat, [arg]) => return cast::to_float(*arg, result),
        (N::ToText, [arg]) if result == T::Text => return Some(cast::to_text(*arg)),
        (N::Scale, [arg]) if result == T::Int4 => {
            return Some(exact::property("scale", numeric::scale, *arg));
        }
        (N::MinScale, [arg]) if result == T::Int4 => {
            return Some(exact::property("min_scale", numeric::min_scale, *arg));
        }
        _ if result != T::Numeric => return None,
        _ => {}
    }
    Some(match (function, numbers) {
        (N::ToNumeric, [arg]) => exact::unary("to numeric", |value, out| value.write(out), *arg),
        (N::Add, [a, b]) => exact::binary("numeric +", numeric::add, *a, *b),
        (N::Sub, [a, b]) => exact::binary("numeric -", numeric::subtract, *a, *b),
        (N::Mul, [a, b]) => exact::binary("numeric *", numeric::multiply, *a, *b),
        (N::Div, [a, b]) => exact::binary("numeric /", numeric::divide, *a, *b),
        (N::Mod, [a, b]) => exact::binary("numeric %", numeric::modulo, *a, *b),
        (N::DivTrunc, [a, b]) => exact::binary("div", numeric::divide_truncating, *a, *b),
        (N::Neg, [arg]) => exact::unary("numeric -", numeric::negate, *arg),
        (N::Abs, [arg]) => exact::unary("abs", numeric::abs, *arg),
        (N::Sign, [arg]) => exact::unary("sign", numeric::sign, *arg),
        (N::Ceil, [arg]) => exact::unary("ceil", numeric::ceil, *arg),
        (N::Floor, [arg]) => exact::unary("floor", numeric::floor, *arg),
        (N::TrimScale, [arg]) => exact::unary("trim_scale", numeric::trim_scale, *arg),
        (N::Round, [arg]) => exact::to_places("round", numeric::round, *arg),
        (N::Trunc, [arg]) => exact::to_places("trunc", numeric::trunc, *arg),
        _ => return None,
    })
}
