//! Conversions that cannot fail.

use crate::expr::kernel::primitive::unary;
use crate::expr::kernel::{Arg, FnKernel, Kernel, first};
use crate::expr::value::decimal::{Unscaled, is_128, scale, widen};
use crate::expr::value::float::Float;
use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{
    DataType as Arrow, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, i256,
};
use fusion_plan::DataType;
use std::sync::Arc;

fn kernel<A, O>(
    name: &'static str,
    result: DataType,
    op: impl Fn(A::Native) -> O::Native + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>>
where
    A: ArrowPrimitiveType,
    O: ArrowPrimitiveType,
{
    let ty: Arrow = result.arrow();
    Some(FnKernel::boxed(name, move |args: &[Arg], _| unary::<A, O>(first(args)?, &ty, &op)))
}

/// `i2toi4`, `int28`, `int48`.
pub(crate) fn widen_integer(arg: DataType, result: DataType) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    match (arg, result) {
        (T::Int2, T::Int4) => kernel::<Int16Type, Int32Type>("int2 to int4", result, i32::from),
        (T::Int2, T::Int8) => kernel::<Int16Type, Int64Type>("int2 to int8", result, i64::from),
        (T::Int4, T::Int8) => kernel::<Int32Type, Int64Type>("int4 to int8", result, i64::from),
        _ => None,
    }
}

/// `i2tof`, `i4tod`, `i8tod`, `ftod` and their kin: C's conversions, which
/// round to nearest.
pub(crate) fn to_float(arg: DataType, result: DataType) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    const NAME: &str = "to float";
    match (arg, result) {
        (T::Int2, T::Float4) => kernel::<Int16Type, Float32Type>(NAME, result, f32::from),
        (T::Int4, T::Float4) => kernel::<Int32Type, Float32Type>(NAME, result, |v| v as f32),
        (T::Int8, T::Float4) => kernel::<Int64Type, Float32Type>(NAME, result, |v| v as f32),
        (T::Int2, T::Float8) => kernel::<Int16Type, Float64Type>(NAME, result, f64::from),
        (T::Int4, T::Float8) => kernel::<Int32Type, Float64Type>(NAME, result, f64::from),
        (T::Int8, T::Float8) => kernel::<Int64Type, Float64Type>(NAME, result, |v| v as f64),
        (T::Float4, T::Float8) => {
            kernel::<Float32Type, Float64Type>(NAME, result, |v| f64::from(v).canonical())
        }
        _ => None,
    }
}

/// Integers and decimals to a decimal of at least the same scale.
pub(crate) fn widen_decimal(arg: DataType, result: DataType) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    const NAME: &str = "to decimal";
    let own_scale = if arg.is_integer() { 0 } else { scale(arg)? };
    let up = u32::from(scale(result)?.checked_sub(own_scale)?);
    if is_128(result) {
        let factor = i128::power_of_ten(up)?;
        let scaled = move |value: i128| if value.is_nan() { value } else { value.mul(factor) };
        match arg {
            T::Int2 => kernel::<Int16Type, Decimal128Type>(NAME, result, move |v| scaled(v.into())),
            T::Int4 => kernel::<Int32Type, Decimal128Type>(NAME, result, move |v| scaled(v.into())),
            T::Int8 => kernel::<Int64Type, Decimal128Type>(NAME, result, move |v| scaled(v.into())),
            _ if is_128(arg) => kernel::<Decimal128Type, Decimal128Type>(NAME, result, scaled),
            _ => None,
        }
    } else {
        let factor = i256::power_of_ten(up)?;
        let scaled = move |value: i256| if value.is_nan() { value } else { value.mul(factor) };
        let wide = move |value: i64| scaled(i256::from_i128(value.into()));
        match arg {
            T::Int2 => kernel::<Int16Type, Decimal256Type>(NAME, result, move |v| wide(v.into())),
            T::Int4 => kernel::<Int32Type, Decimal256Type>(NAME, result, move |v| wide(v.into())),
            T::Int8 => kernel::<Int64Type, Decimal256Type>(NAME, result, wide),
            _ if is_128(arg) => {
                kernel::<Decimal128Type, Decimal256Type>(NAME, result, move |v| scaled(widen(v)))
            }
            _ => kernel::<Decimal256Type, Decimal256Type>(NAME, result, scaled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray, Int64Array, PrimitiveArray};
    use fusion_plan::DECIMAL128_NAN;

    fn call(kernel: Option<Arc<dyn Kernel>>, array: ArrayRef) -> ArrayRef {
        let rows = array.len();
        kernel.unwrap().call(&[Arg::column(array)], rows).unwrap()
    }

    #[test]
    fn integers_round_to_the_nearest_float() {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX, (1 << 53) + 1]));
        let floats = call(to_float(DataType::Int8, DataType::Float8), ints);
        let expected = [9_223_372_036_854_775_807_i64 as f64, 9_007_199_254_740_992.0];
        assert_eq!(floats.as_primitive::<Float64Type>().values(), &expected);
    }

    #[test]
    fn decimals_widen_in_scale_and_width() {
        let narrow = DataType::Decimal { precision: 10, scale: 2 };
        let array =
            PrimitiveArray::<Decimal128Type>::from_iter([Some(150), Some(DECIMAL128_NAN), None]);
        let array: ArrayRef = Arc::new(array.with_data_type(narrow.arrow()));
        let same = call(
            widen_decimal(narrow, DataType::Decimal { precision: 20, scale: 4 }),
            Arc::clone(&array),
        );
        let same: Vec<_> = same.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(same, [Some(15000), Some(DECIMAL128_NAN), None]);
        let wide =
            call(widen_decimal(narrow, DataType::Decimal { precision: 50, scale: 2 }), array);
        let wide: Vec<_> = wide.as_primitive::<Decimal256Type>().iter().collect();
        assert_eq!(wide, [Some(i256::from_i128(150)), Some(i256::MAX), None]);
    }
}
