//! The functions the engine knows, each with one exact PostgreSQL meaning.

mod cast;
mod datetime;
mod float;
mod numeric;
mod text;
mod unit;

pub use cast::CastFunction;
pub use datetime::DatetimeFunction;
pub use float::FloatFunction;
pub use numeric::NumericFunction;
pub use text::TextFunction;
pub use unit::DatetimeUnit;

use crate::{DataType, Expr};
use serde::{Deserialize, Serialize};

/// A scalar function. All are strict (NULL in, NULL out) and immutable.
///
/// Arguments have the types given at each variant; where several types are
/// allowed, all arguments have the same one unless said otherwise. The planner
/// side inserts casts and trims so that this holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Function {
    /// `=` over any type that can be compared here: `Bool`, integers, floats
    /// (NaN equals NaN, −0 equals 0), `Oid`, dates and times, `Text`, `Bytea`,
    /// `Uuid`, `Enum`, and two `Decimal`s of any precision and scale or
    /// `Numeric`s, in any combination.
    Eq,
    /// `<>`, see [`Function::Eq`].
    Ne,
    /// `<`, see [`Function::Eq`]; NaN is the largest, `Text` is ordered by
    /// byte.
    Lt,
    /// `<=`, see [`Function::Lt`].
    Le,
    /// `>`, see [`Function::Lt`].
    Gt,
    /// `>=`, see [`Function::Lt`].
    Ge,
    /// `+` over integers (`int4pl`: error out of range), floats (`float8pl`:
    /// error on overflow) and `Decimal`s (`numeric_add`: result scale is the
    /// larger one; the result type is wide enough, so it never fails).
    Add,
    /// `-`, see [`Function::Add`].
    Sub,
    /// `*`, see [`Function::Add`]; the `Decimal` result's scale is the sum of
    /// the arguments' scales. Floats can also underflow.
    Mul,
    /// `/` over integers (truncates; errors: division by zero, and
    /// out of range for the smallest value by −1) and floats (division by
    /// zero, overflow, underflow).
    Div,
    /// `%` over integers: the sign of the dividend, zero by −1; error:
    /// division by zero.
    Mod,
    /// Unary minus over integers (error for the smallest value), floats and
    /// `Decimal`.
    Neg,
    /// `abs` over integers (error for the smallest value), floats and
    /// `Decimal`.
    Abs,
    /// `int2` → `int4`, `int2`/`int4` → `int8`: cannot fail.
    WidenInteger,
    /// Integers → `float4`/`float8`, `float4` → `float8`: cannot fail, rounds
    /// as C does.
    ToFloat,
    /// Integers → `Decimal` of scale 0, or a `Decimal` → a `Decimal` of no
    /// smaller scale and enough digits: cannot fail, changes no value.
    WidenDecimal,
    /// The form, as `Text`, in which `bpchar` is compared, grouped and joined
    /// (`bcTruelen`): without trailing blanks. The cast to `text` is
    /// [`TextFunction::BpcharToText`].
    BpcharTrim,
    /// `text LIKE pattern` (`textlike`, `bytealike`), both `Text` or both
    /// `Bytea`, escape `\`: error `LIKE pattern must not end with escape
    /// character`.
    Like,
    /// `text NOT LIKE pattern` (`textnlike`, `byteanlike`).
    NotLike,
    /// A function over `numeric`.
    Numeric(NumericFunction),
    /// A function over dates, times and intervals.
    Datetime(DatetimeFunction),
    /// A function over strings.
    Text(TextFunction),
    /// A function over floats.
    Float(FloatFunction),
    /// A conversion.
    Cast(CastFunction),
}

impl Function {
    /// Whether a call on `args` with result type `ty` can raise an error, the
    /// evaluation of the arguments apart.
    pub fn can_fail(self, args: &[Expr], ty: DataType) -> bool {
        match self {
            Self::Add | Self::Sub | Self::Mul => !matches!(ty, DataType::Decimal { .. }),
            Self::Neg | Self::Abs => ty.is_integer(),
            Self::Div | Self::Mod => true,
            Self::Like | Self::NotLike => !args.get(1).is_some_and(text::is_complete_pattern),
            Self::Eq
            | Self::Ne
            | Self::Lt
            | Self::Le
            | Self::Gt
            | Self::Ge
            | Self::WidenInteger
            | Self::ToFloat
            | Self::WidenDecimal
            | Self::BpcharTrim => false,
            Self::Numeric(function) => function.can_fail(ty),
            Self::Datetime(function) => function.can_fail(ty),
            Self::Text(function) => function.can_fail(args),
            Self::Float(function) => function.can_fail(),
            Self::Cast(function) => function.can_fail(),
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        Some(match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Like => "~~",
            Self::NotLike => "!~~",
            Self::Numeric(function) => return function.infix(),
            Self::Datetime(function) => return function.infix(),
            Self::Text(function) => return function.infix(),
            _ => return None,
        })
    }

    /// The name to show for a call with result type `ty` where there is no infix
    /// form; `None` for conversions that are not worth showing.
    pub fn name(self, ty: DataType) -> Option<&'static str> {
        Some(match self {
            Self::Neg => "-",
            Self::Abs => "abs",
            Self::Numeric(function) => return function.name(),
            Self::Datetime(function) => return function.name(),
            Self::Text(function) => return function.name(),
            Self::Float(function) => function.name(),
            Self::Cast(function) => return function.name(ty),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_arithmetic_never_fails_and_integer_does() {
        let decimal = DataType::Decimal { precision: 30, scale: 4 };
        assert!(!Function::Mul.can_fail(&[], decimal));
        assert!(Function::Mul.can_fail(&[], DataType::Int8));
        assert!(Function::Div.can_fail(&[], DataType::Int4));
    }
}
