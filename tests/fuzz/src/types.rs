//! The types that columns and expressions have.

use std::fmt;

/// A type, without its modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ty {
    /// `boolean`
    Bool,
    /// `smallint`
    Int2,
    /// `integer`
    Int4,
    /// `bigint`
    Int8,
    /// `real`
    Float4,
    /// `double precision`
    Float8,
    /// `numeric`
    Numeric,
    /// `date`
    Date,
    /// `time without time zone`
    Time,
    /// `timestamp without time zone`
    Timestamp,
    /// `timestamp with time zone`
    Timestamptz,
    /// `interval`
    Interval,
    /// `text`
    Text,
    /// `character varying`
    Varchar,
    /// `character`, blank-padded
    Bpchar,
    /// `name`
    Name,
    /// `bytea`
    Bytea,
    /// `uuid`
    Uuid,
    /// `oid`
    Oid,
    /// The enum of [`crate::preamble`], whose order is not that of its labels' text.
    Mood,
    /// `jsonb`
    Jsonb,
    /// `integer[]`
    Ints,
    /// `point`, which has no equality
    Point,
}

/// What a set of types can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Every type.
    Any,
    /// Types with `=` that can be hashed or sorted.
    Equatable,
    /// Types with `<`.
    Orderable,
    /// Types with `=` that are no arrays, so that there are arrays of them.
    Element,
    /// Types that `min` and `max` take as they are.
    Extreme,
}

impl Ty {
    /// All of them.
    pub const ALL: [Self; 23] = [
        Self::Bool,
        Self::Int2,
        Self::Int4,
        Self::Int8,
        Self::Float4,
        Self::Float8,
        Self::Numeric,
        Self::Date,
        Self::Time,
        Self::Timestamp,
        Self::Timestamptz,
        Self::Interval,
        Self::Text,
        Self::Varchar,
        Self::Bpchar,
        Self::Name,
        Self::Bytea,
        Self::Uuid,
        Self::Oid,
        Self::Mood,
        Self::Jsonb,
        Self::Ints,
        Self::Point,
    ];

    /// The integer types.
    pub const INTEGERS: [Self; 3] = [Self::Int2, Self::Int4, Self::Int8];

    /// The types that turn into `text` by themselves.
    pub const STRINGS: [Self; 4] = [Self::Text, Self::Varchar, Self::Bpchar, Self::Name];

    /// Its name, in casts, columns and the catalogue.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int2 => "int2",
            Self::Int4 => "int4",
            Self::Int8 => "int8",
            Self::Float4 => "float4",
            Self::Float8 => "float8",
            Self::Numeric => "numeric",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Timestamptz => "timestamptz",
            Self::Interval => "interval",
            Self::Text => "text",
            Self::Varchar => "varchar",
            Self::Bpchar => "bpchar",
            Self::Name => "name",
            Self::Bytea => "bytea",
            Self::Uuid => "uuid",
            Self::Oid => "oid",
            Self::Mood => "mood",
            Self::Jsonb => "jsonb",
            Self::Ints => "int4[]",
            Self::Point => "point",
        }
    }

    /// The type of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ty| ty.name() == name)
    }

    /// Whether the type can do what the class says.
    pub fn is(self, class: Class) -> bool {
        match class {
            Class::Any => true,
            Class::Equatable | Class::Orderable => self != Self::Point,
            Class::Element => !matches!(self, Self::Point | Self::Ints),
            Class::Extreme => !matches!(
                self,
                Self::Bool | Self::Name | Self::Bytea | Self::Uuid | Self::Jsonb | Self::Point
            ),
        }
    }

    /// Whether values can be equal and still look different: 1.0 and 1.00, 0 and
    /// -0, '1 day' and '24:00:00'. Which of them a group shows is not determined.
    pub fn has_look_alikes(self) -> bool {
        matches!(
            self,
            Self::Float4
                | Self::Float8
                | Self::Numeric
                | Self::Interval
                | Self::Bpchar
                | Self::Jsonb
                | Self::Point
        )
    }

    /// Whether a value is stored in one way only, however it was made.
    pub fn has_one_form(self) -> bool {
        let varies = [Self::Numeric, Self::Text, Self::Varchar, Self::Bpchar, Self::Bytea];
        !varies.contains(&self) && !matches!(self, Self::Jsonb | Self::Ints)
    }

    /// Whether the values carry a collation.
    pub fn is_string(self) -> bool {
        Self::STRINGS.contains(&self)
    }

    /// Whether the type is `real` or `double precision`.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8)
    }

    /// Below this magnitude an operation cannot leave the type's range. Numbers count
    /// as they are, dates and times in days (from 2000-01-01).
    pub fn safe_magnitude(self) -> f64 {
        match self {
            Self::Int2 => 32_767.0,
            Self::Int4 => 2_147_483_647.0,
            Self::Int8 => 9.2e18,
            Self::Oid => 4.2e9,
            Self::Float4 => 1e37,
            Self::Float8 => 1e300,
            Self::Numeric => 1e300,
            Self::Date | Self::Timestamp | Self::Timestamptz => 500_000.0,
            Self::Interval => 10_000_000.0,
            _ => f64::INFINITY,
        }
    }
}

impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for ty in Ty::ALL {
            assert_eq!(Ty::from_name(ty.name()), Some(ty));
        }
        assert_eq!(Ty::from_name("money"), None);
    }
}
