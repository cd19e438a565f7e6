//! PostgreSQL's `numeric`, as far as `avg` needs it: an exact sum divided by a
//! count, in the bytes that PostgreSQL stores.
//!
//! The format is that of `make_result` in `numeric.c`: a header word (sign,
//! display scale and weight together if they are small, otherwise two words)
//! and base-10000 digits without leading or trailing zeros.

use arrow::datatypes::i256;

/// Decimal digits per base-10000 digit (`DEC_DIGITS`).
const DIGITS: i32 = 4;
const BASE: u128 = 10_000;
/// `NUMERIC_MIN_SIG_DIGITS`.
const MIN_SIGNIFICANT: i32 = 16;
/// `NUMERIC_MAX_DISPLAY_SCALE`.
const MAX_SCALE: i32 = 1000;

/// `NUMERIC_NAN`, which is all of a NaN's bytes.
pub(crate) const NAN: [u8; 2] = 0xc000_u16.to_ne_bytes();

/// A finite value: base-10000 digits, the first worth 10000 to the power of
/// `weight`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PgNumeric {
    negative: bool,
    weight: i32,
    digits: Vec<i16>,
    scale: i32,
}

impl PgNumeric {
    /// The value `unscaled` × 10^−`scale`, displayed with `scale` digits.
    pub(crate) fn from_unscaled(unscaled: i256, scale: u8) -> Self {
        let negative = unscaled < i256::ZERO;
        let mut magnitude = limbs(unscaled);
        let scale = i32::from(scale);
        // Digits are aligned to the decimal point, so the last one may have to
        // be filled with zeros on the right.
        let padding = (DIGITS - scale % DIGITS) % DIGITS;
        let mut digits = Vec::with_capacity(24);
        if padding > 0 {
            let low = divide(&mut magnitude, 10_u64.pow((DIGITS - padding) as u32));
            digits.push((low * 10_u64.pow(padding as u32)) as i16);
        }
        while magnitude.iter().any(|limb| *limb != 0) {
            digits.push(divide(&mut magnitude, BASE as u64) as i16);
        }
        digits.reverse();
        let fraction_digits = (scale + DIGITS - 1) / DIGITS;
        let weight = digits.len() as i32 - fraction_digits - 1;
        Self { negative, weight, digits, scale }.stripped()
    }

    /// `numeric_div(self, count)`: the scale is `select_div_scale`'s, and the
    /// last digit is rounded half away from zero, as `div_var` does it.
    pub(crate) fn divide_by_count(&self, count: i64) -> Self {
        let divisor = Self::from_unscaled(i256::from_i128(count.into()), 0);
        let scale = self.division_scale(&divisor);
        let count = u128::from(count.unsigned_abs());
        // One base-10000 digit beyond the scale is enough to round.
        let wanted = self.weight + 1 + (scale + DIGITS - 1) / DIGITS + 1;
        let mut remainder = 0_u128;
        let mut digits = Vec::with_capacity(wanted.max(0) as usize);
        for index in 0..wanted.max(0) as usize {
            let digit = self.digits.get(index).copied().unwrap_or(0);
            remainder = remainder * BASE + digit as u128;
            digits.push((remainder / count) as i16);
            remainder %= count;
        }
        let quotient = Self { negative: self.negative, weight: self.weight, digits, scale };
        quotient.rounded().stripped()
    }

    /// `select_div_scale`.
    fn division_scale(&self, divisor: &Self) -> i32 {
        let first = |value: &Self| value.digits.first().copied().unwrap_or(0);
        let weight = |value: &Self| if value.digits.is_empty() { 0 } else { value.weight };
        let mut quotient_weight = weight(self) - weight(divisor);
        if first(self) <= first(divisor) {
            quotient_weight -= 1;
        }
        (MIN_SIGNIFICANT - quotient_weight * DIGITS)
            .max(self.scale)
            .max(divisor.scale)
            .clamp(0, MAX_SCALE)
    }

