//! Decimal arithmetic: PostgreSQL's `numeric_add`, `numeric_sub` and
//! `numeric_mul` on unscaled integers.
//!
//! The plan gives every result a type wide enough for all values, so nothing
//! overflows. NaN is the largest integer of the width; each batch is first
//! scanned for it, and only a batch that has one pays for looking at each row.

use crate::expr::kernel::{Arg, FnKernel, Kernel, first, primitive, two};
use crate::expr::value::decimal::{Unscaled, is_128, scale, to_256};
use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{Decimal128Type, Decimal256Type, DecimalType, i256};
use fusion_plan::{DataType, Function, PgError};
use std::sync::Arc;

/// `numeric_add`, `numeric_sub`, `numeric_mul`.
pub(crate) fn binary(
    function: Function,
    left: DataType,
    right: DataType,
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    let (left_scale, right_scale, scale) = (scale(left)?, scale(right)?, scale(result)?);
    let narrow = is_128(left) && is_128(right);
    if function == Function::Mul {
        if scale != left_scale.checked_add(right_scale)? {
            return None;
        }
        return Some(match (narrow, is_128(result)) {
            (true, true) => kernel("decimal * (128)", result, |args, ty| {
                nan_aware::<Decimal128Type, Decimal128Type>(args, ty, Unscaled::mul)
            }),
            (true, false) => kernel("decimal * (128 to 256)", result, |args, ty| {
                nan_aware::<Decimal128Type, Decimal256Type>(args, ty, widening_mul)
            }),
            (false, false) => kernel("decimal * (256)", result, |args, ty| {
                nan_aware::<Decimal256Type, Decimal256Type>(&both_256(args)?, ty, Unscaled::mul)
            }),
            (false, true) => return None,
        });
    }
    let up = (scale.checked_sub(left_scale)?, scale.checked_sub(right_scale)?);
    Some(match (narrow, is_128(result)) {
        (true, true) => {
            let sum = Sum::<i128>::new(function, up)?;
            kernel("decimal + (128)", result, move |args, ty| sum.apply::<Decimal128Type>(args, ty))
        }
        (_, false) => {
            let sum = Sum::<i256>::new(function, up)?;
            kernel("decimal + (256)", result, move |args, ty| {
                sum.apply::<Decimal256Type>(&both_256(args)?, ty)
            })
        }
        (false, true) => return None,
    })
}

/// `numeric_uminus` and `numeric_abs`; NaN stays NaN.
pub(crate) fn unary(
    function: Function,
    arg: DataType,
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    if is_128(arg) != is_128(result) || scale(arg)? != scale(result)? {
        return None;
    }
    let abs = match function {
        Function::Neg => false,
        Function::Abs => true,
        _ => return None,
    };
    fn apply<T>(abs: bool) -> impl Fn(T::Native) -> T::Native
    where
        T: ArrowPrimitiveType<Native: Unscaled>,
    {
        move |value| {
            let zero = T::Native::default();
            if value.is_nan() || (abs && value >= zero) { value } else { zero.sub(value) }
        }
    }
    Some(kernel("decimal sign", result, move |args, ty| {
        let arg = first(args)?;
        match ty {
            arrow::datatypes::DataType::Decimal128(..) => primitive::unary::<
                Decimal128Type,
                Decimal128Type,
            >(
                arg, ty, apply::<Decimal128Type>(abs)
            ),
            _ => primitive::unary::<Decimal256Type, Decimal256Type>(
                arg,
                ty,
                apply::<Decimal256Type>(abs),
            ),
        }
    }))
}

fn kernel(
    name: &'static str,
    result: DataType,
    call: impl Fn(&[Arg], &arrow::datatypes::DataType) -> Result<ArrayRef, PgError>
    + Send
    + Sync
    + 'static,
) -> Arc<dyn Kernel> {
    let ty = result.arrow();
    FnKernel::boxed(name, move |args: &[Arg], _| call(args, &ty))
}

fn both_256(args: &[Arg]) -> Result<Vec<Arg>, PgError> {
    args.iter().map(to_256).collect()
}

/// An addition or subtraction of values brought to one scale first.
#[derive(Clone, Copy)]
struct Sum<N> {
    subtract: bool,
    left: N,
    right: N,
    same_scale: bool,
}

impl<N: Unscaled + Send + Sync + 'static> Sum<N> {
    fn new(function: Function, up: (u8, u8)) -> Option<Self> {
        let subtract = match function {
            Function::Add => false,
            Function::Sub => true,
            _ => return None,
        };
        Some(Self {
            subtract,
            left: N::power_of_ten(up.0.into())?,
            right: N::power_of_ten(up.1.into())?,
            same_scale: up == (0, 0),
        })
    }

    fn apply<T>(self, args: &[Arg], ty: &arrow::datatypes::DataType) -> Result<ArrayRef, PgError>
    where
        T: DecimalType + ArrowPrimitiveType<Native = N>,
    {
        let Self { left, right, .. } = self;
        match (self.subtract, self.same_scale) {
            (false, true) => nan_aware::<T, T>(args, ty, |a, b| a.add(b)),
            (true, true) => nan_aware::<T, T>(args, ty, |a, b| a.sub(b)),
            (false, false) => nan_aware::<T, T>(args, ty, |a, b| a.mul(left).add(b.mul(right))),
            (true, false) => nan_aware::<T, T>(args, ty, |a, b| a.mul(left).sub(b.mul(right))),
        }
    }
}

