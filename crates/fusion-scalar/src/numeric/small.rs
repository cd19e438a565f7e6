//! The numerics that tables are full of, quickly.

/// The value times `10^scale` of a stored numeric in the usual form: a short header
/// that says this scale, and up to sixteen decimal digits. `None` for any other, which
/// [`NumericRef`](super::NumericRef) understands.
#[inline(always)]
pub fn small_unscaled(bytes: &[u8], scale: u8) -> Option<i64> {
    /// Bits of a short header, as in numeric.c.
    const KIND: u16 = 0xc000;
    const SHORT: u16 = 0x8000;
    const NEGATIVE: u16 = 0x2000;
    const SCALE: u16 = 0x1f80;
    const SCALE_SHIFT: u32 = 7;

    let digit =
        |index: usize| u64::from(u16::from_ne_bytes([bytes[2 + 2 * index], bytes[3 + 2 * index]]));
    let header = match bytes {
        [low, high, ..] => u16::from_ne_bytes([*low, *high]),
        _ => return None,
    };
    if header & (KIND | SCALE) != SHORT | u16::from(scale) << SCALE_SHIFT {
        return None;
    }
    const BASE: u64 = 10_000;
    let (word, count) = match bytes.len() {
        2 => return Some(0),
        4 => (digit(0), 1),
        6 => (digit(0) * BASE + digit(1), 2),
        8 => ((digit(0) * BASE + digit(1)) * BASE + digit(2), 3),
        10 => (((digit(0) * BASE + digit(1)) * BASE + digit(2)) * BASE + digit(3), 4),
        _ => return None,
    };
    // The weight has seven bits, of which the highest is the sign.
    let weight = i32::from((header as u8) << 1) as i8 >> 1;
    let exponent = (i32::from(weight) - count + 1) * 4 + i32::from(scale);
    let (magnitude, rest) = match exponent {
        0 => (word, 0),
        -1 => (word / 10, word % 10),
        -2 => (word / 100, word % 100),
        -3 => (word / 1000, word % 1000),
        1..=18 => (word.checked_mul(10_u64.pow(exponent as u32))?, 0),
        _ => return None,
    };
    let magnitude = i64::try_from(magnitude).ok().filter(|_| rest == 0)?;
    Some(if header & NEGATIVE != 0 { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::super::{NumericRef, numeric_in};
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, scale: u8) -> Option<i64> {
        let mut bytes = Vec::new();
        numeric_in(text.as_bytes(), None, &mut bytes).unwrap();
        let small = small_unscaled(&bytes, scale);
        if let (Some(small), NumericRef::Finite(value)) = (small, NumericRef::parse(&bytes)) {
            assert_eq!(value.scale, i32::from(scale), "{text}");
            assert_eq!(value.unscaled(value.scale), Some(i128::from(small)), "{text}");
        }
        small
    }

    #[test]
    fn usual_values_are_small() {
        for (text, scale, expected) in [
            ("0.00", 2, 0),
            ("0.05", 2, 5),
            ("-0.05", 2, -5),
            ("1", 0, 1),
            ("50.00", 2, 5_000),
            ("104949.50", 2, 10_494_950),
            ("10000", 0, 10_000),
            ("999999999999.99", 2, 99_999_999_999_999),
            ("1000000000000000000", 0, 1_000_000_000_000_000_000),
            ("0.0001", 4, 1),
            ("0.1234567", 7, 1_234_567),
        ] {
            assert_eq!(check(text, scale), Some(expected), "{text}");
        }
    }

    #[test]
    fn others_are_not() {
        for (text, scale) in [
            ("NaN", 0),
            ("Infinity", 0),
            ("-Infinity", 2),
            ("1.5", 2),
            ("12345678901234567890", 0),
            ("0.00000000000000000001", 20),
        ] {
            let small = check(text, scale);
            assert!(small.is_none() || text.starts_with("0.0"), "{text}: {small:?}");
        }
        assert_eq!(small_unscaled(&[], 0), None);
        assert_eq!(small_unscaled(&[1], 0), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_general_way(digits in -99_999_999_999_999_999_i64..99_999_999_999_999_999, scale in 0_u8..12) {
            let mut text = format!("{:0width$}", digits.abs(), width = scale as usize + 1);
            if scale > 0 {
                text.insert(text.len() - scale as usize, '.');
            }
            if digits < 0 {
                text.insert(0, '-');
            }
            if let Some(small) = check(&text, scale) {
                prop_assert_eq!(small, digits);
            }
        }
    }
}
