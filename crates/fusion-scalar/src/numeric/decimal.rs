//! Values whose digits fit a 128-bit integer: the unscaled value and its
//! display scale, to and from stored bytes without an allocation.

use super::format::{self, BASE, FiniteRef, GROUP, MAX_STORED_SCALE};
use fusion_plan::PgError;

/// `10^n` for every `n` that fits.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// What the decimal digits of one base-10000 digit count.
const UNITS: [u64; GROUP as usize] = [1, 10, 100, 1_000];

/// Four base-10000 digits.
const WORD: u64 = 10_000_000_000_000_000;

/// The number `unscaled / 10^scale`, displayed with `scale` digits after the
/// point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The digits, as an integer.
    pub unscaled: i128,
    /// How many of them stand after the point.
    pub scale: i32,
}

/// `10^exponent`, if it fits.
#[inline]
pub(super) fn power(exponent: i32) -> Option<i128> {
    usize::try_from(exponent).ok().and_then(|n| POWERS.get(n)).copied()
}

impl Decimal {
    /// The number.
    #[inline]
    pub const fn new(unscaled: i128, scale: i32) -> Self {
        Self { unscaled, scale }
    }

    /// The stored value, if its digits down to its display scale fit.
    #[inline]
    pub fn from_stored(value: &FiniteRef<'_>) -> Option<Self> {
        let unscaled = value.unscaled(value.scale)?;
        Some(Self { unscaled, scale: value.scale })
    }

    /// The unscaled value at another scale, if that is an integer that fits.
    #[inline]
    pub fn rescaled(self, scale: i32) -> Option<i128> {
        match scale - self.scale {
            0 => Some(self.unscaled),
            up if up > 0 => {
                if self.unscaled == 0 {
                    return Some(0);
                }
                times(self.unscaled, power(up)?)
            }
            down => {
                let unit = match power(-down) {
                    Some(unit) => unit,
                    None if self.unscaled == 0 => return Some(0),
                    None => return None,
                };
                let quotient = self.unscaled / unit;
                (quotient * unit == self.unscaled).then_some(quotient)
            }
        }
    }

    /// Both unscaled values at the larger of the two scales, and that scale.
    #[inline]
    pub(super) fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let scale = self.scale.max(other.scale);
        Some((self.rescaled(scale)?, other.rescaled(scale)?, scale))
    }

    /// Appends the stored bytes.
    ///
    /// # Errors
    ///
    /// `22003` if the scale cannot be stored.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) -> Result<(), PgError> {
        if !(0..=MAX_STORED_SCALE).contains(&self.scale) {
            return Err(format::overflow());
        }
        out.extend_from_slice(self.stored().as_slice());
        Ok(())
    }

    /// The stored bytes, without an allocation. The scale is to be one that can
    /// be stored.
    #[inline]
    pub fn stored(self) -> Stored {
        let groups = Groups::new(self);
        let digits = without_zeros(groups.as_slice());
        let weight = if digits.is_empty() { 0 } else { groups.weight };
        let mut stored = Stored { bytes: [0; Stored::MAX], length: 0 };
        format::write_header(self.unscaled < 0, weight, self.scale, |word| stored.push(word));
        for digit in digits {
            stored.push(*digit as u16);
        }
        stored
    }
}

/// The digits up to the last that is not zero; the first is not zero, either.
fn without_zeros(mut digits: &[i16]) -> &[i16] {
    while let [rest @ .., 0] = digits {
        digits = rest;
    }
    digits
}

/// The stored bytes of a [`Decimal`].
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Stored {
    /// A long header and all digits.
    const MAX: usize = 4 + 2 * Groups::MAX;

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    #[inline]
    fn push(&mut self, word: u16) {
        self.bytes[self.length..self.length + 2].copy_from_slice(&word.to_ne_bytes());
        self.length += 2;
    }
}

