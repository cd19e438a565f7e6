//! Arithmetic on numbers, overflow and all. `numeric` has two forms: of fixed scale, as
//! unscaled integers ([`decimal`], [`decimal_rounding`]), and of variable scale, as
//! PostgreSQL stores it ([`numeric`]).

pub(super) mod decimal;
pub(super) mod decimal_rounding;
pub(super) mod float;
pub(super) mod integer;
pub(super) mod numeric;
