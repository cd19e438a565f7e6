//! Aggregates with DISTINCT.
//!
//! The distinct values of all groups are kept, and given to the plain aggregate
//! when the result is asked for. The state is the list of a group's values, so
//! parts merge exactly: partial states can be combined and written to disk.

use super::accumulator::{in_order, plain};
use super::state::BoxedGroups;
use super::state::argument::first;
use super::state::gathered::{Gathered, first_rows, owned};
use crate::error::to_datafusion;
use crate::expr::{KeyForm, key_form, keys, order_keys};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt64Array, make_comparator,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow::compute::{SortOptions, filter, take};
use arrow::datatypes::{DataType as Arrow, Field, FieldRef, Schema, SchemaRef, UInt64Type};
use datafusion_common::{Result, internal_datafusion_err, resources_datafusion_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::filtered_null_mask;
use datafusion_physical_plan::aggregates::group_values::GroupValues;
use datafusion_physical_plan::aggregates::group_values::multi_group_by::GroupValuesColumn;
use fusion_plan::{AggregateFunction, DataType};
use std::sync::Arc;

/// The Arrow type of the state of a DISTINCT aggregate over arguments of type
/// `input`.
pub(super) fn state_type(input: DataType) -> Arrow {
    Arrow::List(element(input))
}

fn element(input: DataType) -> FieldRef {
    Arc::new(Field::new_list_field(input.arrow(), true))
}

/// The distinct values per group of one aggregate's argument. Of equal values
/// that can be told apart the first stays.
pub(super) struct Distinct {
    function: AggregateFunction,
    input: DataType,
    result: DataType,
    groups: usize,
    /// Pairs of a group and a key.
    seen: GroupValuesColumn<false>,
    /// The value of each pair, where it is not its own key.
    values: Option<Gathered>,
    /// The pair of each row of a batch.
    pairs: Vec<usize>,
}

impl Distinct {
    /// `function(DISTINCT input)`; `None` if there is no such aggregate.
    pub(super) fn boxed(
        function: AggregateFunction,
        input: DataType,
        result: DataType,
    ) -> Option<BoxedGroups> {
        plain(function, input, result)?;
        let values = match key_form(input)? {
            KeyForm::Value => None,
            KeyForm::Computed => Some(Gathered::new(input.arrow())),
        };
        let seen = no_pairs(input).ok()?;
        Some(Box::new(Self { function, input, result, groups: 0, seen, values, pairs: vec![] }))
    }

    /// Adds the values of `column`, none of them NULL, to their groups.
    fn insert(&mut self, column: &ArrayRef, groups: ArrayRef) -> Result<()> {
        let keys = keys(self.input, column).map_err(to_datafusion)?;
        let known = self.seen.len();
        self.seen.intern(&[groups, keys], &mut self.pairs)?;
        match &mut self.values {
            Some(values) => values.append(column, &first_rows(&self.pairs, known, self.seen.len())),
            None => Ok(()),
        }
    }

    /// Removes the groups that are emitted: their values, ordered by group, and
    /// how many each group has.
    fn emit(&mut self, emit_to: EmitTo) -> Result<(ArrayRef, Vec<usize>)> {
        let emitted = match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(groups) => groups.min(self.groups),
        };
        let mut seen = std::mem::replace(&mut self.seen, no_pairs(self.input)?);
        let mut columns = seen.emit(EmitTo::All)?.into_iter();
        let (Some(groups), Some(keys)) = (columns.next(), columns.next()) else {
            return Err(internal_datafusion_err!("pairs of a group and a key have two columns"));
        };
        let groups = groups.as_primitive::<UInt64Type>().values().clone();
        let values = match &mut self.values {
            Some(values) => values.take_first(usize::MAX)?,
            None => keys,
        };
        let mut counts = vec![0; emitted];
        for group in groups.iter() {
            if let Some(count) = counts.get_mut(*group as usize) {
                *count += 1;
            }
        }
        let mut order: Vec<usize> = (0..groups.len()).collect();
        order.sort_by_key(|pair| groups[*pair]);
        let (gone, kept) = order.split_at(counts.iter().sum());
        self.groups -= emitted;
        if !kept.is_empty() {
            let kept_groups = kept.iter().map(|pair| groups[*pair] - emitted as u64);
            let kept_groups = UInt64Array::from_iter_values(kept_groups);
            self.insert(&take(&values, &positions(kept), None)?, Arc::new(kept_groups))?;
        }
        Ok((owned(take(&values, &positions(gone), None)?), counts))
    }

    /// Whether the result depends on the order of the values. PostgreSQL sorts them
    /// before it removes duplicates (`process_ordered_aggregate_single` in nodeAgg.c).
    fn rounds(&self) -> bool {
        self.function != AggregateFunction::Count && self.input.is_float()
    }

    /// `values`, in runs of these lengths, with each run in ascending order.
    fn sorted(&self, values: &ArrayRef, counts: &[usize]) -> Result<ArrayRef> {
        let keys = order_keys(self.input, values).map_err(to_datafusion)?;
        let compare = make_comparator(&keys, &keys, SortOptions::default())?;
        let mut order: Vec<usize> = (0..values.len()).collect();
        let mut rest = order.as_mut_slice();
        for count in counts {
            let (run, later) = rest.split_at_mut(*count);
            run.sort_unstable_by(|a, b| compare(*a, *b));
            rest = later;
        }
        Ok(take(values, &positions(&order), None)?)
    }

    /// The list of each group's values.
    fn lists(&self, values: ArrayRef, counts: &[usize]) -> Result<ArrayRef> {
        if i32::try_from(values.len()).is_err() {
            return Err(resources_datafusion_err!(
                "There are too many distinct values in the groups of an aggregate."
            ));
        }
        let offsets = OffsetBuffer::from_lengths(counts.iter().copied());
        Ok(Arc::new(ListArray::try_new(element(self.input), offsets, values, None)?))
    }
}