impl FiniteRef<'_> {
    /// The value times `10^scale`, if that is an integer that fits.
    #[inline]
    pub fn unscaled(&self, scale: i32) -> Option<i128> {
        let mut digits = self.digits();
        let count = digits.len();
        let exponent = (self.weight - count as i32 + 1) * GROUP + scale;
        let mut word = |count: usize| {
            digits.by_ref().take(count).fold(0, |word, digit| word * BASE as u64 + digit as u64)
        };
        // The last digit is not zero, so if the value is an integer, what is cut
        // off is less than one digit.
        let (cut, zeros) = (UNITS.get(exponent.min(0).unsigned_abs() as usize)?, exponent.max(0));
        let magnitude = match count {
            0 => return Some(0),
            1..=4 => i128::from(quotient(word(4), *cut)?),
            5..=8 => {
                let (upper, lower) = (word(count - 4), word(4));
                i128::from(upper) * i128::from(WORD / cut) + i128::from(quotient(lower, *cut)?)
            }
            9..=11 => {
                let (top, middle, lower) = (word(count - 8), word(4), word(4));
                let upper = i128::from(top) * i128::from(WORD) + i128::from(middle);
                let lower = i128::from(quotient(lower, *cut)?);
                upper.checked_mul(i128::from(WORD / cut))?.checked_add(lower)?
            }
            _ => return None,
        };
        let magnitude = times(magnitude, power(zeros)?)?;
        Some(if self.negative { -magnitude } else { magnitude })
    }
}

/// `word / unit`, if there is no remainder. The compiler knows how to divide by
/// these constants.
#[inline]
fn quotient(word: u64, unit: u64) -> Option<u64> {
    let (quotient, rest) = match unit {
        1 => (word, 0),
        10 => (word / 10, word % 10),
        100 => (word / 100, word % 100),
        _ => (word / 1_000, word % 1_000),
    };
    (rest == 0).then_some(quotient)
}

/// `a * b`, if it fits: mostly one machine multiplication.
#[inline]
pub(super) fn times(a: i128, b: i128) -> Option<i128> {
    match (i64::try_from(a), i64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(i128::from(a) * i128::from(b)),
        _ => a.checked_mul(b),
    }
}

/// The base-10000 digits of a [`Decimal`], aligned to its point.
pub(super) struct Groups {
    digits: [i16; Self::MAX],
    start: usize,
    /// The power of 10000 of the first digit.
    pub(super) weight: i32,
}

impl Groups {
    /// 39 decimal digits, anyhow aligned.
    const MAX: usize = 11;

    #[inline]
    pub(super) fn new(value: Decimal) -> Self {
        let mut groups = Self { digits: [0; Self::MAX], start: Self::MAX, weight: 0 };
        let mut rest = value.unscaled.unsigned_abs();
        // The last group is filled with zeros on the right.
        let padding = value.scale.wrapping_neg() & (GROUP - 1);
        if padding > 0 {
            let shift = UNITS[padding as usize];
            match u64::try_from(rest).ok().and_then(|rest| rest.checked_mul(shift)) {
                Some(shifted) => rest = u128::from(shifted),
                None => {
                    let unit = u128::from(BASE as u64 / shift);
                    groups.push((rest % unit) as u64 * shift);
                    rest /= unit;
                }
            }
        }
        let word = loop {
            match u64::try_from(rest) {
                Ok(word) => break word,
                Err(_) => {
                    let mut low = (rest % u128::from(WORD)) as u64;
                    rest /= u128::from(WORD);
                    for _ in 0..4 {
                        groups.push(low % 10_000);
                        low /= 10_000;
                    }
                }
            }
        };
        let mut word = word;
        while word > 0 {
            groups.push(word % 10_000);
            word /= 10_000;
        }
        let after_point = (value.scale + padding) / GROUP;
        groups.weight = (Self::MAX - groups.start) as i32 - after_point - 1;
        groups
    }

