//! Finite values of any size, as base-10000 digits: the slow lane, for what
//! does not fit a [`Decimal`].

use super::decimal::{Decimal, Groups};
use super::format::{self, BASE, FiniteRef, GROUP};
use super::rounding::Rounding;
use fusion_plan::PgError;
use smallvec::SmallVec;
use std::cmp::Ordering;

/// A finite value. Digit `i` counts `10000^(weight - i)`; digits before the
/// first and after the last are zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) negative: bool,
    pub(super) weight: i32,
    /// The display scale; no digit stands behind it.
    pub(super) scale: i32,
    digits: SmallVec<[i16; 32]>,
}

impl From<&FiniteRef<'_>> for Digits {
    fn from(value: &FiniteRef<'_>) -> Self {
        let &FiniteRef { negative, weight, scale, .. } = value;
        Self { negative, weight, scale, digits: value.digits().collect() }
    }
}

impl From<Decimal> for Digits {
    fn from(value: Decimal) -> Self {
        let groups = Groups::new(value);
        Self {
            negative: value.unscaled < 0,
            weight: groups.weight,
            scale: value.scale,
            digits: SmallVec::from_slice(groups.as_slice()),
        }
        .stripped()
    }
}

impl Digits {
    /// The value `±digits`, which may have zeros at both ends.
    pub(super) fn new(
        negative: bool,
        weight: i32,
        scale: i32,
        digits: impl IntoIterator<Item = i16>,
    ) -> Self {
        let digits = digits.into_iter().collect();
        Self { negative, weight, scale, digits }.stripped()
    }

    /// The value of decimal digits, most significant first, of which the first
    /// counts `10^dweight`.
    pub(super) fn from_decimal(negative: bool, decimal: &[u8], dweight: i32, scale: i32) -> Self {
        let weight = dweight.div_euclid(GROUP);
        let offset = ((weight + 1) * GROUP - (dweight + 1)) as usize;
        let groups = (decimal.len() + offset).div_ceil(GROUP as usize);
        let digits = (0..groups).map(|group| {
            (0..GROUP as usize).fold(0, |value, place| {
                let at = (group * GROUP as usize + place).checked_sub(offset);
                let digit = at.and_then(|at| decimal.get(at)).copied().unwrap_or(0);
                value * 10 + i16::from(digit)
            })
        });
        Self::new(negative, weight, scale, digits)
    }

    /// Appends the stored bytes.
    ///
    /// # Errors
    ///
    /// `22003` if weight or scale cannot be stored.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<(), PgError> {
        format::write(self.negative, self.weight, self.scale, &self.digits, out)
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The digits, without zeros at either end.
    pub(super) fn as_slice(&self) -> &[i16] {
        &self.digits
    }

    /// The first digit, and 0 for zero.
    pub(super) fn first(&self) -> i16 {
        self.digits.first().copied().unwrap_or(0)
    }

    /// The digit that counts `10000^weight`.
    pub(super) fn at(&self, weight: i32) -> i16 {
        usize::try_from(self.weight - weight)
            .ok()
            .and_then(|index| self.digits.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// The weight of the last digit.
    fn last_weight(&self) -> i32 {
        self.weight - self.digits.len() as i32 + 1
    }

    fn zero(scale: i32) -> Self {
        Self { negative: false, weight: 0, scale, digits: SmallVec::new() }
    }

    /// Without zero digits at either end; zero has neither sign nor weight.
    fn stripped(mut self) -> Self {
        let trailing = self.digits.iter().rev().take_while(|digit| **digit == 0).count();
        self.digits.truncate(self.digits.len() - trailing);
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        self.weight -= leading as i32;
        if self.digits.is_empty() {
            self.weight = 0;
            self.negative = false;
        }
        self
    }

    pub(super) fn negated(mut self) -> Self {
        self.negative = !self.negative && !self.is_zero();
        self
    }

    /// The order of the magnitudes.
    pub(super) fn compare_magnitude(&self, other: &Self) -> Ordering {
        match (self.is_zero(), other.is_zero()) {
            (false, false) => {
                self.weight.cmp(&other.weight).then_with(|| self.digits.cmp(&other.digits))
            }
            (left_zero, right_zero) => right_zero.cmp(&left_zero),
        }
    }

    /// `self + other`, displayed with the larger scale.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut sum = if self.negative == other.negative {
            self.combined(other, |a, b| a + b).with_sign(self.negative)
        } else {
            match self.compare_magnitude(other) {
                Ordering::Greater => self.combined(other, |a, b| a - b).with_sign(self.negative),
                Ordering::Less => other.combined(self, |a, b| a - b).with_sign(other.negative),
                Ordering::Equal => Self::zero(0),
            }
        };
        sum.scale = self.scale.max(other.scale);
        sum
    }

