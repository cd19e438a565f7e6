//! Functions over `numeric`.

use crate::DataType;
use serde::{Deserialize, Serialize};

/// A function that takes or gives `numeric`, as `numeric.c` computes it.
///
/// An argument called a number is [`DataType::Numeric`], a
/// [`DataType::Decimal`] or an integer; the arguments of one call may differ.
/// Results are `Numeric` unless said otherwise. Where a `Decimal` is said to be
/// possible, the arguments are 128-bit `Decimal`s, the result's scale is the one
/// PostgreSQL would show, and its precision is enough for every value, so that
/// the call cannot fail for its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NumericFunction {
    /// A number: the same value with the same display scale. Cannot fail.
    ToNumeric,
    /// `+` of two numbers. Error: the result is too large, as for all below
    /// unless said otherwise.
    Add,
    /// `-` of two numbers.
    Sub,
    /// `*` of two numbers.
    Mul,
    /// `/` of two numbers, with the scale of `select_div_scale`. Error:
    /// division by zero.
    Div,
    /// `%` of two numbers; a `Decimal` is possible. Error: division by zero.
    Mod,
    /// `div` of two numbers; a `Decimal` is possible. Error: division by zero.
    DivTrunc,
    /// Unary minus of a number. Cannot fail.
    Neg,
    /// `abs` of a number. Cannot fail.
    Abs,
    /// `sign` of a number; a `Decimal` is possible. Cannot fail.
    Sign,
    /// `ceil` of a number; a `Decimal` is possible.
    Ceil,
    /// `floor` of a number; a `Decimal` is possible.
    Floor,
    /// `round` of a number to an `Int4` of digits; a `Decimal` is possible if
    /// that is a constant.
    Round,
    /// `trunc` of a number to an `Int4` of digits; a `Decimal` is possible if
    /// that is a constant. Cannot fail.
    Trunc,
    /// `scale` of a number, an `Int4`, NULL for NaN and infinities. Cannot fail.
    Scale,
    /// `min_scale` of a number, an `Int4`, NULL for NaN and infinities. Cannot
    /// fail.
    MinScale,
    /// `trim_scale` of a number. Cannot fail.
    TrimScale,
    /// A number as `numeric(precision, scale)`: `Decimal` if the engine has one
    /// so wide. Error: numeric field overflow.
    WithTypmod {
        /// The declared precision.
        precision: u16,
        /// The declared scale, which may be negative.
        scale: i16,
    },
    /// A number as `Int2`, `Int4` or `Int8`, rounded half away from zero. Errors:
    /// out of range, NaN, infinity.
    ToInteger,
    /// A number as `Float4` or `Float8`. Error: out of range.
    ToFloat,
    /// `Float4` or `Float8` as `Numeric`, with the digits that the type always
    /// has. Cannot fail.
    FromFloat,
    /// A number as `Text`, `numeric_out`. Cannot fail.
    ToText,
    /// `Text` as `Numeric`, `numeric_in` of PostgreSQL 15. Errors: invalid input
    /// syntax, the value is too large.
    FromText,
}

impl NumericFunction {
    /// Whether a call with result type `ty` can raise an error.
    pub fn can_fail(self, ty: DataType) -> bool {
        match self {
            Self::ToNumeric
            | Self::Neg
            | Self::Abs
            | Self::Sign
            | Self::Trunc
            | Self::Scale
            | Self::MinScale
            | Self::TrimScale
            | Self::FromFloat
            | Self::ToText => false,
            Self::Ceil | Self::Floor | Self::Round => ty == DataType::Numeric,
            Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Div
            | Self::Mod
            | Self::DivTrunc
            | Self::WithTypmod { .. }
            | Self::ToInteger
            | Self::ToFloat
            | Self::FromText => true,
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        Some(match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            _ => return None,
        })
    }

    /// The name to show where there is no infix form; `None` for conversions
    /// that are not worth showing.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::DivTrunc => "div",
            Self::Neg => "-",
            Self::Abs => "abs",
            Self::Sign => "sign",
            Self::Ceil => "ceil",
            Self::Floor => "floor",
            Self::Round => "round",
            Self::Trunc => "trunc",
            Self::Scale => "scale",
            Self::MinScale => "min_scale",
            Self::TrimScale => "trim_scale",
            Self::WithTypmod { .. } | Self::FromFloat | Self::FromText => "numeric",
            Self::ToInteger => "integer",
            Self::ToFloat => "float",
            Self::ToText => "text",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_rounding_cannot_fail() {
        let bounded = DataType::Decimal { precision: 9, scale: 2 };
        assert!(!NumericFunction::Round.can_fail(bounded));
        assert!(NumericFunction::Round.can_fail(DataType::Numeric));
        assert!(!NumericFunction::Trunc.can_fail(DataType::Numeric));
        // A division by zero is an error whatever the size.
        assert!(NumericFunction::Mod.can_fail(bounded));
        assert!(NumericFunction::WithTypmod { precision: 9, scale: 2 }.can_fail(bounded));
    }
}
