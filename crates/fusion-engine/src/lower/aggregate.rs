//! Grouping.
//!
//! Each partition first groups its own rows; the partial states are then merged,
//! by one thread if there are few groups, else by all threads after
//! partitioning the states by group.

use super::expr::Input;
use super::{Lowering, Stream, datafusion, hashable, inconsistent, unsupported};
use crate::agg::PgAggregate;
use crate::expr::Case;
use datafusion_expr::AggregateUDF;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::{Column, lit};
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use fusion_plan::{Aggregate, AggregateFunction, DataType, Expr, PgError};
use std::sync::Arc;

/// Up to this many groups are merged by one thread.
const FEW_GROUPS: f64 = 10_000.0;

type Filter = Option<Arc<dyn PhysicalExpr>>;
/// A group key with its name.
type Key = (Arc<dyn PhysicalExpr>, String);

impl Lowering<'_> {
    /// Lowers a grouping of `input`.
    pub(super) fn aggregate(
        &mut self,
        input: Stream,
        groups: &[Expr],
        aggregates: &[Aggregate],
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        if aggregates.iter().any(distinguishes) {
            return self.aggregate_distinct(input, groups, aggregates, rows, node);
        }
        let columns = Input::from(&input);
        let keys = self.group_keys(groups, &columns)?;
        let calls = aggregates
            .iter()
            .enumerate()
            .map(|(index, aggregate)| self.aggregate_call(index, aggregate, &columns))
            .collect::<Result<Vec<_>, _>>()?;
        let mut types = groups
            .iter()
            .map(|group| self.type_of(group, &columns))
            .collect::<Result<Vec<_>, _>>()?;
        types.extend(aggregates.iter().map(|aggregate| aggregate.ty));
        self.group(input, keys, calls, types, rows, node)
    }

    /// Each distinct row once.
    pub(super) fn distinct(
        &mut self,
        input: Stream,
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        if input.types.is_empty() {
            return Err(unsupported("distinct rows without columns"));
        }
        let columns: Vec<_> = (0..input.types.len() as u32).map(Expr::Column).collect();
        self.aggregate(input, &columns, &[], rows, node)
    }

    /// Aggregates of which all see the same distinct values: first group by
    /// those values too, then aggregate what is left.
    fn aggregate_distinct(
        &mut self,
        input: Stream,
        groups: &[Expr],
        aggregates: &[Aggregate],
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        let arg = aggregates.first().and_then(|aggregate| aggregate.args.first());
        let Some(arg) = arg.filter(|arg| {
            aggregates.iter().all(|aggregate| {
                (aggregate.distinct || !distinguishes_if_distinct(aggregate.function))
                    && aggregate.filter.is_none()
                    && aggregate.args.as_slice() == std::slice::from_ref(*arg)
            })
        }) else {
            return Err(unsupported("DISTINCT next to other aggregates"));
        };
        let mut distinct: Vec<_> = groups.to_vec();
        distinct.push(arg.clone());
        let input_rows = input.rows;
        let values = self.aggregate(input, &distinct, &[], input_rows, node)?;
        let position = groups.len() as u32;
        let groups: Vec<_> = (0..position).map(Expr::Column).collect();
        let aggregates: Vec<_> = aggregates
            .iter()
            .map(|aggregate| Aggregate {
                args: vec![Expr::Column(position)],
                distinct: false,
                ..aggregate.clone()
            })
            .collect();
        self.aggregate(values, &groups, &aggregates, rows, node)
    }

    fn group_keys(&self, groups: &[Expr], input: &Input) -> Result<Vec<Key>, PgError> {
        let mut keys = Vec::with_capacity(groups.len());
        for (index, group) in groups.iter().enumerate() {
            let ty = self.type_of(group, input)?;
            if !hashable(ty) {
                return Err(unsupported(&format!("grouping by type {ty}")));
            }
            keys.push((self.expr(group, input)?, format!("g{index}")));
        }
        Ok(keys)
    }

    fn aggregate_call(
        &self,
        index: usize,
        aggregate: &Aggregate,
        input: &Input,
    ) -> Result<(Arc<AggregateFunctionExpr>, Filter), PgError> {
        let mut filter = match &aggregate.filter {
            Some(filter) => Some(self.expr(filter, input)?),
            None => None,
        };
        let (arg, ty) = match (aggregate.function, aggregate.args.as_slice()) {
            (AggregateFunction::CountStar, []) => (lit(true), DataType::Bool),
            (_, [arg]) => {
                let ty = self.type_of(arg, input)?;
                let mut value = self.expr(arg, input)?;
                // The argument is not evaluated where the filter is not true.
                // All aggregates ignore NULLs, so a CASE does it.
                if let Some(filter) = filter.take() {
                    let eager = !arg.can_fail();
                    let case = Case::try_new(vec![(filter, value)], None, eager, ty.arrow());
                    value = Arc::new(case.map_err(datafusion)?);
                }
                (value, ty)
            }
            _ => return Err(inconsistent("an aggregate has the wrong number of arguments")),
        };
        let function = PgAggregate::try_new(aggregate.function, ty, aggregate.ty)?;
        let udaf = Arc::new(AggregateUDF::new_from_impl(function));
        let call = AggregateExprBuilder::new(udaf, vec![arg])
            .schema(Arc::clone(&input.schema))
            .alias(format!("a{index}"))
            .build()
            .map_err(datafusion)?;
        Ok((Arc::new(call), filter))
    }

    fn group(
        &mut self,
        input: Stream,
        keys: Vec<Key>,
        calls: Vec<(Arc<AggregateFunctionExpr>, Filter)>,
        types: Vec<DataType>,
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        let schema = input.schema();
        let key_count = keys.len();
        let keys = PhysicalGroupBy::new_single(keys);
        let (calls, filters): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        let stage = |mode, keys: PhysicalGroupBy, filters, input: &Stream| {
            let schema = Arc::clone(&schema);
            AggregateExec::try_new(
                mode,
                keys,
                calls.clone(),
                filters,
                Arc::clone(&input.plan),
                schema,
            )
            .map_err(datafusion)
        };
        if input.partitions() == 1 {
            let plan = self.operator(node, stage(AggregateMode::Single, keys, filters, &input)?);
            return Ok(Stream { plan, types, rows, borrows: false });
        }
        let final_keys = keys.as_final();
        let no_filters = vec![None; calls.len()];
        let partial = self.operator(node, stage(AggregateMode::Partial, keys, filters, &input)?);
        // Where grouping does not reduce the rows, a partial aggregation gives
        // up and passes the keys through as they came.
        let partial = Stream { plan: partial, types: types.clone(), ..input };
        let (merged, mode) = if key_count == 0 || rows <= FEW_GROUPS {
            (self.in_one_partition(partial, node)?, AggregateMode::Final)
        } else {
            let state_keys = partial.schema();
            let state_keys = state_keys.fields().iter().take(key_count).enumerate();
            let state_keys = state_keys
                .map(|(index, field)| Arc::new(Column::new(field.name(), index)) as _)
                .collect();
            (self.partitioned(partial, state_keys, node)?, AggregateMode::FinalPartitioned)
        };
        let plan = self.operator(node, stage(mode, final_keys, no_filters, &merged)?);
        Ok(Stream { plan, types, rows, borrows: false })
    }
}

/// Whether an aggregate's DISTINCT makes a difference.
fn distinguishes(aggregate: &Aggregate) -> bool {
    aggregate.distinct && distinguishes_if_distinct(aggregate.function)
}

fn distinguishes_if_distinct(function: AggregateFunction) -> bool {
    matches!(
        function,
        AggregateFunction::CountStar
            | AggregateFunction::Count
            | AggregateFunction::Sum
            | AggregateFunction::Avg
    )
}
