//! The planner side: watches PostgreSQL's planner through its hooks, keeps the
//! best fusion plan of each relation set, and offers it as a path.
//!
//! ```text
//! hooks       set_rel_pathlist ──▶ leaf/           a leaf fragment per base relation
//!             set_join_pathlist ─▶ join            a join fragment from two fragments
//!             create_upper_paths ▶ upper, group    aggregate, sort and limit fragments
//!                                    │  order/     is their order that of PostgreSQL?
//!                                    ▼
//!                                  offer           a CustomPath for a fragment, if cheap enough
//!                                    │  PostgreSQL chooses
//!                                    ▼
//!                                  plan, build     the CustomScan: fusion plan, feeds, tuple
//!
//! translate/  expressions, for all of them
//! report/     why something stays in PostgreSQL
//! ```
//!
//! Fragments live in [`state`] for one planner call.

mod available;
mod build;
mod clause;
pub mod compatibility;
mod cost;
mod cursor;
mod evaluation_order;
mod fragment;
mod group;
mod hooks;
mod inlined;
mod join;
mod join_conditions;
mod leaf;
mod names;
mod offer;
mod order;
mod ours;
mod outputs;
mod placeholder;
mod plan;
mod previous;
mod report;
mod state;
mod stored_form;
mod takes_part;
mod translate;
mod upper;
mod variables;

pub use hooks::install;
pub use report::request as request_report;
pub use translate::types::type_name;
