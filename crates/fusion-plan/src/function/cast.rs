//! Conversions between types that are more than a widening.

use crate::DataType;
use serde::{Deserialize, Serialize};

/// A conversion whose kind and types, that of its argument and that of its result,
/// say what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CastFunction {
    /// `Text` → an integer, float, `Bool`, `Oid` or `Uuid`, by the type's input
    /// function: errors `invalid input syntax` and `out of range`.
    Parse,
    /// An integer, `Oid` or `Uuid` → `Text`, by the type's output function.
    Format,
    /// `Float4` or `Float8`, and the setting `extra_float_digits` as `Int4`, →
    /// `Text`, by the type's output function.
    FormatFloat,
    /// `Bool` → `Text`: `true` or `false` (`booltext`).
    BoolWord,
    /// `Bool` → `Text`: `t` or `f`, by the output function.
    BoolLetter,
    /// `Int8` → `Int4` or `Int2`, `Int4` → `Int2`: error out of range.
    NarrowInteger,
    /// `Float8` → `Float4` (`dtof`): errors of overflow and underflow.
    NarrowFloat,
    /// `Float4`, `Float8` → an integer, rounding halves to even (`dtoi4`): error out
    /// of range.
    RoundToInteger,
    /// `Int4` → `Bool` (`int4_bool`).
    IntegerToBool,
    /// `Bool` → `Int4` (`bool_int4`).
    BoolToInteger,
    /// `Int8` → `Oid` (`i8tooid`): error out of range.
    IntegerToOid,
    /// `Oid` → `Int8` (`oidtoi8`).
    OidToInteger,
    /// The same bits as another type: `Int4` and `Oid`, `Text` and `Bpchar`. Text
    /// that comes of a `bpchar` this way keeps its padding, which operators like
    /// LIKE see.
    Relabel,
}

impl CastFunction {
    /// Whether a call can raise an error.
    pub fn can_fail(self) -> bool {
        match self {
            Self::Parse
            | Self::NarrowInteger
            | Self::NarrowFloat
            | Self::RoundToInteger
            | Self::IntegerToOid => true,
            Self::Format
            | Self::FormatFloat
            | Self::BoolWord
            | Self::BoolLetter
            | Self::IntegerToBool
            | Self::BoolToInteger
            | Self::OidToInteger
            | Self::Relabel => false,
        }
    }

    /// The name to show for a conversion to `ty`; `None` for those that are not
    /// worth showing.
    pub fn name(self, ty: DataType) -> Option<&'static str> {
        Some(match (self, ty) {
            (Self::Relabel, _) => return None,
            (_, DataType::Bool) => "bool",
            (_, DataType::Int2) => "int2",
            (_, DataType::Int4) => "int4",
            (_, DataType::Int8) => "int8",
            (_, DataType::Float4) => "float4",
            (_, DataType::Float8) => "float8",
            (_, DataType::Oid) => "oid",
            (_, DataType::Uuid) => "uuid",
            _ => "text",
        })
    }
}
