//! What the unit tests of this folder share.

use super::{Number, numeric_in, numeric_out};
use fusion_plan::PgError;
use proptest::prelude::*;

/// The stored bytes of a number given as text.
pub(super) fn stored(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    numeric_in(text.as_bytes(), None, &mut out).unwrap();
    out
}

/// What a function wrote, as text.
pub(super) fn apply(function: impl FnOnce(&mut Vec<u8>) -> Result<(), PgError>) -> String {
    let mut out = Vec::new();
    function(&mut out).unwrap();
    let mut text = String::new();
    numeric_out(Number::parse(&out), &mut text);
    text
}

/// An operation on two numbers.
pub(super) type Binary = fn(Number<'_>, Number<'_>, &mut Vec<u8>) -> Result<(), PgError>;

/// What `operation` gives for two numbers, all as text.
pub(super) fn binary(operation: Binary, a: &str, b: &str) -> String {
    apply(|out| operation(Number::parse(&stored(a)), Number::parse(&stored(b)), out))
}

/// Numbers of all kinds as text, many of them equal or close.
pub(super) fn text() -> impl Strategy<Value = String> {
    let whole = prop_oneof!["[0-9]{1,3}", "[09]{1,6}", "[0-9]{1,60}"];
    let fraction = prop_oneof![Just(String::new()), "\\.[05]{1,6}", "\\.[0-9]{1,50}"];
    let exponent = prop_oneof![4 => Just(String::new()), 1 => "e-?[0-9]{1,2}"];
    let finite = ("-?", whole, fraction, exponent)
        .prop_map(|(sign, whole, fraction, exponent)| sign + &whole + &fraction + &exponent);
    let special = prop_oneof![Just("NaN"), Just("Infinity"), Just("-Infinity")];
    prop_oneof![20 => finite, 1 => special.prop_map(str::to_owned)]
}
