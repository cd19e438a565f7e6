//! An aggregate call of a plan, as DataFusion wants it.

use super::accumulator::{in_order, plain};
use super::any_value::AnyOf;
use super::distinct::{self, Distinct};
use super::state::BoxedGroups;
use super::state::chosen::{Chosen, Rule};
use super::state::single_group::SingleGroup;
use super::{average, interval_sum};
use crate::error::to_datafusion;
use arrow::datatypes::{DataType as Arrow, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility};
use fusion_plan::{AggregateFunction, DataType, PgError, SqlState};
use std::sync::Arc;

/// What an aggregate computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Computation {
    /// A function of all values.
    Plain(AggregateFunction),
    /// A function of each value once.
    Distinct(AggregateFunction),
    /// A function of all values that follows the order of rows: a sum or average of
    /// floats, rounded after each; `min` or `max`, of equal values that look different the
    /// one that PostgreSQL's function keeps.
    InOrder(AggregateFunction),
    /// For a group key that does not tell values apart: the first value.
    First,
    /// The value whose bytes are the least.
    Least,
    /// Any of the values.
    Any,
}

/// One aggregate call of a plan, as DataFusion wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PgAggregate {
    computation: Computation,
    input: DataType,
    result: DataType,
    signature: Signature,
}

impl PgAggregate {
    /// `computation` over an argument of type `input`; for `count(*)` any type.
    ///
    /// # Errors
    ///
    /// If the aggregate does not exist for these types.
    pub(crate) fn try_new(
        computation: Computation,
        input: DataType,
        result: DataType,
    ) -> Result<Self, PgError> {
        let signature = Signature::any(1, Volatility::Immutable);
        let aggregate = Self { computation, input, result, signature };
        if aggregate.groups().is_some() {
            return Ok(aggregate);
        }
        let message = match computation {
            Computation::Plain(function) => format!("{}({input})", function.name()),
            Computation::Distinct(function) => format!("{}(DISTINCT {input})", function.name()),
            Computation::InOrder(function) => format!("{}({input}) in order", function.name()),
            Computation::First | Computation::Least | Computation::Any => {
                format!("grouping by type {input}")
            }
        };
        let message = format!("pg_fusion engine does not support {message}");
        Err(PgError::new(SqlState::FEATURE_NOT_SUPPORTED, message))
    }

    fn groups(&self) -> Option<BoxedGroups> {
        match self.computation {
            Computation::Plain(function) => plain(function, self.input, self.result),
            Computation::Distinct(function) => Distinct::boxed(function, self.input, self.result),
            Computation::InOrder(function) => in_order(function, self.input, self.result),
            Computation::First => Chosen::boxed(Rule::FIRST, self.input),
            Computation::Least => Chosen::boxed(Rule::LEAST, self.input),
            Computation::Any => Some(AnyOf::boxed(self.input.arrow())),
        }
    }

    /// The types of the state's columns.
    fn state_types(&self) -> Vec<Arrow> {
        use AggregateFunction as F;
        match self.computation {
            Computation::Distinct(_) => vec![distinct::state_type(self.input)],
            Computation::Plain(F::Sum | F::Avg) if self.input == DataType::Interval => {
                vec![interval_sum::sum_state()]
            }
            Computation::Plain(F::Sum | F::Avg) if self.input == DataType::Numeric => {
                vec![Arrow::BinaryView]
            }
            Computation::Plain(F::Sum | F::Avg) if self.input.is_float() => {
                vec![Arrow::BinaryView]
            }
            Computation::InOrder(F::Avg) => vec![Arrow::Float64; 3],
            Computation::InOrder(F::Sum) => vec![self.result.arrow()],
            Computation::Plain(F::Avg) => {
                vec![average::sum_type(self.input).arrow(), Arrow::Int64]
            }
            Computation::InOrder(_) | Computation::First => {
                vec![self.result.arrow(), Arrow::UInt64]
            }
            Computation::Plain(_) | Computation::Least | Computation::Any => {
                vec![self.result.arrow()]
            }
        }
    }

    fn new_groups(&self) -> Result<BoxedGroups> {
        self.groups().ok_or_else(|| to_datafusion(PgError::internal("unknown aggregate")))
    }
}

impl AggregateUDFImpl for PgAggregate {
    /// Not SQL's names: DataFusion knows `min` and `max` by name, and adds a
    /// filter of its own that orders NaN and decimals otherwise and asks an
    /// accumulator for its value more than once.
    fn name(&self) -> &str {
        use AggregateFunction as F;
        match self.computation {
            Computation::Plain(F::CountStar | F::Count) => "pg_count",
            Computation::Plain(F::Sum) => "pg_sum",
            Computation::Plain(F::Avg) => "pg_avg",
            Computation::Plain(F::Min) => "pg_min",
            Computation::Plain(F::Max) => "pg_max",
            Computation::Plain(F::BoolAnd) => "pg_bool_and",
            Computation::Plain(F::BoolOr) => "pg_bool_or",
            Computation::Distinct(_) => "pg_distinct",
            Computation::Plain(F::First | F::AnyValue) => "pg_shown",
            Computation::InOrder(F::Sum) => "pg_sum_in_order",
            Computation::InOrder(F::Avg) => "pg_avg_in_order",
            Computation::InOrder(F::Min) => "pg_min_in_order",
            Computation::InOrder(_) => "pg_max_in_order",
            Computation::First => "pg_first",
            Computation::Least => "pg_least",
            Computation::Any => "pg_any",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _args: &[Arrow]) -> Result<Arrow> {
        Ok(self.result.arrow())
    }

    fn accumulator(&self, _args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let input = self.input.arrow();
        Ok(Box::new(SingleGroup::new(self.new_groups()?, input)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let types = self.state_types().into_iter().enumerate();
        Ok(types
            .map(|(index, ty)| Arc::new(Field::new(format!("{}[{index}]", args.name), ty, true)))
            .collect())
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(self.new_groups()?)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
