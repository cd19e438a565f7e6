//! Tests of a row by its datums.
//!
//! A leaf's [filters](Filter) in the form that is quickest to evaluate for one row, in
//! the order in which a row's columns are decoded: what drops a row by its first columns
//! spares the decoding of the others. None of them can fail for a value that its column
//! may have, so their order is free.

use super::encode::{decimal, is_toasted, varlena_bytes};
use super::filter::{Comparison, Filter, Key, unpadded};
use super::memory::detoast;
use fusion_plan::PgError;
use fusion_scalar::text::like::Pattern;
use pgrx::pg_sys;

/// A test of some of a row's attributes, none of which may be NULL.
#[derive(Debug)]
pub struct RowTest {
    /// How many attributes must be decoded for it.
    attributes: usize,
    test: Test,
}

#[derive(Debug)]
enum Test {
    /// The key lies within these bounds, which belong to the range; or outside.
    Range { place: Place, least: i64, greatest: i64, negated: bool },
    /// Two keys compare like this.
    Places { left: Place, comparison: Comparison, right: Place },
    /// The key is one of these, in ascending order; or none.
    Among { place: Place, values: Vec<i64>, negated: bool },
    /// The text is one of these; or none.
    Texts { attribute: usize, padded: bool, values: Vec<Vec<u8>>, negated: bool },
    /// The text is like the pattern; or not.
    Like { attribute: usize, pattern: Pattern<'static>, negated: bool },
}

/// Where a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    attribute: usize,
    key: Key,
}

impl RowTest {
    /// Tests that a row passes if it passes `filters`, in the order in which it is best
    /// put to them. `attributes` says where in a row a filter's columns are.
    ///
    /// # Errors
    ///
    /// If a filter is none that the planner makes.
    pub fn of_all(filters: &[Filter], attributes: &[usize]) -> Result<Vec<Self>, PgError> {
        let mut tests: Vec<Self> = Vec::new();
        for filter in filters {
            let new = Self::new(filter, attributes)?;
            if !tests.iter_mut().any(|test| test.narrow(&new)) {
                tests.push(new);
            }
        }
        tests.sort_by_key(Self::rank);
        Ok(tests)
    }

    /// The test for one filter.
    ///
    /// # Errors
    ///
    /// As for [`RowTest::of_all`].
    pub fn new(filter: &Filter, attributes: &[usize]) -> Result<Self, PgError> {
        let attribute_of = |column: usize| attributes.get(column).copied().unwrap_or(column);
        let place_of = |column, key| Place { attribute: attribute_of(column), key };
        let (last, test) = match filter {
            Filter::Constant { column, key, comparison, value } => {
                let place = place_of(*column, *key);
                let (least, greatest, negated) = range(*comparison, *value);
                (place.attribute, Test::Range { place, least, greatest, negated })
            }
            Filter::Columns { left, comparison, right } => {
                let (left, right) = (place_of(left.0, left.1), place_of(right.0, right.1));
                let last = left.attribute.max(right.attribute);
                (last, Test::Places { left, comparison: *comparison, right })
            }
            Filter::Among { column, key, values, negated } => {
                let (place, values) = (place_of(*column, *key), values.clone());
                (place.attribute, Test::Among { place, values, negated: *negated })
            }
            Filter::Texts { column, padded, values, negated } => {
                let (attribute, values) = (attribute_of(*column), values.clone());
                let (padded, negated) = (*padded, *negated);
                (attribute, Test::Texts { attribute, padded, values, negated })
            }
            Filter::Like { column, pattern, negated } => {
                let pattern = Pattern::literal(pattern);
                let pattern = pattern.ok_or_else(|| PgError::internal("a filter that can fail"))?;
                let attribute = attribute_of(*column);
                (attribute, Test::Like { attribute, pattern, negated: *negated })
            }
        };
        Ok(Self { attributes: last + 1, test })
    }

    /// How many attributes must be decoded for the test.
    #[inline(always)]
    pub fn attributes(&self) -> usize {
        self.attributes
    }

    /// Of two tests, the one to begin with is less: patterns take longest, and otherwise
    /// what counts is how far a row must be decoded.
    pub fn rank(&self) -> (bool, usize, bool) {
        let is_pattern = matches!(self.test, Test::Like { .. });
        (is_pattern, self.attributes, matches!(self.test, Test::Texts { .. }))
    }

