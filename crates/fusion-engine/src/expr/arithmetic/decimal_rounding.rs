//! Quotients, signs and rounding of `numeric` of fixed scale: from 128-bit decimals to
//! 128-bit decimals. The plan has made sure that every result fits.

use crate::expr::kernel::primitive::{try_binary, unary};
use crate::expr::kernel::{Arg, FnKernel, Kernel, first, two};
use crate::expr::value::decimal::{Unscaled, is_128, scale};
use arrow::datatypes::{Decimal128Type, Int32Type};
use fusion_plan::{DataType, NumericFunction, PgError};
use fusion_scalar::numeric::{Decimal, Rounding};
use std::sync::Arc;

/// The function `function` over decimals of types `args`.
pub(crate) fn kernel(
    function: NumericFunction,
    args: &[DataType],
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    use NumericFunction as N;
    if !is_128(result) {
        return None;
    }
    let result_scale = i32::from(scale(result)?);
    let ty = result.arrow();
    match (function, args) {
        (N::Mod | N::DivTrunc, [left, right]) if is_128(*left) && is_128(*right) => {
            let (left, right) = (i32::from(scale(*left)?), i32::from(scale(*right)?));
            let common = left.max(right);
            let modulo = function == N::Mod;
            if result_scale != if modulo { common } else { 0 } {
                return None;
            }
            Some(FnKernel::boxed("decimal quotient", move |args: &[Arg], _| {
                try_binary::<Decimal128Type, Decimal128Type, Decimal128Type>(
                    args,
                    &ty,
                    |a, b| {
                        if a.is_nan() || b.is_nan() {
                            return (i128::NAN, false);
                        }
                        let (a, b) = (Decimal::new(a, left), Decimal::new(b, right));
                        match (a.rescaled(common), b.rescaled(common)) {
                            (Some(a), Some(b)) if b != 0 && modulo => (a % b, false),
                            (Some(a), Some(b)) if b != 0 => (a / b, false),
                            _ => (0, true),
                        }
                    },
                    |_, b| match b {
                        0 => PgError::division_by_zero(),
                        _ => too_small(),
                    },
                )
            }))
        }
        (N::Sign, [arg]) if is_128(*arg) && result_scale == 0 => {
            Some(FnKernel::boxed("decimal sign", move |args: &[Arg], _| {
                unary::<Decimal128Type, Decimal128Type>(first(args)?, &ty, |value| {
                    if value.is_nan() { value } else { value.signum() }
                })
            }))
        }
        (N::Ceil | N::Floor, [arg]) if is_128(*arg) && result_scale == 0 => {
            let own = i32::from(scale(*arg)?);
            let ceil = function == N::Ceil;
            Some(FnKernel::boxed("decimal rounding", move |args: &[Arg], _| {
                unary::<Decimal128Type, Decimal128Type>(first(args)?, &ty, |value| {
                    let away = if ceil { value > 0 } else { value < 0 };
                    let rounding = if away { Rounding::Away } else { Rounding::Down };
                    cut(value, own, 0, rounding)
                })
            }))
        }
        (N::Round | N::Trunc, [arg, DataType::Int4]) if is_128(*arg) => {
            let own = i32::from(scale(*arg)?);
            let rounding = if function == N::Round { Rounding::HalfAway } else { Rounding::Down };
            Some(FnKernel::boxed("decimal rounding", move |args: &[Arg], _| {
                let (value, places) = two(args)?;
                let places = places.primitive::<Int32Type>()?.value(0);
                if places.max(0) != result_scale {
                    return Err(PgError::internal("rounding to another scale than planned"));
                }
                unary::<Decimal128Type, Decimal128Type>(value, &ty, |value| {
                    cut(value, own, places, rounding)
                })
            }))
        }
        _ => None,
    }
}

