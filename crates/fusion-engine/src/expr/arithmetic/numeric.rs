//! `numeric` of variable scale: functions that give PostgreSQL's stored form, or a
//! property of it, of any mixture of stored values, decimals and integers.

use crate::expr::kernel::{Arg, FnKernel, Kernel, first, two};
use crate::expr::value::numeric::{Operand, Valid, Write, collect};
use arrow::array::{ArrayRef, Int32Array};
use arrow::datatypes::Int32Type;
use fusion_plan::{DataType, NumericFunction};
use fusion_scalar::numeric::{self, Number};
use std::sync::Arc;

type Unary = fn(Number<'_>, &mut Vec<u8>) -> Write;
type Binary = fn(Number<'_>, Number<'_>, &mut Vec<u8>) -> Write;
type ToPlaces = fn(Number<'_>, i32, &mut Vec<u8>) -> Write;

/// The function `function` of `numbers`, as stored values; the count of digits that some
/// functions take besides is not among them.
pub(crate) fn kernel(function: NumericFunction, numbers: &[DataType]) -> Option<Arc<dyn Kernel>> {
    use NumericFunction as N;
    Some(match (function, numbers) {
        (N::ToNumeric, [arg]) => unary("to numeric", |value, out| value.write(out), *arg),
        (N::Add, [a, b]) => binary("numeric +", numeric::add, *a, *b),
        (N::Sub, [a, b]) => binary("numeric -", numeric::subtract, *a, *b),
        (N::Mul, [a, b]) => binary("numeric *", numeric::multiply, *a, *b),
        (N::Div, [a, b]) => binary("numeric /", numeric::divide, *a, *b),
        (N::Mod, [a, b]) => binary("numeric %", numeric::modulo, *a, *b),
        (N::DivTrunc, [a, b]) => binary("div", numeric::divide_truncating, *a, *b),
        (N::Neg, [arg]) => unary("numeric -", numeric::negate, *arg),
        (N::Abs, [arg]) => unary("abs", numeric::abs, *arg),
        (N::Sign, [arg]) => unary("sign", numeric::sign, *arg),
        (N::Ceil, [arg]) => unary("ceil", numeric::ceil, *arg),
        (N::Floor, [arg]) => unary("floor", numeric::floor, *arg),
        (N::TrimScale, [arg]) => unary("trim_scale", numeric::trim_scale, *arg),
        (N::Round, [arg]) => to_places("round", numeric::round, *arg),
        (N::Trunc, [arg]) => to_places("trunc", numeric::trunc, *arg),
        _ => return None,
    })
}

/// A function of one number.
fn unary(name: &'static str, function: Unary, ty: DataType) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, move |args: &[Arg], rows| {
        let operand = Operand::new(first(args)?, ty)?;
        collect(args, rows, |row, out| function(operand.number(row), out))
    })
}

/// A function of two numbers.
fn binary(
    name: &'static str,
    function: Binary,
    left: DataType,
    right: DataType,
) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, move |args: &[Arg], rows| {
        let (a, b) = two(args)?;
        let (a, b) = (Operand::new(a, left)?, Operand::new(b, right)?);
        collect(args, rows, |row, out| function(a.number(row), b.number(row), out))
    })
}

/// A function of a number and a count of digits.
fn to_places(name: &'static str, function: ToPlaces, ty: DataType) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, move |args: &[Arg], rows| {
        let (number, places) = two(args)?;
        let (operand, counts) = (Operand::new(number, ty)?, places.primitive::<Int32Type>()?);
        collect(args, rows, |row, out| {
            function(operand.number(row), counts.value(places.index(row)), out)
        })
    })
}

/// A property of one number, or NULL: `scale`, `min_scale`.
pub(crate) fn property(function: NumericFunction, ty: DataType) -> Option<Arc<dyn Kernel>> {
    match function {
        NumericFunction::Scale => Some(integer("scale", numeric::scale, ty)),
        NumericFunction::MinScale => Some(integer("min_scale", numeric::min_scale, ty)),
        _ => None,
    }
}

