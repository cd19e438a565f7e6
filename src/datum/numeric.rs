//! PostgreSQL's `numeric`, to and from unscaled integers.
//!
//! The on-disk form is the one of `numeric.c`: a header with sign, display
//! scale and weight (short or long), then base-10000 digits, of which
//! `digits[i]` counts `10000^(weight - i)`.

use arrow_buffer::i256;
use pgrx::pg_sys;
use smallvec::SmallVec;

const SIGN_MASK: u16 = 0xC000;
const NEGATIVE: u16 = 0x4000;
const SHORT: u16 = 0x8000;
const SPECIAL: u16 = 0xC000;
const NAN: u16 = 0xC000;
const POSITIVE_INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
const SHORT_NEGATIVE: u16 = 0x2000;
const SHORT_SCALE_MASK: u16 = 0x1F80;
const SHORT_SCALE_SHIFT: u16 = 7;
const SHORT_SCALE_MAX: u16 = SHORT_SCALE_MASK >> SHORT_SCALE_SHIFT;
const SHORT_WEIGHT_SIGN: u16 = 0x0040;
const SHORT_WEIGHT_MASK: u16 = 0x003F;
const LONG_SCALE_MASK: u16 = 0x3FFF;
const DIGIT_BASE: u32 = 10_000;
const DIGITS_PER_GROUP: i32 = 4;

/// A numeric value, borrowing its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumericValue<'a> {
    /// A finite number.
    Finite {
        /// Whether it is below zero.
        negative: bool,
        /// Power of 10000 of the first digit.
        weight: i32,
        /// Display scale.
        scale: u16,
        /// Base-10000 digits, two bytes each in native order.
        digits: &'a [u8],
    },
    /// Not a number.
    NaN,
    /// Plus or minus infinity.
    Infinite,
}

impl<'a> NumericValue<'a> {
    /// Reads the value in `datum`, which is detoasted if need be.
    ///
    /// # Safety
    ///
    /// `datum` is a numeric; runs in a backend's main thread; the memory of the
    /// datum (or of the current context, if it is toasted) outlives `'a`.
    pub unsafe fn from_datum(datum: pg_sys::Datum) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let varlena = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
            Self::from_bytes(pgrx::varlena_to_byte_slice(varlena))
        }
    }

    /// Reads the on-disk form without its length word.
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        let word = |at: usize| match bytes.get(at..at + 2) {
            Some(&[a, b]) => u16::from_ne_bytes([a, b]),
            _ => 0,
        };
        let header = word(0);
        match header & SIGN_MASK {
            SPECIAL if header == NAN => Self::NaN,
            SPECIAL => Self::Infinite,
            SHORT => {
                let weight = i32::from(header & SHORT_WEIGHT_MASK)
                    - if header & SHORT_WEIGHT_SIGN != 0 { 64 } else { 0 };
                Self::Finite {
                    negative: header & SHORT_NEGATIVE != 0,
                    weight,
                    scale: (header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT,
                    digits: bytes.get(2..).unwrap_or_default(),
                }
            }
            sign => Self::Finite {
                negative: sign == NEGATIVE,
                weight: i32::from(word(2) as i16),
                scale: header & LONG_SCALE_MASK,
                digits: bytes.get(4..).unwrap_or_default(),
            },
        }
    }

    /// The value as an unscaled integer with its display scale, if it is
    /// finite and fits.
    pub fn to_decimal(self) -> Option<(i128, u8)> {
        let Self::Finite { scale, .. } = self else {
            return None;
        };
        let scale = u8::try_from(scale).ok()?;
        Some((self.unscaled(scale)?, scale))
    }

    /// Whether the value is finite and has this display scale.
    #[inline]
    pub fn has_scale(self, declared: u8) -> bool {
        matches!(self, Self::Finite { scale, .. } if scale == u16::from(declared))
    }

    /// The unscaled value, if the display scale is the declared one and it fits
    /// 128 bits.
    #[inline]
    pub fn unscaled_as_declared(self, scale: u8) -> Option<i128> {
        if self.has_scale(scale) { self.unscaled(scale) } else { None }
    }

    /// The finite value times `10^scale`, if that is an integer that fits 128
    /// bits.
    #[inline]
    pub fn unscaled(self, scale: u8) -> Option<i128> {
        let Self::Finite { negative, weight, digits, .. } = self else {
            return None;
        };
        let mut value: i128 = 0;
        let mut groups = 0;
        for digit in digits.chunks_exact(2) {
            let digit = u16::from_ne_bytes([digit[0], digit[1]]);
            let Some(next) = value
                .checked_mul(i128::from(DIGIT_BASE))
                .and_then(|value| value.checked_add(i128::from(digit)))
            else {
                return self.unscaled_wide(scale)?.to_i128();
            };
            value = next;
            groups += 1;
        }
        if value == 0 {
            return Some(0);
        }
        let exponent = (weight - groups + 1) * DIGITS_PER_GROUP + i32::from(scale);
        let value = if exponent >= 0 {
            value.checked_mul(10i128.checked_pow(exponent as u32)?)?
        } else {
            let power = 10i128.checked_pow(exponent.unsigned_abs())?;
            if value % power != 0 {
                return None;
            }
            value / power
        };
        Some(if negative { -value } else { value })
    }

    /// The finite value times `10^scale`, if that is an integer that fits 256
    /// bits.
    pub fn unscaled_wide(self, scale: u8) -> Option<i256> {
        let Self::Finite { negative, weight, digits, .. } = self else {
            return None;
        };
        let base = i256::from_i128(i128::from(DIGIT_BASE));
        let mut value = i256::ZERO;
        let mut groups = 0;
        for digit in digits.chunks_exact(2) {
            let digit = u16::from_ne_bytes([digit[0], digit[1]]);
            value = value.checked_mul(base)?.checked_add(i256::from_i128(i128::from(digit)))?;
            groups += 1;
        }
        if value == i256::ZERO {
            return Some(value);
        }
        let exponent = (weight - groups + 1) * DIGITS_PER_GROUP + i32::from(scale);
        let power = i256::from_i128(10).checked_pow(exponent.unsigned_abs())?;
        let value = if exponent >= 0 {
            value.checked_mul(power)?
        } else {
            if value.checked_rem(power)? != i256::ZERO {
                return None;
            }
            value.checked_div(power)?
        };
        if negative { value.checked_neg() } else { Some(value) }
    }
}

