//! The bytes PostgreSQL stores for a `numeric`, without their length word.
//!
//! ```text
//! short   10 S DDDDDD WWWWWWW   digits…      S sign, D display scale, W weight
//! long    0S DDDDDDDDDDDDDD   weight   digits…
//! special 11 00 NaN, 11 01 infinity, 11 11 minus infinity
//! ```
//!
//! Words are 16 bits wide, in the machine's byte order and of any alignment.
//! Digits are base 10000; digit `i` counts `10000^(weight - i)`. Neither the
//! first nor the last digit is zero, and zero has no digits.

use fusion_plan::PgError;
use fusion_plan::SqlState;

const KIND_MASK: u16 = 0xC000;
const SHORT: u16 = 0x8000;
const SPECIAL: u16 = 0xC000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
const LONG_NEGATIVE: u16 = 0x4000;
const LONG_SCALE_MASK: u16 = 0x3FFF;
const SHORT_NEGATIVE: u16 = 0x2000;
const SHORT_SCALE_MASK: u16 = 0x1F80;
const SHORT_SCALE_SHIFT: u16 = 7;
const SHORT_SCALE_MAX: i32 = 63;
const SHORT_WEIGHT_SIGN: u16 = 0x0040;
const SHORT_WEIGHT_MASK: u16 = 0x003F;

/// Decimal digits in one base-10000 digit.
pub(super) const GROUP: i32 = 4;
/// The base of a digit.
pub(super) const BASE: i32 = 10_000;
/// `NUMERIC_DSCALE_MAX`: the largest display scale that can be stored.
pub const MAX_STORED_SCALE: i32 = 0x3FFF;
/// `NUMERIC_WEIGHT_MAX`: the largest weight that can be stored.
pub const MAX_STORED_WEIGHT: i32 = i16::MAX as i32;

/// A stored value, borrowing its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumericRef<'a> {
    /// A finite number.
    Finite(FiniteRef<'a>),
    /// Plus or minus infinity.
    Infinite {
        /// Whether it is minus infinity.
        negative: bool,
    },
    /// Not a number.
    NaN,
}

/// A finite stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FiniteRef<'a> {
    /// Whether it is below zero; zero never is.
    pub negative: bool,
    /// The power of 10000 that the first digit counts; 0 for zero.
    pub weight: i32,
    /// The display scale: how many decimal digits stand after the point.
    pub scale: i32,
    /// Two bytes for each digit.
    digits: &'a [u8],
}

impl<'a> NumericRef<'a> {
    /// Reads stored bytes. Bytes that are too short read as zero.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Self {
        let header = word(bytes, 0);
        match header & KIND_MASK {
            SHORT => {
                let weight = i32::from(header & SHORT_WEIGHT_MASK)
                    - if header & SHORT_WEIGHT_SIGN == 0 { 0 } else { 64 };
                Self::Finite(FiniteRef::stripped(
                    header & SHORT_NEGATIVE != 0,
                    weight,
                    i32::from((header & SHORT_SCALE_MASK) >> SHORT_SCALE_SHIFT),
                    bytes.get(2..).unwrap_or_default(),
                ))
            }
            SPECIAL => match header {
                INFINITY => Self::Infinite { negative: false },
                NEGATIVE_INFINITY => Self::Infinite { negative: true },
                _ => Self::NaN,
            },
            sign => Self::Finite(FiniteRef::stripped(
                sign == LONG_NEGATIVE,
                i32::from(word(bytes, 2) as i16),
                i32::from(header & LONG_SCALE_MASK),
                bytes.get(4..).unwrap_or_default(),
            )),
        }
    }
}

impl<'a> FiniteRef<'a> {
    /// Holds what `make_result` promises even for bytes written by something
    /// else: no zero digit at either end, no sign and no weight for zero.
    #[inline]
    fn stripped(negative: bool, weight: i32, scale: i32, digits: &'a [u8]) -> Self {
        let mut value = Self { negative, weight, scale, digits: &digits[..digits.len() & !1] };
        while let [0, 0, rest @ ..] = value.digits {
            value.digits = rest;
            value.weight -= 1;
        }
        while let [rest @ .., 0, 0] = value.digits {
            value.digits = rest;
        }
        if value.digits.is_empty() {
            value.weight = 0;
            value.negative = false;
        }
        value
    }

    /// Whether the value is zero.
    #[inline]
    pub fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// How many base-10000 digits there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.digits.len() / 2
    }

    /// Whether there are no digits, which makes it zero.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.is_zero()
    }

    /// The digits, the most significant first.
    #[inline]
    pub fn digits(&self) -> impl DoubleEndedIterator<Item = i16> + ExactSizeIterator + use<'a> {
        self.digits.chunks_exact(2).map(|pair| i16::from_ne_bytes([pair[0], pair[1]]))
    }
}

#[inline]
fn word(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[a, b]) => u16::from_ne_bytes([a, b]),
        _ => 0,
    }
}

/// The bytes of NaN.
pub const NAN_BYTES: [u8; 2] = NAN.to_ne_bytes();

/// The bytes of plus or minus infinity.
pub const fn infinity_bytes(negative: bool) -> [u8; 2] {
    if negative { NEGATIVE_INFINITY.to_ne_bytes() } else { INFINITY.to_ne_bytes() }
}

