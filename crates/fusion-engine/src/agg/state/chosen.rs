//! One value of each group, chosen by its order, its bytes or its row: `min` and `max`
//! of types without a number to compare, and those of equal values that look different.

use super::BoxedGroups;
use super::argument::{counts, first};
use crate::error::to_datafusion;
use crate::expr::{KeyForm, key_form, keys};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryViewArray, BinaryViewBuilder, BooleanArray,
    FixedSizeBinaryArray, FixedSizeBinaryBuilder, PrimitiveArray, UInt64Array,
};
use arrow::datatypes::{Float32Type, Float64Type, UInt64Type};
use datafusion_common::{Result, internal_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::nulls::apply_filter_as_nulls;
use fusion_plan::DataType;
use std::cmp::Ordering;
use std::sync::Arc;

/// How the value is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The smallest or largest value, or all are alike.
    extreme: Option<Extreme>,
    /// Which of equal ones.
    ties: Ties,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extreme {
    Least,
    Greatest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ties {
    /// That of the first row.
    First,
    /// That of the last row.
    Last,
    /// The one with the least bytes.
    Bytes,
}

impl Rule {
    /// The first row's.
    pub(crate) const FIRST: Self = Self { extreme: None, ties: Ties::First };
    /// The one with the least bytes.
    pub(crate) const LEAST: Self = Self { extreme: None, ties: Ties::Bytes };

    /// `max` or else `min`, in any order of rows.
    pub(crate) fn any_extreme(max: bool) -> Self {
        let extreme = if max { Extreme::Greatest } else { Extreme::Least };
        Self { extreme: Some(extreme), ties: Ties::Bytes }
    }

    /// `max` or else `min` of type `input`, by the order of rows. `bpchar_smaller` and
    /// `bpchar_larger` (varchar.c) keep the earlier of equal values; `float8smaller`
    /// (float.c), `numeric_smaller` (numeric.c), `interval_smaller` (timestamp.c) and their
    /// kin take the later one.
    pub(crate) fn extreme(max: bool, input: DataType) -> Self {
        let ties = if input == DataType::Bpchar { Ties::First } else { Ties::Last };
        Self { ties, ..Self::any_extreme(max) }
    }

    /// Whether the state has the number of the row.
    fn numbers_rows(self) -> bool {
        self.ties != Ties::Bytes
    }

    /// Whether `new` takes the place of `old`.
    fn replaces(self, new: &Candidate<'_>, old: &Best) -> bool {
        let order = match (self.extreme, new.key) {
            (None, _) => Ordering::Equal,
            (Some(_), Some(key)) => key.cmp(&old.key),
            (Some(_), None) => new.value.cmp(&old.value),
        };
        match (order, self.extreme) {
            (Ordering::Less, extreme) => extreme == Some(Extreme::Least),
            (Ordering::Greater, extreme) => extreme == Some(Extreme::Greatest),
            (Ordering::Equal, _) => match self.ties {
                Ties::First => new.row < old.row,
                Ties::Last => new.row > old.row,
                Ties::Bytes => new.value < old.value.as_slice(),
            },
        }
    }
}

/// The chosen value of each group, in memory of its own.
pub(crate) struct Chosen {
    rule: Rule,
    input: DataType,
    groups: Vec<Option<Best>>,
    /// Rows seen so far.
    rows: u64,
    /// Bytes allocated for the values.
    allocated: usize,
}

/// A value, what it is compared by if that is not the value, and the number of its row.
struct Candidate<'a> {
    value: &'a [u8],
    key: Option<&'a [u8]>,
    row: u64,
}

/// The value that a group has so far.
#[derive(Clone, Debug, Default)]
struct Best {
    value: Vec<u8>,
    key: Vec<u8>,
    row: u64,
}

impl Best {
    fn set(&mut self, new: &Candidate<'_>) {
        self.value.clear();
        self.value.extend_from_slice(new.value);
        self.key.clear();
        self.key.extend_from_slice(new.key.unwrap_or_default());
        self.row = new.row;
    }

    fn allocated(&self) -> usize {
        self.value.capacity() + self.key.capacity()
    }
}

impl Chosen {
    /// Values of type `input`, chosen by `rule`; `None` if this module does not hold them.
    pub(crate) fn boxed(rule: Rule, input: DataType) -> Option<BoxedGroups> {
        Self::try_new(rule, input).map(|groups| Box::new(groups) as BoxedGroups)
    }

    fn try_new(rule: Rule, input: DataType) -> Option<Self> {
        use DataType as T;
        let known = input.equals_differ() || matches!(input, T::Text | T::Bytea | T::Uuid);
        known.then_some(Self { rule, input, groups: Vec::new(), rows: 0, allocated: 0 })
    }

    fn has_keys(&self) -> bool {
        self.rule.extreme.is_some() && key_form(self.input) == Some(KeyForm::Computed)
    }

    fn add(&mut self, group: usize, new: &Candidate<'_>) {
        let replaces = self.groups[group].as_ref().is_none_or(|best| self.rule.replaces(new, best));
        if replaces {
            let best = self.groups[group].get_or_insert_default();
            let before = best.allocated();
            best.set(new);
            self.allocated += best.allocated() - before;
        }
    }

    /// Takes in the rows of `values`, of which `number` says the number.
    fn take(
        &mut self,
        values: &ArrayRef,
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
        number: impl Fn(usize) -> u64,
    ) -> Result<()> {
        self.groups.resize(total_num_groups, None);
        let keys = match self.has_keys() {
            true => Some(keys(self.input, values).map_err(to_datafusion)?),
            false => None,
        };
        let keys = keys.as_ref().map(|keys| Bytes::of(keys, true)).transpose()?;
        let bytes = Bytes::of(values, false)?;
        for (row, group) in group_indices.iter().enumerate() {
            if !counts(values, filter, row) {
                continue;
            }
            let key = keys.as_ref().map(|keys| keys.get(row));
            self.add(*group, &Candidate { value: bytes.get(row), key, row: number(row) });
        }
        Ok(())
    }

    /// The values of `groups`, which are gone from the account.
    fn values(&mut self, groups: Vec<Option<Best>>) -> Result<ArrayRef> {
        self.allocated -= groups.iter().flatten().map(Best::allocated).sum::<usize>();
        let values = groups.into_iter().map(|best| best.map(|best| best.value));
        match self.input {
            DataType::Float4 => return Ok(floats::<Float32Type, 4>(values, f32::from_ne_bytes)),
            DataType::Float8 => return Ok(floats::<Float64Type, 8>(values, f64::from_ne_bytes)),
            _ => {}
        }
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
        Ok(Arc::new(result.finish()))
    }
}

/// The bytes of a column's values.
enum Bytes<'a> {
    Binary(&'a BinaryViewArray),
    Fixed(&'a FixedSizeBinaryArray),
    /// Side by side, of this width.
    Copied(Vec<u8>, usize),
}

impl<'a> Bytes<'a> {
    /// Those of `column`; of floats, if `ordered`, such as order as the values do.
    fn of(column: &'a ArrayRef, ordered: bool) -> Result<Self> {
        if let Some(bytes) = column.as_binary_view_opt() {
            Ok(Self::Binary(bytes))
        } else if let Some(bytes) = column.as_fixed_size_binary_opt() {
            Ok(Self::Fixed(bytes))
        } else if let Some(floats) = column.as_primitive_opt::<Float32Type>() {
            Ok(Self::copied(floats, |value| match ordered {
                true => ascending(value.to_bits().into(), 32)[4..].try_into().unwrap_or_default(),
                false => value.to_ne_bytes(),
            }))
        } else if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
            Ok(Self::copied(floats, |value| match ordered {
                true => ascending(value.to_bits(), 64),
                false => value.to_ne_bytes(),
            }))
        } else {
            internal_err!("a value of an unexpected {}", column.data_type())
        }
    }

    fn copied<T: ArrowPrimitiveType, const WIDTH: usize>(
        column: &PrimitiveArray<T>,
        bytes: impl Fn(T::Native) -> [u8; WIDTH],
    ) -> Self {
        Self::Copied(column.values().iter().flat_map(|value| bytes(*value)).collect(), WIDTH)
    }

    fn get(&self, row: usize) -> &[u8] {
        match self {
            Self::Binary(bytes) => bytes.value(row),
            Self::Fixed(bytes) => bytes.value(row),
            Self::Copied(bytes, width) => &bytes[row * width..][..*width],
        }
    }
}

/// Bytes that order as the floats with these bits do, of which none is a negative zero
/// and NaNs are positive; the last ones if there are fewer bits.
fn ascending(bits: u64, width: u32) -> [u8; 8] {
    let sign = 1_u64 << (width - 1);
    let mask = sign | (sign - 1);
    (if bits & sign == 0 { bits | sign } else { !bits & mask }).to_be_bytes()
}

/// An array of the floats with these bytes.
fn floats<T: ArrowPrimitiveType, const WIDTH: usize>(
    values: impl Iterator<Item = Option<Vec<u8>>>,
    value: fn([u8; WIDTH]) -> T::Native,
) -> ArrayRef {
    let values = values.map(|bytes| Some(value(bytes?.try_into().ok()?)));
    Arc::new(values.collect::<PrimitiveArray<T>>())
}

impl GroupsAccumulator for Chosen {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let seen = self.rows;
        self.rows += group_indices.len() as u64;
        let number = |row| seen + row as u64;
        self.take(first(values)?, group_indices, filter, total_num_groups, number)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = emit_to.take_needed(&mut self.groups);
        self.values(groups)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = emit_to.take_needed(&mut self.groups);
        let rows = groups.iter().map(|best| best.as_ref().map(|best| best.row));
        let rows: UInt64Array = rows.collect();
        let values = self.values(groups)?;
        Ok(match self.rule.numbers_rows() {
            true => vec![values, Arc::new(rows)],
            false => vec![values],
        })
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let numbers = values.get(1).and_then(|rows| rows.as_primitive_opt::<UInt64Type>());
        let number = |row| numbers.map_or(0, |numbers| numbers.value(row));
        self.take(first(values)?, group_indices, None, total_num_groups, number)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        if self.rule.numbers_rows() {
            return internal_err!("rows in order that are not counted");
        }
        Ok(vec![apply_filter_as_nulls(first(values)?.as_ref(), filter)?])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<Option<Best>>() + self.allocated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::Float64Array;
    use arrow::array::StringViewArray;
    use fusion_scalar::datetime::Interval;

    fn chosen(rule: Rule, input: DataType, values: ArrayRef) -> ArrayRef {
        let mut state = Chosen::try_new(rule, input).unwrap();
        let groups = vec![0; values.len()];
        state.update_batch(&[values], &groups, None, 1).unwrap();
        let result = state.evaluate(EmitTo::All).unwrap();
        assert_eq!((result.data_type(), state.allocated), (&input.arrow(), 0));
        result
    }

    fn extreme_of(max: bool, input: DataType, values: ArrayRef) -> ArrayRef {
        chosen(Rule::extreme(max, input), input, values)
    }

    fn extreme(max: bool, input: DataType, values: &[Option<&str>]) -> Option<String> {
        let values: ArrayRef = Arc::new(StringViewArray::from(values.to_vec()).to_binary_view());
        let result = extreme_of(max, input, values);
        result.as_text().iter().next().unwrap().map(str::to_owned)
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
        let mut state = Chosen::try_new(Rule::any_extreme(false), DataType::Text).unwrap();
        let values: ArrayRef =
            Arc::new(StringViewArray::from(vec!["x", "a", "y"]).to_binary_view());
        let filter = BooleanArray::from(vec![Some(true), None, Some(true)]);
        let skipped = state.convert_to_state(&[Arc::clone(&values)], Some(&filter)).unwrap();
        assert!(skipped[0].is_null(1));
        state.update_batch(&[values], &[0, 0, 2], Some(&filter), 3).unwrap();
        let first = state.evaluate(EmitTo::First(1)).unwrap();
        assert_eq!(first.as_text().value(0), "x");
        let rest = state.evaluate(EmitTo::All).unwrap();
        let rest = rest.as_text();
        let rest: Vec<_> = rest.iter().collect();
        assert_eq!(rest, [None, Some("y")]);
    }

    fn float(value: f64) -> ArrayRef {
        Arc::new(Float64Array::from(vec![value]))
    }

    #[test]
    fn floats_follow_the_rows_or_their_bytes() {
        let column = |values: &[f64]| -> ArrayRef { Arc::new(Float64Array::from(values.to_vec())) };
        let bits = |rule, values: &[f64]| {
            let result = chosen(rule, DataType::Float8, column(values));
            result.as_primitive::<Float64Type>().value(0).to_bits()
        };
        let (min, max) =
            (Rule::extreme(false, DataType::Float8), Rule::extreme(true, DataType::Float8));
        for rule in [min, max] {
            assert_eq!(bits(rule, &[0.0, -0.0]), (-0.0_f64).to_bits());
            assert_eq!(bits(rule, &[-0.0, 0.0]), 0);
        }
        let mixed = [1.0, f64::NAN, -2.0, f64::NEG_INFINITY, 1e300];
        assert_eq!(bits(min, &mixed), f64::NEG_INFINITY.to_bits());
        assert!(f64::from_bits(bits(max, &mixed)).is_nan());
        assert_eq!(bits(max, &[-1.5, -2.5]), (-1.5_f64).to_bits());
        assert_eq!(bits(Rule::FIRST, &[-0.0, 0.0]), (-0.0_f64).to_bits());
        assert_eq!(bits(Rule::LEAST, &[-0.0, 0.0]), bits(Rule::LEAST, &[0.0, -0.0]));
    }

    #[test]
    fn parts_merge_in_any_order() {
        for (rule, expected) in [
            (Rule::FIRST, 0.0_f64),
            (Rule::extreme(true, DataType::Float8), 0.0),
            (Rule::extreme(false, DataType::Float8), 0.0),
        ] {
            // The rows are 0, -0 and 0.
            let mut state = Chosen::try_new(rule, DataType::Float8).unwrap();
            let mut parts = Vec::new();
            for value in [0.0, -0.0, 0.0] {
                state.update_batch(&[float(value)], &[0], None, 1).unwrap();
                parts.push(state.state(EmitTo::All).unwrap());
            }
            parts.rotate_right(1);
            for part in &parts {
                state.merge_batch(part, &[0], 1).unwrap();
            }
            let result = state.evaluate(EmitTo::All).unwrap();
            let result = result.as_primitive::<Float64Type>().value(0);
            assert_eq!(result.to_bits(), expected.to_bits(), "{rule:?}");
        }
    }
}
