//! A hybrid hash join: in memory as long as its build side fits there, and on disk when it
//! does not.
//!
//! [`exec`] is the operator, [`spec`] what it computes. Once the build side has been read by
//! [`chunk`]s and does not fit, a [`partitioner`] writes both sides to [`spill_files`], the
//! partitions of the plan wait for each other at a [`barrier`], and then [`on_disk`] joins
//! one [`spill_partition`] after another, with DataFusion's join over [`one_shot`] sources.

mod barrier;
mod chunk;
mod exec;
mod on_disk;
mod one_shot;
mod partitioner;
mod spec;
mod spill_files;
mod spill_partition;

pub(crate) use exec::HybridHashJoinExec;
pub(crate) use spec::JoinSpec;
