//! `sum` and `avg` of floats in any order of rows: the exact sum, rounded once.
//!
//! Where PostgreSQL's own plan adds up the rows of several processes as they come, no
//! order is its own, and any rounding is one that it might give. The exact sum is the
//! same for every order, so partitions may add up what they get, and their sums can be
//! put together, or written to disk.
//!
//! A sum is kept as a few floats that do not overlap, the smallest first (Shewchuk 1997).

use super::state::BoxedGroups;
use super::state::argument::{bytes, counts, typed};
use crate::error::to_datafusion;
use crate::expr::Float;
use arrow::array::{ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, BooleanArray, PrimitiveArray};
use arrow::datatypes::{Float32Type, Float64Type};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_expr::{EmitTo, GroupsAccumulator};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::accumulate::accumulate;
use fusion_plan::{DataType, PgError};
use std::marker::PhantomData;
use std::sync::Arc;

/// `avg(input)` or else `sum(input)`.
pub(super) fn groups(average: bool, input: DataType, result: DataType) -> Option<BoxedGroups> {
    use DataType as T;
    Some(match (average, input, result) {
        (false, T::Float4, T::Float4) => Sums::<Float32Type, Float32Type>::boxed(ExactSum::single),
        (false, T::Float8, T::Float8) => Sums::<Float64Type, Float64Type>::boxed(ExactSum::double),
        (true, T::Float4, T::Float8) => Sums::<Float32Type, Float64Type>::boxed(ExactSum::average),
        (true, T::Float8, T::Float8) => Sums::<Float64Type, Float64Type>::boxed(ExactSum::average),
        _ => return None,
    })
}

/// The sum of some floats.
#[derive(Clone, Debug, Default)]
struct ExactSum {
    count: u64,
    /// Whether there was anything but negative zeros.
    plus: bool,
    /// The sum of infinities and NaNs, or zero.
    special: f64,
    squares: Squares,
    /// The sum of all others: floats that do not overlap, the smallest first.
    parts: Vec<f64>,
}

impl ExactSum {
    /// Adds `value`; true if that is too large.
    fn add(&mut self, value: f64) -> bool {
        self.count += 1;
        self.plus |= !value.is_negative_zero();
        if !value.is_finite() {
            self.special += value;
            return false;
        }
        self.squares.add(value);
        self.add_part(value)
    }

    fn add_part(&mut self, value: f64) -> bool {
        let mut sum = value;
        let mut kept = 0;
        for index in 0..self.parts.len() {
            let part = self.parts[index];
            let (large, small) = if sum.abs() < part.abs() { (part, sum) } else { (sum, part) };
            sum = large + small;
            let rest = small - (sum - large);
            if rest != 0.0 {
                self.parts[kept] = rest;
                kept += 1;
            }
        }
        self.parts.truncate(kept);
        if sum != 0.0 {
            self.parts.push(sum);
        }
        sum.is_infinite()
    }

    /// Adds another sum; true if that is too large.
    fn merge(&mut self, other: &Self) -> bool {
        self.count += other.count;
        self.plus |= other.plus;
        self.special += other.special;
        self.squares.merge(&other.squares);
        other.parts.iter().fold(false, |overflow, part| overflow | self.add_part(*part))
    }

    /// The sum, rounded to the nearest float.
    fn round(&self) -> f64 {
        if self.special != 0.0 {
            return self.special.canonical();
        }
        let mut parts = self.parts.iter().rev().copied();
        let Some(mut sum) = parts.next() else {
            return if self.plus { 0.0 } else { -0.0 };
        };
        for part in parts.by_ref() {
            let large = sum;
            sum = large + part;
            let rest = part - (sum - large);
            if rest == 0.0 {
                continue;
            }
            // Just between two floats, what is smaller still decides.
            let decides = parts.next().is_some_and(|next| (next < 0.0) == (rest < 0.0));
            let other = sum + 2.0 * rest;
            if decides && other - sum == 2.0 * rest {
                sum = other;
            }
            break;
        }
        sum
    }

    fn double(&self) -> Result<f64, PgError> {
        Ok(self.round())
    }

    fn single(&self) -> Result<f32, PgError> {
        let sum = self.round() as f32;
        match sum.is_infinite() && self.special == 0.0 {
            true => Err(PgError::float_overflow()),
            false => Ok(sum),
        }
    }

    /// `float8_avg`, with the error of `float8_accum` if the squares are too large.
    fn average(&self) -> Result<f64, PgError> {
        if self.special == 0.0 && self.squares.overflow() {
            return Err(PgError::float_overflow());
        }
        // Its sum begins with 0, to which a negative zero adds nothing.
        let sum = self.round() + 0.0;
        Ok((sum / self.count as f64).canonical())
    }

