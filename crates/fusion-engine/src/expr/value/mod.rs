//! What PostgreSQL does with single values of types that Rust and arrow have, or nearly
//! have: floats, decimals, and numbers whatever form they have.

pub(crate) mod decimal;
pub(crate) mod float;
pub(crate) mod numeric;
