//! Functions over floats that need no mathematical library.

use serde::{Deserialize, Serialize};

/// A function of a `Float8` that gives a `Float8`, as `float.c` computes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FloatFunction {
    /// `round` (`dround`): halves to even.
    Round,
    /// `ceil` (`dceil`).
    Ceil,
    /// `floor` (`dfloor`).
    Floor,
    /// `trunc` (`dtrunc`).
    Trunc,
    /// `sign` (`dsign`).
    Sign,
    /// `sqrt` (`dsqrt`): error for negative values.
    Sqrt,
}

impl FloatFunction {
    /// Whether a call can raise an error.
    pub fn can_fail(self) -> bool {
        self == Self::Sqrt
    }

    /// The name to show for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Round => "round",
            Self::Ceil => "ceil",
            Self::Floor => "floor",
            Self::Trunc => "trunc",
            Self::Sign => "sign",
            Self::Sqrt => "sqrt",
        }
    }
}
