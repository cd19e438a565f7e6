//! `bool_and` and `bool_or`.

use super::state::BoxedGroups;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::bool_op::BooleanGroupsAccumulator;
use fusion_plan::{AggregateFunction, DataType};

/// `bool_and` and `bool_or`.
pub(super) fn groups(function: AggregateFunction, input: DataType) -> Option<BoxedGroups> {
    match (function, input) {
        (AggregateFunction::BoolAnd, DataType::Bool) => {
            Some(Box::new(BooleanGroupsAccumulator::new(|a, b| a && b, true)))
        }
        (AggregateFunction::BoolOr, DataType::Bool) => {
            Some(Box::new(BooleanGroupsAccumulator::new(|a, b| a || b, false)))
        }
        _ => None,
    }
}
