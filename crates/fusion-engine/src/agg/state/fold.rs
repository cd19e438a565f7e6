//! Aggregates whose state is one fixed-width value per group.

use super::BoxedGroups;
use super::argument::typed;
use crate::error::to_datafusion;
use arrow::array::{ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::NullState;
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::filtered_null_mask;
use fusion_plan::PgError;
use std::marker::PhantomData;
use std::sync::Arc;

/// How a value changes a state.
pub(crate) trait Step: Send + 'static {
    /// The argument's type.
    type Input: ArrowPrimitiveType + Send;
    /// The state's and result's type.
    type State: ArrowPrimitiveType + Send;

    /// A state that no value has changed yet: neutral for both steps.
    const START: <Self::State as ArrowPrimitiveType>::Native;

    /// Takes in a value; true if that is an error.
    fn add(
        state: &mut <Self::State as ArrowPrimitiveType>::Native,
        value: <Self::Input as ArrowPrimitiveType>::Native,
    ) -> bool;

    /// Takes in another state; true if that is an error.
    fn merge(
        state: &mut <Self::State as ArrowPrimitiveType>::Native,
        other: <Self::State as ArrowPrimitiveType>::Native,
    ) -> bool;

    /// The error of [`Step::add`].
    fn add_error() -> PgError {
        PgError::internal("an aggregate that cannot fail has failed")
    }

    /// The error of [`Step::merge`].
    fn merge_error() -> PgError {
        Self::add_error()
    }
}

/// Folds values into one state per group; NULL for groups without a value.
pub(crate) struct Fold<S: Step> {
    states: Vec<<S::State as ArrowPrimitiveType>::Native>,
    seen: NullState,
    ty: DataType,
    step: PhantomData<fn() -> S>,
}

impl<S: Step> Fold<S> {
    /// A fold whose result has the Arrow type `ty`.
    pub(crate) fn boxed(ty: DataType) -> BoxedGroups {
        Box::new(Self { states: Vec::new(), seen: NullState::new(), ty, step: PhantomData })
    }

    fn array(
        &self,
        values: Vec<<S::State as ArrowPrimitiveType>::Native>,
    ) -> PrimitiveArray<S::State> {
        PrimitiveArray::new(values.into(), None).with_data_type(self.ty.clone())
    }
}

impl<S: Step> GroupsAccumulator for Fold<S> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let values = typed::<S::Input>(values, 0)?;
        self.states.resize(total_num_groups, S::START);
        let states = &mut self.states;
        let mut bad = false;
        self.seen.accumulate(group_indices, values, filter, total_num_groups, |group, value| {
            bad |= S::add(&mut states[group], value);
        });
        if bad { Err(to_datafusion(S::add_error())) } else { Ok(()) }
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let states = emit_to.take_needed(&mut self.states);
        let (values, nulls) = (self.array(states), self.seen.build(emit_to));
        let (ty, values, _) = values.into_parts();
        Ok(Arc::new(PrimitiveArray::<S::State>::new(values, nulls).with_data_type(ty)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let values = typed::<S::State>(values, 0)?;
        self.states.resize(total_num_groups, S::START);
        let states = &mut self.states;
        let mut bad = false;
        self.seen.accumulate(group_indices, values, None, total_num_groups, |group, value| {
            bad |= S::merge(&mut states[group], value);
        });
        if bad { Err(to_datafusion(S::merge_error())) } else { Ok(()) }
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = typed::<S::Input>(values, 0)?;
        let nulls = filtered_null_mask(filter, values);
        let mut states = vec![S::START; values.len()];
        let mut bad = false;
        for (row, (state, value)) in states.iter_mut().zip(values.values()).enumerate() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                bad |= S::add(state, *value);
            }
        }
        if bad {
            return Err(to_datafusion(S::add_error()));
        }
        let (ty, states, _) = self.array(states).into_parts();
        Ok(vec![Arc::new(PrimitiveArray::<S::State>::new(states, nulls).with_data_type(ty))])
    }

    fn size(&self) -> usize {
        self.states.capacity() * size_of::<<S::State as ArrowPrimitiveType>::Native>()
            + self.seen.size()
    }
}

/// The only group's result of a fold of `values`.
#[cfg(test)]
pub(crate) fn folded(mut state: BoxedGroups, values: ArrayRef) -> Result<ArrayRef> {
    state.update_batch(&[Arc::clone(&values)], &vec![0; values.len()], None, 1)?;
    state.evaluate(EmitTo::All)
}
