//! Physical operators of our own.

mod leaf;
mod materialize;

pub(crate) use leaf::LeafExec;
pub(crate) use materialize::{COPIED_BYTES, Depth, MaterializeExec};
