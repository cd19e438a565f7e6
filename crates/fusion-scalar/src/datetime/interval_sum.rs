//! `sum` and `avg` of intervals.

use super::interval::Interval;
use super::interval_math::div;
use super::limits::interval_out_of_range;
use fusion_plan::PgError;

/// The running sum and count of intervals, in any order.
///
/// PostgreSQL adds with `interval_pl` and fails as soon as a field overflows,
/// which depends on the order of the rows; here only a total that no interval
/// holds is an error, the same whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntervalSum {
    months: i64,
    days: i64,
    microseconds: i128,
    count: i64,
}

impl IntervalSum {
    /// Bytes of [`IntervalSum::to_bytes`].
    pub const BYTES: usize = 40;

    /// Adds one value.
    pub fn add(&mut self, interval: Interval) {
        self.months += i64::from(interval.months);
        self.days += i64::from(interval.days);
        self.microseconds += i128::from(interval.microseconds);
        self.count += 1;
    }

    /// Takes one value away again.
    pub fn sub(&mut self, interval: Interval) {
        self.months -= i64::from(interval.months);
        self.days -= i64::from(interval.days);
        self.microseconds -= i128::from(interval.microseconds);
        self.count -= 1;
    }

    /// Adds the values of another sum.
    pub fn merge(&mut self, other: &Self) {
        self.months += other.months;
        self.days += other.days;
        self.microseconds += other.microseconds;
        self.count += other.count;
    }

    /// Values added so far.
    pub fn count(&self) -> i64 {
        self.count
    }

    /// The sum; NULL of no values.
    ///
    /// # Errors
    ///
    /// `interval out of range`.
    pub fn sum(&self) -> Result<Option<Interval>, PgError> {
        if self.count == 0 {
            return Ok(None);
        }
        let fields = (
            i32::try_from(self.months),
            i32::try_from(self.days),
            i64::try_from(self.microseconds),
        );
        match fields {
            (Ok(months), Ok(days), Ok(microseconds)) => {
                Ok(Some(Interval { months, days, microseconds }))
            }
            _ => Err(interval_out_of_range()),
        }
    }

    /// The average (`interval_avg`); NULL of no values.
    ///
    /// # Errors
    ///
    /// `interval out of range`.
    pub fn average(&self) -> Result<Option<Interval>, PgError> {
        self.sum()?.map(|sum| div(sum, self.count as f64)).transpose()
    }

    /// The state as bytes, for [`IntervalSum::from_bytes`].
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (fields, rest) = bytes.split_at_mut(24);
        rest.copy_from_slice(&self.microseconds.to_ne_bytes());
        for (field, value) in fields.chunks_exact_mut(8).zip([self.months, self.days, self.count]) {
            field.copy_from_slice(&value.to_ne_bytes());
        }
        bytes
    }

    /// The state that [`IntervalSum::to_bytes`] wrote; `None` if the length is
    /// another.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (months, rest) = bytes.split_first_chunk()?;
        let (days, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        Some(Self {
            months: i64::from_ne_bytes(*months),
            days: i64::from_ne_bytes(*days),
            count: i64::from_ne_bytes(*count),
            microseconds: i128::from_ne_bytes(rest.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(values: &[Interval]) -> IntervalSum {
        let mut sum = IntervalSum::default();
        values.iter().for_each(|value| sum.add(*value));
        sum
    }

    #[test]
    fn sums_and_averages() {
        let sum = sum_of(&[Interval::new(1, 2, 3), Interval::new(2, -5, 4)]);
        assert_eq!(sum.sum(), Ok(Some(Interval::new(3, -3, 7))));
        // 7.5 days of a month and a half, and an even half microsecond.
        assert_eq!(sum.average(), Ok(Some(Interval::new(1, 14, -43_199_999_996))));
        assert_eq!(IntervalSum::default().average(), Ok(None));
        assert_eq!(IntervalSum::default().sum(), Ok(None));
    }

    #[test]
    fn order_does_not_matter() {
        let largest = Interval::new(i32::MAX, 0, i64::MAX);
        let mut sum = sum_of(&[largest, largest]);
        assert_eq!(sum.sum().unwrap_err().message, "interval out of range");
        sum.merge(&sum_of(&[Interval::new(-i32::MAX, 0, -i64::MAX)]));
        assert_eq!(sum.sum(), Ok(Some(largest)));
        sum.sub(largest);
        assert_eq!(sum.sum(), Ok(Some(Interval::default())));
        assert_eq!(sum.count(), 2);
    }

    #[test]
    fn bytes_hold_the_state() {
        let sum = sum_of(&[Interval::new(-1, 2, i64::MIN), Interval::new(i32::MIN, 2, i64::MIN)]);
        assert_eq!(IntervalSum::from_bytes(&sum.to_bytes()), Some(sum));
        assert_eq!(IntervalSum::from_bytes(&[0; 39]), None);
        assert_eq!(IntervalSum::from_bytes(&[0; 41]), None);
    }
}