    fn with_sign(mut self, negative: bool) -> Self {
        self.negative = negative && !self.is_zero();
        self
    }

    /// Combines the magnitudes digit by digit with carry or borrow; the result
    /// is not below zero.
    fn combined(&self, other: &Self, combine: impl Fn(i32, i32) -> i32) -> Self {
        let top = self.weight.max(other.weight) + 1;
        let bottom = match (self.is_zero(), other.is_zero()) {
            (true, _) => other.last_weight(),
            (_, true) => self.last_weight(),
            _ => self.last_weight().min(other.last_weight()),
        };
        let count = (top - bottom + 1).max(0) as usize;
        let mut digits: SmallVec<[i16; 32]> = SmallVec::from_elem(0, count);
        let mut carry = 0;
        for (digit, weight) in digits.iter_mut().rev().zip(bottom..) {
            let sum = combine(i32::from(self.at(weight)), i32::from(other.at(weight))) + carry;
            *digit = sum.rem_euclid(BASE) as i16;
            carry = sum.div_euclid(BASE);
        }
        Self { negative: false, weight: top, scale: 0, digits }.stripped()
    }

    /// The exact product, displayed with the sum of the scales.
    pub(super) fn times(&self, other: &Self) -> Self {
        let scale = self.scale + other.scale;
        if self.is_zero() || other.is_zero() {
            return Self::zero(scale);
        }
        // Sums of up to 2^31 products of two digits fit each place.
        let count = self.digits.len() + other.digits.len();
        let mut places: SmallVec<[u64; 32]> = SmallVec::from_elem(0, count);
        for (at, left) in self.digits.iter().enumerate() {
            for (place, right) in places[at + 1..].iter_mut().zip(&other.digits) {
                *place += *left as u64 * *right as u64;
            }
        }
        let mut carry = 0;
        for place in places.iter_mut().rev() {
            let sum = *place + carry;
            *place = sum % BASE as u64;
            carry = sum / BASE as u64;
        }
        let negative = self.negative != other.negative;
        let digits = places.into_iter().map(|place| place as i16);
        Self::new(negative, self.weight + other.weight + 1, scale, digits)
    }

    /// `self / divisor` to `scale` decimal digits after the point, which is not
    /// negative. The divisor is not zero, and the rounding is to the nearest or
    /// towards zero: for others, digits that are not computed would count.
    pub(super) fn divided(&self, divisor: &Self, scale: i32, rounding: Rounding) -> Self {
        let weight = self.weight - divisor.weight;
        // The last of these is only there to round.
        let wanted = weight + 1 + (scale + GROUP - 1).div_euclid(GROUP) + 1;
        if self.is_zero() || wanted <= 0 {
            return Self::zero(scale);
        }
        let digits = long_division(&self.digits, &divisor.digits, wanted as usize);
        let negative = self.negative != divisor.negative;
        Self::new(negative, weight, scale, digits).cut(scale, rounding)
    }

    /// Cut to `scale` decimal digits after the point, which may be negative.
    /// That scale becomes the display scale, too.
    pub(super) fn cut(mut self, scale: i32, rounding: Rounding) -> Self {
        self.scale = scale;
        // The last digit that is kept, and what one of its last kept decimal
        // digit counts in it.
        let last = (-scale).div_euclid(GROUP);
        let unit = 10_i16.pow((-scale).rem_euclid(GROUP) as u32);
        if self.is_zero() || last < self.last_weight() {
            return self;
        }
        if last > self.weight {
            // Nothing is kept. The first digit tells how much of the unit the
            // value is only if it stands just below it.
            let half = last == self.weight + 1 && unit == 1 && self.first() >= BASE as i16 / 2;
            if !rounding.moves_away(half, true) {
                return Self::zero(scale);
            }
            return Self { weight: last, digits: SmallVec::from_slice(&[unit]), ..self };
        }
        let kept = (self.weight - last) as usize + 1;
        let partial = self.digits[kept - 1] % unit;
        let half = if unit > 1 {
            partial >= unit / 2
        } else {
            self.digits.get(kept).is_some_and(|digit| *digit >= BASE as i16 / 2)
        };
        let inexact = partial > 0 || kept < self.digits.len();
        self.digits.truncate(kept);
        self.digits[kept - 1] -= partial;
        if rounding.moves_away(half, inexact) {
            let mut carry = unit;
            for digit in self.digits.iter_mut().rev() {
                *digit += carry;
                if *digit < BASE as i16 {
                    carry = 0;
                    break;
                }
                *digit -= BASE as i16;
                carry = 1;
            }
            if carry > 0 {
                self.digits.insert(0, 1);
                self.weight += 1;
            }
        }
        self.stripped()
    }
}

