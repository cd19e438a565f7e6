//! Grouping by keys that are already lowered.
//!
//! Each partition first groups its own rows; the partial states are then merged,
//! by one thread if there are few groups, else by all threads after
//! partitioning the states by group. With many groups the first stage only does
//! what is cheap: [`PartialAggregateExec`].

use super::expr::Input;
use super::lowering::{Lowering, Stream, bounded, datafusion, unsupported};
use crate::agg::{Computation, PgAggregate};
use crate::expr::{Key, KeyForm, key_form};
use crate::memory::Use;
use crate::ops::{GuaranteedExec, PartialAggregateExec};
use arrow::datatypes::SchemaRef;
use datafusion_expr::AggregateUDF;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion_physical_plan::projection::{ProjectionExec, ProjectionExpr};
use fusion_plan::{DataType, Expr, PgError};
use std::sync::Arc;

/// Up to this many groups are merged by one thread.
const FEW_GROUPS: f64 = 10_000.0;

/// What to group by.
pub(super) struct GroupKey {
    /// What tells groups apart.
    pub(super) key: Arc<dyn PhysicalExpr>,
    /// The type of the values, and of their keys.
    pub(super) ty: DataType,
    /// The values, of which a group shows one, where they are not their own keys.
    pub(super) value: Option<Arc<dyn PhysicalExpr>>,
}

/// An aggregate call with its result type.
pub(super) struct GroupCall {
    pub(super) computation: Computation,
    pub(super) arg: Arc<dyn PhysicalExpr>,
    pub(super) arg_type: DataType,
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
    pub(super) ty: DataType,
}

impl GroupCall {
    fn lower(&self, index: usize, schema: &SchemaRef) -> Result<AggregateFunctionExpr, PgError> {
        let function = PgAggregate::try_new(self.computation, self.arg_type, self.ty)?;
        let udaf = Arc::new(AggregateUDF::new_from_impl(function));
        AggregateExprBuilder::new(udaf, vec![Arc::clone(&self.arg)])
            .schema(Arc::clone(schema))
            .alias(format!("a{index}"))
            .build()
            .map_err(datafusion)
    }
}

impl Lowering<'_> {
    /// The group key for the values of `expr`.
    pub(super) fn group_key(&self, expr: &Expr, input: &Input) -> Result<GroupKey, PgError> {
        let (value, ty) = self.typed(expr, input)?;
        let key = Key::of(Arc::clone(&value), ty)
            .ok_or_else(|| unsupported(&format!("grouping by type {ty}")))?;
        let computed = key_form(ty) == Some(KeyForm::Computed);
        Ok(GroupKey { key, ty, value: computed.then_some(value) })
    }

    /// Groups `input` by `keys`; the columns are the keys' values, then the calls'
    /// results. `rows_decide` says whether a group shows the values of its first row.
    pub(super) fn group(
        &mut self,
        input: Stream,
        keys: Vec<GroupKey>,
        mut calls: Vec<GroupCall>,
        rows: f64,
        rows_decide: bool,
        node: u32,
    ) -> Result<Stream, PgError> {
        let (key_count, call_count) = (keys.len(), calls.len());
        let mut types: Vec<_> = keys.iter().map(|key| key.ty).collect();
        types.extend(calls.iter().map(|call| call.ty));
        // Where each output column is among the keys, the calls, and the values
        // that follow them.
        let mut columns: Vec<_> = (0..key_count + call_count).collect();
        let mut physical_keys = Vec::with_capacity(key_count);
        for (index, key) in keys.into_iter().enumerate() {
            if let Some(value) = key.value {
                columns[index] = key_count + calls.len();
                let computation = match key.ty {
                    // Equal ones differ in nothing but their place, if at all.
                    DataType::Enum => Computation::Any,
                    _ if rows_decide => Computation::First,
                    DataType::Bpchar => Computation::Any,
                    _ => Computation::Least,
                };
                let (arg_type, ty) = (key.ty, key.ty);
                calls.push(GroupCall { computation, arg: value, arg_type, filter: None, ty });
            }
            physical_keys.push((key.key, format!("g{index}")));
        }
        let keys = PhysicalGroupBy::new_single(physical_keys);
        let grouped = self.stages(input, keys, &calls, rows, node)?;
        let grouped = Stream { types, ..grouped };
        if calls.len() == call_count {
            return Ok(grouped);
        }
        let projection: Vec<_> = columns
            .into_iter()
            .enumerate()
            .map(|(index, column)| ProjectionExpr {
                expr: Arc::new(Column::new(grouped.schema().field(column).name(), column)),
                alias: format!("c{index}"),
            })
            .collect();
        let project =
            ProjectionExec::try_new(projection, Arc::clone(&grouped.plan)).map_err(datafusion)?;
        let plan = self.operator(node, project);
        Ok(grouped.under(plan))
    }

    /// The operators that group, in one stage or two.
    fn stages(
        &mut self,
        input: Stream,
        keys: PhysicalGroupBy,
        calls: &[GroupCall],
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        let schema = input.schema();
        let lowered = calls
            .iter()
            .enumerate()
            .map(|(index, call)| Ok(Arc::new(call.lower(index, &schema)?)))
            .collect::<Result<Vec<_>, PgError>>()?;
        let stage = |mode, keys: PhysicalGroupBy, filters, input| {
            AggregateExec::try_new(mode, keys, lowered.clone(), filters, input, Arc::clone(&schema))
                .map_err(datafusion)
        };
        let filters = calls.iter().map(|call| call.filter.clone()).collect();
        if input.partitions() == 1 {
            let groups = stage(AggregateMode::Single, keys, filters, bounded(&input))?;
            let plan = self.operator(node, groups);
            let plan = Arc::new(GuaranteedExec::new(plan, Use::Group, 1));
            return Ok(Stream { plan, types: vec![], rows, borrows: false });
        }
        let (final_keys, key_count) = (keys.as_final(), keys.num_group_exprs());
        let few = key_count == 0 || rows <= FEW_GROUPS;
        let partial = stage(AggregateMode::Partial, keys, filters, Arc::clone(&input.plan))?;
        let partial = match few {
            true => self.operator(node, partial),
            false => self.operator(node, PartialAggregateExec::new(partial)),
        };
        // Where grouping does not reduce the rows, a partial aggregation gives
        // up and passes the keys through as they came.
        let partial = Stream { plan: partial, types: vec![], ..input };
        let (merged, mode) = if few {
            (self.in_one_partition(partial, node)?, AggregateMode::Final)
        } else {
            let state_keys = partial.schema();
            let state_keys = state_keys.fields().iter().take(key_count).enumerate();
            let state_keys = state_keys
                .map(|(index, field)| Arc::new(Column::new(field.name(), index)) as _)
                .collect();
            (self.partitioned(partial, state_keys, node)?, AggregateMode::FinalPartitioned)
        };
        let no_filters = vec![None; calls.len()];
        let plan = self.operator(node, stage(mode, final_keys, no_filters, bounded(&merged))?);
        let plan = Arc::new(GuaranteedExec::new(plan, Use::Group, 1));
        Ok(Stream { plan, types: vec![], rows, borrows: false })
    }
}
