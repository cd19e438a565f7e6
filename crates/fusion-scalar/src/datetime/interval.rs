//! The interval value, its bytes and its order.

use super::limits::DAY;

/// Days that a month counts for in comparisons.
const DAYS_PER_MONTH: i64 = 30;

/// An `interval`: three fields that PostgreSQL keeps apart.
///
/// Rust's equality compares the fields; PostgreSQL's `=` is that of
/// [`Interval::key`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interval {
    /// Months.
    pub months: i32,
    /// Days.
    pub days: i32,
    /// Microseconds.
    pub microseconds: i64,
}

impl Interval {
    /// An interval of the three fields.
    pub const fn new(months: i32, days: i32, microseconds: i64) -> Self {
        Self { months, days, microseconds }
    }

    /// The interval whose bytes lie in memory as PostgreSQL's `Interval` does.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = bytes;
        Self {
            microseconds: i64::from_ne_bytes([a, b, c, d, e, f, g, h]),
            days: i32::from_ne_bytes([i, j, k, l]),
            months: i32::from_ne_bytes([m, n, o, p]),
        }
    }

    /// The bytes of PostgreSQL's `Interval` in memory.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (time, rest) = bytes.split_at_mut(8);
        let (days, months) = rest.split_at_mut(4);
        time.copy_from_slice(&self.microseconds.to_ne_bytes());
        days.copy_from_slice(&self.days.to_ne_bytes());
        months.copy_from_slice(&self.months.to_ne_bytes());
        bytes
    }

    /// The number by which intervals are compared (`interval_cmp_value`):
    /// microseconds, with months of 30 days and days of 24 hours.
    pub fn span(self) -> i128 {
        let days = i64::from(self.months) * DAYS_PER_MONTH + i64::from(self.days);
        i128::from(days) * i128::from(DAY) + i128::from(self.microseconds)
    }

    /// See [`interval_key`].
    pub fn key(self) -> [u8; 16] {
        const SIGN: u128 = 1 << 127;
        ((self.span() as u128) ^ SIGN).to_be_bytes()
    }
}

/// Bytes whose order is PostgreSQL's order of intervals (`interval_cmp`), and
/// which are equal where intervals are: `1 month` and `30 days` have one key.
pub fn interval_key(months: i32, days: i32, microseconds: i64) -> [u8; 16] {
    Interval::new(months, days, microseconds).key()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_spans_have_one_key() {
        assert_eq!(interval_key(1, 0, 0), interval_key(0, 30, 0));
        assert_eq!(interval_key(0, 1, 0), interval_key(0, 0, DAY));
        assert_eq!(interval_key(1, -30, 0), interval_key(0, 0, 0));
        assert_ne!(interval_key(12, 0, 0), interval_key(0, 365, 0));
    }

    #[test]
    fn keys_order_as_spans() {
        let parts = [i64::MIN, -DAY, -1, 0, 1, DAY, i64::MAX];
        let small = [i32::MIN, -31, -30, -1, 0, 1, 30, 31, i32::MAX];
        let all: Vec<_> = small
            .into_iter()
            .flat_map(|months| small.into_iter().map(move |days| (months, days)))
            .flat_map(|(m, d)| parts.into_iter().map(move |time| Interval::new(m, d, time)))
            .collect();
        for a in &all {
            for b in &all {
                assert_eq!(a.key().cmp(&b.key()), a.span().cmp(&b.span()), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn bytes_are_the_three_fields() {
        let interval = Interval::new(-1, 2, i64::MIN + 3);
        assert_eq!(Interval::from_bytes(interval.to_bytes()), interval);
        assert_eq!(interval.to_bytes()[8..12], 2i32.to_ne_bytes());
        assert_eq!(interval.to_bytes()[12..], (-1i32).to_ne_bytes());
    }
}