    #[inline]
    fn push(&mut self, digit: u64) {
        self.start -= 1;
        self.digits[self.start] = digit as i16;
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[i16] {
        &self.digits[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::NumericRef;
    use super::*;
    use proptest::prelude::*;

    fn stored(unscaled: i128, scale: i32) -> Vec<u8> {
        let mut out = Vec::new();
        Decimal::new(unscaled, scale).write(&mut out).unwrap();
        out
    }

    fn read(bytes: &[u8]) -> Option<Decimal> {
        match NumericRef::parse(bytes) {
            NumericRef::Finite(value) => Decimal::from_stored(&value),
            _ => None,
        }
    }

    #[test]
    fn stored_bytes_are_those_of_make_result() {
        let words =
            |words: &[u16]| -> Vec<u8> { words.iter().flat_map(|w| w.to_ne_bytes()).collect() };
        assert_eq!(stored(0, 2), words(&[0x8100]));
        assert_eq!(stored(12_345, 2), words(&[0x8100, 123, 4500]));
        assert_eq!(stored(-12_345, 2), words(&[0xa100, 123, 4500]));
        assert_eq!(stored(1, 4), words(&[0x8200 | 0x7f, 1]));
        assert_eq!(stored(10_000, 0), words(&[0x8001, 1]));
        assert_eq!(stored(5, 70), words(&[0x0046, (-18_i16) as u16, 500]));
        assert_eq!(stored(1_234_567, 2), words(&[0x8101, 1, 2345, 6700]));
    }

    /// Values whose groups of four digits meet the point in every way.
    #[test]
    fn what_is_written_is_read_again() {
        let integers = [0, 1, 7, 10, 9_999, 10_000, 10_001, 123_456_789, 10_i128.pow(16)];
        let largest = [10_i128.pow(38) - 1, i128::MAX / 7, i128::MAX];
        for unscaled in integers.into_iter().chain(largest).flat_map(|n| [n, -n]) {
            for scale in (0..=60).chain([100, 16_383]) {
                let value = Decimal::new(unscaled, scale);
                assert_eq!(read(&stored(unscaled, scale)), Some(value));
            }
        }
    }

    #[test]
    fn a_scale_that_cannot_be_stored_is_an_error() {
        for scale in [-1, 16_384] {
            assert!(Decimal::new(1, scale).write(&mut Vec::new()).is_err());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let wide = stored(i128::MAX, 0);
        let NumericRef::Finite(wide) = NumericRef::parse(&wide) else { panic!("finite") };
        assert_eq!(wide.unscaled(0), Some(i128::MAX));
        assert_eq!(wide.unscaled(1), None);
        let fraction = stored(12_345, 3);
        let NumericRef::Finite(fraction) = NumericRef::parse(&fraction) else { panic!("finite") };
        assert_eq!(fraction.unscaled(2), None);
        assert_eq!(fraction.unscaled(4), Some(123_450));
        let mut huge = Vec::new();
        format::write(true, 300, 0, &[1], &mut huge).unwrap();
        assert_eq!(read(&huge), None);
    }

    #[test]
    fn rescaling_is_exact_or_refused() {
        assert_eq!(Decimal::new(1_230, 3).rescaled(2), Some(123));
        assert_eq!(Decimal::new(1_231, 3).rescaled(2), None);
        assert_eq!(Decimal::new(0, 16_000).rescaled(0), Some(0));
        assert_eq!(Decimal::new(1, 0).rescaled(39), None);
        assert_eq!(Decimal::new(-1, 0).rescaled(38), Some(-10_i128.pow(38)));
    }

    proptest! {
        #[test]
        fn any_value_survives(unscaled in any::<i128>(), shift in 0..127_u32, scale in 0..80_i32) {
            let value = Decimal::new((unscaled >> shift).max(-i128::MAX), scale);
            prop_assert_eq!(read(&stored(value.unscaled, scale)), Some(value));
        }
    }
}
