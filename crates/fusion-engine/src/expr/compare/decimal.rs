//! Comparison of decimals whose scale or width differs, exact for all values.
//!
//! A constant is brought to the column's scale once, so that the column is
//! compared natively. Otherwise each row's coarser value is scaled up; should
//! that overflow, its magnitude exceeds every value of the width and its sign
//! decides. NaN is larger than everything and equal to itself, as in
//! `cmp_numerics` (numeric.c).

use super::native::{accepts, native};
use crate::expr::kernel::{Arg, FnKernel, Kernel, two, valid_rows};
use crate::expr::value::decimal::{DECIMAL256_NAN, Unscaled, is_128, scale, to_256};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Decimal128Type, Decimal256Type, i256};
use fusion_plan::{DECIMAL128_NAN, DataType, Function, PgError};
use std::cmp::Ordering;
use std::sync::Arc;

/// The comparison `function` of two decimals of any scale and width.
pub(super) fn kernel(
    function: Function,
    left: DataType,
    right: DataType,
) -> Option<Arc<dyn Kernel>> {
    let (left_scale, right_scale) = (scale(left)?, scale(right)?);
    let narrow = is_128(left) && is_128(right);
    let left_up = right_scale.saturating_sub(left_scale).into();
    let right_up = left_scale.saturating_sub(right_scale).into();
    let accepts = accepts(function)?;
    Some(FnKernel::boxed("decimal comparison", move |args: &[Arg], rows| {
        let (left, right) = two(args)?;
        if let Some(right) = like_column(right, left)? {
            return native(function, left, &right);
        }
        if let Some(left) = like_column(left, right)? {
            return native(function, &left, right);
        }
        let bits = if narrow {
            compare_rows::<Decimal128Type>(left, left_up, right, right_up, rows, accepts)?
        } else {
            let (left, right) = (to_256(left)?, to_256(right)?);
            compare_rows::<Decimal256Type>(&left, left_up, &right, right_up, rows, accepts)?
        };
        let result: ArrayRef = Arc::new(BooleanArray::new(bits, valid_rows(args)));
        Ok(result)
    }))
}

/// The constant `scalar` in the type of `column`, if it has a value there.
fn like_column(scalar: &Arg, column: &Arg) -> Result<Option<Arg>, PgError> {
    use arrow::datatypes::DataType as Arrow;
    if !scalar.is_scalar() {
        return Ok(None);
    }
    let own_scale = match scalar.array().data_type() {
        Arrow::Decimal128(_, scale) | Arrow::Decimal256(_, scale) => *scale,
        _ => return Ok(None),
    };
    let value = to_256(scalar)?.primitive::<Decimal256Type>()?.value(0);
    let up = |scale: i8| {
        let factor = i256::power_of_ten(scale.checked_sub(own_scale)?.try_into().ok()?)?;
        if value == DECIMAL256_NAN { Some(value) } else { value.checked_mul(factor) }
    };
    let ty = column.array().data_type();
    let array: Option<ArrayRef> = match ty {
        Arrow::Decimal128(_, scale) => up(*scale)
            .and_then(|value| match value == DECIMAL256_NAN {
                true => Some(DECIMAL128_NAN),
                false => value.to_i128().filter(|value| *value != DECIMAL128_NAN),
            })
            .map(|value| one::<Decimal128Type>(value, ty)),
        Arrow::Decimal256(_, scale) => up(*scale).map(|value| one::<Decimal256Type>(value, ty)),
        _ => None,
    };
    Ok(array.map(Arg::scalar))
}

fn one<T: ArrowPrimitiveType>(value: T::Native, ty: &arrow::datatypes::DataType) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::from_value(value, 1).with_data_type(ty.clone()))
}

fn compare_rows<T>(
    left: &Arg,
    left_up: u32,
    right: &Arg,
    right_up: u32,
    rows: usize,
    accepts: fn(Ordering) -> bool,
) -> Result<BooleanBuffer, PgError>
where
    T: ArrowPrimitiveType<Native: Unscaled>,
{
    let (a, b) = (left.array().as_primitive::<T>(), right.array().as_primitive::<T>());
    let factors = (T::Native::power_of_ten(left_up), T::Native::power_of_ten(right_up));
    Ok(BooleanBuffer::collect_bool(rows, |row| {
        accepts(order(a.value(left.index(row)), b.value(right.index(row)), factors))
    }))
}