/// The first `wanted` base-10000 digits of `dividend / divisor`, of which the
/// first counts `dividend[0] / divisor[0]`. Neither begins with a zero.
fn long_division(dividend: &[i16], divisor: &[i16], wanted: usize) -> Vec<i16> {
    let base = BASE as u32;
    if let [single] = divisor {
        let divisor = *single as u32;
        let mut remainder = 0;
        return (0..wanted)
            .map(|index| {
                let digit = dividend.get(index).copied().unwrap_or(0);
                remainder = remainder * base + digit as u32;
                let quotient = remainder / divisor;
                remainder %= divisor;
                quotient as i16
            })
            .collect();
    }
    // Knuth, volume 2, algorithm D. Both are multiplied so that the divisor
    // begins with at least half of the base; then a digit estimated from the
    // first two of the divisor is at most one too large.
    let factor = base / (divisor[0] as u32 + 1);
    let scaled = |digits: &mut dyn DoubleEndedIterator<Item = i16>, length: usize| {
        let mut scaled = vec![0_u32; length];
        let mut carry = 0;
        for (place, digit) in scaled.iter_mut().rev().zip(digits.rev()) {
            let product = digit as u32 * factor + carry;
            *place = product % base;
            carry = product / base;
        }
        if carry > 0 {
            scaled[0] += carry;
        }
        scaled
    };
    let length = divisor.len();
    let divisor = scaled(&mut divisor.iter().copied(), length);
    // A leading zero takes the carry, and each step looks at one digit more
    // than the divisor has.
    let used = (0..wanted + length - 1).map(|index| dividend.get(index).copied().unwrap_or(0));
    let mut rest = scaled(&mut { used }, wanted + length);
    let (first, second) = (divisor[0], divisor[1]);
    (0..wanted)
        .map(|at| {
            let window = &mut rest[at..=at + length];
            let head = window[0] * base + window[1];
            let mut digit = (head / first).min(base - 1);
            while head - digit * first < base
                && digit * second > (head - digit * first) * base + window[2]
            {
                digit -= 1;
            }
            if !subtract_multiple(window, &divisor, digit) {
                add_back(window, &divisor);
                digit -= 1;
            }
            digit as i16
        })
        .collect()
}

/// `window -= digit * divisor`; false if it went below zero and wrapped.
fn subtract_multiple(window: &mut [u32], divisor: &[u32], digit: u32) -> bool {
    let base = BASE;
    let mut borrow = 0;
    for (place, part) in window[1..].iter_mut().zip(divisor).rev() {
        let difference = *place as i32 - (digit * part) as i32 - borrow;
        *place = difference.rem_euclid(base) as u32;
        borrow = -difference.div_euclid(base);
    }
    let difference = window[0] as i32 - borrow;
    window[0] = difference.rem_euclid(base) as u32;
    difference >= 0
}