    fn heap_size(&self) -> usize {
        self.parts.capacity() * size_of::<f64>()
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.count.to_ne_bytes());
        bytes.extend(u64::from(self.plus).to_ne_bytes());
        let Squares { count, sum, squares } = self.squares;
        let floats = [self.special, count, sum, squares];
        floats.iter().chain(&self.parts).for_each(|float| bytes.extend(float.to_ne_bytes()));
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut words = bytes.chunks_exact(8).map(|word| word.try_into().unwrap_or_default());
        let count = u64::from_ne_bytes(words.next()?);
        let plus = u64::from_ne_bytes(words.next()?) != 0;
        let mut floats = words.map(f64::from_ne_bytes);
        let special = floats.next()?;
        let squares =
            Squares { count: floats.next()?, sum: floats.next()?, squares: floats.next()? };
        Some(Self { count, plus, special, squares, parts: floats.collect() })
    }
}

/// What `float8_accum` knows of finite values beside their sum, scaled down so that it
/// cannot overflow: only whether it would is asked.
#[derive(Clone, Copy, Debug, Default)]
struct Squares {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Squares {
    /// 2^-540.
    const SCALE: f64 = f64::from_bits((1023 - 540) << 52);

    fn add(&mut self, value: f64) {
        let value = value * Self::SCALE;
        let before = self.count;
        self.count += 1.0;
        self.sum += value;
        if before > 0.0 {
            let deviation = value * self.count - self.sum;
            self.squares += deviation * deviation / (self.count * before);
        }
    }

    /// `float8_combine`.
    fn merge(&mut self, other: &Self) {
        if self.count == 0.0 || other.count == 0.0 {
            *self = if self.count == 0.0 { *other } else { *self };
            return;
        }
        let count = self.count + other.count;
        let difference = self.sum / self.count - other.sum / other.count;
        self.squares += other.squares + self.count * other.count * difference * difference / count;
        self.sum += other.sum;
        self.count = count;
    }

