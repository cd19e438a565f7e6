//! Integer arithmetic as PostgreSQL's `int.c` and `int8.c` do it: every
//! overflow is an error, and so is a division by zero.

use crate::expr::kernel::primitive::{try_binary, try_unary};
use crate::expr::kernel::{Arg, FnKernel, Kernel, first};
use arrow::array::{ArrowNativeTypeOp, ArrowPrimitiveType};
use arrow::datatypes::{Int16Type, Int32Type, Int64Type};
use fusion_plan::{DataType, Function, PgError};
use std::sync::Arc;

/// `int4pl`, `int4mi`, `int4mul`, `int4div`, `int4mod` and their kin.
pub(crate) fn binary(function: Function, ty: DataType) -> Option<Arc<dyn Kernel>> {
    match ty {
        DataType::Int2 => binary_of::<Int16Type>(function, "smallint"),
        DataType::Int4 => binary_of::<Int32Type>(function, "integer"),
        DataType::Int8 => binary_of::<Int64Type>(function, "bigint"),
        _ => None,
    }
}

/// `int4um`, `int4abs` and their kin.
pub(crate) fn unary(function: Function, ty: DataType) -> Option<Arc<dyn Kernel>> {
    match ty {
        DataType::Int2 => unary_of::<Int16Type>(function, "smallint"),
        DataType::Int4 => unary_of::<Int32Type>(function, "integer"),
        DataType::Int8 => unary_of::<Int64Type>(function, "bigint"),
        _ => None,
    }
}

/// The integer operations that arrow's trait lacks.
pub(crate) trait Integer: ArrowNativeTypeOp {
    fn overflowing_add(self, other: Self) -> (Self, bool);
    fn overflowing_sub(self, other: Self) -> (Self, bool);
    fn overflowing_mul(self, other: Self) -> (Self, bool);
    fn overflowing_div(self, other: Self) -> (Self, bool);
    fn wrapping_rem(self, other: Self) -> Self;
}

macro_rules! integer {
    ($($ty:ty),*) => {$(
        impl Integer for $ty {
            fn overflowing_add(self, other: Self) -> (Self, bool) {
                <$ty>::overflowing_add(self, other)
            }
            fn overflowing_sub(self, other: Self) -> (Self, bool) {
                <$ty>::overflowing_sub(self, other)
            }
            fn overflowing_mul(self, other: Self) -> (Self, bool) {
                <$ty>::overflowing_mul(self, other)
            }
            fn overflowing_div(self, other: Self) -> (Self, bool) {
                <$ty>::overflowing_div(self, other)
            }
            fn wrapping_rem(self, other: Self) -> Self {
                <$ty>::wrapping_rem(self, other)
            }
        }
    )*};
}
integer!(i16, i32, i64);