/// `value / 10^own` cut to `places`, in units of at most one. The plan has made
/// sure that it fits; NULL rows hold anything, and give anything.
fn cut(value: i128, own: i32, places: i32, rounding: Rounding) -> i128 {
    if value.is_nan() {
        return value;
    }
    Decimal::new(value, own)
        .cut(places, rounding)
        .and_then(|cut| match places {
            0.. => Some(cut),
            _ => Decimal::new(cut, 0).rescaled(-places),
        })
        .unwrap_or_default()
}

fn too_small() -> PgError {
    PgError::internal("a decimal is too large for its planned type")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, Int32Array, PrimitiveArray};
    use fusion_plan::DECIMAL128_NAN;

    const NAN: i128 = DECIMAL128_NAN;

    fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    fn column(ty: DataType, values: &[Option<i128>]) -> Arg {
        let array = PrimitiveArray::<Decimal128Type>::from_iter(values.iter().copied());
        Arg::column(Arc::new(array.with_data_type(ty.arrow())))
    }

    fn values(array: &ArrayRef) -> Vec<Option<i128>> {
        array.as_primitive::<Decimal128Type>().iter().collect()
    }

    #[test]
    fn quotients_are_brought_to_one_scale() {
        let (left, right) = (decimal(9, 2), decimal(9, 3));
        let a = column(left, &[Some(550), Some(-550), Some(NAN), None, Some(1)]);
        let b = column(right, &[Some(2_000), Some(2_000), Some(0), Some(0), Some(7_000)]);
        let call = |function, result| {
            let kernel = kernel(function, &[left, right], result).unwrap();
            values(&kernel.call(&[a.clone(), b.clone()], 5).unwrap())
        };
        let rest = call(NumericFunction::Mod, decimal(10, 3));
        assert_eq!(rest, [Some(1_500), Some(-1_500), Some(NAN), None, Some(10)]);
        let whole = call(NumericFunction::DivTrunc, decimal(10, 0));
        assert_eq!(whole, [Some(2), Some(-2), Some(NAN), None, Some(0)]);
        let zero = column(right, &[Some(0)]);
        for (function, result) in
            [(NumericFunction::Mod, decimal(10, 3)), (NumericFunction::DivTrunc, decimal(10, 0))]
        {
            let kernel = kernel(function, &[left, right], result).unwrap();
            let error = kernel.call(&[column(left, &[Some(1)]), zero.clone()], 1).unwrap_err();
            assert_eq!(error, PgError::division_by_zero());
        }
    }

    #[test]
    fn rounding_keeps_the_planned_scale() {
        let ty = decimal(9, 3);
        let arg = column(ty, &[Some(15_555), Some(-15_555), None, Some(NAN), Some(0)]);
        let call = |function, args: &[Arg], result| {
            let types = if args.len() == 2 { vec![ty, DataType::Int4] } else { vec![ty] };
            values(&kernel(function, &types, result).unwrap().call(args, 5).unwrap())
        };
        let to = |function, places, result| {
            let places = Arg::scalar(Arc::new(Int32Array::from(vec![places])));
            call(function, &[arg.clone(), places], result)
        };
        let (round, trunc) = (NumericFunction::Round, NumericFunction::Trunc);
        assert_eq!(
            to(round, 2, decimal(9, 2)),
            [Some(1_556), Some(-1_556), None, Some(NAN), Some(0)]
        );
        assert_eq!(to(trunc, 2, decimal(8, 2))[..2], [Some(1_555), Some(-1_555)]);
        assert_eq!(to(round, -1, decimal(7, 0))[..2], [Some(20), Some(-20)]);
        assert_eq!(to(round, 4, decimal(10, 4))[..2], [Some(155_550), Some(-155_550)]);
        let whole = decimal(7, 0);
        let one = std::slice::from_ref(&arg);
        assert_eq!(call(NumericFunction::Ceil, one, whole)[..2], [Some(16), Some(-15)]);
        assert_eq!(call(NumericFunction::Floor, one, whole)[..2], [Some(15), Some(-16)]);
        assert_eq!(
            call(NumericFunction::Sign, one, decimal(1, 0)),
            [Some(1), Some(-1), None, Some(NAN), Some(0)]
        );
    }
}
