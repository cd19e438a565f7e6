//! How the states of an aggregate's groups are kept.

pub(super) mod argument;
pub(super) mod chosen;
pub(super) mod fold;
pub(super) mod gathered;
pub(super) mod single_group;

use datafusion_expr::GroupsAccumulator;

/// The states of all groups of one aggregate.
pub(super) type BoxedGroups = Box<dyn GroupsAccumulator + Sync>;
