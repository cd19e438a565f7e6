//! Column types: how a PostgreSQL type looks in a page and in the engine.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Largest number of decimal digits a 128-bit unscaled value always holds.
pub const MAX_DECIMAL128_PRECISION: u8 = 38;
/// Largest number of decimal digits a 256-bit unscaled value always holds.
pub const MAX_DECIMAL256_PRECISION: u8 = 76;

/// The precision that decimals have in Arrow: always the widest one, because
/// the plan tracks the real one and Arrow's would only make equal types look
/// different.
const ARROW_DECIMAL128_PRECISION: u8 = MAX_DECIMAL128_PRECISION;
const ARROW_DECIMAL256_PRECISION: u8 = MAX_DECIMAL256_PRECISION;

/// The unscaled value that stands for PostgreSQL's NaN in a 128-bit decimal.
/// Its 256-bit counterpart is the largest 256-bit integer.
pub const DECIMAL128_NAN: i128 = i128::MAX;

/// The unscaled value that stands for PostgreSQL's positive infinity in a
/// 128-bit decimal. Only [`DatetimeFunction::Extract`](crate::DatetimeFunction::Extract)
/// gives infinities; its result is compared, grouped and returned, but never
/// computed with.
pub const DECIMAL128_INFINITY: i128 = i128::MAX - 1;

/// The unscaled value that stands for negative infinity, as
/// [`DECIMAL128_INFINITY`] does for positive.
pub const DECIMAL128_NEGATIVE_INFINITY: i128 = i128::MIN;

/// The type of a column or expression.
///
/// Each variant fixes a bit-level representation that keeps every value
/// PostgreSQL can store, so nothing is lost on the way to the engine and back.
/// Dates and times count from PostgreSQL's epoch, 2000-01-01, and keep its
/// infinities, which order correctly as plain integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DataType {
    /// `bool`.
    Bool,
    /// `int2`.
    Int2,
    /// `int4`.
    Int4,
    /// `int8`.
    Int8,
    /// `float4`. NaN is canonical (one bit pattern).
    Float4,
    /// `float8`. NaN is canonical (one bit pattern).
    Float8,
    /// `oid` and the types that alias it, as unsigned 32 bits.
    Oid,
    /// `date`: days since 2000-01-01; `i32::MIN` and `i32::MAX` are the
    /// infinities.
    Date,
    /// `time`: microseconds since midnight.
    Time,
    /// `timestamp`: microseconds since 2000-01-01; `i64::MIN` and `i64::MAX`
    /// are the infinities.
    Timestamp,
    /// `timestamptz`: as [`DataType::Timestamp`], in UTC.
    TimestampTz,
    /// `interval`: PostgreSQL's months, days and microseconds.
    Interval,
    /// Fixed-scale `numeric`: an unscaled integer whose number of digits
    /// after the point, which is also PostgreSQL's display scale, is known when
    /// the plan is made.
    ///
    /// 128 bits up to [`MAX_DECIMAL128_PRECISION`], 256 bits up to
    /// [`MAX_DECIMAL256_PRECISION`]. PostgreSQL's NaN is the largest integer of
    /// that width, which no valid value reaches and which orders last.
    Decimal {
        /// Total number of digits a value can have.
        precision: u8,
        /// Number of digits after the decimal point; at most `precision`.
        scale: u8,
    },
    /// Variable-scale `numeric`: PostgreSQL's own on-disk bytes without the
    /// length word, for values whose scale is only known when they are
    /// computed.
    Numeric,
    /// `text`, `varchar` and `name`, compared byte by byte. In a UTF-8 database they are
    /// mostly UTF-8, but PostgreSQL does not promise it: so text is bytes everywhere, and
    /// what looks at characters does it as PostgreSQL does.
    Text,
    /// `bpchar`: as [`DataType::Text`], with its trailing blanks, which do not count where values
    /// are compared, grouped, joined and sorted.
    Bpchar,
    /// `bytea`.
    Bytea,
    /// `uuid`, 16 bytes.
    Uuid,
    /// An enum value as an unsigned 64-bit integer whose order is that of the
    /// values: the high half is `enumsortorder` with its bits arranged so that
    /// integers order as the `float4`s do, the low half the value's OID.
    Enum,
    /// Any other type: PostgreSQL's bytes, passed through and never looked at.
    Opaque,
}

