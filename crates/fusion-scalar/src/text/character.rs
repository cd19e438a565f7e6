//! Characters, as PostgreSQL finds them in a UTF-8 database.
//!
//! Text is not always valid. PostgreSQL never checks a value that it has: it reads the
//! length of a character from its first byte alone (`pg_utf_mblen` in wchar.c) and
//! raises an error only if that is more than what is left (`pg_mblen_with_len`,
//! `pg_mblen_range` in mbutils.c). And some functions stop at a zero byte. All that is
//! so here, too; what is common (ASCII, valid text) is found out first.

use fusion_plan::{PgError, SqlState};
use memchr::memchr;
use std::fmt::Write;

/// From this length on, to check text and then to count is quicker than to go from
/// character to character.
const LONG: usize = 24;

/// The most bytes of a character that an error shows: four, because no character is
/// longer.
const MAX_SHOWN: usize = 4;

/// `pg_utf_mblen`: how long a character is that starts with `first`.
pub(super) fn width(first: u8) -> usize {
    match first.leading_ones() {
        ones @ 2..=4 => ones as usize,
        _ => 1,
    }
}

/// `pg_mblen_with_len` and `pg_mblen_range`: how long the character is with which
/// `text`, which is not empty, starts.
///
/// # Errors
///
/// `invalid byte sequence for encoding "UTF8"`, if `text` is shorter.
pub(super) fn first_length(text: &[u8]) -> Result<usize, PgError> {
    let length = text.first().map_or(0, |first| width(*first));
    match length > text.len() {
        true => Err(invalid_sequence(text)),
        false => Ok(length),
    }
}

/// `report_invalid_encoding_db`, about the character that `text` breaks off.
fn invalid_sequence(text: &[u8]) -> PgError {
    let mut message = "invalid byte sequence for encoding \"UTF8\":".to_owned();
    for byte in text.iter().take(MAX_SHOWN) {
        let written = write!(message, " {byte:#04x}");
        debug_assert!(written.is_ok());
    }
    PgError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message)
}

/// The characters of `text`; an error is the last item.
pub(super) fn characters(text: &[u8]) -> impl Iterator<Item = Result<&[u8], PgError>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        match first_length(rest) {
            Ok(length) => {
                let (character, after) = rest.split_at(length);
                rest = after;
                Some(Ok(character))
            }
            Err(error) => {
                rest = &[];
                Some(Err(error))
            }
        }
    })
}

/// Whether each byte is a character, and no zero.
pub(super) fn is_plain(text: &[u8]) -> bool {
    highest(text) < 0x7f
}

/// `text` if it is valid and has no zero byte: then PostgreSQL's characters are
/// Rust's, and none of its checks fails.
pub(super) fn valid(text: &[u8]) -> Option<&str> {
    match highest(text) {
        0xff => None,
        _ => simdutf8::basic::from_utf8(text).ok(),
    }
}

/// The highest of all bytes less one, by which zero becomes the highest of all. Without a
/// branch, which the compiler turns into vector instructions.
fn highest(text: &[u8]) -> u8 {
    text.iter().fold(0, |highest, byte| highest.max(byte.wrapping_sub(1)))
}

/// How far the first `limit` characters of `text` reach, or those before the first
/// zero byte if they are fewer; and how many they are.
///
/// # Errors
///
/// If one of them breaks off.
pub(super) fn advance(text: &[u8], limit: usize) -> Result<(usize, usize), PgError> {
    let head = text.get(..limit).unwrap_or(text);
    if is_plain(head) {
        return Ok((head.len(), head.len()));
    }
    let (mut at, mut count) = (0, 0);
    while count < limit
        && let Some(first) = text.get(at).filter(|first| **first != 0)
    {
        let end = at + width(*first);
        if end > text.len() {
            return Err(invalid_sequence(text.get(at..).unwrap_or_default()));
        }
        at = end;
        count += 1;
    }
    Ok((at, count))
}

