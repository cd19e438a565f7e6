//! `min` and `max` of what has no fixed width: `text_smaller`, `text_larger` in
//! the C collation, `bpchar_smaller`, `bpchar_larger`, `numeric_smaller`,
//! `numeric_larger`.

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, StringViewArray};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::apply_filter_as_nulls;
use fusion_plan::DataType;
use fusion_scalar::numeric::compare_stored;
use std::cmp::Ordering;
use std::sync::Arc;

/// The smallest or largest value of each group, in memory of its own.
pub(super) struct MinMax {
    max: bool,
    input: DataType,
    groups: Vec<Option<Vec<u8>>>,
    /// Bytes allocated for the strings.
    allocated: usize,
}

impl MinMax {
    /// `max` or else `min` of type `input`.
    pub(super) fn new(max: bool, input: DataType) -> Self {
        Self { max, input, groups: Vec::new(), allocated: 0 }
    }

    /// Whether `value` takes the place of `current`. Of equal strings, which
    /// only `bpchar` can tell apart, the earlier one stays; of equal numbers,
    /// which differ in scale, the later one counts.
    fn replaces(&self, value: &[u8], current: &[u8]) -> bool {
        if self.input == DataType::Numeric {
            let order = compare_stored(value, current);
            return if self.max { order.is_ge() } else { order.is_le() };
        }
        let key = |bytes| match self.input {
            DataType::Bpchar => without_trailing_blanks(bytes),
            _ => bytes,
        };
        match key(value).cmp(key(current)) {
            Ordering::Less => !self.max,
            Ordering::Equal => false,
            Ordering::Greater => self.max,
        }
    }

    fn add(&mut self, group: usize, value: &[u8]) {
        let replaces = match &self.groups[group] {
            Some(current) => self.replaces(value, current),
            None => true,
        };
        if replaces {
            let place = self.groups[group].get_or_insert_default();
            let before = place.capacity();
            place.clear();
            place.extend_from_slice(value);
            self.allocated += place.capacity() - before;
        }
    }
}

fn without_trailing_blanks(bytes: &[u8]) -> &[u8] {
    let blanks = bytes.iter().rev().take_while(|byte| **byte == b' ').count();
    &bytes[..bytes.len() - blanks]
}

impl GroupsAccumulator for MinMax {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, None);
        let values = values.first().ok_or_else(|| internal_datafusion_err!("no argument"))?;
        let valid = |row: usize| {
            values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row))
        };
        let rows = group_indices.iter().enumerate().filter(|(row, _)| valid(*row));
        if let Some(strings) = values.as_string_view_opt() {
            rows.for_each(|(row, group)| self.add(*group, strings.value(row).as_bytes()));
        } else if let Some(bytes) = values.as_binary_view_opt() {
            rows.for_each(|(row, group)| self.add(*group, bytes.value(row)));
        } else {
            return Err(internal_datafusion_err!("the argument of min or max is not a string"));
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        let mut result = BinaryViewBuilder::with_capacity(groups.len());
        for group in groups {
            self.allocated -= group.as_ref().map_or(0, Vec::capacity);
            result.append_option(group);
        }
        let bytes = result.finish();
        if matches!(self.input, DataType::Bytea | DataType::Numeric) {
            return Ok(Arc::new(bytes));
        }
        // SAFETY: every value was copied from a string array.
        let strings: StringViewArray = unsafe { bytes.to_string_view_unchecked() };
        Ok(Arc::new(strings))
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
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values.first().ok_or_else(|| internal_datafusion_err!("no argument"))?;
        Ok(vec![apply_filter_as_nulls(values.as_ref(), filter)?])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Option<Vec<u8>>>() + self.allocated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::BinaryViewArray;
    use fusion_scalar::numeric::{Number, numeric_in, numeric_out};

    fn extreme(max: bool, input: DataType, values: &[Option<&str>]) -> Option<String> {
        let mut state = MinMax::new(max, input);
        let values: ArrayRef = Arc::new(StringViewArray::from(values.to_vec()));
        state.update_batch(&[Arc::clone(&values)], &vec![0; values.len()], None, 1).unwrap();
        let result = state.evaluate(EmitTo::All).unwrap();
        assert_eq!(state.allocated, 0);
        result.as_string_view().iter().next().unwrap().map(str::to_owned)
    }

    #[test]
    fn text_is_ordered_by_byte_and_nulls_are_skipped() {
        let values = [Some("b"), None, Some("a, with more than twelve bytes"), Some("é")];
        assert_eq!(extreme(false, DataType::Text, &values), values[2].map(str::to_owned));
        assert_eq!(extreme(true, DataType::Text, &values), Some("é".into()));
        assert_eq!(extreme(true, DataType::Text, &[None, None]), None);
    }

    #[test]
    fn bpchar_ignores_blanks_and_keeps_them() {
        assert_eq!(extreme(true, DataType::Bpchar, &[Some("a  "), Some("a")]), Some("a  ".into()));
        assert_eq!(
            extreme(false, DataType::Bpchar, &[Some("b "), Some("a\t ")]),
            Some("a\t ".into())
        );
        // A tab is less than a blank, but blanks at the end do not count.
        assert_eq!(
            extreme(false, DataType::Bpchar, &[Some("a\t"), Some("a   ")]),
            Some("a   ".into())
        );
    }

    #[test]
    fn numbers_are_ordered_by_value_and_the_last_of_equals_counts() {
        let extreme = |max, values: &[&str]| {
            let mut state = MinMax::new(max, DataType::Numeric);
            let stored = |text: &str| {
                let mut bytes = Vec::new();
                numeric_in(text, None, &mut bytes).unwrap();
                bytes
            };
            let values = BinaryViewArray::from_iter_values(values.iter().map(|text| stored(text)));
            let indices = vec![0; values.len()];
            state.update_batch(&[Arc::new(values)], &indices, None, 1).unwrap();
            let result = state.evaluate(EmitTo::All).unwrap();
            let mut text = String::new();
            numeric_out(Number::parse(result.as_binary_view().value(0)), &mut text);
            text
        };
        assert_eq!(extreme(true, &["9", "10.0", "10", "10.00", "-1e50"]), "10.00");
        assert_eq!(extreme(false, &["9", "-1.0", "-1", "NaN"]), "-1");
        assert_eq!(extreme(true, &["9", "NaN", "Infinity"]), "NaN");
        assert_eq!(extreme(false, &["9", "-Infinity", "-1e50"]), "-Infinity");
    }

    #[test]
    fn filtered_rows_do_not_count_and_groups_are_apart() {
        let mut state = MinMax::new(false, DataType::Text);
        let values: ArrayRef = Arc::new(StringViewArray::from(vec!["x", "a", "y"]));
        let filter = BooleanArray::from(vec![Some(true), None, Some(true)]);
        let skipped = state.convert_to_state(&[Arc::clone(&values)], Some(&filter)).unwrap();
        assert!(skipped[0].is_null(1));
        state.update_batch(&[values], &[0, 0, 2], Some(&filter), 3).unwrap();
        let first = state.evaluate(EmitTo::First(1)).unwrap();
        assert_eq!(first.as_string_view().value(0), "x");
        let rest = state.evaluate(EmitTo::All).unwrap();
        let rest: Vec<_> = rest.as_string_view().iter().collect();
        assert_eq!(rest, [None, Some("y")]);
    }
}