    /// `round_var` to the value's own scale.
    fn rounded(mut self) -> Self {
        let kept_decimals = (self.weight + 1) * DIGITS + self.scale;
        if kept_decimals < 0 {
            self.digits.clear();
            return self;
        }
        let kept = (kept_decimals + DIGITS - 1) / DIGITS;
        let partial = kept_decimals % DIGITS;
        let kept = kept as usize;
        if kept >= self.digits.len() && (kept > self.digits.len() || partial == 0) {
            return self;
        }
        let mut carry = if partial == 0 {
            self.digits.get(kept).is_some_and(|digit| *digit >= 5000)
        } else {
            let unit = 10_i16.pow((DIGITS - partial) as u32);
            self.digits.get_mut(kept - 1).is_some_and(|last| {
                let extra = *last % unit;
                *last -= extra;
                if extra >= unit / 2 {
                    *last += unit;
                }
                let carry = *last >= BASE as i16;
                if carry {
                    *last -= BASE as i16;
                }
                carry
            })
        };
        self.digits.truncate(kept);
        let above = if partial == 0 { kept } else { kept - 1 };
        for digit in self.digits[..above].iter_mut().rev() {
            if !carry {
                break;
            }
            *digit += 1;
            carry = *digit >= BASE as i16;
            if carry {
                *digit = 0;
            }
        }
        if carry {
            self.digits.insert(0, 1);
            self.weight += 1;
        }
        self
    }

    /// Without leading and trailing zero digits (`make_result`, `strip_var`).
    fn stripped(mut self) -> Self {
        let leading = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..leading);
        self.weight -= leading as i32;
        let trailing = self.digits.iter().rev().take_while(|digit| **digit == 0).count();
        self.digits.truncate(self.digits.len() - trailing);
        if self.digits.is_empty() {
            self.weight = 0;
            self.negative = false;
        }
        self
    }

    /// Appends the bytes PostgreSQL stores, without the length word.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        if self.scale <= 63 && (-64..=63).contains(&self.weight) {
            let sign = if self.negative { 0x2000 } else { 0 };
            let weight_sign = if self.weight < 0 { 0x40 } else { 0 };
            let header = 0x8000
                | sign
                | (self.scale as u16) << 7
                | weight_sign
                | (self.weight as u16 & 0x3f);
            bytes.extend_from_slice(&header.to_ne_bytes());
        } else {
            let sign = if self.negative { 0x4000 } else { 0 };
            bytes.extend_from_slice(&(sign | (self.scale as u16 & 0x3fff)).to_ne_bytes());
            bytes.extend_from_slice(&(self.weight as i16).to_ne_bytes());
        }
        for digit in &self.digits {
            bytes.extend_from_slice(&digit.to_ne_bytes());
        }
    }
}

/// The magnitude of `value` in 64-bit limbs, the highest first.
fn limbs(value: i256) -> [u64; 4] {
    let magnitude = if value < i256::ZERO { value.wrapping_neg() } else { value };
    let (low, high) = magnitude.to_parts();
    let high = high as u128;
    [(high >> 64) as u64, high as u64, (low >> 64) as u64, low as u64]
}

