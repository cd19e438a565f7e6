//! Physical operators of our own.
//!
//! | module | what it does |
//! |---|---|
//! | `leaf` | reads a leaf's queue |
//! | `copy` | copies batches for operators that keep them |
//! | `once` | lets its input run only once |
//! | `runtime_filter` | tells the leaves of a join's other side what keys there are |
//! | `guaranteed`, `demand` | operators with memory of their own, and how much a plan needs |
//! | `partial_aggregate` | the first stage of a grouping with many groups |
//! | `join` | a hash join that can go to disk |
//! | `plan` | what the shells of these operators have in common |

mod copy;
mod demand;
mod guaranteed;
mod join;
mod leaf;
mod once;
mod partial_aggregate;
mod plan;
mod runtime_filter;

pub(crate) use copy::{COPIED_BYTES, CopyExec, Depth};
pub(crate) use demand::Demand;
pub(crate) use guaranteed::{GuaranteedExec, InputExec};
pub(crate) use join::{HybridHashJoinExec, JoinSpec};
pub(crate) use leaf::LeafExec;
pub(crate) use once::OnceExec;
pub(crate) use partial_aggregate::PartialAggregateExec;
pub(crate) use runtime_filter::{RuntimeFilterExec, Target};
