//! Functions over `numeric` in the exact lane.

use serde::{Deserialize, Serialize};

/// A function that takes or gives [`DataType::Numeric`](crate::DataType::Numeric),
/// as `numeric.c` computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NumericFunction {
    /// `Decimal` or an integer → `Numeric`: the same value with the same
    /// display scale. Cannot fail.
    ToNumeric,
}

impl NumericFunction {
    /// Whether a call can raise an error.
    pub fn can_fail(self) -> bool {
        match self {
            Self::ToNumeric => false,
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        None
    }

    /// The name to show where there is no infix form; `None` for conversions
    /// that are not worth showing.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::ToNumeric => None,
        }
    }
}
