//! Functions over strings.

use serde::{Deserialize, Serialize};

/// A function over `text`, `bpchar` or `bytea`, as `varlena.c` and its kin
/// compute it in a UTF-8 database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TextFunction {
    /// `length(text)` (`textlen`) → `int4`: characters. Cannot fail.
    Length,
}

impl TextFunction {
    /// Whether a call can raise an error.
    pub fn can_fail(self) -> bool {
        match self {
            Self::Length => false,
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        None
    }

    /// The name to show where there is no infix form; `None` for conversions
    /// that are not worth showing.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Length => "length",
        })
    }
}
