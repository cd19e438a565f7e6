//! PostgreSQL's `numeric`, to the last digit and display scale.
//!
//! A value arrives as stored bytes or as an unscaled integer with a scale, is
//! read into a [`Number`], and results are appended as stored bytes. Most
//! values fit 128 bits and are computed with as integers; others as base-10000
//! digits, with the same results.
//!
//! | module | what it is |
//! |---|---|
//! | `format` | the stored bytes |
//! | `number` | one operand, and comparison |
//! | `decimal` | values that fit 128 bits |
//! | `digits` | values of any size |
//! | `wide` | 256-bit integers |
//! | `arithmetic`, `division`, `rounding` | the operators and functions |
//! | `typmod` | `numeric(precision, scale)` |
//! | `cast`, `text` | conversions |
//! | `sum` | `sum` and `avg` |
//! | `key` | keys to sort, hash and group by |

mod arithmetic;
mod cast;
mod decimal;
mod digits;
mod division;
mod format;
mod key;
mod number;
mod rounding;
mod small;
mod sum;
#[cfg(test)]
mod testing;
mod text;
mod typmod;
mod wide;

pub use arithmetic::{abs, add, multiply, negate, sign, subtract};
pub use cast::{Float, Integer, from_float, from_integer, to_float, to_integer};
pub use decimal::{Decimal, Stored};
pub use division::{divide, divide_truncating, modulo};
pub use format::{
    FiniteRef, MAX_STORED_SCALE, MAX_STORED_WEIGHT, NAN_BYTES, NumericRef, infinity_bytes,
};
pub use key::sort_key;
pub use number::{Number, compare, compare_stored};
pub use rounding::{Rounding, ceil, floor, min_scale, round, scale, trim_scale, trunc};
pub use small::small_unscaled;
pub use sum::NumericSum;
pub use text::{numeric_in, numeric_out};
pub use typmod::{Typmod, apply_typmod};
pub use wide::Wide;
