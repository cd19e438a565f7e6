//! Strings as `varlena.c`, `oracle_compat.c` and `like.c` treat them, in a UTF-8
//! database, and the text forms of booleans, integers, floats, OIDs and UUIDs.
//!
//! | module | what it is |
//! |---|---|
//! | `character` | what a character is, in text that need not be valid |
//! | [`measure`] | lengths, code points, prefixes |
//! | [`slice`] | functions that give a part of a string, as a range of its bytes |
//! | [`search`] | occurrences of one string in another: `position`, `replace`, `split_part` |
//! | [`build`] | functions that write a new string |
//! | [`bytes`] | `bytea` |
//! | [`like`] | LIKE and ILIKE |
//! | [`length`] | `varchar(n)`, `char(n)` and `name`: what fits into a type |
//! | [`integer`] | integers from and to text, and to narrower integers |
//! | [`boolean`], [`oid`], [`uuid`] | these types from and to text |
//! | [`float_in`], [`float_out`] | floats from and to text |
//! | [`float`] | rounding of floats, and floats to integers |
//!
//! A function that gives a part of its argument returns a range of bytes, so that
//! the caller need not copy them; one that makes a new string appends it to a
//! buffer of the caller's. PostgreSQL's limits of a value's size are checked before
//! anything is written.

pub mod boolean;
pub mod build;
pub mod bytes;
mod character;
pub mod float;
pub mod float_in;
pub mod float_out;
pub mod integer;
pub mod length;
pub mod like;
mod limit;
pub mod measure;
pub mod oid;
pub mod search;
pub mod slice;
pub mod uuid;

pub use character::c_string;
use fusion_plan::{PgError, SqlState, from_server};

/// The bytes for which `isspace` is true in PostgreSQL's locales of UTF-8.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// `invalid input syntax for type integer: "x"`, as the input functions word it.
fn invalid_input(type_name: &str, input: &[u8]) -> PgError {
    PgError::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {type_name}: \"{}\"", from_server(input)),
    )
}

/// `value "1" is out of range for type integer`, as the input functions of integers
/// word it.
fn input_out_of_range(type_name: &str, input: &[u8]) -> PgError {
    PgError::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{}\" is out of range for type {type_name}", from_server(input)),
    )
}
