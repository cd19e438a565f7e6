//! `sum` and `avg`: an exact running total.

use super::decimal::Decimal;
use super::digits::Digits;
use super::division::divide;
use super::format::BASE;
use super::number::{Finite, Number};
use fusion_plan::PgError;
use std::collections::VecDeque;

/// What `numeric_accum` and `numeric_avg_accum` keep: an exact sum of any size,
/// how many values went into it, and what was not finite.
///
/// The sum is an integer at the largest display scale seen for as long as it
/// fits 128 bits. What does not goes to one total per base-10000 place, which
/// needs no carry before the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumericSum {
    /// Finite values.
    count: u64,
    nan: u64,
    infinite: u64,
    negative_infinite: u64,
    /// The largest display scale of a finite value.
    scale: i32,
    /// In units of `10^-scale`.
    small: i128,
    places: Places,
}

/// A signed total for each base-10000 place, the most significant first. A
/// total is at most 9999 times the number of values, so it does not overflow
/// for as many values as can be counted in practice (2^49).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Places {
    weight: i32,
    totals: VecDeque<i64>,
}

impl NumericSum {
    /// Adds a value that is not null.
    #[inline]
    pub fn add(&mut self, value: Number<'_>) {
        match value {
            Number::Decimal(value) => {
                self.count += 1;
                self.add_decimal(value);
            }
            Number::Large(value) => {
                self.count += 1;
                self.grow_scale(value.scale);
                self.places.add(value.negative, value.weight, value.digits());
            }
            Number::Infinite { negative: false } => self.infinite += 1,
            Number::Infinite { negative: true } => self.negative_infinite += 1,
            Number::NaN => self.nan += 1,
        }
    }

    #[inline]
    fn add_decimal(&mut self, value: Decimal) {
        self.grow_scale(value.scale);
        let Some(unscaled) = value.rescaled(self.scale) else {
            return self.places.add_digits(&Digits::from(value));
        };
        match self.small.checked_add(unscaled) {
            Some(sum) => self.small = sum,
            None => {
                self.spill();
                self.small = unscaled;
            }
        }
    }

    #[inline]
    fn grow_scale(&mut self, scale: i32) {
        if scale > self.scale {
            match Decimal::new(self.small, self.scale).rescaled(scale) {
                Some(small) => self.small = small,
                None => self.spill(),
            }
            self.scale = scale;
        }
    }

    /// Moves the 128-bit sum to the places.
    #[cold]
    fn spill(&mut self) {
        self.places.add_digits(&Digits::from(Decimal::new(self.small, self.scale)));
        self.small = 0;
    }

