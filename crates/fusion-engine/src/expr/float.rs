//! Floating-point arithmetic and comparison as PostgreSQL's `float.h` defines
//! them: an infinite result of finite arguments is an overflow, a zero product
//! of non-zero factors an underflow, NaN equals itself and is larger than
//! everything else, and −0 equals 0. Every NaN that comes out is the canonical
//! one.

use super::arg::primitive::{try_binary, two, unary as map};
use super::kernel::FnKernel;
use super::varlen::{Numbers, arguments, numbers};
use super::{Arg, Kernel};
use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float32Type, Float64Type};
use fusion_plan::{DataType, FloatFunction, Function, PgError};
use fusion_scalar::text::float as rounding;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::sync::Arc;

/// What both widths of float can do.
pub(crate) trait Float:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const NEGATIVE_ZERO: Self;
    const CANONICAL_NAN: Self;
    fn nan(self) -> bool;
    fn infinite(self) -> bool;
    fn magnitude(self) -> Self;
    fn is_negative_zero(self) -> bool;

    /// The same value, NaN in its canonical form.
    fn canonical(self) -> Self {
        if self.nan() { Self::CANONICAL_NAN } else { self }
    }

    /// `float8_eq`.
    fn pg_eq(self, other: Self) -> bool {
        self == other || (self.nan() && other.nan())
    }

    /// `float8_lt`.
    fn pg_lt(self, other: Self) -> bool {
        self < other || (!self.nan() && other.nan())
    }
}

macro_rules! float {
    ($($ty:ty),*) => {$(
        impl Float for $ty {
            const ZERO: Self = 0.0;
            const NEGATIVE_ZERO: Self = -0.0;
            const CANONICAL_NAN: Self = <$ty>::NAN;
            fn nan(self) -> bool {
                self.is_nan()
            }
            fn infinite(self) -> bool {
                self.is_infinite()
            }
            fn magnitude(self) -> Self {
                self.abs()
            }
            fn is_negative_zero(self) -> bool {
                self == 0.0 && self.is_sign_negative()
            }
        }
    )*};
}
float!(f32, f64);

/// `float8_pl` and `float8_mi`: the result, and whether it overflowed.
pub(crate) fn checked<F: Float>(result: F, left: F, right: F) -> (F, bool) {
    let overflow = result.infinite() && !left.infinite() && !right.infinite();
    (result.canonical(), overflow)
}

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
            let arg = args.first().ok_or_else(|| PgError::internal("no argument"))?;
            map::<T, T>(arg, &T::DATA_TYPE, op)
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

/// `float8eq`, `float8lt` and their kin.
pub(crate) fn compare(function: Function, ty: DataType) -> Option<Arc<dyn Kernel>> {
    match ty {
        DataType::Float4 => compare_of::<Float32Type>(function),
        DataType::Float8 => compare_of::<Float64Type>(function),
        _ => None,
    }
}

fn compare_of<T>(function: Function) -> Option<Arc<dyn Kernel>>
where
    T: ArrowPrimitiveType<Native: Float>,
{
    fn kernel<T: ArrowPrimitiveType>(
        test: impl Fn(T::Native, T::Native) -> bool + Send + Sync + 'static,
    ) -> Arc<dyn Kernel> {
        FnKernel::boxed("float comparison", move |args: &[Arg], rows| {
            let (left, right) = two(args)?;
            let (a, b) = (left.primitive::<T>()?, right.primitive::<T>()?);
            let bits = BooleanBuffer::collect_bool(rows, |row| {
                test(a.value(left.index(row)), b.value(right.index(row)))
            });
            let result: ArrayRef = Arc::new(BooleanArray::new(bits, super::arg::valid_rows(args)));
            Ok(result)
        })
    }
    Some(match function {
        Function::Eq => kernel::<T>(|a, b| a.pg_eq(b)),
        Function::Ne => kernel::<T>(|a, b| !a.pg_eq(b)),
        Function::Lt => kernel::<T>(|a, b| a.pg_lt(b)),
        Function::Le => kernel::<T>(|a, b| !b.pg_lt(a)),
        Function::Gt => kernel::<T>(|a, b| b.pg_lt(a)),
        Function::Ge => kernel::<T>(|a, b| !a.pg_lt(b)),
        _ => return None,
    })
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

    #[test]
    fn nan_is_the_largest_and_zeros_are_equal() {
        let check = |function, left: f64, right: f64| {
            let column = Arg::column(Arc::new(Float64Array::from(vec![left])));
            let scalar = Arg::scalar(Arc::new(Float64Array::from(vec![right])));
            let kernel = compare(function, DataType::Float8).unwrap();
            kernel.call(&[column, scalar], 1).unwrap().as_boolean().value(0)
        };
        assert!(check(Function::Eq, NAN, NAN) && !check(Function::Ne, NAN, NAN));
        assert!(check(Function::Gt, NAN, INF) && !check(Function::Lt, NAN, INF));
        assert!(check(Function::Le, NAN, NAN) && check(Function::Ge, NAN, NAN));
        assert!(check(Function::Eq, -0.0, 0.0) && !check(Function::Lt, -0.0, 0.0));
        assert!(check(Function::Lt, -INF, 1.0) && check(Function::Le, 1.0, NAN));
    }
}