/// Room for the on-disk form of any decimal the engine returns.
pub type NumericBytes = SmallVec<[u8; 64]>;

/// The on-disk form, without its length word, of `unscaled / 10^scale`.
pub fn from_i128(unscaled: i128, scale: u8) -> NumericBytes {
    let mut text = [0u8; 40];
    let mut at = text.len();
    let mut rest = unscaled.unsigned_abs();
    while rest > 0 {
        at -= 1;
        text[at] = (rest % 10) as u8;
        rest /= 10;
    }
    from_digits(unscaled < 0, &text[at..], scale)
}

/// The on-disk form, without its length word, of `unscaled / 10^scale`.
pub fn from_i256(unscaled: i256, scale: u8) -> NumericBytes {
    if let Some(narrow) = unscaled.to_i128() {
        return from_i128(narrow, scale);
    }
    let text = unscaled.to_string();
    let digits: SmallVec<[u8; 80]> =
        text.bytes().filter(u8::is_ascii_digit).map(|byte| byte - b'0').collect();
    from_digits(text.starts_with('-'), &digits, scale)
}

/// The on-disk form of an infinity, without its length word.
pub fn infinity(negative: bool) -> NumericBytes {
    let header = if negative { NEGATIVE_INFINITY } else { POSITIVE_INFINITY };
    NumericBytes::from_slice(&header.to_ne_bytes())
}

/// The on-disk form of NaN, without its length word.
pub fn nan() -> NumericBytes {
    NumericBytes::from_slice(&NAN.to_ne_bytes())
}