/// The exact product of two 128-bit values. Most factors are small enough that
/// one machine multiplication is all it takes.
fn widening_mul(left: i128, right: i128) -> i256 {
    if let (Ok(left), Ok(right)) = (i64::try_from(left), i64::try_from(right)) {
        return i256::from_i128(i128::from(left) * i128::from(right));
    }
    match left.checked_mul(right) {
        Some(product) => i256::from_i128(product),
        None => i256::from_i128(left).wrapping_mul(i256::from_i128(right)),
    }
}

/// Applies `op` to rows without NaN; all others are NaN.
fn nan_aware<A, O>(
    args: &[Arg],
    ty: &arrow::datatypes::DataType,
    op: impl Fn(A::Native, A::Native) -> O::Native,
) -> Result<ArrayRef, PgError>
where
    A: ArrowPrimitiveType<Native: Unscaled>,
    O: ArrowPrimitiveType<Native: Unscaled>,
{
    let (left, right) = two(args)?;
    if !has_nan::<A>(left)? && !has_nan::<A>(right)? {
        return primitive::binary::<A, A, O>(args, ty, op);
    }
    primitive::binary::<A, A, O>(args, ty, |a, b| {
        if a.is_nan() || b.is_nan() { O::Native::NAN } else { op(a, b) }
    })
}

fn has_nan<A>(arg: &Arg) -> Result<bool, PgError>
where
    A: ArrowPrimitiveType<Native: Unscaled>,
{
    let values = arg.primitive::<A>()?.values();
    Ok(values.iter().fold(false, |found, value| found | value.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::value::decimal::{DECIMAL256_NAN, widen};
    use arrow::array::{AsArray, PrimitiveArray};
    use fusion_plan::DECIMAL128_NAN;

    fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    fn column(ty: DataType, values: &[i128]) -> Arg {
        let array = PrimitiveArray::<Decimal128Type>::from_iter_values(values.iter().copied());
        let arg =
            Arg::column(Arc::new(array.with_data_type(decimal(38, scale(ty).unwrap()).arrow())));
        if is_128(ty) { arg } else { to_256(&arg).unwrap() }
    }

    fn apply(
        function: Function,
        (left, a): (DataType, i128),
        (right, b): (DataType, i128),
        result: DataType,
    ) -> i256 {
        let kernel = binary(function, left, right, result).unwrap();
        let array = kernel.call(&[column(left, &[a]), column(right, &[b])], 1).unwrap();
        assert_eq!(*array.data_type(), result.arrow());
        match is_128(result) {
            true => widen(array.as_primitive::<Decimal128Type>().value(0)),
            false => array.as_primitive::<Decimal256Type>().value(0),
        }
    }

    #[test]
    fn sums_are_brought_to_the_larger_scale() {
        let (a, b) = (decimal(10, 2), decimal(10, 4));
        for precision in [13, 50] {
            let result = decimal(precision, 4);
            assert_eq!(apply(Function::Add, (a, 150), (b, 25), result), i256::from_i128(15025));
            assert_eq!(apply(Function::Sub, (a, 150), (b, 25), result), i256::from_i128(14975));
        }
    }

    #[test]
    fn products_are_exact_at_every_width() {
        let (a, b) = (decimal(38, 2), decimal(38, 3));
        let big = 10_i128.pow(37);
        let exact = i256::from_i128(big).wrapping_mul(i256::from_i128(-big));
        assert_eq!(apply(Function::Mul, (a, big), (b, -big), decimal(76, 5)), exact);
        assert_eq!(
            apply(Function::Mul, (a, big), (b, 3), decimal(76, 5)),
            i256::from_i128(3 * big)
        );
        assert_eq!(
            apply(Function::Mul, (decimal(9, 2), -12345), (decimal(9, 3), 1000), decimal(18, 5)),
            i256::from_i128(-12_345_000)
        );
        assert_eq!(
            apply(Function::Mul, (decimal(50, 2), 7), (decimal(9, 3), 6), decimal(60, 5)),
            i256::from_i128(42)
        );
    }

    #[test]
    fn nan_spreads_and_widens() {
        let nan = DECIMAL128_NAN;
        let (a, b) = (decimal(10, 2), decimal(10, 4));
        for result in [decimal(20, 4), decimal(60, 4)] {
            assert_eq!(apply(Function::Add, (a, nan), (b, 1), result), DECIMAL256_NAN);
            assert_eq!(apply(Function::Sub, (b, 1), (b, nan), result), DECIMAL256_NAN);
        }
        assert_eq!(apply(Function::Mul, (a, 0), (b, nan), decimal(20, 6)), DECIMAL256_NAN);
    }

    #[test]
    fn constants_and_nulls() {
        let ty = decimal(10, 2);
        let array = PrimitiveArray::<Decimal128Type>::from_iter([Some(100), None, Some(-5)]);
        let column = Arg::column(Arc::new(array.with_data_type(ty.arrow())));
        let one = PrimitiveArray::<Decimal128Type>::from_iter_values([1])
            .with_data_type(decimal(1, 0).arrow());
        let kernel = binary(Function::Sub, decimal(1, 0), ty, decimal(12, 2)).unwrap();
        let result = kernel.call(&[Arg::scalar(Arc::new(one)), column], 3).unwrap();
        let result: Vec<_> = result.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(result, [Some(0), None, Some(105)]);
    }

    #[test]
    fn signs_change_except_that_of_nan() {
        let ty = decimal(10, 2);
        let values = column(ty, &[5, -5, 0, DECIMAL128_NAN]);
        let call = |function| {
            let array =
                unary(function, ty, ty).unwrap().call(std::slice::from_ref(&values), 4).unwrap();
            array.as_primitive::<Decimal128Type>().values().to_vec()
        };
        assert_eq!(call(Function::Neg), [-5, 5, 0, DECIMAL128_NAN]);
        assert_eq!(call(Function::Abs), [5, 5, 0, DECIMAL128_NAN]);
    }
}