fn no_pairs(input: DataType) -> Result<GroupValuesColumn<false>> {
    let fields = [("group", Arrow::UInt64), ("key", input.arrow())];
    let fields = fields.map(|(name, ty)| Field::new(name, ty, true));
    let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    GroupValuesColumn::try_new(schema)
}

fn positions(rows: &[usize]) -> UInt64Array {
    UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64))
}

impl GroupsAccumulator for Distinct {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter_rows: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = total_num_groups;
        let column = first(values)?;
        let groups = group_indices.iter().map(|group| *group as u64);
        let groups: ArrayRef = Arc::new(UInt64Array::from_iter_values(groups));
        match counted(column, filter_rows) {
            None => self.insert(column, groups),
            Some(counted) => self.insert(&filter(column, &counted)?, filter(&groups, &counted)?),
        }
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (mut values, counts) = self.emit(emit_to)?;
        if self.rounds() {
            values = self.sorted(&values, &counts)?;
        }
        let mut groups = Vec::with_capacity(values.len());
        for (group, count) in counts.iter().enumerate() {
            groups.resize(groups.len() + count, group);
        }
        let groups_of = match self.rounds() {
            true => in_order(self.function, self.input, self.result),
            false => plain(self.function, self.input, self.result),
        };
        let mut sums = groups_of.ok_or_else(|| internal_datafusion_err!("unknown aggregate"))?;
        // Without a filter an accumulator takes it that each new group comes with a
        // value; here a group may have none.
        let every = BooleanArray::new(BooleanBuffer::new_set(values.len()), None);
        sums.update_batch(&[values], &groups, Some(&every), counts.len())?;
        sums.evaluate(EmitTo::All)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (values, counts) = self.emit(emit_to)?;
        Ok(vec![self.lists(values, &counts)?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups = total_num_groups;
        let lists = first(values)?
            .as_list_opt::<i32>()
            .ok_or_else(|| internal_datafusion_err!("the state of DISTINCT is not a list"))?;
        let mut groups = Vec::with_capacity(lists.values().len());
        for (group, length) in group_indices.iter().zip(lists.offsets().lengths()) {
            groups.resize(groups.len() + length, *group as u64);
        }
        let (start, end) = (lists.value_offsets().first(), lists.value_offsets().last());
        let (start, end) = (*start.unwrap_or(&0) as usize, *end.unwrap_or(&0) as usize);
        let values = lists.values().slice(start, end - start);
        self.insert(&values, Arc::new(UInt64Array::from(groups)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter_rows: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let column = first(values)?;
        let counted = counted(column, filter_rows)
            .unwrap_or_else(|| BooleanArray::from(vec![true; column.len()]));
        let counts: Vec<_> = counted.values().iter().map(usize::from).collect();
        Ok(vec![self.lists(owned(filter(column, &counted)?), &counts)?])
    }

    fn size(&self) -> usize {
        self.seen.size()
            + self.values.as_ref().map_or(0, Gathered::size)
            + self.pairs.capacity() * size_of::<usize>()
    }
}

/// The rows whose value counts: it is not NULL, and the filter is true; `None`
/// for all.
fn counted(column: &ArrayRef, filter_rows: Option<&BooleanArray>) -> Option<BooleanArray> {
    let mask = filtered_null_mask(filter_rows, column.as_ref())?;
    (mask.null_count() > 0).then(|| BooleanArray::new(NullBuffer::into_inner(mask), None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{Float64Array, Int32Array, StringViewArray};
    use arrow::datatypes::{Float64Type, Int64Type};

    fn ints(values: &[Option<i32>]) -> Vec<ArrayRef> {
        vec![Arc::new(Int32Array::from(values.to_vec()))]
    }

    fn counts(array: &ArrayRef) -> Vec<i64> {
        array.as_primitive::<Int64Type>().values().to_vec()
    }

    fn count(input: DataType) -> BoxedGroups {
        Distinct::boxed(AggregateFunction::Count, input, DataType::Int8).unwrap()
    }

    #[test]
    fn values_count_once_per_group_and_null_never() {
        let mut state = count(DataType::Int4);
        let values = ints(&[Some(1), Some(1), None, Some(1), Some(2), Some(3)]);
        let kept = BooleanArray::from(vec![true, true, true, true, true, false]);
        state.update_batch(&values, &[0, 0, 0, 2, 2, 2], Some(&kept), 3).unwrap();
        state.update_batch(&ints(&[Some(2), Some(1)]), &[0, 2], None, 3).unwrap();
        assert_eq!(counts(&state.evaluate(EmitTo::First(1)).unwrap()), [2]);
        // The former groups 1 and 2 are now 0 and 1.
        state.update_batch(&ints(&[Some(2), Some(5)]), &[1, 0], None, 2).unwrap();
        assert_eq!(counts(&state.evaluate(EmitTo::All).unwrap()), [1, 2]);
        state.update_batch(&ints(&[Some(2)]), &[0], None, 1).unwrap();
        assert_eq!(counts(&state.evaluate(EmitTo::All).unwrap()), [1]);
    }

    #[test]
    fn states_merge_to_the_union() {
        let mut first = count(DataType::Int4);
        first.update_batch(&ints(&[Some(1), Some(2), None]), &[0, 0, 1], None, 2).unwrap();
        let first = first.state(EmitTo::All).unwrap();
        let kept = BooleanArray::from(vec![Some(true), Some(true), Some(false), None]);
        let values = ints(&[Some(2), Some(3), Some(9), Some(9)]);
        let rows = count(DataType::Int4).convert_to_state(&values, Some(&kept)).unwrap();
        let mut merged = count(DataType::Int4);
        merged.merge_batch(&first, &[0, 1], 2).unwrap();
        merged.merge_batch(&rows, &[0, 1, 1, 0], 2).unwrap();
        let sliced = vec![rows[0].slice(1, 2)];
        merged.merge_batch(&sliced, &[0, 0], 2).unwrap();
        assert_eq!(counts(&merged.evaluate(EmitTo::All).unwrap()), [3, 1]);
    }

    #[test]
    fn equal_values_that_differ_count_once() {
        let mut state = count(DataType::Bpchar);
        let values: ArrayRef =
            Arc::new(StringViewArray::from(vec!["a ", "a", "b, and more text"]).to_binary_view());
        state.update_batch(&[values], &[0, 0, 0], None, 1).unwrap();
        let lists = state.state(EmitTo::All).unwrap();
        let values = lists[0].as_list::<i32>().values().clone();
        let values = values.as_text();
        let values: Vec<_> = values.iter().flatten().collect();
        assert_eq!(values, ["a ", "b, and more text"]);
    }

    #[test]
    fn floats_are_added_in_ascending_order() {
        let float = DataType::Float8;
        let mut state = Distinct::boxed(AggregateFunction::Sum, float, float).unwrap();
        let values: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 1e16, -1e16, 1.0, -0.0]));
        state.update_batch(&[values], &[0, 0, 0, 0, 1], None, 2).unwrap();
        let sums = state.evaluate(EmitTo::All).unwrap();
        let sums = sums.as_primitive::<Float64Type>();
        // -1e16 + 1 + 1e16, where the first addition rounds to even.
        assert_eq!((sums.value(0), sums.value(1).to_bits()), (0.0, (-0.0_f64).to_bits()));
    }

    #[test]
    fn a_group_without_values_has_no_sum() {
        let sum = || Distinct::boxed(AggregateFunction::Sum, DataType::Int4, DataType::Int8);
        for (values, groups, expected) in [
            (ints(&[None, None]), [0, 0], vec![None]),
            (ints(&[Some(5), None]), [0, 1], vec![Some(5), None]),
            (ints(&[None, Some(5)]), [0, 1], vec![None, Some(5)]),
        ] {
            let mut state = sum().unwrap();
            state.update_batch(&values, &groups, None, expected.len()).unwrap();
            let sums = state.evaluate(EmitTo::All).unwrap();
            assert_eq!(sums.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_cannot_be_compared_cannot_be_distinct() {
        let opaque = Distinct::boxed(AggregateFunction::Count, DataType::Opaque, DataType::Int8);
        assert!(opaque.is_none());
    }
}
