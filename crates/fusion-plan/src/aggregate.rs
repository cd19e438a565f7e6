//! Aggregate calls.

use crate::{DataType, Expr};
use serde::{Deserialize, Serialize};

/// An aggregate function, with PostgreSQL's semantics for its argument type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AggregateFunction {
    /// `count(*)`: no argument, `int8`.
    CountStar,
    /// `count(x)`: non-NULL arguments, `int8`.
    Count,
    /// `sum(x)`: NULL over no rows. `int2`, `int4` give `int8`; `int8` gives
    /// `numeric` (a [`DataType::Decimal`] wide enough never to overflow);
    /// floats and intervals keep their type; decimals keep their scale and widen.
    Sum,
    /// `avg(x)`: NULL over no rows. Integers and decimals give
    /// [`DataType::Numeric`] with the scale `select_div_scale` chooses in
    /// PostgreSQL's `numeric.c`; floats give `float8`, intervals `interval`.
    Avg,
    /// `min(x)`.
    Min,
    /// `max(x)`.
    Max,
    /// `bool_and(x)`.
    BoolAnd,
    /// `bool_or(x)`.
    BoolOr,
    /// The argument in the group's first row, NULL or not, of any type: what a
    /// grouping shows of a column that is neither a key nor an argument.
    First,
    /// As [`AggregateFunction::First`], where all rows of a group have the same value.
    AnyValue,
}

impl AggregateFunction {
    /// The SQL name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CountStar | Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::BoolAnd => "bool_and",
            Self::BoolOr => "bool_or",
            Self::First => "first",
            Self::AnyValue => "any_value",
        }
    }

    /// Whether the value of one row is shown as it is.
    pub fn shows_a_row(self) -> bool {
        matches!(self, Self::First | Self::AnyValue)
    }
}

/// One aggregate call of an [`Rel::Aggregate`](crate::Rel::Aggregate).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The function.
    pub function: AggregateFunction,
    /// Its arguments over the input's columns: none for `count(*)`, else one.
    pub args: Vec<Expr>,
    /// `FILTER (WHERE ...)`: rows for which this is not true are skipped.
    pub filter: Option<Expr>,
    /// `DISTINCT`: each argument value counts once.
    pub distinct: bool,
    /// The result type.
    pub ty: DataType,
}