/// Appends the bytes of a finite value, as `make_result` forms them: stripped,
/// and with the short header if scale and weight fit into it.
///
/// # Errors
///
/// `22003` if the weight does not fit its 16 bits. The scale is the caller's
/// duty, at most [`MAX_STORED_SCALE`]; a larger one is the same error.
#[inline]
pub(super) fn write(
    negative: bool,
    weight: i32,
    scale: i32,
    digits: &[i16],
    out: &mut Vec<u8>,
) -> Result<(), PgError> {
    let mut digits = digits;
    let mut weight = weight;
    while let [0, rest @ ..] = digits {
        digits = rest;
        weight -= 1;
    }
    while let [rest @ .., 0] = digits {
        digits = rest;
    }
    let mut negative = negative;
    if digits.is_empty() {
        weight = 0;
        negative = false;
    }
    if i16::try_from(weight).is_err() || !(0..=MAX_STORED_SCALE).contains(&scale) {
        return Err(overflow());
    }
    write_header(negative, weight, scale, |word| out.extend_from_slice(&word.to_ne_bytes()));
    for digit in digits {
        out.extend_from_slice(&digit.to_ne_bytes());
    }
    Ok(())
}

/// Gives the words before the digits: a short header if scale and weight fit
/// into it. Both are ones that can be stored.
#[inline]
pub(super) fn write_header(negative: bool, weight: i32, scale: i32, mut word: impl FnMut(u16)) {
    if scale <= SHORT_SCALE_MAX && (-64..=63).contains(&weight) {
        let mut header =
            SHORT | (scale as u16) << SHORT_SCALE_SHIFT | weight as u16 & SHORT_WEIGHT_MASK;
        if negative {
            header |= SHORT_NEGATIVE;
        }
        if weight < 0 {
            header |= SHORT_WEIGHT_SIGN;
        }
        word(header);
    } else {
        word(scale as u16 & LONG_SCALE_MASK | if negative { LONG_NEGATIVE } else { 0 });
        word(weight as u16);
    }
}

/// `value overflows numeric format`.
pub(super) fn overflow() -> PgError {
    PgError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn written(negative: bool, weight: i32, scale: i32, digits: &[i16]) -> Vec<u8> {
        let mut out = Vec::new();
        write(negative, weight, scale, digits, &mut out).unwrap();
        out
    }

    #[test]
    fn the_form_is_that_of_make_result() {
        assert_eq!(written(false, 0, 2, &[]), bytes(&[0x8100]));
        assert_eq!(written(true, 3, 2, &[0, 0]), bytes(&[0x8100]));
        assert_eq!(written(false, 0, 2, &[123, 4500]), bytes(&[0x8100, 123, 4500]));
        assert_eq!(written(true, 1, 2, &[0, 123, 4500, 0]), bytes(&[0xa100, 123, 4500]));
        assert_eq!(written(false, -1, 4, &[1]), bytes(&[0x8200 | 0x7f, 1]));
        assert_eq!(written(false, 63, 63, &[1]), bytes(&[0x9fbf, 1]));
        assert_eq!(written(false, 64, 0, &[1]), bytes(&[0, 64, 1]));
        assert_eq!(written(false, -18, 70, &[500]), bytes(&[0x46, (-18_i16) as u16, 500]));
        assert_eq!(written(true, -65, 0x3fff, &[5]), bytes(&[0x7fff, (-65_i16) as u16, 5]));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (negative, weight, scale, digits) in [
            (false, 0, 0, &[1_i16][..]),
            (true, 63, 63, &[9999, 0, 1]),
            (true, -64, 63, &[9999, 0, 1]),
            (false, -65, 300, &[12]),
            (true, 32_767, 16_383, &[12, 9000]),
        ] {
            let bytes = written(negative, weight, scale, digits);
            let NumericRef::Finite(value) = NumericRef::parse(&bytes) else {
                panic!("{bytes:?} is finite")
            };
            assert_eq!((value.negative, value.weight, value.scale), (negative, weight, scale));
            assert_eq!(value.digits().collect::<Vec<_>>(), digits);
        }
    }

    #[test]
    fn specials_are_read() {
        let infinite = |negative| NumericRef::Infinite { negative };
        assert_eq!(NumericRef::parse(&NAN_BYTES), NumericRef::NaN);
        // Releases before 14 stored NaN in four bytes.
        assert_eq!(NumericRef::parse(&bytes(&[0xc000, 0])), NumericRef::NaN);
        assert_eq!(NumericRef::parse(&infinity_bytes(false)), infinite(false));
        assert_eq!(NumericRef::parse(&infinity_bytes(true)), infinite(true));
    }

    #[test]
    fn a_weight_past_16_bits_overflows() {
        let error = write(false, 32_768, 0, &[1], &mut Vec::new()).unwrap_err();
        assert_eq!(error.message, "value overflows numeric format");
        assert_eq!(error.sqlstate.as_str(), "22003");
        // Leading zeros do not count.
        assert!(write(false, 32_768, 0, &[0, 1], &mut Vec::new()).is_ok());
        assert!(write(false, -32_769, 0, &[1], &mut Vec::new()).is_err());
    }
}
