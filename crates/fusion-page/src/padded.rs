//! How shared words lie side by side.

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

/// So many of a kind.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Many<T, const N: usize>([T; N]);

impl<T: Default, const N: usize> Default for Many<T, N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| T::default()))
    }
}

impl<T, const N: usize> Deref for Many<T, N> {
    type Target = [T; N];

    #[inline(always)]
    fn deref(&self) -> &[T; N] {
        &self.0
    }
}