/// Divides in place and returns the remainder.
fn divide(limbs: &mut [u64; 4], divisor: u64) -> u64 {
    let mut remainder = 0_u128;
    for limb in limbs {
        let dividend = remainder << 64 | u128::from(*limb);
        *limb = (dividend / u128::from(divisor)) as u64;
        remainder = dividend % u128::from(divisor);
    }
    remainder as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numeric_out`, to compare with what PostgreSQL prints.
    fn text(value: &PgNumeric) -> String {
        let mut text = if value.negative { "-".to_owned() } else { String::new() };
        let digit = |index: i32| {
            usize::try_from(index)
                .ok()
                .and_then(|index| value.digits.get(index))
                .copied()
                .unwrap_or(0)
        };
        let whole: String =
            (0..=value.weight).map(|index| format!("{:04}", digit(index))).collect();
        let whole = whole.trim_start_matches('0');
        text.push_str(if whole.is_empty() { "0" } else { whole });
        if value.scale > 0 {
            let first = value.weight + 1;
            let fraction: String = (0..(value.scale + 3) / 4)
                .map(|index| format!("{:04}", digit(first + index)))
                .collect();
            text.push('.');
            text.push_str(&fraction[..value.scale as usize]);
        }
        text
    }

    fn average(sum: i128, scale: u8, count: i64) -> String {
        text(&PgNumeric::from_unscaled(i256::from_i128(sum), scale).divide_by_count(count))
    }

    fn bytes(unscaled: i128, scale: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        PgNumeric::from_unscaled(i256::from_i128(unscaled), scale).write(&mut bytes);
        bytes
    }

    #[test]
    fn unscaled_values_keep_their_text() {
        for (unscaled, scale, expected) in [
            (0, 2, "0.00"),
            (-5, 2, "-0.05"),
            (123_456_789, 3, "123456.789"),
            (10_000, 0, "10000"),
            (1, 38, "0.00000000000000000000000000000000000001"),
            (i128::MAX - 1, 0, "170141183460469231731687303715884105726"),
        ] {
            let value = PgNumeric::from_unscaled(i256::from_i128(unscaled), scale);
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn stored_bytes_are_those_of_make_result() {
        let words =
            |words: &[u16]| -> Vec<u8> { words.iter().flat_map(|w| w.to_ne_bytes()).collect() };
        assert_eq!(bytes(0, 2), words(&[0x8100]));
        assert_eq!(bytes(12_345, 2), words(&[0x8100, 123, 4500]));
        assert_eq!(bytes(-12_345, 2), words(&[0xa100, 123, 4500]));
        assert_eq!(bytes(1, 4), words(&[0x8200 | 0x7f, 1]));
        assert_eq!(bytes(10_000, 0), words(&[0x8001, 1]));
        assert_eq!(bytes(5, 70), words(&[0x0046, (-18_i16) as u16, 500]));
    }

    /// Quotients as PostgreSQL 15 prints them.
    #[test]
    fn quotients_are_those_of_numeric_div() {
        for (sum, scale, count, expected) in [
            (10, 0, 3, "3.3333333333333333"),
            (20, 0, 3, "6.6666666666666667"),
            (-20, 0, 3, "-6.6666666666666667"),
            (1, 0, 3, "0.33333333333333333333"),
            (0, 2, 7, "0.00000000000000000000"),
            (100, 2, 1, "1.00000000000000000000"),
            (200, 2, 1, "2.0000000000000000"),
            (15_307_846, 2, 6, "25513.076666666667"),
            (1_000_000, 0, 3, "333333.333333333333"),
            (99_999_999_999_999_999_999, 0, 10, "10000000000000000000"),
            (1, 38, 3, "0.00000000000000000000000000000000000000333333333333333333"),
            (9999, 0, 2, "4999.5000000000000000"),
            (99_999_999, 4, 9999, "1.00010000000000000000"),
            (-5, 2, 8, "-0.00625000000000000000"),
            (9_999_999_999, 2, 7, "14285714.284285714286"),
            (
                12_345_678_901_234_567_890_123_456_789_012,
                2,
                987_654_321,
                "124999998873437499901.58",
            ),
            (i128::MAX - 1, 0, i64::MAX, "18446744073709551618"),
            (1, 0, i64::MAX, "0.000000000000000000108420217248550443"),
            (1, 4, 2, "0.000050000000000000000000"),
            (19_999, 0, 2, "9999.5000000000000000"),
            (10_000, 0, 10_000, "1.00000000000000000000"),
            (999_999_995, 5, 1, "9999.9999500000000000"),
            (2, 0, 9999, "0.00020002000200020002"),
            (999_999_999_999_999_999, 0, 10_i64.pow(18), "0.99999999999999999900"),
            (999_999_999_999_999_999_999, 5, 3, "3333333333333333.33333"),
            (-99_999_999_999_999_995, 0, 10_i64.pow(17), "-0.99999999999999995000"),
        ] {
            assert_eq!(average(sum, scale, count), expected, "{sum} / {count}");
        }
    }

    /// Bytes as PostgreSQL 15 stores them on a little-endian machine.
    #[test]
    #[cfg(target_endian = "little")]
    fn stored_quotients_are_those_of_postgresql() {
        for (sum, scale, count, expected) in [
            (10, 0, 3, "00880300050d050d050d050d"),
            (-20, 0, 3, "00a806000a1a0a1a0a1a0b1a"),
            (0, 2, 7, "008a"),
            (1, 38, 3, "769c2100050d050d050d050d"),
            (-5, 2, 8, "7faa3e008813"),
            (
                12_345_678_901_234_567_890_123_456_789_012,
                2,
                987_654_321,
                "05810100c3090e271e22a50ead26a816",
            ),
            (1, 0, i64::MAX, "7b920a00e4207c08f712bb01"),
            (10_000, 0, 10_000, "008a0100"),
            (1, 58, 3, "4c00f1ff2100050d050d050d050d"),
        ] {
            let mut stored = Vec::new();
            PgNumeric::from_unscaled(i256::from_i128(sum), scale)
                .divide_by_count(count)
                .write(&mut stored);
            let hex: String = stored.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{sum} / {count}");
        }
    }
}
