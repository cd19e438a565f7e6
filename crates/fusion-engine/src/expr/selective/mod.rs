//! Selective evaluation: expressions that decide which rows an argument sees at all,
//! because it could raise an error in the others.

mod and_or;
mod case;
mod coalesce;
mod null_if;
mod parts;
mod selection;

pub(crate) use and_or::{AndOr, AndOrKind};
pub(crate) use case::Case;
pub(crate) use coalesce::Coalesce;
pub(crate) use null_if::NullIf;
pub(crate) use parts::Parts;
pub(crate) use selection::{Selective, narrowed};
