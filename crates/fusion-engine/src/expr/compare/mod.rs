//! Equality and order as PostgreSQL's operators decide them, and the expressions that rest
//! on them.
//!
//! [`operator`] has the kernels of the six comparisons; `native`, `float`, `decimal` and
//! `numeric` are the ways to compare. [`key`] turns values into such that bytes decide. The
//! others are expressions of their own, because NULLs do not make them NULL, or because
//! they decide which rows an argument sees.

mod boolean_test;
mod decimal;
mod distinct;
mod float;
mod key;
mod min_max;
mod native;
mod numeric;
mod operator;
mod row_compare;

pub(crate) use boolean_test::BooleanTest;
pub(crate) use distinct::Distinct;
pub(crate) use key::{Key, KeyForm, key_form, keys, order_keys};
pub(crate) use min_max::MinMax;
pub(crate) use operator::kernel;
pub(crate) use row_compare::RowCompare;
