//! From one type to another.

pub(super) mod cast;
pub(super) mod numeric;
pub(super) mod typmod;
pub(super) mod widen;
