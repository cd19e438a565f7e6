//! Aggregates with PostgreSQL's exact semantics.
//!
//! Each aggregate is a [`GroupsAccumulator`], which keeps the state of all
//! groups in vectors; an aggregate without groups is the same code with one
//! group. States are complete: merging the states of two parts of the input
//! gives what one pass over both would have given. Sums of floats are the
//! exception, because their rounding depends on the order; plans that have one
//! run in a single partition, and merging them is refused.

mod average;
mod bytes;
mod count;
mod float_average;
mod fold;
mod fold_kinds;
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

/// One aggregate call of a plan, as DataFusion wants it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct PgAggregate {
    function: AggregateFunction,
    input: DataType,
    result: DataType,
    signature: Signature,
}

impl PgAggregate {
    /// `function` over an argument of type `input`; for `count(*)` any type.
    ///
    /// # Errors
    ///
    /// If the aggregate does not exist for these types.
    pub(crate) fn try_new(
        function: AggregateFunction,
        input: DataType,
        result: DataType,
    ) -> Result<Self, PgError> {
        let aggregate =
            Self { function, input, result, signature: Signature::any(1, Volatility::Immutable) };
        match aggregate.groups() {
            Some(_) => Ok(aggregate),
            None => Err(PgError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("pg_fusion engine does not support {}({input})", function.name()),
            )),
        }
    }

    fn groups(&self) -> Option<BoxedGroups> {
        use AggregateFunction as F;
        match self.function {
            F::CountStar => Some(Box::new(count::Count::of_rows())),
            F::Count => Some(Box::new(count::Count::of_values())),
            _ if self.input == DataType::Interval => {
                interval::aggregate(self.function, self.result)
            }
            F::Sum | F::Avg if self.input == DataType::Numeric => {
                numeric_sum::groups(self.function == F::Avg, self.result)
            }
            F::Sum => fold_kinds::sum(self.input, self.result),
            F::Avg if self.input.is_float() => float_average::average(self.input, self.result),
            F::Avg => average::average(self.input, self.result),
            F::Min | F::Max if self.input != self.result => None,
            F::Min | F::Max => match self.input {
                DataType::Text | DataType::Bpchar | DataType::Bytea | DataType::Numeric => {
                    Some(Box::new(bytes::MinMax::new(self.function == F::Max, self.input)))
                }
                input => fold_kinds::min_max(self.function == F::Max, input),
            },
            F::BoolAnd | F::BoolOr => fold_kinds::boolean(self.function, self.input),
        }
    }

    /// The types of the state's columns.
    fn state_types(&self) -> Vec<Arrow> {
        use AggregateFunction as F;
        match self.function {
            F::Sum | F::Avg if self.input == DataType::Interval => vec![interval::sum_state()],
            F::Sum | F::Avg if self.input == DataType::Numeric => vec![Arrow::BinaryView],
            F::Avg if self.input.is_float() => vec![Arrow::Float64; 3],
            F::Avg => vec![average::sum_type(self.input).arrow(), Arrow::Int64],
            _ => vec![self.result.arrow()],
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
        match self.function {
            AggregateFunction::CountStar | AggregateFunction::Count => "pg_count",
            AggregateFunction::Sum => "pg_sum",
            AggregateFunction::Avg => "pg_avg",
            AggregateFunction::Min => "pg_min",
            AggregateFunction::Max => "pg_max",
            AggregateFunction::BoolAnd => "pg_bool_and",
            AggregateFunction::BoolOr => "pg_bool_or",
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