/// `pg_mbstrlen_with_len`: the number of characters up to the first zero byte.
///
/// # Errors
///
/// If one of them breaks off.
pub(super) fn count(text: &[u8]) -> Result<usize, PgError> {
    let highest = highest(text);
    if highest < 0x7f {
        return Ok(text.len());
    }
    if highest < 0xff
        && text.len() >= LONG
        && let Ok(text) = simdutf8::basic::from_utf8(text)
    {
        return Ok(text.chars().count());
    }
    advance(text, usize::MAX).map(|(_, count)| count)
}

/// Where the characters of `text` end: at its first zero byte, or its end.
///
/// # Errors
///
/// If one of them breaks off.
pub(super) fn end(text: &[u8]) -> Result<usize, PgError> {
    match is_plain(text) || valid(text).is_some() {
        true => Ok(text.len()),
        false => advance(text, usize::MAX).map(|(end, _)| end),
    }
}

/// `pg_mbcharcliplen`: how far the first `limit` characters reach. The next one, if
/// there is one, is looked at as well.
///
/// # Errors
///
/// If one of them breaks off.
pub(super) fn clip(text: &[u8], limit: usize) -> Result<usize, PgError> {
    let (at, _) = advance(text, limit)?;
    match text.get(at..) {
        None | Some([] | [0, ..]) => {}
        Some(next) => {
            first_length(next)?;
        }
    }
    Ok(at)
}

/// `text` up to its first zero byte: what is left of it as a C string.
pub fn c_string(text: &[u8]) -> &[u8] {
    memchr(0, text).and_then(|end| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_byte_says_how_long_a_character_is() {
        let parts: Result<Vec<_>, _> = characters(b"a\xc3(\xffb\xf0abc\x80").collect();
        assert_eq!(parts.unwrap(), [&b"a"[..], b"\xc3(", b"\xff", b"b", b"\xf0abc", b"\x80"]);
    }

    #[test]
    fn what_breaks_off_is_an_error() {
        for (text, shown) in [
            (&b"a\xc3"[..], "0xc3"),
            (b"\xe6\x97", "0xe6 0x97"),
            (b"\xf0\x9f\x98", "0xf0 0x9f 0x98"),
        ] {
            let error = count(text).unwrap_err();
            assert_eq!(
                error.message,
                format!("invalid byte sequence for encoding \"UTF8\": {shown}")
            );
            assert_eq!(error.sqlstate.as_str(), "22021");
        }
    }

    #[test]
    fn only_what_is_looked_at_counts() {
        let text = "aé".as_bytes().iter().chain(b"\xe6").copied().collect::<Vec<_>>();
        assert_eq!(advance(&text, 2), Ok((3, 2)));
        assert!(advance(&text, 3).is_err());
        assert_eq!(clip(&text, 1), Ok(1));
        assert!(clip(&text, 2).is_err());
    }

    #[test]
    fn a_zero_byte_ends_text() {
        assert_eq!((count(b"ab\0\xc3"), clip(b"ab\0cd", 4), count(b"\0")), (Ok(2), Ok(2), Ok(0)));
        assert_eq!((c_string(b"ab\0cd"), c_string(b"ab")), (&b"ab"[..], &b"ab"[..]));
        // Unless a character covers it.
        assert_eq!(count(b"\xe6\0\0a"), Ok(2));
    }

    proptest! {
        #[test]
        fn valid_text_has_the_characters_of_rust(text in "[ab é日😀]{0,40}", limit in 0..50_usize) {
            let expected = text.char_indices().nth(limit).map_or(text.len(), |(at, _)| at);
            prop_assert_eq!(count(text.as_bytes()), Ok(text.chars().count()));
            prop_assert_eq!(clip(text.as_bytes(), limit), Ok(expected));
        }

        #[test]
        fn short_cuts_change_nothing(text in proptest::collection::vec(0..=255_u8, 0..40)) {
            let mut counted = 0;
            let mut rest = text.as_slice();
            let walked = loop {
                match rest {
                    [] | [0, ..] => break Ok(counted),
                    rest_of => match first_length(rest_of) {
                        Ok(length) => rest = &rest[length..],
                        Err(error) => break Err(error),
                    },
                }
                counted += 1;
            };
            prop_assert_eq!(count(&text), walked);
        }
    }
}
