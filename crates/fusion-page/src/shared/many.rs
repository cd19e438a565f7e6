//! Arrays that begin as so many default values, however many they are.

use std::ops::Deref;

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
