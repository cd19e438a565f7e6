//! Comparison of floats: NaN equals itself and is larger than everything else, and −0
//! equals 0 (`float8_cmp_internal` and `float8_eq` in float.c and float.h).

use crate::expr::kernel::{Arg, FnKernel, Kernel, two, valid_rows};
use crate::expr::value::float::Float;
use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float32Type, Float64Type};
use fusion_plan::{DataType, Function};
use std::sync::Arc;

/// `float8eq`, `float8lt` and their kin.
pub(super) fn kernel(function: Function, ty: DataType) -> Option<Arc<dyn Kernel>> {
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
    fn of_rows<T: ArrowPrimitiveType>(
        test: impl Fn(T::Native, T::Native) -> bool + Send + Sync + 'static,
    ) -> Arc<dyn Kernel> {
        FnKernel::boxed("float comparison", move |args: &[Arg], rows| {
            let (left, right) = two(args)?;
            let (a, b) = (left.primitive::<T>()?, right.primitive::<T>()?);
            let bits = BooleanBuffer::collect_bool(rows, |row| {
                test(a.value(left.index(row)), b.value(right.index(row)))
            });
            let result: ArrayRef = Arc::new(BooleanArray::new(bits, valid_rows(args)));
            Ok(result)
        })
    }
    Some(match function {
        Function::Eq => of_rows::<T>(|a, b| a.pg_eq(b)),
        Function::Ne => of_rows::<T>(|a, b| !a.pg_eq(b)),
        Function::Lt => of_rows::<T>(|a, b| a.pg_lt(b)),
        Function::Le => of_rows::<T>(|a, b| !b.pg_lt(a)),
        Function::Gt => of_rows::<T>(|a, b| b.pg_lt(a)),
        Function::Ge => of_rows::<T>(|a, b| !a.pg_lt(b)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Float64Array};

    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;

    #[test]
    fn nan_is_the_largest_and_zeros_are_equal() {
        let check = |function, left: f64, right: f64| {
            let column = Arg::column(Arc::new(Float64Array::from(vec![left])));
            let scalar = Arg::scalar(Arc::new(Float64Array::from(vec![right])));
            let kernel = kernel(function, DataType::Float8).unwrap();
            kernel.call(&[column, scalar], 1).unwrap().as_boolean().value(0)
        };
        assert!(check(Function::Eq, NAN, NAN) && !check(Function::Ne, NAN, NAN));
        assert!(check(Function::Gt, NAN, INF) && !check(Function::Lt, NAN, INF));
        assert!(check(Function::Le, NAN, NAN) && check(Function::Ge, NAN, NAN));
        assert!(check(Function::Eq, -0.0, 0.0) && !check(Function::Lt, -0.0, 0.0));
        assert!(check(Function::Lt, -INF, 1.0) && check(Function::Le, 1.0, NAN));
    }
}
