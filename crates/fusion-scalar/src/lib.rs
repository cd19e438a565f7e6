//! PostgreSQL's scalar semantics on plain Rust values: what a function gives for
//! one row, with PostgreSQL's errors. It knows no Arrow, no DataFusion and no
//! PostgreSQL server, so it is fast to build and easy to test; `fusion-engine`
//! wraps it into kernels over columns.
//!
//! | module | what it is |
//! |---|---|
//! | [`numeric`] | `numeric`: arithmetic, comparison, rounding, text, casts, sums |
//! | [`datetime`] | dates, times, timestamps and intervals |
//! | [`text`] | strings and the text forms of other types |

pub mod datetime;
pub mod numeric;
pub mod text;
