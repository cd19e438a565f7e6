//! IN lists: a lookup in a set of keys.

use super::expr::Input;
use super::literal::scalar;
use super::lowering::{Lowering, datafusion, unsupported};
use crate::expr::{Key, is_128, keys};
use arrow::array::{ArrayRef, new_empty_array};
use arrow::datatypes::i256;
use datafusion_common::ScalarValue;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::{InListExpr, lit};
use fusion_plan::{DataType, Expr, Literal, PgError, Value};
use fusion_scalar::numeric::Number;
use std::sync::Arc;

/// All values of a 128-bit decimal are smaller than this.
const DECIMAL128_END: u128 = 10_u128.pow(fusion_plan::MAX_DECIMAL128_PRECISION as u32);

impl Lowering<'_> {
    /// `arg IN (values)`, or NOT IN if `negated`.
    pub(super) fn in_list(
        &self,
        arg: &Expr,
        values: &[Literal],
        negated: bool,
        input: &Input,
    ) -> Result<Arc<dyn PhysicalExpr>, PgError> {
        // Nothing is compared with an empty list, so even NULL is not in it
        // (`ExecEvalScalarArrayOp` in execExprInterp.c).
        if values.is_empty() {
            return Ok(lit(negated));
        }
        let ty = self.type_of(arg, input)?;
        let arg = Key::of(self.expr(arg, input)?, ty)
            .ok_or_else(|| unsupported(&format!("lists of type {ty}")))?;
        let set = keys(ty, &array_of(values, ty)?)?;
        let list = InListExpr::try_new_from_array(arg, set, negated, &input.schema);
        Ok(Arc::new(list.map_err(datafusion)?))
    }
}

/// The values of type `ty` that equal one of `values`, and the NULLs.
fn array_of(values: &[Literal], ty: DataType) -> Result<ArrayRef, PgError> {
    let mut elements = Vec::with_capacity(values.len());
    for value in values {
        elements.extend(element(value, ty)?);
    }
    match elements.is_empty() {
        true => Ok(new_empty_array(&ty.arrow())),
        false => ScalarValue::iter_to_array(elements).map_err(datafusion),
    }
}

/// The constant as a value of type `ty`; `None` if it is a decimal that no value
/// of that type equals.
fn element(literal: &Literal, ty: DataType) -> Result<Option<ScalarValue>, PgError> {
    if let (DataType::Numeric, DataType::Decimal { scale, .. }, Some(Value::Decimal(value))) =
        (ty, literal.ty, &literal.value)
    {
        let number = value.map_or(Number::NaN, |value| Number::from_unscaled(value, scale));
        let mut bytes = Vec::new();
        number.write(&mut bytes)?;
        return Ok(Some(ScalarValue::BinaryView(Some(bytes))));
    }
    let (
        DataType::Decimal { scale, .. },
        DataType::Decimal { scale: own, .. },
        Some(Value::Decimal(Some(value))),
    ) = (ty, literal.ty, &literal.value)
    else {
        return scalar(&Literal { ty, value: literal.value.clone() }).map(Some);
    };
    let value = i256::from_i128(*value);
    let factor = i256::from_i128(10).checked_pow(scale.abs_diff(own).into());
    let value = factor.and_then(|factor| match scale >= own {
        true => value.checked_mul(factor),
        false => (value % factor == i256::ZERO).then(|| value / factor),
    });
    Ok(match is_128(ty) {
        true => value
            .and_then(i256::to_i128)
            .filter(|value| value.unsigned_abs() < DECIMAL128_END)
            .map(|value| ScalarValue::Decimal128(Some(value), 38, scale as i8)),
        false => value
            .filter(|value| *value != i256::MAX)
            .map(|value| ScalarValue::Decimal256(Some(value), 76, scale as i8)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_become_stored_numerics() {
        let of = |value| {
            let ty = DataType::Decimal { precision: 5, scale: 2 };
            let literal = Literal { ty, value: Some(Value::Decimal(value)) };
            match element(&literal, DataType::Numeric).unwrap() {
                Some(ScalarValue::BinaryView(Some(bytes))) => bytes,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(Number::parse(&of(Some(150))), Number::from_unscaled(150, 2));
        assert_eq!(Number::parse(&of(None)), Number::NaN);
    }

    #[test]
    fn decimals_take_the_scale_of_the_column() {
        let decimal = |precision, scale| DataType::Decimal { precision, scale };
        let at = |value, from, to| {
            let literal = Literal { ty: from, value: Some(Value::Decimal(Some(value))) };
            element(&literal, to).unwrap()
        };
        let narrow = |value| Some(ScalarValue::Decimal128(Some(value), 38, 2));
        assert_eq!(at(-15, decimal(3, 1), decimal(10, 2)), narrow(-150));
        assert_eq!(at(1500, decimal(5, 3), decimal(10, 2)), narrow(150));
        assert_eq!(at(1505, decimal(5, 3), decimal(10, 2)), None);
        assert_eq!(at(10_i128.pow(37), decimal(38, 0), decimal(38, 2)), None);
        let wide = i256::from_i128(10_i128.pow(37)).checked_mul(i256::from_i128(100));
        let wide = ScalarValue::Decimal256(wide, 76, 2);
        assert_eq!(at(10_i128.pow(37), decimal(38, 0), decimal(76, 2)), Some(wide));
    }
}
