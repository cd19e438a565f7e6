//! Result types of `numeric` expressions in the fast lane.
//!
//! PostgreSQL gives a `numeric` result a display scale by rule: the larger one
//! for `+` and `-`, the sum for `*`. As long as all arguments' scales are known
//! when the plan is made, so is the result's, and with a bound on the digits
//! before the point it always fits.

use super::Reason;
use fusion_plan::{DataType, Function, MAX_DECIMAL128_PRECISION, MAX_DECIMAL256_PRECISION};

/// The type of `extract(year from date)`; the largest date is in the year
/// 5874897. Columns of this type may hold infinities, which the engine compares
/// and returns but does not compute with.
pub const YEAR: DataType = DataType::Decimal { precision: 7, scale: 0 };

/// Digits before and after the decimal point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    whole: u32,
    scale: u32,
}

impl Shape {
    fn of(ty: DataType) -> Option<Self> {
        match ty {
            DataType::Decimal { precision, scale } => Some(Self {
                whole: u32::from(precision.saturating_sub(scale)),
                scale: u32::from(scale),
            }),
            // The most digits a value of the type can have.
            DataType::Int2 => Some(Self { whole: 5, scale: 0 }),
            DataType::Int4 => Some(Self { whole: 10, scale: 0 }),
            DataType::Int8 => Some(Self { whole: 19, scale: 0 }),
            _ => None,
        }
    }

    fn to_type(self) -> Result<DataType, Reason> {
        let digits = (self.whole + self.scale).max(1);
        if digits > u32::from(MAX_DECIMAL256_PRECISION) {
            return Err(format!(
                "a numeric result may need {digits} digits, more than {MAX_DECIMAL256_PRECISION}"
            )
            .into());
        }
        Ok(DataType::Decimal { precision: digits as u8, scale: self.scale as u8 })
    }
}

/// The shape of an argument to compute with.
fn finite_shape(ty: DataType) -> Result<Shape, Reason> {
    if ty == YEAR {
        return Err("arithmetic on a value that may be infinite".into());
    }
    shape(ty)
}

fn shape(ty: DataType) -> Result<Shape, Reason> {
    Shape::of(ty).ok_or_else(|| "the scale of a numeric value is not known in advance".into())
}

/// The result type of `function` over arguments of types `args`, all of them
/// decimals (integers for [`Function::WidenDecimal`]).
pub fn result_type(function: Function, args: &[DataType]) -> Result<DataType, Reason> {
    let shapes = args.iter().map(|ty| finite_shape(*ty)).collect::<Result<Vec<_>, _>>()?;
    let result = match (function, shapes.as_slice()) {
        (Function::Add | Function::Sub, [a, b]) => {
            Shape { whole: a.whole.max(b.whole) + 1, scale: a.scale.max(b.scale) }
        }
        (Function::Mul, [a, b]) => Shape { whole: a.whole + b.whole, scale: a.scale + b.scale },
        (Function::Neg | Function::Abs | Function::WidenDecimal, [a]) => *a,
        _ => return Err("unexpected arguments of a numeric function".into()),
    };
    result.to_type()
}

/// The type that holds the values of both `a` and `b` without change.
pub fn common_type(a: DataType, b: DataType) -> Result<DataType, Reason> {
    check_rescale(a, b)?;
    let (a, b) = (shape(a)?, shape(b)?);
    Shape { whole: a.whole.max(b.whole), scale: a.scale.max(b.scale) }.to_type()
}

/// Whether values of `a` and `b` can be brought to one scale: infinities have
/// none.
pub fn check_rescale(a: DataType, b: DataType) -> Result<(), Reason> {
    let scales = (shape(a)?.scale, shape(b)?.scale);
    match (a == YEAR || b == YEAR) && scales.0 != scales.1 {
        true => Err("a value that may be infinite at another scale".into()),
        false => Ok(()),
    }
}

/// The type of `sum` over `ty`: wide enough for as many rows as an `int8` can
/// count, so that no sum overflows.
pub fn sum_type(ty: DataType) -> Result<DataType, Reason> {
    const COUNT_DIGITS: u32 = 19;
    let shape = finite_shape(ty)?;
    let digits = shape.whole + shape.scale + COUNT_DIGITS;
    let precision = match digits {
        0..=38 => MAX_DECIMAL128_PRECISION,
        39..=76 => MAX_DECIMAL256_PRECISION,
        _ => return Err(format!("a numeric sum may need {digits} digits").into()),
    };
    Ok(DataType::Decimal { precision, scale: shape.scale as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    #[test]
    fn scales_follow_postgresql() {
        let price = decimal(15, 2);
        let one = decimal(1, 0);
        let rest = result_type(Function::Sub, &[one, price]);
        assert_eq!(rest, Ok(decimal(16, 2)));
        assert_eq!(result_type(Function::Mul, &[price, decimal(16, 2)]), Ok(decimal(31, 4)));
        assert_eq!(result_type(Function::WidenDecimal, &[DataType::Int4]), Ok(decimal(10, 0)));
        assert_eq!(common_type(decimal(5, 4), decimal(10, 1)), Ok(decimal(13, 4)));
    }

    #[test]
    fn infinities_are_compared_only() {
        assert!(result_type(Function::Add, &[YEAR, decimal(1, 0)]).is_err());
        assert!(sum_type(YEAR).is_err());
        assert!(common_type(YEAR, decimal(3, 1)).is_err());
        assert_eq!(common_type(YEAR, decimal(10, 0)), Ok(decimal(10, 0)));
    }

    #[test]
    fn what_cannot_be_bounded_is_refused() {
        assert!(result_type(Function::Mul, &[decimal(50, 2), decimal(50, 2)]).is_err());
        assert!(result_type(Function::Add, &[DataType::Numeric, decimal(1, 0)]).is_err());
        assert!(sum_type(decimal(60, 0)).is_err());
        assert_eq!(sum_type(decimal(15, 2)), Ok(decimal(38, 2)));
        assert_eq!(sum_type(decimal(31, 4)), Ok(decimal(76, 4)));
    }
}