    /// Adds all values that went into another sum.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.negative_infinite += other.negative_infinite;
        self.add_decimal(Decimal::new(other.small, other.scale));
        self.places.merge(&other.places);
    }

    /// Whether no value was added, so that the aggregates are null.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.special().is_none()
    }

    /// The result if a value was not finite.
    fn special(&self) -> Option<Number<'static>> {
        match (self.nan, self.infinite, self.negative_infinite) {
            (0, 0, 0) => None,
            (0, _, 0) => Some(Number::Infinite { negative: false }),
            (0, 0, _) => Some(Number::Infinite { negative: true }),
            _ => Some(Number::NaN),
        }
    }

    fn total(&self) -> Finite<'static> {
        Finite::Decimal(Decimal::new(self.small, self.scale))
    }

    /// Appends `sum` of the values, as `numeric_sum` gives it: with their
    /// largest display scale. To be called if it is not [`Self::is_empty`].
    ///
    /// # Errors
    ///
    /// `22003` if the sum has too many digits before the point.
    pub fn sum(&self, out: &mut Vec<u8>) -> Result<(), PgError> {
        if let Some(special) = self.special() {
            return special.write(out);
        }
        if self.places.is_empty() {
            return Decimal::new(self.small, self.scale).write(out);
        }
        self.places.total(self.scale).plus(&self.total().digits()).write(out)
    }

    /// Appends `avg` of the values, as `numeric_avg` gives it: the sum divided
    /// by the count. To be called if it is not [`Self::is_empty`].
    ///
    /// # Errors
    ///
    /// As [`Self::sum`].
    pub fn average(&self, out: &mut Vec<u8>) -> Result<(), PgError> {
        if let Some(special) = self.special() {
            return special.write(out);
        }
        let count = Number::Decimal(Decimal::new(i128::from(self.count), 0));
        if self.places.is_empty() {
            return divide(Number::Decimal(Decimal::new(self.small, self.scale)), count, out);
        }
        let mut sum = Vec::new();
        self.sum(&mut sum)?;
        divide(Number::parse(&sum), count, out)
    }

    /// Bytes it owns on the heap.
    pub fn heap_size(&self) -> usize {
        self.places.totals.capacity() * size_of::<i64>()
    }

    /// Appends all of it, to be [read back](Self::read) by this version of
    /// this code.
    pub fn write(&self, out: &mut Vec<u8>) {
        for count in [self.count, self.nan, self.infinite, self.negative_infinite] {
            out.extend_from_slice(&count.to_ne_bytes());
        }
        out.extend_from_slice(&self.small.to_ne_bytes());
        out.extend_from_slice(&self.scale.to_ne_bytes());
        out.extend_from_slice(&self.places.weight.to_ne_bytes());
        for total in &self.places.totals {
            out.extend_from_slice(&total.to_ne_bytes());
        }
    }

    /// Reads what [`Self::write`] wrote.
    ///
    /// # Errors
    ///
    /// `XX000` if it was not written by it.
    pub fn read(bytes: &[u8]) -> Result<Self, PgError> {
        Self::read_fields(bytes).ok_or_else(|| PgError::internal("malformed numeric sum"))
    }

    fn read_fields(mut bytes: &[u8]) -> Option<Self> {
        fn next<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
            let (field, rest) = bytes.split_first_chunk()?;
            *bytes = rest;
            Some(*field)
        }
        let mut sum = Self {
            count: u64::from_ne_bytes(next(&mut bytes)?),
            nan: u64::from_ne_bytes(next(&mut bytes)?),
            infinite: u64::from_ne_bytes(next(&mut bytes)?),
            negative_infinite: u64::from_ne_bytes(next(&mut bytes)?),
            small: i128::from_ne_bytes(next(&mut bytes)?),
            scale: i32::from_ne_bytes(next(&mut bytes)?),
            places: Places {
                weight: i32::from_ne_bytes(next(&mut bytes)?),
                totals: VecDeque::new(),
            },
        };
        while !bytes.is_empty() {
            sum.places.totals.push_back(i64::from_ne_bytes(next(&mut bytes)?));
        }
        Some(sum)
    }
}

impl Places {
    fn is_empty(&self) -> bool {
        self.totals.is_empty()
    }

    fn last_weight(&self) -> i32 {
        self.weight - self.totals.len() as i32 + 1
    }

    /// Makes room from `weight` down to `last`.
    fn cover(&mut self, weight: i32, last: i32) {
        if self.is_empty() {
            self.weight = weight;
        }
        while self.weight < weight {
            self.totals.push_front(0);
            self.weight += 1;
        }
        while self.last_weight() > last {
            self.totals.push_back(0);
        }
    }

    fn add(&mut self, negative: bool, weight: i32, digits: impl ExactSizeIterator<Item = i16>) {
        if digits.len() == 0 {
            return;
        }
        self.cover(weight, weight - digits.len() as i32 + 1);
        let skipped = (self.weight - weight) as usize;
        for (total, digit) in self.totals.iter_mut().skip(skipped).zip(digits) {
            *total += if negative { -i64::from(digit) } else { i64::from(digit) };
        }
    }

    fn add_digits(&mut self, value: &Digits) {
        self.add(value.negative, value.weight, value.as_slice().iter().copied());
    }

    fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.cover(other.weight, other.last_weight());
        let skipped = (self.weight - other.weight) as usize;
        for (total, more) in self.totals.iter_mut().skip(skipped).zip(&other.totals) {
            *total += more;
        }
    }

    /// The total of all places.
    fn total(&self, scale: i32) -> Digits {
        let base = i64::from(BASE);
        // Carried upwards, every place but the first becomes a digit. If the
        // carry out of the first is below zero, so is the total, and its
        // complement is taken instead.
        let negative = {
            let carry =
                self.totals.iter().rev().fold(0, |carry, total| (total + carry).div_euclid(base));
            carry < 0
        };
        let mut carry = 0;
        let mut digits: Vec<i16> = Vec::with_capacity(self.totals.len() + 5);
        for total in self.totals.iter().rev() {
            let sum = if negative { -total } else { *total } + carry;
            digits.push(sum.rem_euclid(base) as i16);
            carry = sum.div_euclid(base);
        }
        let mut weight = self.weight;
        while carry > 0 {
            digits.push((carry % base) as i16);
            carry /= base;
            weight += 1;
        }
        Digits::new(negative, weight, scale, digits.into_iter().rev())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{apply, stored, text};
    use super::super::{add, numeric_out};
    use super::*;
    use proptest::prelude::*;

    fn sum_of(values: &[&str]) -> NumericSum {
        let mut sum = NumericSum::default();
        for value in values {
            sum.add(Number::parse(&stored(value)));
        }
        sum
    }

    fn results(values: &[&str]) -> (String, String) {
        let sum = sum_of(values);
        (apply(|out| sum.sum(out)), apply(|out| sum.average(out)))
    }

    #[test]
    fn sums_have_the_largest_scale() {
        for (values, sum, average) in [
            (&["1", "2.50", "3.5"][..], "7.00", "2.3333333333333333"),
            (&["0.00"], "0.00", "0.00000000000000000000"),
            (&["-1.5", "1.500"], "0.000", "0.00000000000000000000"),
            (
                &[
                    "99999999999999999999999999999999999999",
                    "99999999999999999999999999999999999999",
                ],
                "199999999999999999999999999999999999998",
                "99999999999999999999999999999999999999",
            ),
            (&["1e40", "-1e40", "0.5"], "0.5", "0.16666666666666666667"),
            (
                &["1e60", "1e-20", "-2e60"],
                "-999999999999999999999999999999999999999999999999999999999999.99999999999999999999",
                "-333333333333333333333333333333333333333333333333333333333333.33333333333333333333",
            ),
            (&["1", "NaN"], "NaN", "NaN"),
            (&["1", "Infinity"], "Infinity", "Infinity"),
            (&["-Infinity", "-Infinity"], "-Infinity", "-Infinity"),
            (&["-Infinity", "5", "Infinity"], "NaN", "NaN"),
        ] {
            assert_eq!(results(values), (sum.to_owned(), average.to_owned()), "{values:?}");
        }
    }

    #[test]
    fn no_values_are_told() {
        assert!(NumericSum::default().is_empty());
        assert!(!sum_of(&["0"]).is_empty());
        assert!(!sum_of(&["NaN"]).is_empty());
    }

    #[test]
    fn a_sum_can_overflow_only_at_the_end() {
        let nines = "9".repeat(131_072);
        let minus = format!("-{nines}");
        let error = sum_of(&[&nines, &nines]).sum(&mut Vec::new()).unwrap_err();
        assert_eq!(error.message, "value overflows numeric format");
        assert!(sum_of(&[&nines, &nines]).average(&mut Vec::new()).is_err());
        assert_eq!(results(&[&nines, &nines, &minus]).0, nines);
    }

    proptest! {
        /// A sum of parts, sent as bytes, is that of `+`, one after another.
        #[test]
        fn parts_add_up(
            values in prop::collection::vec(text(), 1..30), parts in 1..5_usize,
        ) {
            let mut sums = vec![NumericSum::default(); parts];
            let mut expected = stored("0");
            for (index, value) in values.iter().enumerate() {
                let value = stored(value);
                sums[index % parts].add(Number::parse(&value));
                let mut next = Vec::new();
                add(Number::parse(&expected), Number::parse(&value), &mut next).unwrap();
                expected = next;
            }
            let mut total = NumericSum::default();
            for sum in &sums {
                let mut bytes = Vec::new();
                sum.write(&mut bytes);
                total.merge(&NumericSum::read(&bytes).unwrap());
            }
            let mut shown = String::new();
            numeric_out(Number::parse(&expected), &mut shown);
            prop_assert_eq!(apply(|out| total.sum(out)), shown);
        }
    }
}
