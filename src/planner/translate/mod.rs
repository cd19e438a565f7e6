//! From PostgreSQL's expressions to the engine's: the one translation there is.
//!
//! ```text
//! expressions     the trees: one translator, all or nothing, with a reason when it refuses
//!   functions     what of PostgreSQL's functions, operators and aggregates is admitted
//!   aggregates    calls of aggregates
//!   compare       two sides brought to one type
//!   numeric       how numeric results are typed
//!   collation     what functions over text ask of their collation
//!   literals      constants
//!   types         which types the engine can hold
//! columns, params, typed   what a translation reads, asks for, and gives
//! ```

pub mod aggregates;
pub mod collation;
pub mod columns;
pub mod compare;
pub mod expressions;
pub mod functions;
mod literals;
mod numeric;
pub mod params;
pub mod typed;
pub mod types;