/// A function of one number that gives an integer, or NULL.
fn integer(
    name: &'static str,
    function: fn(Number<'_>) -> Option<i32>,
    ty: DataType,
) -> Arc<dyn Kernel> {
    FnKernel::boxed(name, move |args: &[Arg], rows| {
        let operand = Operand::new(first(args)?, ty)?;
        let valid = Valid::of(args);
        let result: Int32Array =
            (0..rows).map(|row| valid.is(row).then(|| function(operand.number(row)))?).collect();
        let result: ArrayRef = Arc::new(result);
        Ok(result)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::dispatch::numeric as kernel;
    use crate::testing::{numbers, texts};
    use arrow::array::{Array, AsArray, Int64Array, PrimitiveArray};
    use arrow::datatypes::{Decimal128Type, Decimal256Type, i256};
    use fusion_plan::{DECIMAL128_NAN, PgError};

    fn call(
        function: NumericFunction,
        args: &[(DataType, Arg)],
        rows: usize,
    ) -> Result<Vec<Option<String>>, PgError> {
        let types: Vec<_> = args.iter().map(|(ty, _)| *ty).collect();
        let args: Vec<_> = args.iter().map(|(_, arg)| arg.clone()).collect();
        kernel(function, &types, DataType::Numeric).unwrap().call(&args, rows).map(|a| texts(&a))
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn arguments_of_all_forms_mix() {
        let bytes = (DataType::Numeric, Arg::column(numbers(&[Some("1.50"), Some("NaN")])));
        let ty = DataType::Decimal { precision: 9, scale: 3 };
        let decimals = PrimitiveArray::<Decimal128Type>::from_iter_values([2_000, DECIMAL128_NAN]);
        let narrow = (ty, Arg::column(Arc::new(decimals.with_data_type(ty.arrow()))));
        let ty = DataType::Decimal { precision: 50, scale: 1 };
        let decimals = PrimitiveArray::<Decimal256Type>::from_iter_values([
            i256::from_i128(i128::MAX),
            i256::MAX,
        ]);
        let wide = (ty, Arg::column(Arc::new(decimals.with_data_type(ty.arrow()))));
        let seven = (DataType::Int8, Arg::scalar(Arc::new(Int64Array::from(vec![7]))));
        let add = |a: &(DataType, Arg), b: &(DataType, Arg)| {
            call(NumericFunction::Add, &[a.clone(), b.clone()], 2).unwrap()
        };
        assert_eq!(add(&bytes, &narrow), some(&["3.500", "NaN"]));
        assert_eq!(add(&narrow, &seven), some(&["9.000", "NaN"]));
        assert_eq!(add(&wide, &bytes), some(&["17014118346046923173168730371588410574.20", "NaN"]));
    }

    #[test]
    fn null_rows_are_not_computed() {
        let dividends = (DataType::Numeric, Arg::column(numbers(&[Some("1"), None, Some("1")])));
        let divisors = (DataType::Numeric, Arg::column(numbers(&[Some("4"), Some("0"), None])));
        let args = [dividends.clone(), divisors];
        let quotients = call(NumericFunction::Div, &args, 3).unwrap();
        assert_eq!(quotients, [Some("0.25000000000000000000".to_owned()), None, None]);
        let zero = (DataType::Numeric, Arg::scalar(numbers(&[Some("0.0")])));
        let error = call(NumericFunction::Div, &[dividends, zero], 3).unwrap_err();
        assert_eq!(error, PgError::division_by_zero());
    }

    #[test]
    fn digits_come_from_a_column_or_a_constant() {
        let values = (DataType::Numeric, Arg::column(numbers(&[Some("15.55"), Some("-15.55")])));
        let places = |places: ArrayRef, scalar| match scalar {
            true => (DataType::Int4, Arg::scalar(places)),
            false => (DataType::Int4, Arg::column(places)),
        };
        let column = places(Arc::new(Int32Array::from(vec![1, -1])), false);
        let rounded = call(NumericFunction::Round, &[values.clone(), column], 2).unwrap();
        assert_eq!(rounded, some(&["15.6", "-20"]));
        let constant = places(Arc::new(Int32Array::from(vec![1])), true);
        let cut = call(NumericFunction::Trunc, &[values, constant], 2).unwrap();
        assert_eq!(cut, some(&["15.5", "-15.5"]));
    }

    #[test]
    fn properties_of_what_is_not_finite_are_null() {
        let values = Arg::column(numbers(&[Some("1.500"), Some("NaN"), None, Some("Infinity")]));
        for (function, expected) in [(NumericFunction::Scale, 3), (NumericFunction::MinScale, 1)] {
            let kernel = kernel(function, &[DataType::Numeric], DataType::Int4).unwrap();
            let result = kernel.call(std::slice::from_ref(&values), 4).unwrap();
            assert_eq!(result.null_count(), 3);
            assert_eq!(result.as_primitive::<Int32Type>().value(0), expected);
        }
    }

    #[test]
    fn wrong_types_are_refused() {
        let text = [DataType::Text, DataType::Numeric];
        assert!(kernel(NumericFunction::Add, &text, DataType::Numeric).is_none());
        assert!(kernel(NumericFunction::Add, &[DataType::Numeric], DataType::Numeric).is_none());
        let both = [DataType::Numeric, DataType::Numeric];
        assert!(kernel(NumericFunction::Add, &both, DataType::Int4).is_none());
    }
}