    fn overflow(&self) -> bool {
        self.squares > f64::MAX * Self::SCALE * Self::SCALE
    }
}

type Finish<T> = fn(&ExactSum) -> Result<<T as ArrowPrimitiveType>::Native, PgError>;

/// The sum of each group, of which a group without values is NULL.
struct Sums<I, O: ArrowPrimitiveType> {
    groups: Vec<ExactSum>,
    /// Bytes that the sums own on the heap.
    heap: usize,
    finish: Finish<O>,
    input: PhantomData<fn() -> I>,
}

impl<I, O> Sums<I, O>
where
    I: ArrowPrimitiveType<Native: Into<f64>> + Send,
    O: ArrowPrimitiveType + Send,
{
    fn boxed(finish: Finish<O>) -> BoxedGroups {
        Box::new(Self { groups: Vec::new(), heap: 0, finish, input: PhantomData })
    }

    /// Changes the sum of a group, and keeps count of its memory.
    #[inline]
    fn change(
        groups: &mut [ExactSum],
        heap: &mut usize,
        group: usize,
        change: impl FnOnce(&mut ExactSum) -> bool,
    ) -> bool {
        let sum = &mut groups[group];
        let before = sum.heap_size();
        let overflow = change(sum);
        *heap += sum.heap_size() - before;
        overflow
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<ExactSum> {
        let groups = emit_to.take_needed(&mut self.groups);
        self.heap -= groups.iter().map(ExactSum::heap_size).sum::<usize>();
        groups
    }
}

fn states(groups: &[ExactSum]) -> ArrayRef {
    let mut array = BinaryViewBuilder::with_capacity(groups.len());
    let mut bytes = Vec::new();
    for group in groups {
        if group.count == 0 {
            array.append_null();
            continue;
        }
        bytes.clear();
        group.write(&mut bytes);
        array.append_value(&bytes);
    }
    Arc::new(array.finish())
}

fn checked(overflow: bool) -> Result<()> {
    if overflow { Err(to_datafusion(PgError::float_overflow())) } else { Ok(()) }
}

impl<I, O> GroupsAccumulator for Sums<I, O>
where
    I: ArrowPrimitiveType<Native: Into<f64>> + Send,
    O: ArrowPrimitiveType + Send,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, ExactSum::default);
        let (groups, heap) = (&mut self.groups, &mut self.heap);
        let mut overflow = false;
        accumulate(group_indices, typed::<I>(values, 0)?, filter, |group, value| {
            overflow |= Self::change(groups, heap, group, |sum| sum.add(value.into()));
        });
        checked(overflow)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        let sums = groups.iter().map(|sum| match sum.count {
            0 => Ok(None),
            _ => (self.finish)(sum).map(Some),
        });
        let sums = sums.collect::<Result<Vec<_>, _>>().map_err(to_datafusion)?;
        Ok(Arc::new(PrimitiveArray::<O>::from_iter(sums)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![states(&self.take(emit_to))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.groups.resize_with(total_num_groups, ExactSum::default);
        let wrong = || internal_datafusion_err!("no sum of floats");
        let mut overflow = false;
        for (state, group) in bytes(values)?.iter().zip(group_indices) {
            if let Some(state) = state {
                let other = ExactSum::read(state).ok_or_else(wrong)?;
                let (groups, heap) = (&mut self.groups, &mut self.heap);
                overflow |= Self::change(groups, heap, *group, |sum| sum.merge(&other));
            }
        }
        checked(overflow)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = typed::<I>(values, 0)?;
        let mut groups = vec![ExactSum::default(); values.len()];
        for (row, sum) in groups.iter_mut().enumerate() {
            if counts(values, filter, row) {
                sum.add(values.value(row).into());
            }
        }
        Ok(vec![states(&groups)])
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<ExactSum>() + self.heap
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Float64Array};

    fn sum_of(values: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for value in values {
            assert!(!sum.add(*value), "{value}");
        }
        sum
    }

    #[test]
    fn sums_are_rounded_once_whatever_the_order() {
        let mut values: Vec<f64> = (1..500)
            .map(|i| (f64::from(i) / 7.0) * 10_f64.powi(i % 40 - 20) * f64::from(1 - i % 3))
            .collect();
        let expected = sum_of(&values).round();
        for step in [1, 7, 100, 499] {
            values.rotate_left(step);
            values.swap(3, step % 400);
            let (left, right) = values.split_at(step % values.len());
            let (mut left, right) = (sum_of(left), sum_of(right));
            let mut bytes = Vec::new();
            right.write(&mut bytes);
            assert!(!left.merge(&ExactSum::read(&bytes).unwrap()));
            assert_eq!(left.round().to_bits(), expected.to_bits(), "{step}");
            assert_eq!(sum_of(&values).round().to_bits(), expected.to_bits(), "{step}");
        }
        assert_eq!(sum_of(&[1e16, 1.0, -1e16, 1.0]).round(), 2.0);
        assert_eq!(sum_of(&[0.1; 10]).round(), 1.0);
    }

    #[test]
    fn what_is_between_two_floats_goes_to_the_nearer() {
        let (one, half) = (1.0, f64::EPSILON / 2.0);
        let tiny = half * half;
        assert_eq!(sum_of(&[one, half]).round(), one);
        assert_eq!(sum_of(&[one, half, tiny]).round(), one + f64::EPSILON);
        assert_eq!(sum_of(&[one, half, -tiny]).round(), one);
        let odd = one + f64::EPSILON;
        assert_eq!(sum_of(&[odd, half]).round(), one + 2.0 * f64::EPSILON);
        assert_eq!(sum_of(&[odd, half, -tiny]).round(), odd);
    }

    #[test]
    fn zeros_infinities_and_nan() {
        assert_eq!(sum_of(&[-0.0, -0.0]).round().to_bits(), (-0.0_f64).to_bits());
        assert_eq!(sum_of(&[-0.0, 0.0]).round().to_bits(), 0);
        assert_eq!(sum_of(&[1.0, -1.0]).round().to_bits(), 0);
        assert_eq!(sum_of(&[f64::INFINITY, 1e308]).round(), f64::INFINITY);
        assert!(sum_of(&[f64::INFINITY, f64::NEG_INFINITY]).round().is_nan());
        assert_eq!(sum_of(&[-0.0, -0.0]).average().unwrap().to_bits(), 0);
        assert!(sum_of(&[f64::NAN, 1.0]).average().unwrap().is_nan());
        assert_eq!(sum_of(&[f64::NEG_INFINITY, 1.0]).average().unwrap(), f64::NEG_INFINITY);
    }

    #[test]
    fn what_is_too_large_is_an_error() {
        let mut sum = sum_of(&[1e308]);
        assert!(sum.add(1e308));
        assert!(sum_of(&[3e38, 3e38]).single().is_err());
        assert!(sum_of(&[1e200, -1e200]).average().is_err());
        assert_eq!(sum_of(&[1e200, 1e200]).average().unwrap(), 1e200);
        let mut parts = sum_of(&[1e200]);
        assert!(!parts.merge(&sum_of(&[-1e200])));
        assert!(parts.average().is_err());
        assert_eq!(sum_of(&[1.5, 2.25, -0.1]).average().unwrap(), 1.216_666_666_666_666_6);
    }

    #[test]
    fn groups_come_and_go() {
        let mut groups = groups(false, DataType::Float8, DataType::Float8).unwrap();
        let column = |values: &[Option<f64>]| -> Vec<ArrayRef> {
            vec![Arc::new(Float64Array::from(values.to_vec()))]
        };
        let values = column(&[Some(1e16), None, Some(1.0)]);
        let kept = BooleanArray::from(vec![Some(true), Some(true), None]);
        let rows = groups.convert_to_state(&values, Some(&kept)).unwrap();
        groups.update_batch(&values, &[0, 1, 0], None, 2).unwrap();
        groups.merge_batch(&rows, &[1, 0, 0], 2).unwrap();
        let state = groups.state(EmitTo::First(1)).unwrap();
        let rest = groups.evaluate(EmitTo::All).unwrap();
        assert_eq!(rest.as_primitive::<Float64Type>().value(0), 1e16);
        groups.merge_batch(&state, &[1], 2).unwrap();
        let sums = groups.evaluate(EmitTo::All).unwrap();
        let sums: Vec<_> = sums.as_primitive::<Float64Type>().iter().collect();
        assert_eq!(sums, [None, Some(1e16 + 1.0)]);
    }
}
