//! Whatever goes wrong: the error is the right one, nothing is left behind, and the
//! next query works.

mod endings;
mod errors;
mod latency;
