//! Keys to sort, hash and group by: equal bytes for equal values, and bytes in
//! the order of `numeric_cmp`.

use super::format::NumericRef;

/// First bytes of the keys. Those of values below zero are the complements of
/// those above it.
const ZERO: u8 = 0x80;
const TINY: u8 = 0x81;
/// The byte of weight [`NEAR_MIN`]; the next weights follow it.
const NEAR: u8 = 0x82;
const HUGE: u8 = 0xC2;
const INFINITY: u8 = 0xFE;
const NAN: u8 = 0xFF;

/// Weights that are told by the first byte alone.
const NEAR_MIN: i32 = -32;
const NEAR_MAX: i32 = 31;

/// Appends the key of the value in `bytes`, PostgreSQL's stored form without
/// its length word.
///
/// Two keys compare, byte by byte, as `numeric_cmp` compares their values:
/// minus infinity, the finite values, infinity, NaN. They are equal where the
/// values are, whatever their display scale. No key is the beginning of
/// another, so keys can be followed by those of other columns.
///
/// ```text
/// first byte    sign and, if it is small, the weight
/// two bytes     the weight, if it is not
/// two bytes     each digit plus 256, the most significant first
/// 0x00          the end: below every digit
/// ```
///
/// Below zero, all bytes are complemented.
pub fn sort_key(bytes: &[u8], out: &mut Vec<u8>) {
    let value = match NumericRef::parse(bytes) {
        NumericRef::NaN => return out.push(NAN),
        NumericRef::Infinite { negative } => return out.push(complement(INFINITY, negative)),
        NumericRef::Finite(value) if value.is_zero() => return out.push(ZERO),
        NumericRef::Finite(value) => value,
    };
    let start = out.len();
    match value.weight {
        weight @ NEAR_MIN..=NEAR_MAX => out.push(NEAR + (weight - NEAR_MIN) as u8),
        weight => {
            out.push(if weight < 0 { TINY } else { HUGE });
            // All weights here are of one sign, so they order as unsigned.
            out.extend_from_slice(&(weight as i16 as u16).to_be_bytes());
        }
    }
    for digit in value.digits() {
        // The high byte of a digit is thus never that of the end.
        out.extend_from_slice(&(digit as u16).wrapping_add(256).to_be_bytes());
    }
    out.push(0);
    if value.negative {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
}

fn complement(byte: u8, negative: bool) -> u8 {
    if negative { !byte } else { byte }
}

#[cfg(test)]
mod tests {
    use super::super::format::{NAN_BYTES, infinity_bytes, write};
    use super::*;
    use proptest::prelude::*;

    fn finite(negative: bool, weight: i32, scale: i32, digits: &[i16]) -> Vec<u8> {
        let mut out = Vec::new();
        write(negative, weight, scale, digits, &mut out).unwrap();
        out
    }

    fn key(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        sort_key(bytes, &mut out);
        out
    }

    #[test]
    fn keys_are_in_order() {
        let rising = [
            infinity_bytes(true).to_vec(),
            finite(true, 32_767, 0, &[9999]),
            finite(true, 32, 0, &[1]),
            finite(true, 31, 0, &[9999]),
            finite(true, 0, 4, &[5, 1]),
            finite(true, 0, 0, &[5]),
            finite(true, -1, 4, &[1]),
            finite(true, -33, 200, &[1]),
            finite(true, -4_000, 16_383, &[1]),
            finite(false, 0, 0, &[]),
            finite(false, -4_000, 16_383, &[1]),
            finite(false, -34, 200, &[1]),
            finite(false, -33, 200, &[1]),
            finite(false, -32, 200, &[1]),
            finite(false, -1, 4, &[1]),
            finite(false, 0, 0, &[5]),
            finite(false, 0, 8, &[5, 0, 1]),
            finite(false, 0, 4, &[5, 1]),
            finite(false, 0, 4, &[6]),
            finite(false, 1, 0, &[5]),
            finite(false, 31, 0, &[9999]),
            finite(false, 32, 0, &[1]),
            finite(false, 256, 0, &[1]),
            finite(false, 32_767, 0, &[9999]),
            infinity_bytes(false).to_vec(),
            NAN_BYTES.to_vec(),
        ]
        .map(|bytes| key(&bytes));
        for (index, pair) in rising.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{index}: {pair:x?}");
        }
        for (a, b) in rising.iter().flat_map(|a| rising.iter().map(move |b| (a, b))) {
            assert!(a == b || !a.starts_with(b), "{b:x?} begins {a:x?}");
        }
    }

    #[test]
    fn the_scale_is_not_in_the_key() {
        assert_eq!(key(&finite(false, 0, 0, &[1])), key(&finite(false, 0, 70, &[1])));
        assert_eq!(key(&finite(false, 0, 0, &[])), key(&finite(true, 0, 3, &[0])));
        assert_eq!(key(&finite(false, 1, 0, &[0, 7])), key(&finite(false, 0, 0, &[7])));
    }

    /// Values near each other in every way that the format knows.
    fn value() -> impl Strategy<Value = (bool, i32, Vec<i16>)> {
        let digit = prop_oneof![0..3_i16, 255..258_i16, 9_998..10_000_i16];
        let weight = prop_oneof![-35..-29, -2..3, 29..35, 1_000..1_002, -1_001..-999];
        (any::<bool>(), weight, prop::collection::vec(digit, 0..5))
    }

    /// The value times a power of 10000 that makes it an integer, as digits
    /// from a fixed weight down, which order as the magnitudes do.
    fn spread((negative, weight, digits): &(bool, i32, Vec<i16>)) -> (bool, Vec<i16>) {
        let mut spread = vec![0; (1_002 - weight) as usize];
        spread.extend_from_slice(digits);
        spread.resize(2_100, 0);
        (*negative && spread.iter().any(|digit| *digit != 0), spread)
    }

    proptest! {
        #[test]
        fn keys_order_as_the_values(a in value(), b in value()) {
            let (x, y) = (spread(&a), spread(&b));
            let expected = match (x.0, y.0) {
                (false, false) => x.1.cmp(&y.1),
                (true, true) => y.1.cmp(&x.1),
                (x, y) => y.cmp(&x),
            };
            let a = key(&finite(a.0, a.1, 0, &a.2));
            let b = key(&finite(b.0, b.1, 0, &b.2));
            prop_assert_eq!(a.cmp(&b), expected, "{:x?} {:x?}", a, b);
        }
    }
}
