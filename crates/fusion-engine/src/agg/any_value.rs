//! A value that stands for a group whose rows agree on a key but not on the value.

use super::state::BoxedGroups;
use super::state::argument::first;
use super::state::gathered::{Gathered, first_rows};
use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion_common::{Result, internal_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};

/// The first value of each group to come, NULL or not. Which one that is several
/// partitions decide by timing, so this is for values that nobody tells apart.
pub(super) struct AnyOf {
    values: Gathered,
}

impl AnyOf {
    /// Values of type `ty`.
    pub(super) fn boxed(ty: DataType) -> BoxedGroups {
        Box::new(Self { values: Gathered::new(ty) })
    }
}

impl GroupsAccumulator for AnyOf {
    /// Groups are numbered as they appear, so those without a value are the last
    /// ones; in most batches there are none.
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        if filter.is_some() {
            return internal_err!("a value with a filter");
        }
        let known = self.values.len();
        if total_num_groups <= known {
            return Ok(());
        }
        let rows = first_rows(group_indices, known, total_num_groups);
        self.values.append(first(values)?, &rows)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        match emit_to {
            EmitTo::All => self.values.take_first(usize::MAX),
            EmitTo::First(groups) => self.values.take_first(groups),
        }
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
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        _filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        Ok(vec![first(values)?.clone()])
    }

    fn size(&self) -> usize {
        self.values.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Float64Array};
    use arrow::datatypes::Float64Type;
    use std::sync::Arc;

    fn floats(values: &[Option<f64>]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    fn bits(array: &ArrayRef) -> Vec<Option<u64>> {
        array.as_primitive::<Float64Type>().iter().map(|v| v.map(f64::to_bits)).collect()
    }

    #[test]
    fn the_first_of_each_group_stays() {
        let mut first = AnyOf::boxed(DataType::Float64);
        let add = |first: &mut BoxedGroups, values: &[Option<f64>], groups: &[usize], total| {
            first.update_batch(&[floats(values)], groups, None, total).unwrap();
        };
        add(&mut first, &[Some(-0.0), Some(0.0), None], &[0, 0, 1], 2);
        add(&mut first, &[Some(7.0), Some(2.0), Some(0.0)], &[1, 2, 0], 3);
        let part = first.state(EmitTo::First(1)).unwrap();
        assert_eq!(bits(&part[0]), [Some((-0.0_f64).to_bits())]);
        add(&mut first, &[Some(3.0), Some(4.0)], &[2, 1], 3);
        let rest = first.evaluate(EmitTo::All).unwrap();
        assert_eq!(bits(&rest), [None, Some(2.0), Some(3.0)].map(|v| v.map(f64::to_bits)));
        first.merge_batch(&part, &[0], 1).unwrap();
        assert_eq!(bits(&first.evaluate(EmitTo::All).unwrap()), [Some((-0.0_f64).to_bits())]);
    }
}