/// `digits` are decimal digits, most significant first, of which the last
/// `scale` stand after the point. As `make_result` does, leading and trailing
/// zero groups are left out and zero has no sign and no digits.
fn from_digits(negative: bool, digits: &[u8], scale: u8) -> NumericBytes {
    let scale = i32::from(scale);
    let length = digits.len() as i32;
    // Groups are aligned at the decimal point.
    let whole_digits = length - scale;
    let first_group = (whole_digits - 1).div_euclid(DIGITS_PER_GROUP);
    let last_group = -((scale + DIGITS_PER_GROUP - 1) / DIGITS_PER_GROUP);
    let mut groups: SmallVec<[u16; 24]> = SmallVec::new();
    for group in (last_group..=first_group).rev() {
        let value = (0..DIGITS_PER_GROUP).fold(0u16, |value, place| {
            // Position of this decimal place in `digits`.
            let power = group * DIGITS_PER_GROUP + (DIGITS_PER_GROUP - 1 - place);
            let index = whole_digits - 1 - power;
            let digit = usize::try_from(index).ok().and_then(|index| digits.get(index));
            value * 10 + u16::from(digit.copied().unwrap_or(0))
        });
        groups.push(value);
    }
    let leading = groups.iter().take_while(|group| **group == 0).count();
    let trailing = groups[leading..].iter().rev().take_while(|group| **group == 0).count();
    let kept = &groups[leading..groups.len() - trailing];
    let weight = if kept.is_empty() { 0 } else { first_group - leading as i32 };
    let negative = negative && !kept.is_empty();

    let mut bytes = NumericBytes::new();
    let scale = scale as u16;
    if scale <= SHORT_SCALE_MAX && (-64..=63).contains(&weight) {
        let mut header = SHORT | (scale << SHORT_SCALE_SHIFT) | (weight as u16 & SHORT_WEIGHT_MASK);
        if negative {
            header |= SHORT_NEGATIVE;
        }
        if weight < 0 {
            header |= SHORT_WEIGHT_SIGN;
        }
        bytes.extend_from_slice(&header.to_ne_bytes());
    } else {
        let header = scale | if negative { NEGATIVE } else { 0 };
        bytes.extend_from_slice(&header.to_ne_bytes());
        bytes.extend_from_slice(&(weight as i16).to_ne_bytes());
    }
    for group in kept {
        bytes.extend_from_slice(&group.to_ne_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values whose groups of four digits meet the decimal point in every way.
    fn samples() -> impl Iterator<Item = (i128, u8)> {
        let digits = [0, 1, 7, 10, 9_999, 10_000, 10_001, 123_456_789, 10_000_000_000_000_000];
        let largest = 10i128.pow(38) - 1;
        let unscaled = digits.into_iter().chain([largest, largest / 7]);
        unscaled.flat_map(|n| [n, -n]).flat_map(|n| (0..=38).map(move |scale| (n, scale)))
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (unscaled, scale) in samples() {
            let bytes = from_i128(unscaled, scale);
            let value = NumericValue::from_bytes(&bytes);
            assert_eq!(value.to_decimal(), Some((unscaled, scale)), "{unscaled} scale {scale}");
            assert_eq!(value.unscaled_wide(scale), Some(i256::from_i128(unscaled)));
        }
    }

    #[test]
    fn wide_values_survive() {
        for scale in [0, 3, 20, 76] {
            let value = i256::from_i128(10).checked_pow(75).and_then(|n| n.checked_neg());
            let Some(unscaled) = value else { panic!("10^75 fits 256 bits") };
            let bytes = from_i256(unscaled, scale);
            assert_eq!(NumericValue::from_bytes(&bytes).unscaled_wide(scale), Some(unscaled));
            assert_eq!(NumericValue::from_bytes(&bytes).unscaled(scale), None);
        }
    }

    #[test]
    fn the_form_is_that_of_make_result() {
        // 0.00: no digits, no sign, weight 0, scale 2.
        assert_eq!(from_i128(0, 2).as_slice(), (SHORT | 2 << SHORT_SCALE_SHIFT).to_ne_bytes());
        // 12345.67 is 1 2345 6700 with weight 1.
        let expected: Vec<u8> = [SHORT | 2 << SHORT_SCALE_SHIFT | 1, 1, 2345, 6700]
            .into_iter()
            .flat_map(u16::to_ne_bytes)
            .collect();
        assert_eq!(from_i128(1_234_567, 2).as_slice(), expected);
        // -0.00001 is 1000 with weight -2.
        let header = SHORT | SHORT_NEGATIVE | 5 << SHORT_SCALE_SHIFT | SHORT_WEIGHT_SIGN | 0x3e;
        let expected: Vec<u8> = [header, 1000].into_iter().flat_map(u16::to_ne_bytes).collect();
        assert_eq!(from_i128(-1, 5).as_slice(), expected);
    }

    #[test]
    fn a_finer_value_than_declared_is_refused() {
        let bytes = from_i128(12_345, 3);
        assert_eq!(NumericValue::from_bytes(&bytes).unscaled(2), None);
        assert_eq!(NumericValue::from_bytes(&bytes).unscaled(4), Some(123_450));
        assert_eq!(NumericValue::from_bytes(&nan()), NumericValue::NaN);
    }
}
