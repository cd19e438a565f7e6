//! From an aggregate function and its types to the states that compute it, with DISTINCT
//! left aside.

use super::state::BoxedGroups;
use super::state::chosen::{Chosen, Rule};
use super::{any_value, average, bool_and_or, count, float_average_in_order, float_sum};
use super::{float_sum_in_order, interval_sum, min_max, numeric_sum, sum};
use fusion_plan::{AggregateFunction, DataType};

/// The states of `function` over arguments of type `input`; `None` if there is
/// no such aggregate.
pub(super) fn plain(
    function: AggregateFunction,
    input: DataType,
    result: DataType,
) -> Option<BoxedGroups> {
    use AggregateFunction as F;
    match function {
        F::CountStar => Some(Box::new(count::Count::of_rows())),
        F::Count => Some(Box::new(count::Count::of_values())),
        F::Sum | F::Avg if input == DataType::Interval => interval_sum::groups(function, result),
        F::Sum | F::Avg if input == DataType::Numeric => {
            numeric_sum::groups(function == F::Avg, result)
        }
        F::Sum | F::Avg if input.is_float() => float_sum::groups(function == F::Avg, input, result),
        F::Sum => sum::sum(input, result),
        F::Avg => average::average(input, result),
        F::Min | F::Max if input != result => None,
        F::Min | F::Max => match min_max::min_max(function == F::Max, input) {
            Some(groups) => Some(groups),
            None => Chosen::boxed(Rule::any_extreme(function == F::Max), input),
        },
        F::BoolAnd | F::BoolOr => bool_and_or::groups(function, input),
        F::First | F::AnyValue if input != result => None,
        F::First | F::AnyValue => Some(any_value::AnyOf::boxed(input.arrow())),
    }
}

/// The states of `function` over arguments of type `input` in the order of rows.
pub(super) fn in_order(
    function: AggregateFunction,
    input: DataType,
    result: DataType,
) -> Option<BoxedGroups> {
    use AggregateFunction as F;
    match function {
        F::Sum if input.is_float() => float_sum_in_order::sum(input, result),
        F::Avg if input.is_float() => float_average_in_order::average(input, result),
        F::Min | F::Max if input == result => {
            Chosen::boxed(Rule::extreme(function == F::Max, input), input)
        }
        _ => None,
    }
}