fn binary_of<T>(function: Function, name: &'static str) -> Option<Arc<dyn Kernel>>
where
    T: ArrowPrimitiveType<Native: Integer>,
{
    fn kernel<T: ArrowPrimitiveType>(
        label: &'static str,
        op: impl Fn(T::Native, T::Native) -> (T::Native, bool) + Send + Sync + 'static,
        error: impl Fn(T::Native) -> PgError + Send + Sync + 'static,
    ) -> Arc<dyn Kernel> {
        FnKernel::boxed(label, move |args: &[Arg], _| {
            try_binary::<T, T, T>(args, &T::DATA_TYPE, &op, |_, right| error(right))
        })
    }
    let out_of_range = move |_| PgError::out_of_range(name);
    let division = move |divisor: T::Native| match divisor.is_zero() {
        true => PgError::division_by_zero(),
        false => PgError::out_of_range(name),
    };
    Some(match function {
        Function::Add => kernel::<T>("integer +", Integer::overflowing_add, out_of_range),
        Function::Sub => kernel::<T>("integer -", Integer::overflowing_sub, out_of_range),
        Function::Mul => kernel::<T>("integer *", Integer::overflowing_mul, out_of_range),
        Function::Div => kernel::<T>(
            "integer /",
            |a, b| if b.is_zero() { (a, true) } else { a.overflowing_div(b) },
            division,
        ),
        Function::Mod => kernel::<T>(
            "integer %",
            |a, b| if b.is_zero() { (a, true) } else { (Integer::wrapping_rem(a, b), false) },
            division,
        ),
        _ => return None,
    })
}

fn unary_of<T>(function: Function, name: &'static str) -> Option<Arc<dyn Kernel>>
where
    T: ArrowPrimitiveType<Native: Integer>,
{
    let abs = match function {
        Function::Neg => false,
        Function::Abs => true,
        _ => return None,
    };
    let zero = T::Native::ZERO;
    let op = move |value: T::Native| {
        if abs && value.is_ge(zero) { (value, false) } else { zero.overflowing_sub(value) }
    };
    Some(FnKernel::boxed("integer sign", move |args: &[Arg], _| {
        try_unary::<T, T>(first(args)?, &T::DATA_TYPE, op, |_| PgError::out_of_range(name))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, Int16Array, Int32Array, Int64Array};

    fn int4(
        function: Function,
        left: &[Option<i32>],
        right: Arg,
    ) -> Result<Vec<Option<i32>>, PgError> {
        let left = Arg::column(Arc::new(Int32Array::from(left.to_vec())));
        let kernel = binary(function, DataType::Int4).unwrap();
        let rows = left.array().len();
        let result = kernel.call(&[left, right], rows)?;
        Ok(result.as_primitive::<Int32Type>().iter().collect())
    }

    fn column(values: &[Option<i32>]) -> Arg {
        Arg::column(Arc::new(Int32Array::from(values.to_vec())))
    }

    fn scalar(value: i32) -> Arg {
        Arg::scalar(Arc::new(Int32Array::from(vec![value])))
    }

    #[test]
    fn overflow_is_an_error_except_in_null_rows() {
        let max = [Some(i32::MAX)];
        assert_eq!(
            int4(Function::Add, &max, scalar(1)).unwrap_err().message,
            "integer out of range"
        );
        assert_eq!(int4(Function::Add, &max, column(&[None])), Ok(vec![None]));
        assert_eq!(int4(Function::Sub, &[Some(i32::MIN)], scalar(0)), Ok(vec![Some(i32::MIN)]));
        assert!(int4(Function::Mul, &[Some(65536)], scalar(32768)).is_err());
    }

    #[test]
    fn an_overflowing_value_hidden_under_a_null_does_not_count() {
        let hidden = Int32Array::new(vec![i32::MAX, 1].into(), Some(vec![false, true].into()));
        let kernel = binary(Function::Add, DataType::Int4).unwrap();
        let args = [Arg::column(Arc::new(hidden)), scalar(1)];
        let result = kernel.call(&args, 2).unwrap();
        assert_eq!(result.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [None, Some(2)]);
    }

    #[test]
    fn division_truncates_and_checks() {
        let seven = [Some(7), Some(-7)];
        assert_eq!(int4(Function::Div, &seven, scalar(2)), Ok(vec![Some(3), Some(-3)]));
        assert_eq!(int4(Function::Mod, &seven, scalar(2)), Ok(vec![Some(1), Some(-1)]));
        assert_eq!(int4(Function::Mod, &[Some(i32::MIN)], scalar(-1)), Ok(vec![Some(0)]));
        let zero = int4(Function::Div, &seven, scalar(0)).unwrap_err();
        assert_eq!(zero.sqlstate.as_str(), "22012");
        let range = int4(Function::Div, &[Some(i32::MIN)], scalar(-1)).unwrap_err();
        assert_eq!(range.sqlstate.as_str(), "22003");
    }

    #[test]
    fn the_smallest_value_has_no_opposite() {
        let call = |function, ty, array: ArrayRef| {
            unary(function, ty).unwrap().call(&[Arg::column(array)], 1)
        };
        let small: ArrayRef = Arc::new(Int16Array::from(vec![i16::MIN]));
        let error = call(Function::Neg, DataType::Int2, small).unwrap_err();
        assert_eq!(error.message, "smallint out of range");
        let big: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN]));
        let error = call(Function::Abs, DataType::Int8, big).unwrap_err();
        assert_eq!(error.message, "bigint out of range");
        let fine: ArrayRef = Arc::new(Int64Array::from(vec![-5]));
        let result = call(Function::Abs, DataType::Int8, fine).unwrap();
        assert_eq!(result.as_primitive::<Int64Type>().value(0), 5);
    }
}
