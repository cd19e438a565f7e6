//! Scalar expressions with PostgreSQL's exact semantics.
//!
//! A [`Call`] evaluates its arguments for a batch and hands them to a row kernel, one per
//! function and argument types, which `dispatch` finds.
//!
//! | module | what it is |
//! |---|---|
//! | `kernel` | what a row kernel is |
//! | `value` | what PostgreSQL does with single values: floats, decimals, numbers of any form |
//! | `arithmetic`, `convert`, `datetime`, `text` | kernels |
//! | `compare` | kernels and expressions that compare, and keys |
//! | `selective` | AND, OR, CASE, COALESCE, NULLIF: they decide which rows an argument sees |
//! | `dispatch` | from a function and its types to its kernel |
//! | `call`, `interrupt` | expressions that call a kernel, and that end with their session |
//! | `expression` | what the shells of all expressions have in common |

mod arithmetic;
mod call;
mod compare;
mod convert;
mod datetime;
mod dispatch;
mod expression;
mod interrupt;
mod kernel;
mod selective;
mod text;
mod value;

pub(crate) use call::Call;
pub(crate) use compare::{
    BooleanTest, Distinct, Key, KeyForm, MinMax, RowCompare, key_form, keys, order_keys,
};
pub(crate) use interrupt::Interruptible;
pub(crate) use selective::{AndOr, AndOrKind, Case, Coalesce, NullIf};
pub(crate) use value::decimal::{Unscaled, is_128, scale, widen};
pub(crate) use value::float::{Float, checked};
