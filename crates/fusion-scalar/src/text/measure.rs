//! What a string measures: its length, its first character, whether it starts with
//! another.

use super::character;
use super::limit;
use super::slice::{substring, true_length};
use fusion_plan::{PgError, SqlState};

/// `textlen`: characters.
///
/// # Errors
///
/// If the last one breaks off.
pub fn length(value: &[u8]) -> Result<i32, PgError> {
    character::count(value).map(|count| count as i32)
}

/// `bpcharlen`: characters without the trailing blanks.
///
/// # Errors
///
/// If the last one breaks off.
pub fn bpchar_length(value: &[u8]) -> Result<i32, PgError> {
    length(value.get(true_length(value)).unwrap_or(value))
}

/// `textoctetlen`, `bpcharoctetlen`, `byteaoctetlen`: bytes, blanks included.
pub fn octet_length(value: &[u8]) -> i32 {
    value.len() as i32
}

/// `ascii`: the code point of the first character, zero if there is none. Overlong forms,
/// surrogates and code points that do not exist are taken for what they would be.
///
/// # Errors
///
/// If the bytes of the first character are not those that its first byte asks for. (Up to
/// PostgreSQL 15.18 they are not looked at, nor is the end of the value.)
pub fn ascii(value: &[u8]) -> Result<i32, PgError> {
    let invalid = || {
        let message = "invalid byte sequence for encoding \"UTF8\"";
        PgError::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, message)
    };
    let Some((first, rest)) = value.split_first() else {
        return Ok(0);
    };
    let (bits, others) = match first {
        0..0x80 => return Ok(i32::from(*first)),
        0xf0.. => (first & 0x07, 3),
        0xe0.. => (first & 0x0f, 2),
        0xc1.. => (first & 0x1f, 1),
        _ => return Err(invalid()),
    };
    let others = rest.get(..others).ok_or_else(invalid)?;
    others.iter().try_fold(i32::from(bits), |code, byte| match byte & 0xc0 {
        0x80 => Ok((code << 6) + i32::from(byte & 0x3f)),
        _ => Err(invalid()),
    })
}

/// `text_starts_with`: by byte, as under every deterministic collation. As many characters
/// as `prefix` has bytes, and those of a length word, are looked at.
///
/// # Errors
///
/// If one of these characters breaks off.
pub fn starts_with(value: &[u8], prefix: &[u8]) -> Result<bool, PgError> {
    if prefix.len() > value.len() {
        return Ok(false);
    }
    let count = (prefix.len() + limit::HEADER) as i32;
    let start = substring(value, 1, Some(count))?;
    Ok(value.get(start).unwrap_or_default().starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_in_characters_and_bytes() {
        let length = |text: &str| length(text.as_bytes()).unwrap();
        assert_eq!((length(""), length("日本語"), length("a\u{301}")), (0, 3, 2));
        assert_eq!(bpchar_length("été  ".as_bytes()), Ok(3));
        assert_eq!(bpchar_length(b"   "), Ok(0));
        // Without its blank, the character breaks off.
        assert!(bpchar_length(b"\xc3 ").is_err());
        assert_eq!((octet_length("été  ".as_bytes()), octet_length(b"")), (7, 0));
    }

    #[test]
    fn code_points() {
        let ascii_of = |text: &str| ascii(text.as_bytes()).unwrap();
        assert_eq!(
            (ascii_of(""), ascii_of("az"), ascii_of("é"), ascii_of("日"), ascii_of("😀")),
            (0, 97, 233, 26085, 128_512)
        );
        assert_eq!((ascii(b"\xed\xa0\x80"), ascii(b"\xf8\x80\x80\x80a")), (Ok(0xd800), Ok(0)));
        for invalid in [&b"\x80a"[..], b"\xc0\x80", b"\xc3", b"\xc3a", b"\xe6\x97", b"\xff"] {
            let error = ascii(invalid).unwrap_err();
            assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\"");
        }
    }

    #[test]
    fn prefixes() {
        let starts =
            |value: &str, prefix: &str| starts_with(value.as_bytes(), prefix.as_bytes()).unwrap();
        assert!(starts("été", "ét") && starts("a", "") && starts("", ""));
        assert!(!starts("a", "ab") && !starts("ab", "b"));
        assert!(starts_with(b"abcd\xc3", b"a").is_err());
        assert_eq!(
            (starts_with(b"abcde\xc3", b"a"), starts_with(b"\xc3", b"ab")),
            (Ok(true), Ok(false))
        );
    }
}
