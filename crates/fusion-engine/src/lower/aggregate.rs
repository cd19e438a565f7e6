//! Aggregation and DISTINCT.

use super::expr::Input;
use super::group::{GroupCall, GroupKey};
use super::lowering::{Lowering, Stream, datafusion, inconsistent};
use crate::agg::Computation;
use crate::expr::Case;
use datafusion_physical_expr::expressions::lit;
use fusion_plan::{Aggregate, AggregateFunction, DataType, Expr, PgError};
use std::sync::Arc;

impl Lowering<'_> {
    /// Lowers a grouping of `input`; `rows_decide` says whether of values that are
    /// equal but look different the order of rows chooses.
    pub(super) fn aggregate(
        &mut self,
        input: Stream,
        groups: &[Expr],
        aggregates: &[Aggregate],
        rows: f64,
        rows_decide: bool,
        node: u32,
    ) -> Result<Stream, PgError> {
        if groups.is_empty() && aggregates.is_empty() {
            // One row without columns, for which something has to be computed.
            let row = self.group(input, vec![], vec![count_star()], 1.0, false, node)?;
            return self.project(row, &[], node);
        }
        let columns = Input::from(&input);
        let keys = self.group_keys(groups, &columns)?;
        if let Some(arg) = common_distinct_argument(aggregates) {
            let ty = self.type_of(arg, &columns)?;
            if !ty.is_float() || !aggregates.iter().any(adds) {
                let spec = DistinctValues { arg, aggregates, rows_decide };
                return self.aggregate_distinct_values(input, keys, spec, rows, node);
            }
        }
        let calls = aggregates
            .iter()
            .map(|aggregate| self.aggregate_call(aggregate, rows_decide, &columns))
            .collect::<Result<Vec<_>, _>>()?;
        self.group(input, keys, calls, rows, rows_decide, node)
    }

    /// Each distinct row once.
    pub(super) fn distinct(
        &mut self,
        input: Stream,
        rows: f64,
        rows_decide: bool,
        node: u32,
    ) -> Result<Stream, PgError> {
        if input.types.is_empty() {
            // All rows are equal.
            return self.limit(input, 0, Some(1), node);
        }
        let columns: Vec<_> = (0..input.types.len() as u32).map(Expr::Column).collect();
        self.aggregate(input, &columns, &[], rows, rows_decide, node)
    }

    /// Aggregates of which all see the same distinct values: first group by
    /// those values too, then aggregate what is left. What is shown of a row is that of
    /// the first of these groups. Unlike the general way, this
    /// can be written to disk at any size and uses all threads.
    fn aggregate_distinct_values(
        &mut self,
        input: Stream,
        mut keys: Vec<GroupKey>,
        DistinctValues { arg, aggregates, rows_decide }: DistinctValues<'_>,
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        let position = keys.len() as u32;
        let mut arg = self.group_key(arg, &Input::from(&input))?;
        let shows = |call: &&Aggregate| call.function.shows_a_row();
        if aggregates
            .iter()
            .filter(|call| !shows(call))
            .all(|call| call.function == AggregateFunction::Count)
        {
            // Any of several equal values counts as well as the first.
            arg.value = None;
        }
        keys.push(arg);
        let input_rows = input.rows;
        let columns = Input::from(&input);
        let shown = aggregates.iter().filter(shows);
        let shown: Vec<_> = shown
            .map(|call| self.aggregate_call(call, rows_decide, &columns))
            .collect::<Result<_, _>>()?;
        let values = self.group(input, keys, shown, input_rows, rows_decide, node)?;
        let mut next_shown = position;
        let columns = Input::from(&values);
        let groups: Vec<_> = (0..position).map(Expr::Column).collect();
        let keys = self.group_keys(&groups, &columns)?;
        let calls = aggregates
            .iter()
            .map(|call| {
                let mut column = position;
                if shows(&call) {
                    next_shown += 1;
                    column = next_shown;
                }
                let args = vec![Expr::Column(column)];
                let plain = Aggregate { args, distinct: false, ..call.clone() };
                self.aggregate_call(&plain, rows_decide, &columns)
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.group(values, keys, calls, rows, rows_decide, node)
    }

    fn group_keys(&self, groups: &[Expr], input: &Input) -> Result<Vec<GroupKey>, PgError> {
        groups.iter().map(|group| self.group_key(group, input)).collect()
    }

    fn aggregate_call(
        &self,
        aggregate: &Aggregate,
        rows_decide: bool,
        input: &Input,
    ) -> Result<GroupCall, PgError> {
        let filter = match &aggregate.filter {
            Some(filter) => Some(self.expr(filter, input)?),
            None => None,
        };
        let function = aggregate.function;
        let ty = aggregate.ty;
        match (function, aggregate.args.as_slice()) {
            (AggregateFunction::CountStar, []) => Ok(GroupCall { filter, ty, ..count_star() }),
            (_, [arg]) => {
                let (mut value, arg_type) = self.typed(arg, input)?;
                // The argument is not evaluated where the filter is not true.
                // All aggregates that have one ignore NULLs, so a CASE does it.
                if let Some(filter) = filter {
                    let eager = !arg.can_fail();
                    let case = Case::try_new(vec![(filter, value)], None, eager, arg_type.arrow());
                    value = Arc::new(case.map_err(datafusion)?);
                }
                let computation = match function {
                    _ if aggregate.distinct && distinguishes(function) => {
                        Computation::Distinct(function)
                    }
                    AggregateFunction::Min | AggregateFunction::Max
                        if rows_decide && arg_type.equals_differ() =>
                    {
                        Computation::InOrder(function)
                    }
                    AggregateFunction::Sum | AggregateFunction::Avg
                        if rows_decide && arg_type.is_float() =>
                    {
                        Computation::InOrder(function)
                    }
                    _ => Computation::Plain(function),
                };
                Ok(GroupCall { computation, arg: value, arg_type, filter: None, ty })
            }
            _ => Err(inconsistent("an aggregate has the wrong number of arguments")),
        }
    }
}

fn count_star() -> GroupCall {
    GroupCall {
        computation: Computation::Plain(AggregateFunction::CountStar),
        arg: lit(true),
        arg_type: DataType::Bool,
        filter: None,
        ty: DataType::Int8,
    }
}

/// The argument whose distinct values are all that the aggregates see.
fn common_distinct_argument(aggregates: &[Aggregate]) -> Option<&Expr> {
    let seen = || aggregates.iter().filter(|call| !call.function.shows_a_row());
    let arg = seen().next()?.args.first()?;
    let sees_only = |call: &Aggregate| {
        (call.distinct || !distinguishes(call.function))
            && call.filter.is_none()
            && call.args.as_slice() == std::slice::from_ref(arg)
    };
    let any = seen().any(|call| call.distinct && distinguishes(call.function));
    (any && seen().all(sees_only)).then_some(arg)
}

/// Whether DISTINCT makes a difference to an aggregate.
fn distinguishes(function: AggregateFunction) -> bool {
    matches!(function, AggregateFunction::Count | AggregateFunction::Sum | AggregateFunction::Avg)
}

/// Whether distinct values are added up, floats in ascending order.
fn adds(call: &Aggregate) -> bool {
    matches!(call.function, AggregateFunction::Sum | AggregateFunction::Avg)
}

/// Aggregates that see the distinct values of one argument only.
struct DistinctValues<'a> {
    arg: &'a Expr,
    aggregates: &'a [Aggregate],
    rows_decide: bool,
}
