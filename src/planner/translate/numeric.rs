//! How `numeric` expressions are typed: with a fixed scale if they can be.
//!
//! PostgreSQL gives a `numeric` result a display scale by rule: the larger one
//! for `+` and `-`, the sum for `*`. As long as all arguments' scales are known
//! when the plan is made, so is the result's, and with a bound on the digits
//! before the point it always fits: that is fixed-scale numeric, integers of 128 or
//! 256 bits. Quotients, whose scale depends on the value, and whatever else
//! cannot be bounded are computed on PostgreSQL's own bytes: variable-scale numeric.

use super::typed::{Typed, as_decimal, call};
use super::types::numeric_type;
use crate::planner::report::reason::Reason;
use fusion_plan::{
    DataType, Expr, Function, Literal, MAX_DECIMAL128_PRECISION, MAX_DECIMAL256_PRECISION,
    NumericFunction, Value,
};
use fusion_scalar::numeric::Typmod;

/// The type of `extract` of a year and the like, whose values may be infinite:
/// fixed-scale numeric compares and returns them, but does not compute with them. Only
/// the type tells them apart from other decimals, so it is one that is rarely
/// declared.
pub const YEAR: DataType = DataType::Decimal { precision: 37, scale: 0 };

/// Digits before and after the decimal point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Digits {
    whole: u32,
    scale: u32,
}

impl Digits {
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

    /// The digits needed to show the values with `scale` digits after the point.
    fn at_scale(self, scale: u32) -> Self {
        Self { scale, ..self }
    }

