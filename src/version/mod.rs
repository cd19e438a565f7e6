//! What differs between PostgreSQL versions, and nothing else.
//!
//! The rest of the extension is written against one set of names, those of
//! PostgreSQL 15 where there is a choice; this folder maps them, by what of
//! PostgreSQL they belong to.

mod collation;
mod executor;
mod explain;
mod heap;
mod planner;

pub use collation::{collation_folds_ascii_only, collation_orders_by_byte};
pub use executor::check_execute;
pub use explain::explain_one_query;
pub use heap::attribute;
pub use planner::{
    F_PG_COLUMN_TOAST_CHUNK_ID, PlannerHook, assign_special_param, inherit_disabled, may_add_path,
    processed_distinct_clause, processed_group_clause, set_operation_inputs,
};
