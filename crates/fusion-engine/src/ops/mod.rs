//! Physical operators of our own.

mod gather_keys;
mod grace_join;
mod guaranteed;
mod leaf;
mod materialize;
mod once;

pub(crate) use gather_keys::{GatherKeysExec, Target};
pub(crate) use grace_join::{GraceJoinExec, JoinSpec};
pub(crate) use guaranteed::{Demand, GuaranteedExec, InputExec};
pub(crate) use leaf::LeafExec;
pub(crate) use materialize::{COPIED_BYTES, Depth, MaterializeExec};
pub(crate) use once::OnceExec;
