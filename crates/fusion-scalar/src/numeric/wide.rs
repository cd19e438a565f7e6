//! 256-bit unscaled values, to and from stored bytes.

use super::decimal::Decimal;
use super::digits::Digits;
use super::format::{BASE, FiniteRef, GROUP};
use fusion_plan::PgError;

/// A 256-bit signed integer in two's complement: its low and high half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wide {
    /// The low 128 bits.
    pub low: u128,
    /// The high 128 bits, with the sign.
    pub high: i128,
}

/// 256 bits in parts of 64, the lowest first.
type Limbs = [u64; 4];

impl FiniteRef<'_> {
    /// The value times `10^scale`, if that is an integer that fits 256 bits.
    pub fn unscaled_wide(&self, scale: i32) -> Option<Wide> {
        if let Some(narrow) = self.unscaled(scale) {
            return Some(Wide::from(narrow));
        }
        let mut limbs = Limbs::default();
        let exponent = (self.weight - self.len() as i32 + 1) * GROUP + scale;
        let (cut, zeros) = if exponent < 0 { (-exponent, 0) } else { (0, exponent) };
        let unit = 10_u64.pow(u32::try_from(cut).ok().filter(|cut| *cut < GROUP as u32)?);
        let last = self.len() - 1;
        for (index, digit) in self.digits().enumerate() {
            let digit = digit as u64;
            limbs = match index == last {
                false => times_plus(limbs, BASE as u64, digit)?,
                true if digit.is_multiple_of(unit) => {
                    times_plus(limbs, BASE as u64 / unit, digit / unit)?
                }
                true => return None,
            };
        }
        for _ in 0..zeros {
            limbs = times_plus(limbs, 10, 0)?;
        }
        Wide::from_magnitude(limbs, self.negative)
    }
}

/// `limbs * factor + addend`, if it fits.
fn times_plus(mut limbs: Limbs, factor: u64, addend: u64) -> Option<Limbs> {
    let mut carry = u128::from(addend);
    for limb in &mut limbs {
        let product = u128::from(*limb) * u128::from(factor) + carry;
        *limb = product as u64;
        carry = product >> 64;
    }
    (carry == 0).then_some(limbs)
}

/// Divides in place and returns the remainder.
fn divide(limbs: &mut Limbs, divisor: u64) -> u64 {
    let mut remainder = 0;
    for limb in limbs.iter_mut().rev() {
        let dividend = remainder << 64 | u128::from(*limb);
        *limb = (dividend / u128::from(divisor)) as u64;
        remainder = dividend % u128::from(divisor);
    }
    remainder as u64
}

impl From<i128> for Wide {
    fn from(value: i128) -> Self {
        Self { low: value as u128, high: value >> 127 }
    }
}

impl Wide {
    fn from_magnitude(limbs: Limbs, negative: bool) -> Option<Self> {
        let half = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
        let (low, high) = (half(limbs[0], limbs[1]), half(limbs[2], limbs[3]));
        let value = Self { low, high: i128::try_from(high).ok()? };
        Some(if negative { value.negated() } else { value })
    }

    fn negated(self) -> Self {
        let low = self.low.wrapping_neg();
        Self { low, high: (!self.high).wrapping_add(i128::from(low == 0)) }
    }

    /// The value in 128 bits, if it fits.
    pub fn narrow(self) -> Option<i128> {
        let value = self.low as i128;
        (self.high == value >> 127).then_some(value)
    }

    /// Appends the stored bytes of `self / 10^scale`.
    ///
    /// # Errors
    ///
    /// `22003` if the scale cannot be stored.
    pub fn write(self, scale: i32, out: &mut Vec<u8>) -> Result<(), PgError> {
        if let Some(narrow) = self.narrow() {
            return Decimal::new(narrow, scale).write(out);
        }
        let negative = self.high < 0;
        let magnitude = if negative { self.negated() } else { self };
        let (low, high) = (magnitude.low, magnitude.high as u128);
        let mut limbs = [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64];
        // The last digit is filled with zeros on the right.
        let padding = (GROUP - scale.rem_euclid(GROUP)) % GROUP;
        let mut digits = Vec::with_capacity(20);
        if padding > 0 {
            let shift = 10_u64.pow(padding as u32);
            digits.push((divide(&mut limbs, BASE as u64 / shift) * shift) as i16);
        }
        while limbs != Limbs::default() {
            digits.push(divide(&mut limbs, BASE as u64) as i16);
        }
        let weight = digits.len() as i32 - (scale + padding) / GROUP - 1;
        Digits::new(negative, weight, scale, digits.into_iter().rev()).write(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::NumericRef;
    use super::super::testing::{apply, stored};
    use super::*;

    fn read(text: &str, scale: i32) -> Option<Wide> {
        match NumericRef::parse(&stored(text)) {
            NumericRef::Finite(value) => value.unscaled_wide(scale),
            _ => None,
        }
    }

    #[test]
    fn what_is_read_is_written_again() {
        let digits = "1234567890".repeat(7) + "123456";
        for scale in [0, 1, 3, 4, 20, 75, 76] {
            let (whole, fraction) = digits.split_at(76 - scale);
            for sign in ["", "-"] {
                let whole = if whole.is_empty() { "0" } else { whole };
                let point = if scale > 0 { "." } else { "" };
                let text = format!("{sign}{whole}{point}{fraction}");
                let value = read(&text, scale as i32).unwrap();
                assert_eq!(value.narrow(), None);
                assert_eq!(apply(|out| value.write(scale as i32, out)), text);
            }
        }
    }

    #[test]
    fn small_values_have_one_form() {
        for value in [0, 1, -1, i128::MAX, i128::MIN] {
            assert_eq!(Wide::from(value).narrow(), Some(value));
            let back = read(&value.to_string(), 0).unwrap();
            assert_eq!(back, Wide::from(value));
        }
        assert_eq!(read("1.5", 2), Some(Wide::from(150)));
        assert_eq!(read("1.5", 0), None);
        assert_eq!(apply(|out| Wide::from(-5).write(2, out)), "-0.05");
    }

    #[test]
    fn the_limit_is_that_of_256_bits() {
        let largest =
            "57896044618658097711785492504343953926634992332820282019728792003956564819967";
        let value = read(largest, 0).unwrap();
        assert_eq!(value, Wide { low: u128::MAX, high: i128::MAX });
        assert_eq!(apply(|out| value.write(0, out)), largest);
        assert_eq!(read(&format!("{largest}0"), 0), None);
        assert_eq!(read(largest, 1), None);
        assert_eq!(read("1e80", 0), None);
        assert_eq!(read("1e60", 30), None);
        let fine = format!("0.{}1", "0".repeat(75));
        assert_eq!(read(&fine, 76), Some(Wide::from(1)));
        assert_eq!(read(&fine, 75), None);
    }
}
