//! What a row must pass before the rest of it is decoded.
//!
//! A leaf's own conditions and the engine's runtime filters are one list, most
//! of it in the order of the attributes that they need. A row is decoded only as far as the next
//! test reads it, so that one that is dropped costs what it was looked at for.

use crate::datum::{Key, RowTest};
use crate::executor::raw;
use fusion_page::KeyFilter;
use fusion_plan::PgError;
use pgrx::pg_sys;

/// The tests of a leaf's rows, for as long as the engine's keys stay the same.
pub struct RowFilter<'a> {
    steps: Vec<Step<'a>>,
    /// For detoasted values; nobody else uses it meanwhile.
    memory: pg_sys::MemoryContext,
}

enum Step<'a> {
    Test(&'a RowTest),
    Key { attribute: usize, key: Key, filter: KeyFilter<'a> },
}

impl Step<'_> {
    fn attributes(&self) -> usize {
        match self {
            Self::Test(test) => test.attributes(),
            Self::Key { attribute, .. } => attribute + 1,
        }
    }

    fn rank(&self) -> (bool, usize, bool) {
        match self {
            Self::Test(test) => test.rank(),
            Self::Key { .. } => (false, self.attributes(), false),
        }
    }
}

/// What became of the rows of a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Rows that the leaf's conditions dropped.
    pub by_tests: usize,
    /// Rows whose keys were looked at.
    pub keyed: usize,
    /// Of these, rows that were dropped.
    pub by_keys: usize,
}

impl<'a> RowFilter<'a> {
    /// A filter of `tests` and `filters`. `keys` says where in a row a filter's columns
    /// are, and how their values are read as keys, if they can be.
    ///
    /// # Errors
    ///
    /// If a filter is not for this leaf.
    pub fn new(
        tests: &'a [RowTest],
        keys: &[(usize, Option<Key>)],
        filters: Vec<KeyFilter<'a>>,
        memory: pg_sys::MemoryContext,
    ) -> Result<Self, PgError> {
        let step = |filter: KeyFilter<'a>| match keys.get(filter.column()) {
            Some((attribute, Some(key))) => {
                Ok(Step::Key { attribute: *attribute, key: *key, filter })
            }
            _ => Err(PgError::internal("a filter on a column without keys")),
        };
        let tests = tests.iter().map(|test| Ok(Step::Test(test)));
        let mut steps: Vec<_> =
            tests.chain(filters.into_iter().map(step)).collect::<Result<_, _>>()?;
        steps.sort_by_key(Step::rank);
        Ok(Self { steps, memory })
    }

    /// Looks at no keys any more.
    pub fn forget_keys(&mut self) {
        self.steps.retain(|step| matches!(step, Step::Test(_)));
    }

    /// Whether the row in `slot` passes.
    ///
    /// # Errors
    ///
    /// If a value is none of its column's type.
    ///
    /// # Safety
    ///
    /// `slot` holds a row of the leaf's; runs within `boundary::call`.
    #[inline(always)]
    pub unsafe fn passes(
        &self,
        slot: *mut pg_sys::TupleTableSlot,
        dropped: &mut Dropped,
    ) -> Result<bool, PgError> {
        for step in &self.steps {
            // SAFETY: the caller's promise; the attributes are decoded as far as the step
            // reads them.
            unsafe {
                decode(slot, step.attributes());
                let (values, nulls) = ((*slot).tts_values, (*slot).tts_isnull);
                match step {
                    Step::Test(test) => {
                        let passes = test.passes(values, nulls, self.memory)?;
                        if !(*self.memory).isReset {
                            raw::reset_memory(self.memory);
                        }
                        if !passes {
                            dropped.by_tests += 1;
                            return Ok(false);
                        }
                    }
                    Step::Key { attribute, key, filter } => {
                        dropped.keyed += 1;
                        let passes = !*nulls.add(*attribute)
                            && filter.may_contain(key.read(*values.add(*attribute), self.memory)?);
                        if !passes {
                            dropped.by_keys += 1;
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }
}

/// What a feed has seen of the engine's filters.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuntimeFilters {
    looked_at: u64,
    dropped: u64,
    /// Of the dropped rows, those that the session was told of.
    counted: u64,
    /// They drop so few rows that it does not pay to look.
    pub useless: bool,
}

impl RuntimeFilters {
    /// Counts rows that were looked at, and those of them that were dropped.
    pub fn count(&mut self, looked_at: usize, dropped: usize) {
        /// Rows to look at before judging.
        const TRIAL: u64 = 16_384;
        /// A filter must drop one row of so many.
        const WORTH: u64 = 20;
        self.looked_at += looked_at as u64;
        self.dropped += dropped as u64;
        self.useless = self.looked_at >= TRIAL && self.dropped * WORTH < self.looked_at;
    }

    /// The rows dropped since the last call.
    pub fn take_uncounted(&mut self) -> u64 {
        let dropped = self.dropped - self.counted;
        self.counted = self.dropped;
        dropped
    }
}

/// Decodes the first `attributes` of `slot`, from where decoding has stopped.
///
/// # Safety
///
/// `slot` holds a row with as many; runs within `boundary::call`.
#[inline(always)]
pub unsafe fn decode(slot: *mut pg_sys::TupleTableSlot, attributes: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        if usize::try_from((*slot).tts_nvalid).unwrap_or_default() < attributes {
            raw::decode(slot, attributes as i32);
        }
    }
}