impl DataType {
    /// Whether this is one of the three integer types.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int2 | Self::Int4 | Self::Int8)
    }

    /// Whether this is `float4` or `float8`.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    /// Whether values that are equal can look different: `-0` and `0`, `1.0` and
    /// `1.00`, a day and 24 hours, blanks at the end. (`bpchar` values of one length
    /// do not, but their type does not tell.)
    pub fn equals_differ(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8 | Self::Numeric | Self::Interval | Self::Bpchar)
    }

    /// Whether values have no fixed width and travel as views into a page's
    /// arena.
    pub fn is_varlen(self) -> bool {
        matches!(self, Self::Numeric | Self::Text | Self::Bpchar | Self::Bytea | Self::Opaque)
    }

    /// The Arrow type of the arrays that hold such values, in pages and in the
    /// engine. Dates and times are plain integers there, because their epoch
    /// is PostgreSQL's.
    pub fn arrow(self) -> arrow_schema::DataType {
        use arrow_schema::DataType as Arrow;
        match self {
            Self::Bool => Arrow::Boolean,
            Self::Int2 => Arrow::Int16,
            Self::Int4 | Self::Date => Arrow::Int32,
            Self::Int8 | Self::Time | Self::Timestamp | Self::TimestampTz => Arrow::Int64,
            Self::Float4 => Arrow::Float32,
            Self::Float8 => Arrow::Float64,
            Self::Oid => Arrow::UInt32,
            Self::Interval | Self::Uuid => Arrow::FixedSizeBinary(16),
            Self::Decimal { precision, scale } if precision <= MAX_DECIMAL128_PRECISION => {
                Arrow::Decimal128(ARROW_DECIMAL128_PRECISION, scale as i8)
            }
            Self::Decimal { scale, .. } => {
                Arrow::Decimal256(ARROW_DECIMAL256_PRECISION, scale as i8)
            }
            Self::Text | Self::Bpchar | Self::Numeric | Self::Bytea | Self::Opaque => {
                Arrow::BinaryView
            }
            Self::Enum => Arrow::UInt64,
        }
    }

    /// Width in bytes of one value in a page; view slots count 16. `Bool` is a
    /// bitmap in a page and counts as one byte here.
    pub fn slot_width(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Float4 | Self::Oid | Self::Date => 4,
            Self::Int8 | Self::Float8 | Self::Time | Self::Timestamp | Self::TimestampTz => 8,
            Self::Decimal { precision, .. } if precision > MAX_DECIMAL128_PRECISION => 32,
            Self::Interval
            | Self::Decimal { .. }
            | Self::Numeric
            | Self::Text
            | Self::Bpchar
            | Self::Bytea
            | Self::Uuid
            | Self::Opaque => 16,
            Self::Enum => 8,
        }
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Bool => "bool",
            Self::Int2 => "int2",
            Self::Int4 => "int4",
            Self::Int8 => "int8",
            Self::Float4 => "float4",
            Self::Float8 => "float8",
            Self::Oid => "oid",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampTz => "timestamptz",
            Self::Interval => "interval",
            Self::Decimal { precision, scale } => return write!(f, "decimal({precision},{scale})"),
            Self::Numeric => "numeric",
            Self::Text => "text",
            Self::Bpchar => "bpchar",
            Self::Bytea => "bytea",
            Self::Uuid => "uuid",
            Self::Enum => "enum",
            Self::Opaque => "opaque",
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_width_follows_precision() {
        let narrow = DataType::Decimal { precision: 38, scale: 2 };
        let wide = DataType::Decimal { precision: 39, scale: 2 };
        assert_eq!((narrow.slot_width(), wide.slot_width()), (16, 32));
        assert_eq!(narrow.to_string(), "decimal(38,2)");
    }
}
