//! A word that has its cache line to itself.

use std::ops::Deref;

/// Keeps words that different processes write apart.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> Deref for Padded<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
