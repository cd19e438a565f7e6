//! Aggregates with PostgreSQL's exact semantics.
//!
//! Each aggregate is a [`GroupsAccumulator`], which keeps the state of all
//! groups in vectors; an aggregate without groups is the same code with one
//! group. States are complete: merging the states of two parts of the input
//! gives what one pass over both would have given. Sums of floats in the order of rows
//! are the exception: what is below them runs in a single partition, and merging them is
//! refused. In any order they are exact. Where the order of rows chooses among equal
//! values, the state has the number of the row.

mod any;
mod average;
mod chosen;
mod count;
mod distinct;
mod exact_sum;
mod float_average;
mod fold;
mod fold_kinds;
mod gathered;
mod interval;
mod numeric_sum;
mod single;

use crate::error::to_datafusion;
use arrow::datatypes::{DataType as Arrow, Field, FieldRef};
use datafusion_common::Result;
use datafusion_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion_expr::utils::AggregateOrderSensitivity;
use datafusion_expr::{Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility};
use fusion_plan::{AggregateFunction, DataType, PgError, SqlState};
use std::sync::Arc;

/// The states of all groups of one aggregate.
type BoxedGroups = Box<dyn GroupsAccumulator + Sync>;

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
            Computation::Plain(function) => plain_groups(function, self.input, self.result),
            Computation::Distinct(function) => {
                distinct::Distinct::boxed(function, self.input, self.result)
            }
            Computation::InOrder(function) => in_order(function, self.input, self.result),
            Computation::First => chosen::Chosen::boxed(chosen::Rule::FIRST, self.input),
            Computation::Least => chosen::Chosen::boxed(chosen::Rule::LEAST, self.input),
            Computation::Any => Some(any::AnyOf::boxed(self.input.arrow())),
        }
    }

    /// The types of the state's columns.
    fn state_types(&self) -> Vec<Arrow> {
        use AggregateFunction as F;
        match self.computation {
            Computation::Distinct(_) => vec![distinct::state_type(self.input)],
            Computation::Plain(F::Sum | F::Avg) if self.input == DataType::Interval => {
                vec![interval::sum_state()]
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

/// The states of `function` over arguments of type `input`; `None` if there is
/// no such aggregate.
fn plain_groups(
    function: AggregateFunction,
    input: DataType,
    result: DataType,
) -> Option<BoxedGroups> {
    use AggregateFunction as F;
    match function {
        F::CountStar => Some(Box::new(count::Count::of_rows())),
        F::Count => Some(Box::new(count::Count::of_values())),
        F::Sum | F::Avg if input == DataType::Interval => interval::aggregate(function, result),
        F::Sum | F::Avg if input == DataType::Numeric => {
            numeric_sum::groups(function == F::Avg, result)
        }
        F::Sum | F::Avg if input.is_float() => exact_sum::groups(function == F::Avg, input, result),
        F::Sum => fold_kinds::sum(input, result),
        F::Avg => average::average(input, result),
        F::Min | F::Max if input != result => None,
        F::Min | F::Max => match fold_kinds::min_max(function == F::Max, input) {
            Some(groups) => Some(groups),
            None => chosen::Chosen::boxed(chosen::Rule::any_extreme(function == F::Max), input),
        },
        F::BoolAnd | F::BoolOr => fold_kinds::boolean(function, input),
        F::First | F::AnyValue if input != result => None,
        F::First | F::AnyValue => Some(any::AnyOf::boxed(input.arrow())),
    }
}

/// The states of `function` over arguments of type `input` in the order of rows.
fn in_order(function: AggregateFunction, input: DataType, result: DataType) -> Option<BoxedGroups> {
    use AggregateFunction as F;
    match function {
        F::Sum if input.is_float() => fold_kinds::sum(input, result),
        F::Avg if input.is_float() => float_average::average(input, result),
        F::Min | F::Max if input == result => {
            chosen::Chosen::boxed(chosen::Rule::extreme(function == F::Max, input), input)
        }
        _ => None,
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
        Ok(Box::new(single::SingleGroup::new(self.new_groups()?, input)))
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
