//! Floats to text, as `float4out` and `float8out` write them under each setting of
//! `extra_float_digits`.

use super::build::write;

/// The digits that text shows of a float: an integer and a power of ten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    digits: u64,
    exponent: i32,
}

/// What both widths of float need.
trait FormatFloat: Copy + PartialEq + std::str::FromStr + std::fmt::LowerExp {
    /// `FLT_DIG`, `DBL_DIG`: from ten to this power on, the shortest form has an
    /// exponent; with `extra_float_digits` zero it has so many digits.
    const RELIABLE_DIGITS: i32;
    /// Digits that always tell the value from its neighbours.
    const ENOUGH_DIGITS: usize;
    /// The shortest digits that a reader who rounds halves to even takes for this
    /// value and no other. Positive and finite.
    fn shortest(self) -> Decimal;
    /// The middle to the neighbour below and the one above: odd numbers and the
    /// powers of two that they are multiplied with.
    fn middles(self) -> [(u64, i32); 2];
}

macro_rules! format_float {
    ($float:ty, $reliable:expr, $enough:expr) => {
        impl FormatFloat for $float {
            const RELIABLE_DIGITS: i32 = $reliable;
            const ENOUGH_DIGITS: usize = $enough;

            fn shortest(self) -> Decimal {
                Decimal::read(ryu::Buffer::new().format_finite(self))
            }

            fn middles(self) -> [(u64, i32); 2] {
                const FRACTION: u32 = <$float>::MANTISSA_DIGITS - 1;
                // The exponent of the smallest value's only bit.
                const LOWEST: i32 = <$float>::MIN_EXP - <$float>::MANTISSA_DIGITS as i32;
                let bits = self.to_bits();
                let fraction = u64::from(bits & ((1 << FRACTION) - 1));
                let (significand, exponent) = match (bits >> FRACTION) as i32 {
                    0 => (fraction, LOWEST),
                    biased => (fraction | 1 << FRACTION, LOWEST + biased - 1),
                };
                // Below a power of two the neighbour is only half as far.
                let below = match fraction == 0 && exponent > LOWEST {
                    true => (4 * significand - 1, exponent - 2),
                    false => (2 * significand - 1, exponent - 1),
                };
                [below, (2 * significand + 1, exponent - 1)]
            }
        }
    };
}
format_float!(f32, 6, 9);
format_float!(f64, 15, 17);

/// `float8out`.
pub fn format_float8(value: f64, extra_float_digits: i32, out: &mut String) {
    match extra_float_digits {
        1.. => format_shortest(value.is_sign_negative(), value.abs(), out),
        _ => format_digits(value, f64::RELIABLE_DIGITS + extra_float_digits, out),
    }
}

/// `float4out`.
pub fn format_float4(value: f32, extra_float_digits: i32, out: &mut String) {
    match extra_float_digits {
        1.. => format_shortest(value.is_sign_negative(), value.abs(), out),
        _ => format_digits(value.into(), f32::RELIABLE_DIGITS + extra_float_digits, out),
    }
}

/// The shortest form (`double_to_shortest_decimal_buf`).
fn format_shortest<F: FormatFloat + Into<f64>>(negative: bool, magnitude: F, out: &mut String) {
    let wide: f64 = magnitude.into();
    if !format_special(negative, wide, out) {
        narrowest(magnitude).write(F::RELIABLE_DIGITS, out);
    }
}

/// `pg_strfromd`: C's format `%.*g`.
fn format_digits(value: f64, digits: i32, out: &mut String) {
    if format_special(value.is_sign_negative(), value, out) {
        return;
    }
    let digits = digits.max(1);
    Decimal::read(&format!("{:.*e}", digits as usize - 1, value.abs())).write(digits, out);
}

/// Writes NaN, the infinities and zero, or the sign of anything else; says whether
/// that was all.
fn format_special(negative: bool, value: f64, out: &mut String) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
        return true;
    }
    if negative {
        out.push('-');
    }
    if value.is_infinite() {
        out.push_str("Infinity");
    } else if value == 0.0 {
        out.push('0');
    } else {
        return false;
    }
    true
}

