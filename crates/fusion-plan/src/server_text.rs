//! Text of PostgreSQL's, carried in a `String`.
//!
//! What PostgreSQL holds as text is bytes in the database's encoding, and even in a
//! UTF-8 database not all of it is valid. Where we put it together with words of our
//! own (messages, lines of EXPLAIN), it must come out byte for byte as it went in. So
//! bytes that are no UTF-8 travel as characters of their own, the last 128 code points,
//! one for each byte from 128 on; and where a text has one of these characters, its four
//! bytes travel like that, too. So [`to_server`] undoes [`from_server`] for all bytes.

use std::borrow::Cow;

/// The character that carries byte 0.
const BASE: u32 = 0x10_ff00;
/// The first of the characters that carry bytes: that of byte 128.
const FIRST: char = '\u{10ff80}';

/// `bytes`, which PostgreSQL holds as text, in a form that can be put together with
/// other strings. Valid UTF-8 reads as it is.
pub fn from_server(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes)
        && !text.contains(is_carrier)
    {
        return Cow::Borrowed(text);
    }
    let mut carried = String::with_capacity(bytes.len() * 2);
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_carrier(character) {
                carry(character.encode_utf8(&mut [0; 4]).as_bytes(), &mut carried);
            } else {
                carried.push(character);
            }
        }
        carry(chunk.invalid(), &mut carried);
    }
    Cow::Owned(carried)
}

/// The bytes to hand to PostgreSQL for `text`, parts of which came from
/// [`from_server`].
pub fn to_server(text: &str) -> Cow<'_, [u8]> {
    if !text.contains(is_carrier) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        if is_carrier(character) {
            bytes.push((u32::from(character) - BASE) as u8);
        } else {
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Cow::Owned(bytes)
}

/// Whether the character stands for a byte.
fn is_carrier(character: char) -> bool {
    character >= FIRST
}

/// Appends the characters for `bytes`, all of them from 128 on.
fn carry(bytes: &[u8], carried: &mut String) {
    carried.extend(bytes.iter().filter_map(|byte| char::from_u32(BASE + u32::from(*byte))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn valid_text_reads_as_it_is() {
        assert!(matches!(from_server("été 😀".as_bytes()), Cow::Borrowed("été 😀")));
        assert!(matches!(to_server("été"), Cow::Borrowed(_)));
    }

    #[test]
    fn other_bytes_keep_their_place() {
        for bytes in [&b"caf\xe9"[..], b"\xff", b"\xc3(\xa9", b"\xed\xa0\x80", b"a\xf0\x90\x80"] {
            let text = format!("unknown name: \"{}\"", from_server(bytes));
            let expected = [b"unknown name: \"", bytes, b"\""].concat();
            assert_eq!(to_server(&text), expected.as_slice());
        }
    }

    proptest! {
        #[test]
        fn every_byte_comes_back(
            parts in proptest::collection::vec(
                prop_oneof![
                    any::<[u8; 1]>().prop_map(|byte| byte.to_vec()),
                    Just("\u{10ff80}\u{10ffff}\u{10ff7f}".as_bytes().to_vec()),
                    Just("é".as_bytes().to_vec()),
                ],
                0..12,
            )
        ) {
            let bytes = parts.concat();
            let text = from_server(&bytes);
            prop_assert_eq!(to_server(&text), bytes.as_slice());
        }
    }
}
