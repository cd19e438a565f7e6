//! `min` and `max` of types without a number to compare: strings, `numeric`,
//! `interval`, `uuid`.

use crate::error::to_datafusion;
use crate::expr::{KeyForm, key_form, keys};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, FixedSizeBinaryBuilder,
    StringViewArray,
};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::apply_filter_as_nulls;
use fusion_plan::DataType;
use std::cmp::Ordering;
use std::sync::Arc;

/// The smallest or largest value of each group, in memory of its own.
pub(super) struct MinMax {
    max: bool,
    input: DataType,
    groups: Vec<Option<Best>>,
    /// Bytes allocated for the values.
    allocated: usize,
}

/// The value a group has so far, and its key if that is not the value.
#[derive(Clone, Debug, Default)]
struct Best {
    value: Vec<u8>,
    key: Vec<u8>,
}

impl Best {
    fn set(&mut self, value: &[u8], key: &[u8]) {
        self.value.clear();
        self.value.extend_from_slice(value);
        self.key.clear();
        self.key.extend_from_slice(key);
    }

    fn allocated(&self) -> usize {
        self.value.capacity() + self.key.capacity()
    }
}

impl MinMax {
    /// `max` or else `min` of type `input`; `None` if this module does not order
    /// it.
    pub(super) fn try_new(max: bool, input: DataType) -> Option<Self> {
        use DataType as T;
        matches!(input, T::Text | T::Bpchar | T::Bytea | T::Numeric | T::Interval | T::Uuid)
            .then_some(Self { max, input, groups: Vec::new(), allocated: 0 })
    }

    fn has_keys(&self) -> bool {
        key_form(self.input) == Some(KeyForm::Computed)
    }

    /// Whether a value replaces an equal one. Only some types have equal values
    /// that differ: `bpchar_smaller` and `bpchar_larger` keep the earlier one,
    /// `numeric_smaller`, `interval_smaller` and their kin take the later one.
    fn replaces_equal(&self) -> bool {
        matches!(self.input, DataType::Numeric | DataType::Interval)
    }

    fn add(&mut self, group: usize, value: &[u8], key: Option<&[u8]>) {
        let replaces = match &self.groups[group] {
            None => true,
            Some(best) => {
                let order = match key {
                    Some(key) => key.cmp(&best.key),
                    None => value.cmp(&best.value),
                };
                match order {
                    Ordering::Less => !self.max,
                    Ordering::Equal => self.replaces_equal(),
                    Ordering::Greater => self.max,
                }
            }
        };
        if replaces {
            let best = self.groups[group].get_or_insert_default();
            let before = best.allocated();
            best.set(value, key.unwrap_or_default());
            self.allocated += best.allocated() - before;
        }
    }
}

/// A column's values as bytes.
fn bytes_of(column: &ArrayRef, row: usize) -> Result<&[u8]> {
    if let Some(strings) = column.as_string_view_opt() {
        Ok(strings.value(row).as_bytes())
    } else if let Some(bytes) = column.as_binary_view_opt() {
        Ok(bytes.value(row))
    } else if let Some(bytes) = column.as_fixed_size_binary_opt() {
        Ok(bytes.value(row))
    } else {
        Err(internal_datafusion_err!("min or max of an unexpected {}", column.data_type()))
    }
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
        let keys = match self.has_keys() {
            true => Some(keys(self.input, values).map_err(to_datafusion)?),
            false => None,
        };
        for (row, group) in group_indices.iter().enumerate() {
            if values.is_null(row) || filter.is_some_and(|f| f.is_null(row) || !f.value(row)) {
                continue;
            }
            let key = match &keys {
                Some(keys) => Some(bytes_of(keys, row)?),
                None => None,
            };
            self.add(*group, bytes_of(values, row)?, key);
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        self.allocated -= groups.iter().flatten().map(Best::allocated).sum::<usize>();
        let values = groups.into_iter().map(|best| best.map(|best| best.value));
        if matches!(self.input, DataType::Interval | DataType::Uuid) {
            let mut result = FixedSizeBinaryBuilder::with_capacity(values.len(), 16);
            for value in values {
                match value {
                    Some(value) => result.append_value(value)?,
                    None => result.append_null(),
                }
            }
            return Ok(Arc::new(result.finish()));
        }
        let mut result = BinaryViewBuilder::with_capacity(values.len());
        values.for_each(|value| result.append_option(value));
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
        self.groups.capacity() * size_of::<Option<Best>>() + self.allocated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryViewArray, FixedSizeBinaryArray};
    use fusion_scalar::datetime::Interval;

    fn extreme_of(max: bool, input: DataType, values: ArrayRef) -> ArrayRef {
        let mut state = MinMax::try_new(max, input).unwrap();
        let groups = vec![0; values.len()];
        state.update_batch(&[values], &groups, None, 1).unwrap();
        let result = state.evaluate(EmitTo::All).unwrap();
        assert_eq!((result.data_type(), state.allocated), (&input.arrow(), 0));
        result
    }

    fn extreme(max: bool, input: DataType, values: &[Option<&str>]) -> Option<String> {
        let values: ArrayRef = Arc::new(StringViewArray::from(values.to_vec()));
        let result = extreme_of(max, input, values);
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
    fn bpchar_ignores_blanks_and_keeps_the_earlier() {
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
    fn of_equal_numerics_and_intervals_the_later_stays() {
        let numeric = |value: u16, scale: u16| -> Vec<u8> {
            let words = [0x8000 | (scale << 7), value];
            words.iter().flat_map(|word| word.to_ne_bytes()).collect()
        };
        let values = [numeric(256, 0), numeric(1, 1), numeric(256, 2), numeric(1, 0)];
        let column = BinaryViewArray::from_iter_values(values.iter());
        let column: ArrayRef = Arc::new(column);
        let of = |max| {
            let result = extreme_of(max, DataType::Numeric, Arc::clone(&column));
            result.as_binary_view().value(0).to_vec()
        };
        assert_eq!((of(false), of(true)), (values[3].clone(), values[2].clone()));

        let spans = [Interval::new(1, 0, 0), Interval::new(0, 30, 0), Interval::new(0, 29, 0)];
        let spans = spans.map(Interval::to_bytes);
        let column: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter(spans.iter()).unwrap());
        let of = |max| {
            let result = extreme_of(max, DataType::Interval, Arc::clone(&column));
            result.as_fixed_size_binary().value(0).to_vec()
        };
        assert_eq!((of(false), of(true)), (spans[2].to_vec(), spans[1].to_vec()));
    }

    #[test]
    fn uuids_are_ordered_by_byte() {
        let values = [[2; 16], [255; 16], [1; 16]];
        let column = FixedSizeBinaryArray::try_from_iter(values.iter()).unwrap();
        let result = extreme_of(true, DataType::Uuid, Arc::new(column));
        assert_eq!(result.as_fixed_size_binary().value(0), [255; 16]);
    }

    #[test]
    fn filtered_rows_do_not_count_and_groups_are_apart() {
        let mut state = MinMax::try_new(false, DataType::Text).unwrap();
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
