//! Floats as PostgreSQL's `float.h` sees them: NaN equals itself and is larger than
//! everything else, −0 equals 0, and an infinite sum of finite addends is an overflow.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// What both widths of float can do.
pub(crate) trait Float:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    const ZERO: Self;
    const NEGATIVE_ZERO: Self;
    const CANONICAL_NAN: Self;
    fn nan(self) -> bool;
    fn infinite(self) -> bool;
    fn magnitude(self) -> Self;
    fn is_negative_zero(self) -> bool;

    /// The same value, NaN in its canonical form.
    fn canonical(self) -> Self {
        if self.nan() { Self::CANONICAL_NAN } else { self }
    }

    /// `float8_eq`.
    fn pg_eq(self, other: Self) -> bool {
        self == other || (self.nan() && other.nan())
    }

    /// `float8_lt`.
    fn pg_lt(self, other: Self) -> bool {
        self < other || (!self.nan() && other.nan())
    }
}

macro_rules! float {
    ($($ty:ty),*) => {$(
        impl Float for $ty {
            const ZERO: Self = 0.0;
            const NEGATIVE_ZERO: Self = -0.0;
            const CANONICAL_NAN: Self = <$ty>::NAN;
            fn nan(self) -> bool {
                self.is_nan()
            }
            fn infinite(self) -> bool {
                self.is_infinite()
            }
            fn magnitude(self) -> Self {
                self.abs()
            }
            fn is_negative_zero(self) -> bool {
                self == 0.0 && self.is_sign_negative()
            }
        }
    )*};
}
float!(f32, f64);

/// `float8_pl` and `float8_mi`: the result, and whether it overflowed.
pub(crate) fn checked<F: Float>(result: F, left: F, right: F) -> (F, bool) {
    let overflow = result.infinite() && !left.infinite() && !right.infinite();
    (result.canonical(), overflow)
}