/// How `left × factors.0` compares with `right × factors.1`. At most one factor
/// is not one; `None` is a factor that does not fit.
fn order<N: Unscaled>(left: N, right: N, factors: (Option<N>, Option<N>)) -> Ordering {
    if left.is_nan() || right.is_nan() {
        return left.is_nan().cmp(&right.is_nan());
    }
    let zero = N::default();
    let scaled = |value: N, factor: Option<N>| match factor {
        _ if value == zero => Some(zero),
        Some(factor) => value.checked_mul(factor),
        None => None,
    };
    match (scaled(left, factors.0), scaled(right, factors.1)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (None, _) => left.cmp(&zero),
        (_, None) => zero.cmp(&right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    fn arg(ty: DataType, value: i128, scalar: bool) -> Arg {
        let narrow = decimal(38, scale(ty).unwrap()).arrow();
        let array = one::<Decimal128Type>(value, &narrow);
        let arg = if scalar { Arg::scalar(array) } else { Arg::column(array) };
        if is_128(ty) { arg } else { to_256(&arg).unwrap() }
    }

    /// The ordering as all six comparisons see it, with columns and constants.
    fn compare(left: (DataType, i128), right: (DataType, i128)) -> Ordering {
        let seen = [(false, false), (true, false), (false, true)].map(|(l, r)| {
            let test = |function| {
                let args = [arg(left.0, left.1, l), arg(right.0, right.1, r)];
                let result = kernel(function, left.0, right.0).unwrap().call(&args, 1).unwrap();
                result.as_boolean().value(0)
            };
            let six = [
                Function::Lt,
                Function::Le,
                Function::Eq,
                Function::Ge,
                Function::Gt,
                Function::Ne,
            ];
            match six.map(test) {
                [true, true, false, false, false, true] => Ordering::Less,
                [false, true, true, true, false, false] => Ordering::Equal,
                [false, false, false, true, true, true] => Ordering::Greater,
                other => panic!("{other:?}"),
            }
        });
        assert!(seen.iter().all(|ordering| *ordering == seen[0]), "{seen:?}");
        seen[0]
    }

    #[test]
    fn scales_are_reconciled() {
        let (coarse, fine) = (decimal(10, 0), decimal(10, 4));
        assert_eq!(compare((coarse, 24), (fine, 240_000)), Ordering::Equal);
        assert_eq!(compare((fine, 240_001), (coarse, 24)), Ordering::Greater);
        assert_eq!(compare((coarse, -1), (decimal(60, 2), -99)), Ordering::Less);
    }

    #[test]
    fn overflow_while_scaling_is_decided_by_the_sign() {
        let (coarse, fine) = (decimal(38, 0), decimal(38, 38));
        let big = 10_i128.pow(38) - 1;
        assert_eq!(compare((coarse, big), (fine, big)), Ordering::Greater);
        assert_eq!(compare((coarse, -big), (fine, -big)), Ordering::Less);
        assert_eq!(compare((fine, big), (coarse, big)), Ordering::Less);
        assert_eq!(compare((decimal(76, 0), big), (decimal(76, 76), 1)), Ordering::Greater);
        assert_eq!(compare((coarse, 0), (fine, 0)), Ordering::Equal);
    }

    #[test]
    fn nan_is_the_largest_and_equals_itself() {
        let (a, b) = (decimal(10, 2), decimal(10, 4));
        assert_eq!(compare((a, DECIMAL128_NAN), (b, DECIMAL128_NAN)), Ordering::Equal);
        assert_eq!(compare((a, DECIMAL128_NAN), (decimal(60, 2), 1)), Ordering::Greater);
        assert_eq!(compare((a, 1), (b, DECIMAL128_NAN)), Ordering::Less);
        assert_eq!(compare((decimal(60, 0), DECIMAL128_NAN), (b, DECIMAL128_NAN)), Ordering::Equal);
    }
}
