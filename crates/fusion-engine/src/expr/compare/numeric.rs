//! Comparisons in which at least one side is in PostgreSQL's stored form.

use super::native::{accepts, native};
use crate::expr::kernel::{Arg, FnKernel, Kernel, two};
use crate::expr::value::numeric::{Operand, Valid, is_number};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType as Arrow, Decimal128Type};
use fusion_plan::{DECIMAL128_NAN, DataType, Function, MAX_DECIMAL128_PRECISION};
use fusion_scalar::numeric::{self, Number};
use std::sync::Arc;

/// The comparison `function`, by `numeric_cmp`.
pub(super) fn kernel(
    function: Function,
    left: DataType,
    right: DataType,
) -> Option<Arc<dyn Kernel>> {
    if !is_number(left) || !is_number(right) {
        return None;
    }
    let accepts = accepts(function)?;
    Some(FnKernel::boxed("numeric comparison", move |args: &[Arg], rows| {
        let (a, b) = two(args)?;
        if let Some(b) = like_column(b, a) {
            return native(function, a, &b);
        }
        if let Some(a) = like_column(a, b) {
            return native(function, &a, b);
        }
        let (a, b) = (Operand::new(a, left)?, Operand::new(b, right)?);
        let valid = Valid::of(args);
        let bits = BooleanBuffer::collect_bool(rows, |row| {
            if !valid.is(row) {
                return false;
            }
            accepts(match (a.bytes(row), b.bytes(row)) {
                (Some(a), Some(b)) => numeric::compare_stored(a, b),
                _ => numeric::compare(a.number(row), b.number(row)),
            })
        });
        let result: ArrayRef = Arc::new(BooleanArray::new(bits, valid.into_nulls()));
        Ok(result)
    }))
}

/// The stored constant `scalar` as a constant of the decimal type of `column`, if
/// it has a value there, so that the column is compared natively: the integers
/// that stand for what is not finite are ordered as it is.
fn like_column(scalar: &Arg, column: &Arg) -> Option<Arg> {
    let ty = column.array().data_type();
    let Arrow::Decimal128(_, scale) = ty else { return None };
    if !scalar.is_scalar() {
        return None;
    }
    let value = match Number::parse(scalar.array().as_binary_view_opt()?.value(0)) {
        Number::NaN => DECIMAL128_NAN,
        Number::Decimal(value) => {
            // Below the integers that stand for what is not finite.
            let limit = 10_i128.pow(MAX_DECIMAL128_PRECISION.into());
            value.rescaled((*scale).into()).filter(|value| value.abs() <= limit)?
        }
        Number::Infinite { .. } | Number::Large(_) => return None,
    };
    let value = PrimitiveArray::<Decimal128Type>::from_value(value, 1).with_data_type(ty.clone());
    Some(Arg::scalar(Arc::new(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

    fn check(
        function: Function,
        (left_type, left): (DataType, Arg),
        (right_type, right): (DataType, Arg),
        rows: usize,
    ) -> Vec<Option<bool>> {
        let kernel = kernel(function, left_type, right_type).unwrap();
        kernel.call(&[left, right], rows).unwrap().as_boolean().iter().collect()
    }

    fn decimals(values: &[i128]) -> (DataType, Arg) {
        let ty = DataType::Decimal { precision: 9, scale: 2 };
        let array = PrimitiveArray::<Decimal128Type>::from_iter_values(values.iter().copied());
        (ty, Arg::column(Arc::new(array.with_data_type(ty.arrow()))))
    }

    fn stored(text: &str) -> (DataType, Arg) {
        (DataType::Numeric, Arg::scalar(numbers(&[Some(text)])))
    }

    #[test]
    fn stored_values_compare_by_value() {
        let left = Arg::column(numbers(&[Some("1.0"), Some("-1"), None, Some("NaN")]));
        let right =
            Arg::column(numbers(&[Some("1.000"), Some("-1.5"), Some("1"), Some("Infinity")]));
        let (left, right) = ((DataType::Numeric, left), (DataType::Numeric, right));
        let equal = check(Function::Eq, left.clone(), right.clone(), 4);
        assert_eq!(equal, [Some(true), Some(false), None, Some(false)]);
        let greater = check(Function::Gt, left, right, 4);
        assert_eq!(greater, [Some(false), Some(true), None, Some(true)]);
    }

    #[test]
    fn decimals_compare_with_stored_constants() {
        let column = || decimals(&[150, -150, DECIMAL128_NAN]);
        for (function, text, expected) in [
            (Function::Eq, "1.5", [true, false, false]),
            (Function::Eq, "1.500000", [true, false, false]),
            (Function::Lt, "1.501", [true, true, false]),
            (Function::Ge, "NaN", [false, false, true]),
            (Function::Lt, "Infinity", [true, true, false]),
            (Function::Gt, "-Infinity", [true, true, true]),
            (Function::Lt, "1e100", [true, true, false]),
            (Function::Gt, "-1e36", [true, true, true]),
            (Function::Lt, "1.701411834604692317316873037158841057e36", [true, true, false]),
        ] {
            let result = check(function, column(), stored(text), 3);
            assert_eq!(result, expected.map(Some), "{function:?} {text}");
        }
        assert_eq!(check(Function::Lt, stored("1.5"), column(), 3), [false, false, true].map(Some));
    }
}
