//! Floating-point arithmetic as PostgreSQL's `float.h` defines it: an infinite result of
//! finite arguments is an overflow, a zero product of non-zero factors an underflow.
//! Every NaN that comes out is the canonical one.

use crate::expr::kernel::primitive::{try_binary, unary as map};
use crate::expr::kernel::varlen::{Numbers, arguments, numbers};
use crate::expr::kernel::{Arg, FnKernel, Kernel, first};
use crate::expr::value::float::{Float, checked};
use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{Float32Type, Float64Type};
use fusion_plan::{DataType, FloatFunction, Function, PgError};
use fusion_scalar::text::float as rounding;
use std::sync::Arc;

/// `float8_pl`, `float8_mi`, `float8_mul`, `float8_div` and their `float4` kin.
pub(crate) fn binary(function: Function, ty: DataType) -> Option<Arc<dyn Kernel>> {
    match ty {
        DataType::Float4 => binary_of::<Float32Type>(function),
        DataType::Float8 => binary_of::<Float64Type>(function),
        _ => None,
    }
}

fn binary_of<T>(function: Function) -> Option<Arc<dyn Kernel>>
where
    T: ArrowPrimitiveType<Native: Float>,
{
    fn kernel<T: ArrowPrimitiveType>(
        name: &'static str,
        op: impl Fn(T::Native, T::Native) -> (T::Native, bool) + Send + Sync + 'static,
        error: fn(T::Native, T::Native) -> PgError,
    ) -> Arc<dyn Kernel> {
        FnKernel::boxed(name, move |args: &[Arg], _| {
            try_binary::<T, T, T>(args, &T::DATA_TYPE, &op, error)
        })
    }
    Some(match function {
        Function::Add => {
            kernel::<T>("float +", |a, b| checked(a + b, a, b), |_, _| PgError::float_overflow())
        }
        Function::Sub => {
            kernel::<T>("float -", |a, b| checked(a - b, a, b), |_, _| PgError::float_overflow())
        }
        Function::Mul => kernel::<T>(
            "float *",
            |a, b| {
                let (product, overflow) = checked(a * b, a, b);
                let zero = T::Native::ZERO;
                (product, overflow || (product == zero && a != zero && b != zero))
            },
            |a, b| match (a * b).infinite() {
                true => PgError::float_overflow(),
                false => PgError::float_underflow(),
            },
        ),
        Function::Div => kernel::<T>(
            "float /",
            |a, b| {
                let zero = T::Native::ZERO;
                let quotient = a / b;
                let bad = (b == zero && !a.nan())
                    || (quotient.infinite() && !a.infinite())
                    || (quotient == zero && a != zero && !b.infinite());
                (quotient.canonical(), bad)
            },
            |a, b| match (b == T::Native::ZERO, (a / b).infinite()) {
                (true, _) => PgError::division_by_zero(),
                (false, true) => PgError::float_overflow(),
                (false, false) => PgError::float_underflow(),
            },
        ),
        _ => return None,
    })
}

/// `float8um` and `float8abs`.
pub(crate) fn unary(function: Function, ty: DataType) -> Option<Arc<dyn Kernel>> {
    fn kernel<T: ArrowPrimitiveType>(op: fn(T::Native) -> T::Native) -> Arc<dyn Kernel> {
        FnKernel::boxed("float sign", move |args: &[Arg], _| {
            map::<T, T>(first(args)?, &T::DATA_TYPE, op)
        })
    }
    Some(match (function, ty) {
        (Function::Neg, DataType::Float4) => kernel::<Float32Type>(|value| (-value).canonical()),
        (Function::Neg, DataType::Float8) => kernel::<Float64Type>(|value| (-value).canonical()),
        (Function::Abs, DataType::Float4) => kernel::<Float32Type>(|v| v.magnitude().canonical()),
        (Function::Abs, DataType::Float8) => kernel::<Float64Type>(|v| v.magnitude().canonical()),
        _ => return None,
    })
}

/// `dround`, `dsqrt` and their kin.
pub(crate) fn of(function: FloatFunction) -> Arc<dyn Kernel> {
    fn plain(op: fn(f64) -> f64) -> Arc<dyn Kernel> {
        FnKernel::boxed("float rounding", move |args: &[Arg], _| {
            let [value] = arguments(args)?;
            map::<Float64Type, Float64Type>(value, &Float64Type::DATA_TYPE, op)
        })
    }
    match function {
        FloatFunction::Round => plain(rounding::round),
        FloatFunction::Ceil => plain(rounding::ceil),
        FloatFunction::Floor => plain(rounding::floor),
        FloatFunction::Trunc => plain(rounding::trunc),
        FloatFunction::Sign => plain(rounding::sign),
        FloatFunction::Sqrt => FnKernel::boxed("sqrt", |args: &[Arg], rows| {
            let [value] = arguments(args)?;
            let value = Numbers::<Float64Type>::new(value)?;
            numbers::<Float64Type>(args, rows, |row| rounding::sqrt(value.get(row)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Float64Array};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    fn apply(function: Function, left: f64, right: f64) -> Result<f64, PgError> {
        let args = [left, right].map(|v| Arg::column(Arc::new(Float64Array::from(vec![v]))));
        let result = binary(function, DataType::Float8).unwrap().call(&args, 1)?;
        Ok(result.as_primitive::<Float64Type>().value(0))
    }

    #[test]
    fn finite_arguments_do_not_give_infinity() {
        assert_eq!(apply(Function::Add, 1e308, 1e308), Err(PgError::float_overflow()));
        assert_eq!(apply(Function::Mul, 1e200, -1e200), Err(PgError::float_overflow()));
        assert_eq!(apply(Function::Mul, 1e-200, 1e-200), Err(PgError::float_underflow()));
        assert_eq!(apply(Function::Div, 1e-200, 1e200), Err(PgError::float_underflow()));
        assert_eq!(apply(Function::Div, 1e200, 1e-200), Err(PgError::float_overflow()));
        assert_eq!(apply(Function::Add, INF, 1.0), Ok(INF));
        assert_eq!(apply(Function::Div, 1.0, INF), Ok(0.0));
    }

    #[test]
    fn zero_divides_nothing_but_nan() {
        for left in [1.0, 0.0, INF] {
            assert_eq!(apply(Function::Div, left, -0.0), Err(PgError::division_by_zero()));
        }
        assert!(apply(Function::Div, NAN, 0.0).unwrap().is_nan());
    }

    #[test]
    fn every_nan_is_canonical() {
        let difference = apply(Function::Sub, INF, INF).unwrap();
        assert_eq!(difference.to_bits(), NAN.to_bits());
        let negated = unary(Function::Neg, DataType::Float8).unwrap();
        let result =
            negated.call(&[Arg::column(Arc::new(Float64Array::from(vec![NAN])))], 1).unwrap();
        assert_eq!(result.as_primitive::<Float64Type>().value(0).to_bits(), NAN.to_bits());
    }

    #[test]
    fn rounding_and_roots() {
        let column = |values| Arg::column(Arc::new(Float64Array::from(values)));
        let call = |function, values| of(function).call(&[column(values)], 2);
        let rounded = call(FloatFunction::Round, vec![Some(2.5), None]).unwrap();
        assert_eq!(
            rounded.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(2.0), None]
        );
        let error = call(FloatFunction::Sqrt, vec![None, Some(-1.0)]).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "2201F");
    }
}
