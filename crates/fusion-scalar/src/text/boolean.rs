//! `bool` from and to text.

use super::integer::SkipSpace;
use super::{invalid_input, is_space};
use fusion_plan::PgError;

/// `boolin`: true, false, yes, no, on, off, 1, 0 and their unique prefixes in any
/// case, with white space around them.
///
/// # Errors
///
/// `invalid input syntax for type boolean`.
pub fn parse(input: &[u8]) -> Result<bool, PgError> {
    let mut text = input.trim_ascii_start_like_c();
    while let [before @ .., last] = text
        && is_space(*last)
    {
        text = before;
    }
    let is_prefix_of = |word: &str, shortest: usize| {
        let word = word.as_bytes();
        text.len() >= shortest
            && word.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    if text == b"1" || is_prefix_of("true", 1) || is_prefix_of("yes", 1) || is_prefix_of("on", 2) {
        Ok(true)
    } else if text == b"0"
        || is_prefix_of("false", 1)
        || is_prefix_of("no", 1)
        || is_prefix_of("off", 2)
    {
        Ok(false)
    } else {
        Err(invalid_input("boolean", input))
    }
}

/// `booltext`, the cast to text. (`boolout`, what a client sees, is [`letter`].)
pub fn word(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// `boolout`.
pub fn letter(value: bool) -> &'static str {
    if value { "t" } else { "f" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(input: &str) -> Result<bool, PgError> {
        super::parse(input.as_bytes())
    }

    #[test]
    fn words_and_their_prefixes() {
        for input in ["t", "TRUE", "tru", "y", "Yes", "on", "ON", "1", " \t1\r\n"] {
            assert_eq!(parse(input), Ok(true), "{input}");
        }
        for input in ["f", "FALSE", "n", "no", "of", "off", "0", "  f "] {
            assert_eq!(parse(input), Ok(false), "{input}");
        }
        for input in ["", "  ", "o", "truex", "yess", "offf", "10", "00", "t f", "\u{a0}t", "é"] {
            let error = parse(input).unwrap_err();
            assert_eq!(
                error.message,
                format!("invalid input syntax for type boolean: \"{input}\"")
            );
        }
    }

    #[test]
    fn two_ways_to_text() {
        assert_eq!(
            (word(true), word(false), letter(true), letter(false)),
            ("true", "false", "t", "f")
        );
    }
}