    /// The same, if 128 bits hold them.
    fn narrow(self) -> Option<Self> {
        (self.whole + self.scale <= u32::from(MAX_DECIMAL128_PRECISION)).then_some(self)
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

/// The digits of an argument to compute with.
fn finite_digits(ty: DataType) -> Result<Digits, Reason> {
    if ty == YEAR {
        return Err("arithmetic on a value that may be infinite".into());
    }
    digits_of(ty)
}

fn digits_of(ty: DataType) -> Result<Digits, Reason> {
    Digits::of(ty).ok_or_else(|| "the scale of a numeric value is not known in advance".into())
}

/// A call of `function` on numeric arguments, with a fixed scale if the types
/// allow it.
pub fn operation(function: NumericFunction, args: Vec<Typed>) -> Typed {
    match with_fixed_scale(function, &args) {
        Some((function, ty)) => call(function, args, ty),
        None => call(Function::Numeric(function), args, DataType::Numeric),
    }
}

/// The function and result type with a fixed scale, if there are such.
fn with_fixed_scale(function: NumericFunction, args: &[Typed]) -> Option<(Function, DataType)> {
    use NumericFunction as N;
    let digits = |index: usize| finite_digits(args.get(index)?.ty).ok();
    let same = Function::Numeric(function);
    let (a, b) = (digits(0)?, digits(1));
    let (function, result) = match function {
        N::Add | N::Sub => {
            let b = b?;
            let function = if function == N::Add { Function::Add } else { Function::Sub };
            (function, Digits { whole: a.whole.max(b.whole) + 1, scale: a.scale.max(b.scale) })
        }
        N::Mul => {
            let b = b?;
            (Function::Mul, Digits { whole: a.whole + b.whole, scale: a.scale + b.scale })
        }
        N::Neg => (Function::Neg, a),
        N::Abs => (Function::Abs, a),
        N::Mod | N::DivTrunc => {
            let b = b?;
            let scale = a.scale.max(b.scale);
            // Both are brought to one scale first.
            a.at_scale(scale).narrow()?;
            b.at_scale(scale).narrow()?;
            let result = match function {
                // It is smaller than either.
                N::Mod => Digits { whole: a.whole.min(b.whole), scale },
                _ => Digits { whole: a.whole + b.scale, scale: 0 },
            };
            (same, result.narrow()?)
        }
        N::Sign => (same, Digits { whole: 1, scale: 0 }),
        // Rounding up may give one digit more.
        N::Ceil | N::Floor => (same, Digits { whole: a.whole + 1, scale: 0 }.narrow()?),
        N::Round | N::Trunc => {
            let places = constant_int4(args.get(1)?)?;
            let scale = u32::try_from(places).unwrap_or(0);
            let up = u32::from(function == N::Round && places < a.scale as i32);
            (same, Digits { whole: a.whole + up, scale }.narrow()?)
        }
        _ => return None,
    };
    if function == same {
        a.narrow()?;
    }
    Some((function, result.to_type().ok()?))
}

fn constant_int4(arg: &Typed) -> Option<i32> {
    match &arg.expr {
        Expr::Literal(Literal { value: Some(Value::Int(value)), .. }) => (*value).try_into().ok(),
        _ => None,
    }
}

/// An integer as a decimal without digits after the point.
pub fn from_integer(arg: Typed) -> Result<Typed, Reason> {
    let ty = digits_of(arg.ty)?.to_type()?;
    Ok(call(Function::WidenDecimal, vec![arg], ty))
}

/// `arg` as variable-scale numeric.
pub fn as_numeric(arg: Typed) -> Expr {
    match (arg.ty, arg.expr) {
        (DataType::Numeric, expr) => expr,
        (_, Expr::Literal(Literal { value: None, .. })) => Expr::null(DataType::Numeric),
        (_, expr) => {
            let function = Function::Numeric(NumericFunction::ToNumeric);
            Expr::call(function, vec![expr], DataType::Numeric)
        }
    }
}

/// The cast of a numeric value to a type modifier, by steps that cannot fail if
/// all values of the argument's type fit.
pub fn with_typmod(arg: Typed, raw: i32) -> Typed {
    let Some(Typmod { precision, scale }) = Typmod::from_raw(raw) else { return arg };
    let ty = numeric_type(raw);
    if let (Ok(from), Ok(places), DataType::Decimal { .. }) =
        (finite_digits(arg.ty), u32::try_from(scale), ty)
    {
        let room = precision - scale;
        let widened = |arg| Typed { expr: as_decimal(arg, ty), ty };
        if from.scale <= places && from.whole as i32 <= room {
            return widened(arg);
        }
        // Rounding may carry into one more digit.
        if from.scale > places && (from.whole as i32) < room {
            let places = Typed {
                expr: Expr::literal(DataType::Int4, Value::Int(scale.into())),
                ty: DataType::Int4,
            };
            let rounded = operation(NumericFunction::Round, vec![arg.clone(), places]);
            if rounded.ty != DataType::Numeric {
                return widened(rounded);
            }
        }
    }
    match (u16::try_from(precision), i16::try_from(scale)) {
        (Ok(precision), Ok(scale)) => {
            let function = NumericFunction::WithTypmod { precision, scale };
            call(Function::Numeric(function), vec![arg], ty)
        }
        // The bits of a type modifier hold no others.
        _ => arg,
    }
}

/// Whether `ty` is `numeric`, of fixed or variable scale.
pub fn is_numeric(ty: DataType) -> bool {
    matches!(ty, DataType::Numeric | DataType::Decimal { .. })
}

/// The type that holds numeric values of types `a` and `b` with their display
/// scales.
pub fn branch_type(a: DataType, b: DataType) -> DataType {
    let fast = match (a, b) {
        (DataType::Decimal { scale: a_scale, .. }, DataType::Decimal { scale: b_scale, .. })
            if a_scale == b_scale =>
        {
            common_type(a, b).ok()
        }
        _ => None,
    };
    fast.unwrap_or(DataType::Numeric)
}

/// The type that holds the values of both `a` and `b` without change.
pub fn common_type(a: DataType, b: DataType) -> Result<DataType, Reason> {
    if a == b {
        return Ok(a);
    }
    let (a, b) = (finite_digits(a)?, finite_digits(b)?);
    Digits { whole: a.whole.max(b.whole), scale: a.scale.max(b.scale) }.to_type()
}

/// Whether values of `a` and `b` can be brought to one scale: infinities have
/// none.
pub fn check_rescale(a: DataType, b: DataType) -> Result<(), Reason> {
    let scales = (digits_of(a)?.scale, digits_of(b)?.scale);
    match (a == YEAR || b == YEAR) && scales.0 != scales.1 {
        true => Err("a value that may be infinite at another scale".into()),
        false => Ok(()),
    }
}

/// The type of `sum` over `ty`: wide enough for as many rows as an `int8` can
/// count, so that no sum overflows.
pub fn sum_type(ty: DataType) -> Result<DataType, Reason> {
    const COUNT_DIGITS: u32 = 19;
    let Digits { whole, scale } = finite_digits(ty)?;
    let digits = whole + scale + COUNT_DIGITS;
    let precision = match digits {
        0..=38 => MAX_DECIMAL128_PRECISION,
        39..=76 => MAX_DECIMAL256_PRECISION,
        _ => return Err(format!("a numeric sum may need {digits} digits").into()),
    };
    Ok(DataType::Decimal { precision, scale: scale as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> DataType {
        DataType::Decimal { precision, scale }
    }

    fn column(ty: DataType) -> Typed {
        Typed { expr: Expr::Column(0), ty }
    }

    fn int4(value: i64) -> Typed {
        let ty = DataType::Int4;
        Typed { expr: Expr::literal(ty, Value::Int(value)), ty }
    }

    fn result(function: NumericFunction, args: &[DataType]) -> DataType {
        operation(function, args.iter().map(|ty| column(*ty)).collect()).ty
    }

    #[test]
    fn scales_follow_postgresql() {
        use NumericFunction as N;
        let price = decimal(15, 2);
        let one = decimal(1, 0);
        assert_eq!(result(N::Sub, &[one, price]), decimal(16, 2));
        assert_eq!(result(N::Mul, &[price, decimal(16, 2)]), decimal(31, 4));
        assert_eq!(from_integer(column(DataType::Int4)).unwrap().ty, decimal(10, 0));
        assert_eq!(common_type(decimal(5, 4), decimal(10, 1)), Ok(decimal(13, 4)));
        assert_eq!(result(N::Mod, &[price, decimal(5, 3)]), decimal(5, 3));
        assert_eq!(result(N::DivTrunc, &[price, decimal(5, 3)]), decimal(16, 0));
        assert_eq!(result(N::Ceil, &[price]), decimal(14, 0));
        assert_eq!(result(N::Sign, &[price]), decimal(1, 0));
        assert_eq!(result(N::Div, &[price, one]), DataType::Numeric);
    }

    #[test]
    fn rounding_to_a_constant_is_bounded() {
        let round = |function, ty, places| operation(function, vec![column(ty), int4(places)]).ty;
        let price = decimal(15, 2);
        assert_eq!(round(NumericFunction::Round, price, 1), decimal(15, 1));
        assert_eq!(round(NumericFunction::Trunc, price, 1), decimal(14, 1));
        assert_eq!(round(NumericFunction::Round, price, 4), decimal(17, 4));
        assert_eq!(round(NumericFunction::Round, price, -2), decimal(14, 0));
        assert_eq!(round(NumericFunction::Round, price, 30), DataType::Numeric);
        assert_eq!(result(NumericFunction::Round, &[price, DataType::Int4]), DataType::Numeric);
    }

    #[test]
    fn casts_that_always_fit_cannot_fail() {
        let raw = |precision: i32, scale: i32| (precision << 16 | scale & 0x7ff) + 4;
        let cast = |from, typmod| with_typmod(column(from), typmod);
        let wider = cast(decimal(10, 2), raw(12, 3));
        assert_eq!((wider.ty, wider.expr.can_fail()), (decimal(12, 3), false));
        let rounded = cast(decimal(10, 4), raw(9, 2));
        assert_eq!((rounded.ty, rounded.expr.can_fail()), (decimal(9, 2), false));
        // 999999.9999 becomes 1000000.00.
        let tight = cast(decimal(10, 4), raw(8, 2));
        assert_eq!((tight.ty, tight.expr.can_fail()), (decimal(8, 2), true));
        let exact = cast(DataType::Numeric, raw(8, -2));
        assert_eq!((exact.ty, exact.expr.can_fail()), (decimal(10, 0), true));
        assert_eq!(cast(DataType::Numeric, raw(100, 50)).ty, DataType::Numeric);
        assert_eq!(cast(DataType::Numeric, -1).expr, Expr::Column(0));
    }

    #[test]
    fn infinities_have_no_fixed_scale() {
        assert_eq!(result(NumericFunction::Add, &[YEAR, decimal(1, 0)]), DataType::Numeric);
        assert!(sum_type(YEAR).is_err());
        assert!(common_type(YEAR, decimal(3, 1)).is_err());
        assert!(common_type(YEAR, decimal(10, 0)).is_err());
        assert_eq!(common_type(YEAR, YEAR), Ok(YEAR));
    }

    #[test]
    fn what_cannot_be_bounded_has_a_variable_scale() {
        let wide = decimal(50, 2);
        assert_eq!(result(NumericFunction::Mul, &[wide, wide]), DataType::Numeric);
        let mixed = [DataType::Numeric, decimal(1, 0)];
        assert_eq!(result(NumericFunction::Add, &mixed), DataType::Numeric);
        assert_eq!(result(NumericFunction::Mod, &[decimal(38, 0), wide]), DataType::Numeric);
        assert!(sum_type(decimal(60, 0)).is_err());
        assert_eq!(sum_type(decimal(15, 2)), Ok(decimal(38, 2)));
        assert_eq!(sum_type(decimal(31, 4)), Ok(decimal(76, 4)));
    }

    #[test]
    fn branches_keep_their_scales() {
        assert_eq!(branch_type(decimal(5, 2), decimal(9, 2)), decimal(9, 2));
        assert_eq!(branch_type(decimal(5, 2), decimal(5, 3)), DataType::Numeric);
        assert_eq!(branch_type(DataType::Numeric, decimal(5, 3)), DataType::Numeric);
        assert_eq!(branch_type(YEAR, decimal(9, 0)), DataType::Numeric);
        assert_eq!(branch_type(YEAR, decimal(3, 0)), DataType::Numeric);
        assert_eq!(branch_type(YEAR, YEAR), YEAR);
    }
}
