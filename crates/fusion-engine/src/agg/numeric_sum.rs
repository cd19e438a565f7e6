//! `sum` and `avg` of stored numerics: exact sums of any size.

use super::state::BoxedGroups;
use super::state::argument::{bytes, counts};
use crate::error::to_datafusion;
use arrow::array::{Array, ArrayRef, BinaryViewBuilder, BooleanArray};
use datafusion_common::Result;
use datafusion_expr::{EmitTo, GroupsAccumulator};
use fusion_plan::{DataType, PgError};
use fusion_scalar::numeric::{Number, NumericSum};

/// The sum of each group, of which a group without values is NULL.
struct Sums {
    average: bool,
    groups: Vec<NumericSum>,
    /// Bytes that the sums own on the heap.
    heap: usize,
}

/// `avg` or else `sum` of stored numerics.
pub(super) fn groups(average: bool, result: DataType) -> Option<BoxedGroups> {
    (result == DataType::Numeric)
        .then(|| Box::new(Sums { average, groups: Vec::new(), heap: 0 }) as BoxedGroups)
}

impl Sums {
    /// Changes the sum of `group`, and keeps count of its memory.
    fn change(&mut self, group: usize, change: impl FnOnce(&mut NumericSum)) {
        let sum = &mut self.groups[group];
        let before = sum.heap_size();
        change(sum);
        self.heap += sum.heap_size() - before;
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<NumericSum> {
        let groups = emit_to.take_needed(&mut self.groups);
        self.heap -= groups.iter().map(NumericSum::heap_size).sum::<usize>();
        groups
    }

    /// One value for each of `groups`.
    fn collect(
        groups: &[NumericSum],
        write: impl Fn(&NumericSum, &mut Vec<u8>) -> Result<(), PgError>,
    ) -> Result<ArrayRef> {
        let mut array = BinaryViewBuilder::with_capacity(groups.len());
        let mut bytes = Vec::new();
        for group in groups {
            if group.is_empty() {
                array.append_null();
                continue;
            }
            bytes.clear();
            write(group, &mut bytes).map_err(to_datafusion)?;
            array.append_value(&bytes);
        }
        Ok(std::sync::Arc::new(array.finish()))
    }
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, NumericSum::default);
        let values = bytes(values)?;
        for (row, group) in group_indices.iter().enumerate() {
            if counts(values, filter, row) {
                self.change(*group, |sum| sum.add(Number::parse(values.value(row))));
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        match self.average {
            true => Self::collect(&groups, NumericSum::average),
            false => Self::collect(&groups, NumericSum::sum),
        }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        let states = Self::collect(&groups, |sum, bytes| {
            sum.write(bytes);
            Ok(())
        });
        Ok(vec![states?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, NumericSum::default);
        let states = bytes(values)?;
        for (state, group) in states.iter().zip(group_indices) {
            if let Some(state) = state {
                let state = NumericSum::read(state).map_err(to_datafusion)?;
                self.change(*group, |sum| sum.merge(&state));
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = bytes(values)?;
        let mut groups = vec![NumericSum::default(); values.len()];
        for (row, sum) in groups.iter_mut().enumerate() {
            if counts(values, filter, row) {
                sum.add(Number::parse(values.value(row)));
            }
        }
        let states = Self::collect(&groups, |sum, bytes| {
            sum.write(bytes);
            Ok(())
        });
        Ok(vec![states?])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<NumericSum>() + self.heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{numbers, texts};
    use std::sync::Arc;

    #[test]
    fn parts_merge_and_empty_groups_are_null() {
        let large = "1e60";
        let values = numbers(&[Some("1.50"), Some(large), None, Some("2"), Some("NaN")]);
        let filter = BooleanArray::from(vec![Some(true), Some(true), Some(true), Some(true), None]);
        for (average, expected) in [(false, "3.50"), (true, "1.7500000000000000")] {
            let mut part = groups(average, DataType::Numeric).unwrap();
            let indices = [0, 1, 2, 0, 0];
            part.update_batch(&[Arc::clone(&values)], &indices, Some(&filter), 3).unwrap();
            assert!(part.size() > 0);
            let state = part.state(EmitTo::All).unwrap();
            let mut whole = groups(average, DataType::Numeric).unwrap();
            whole.merge_batch(&state, &[0, 1, 2], 3).unwrap();
            let single = whole.convert_to_state(&[numbers(&[Some("-1e60")])], None).unwrap();
            whole.merge_batch(&single, &[1], 3).unwrap();
            let first = whole.evaluate(EmitTo::First(1)).unwrap();
            assert_eq!(texts(&first), [Some(expected.to_owned())]);
            let rest = texts(&whole.evaluate(EmitTo::All).unwrap());
            let zero = if average { "0.00000000000000000000" } else { "0" };
            assert_eq!(rest, [Some(zero.to_owned()), None]);
        }
    }

    #[test]
    fn a_sum_too_large_is_an_error_of_its_group() {
        let mut sums = groups(false, DataType::Numeric).unwrap();
        let nines = "9".repeat(131_072);
        let values = numbers(&[Some(&nines), Some("1"), Some("7")]);
        sums.update_batch(&[values], &[1, 1, 0], None, 2).unwrap();
        assert_eq!(texts(&sums.evaluate(EmitTo::First(1)).unwrap()), [Some("7".to_owned())]);
        let error = sums.evaluate(EmitTo::All).unwrap_err();
        assert_eq!(crate::error::to_pg(&error).message, "value overflows numeric format");
    }
}