    /// Takes `other` in, if both ask for a key within bounds; whether it did.
    fn narrow(&mut self, other: &Self) -> bool {
        match (&mut self.test, &other.test) {
            (
                Test::Range { place, least, greatest, negated: false },
                Test::Range { place: its_place, least: its_least, greatest: its, negated: false },
            ) if place == its_place => {
                *least = (*least).max(*its_least);
                *greatest = (*greatest).min(*its);
                true
            }
            _ => false,
        }
    }

    /// Whether the row with these `values`, of which some are `nulls`, passes.
    ///
    /// # Errors
    ///
    /// If a decimal does not have its declared scale.
    ///
    /// # Safety
    ///
    /// The row has [`RowTest::attributes`] values, of the columns' PostgreSQL types. Runs
    /// in a backend's main thread, within `boundary::call`. What must be detoasted goes to
    /// `memory`.
    #[inline(always)]
    pub unsafe fn passes(
        &self,
        values: *const pg_sys::Datum,
        nulls: *const bool,
        memory: pg_sys::MemoryContext,
    ) -> Result<bool, PgError> {
        // SAFETY: the caller's promise.
        let value =
            |attribute: usize| unsafe { (!*nulls.add(attribute)).then(|| *values.add(attribute)) };
        let key = |place: &Place| match value(place.attribute) {
            // SAFETY: as above.
            Some(datum) => unsafe { place.key.read(datum, memory).map(Some) },
            None => Ok(None),
        };
        let text = |attribute| {
            // SAFETY: as above.
            value(attribute).map(|datum| unsafe { varlena_bytes(detoasted(datum, memory)) })
        };
        Ok(match &self.test {
            Test::Range { place, least, greatest, negated } => {
                key(place)?.is_some_and(|key| (*least <= key && key <= *greatest) != *negated)
            }
            Test::Places { left, comparison, right } => match (key(left)?, key(right)?) {
                (Some(left), Some(right)) => comparison.holds(left, right),
                _ => false,
            },
            Test::Among { place, values, negated } => {
                key(place)?.is_some_and(|key| values.binary_search(&key).is_ok() != *negated)
            }
            Test::Texts { attribute, padded, values, negated } => {
                text(*attribute).is_some_and(|text| {
                    let text = unpadded(text, *padded);
                    values.iter().any(|value| value == text) != *negated
                })
            }
            Test::Like { attribute, pattern, negated } => match text(*attribute) {
                Some(text) => pattern.matches(text)? != *negated,
                None => false,
            },
        })
    }
}

/// The range of the keys that compare with `value` like this, or of those that do not.
fn range(comparison: Comparison, value: i64) -> (i64, i64, bool) {
    const NOTHING: (i64, i64, bool) = (i64::MAX, i64::MIN, false);
    match comparison {
        Comparison::Eq => (value, value, false),
        Comparison::Ne => (value, value, true),
        Comparison::Le => (i64::MIN, value, false),
        Comparison::Ge => (value, i64::MAX, false),
        Comparison::Lt => value.checked_sub(1).map_or(NOTHING, |last| (i64::MIN, last, false)),
        Comparison::Gt => value.checked_add(1).map_or(NOTHING, |first| (first, i64::MAX, false)),
    }
}

impl Comparison {
    #[inline(always)]
    fn holds(self, left: i64, right: i64) -> bool {
        match self {
            Self::Eq => left == right,
            Self::Ne => left != right,
            Self::Lt => left < right,
            Self::Le => left <= right,
            Self::Gt => left > right,
            Self::Ge => left >= right,
        }
    }
}

impl Key {
    /// The key of `datum`.
    ///
    /// # Errors
    ///
    /// If a decimal does not have its declared scale.
    ///
    /// # Safety
    ///
    /// `datum` is a value of the PostgreSQL type; otherwise as for [`RowTest::passes`].
    #[inline(always)]
    pub unsafe fn read(
        self,
        datum: pg_sys::Datum,
        memory: pg_sys::MemoryContext,
    ) -> Result<i64, PgError> {
        let word = datum.value();
        Ok(match self {
            Self::Int2 => i64::from(word as i16),
            Self::Int4 => i64::from(word as i32),
            Self::Int8 => word as i64,
            Self::Oid => i64::from(word as u32),
            // SAFETY: the caller's promise.
            Self::Decimal(scale) => saturated(unsafe { decimal(detoasted(datum, memory), scale)? }),
        })
    }
}

