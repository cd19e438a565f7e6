//! PostgreSQL's `numeric`, to the last digit and display scale.
//!
//! | module | what it is |
//! |---|---|
//! | [`format`] | the stored bytes |
//! | [`key`] | keys to sort, hash and group by |

mod format;
mod key;

pub use format::{
    FiniteRef, MAX_STORED_SCALE, MAX_STORED_WEIGHT, NAN_BYTES, NumericRef, infinity_bytes,
};
pub use key::sort_key;