/// `window += divisor`, dropping the carry.
fn add_back(window: &mut [u32], divisor: &[u32]) {
    let base = BASE as u32;
    let mut carry = 0;
    for (place, part) in window[1..].iter_mut().zip(divisor).rev() {
        let sum = *place + part + carry;
        *place = sum % base;
        carry = sum / base;
    }
    window[0] = (window[0] + carry) % base;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn integer(value: i128) -> Digits {
        Digits::from(Decimal::new(value, 0))
    }

    fn value(digits: &Digits) -> i128 {
        let places = (0..=digits.weight).rev();
        let magnitude = places.fold(0, |sum, weight| sum * 10_000 + i128::from(digits.at(weight)));
        if digits.negative { -magnitude } else { magnitude }
    }

    #[test]
    fn decimal_digits_are_grouped_at_the_point() {
        let digits = |decimal: &[u8], dweight| Digits::from_decimal(false, decimal, dweight, 0);
        assert_eq!(digits(&[1, 2, 3, 4, 5], 4).as_slice(), [1, 2345]);
        assert_eq!(digits(&[1, 2, 3, 4, 5], 3).as_slice(), [1234, 5000]);
        assert_eq!(digits(&[0, 0, 5], 0).as_slice(), [500]);
        assert_eq!(digits(&[0, 0, 5], 0).weight, -1);
        assert_eq!(digits(&[1], -5).as_slice(), [1000]);
        assert_eq!(digits(&[1], -5).weight, -2);
        assert!(digits(&[0, 0], 7).is_zero());
    }

    #[test]
    fn nothing_is_lost_far_from_the_point() {
        let huge = Digits::new(false, 32_767, 0, [9999]);
        let tiny = Digits::new(false, -4_000, 16_000, [1]);
        let sum = huge.plus(&tiny);
        assert_eq!((sum.at(32_767), sum.at(-4_000), sum.scale), (9999, 1, 16_000));
        assert_eq!(sum.plus(&huge.clone().negated()), tiny);
        let product = huge.times(&tiny);
        assert_eq!((product.weight, product.as_slice()), (28_767, &[9999][..]));
    }

    /// Quotient digits whose first estimate is too large, by one and by two.
    #[test]
    fn estimates_are_corrected() {
        let base = i128::from(BASE);
        for (dividend, divisor) in [
            (4_999 * base.pow(3) + 9_999 * base + 5, 5_000 * base + 9_999),
            (5_000 * base.pow(4), 5_000 * base.pow(2) + 1),
            (4_100 * base.pow(4) + base.pow(3) * 9_999, 8_200 * base.pow(2) + 9_999),
            (base.pow(5) - 1, base.pow(2) - 1),
            (5_000 * base.pow(4) - 1, 5_000 * base.pow(2) + 9_999 * base + 9_999),
        ] {
            let quotient = integer(dividend).divided(&integer(divisor), 0, Rounding::Down);
            assert_eq!(value(&quotient), dividend / divisor, "{dividend} / {divisor}");
        }
    }

    /// Integers of all lengths, with runs of the digits that carry and borrow.
    fn number() -> impl Strategy<Value = i128> {
        let digit = prop_oneof![Just(0), Just(9_999), Just(5_000), 0..10_000_i128];
        (prop::collection::vec(digit, 0..9), any::<bool>()).prop_map(|(digits, negative)| {
            let value = digits.into_iter().fold(0, |value, digit| value * 10_000 + digit);
            if negative { -value } else { value }
        })
    }

    proptest! {
        #[test]
        fn sums_are_those_of_integers(a in number(), b in number()) {
            prop_assert_eq!(value(&integer(a).plus(&integer(b))), a + b);
        }

        #[test]
        fn quotients_are_those_of_integers(a in number(), b in number()) {
            prop_assume!(b != 0);
            let quotient = integer(a).divided(&integer(b), 0, Rounding::Down);
            prop_assert_eq!(value(&quotient), a / b);
        }

        #[test]
        fn products_divide_back(a in number(), b in number(), c in number()) {
            prop_assume!(b != 0 && c != 0);
            let product = integer(a).times(&integer(b)).times(&integer(c));
            let back = product.divided(&integer(c), 0, Rounding::Down);
            prop_assert_eq!(value(&back.divided(&integer(b), 0, Rounding::HalfAway)), a);
        }

        #[test]
        fn cutting_is_that_of_integers(a in number(), places in 0..36_u32) {
            let unit = 10_i128.pow(places);
            let cut = |rounding| value(&integer(a).cut(-(places as i32), rounding)) / unit;
            prop_assert_eq!(cut(Rounding::Down), a / unit);
            let up = a.signum() * i128::from(a % unit != 0);
            prop_assert_eq!(cut(Rounding::Away), a / unit + up);
            let up = a.signum() * i128::from((a % unit).abs() >= (unit + 1) / 2 && unit > 1);
            prop_assert_eq!(cut(Rounding::HalfAway), a / unit + up);
        }
    }
}