fn saturated(value: i128) -> i64 {
    value.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// `datum`, or what it points to.
#[inline(always)]
unsafe fn detoasted(datum: pg_sys::Datum, memory: pg_sys::MemoryContext) -> pg_sys::Datum {
    // SAFETY: a varlena, by the caller's promise.
    unsafe { if is_toasted(datum) { detoast(datum, memory) } else { datum } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(column: usize, comparison: Comparison, value: i64) -> Filter {
        Filter::Constant { column, key: Key::Int8, comparison, value }
    }

    fn passes(test: &RowTest, values: &[i64], nulls: &[bool]) -> bool {
        let values: Vec<_> = values.iter().map(|value| pg_sys::Datum::from(*value)).collect();
        // SAFETY: integers, which are by value.
        unsafe { test.passes(values.as_ptr(), nulls.as_ptr(), std::ptr::null_mut()).unwrap() }
    }

    #[test]
    fn bounds_of_one_column_are_one_test() {
        let filters = [
            constant(1, Comparison::Ge, 5),
            constant(0, Comparison::Lt, 7),
            constant(1, Comparison::Lt, 9),
            constant(1, Comparison::Ne, 6),
        ];
        let tests = RowTest::of_all(&filters, &[3, 1]).unwrap();
        let attributes: Vec<_> = tests.iter().map(RowTest::attributes).collect();
        assert_eq!(attributes, [2, 2, 4], "the first attributes first");
        let all = |value| tests.iter().all(|test| passes(test, &[0, value, 0, 6], &[false; 4]));
        assert_eq!([4, 5, 6, 7, 8, 9].map(all), [false, true, false, true, true, false]);
        assert!(!passes(&tests[0], &[0, 5], &[false, true]), "NULL");
    }

    #[test]
    fn nothing_is_beyond_the_ends() {
        let test = |comparison, value| RowTest::new(&constant(0, comparison, value), &[0]).unwrap();
        let ends = [i64::MIN, 0, i64::MAX];
        for (comparison, value, expected) in [
            (Comparison::Lt, i64::MIN, [false, false, false]),
            (Comparison::Le, i64::MIN, [true, false, false]),
            (Comparison::Gt, i64::MAX, [false, false, false]),
            (Comparison::Ge, i64::MAX, [false, false, true]),
            (Comparison::Ne, i64::MAX, [true, true, false]),
        ] {
            let test = test(comparison, value);
            assert_eq!(ends.map(|end| passes(&test, &[end], &[false])), expected);
        }
    }

    #[test]
    fn what_takes_longest_comes_last() {
        let texts =
            Filter::Texts { column: 0, padded: false, values: vec![b"a".to_vec()], negated: false };
        let like =
            |pattern: &[u8]| Filter::Like { column: 0, pattern: pattern.to_vec(), negated: true };
        let filters = [like(b"%a%"), texts, constant(0, Comparison::Eq, 1)];
        let tests = RowTest::of_all(&filters, &[0]).unwrap();
        assert!(matches!(tests[0].test, Test::Range { .. }));
        assert!(matches!(tests[2].test, Test::Like { .. }));
        assert!(RowTest::new(&like(b"a_"), &[0]).is_err());
    }

    #[test]
    fn columns_compare_with_each_other() {
        let columns = Filter::Columns {
            left: (0, Key::Int8),
            comparison: Comparison::Lt,
            right: (1, Key::Int4),
        };
        let test = RowTest::new(&columns, &[4, 2]).unwrap();
        assert_eq!(test.attributes(), 5);
        assert!(passes(&test, &[0, 0, 2, 0, 1], &[false; 5]));
        assert!(!passes(&test, &[0, 0, 2, 0, 1], &[false, false, true, false, false]));
    }

    #[test]
    fn texts_are_read_where_they_are() {
        // A varlena with a header of one byte.
        let stored = [b"\x0dspam!".to_vec(), b"\x09ham".to_vec()];
        let texts = |values: &[&str], padded, negated| Filter::Texts {
            column: 0,
            padded,
            values: values.iter().map(|value| value.as_bytes().to_vec()).collect(),
            negated,
        };
        let like = |pattern: &str, negated| Filter::Like {
            column: 0,
            pattern: pattern.as_bytes().to_vec(),
            negated,
        };
        for (filter, expected) in [
            (texts(&["spam!", "eggs"], false, false), [true, false]),
            (texts(&["spam! ", "eggs"], true, true), [true, true]),
            (like("%pa%", false), [true, false]),
            (like("%am", true), [true, false]),
        ] {
            let test = RowTest::new(&filter, &[0]).unwrap();
            let values = stored.each_ref().map(|text| text.as_ptr() as i64);
            assert_eq!(values.map(|value| passes(&test, &[value], &[false])), expected);
            assert!(!passes(&test, &[0], &[true]), "NULL");
        }
    }
}