/// The shortest digits by PostgreSQL's rule: they lie strictly between the middles
/// to the neighbours, because readers differ in how they round a middle.
fn narrowest<F: FormatFloat>(value: F) -> Decimal {
    let shortest = value.shortest();
    let on_middle = |decimal: Decimal| {
        value.middles().into_iter().any(|(odd, exponent)| decimal.equals_binary(odd, exponent))
    };
    if !on_middle(shortest) {
        return shortest;
    }
    // Rare. The nearest number of so many digits is within the middles if any is,
    // except above a power of two, where the next one may be.
    let count = shortest.digits.ilog10() as usize;
    (count..F::ENOUGH_DIGITS)
        .flat_map(|count| {
            let nearest = Decimal::read_padded(&format!("{value:.count$e}"), count);
            [nearest, Decimal { digits: nearest.digits + 1, ..nearest }]
        })
        .find(|decimal| decimal.parse() == Some(value) && !on_middle(*decimal))
        .map_or(shortest, Decimal::normalized)
}

impl Decimal {
    /// What Rust and the crate ryu write for a positive number.
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.parse::<i32>().unwrap_or(0) - fraction.len() as i32;
        let append = |digits, digit: u8| digits * 10 + u64::from(digit - b'0');
        // Trailing zeros first, because they may be more than 64 bits hold.
        let digits = whole.bytes().chain(fraction.bytes());
        let length = whole.len() + fraction.len();
        let zeros = digits.clone().rev().take_while(|digit| *digit == b'0').count();
        let digits = digits.take(length - zeros).fold(0, append);
        Self { digits, exponent: exponent + zeros as i32 }
    }

    /// [`Decimal::read`] for a number of `count + 1` digits, all of which are kept.
    fn read_padded(text: &str, count: usize) -> Self {
        let mut decimal = Self::read(text);
        while (decimal.digits.ilog10() as usize) < count {
            decimal.digits *= 10;
            decimal.exponent -= 1;
        }
        decimal
    }

    fn normalized(mut self) -> Self {
        while self.digits != 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.exponent += 1;
        }
        self
    }

    fn parse<F: std::str::FromStr>(self) -> Option<F> {
        format!("{}e{}", self.digits, self.exponent).parse().ok()
    }

    /// Whether it is exactly `odd` times two to the `exponent`.
    fn equals_binary(self, odd: u64, exponent: i32) -> bool {
        let twos = self.digits.trailing_zeros();
        let rest = u128::from(self.digits >> twos);
        let fives = 5_u128.checked_pow(self.exponent.unsigned_abs());
        let odd = u128::from(odd);
        twos as i32 + self.exponent == exponent
            && fives.is_some_and(|fives| match self.exponent {
                0.. => rest.checked_mul(fives) == Some(odd),
                _ => odd.checked_mul(fives) == Some(rest),
            })
    }

    /// Writes it without an exponent if its first digit stands between the fourth
    /// place after the point and the place of ten to the `limit`, as C's `%g` does.
    fn write(self, limit: i32, out: &mut String) {
        let text = self.digits.to_string();
        let length = text.len() as i32;
        let first = self.exponent + length - 1;
        if !(-4..limit).contains(&first) {
            let (lead, fraction) = text.split_at(1);
            let point = if fraction.is_empty() { "" } else { "." };
            let sign = if first < 0 { '-' } else { '+' };
            write(out, format_args!("{lead}{point}{fraction}e{sign}{:02}", first.unsigned_abs()));
        } else if self.exponent >= 0 {
            write(out, format_args!("{text}{:0>1$}", "", self.exponent as usize));
        } else if first < 0 {
            write(out, format_args!("0.{:0>1$}{text}", "", (-first - 1) as usize));
        } else {
            let (whole, fraction) = text.split_at((first + 1) as usize);
            write(out, format_args!("{whole}.{fraction}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn float8(value: f64) -> String {
        digits8(value, 1)
    }

    fn digits8(value: f64, extra: i32) -> String {
        let mut out = String::new();
        format_float8(value, extra, &mut out);
        out
    }

    fn float4(value: f32) -> String {
        let mut out = String::new();
        format_float4(value, 3, &mut out);
        out
    }

    #[test]
    fn plain_and_scientific_notation() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (-f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
            (1.0, "1"),
            (-100.0, "-100"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (0.0001, "0.0001"),
            (0.00012345, "0.00012345"),
            (0.00001, "1e-05"),
            (0.0000123, "1.23e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (999_999_999_999_999.9, "999999999999999.9"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1_234_567_890_123_450.0, "1.23456789012345e+15"),
            (9_007_199_254_740_991.0, "9.007199254740991e+15"),
            (5e-324, "5e-324"),
            (f64::MIN_POSITIVE, "2.2250738585072014e-308"),
            (f64::MAX, "1.7976931348623157e+308"),
        ] {
            assert_eq!(float8(value), expected);
        }
    }

    #[test]
    fn the_narrow_float_has_its_own_limits() {
        for (value, expected) in [
            (0.1_f32, "0.1"),
            (123_456.0, "123456"),
            (999_999.9, "999999.9"),
            (1_234_567.0, "1.234567e+06"),
            (1e6, "1e+06"),
            (16_777_215.0, "1.6777215e+07"),
            (-0.00001, "-1e-05"),
            (f32::MAX, "3.4028235e+38"),
            (f32::from_bits(1), "1e-45"),
            (f32::NAN, "NaN"),
        ] {
            assert_eq!(float4(value), expected);
        }
    }

    #[test]
    fn a_middle_between_two_floats_is_not_short_enough() {
        assert_eq!(ryu::Buffer::new().format_finite(1e23), "1e23");
        assert_eq!(float8(1e23), "9.999999999999999e+22");
        assert_eq!(float8(1.0000000000000001e23), "1.0000000000000001e+23");
    }

    #[test]
    fn a_tie_between_two_decimals_is_even() {
        let power = 2_f64.powi(50);
        assert_eq!(float8(power + 0.25), "1.1258999068426242e+15");
        assert_eq!(float8(power + 0.75), "1.1258999068426248e+15");
    }

    #[test]
    fn fewer_digits_on_demand() {
        for (value, extra, expected) in [
            (0.1 + 0.2, 0, "0.3"),
            (1.0 / 3.0, 0, "0.333333333333333"),
            (1.0 / 3.0, -14, "0.3"),
            (1.0 / 3.0, -15, "0.3"),
            (2.5, -15, "2"),
            (3.5, -15, "4"),
            (99.5, -13, "1e+02"),
            (0.00001, 0, "1e-05"),
            (123_456_789.0, -10, "1.2346e+08"),
            (1e15, 0, "1e+15"),
            (999_999_999_999_999.9, 0, "1e+15"),
            (-0.0, 0, "-0"),
            (f64::NEG_INFINITY, -3, "-Infinity"),
            (f64::NAN, 0, "NaN"),
            (5e-324, 0, "4.94065645841247e-324"),
        ] {
            assert_eq!(digits8(value, extra), expected);
        }
        let mut out = String::new();
        format_float4(0.1, 0, &mut out);
        format_float4(16_777_216.0, -5, &mut out);
        assert_eq!(out, "0.12e+07");
    }

    proptest! {
        #[test]
        fn text_reads_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            if !value.is_nan() {
                prop_assert_eq!(float8(value).replace("Infinity", "inf").parse(), Ok(value));
            }
            let value = f32::from_bits(bits as u32);
            if !value.is_nan() {
                prop_assert_eq!(float4(value).replace("Infinity", "inf").parse(), Ok(value));
            }
        }
    }
}
