//! Aggregates with PostgreSQL's exact semantics.
//!
//! Each aggregate is a [`GroupsAccumulator`](datafusion_expr::GroupsAccumulator), which keeps
//! the state of all groups in vectors; an aggregate without groups is the same code with one
//! group. States are complete: merging the states of two parts of the input gives what one
//! pass over both would have given. Sums of floats in the order of rows are the exception:
//! what is below them runs in a single partition, and merging them is refused. In any order
//! they are exact. Where the order of rows chooses among equal values, the state has the
//! number of the row.
//!
//! Files are named after aggregates; `state` has the ways to keep the states of groups that
//! several of them share, `accumulator` finds the one for a function, and `function` is what
//! DataFusion sees of it.

mod accumulator;
mod any_value;
mod average;
mod bool_and_or;
mod count;
mod distinct;
mod float_average_in_order;
mod float_sum;
mod float_sum_in_order;
mod function;
mod interval_sum;
mod min_max;
mod numeric_sum;
mod state;
mod sum;

pub(crate) use function::{Computation, PgAggregate};
