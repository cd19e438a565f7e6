//! The cast to `numeric(precision, scale)`, which takes numbers of any form to the one
//! that the declared type has: fixed scale, or variable.

use crate::expr::kernel::{Arg, FnKernel, Kernel, first};
use crate::expr::value::decimal::{DECIMAL256_NAN, is_128, scale};
use crate::expr::value::numeric::{Operand, Valid, collect};
use arrow::array::{ArrayRef, PrimitiveArray};
use arrow::datatypes::{Decimal128Type, Decimal256Type, i256};
use fusion_plan::{DECIMAL128_NAN, DataType, PgError};
use fusion_scalar::numeric::{FiniteRef, Number, NumericRef, Typmod, apply_typmod};
use std::sync::Arc;

/// The cast of `arg` to the declared precision and scale.
pub(crate) fn kernel(
    precision: u16,
    declared: i16,
    arg: DataType,
    result: DataType,
) -> Option<Arc<dyn Kernel>> {
    let typmod = Typmod { precision: precision.into(), scale: declared.into() };
    if result == DataType::Numeric {
        return Some(FnKernel::boxed("numeric typmod", move |args: &[Arg], rows| {
            let operand = Operand::new(first(args)?, arg)?;
            collect(args, rows, |row, out| apply_typmod(operand.number(row), typmod, out))
        }));
    }
    if i32::from(scale(result)?) != typmod.scale.max(0) {
        return None;
    }
    let ty = result.arrow();
    let narrow = is_128(result);
    Some(FnKernel::boxed("numeric typmod", move |args: &[Arg], rows| {
        let operand = Operand::new(first(args)?, arg)?;
        let valid = Valid::of(args);
        Ok(match narrow {
            true => {
                let values = rows_of(rows, &valid, |row| cast_128(operand.number(row), typmod))?;
                let array =
                    PrimitiveArray::<Decimal128Type>::new(values.into(), valid.into_nulls());
                Arc::new(array.with_data_type(ty.clone())) as ArrayRef
            }
            false => {
                let values = rows_of(rows, &valid, |row| cast_256(operand.number(row), typmod))?;
                let array =
                    PrimitiveArray::<Decimal256Type>::new(values.into(), valid.into_nulls());
                Arc::new(array.with_data_type(ty.clone()))
            }
        })
    }))
}

fn rows_of<V: Default>(
    rows: usize,
    valid: &Valid,
    cast: impl Fn(usize) -> Result<V, PgError>,
) -> Result<Vec<V>, PgError> {
    (0..rows).map(|row| if valid.is(row) { cast(row) } else { Ok(V::default()) }).collect()
}

fn cast_128(value: Number<'_>, typmod: Typmod) -> Result<i128, PgError> {
    if let Number::Decimal(decimal) = value
        && let Some(unscaled) = typmod.cut(decimal)?
    {
        return Ok(unscaled);
    }
    cast(value, typmod, DECIMAL128_NAN, |value, scale| value.unscaled(scale))
}

fn cast_256(value: Number<'_>, typmod: Typmod) -> Result<i256, PgError> {
    cast(value, typmod, DECIMAL256_NAN, |value, scale| {
        let wide = value.unscaled_wide(scale)?;
        Some(i256::from_parts(wide.low, wide.high))
    })
}

fn cast<V>(
    value: Number<'_>,
    typmod: Typmod,
    nan: V,
    unscaled: impl Fn(&FiniteRef<'_>, i32) -> Option<V>,
) -> Result<V, PgError> {
    let mut bytes = Vec::new();
    apply_typmod(value, typmod, &mut bytes)?;
    match NumericRef::parse(&bytes) {
        NumericRef::Finite(value) => unscaled(&value, typmod.scale.max(0))
            .ok_or_else(|| PgError::internal("a rounded numeric does not fit its type")),
        NumericRef::Infinite { .. } | NumericRef::NaN => Ok(nan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, texts};
    use arrow::array::AsArray;

    fn call(
        precision: u16,
        scale: i16,
        values: &[Option<&str>],
        result: DataType,
    ) -> Result<ArrayRef, PgError> {
        let kernel = kernel(precision, scale, DataType::Numeric, result).unwrap();
        kernel.call(&[Arg::column(numbers(values))], values.len())
    }

    #[test]
    fn values_get_the_declared_scale_in_every_form() {
        let values = [Some("1.005"), None, Some("NaN"), Some("-99.994")];
        let narrow = DataType::Decimal { precision: 4, scale: 2 };
        let result = call(4, 2, &values, narrow).unwrap();
        let result: Vec<_> = result.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(result, [Some(101), None, Some(DECIMAL128_NAN), Some(-9999)]);
        let wide = DataType::Decimal { precision: 50, scale: 2 };
        let result = call(50, 2, &values, wide).unwrap();
        let result: Vec<_> = result.as_primitive::<Decimal256Type>().iter().collect();
        let expected = [Some(i256::from_i128(101)), None, Some(DECIMAL256_NAN)];
        assert_eq!(result[..3], expected);
        let exact = call(100, 3, &values, DataType::Numeric).unwrap();
        let expected = [Some("1.005"), None, Some("NaN"), Some("-99.994")];
        assert_eq!(texts(&exact), expected.map(|text| text.map(str::to_owned)));
    }

    #[test]
    fn what_does_not_fit_is_an_error_in_every_form() {
        for (precision, result) in [
            (4, DataType::Decimal { precision: 4, scale: 2 }),
            (50, DataType::Decimal { precision: 50, scale: 2 }),
            (90, DataType::Numeric),
        ] {
            for value in ["1e88", "-Infinity"] {
                let error = call(precision, 2, &[Some("1"), Some(value)], result).unwrap_err();
                assert_eq!(error.message, "numeric field overflow");
            }
        }
    }
}
