//! Functions that make a new string, which they append to a buffer.

use super::character::{self, advance, characters, first_length};
use super::{limit, slice};
use fusion_plan::{PgError, SqlState};
use md5::{Digest, Md5};
use std::fmt::Write;

/// The most bytes a character can have, by which PostgreSQL reckons the worst case.
const MAX_CHARACTER: usize = 4;

/// `textcat` and `byteacat`.
///
/// # Errors
///
/// If the result is larger than a value can be.
pub fn concatenate(left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    limit::allocate(left.len() + right.len())?;
    out.extend_from_slice(left);
    out.extend_from_slice(right);
    Ok(())
}

/// One more part of what `concat` puts together in `out`.
///
/// # Errors
///
/// If the result is larger than PostgreSQL's string buffers become.
pub fn append(part: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    limit::enlarge(out.len(), part.len())?;
    out.extend_from_slice(part);
    Ok(())
}

/// `text_overlay`: `value` with `with` in place of `count` characters from character
/// `start` on, counted from one. Without a count it is as many as `with` has. A
/// negative count repeats a part of `value`.
///
/// # Errors
///
/// If `start` is not positive, the two sum up to more than an integer, the result
/// is larger than a value can be, or a string breaks off within a character.
pub fn overlay(
    value: &[u8],
    with: &[u8],
    start: i32,
    count: Option<i32>,
    out: &mut Vec<u8>,
) -> Result<(), PgError> {
    let count = match count {
        Some(count) => count,
        None => character::count(with)? as i32,
    };
    if start <= 0 {
        return Err(slice::negative_length());
    }
    let resume = start.checked_add(count).ok_or_else(|| PgError::out_of_range("integer"))?;
    let before = slice::substring(value, 1, Some(start - 1))?;
    let after = slice::substring(value, resume, None)?;
    limit::allocate(before.len() + with.len())?;
    limit::allocate(before.len() + with.len() + after.len())?;
    out.extend_from_slice(value.get(before).unwrap_or_default());
    out.extend_from_slice(with);
    out.extend_from_slice(value.get(after).unwrap_or_default());
    Ok(())
}

/// `repeat`: nothing if `count` is not positive.
///
/// # Errors
///
/// If the result is larger than a value can be.
pub fn repeat(value: &[u8], count: i32, out: &mut Vec<u8>) -> Result<(), PgError> {
    let count = usize::try_from(count).unwrap_or(0);
    limit::request(count, value.len())?;
    if !value.is_empty() {
        out.reserve(count * value.len());
        (0..count).for_each(|_| out.extend_from_slice(value));
    }
    Ok(())
}

/// `lpad`: `value` in `target` characters, with `fill` repeated before it, or cut at
/// its end. An empty `fill` pads nothing.
///
/// # Errors
///
/// If the result could be larger than a value can be, or a string breaks off within
/// a character.
pub fn lpad(value: &[u8], target: i32, fill: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    let padding = Padding::new(value, target, fill)?;
    padding.fill(fill, out)?;
    out.extend_from_slice(padding.kept);
    Ok(())
}

/// `rpad`: as [`lpad`], with `fill` after the string.
///
/// # Errors
///
/// As for [`lpad`].
pub fn rpad(value: &[u8], target: i32, fill: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    let padding = Padding::new(value, target, fill)?;
    out.extend_from_slice(padding.kept);
    padding.fill(fill, out)
}

/// What `lpad` and `rpad` put together.
struct Padding<'v> {
    /// What is kept of the string.
    kept: &'v [u8],
    /// How many characters are to be filled.
    missing: usize,
}

impl<'v> Padding<'v> {
    fn new(value: &'v [u8], target: i32, fill: &[u8]) -> Result<Self, PgError> {
        let target = usize::try_from(target).unwrap_or(0);
        let own = character::count(value)?;
        let missing = if fill.is_empty() { 0 } else { target.saturating_sub(own) };
        limit::request(own.min(target) + missing, MAX_CHARACTER)?;
        let (end, _) = advance(value, target)?;
        Ok(Self { kept: value.get(..end).unwrap_or(value), missing })
    }

    /// Appends what is missing; only characters that are taken are looked at.
    fn fill(&self, fill: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
        if let [only] = fill
            && only.is_ascii()
        {
            out.resize(out.len() + self.missing, *only);
            return Ok(());
        }
        let mut rest = fill;
        for _ in 0..self.missing {
            let (next, after) = rest.split_at(first_length(rest)?);
            out.extend_from_slice(next);
            rest = if after.is_empty() { fill } else { after };
        }
        Ok(())
    }
}

/// `text_reverse`, by character.
///
/// # Errors
///
/// If the last character breaks off.
pub fn reverse(value: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    limit::allocate(value.len())?;
    if value.is_ascii() {
        out.extend(value.iter().rev());
        return Ok(());
    }
    let start = out.len();
    if simdutf8::basic::from_utf8(value).is_ok() {
        out.extend(value.iter().rev());
        // Each character ends with its first byte now, and is turned round once more.
        let mut rest = out.get_mut(start..).unwrap_or_default();
        while let Some(first) = rest.iter().position(|byte| *byte >= 0xc0) {
            let (done, after) = rest.split_at_mut(first + 1);
            let length = character::width(*done.last().unwrap_or(&0));
            if let Some(character) = done.get_mut(first + 1 - length..) {
                character.reverse();
            }
            rest = after;
        }
        return Ok(());
    }
    out.resize(start + value.len(), 0);
    let mut end = out.len();
    for next in characters(value) {
        let next = next?;
        let place = end - next.len()..end;
        end = place.start;
        if let Some(place) = out.get_mut(place) {
            place.copy_from_slice(next);
        }
    }
    Ok(())
}

/// `translate`: each character that occurs in `from` becomes the one at the same
/// place in `to`, or nothing if `to` is too short. The first occurrence counts.
///
/// # Errors
///
/// If the result could be larger than a value can be, or a string breaks off within
/// a character that is looked at.
pub fn translate(value: &[u8], from: &[u8], to: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    if value.is_empty() {
        return Ok(());
    }
    limit::request(value.len(), MAX_CHARACTER)?;
    let valid = (simdutf8::basic::from_utf8(value), str::from_utf8(from), str::from_utf8(to));
    if let (Ok(value), Ok(from), Ok(to)) = valid {
        let mut bytes = [0; MAX_CHARACTER];
        for next in value.chars() {
            let next = match from.chars().position(|candidate| candidate == next) {
                Some(index) => to.chars().nth(index),
                None => Some(next),
            };
            match next {
                Some(next) if next.is_ascii() => out.push(next as u8),
                Some(next) => out.extend_from_slice(next.encode_utf8(&mut bytes).as_bytes()),
                None => {}
            }
        }
        return Ok(());
    }
    for next in characters(value) {
        let next = next?;
        match place(next, from)? {
            Some(index) => out.extend_from_slice(nth(index, to)?.unwrap_or_default()),
            None => out.extend_from_slice(next),
        }
    }
    Ok(())
}

/// The place of the character `wanted` in `set`.
fn place(wanted: &[u8], set: &[u8]) -> Result<Option<usize>, PgError> {
    for (index, candidate) in characters(set).enumerate() {
        if candidate? == wanted {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

/// Character number `index` of `set`, counted from zero.
fn nth(index: usize, set: &[u8]) -> Result<Option<&[u8]>, PgError> {
    let mut characters = characters(set);
    for _ in 0..index {
        if characters.next().transpose()?.is_none() {
            return Ok(None);
        }
    }
    characters.next().transpose()
}

/// `chr`: the character with code point `code`.
///
/// # Errors
///
/// If there is no such character, or it is the one that text cannot hold.
pub fn chr(code: i32, out: &mut Vec<u8>) -> Result<(), PgError> {
    let limit = |message: String| PgError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message);
    let code = u32::try_from(code).map_err(|_| {
        PgError::new(SqlState::INVALID_PARAMETER_VALUE, "character number must be positive")
    })?;
    match (code, char::from_u32(code)) {
        (0, _) => Err(limit("null character not permitted".into())),
        (_, Some(character)) => {
            out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(())
        }
        (..=0x10_ffff, None) => {
            Err(limit(format!("requested character not valid for encoding: {code}")))
        }
        _ => Err(limit(format!("requested character too large for encoding: {code}"))),
    }
}

/// `to_hex32`.
pub fn to_hex32(value: i32, out: &mut String) {
    write(out, format_args!("{value:x}"));
}

/// `to_hex64`.
pub fn to_hex64(value: i64, out: &mut String) {
    write(out, format_args!("{value:x}"));
}

/// Appends to a string, which cannot fail.
pub(super) fn write(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok());
}

/// `lower` under the collations C and POSIX, which know ASCII only (`asc_tolower` in
/// formatting.c). As that of the other cases, the result ends at a zero byte.
pub fn lower_c(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(character::c_string(value));
    out[start..].make_ascii_lowercase();
}

/// `upper` under the collations C and POSIX, which know ASCII only.
pub fn upper_c(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(character::c_string(value));
    out[start..].make_ascii_uppercase();
}

/// `initcap` under the collations C and POSIX: a word is a run of ASCII letters and
/// digits.
pub fn initcap_c(value: &[u8], out: &mut Vec<u8>) {
    let mut in_word = false;
    out.extend(character::c_string(value).iter().map(|byte| {
        let cased = if in_word { byte.to_ascii_lowercase() } else { byte.to_ascii_uppercase() };
        in_word = byte.is_ascii_alphanumeric();
        cased
    }));
}

/// `quote_literal`: in quotes, with quotes and backslashes doubled, and marked with
/// `E` if there are backslashes.
///
/// # Errors
///
/// If the result could be larger than a value can be.
pub fn quote_literal(value: &[u8], out: &mut Vec<u8>) -> Result<(), PgError> {
    limit::allocate(value.len() * 2 + 3)?;
    if value.contains(&b'\\') {
        out.push(b'E');
    }
    out.push(b'\'');
    for byte in value {
        if matches!(byte, b'\'' | b'\\') {
            out.push(*byte);
        }
        out.push(*byte);
    }
    out.push(b'\'');
    Ok(())
}

/// `md5`, in hexadecimal digits.
pub fn md5(value: &[u8], out: &mut String) {
    for byte in Md5::digest(value) {
        write(out, format_args!("{byte:02x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What `build` appends.
    fn bytes(build: impl FnOnce(&mut Vec<u8>) -> Result<(), PgError>) -> Result<Vec<u8>, PgError> {
        let mut out = b"before:".to_vec();
        build(&mut out)?;
        Ok(out.strip_prefix(b"before:").unwrap().to_vec())
    }

    fn built(build: impl FnOnce(&mut Vec<u8>) -> Result<(), PgError>) -> Result<String, PgError> {
        bytes(build).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    fn text(build: impl FnOnce(&mut Vec<u8>) -> Result<(), PgError>) -> String {
        built(build).unwrap()
    }

    #[test]
    fn overlays() {
        let overlaid = |value: &str, with: &str, start, count| {
            built(|out| overlay(value.as_bytes(), with.as_bytes(), start, count, out))
        };
        assert_eq!(overlaid("Txxxxas", "hom", 2, Some(4)).unwrap(), "Thomas");
        assert_eq!(overlaid("Txxxxas", "hom", 2, None).unwrap(), "Thomxas");
        assert_eq!(overlaid("日本語", "é", 2, None).unwrap(), "日é語");
        assert_eq!(overlaid("abc", "X", 9, Some(1)).unwrap(), "abcX");
        assert_eq!(overlaid("abcdef", "X", 4, Some(-2)).unwrap(), "abcXbcdef");
        assert_eq!(overlaid("abcdef", "X", 1, Some(i32::MIN)).unwrap(), "Xabcdef");
        assert_eq!(overlaid("abc", "X", 0, None).unwrap_err().sqlstate.as_str(), "22011");
        let error = overlaid("abc", "X", i32::MAX, Some(1)).unwrap_err();
        assert_eq!(error, PgError::out_of_range("integer"));
    }

    #[test]
    fn padding() {
        let left = |value: &str, target, fill: &str| {
            text(|out| lpad(value.as_bytes(), target, fill.as_bytes(), out))
        };
        let right = |value: &str, target, fill: &str| {
            text(|out| rpad(value.as_bytes(), target, fill.as_bytes(), out))
        };
        assert_eq!((left("hi", 5, "xy"), right("hi", 5, "xy")), ("xyxhi".into(), "hixyx".into()));
        assert_eq!(
            (left("hi", 5, "é"), right("hi", 6, "日本語")),
            ("éééhi".into(), "hi日本語日".into())
        );
        assert_eq!((left("hé日", 2, "x"), right("hé日", 2, "x")), ("hé".into(), "hé".into()));
        assert_eq!((left("hi", 5, ""), right("hi", 1, "")), ("hi".into(), "h".into()));
        assert_eq!((left("hi", -1, "x"), right("", 0, "x")), ("".into(), "".into()));
        let error = built(|out| lpad(b"a", 268_435_455, b"x", out)).unwrap_err();
        assert_eq!(error.message, "requested length too large");
        assert_eq!(error.sqlstate.as_str(), "54000");
        assert_eq!(left("hi", i32::MAX, ""), "hi");
    }

    #[test]
    fn repeating() {
        assert_eq!(text(|out| repeat(b"ab", 3, out)), "ababab");
        assert_eq!(text(|out| repeat(b"ab", -3, out)), "");
        assert_eq!(text(|out| repeat(b"", i32::MAX, out)), "");
        assert!(built(|out| repeat(b"ab", 536_870_910, out)).is_err());
    }

    #[test]
    fn characters() {
        assert_eq!(text(|out| reverse("aé日😀".as_bytes(), out)), "😀日éa");
        let translated = |value: &str, from: &str, to: &str| {
            text(|out| translate(value.as_bytes(), from.as_bytes(), to.as_bytes(), out))
        };
        assert_eq!(translated("12345", "143", "ax"), "a2x5");
        assert_eq!(translated("été", "éé", "ex"), "ete");
        assert_eq!(translated("", "a", "b"), "");
        assert_eq!(text(|out| chr(0x1f600, out)), "😀");
        for (code, message) in [
            (0, "null character not permitted"),
            (-1, "character number must be positive"),
            (0xd800, "requested character not valid for encoding: 55296"),
            (0x11_0000, "requested character too large for encoding: 1114112"),
        ] {
            assert_eq!(built(|out| chr(code, out)).unwrap_err().message, message);
        }
    }

    #[test]
    fn hexadecimal() {
        let hex = |value| {
            let mut out = String::new();
            to_hex32(value, &mut out);
            out
        };
        assert_eq!((hex(0), hex(255), hex(-1)), ("0".into(), "ff".into(), "ffffffff".into()));
        let mut out = String::new();
        to_hex64(i64::MIN, &mut out);
        assert_eq!(out, "8000000000000000");
    }

    #[test]
    fn case_knows_ascii_only() {
        let cased = |case: fn(&[u8], &mut Vec<u8>), value: &str| {
            let mut out = b"Before ".to_vec();
            case(value.as_bytes(), &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(cased(lower_c, "ÀB"), "Before Àb");
        assert_eq!(cased(upper_c, "éb"), "Before éB");
        assert_eq!(cased(initcap_c, "hi THOMAS1a éab-cD"), "Before Hi Thomas1a éAb-Cd");
    }

    #[test]
    fn quoting_and_hashing() {
        assert_eq!(text(|out| quote_literal(b"a'b", out)), "'a''b'");
        assert_eq!(text(|out| quote_literal(b"a\\b'", out)), "E'a\\\\b'''");
        let mut out = String::new();
        md5(b"", &mut out);
        assert_eq!(out, "d41d8cd98f00b204e9800998ecf8427e");
    }

    proptest! {
        #[test]
        fn short_cuts_change_nothing(value in "[abé日😀]{0,12}", set in "[aé日]{0,3}") {
            let reversed = text(|out| reverse(value.as_bytes(), out));
            prop_assert_eq!(reversed, value.chars().rev().collect::<String>());
            // An invalid byte takes the other way.
            let broken = [value.as_bytes(), b"\xff"].concat();
            let longer = bytes(|out| reverse(&broken, out)).unwrap();
            prop_assert_eq!(&longer[1..], bytes(|out| reverse(value.as_bytes(), out)).unwrap());
            let with = |value: &[u8]| bytes(|out| translate(value, set.as_bytes(), b"xy", out)).unwrap();
            prop_assert_eq!(with(&broken), [with(value.as_bytes()), b"\xff".to_vec()].concat());
        }
    }

    #[test]
    fn what_breaks_off_is_an_error_where_it_is_looked_at() {
        assert_eq!(bytes(|out| reverse(b"a\xc3\xa9\xff", out)).unwrap(), b"\xff\xc3\xa9a");
        assert!(bytes(|out| reverse(b"a\xc3", out)).is_err());
        assert_eq!(bytes(|out| lpad(b"a", 2, b"x\xc3", out)).unwrap(), b"xa");
        assert!(bytes(|out| rpad(b"a", 3, b"x\xc3", out)).is_err());
        assert!(bytes(|out| lpad(b"a\xc3", 0, b"x", out)).is_err());
        assert_eq!(bytes(|out| lpad(b"a\0b", 2, b"x", out)).unwrap(), b"xa");
        let error = bytes(|out| translate(b"ab", b"a\xc3", b"x", out)).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "22021");
        assert_eq!(bytes(|out| translate(b"aa", b"a\xc3", b"x\xe6", out)).unwrap(), b"xx");
        assert_eq!(bytes(|out| overlay(b"ab\xff", b"\x80", 2, None, out)).unwrap(), b"a\x80\xff");
        let error = bytes(|out| overlay(b"abc", b"\xc3", 0, None, out)).unwrap_err();
        assert_eq!(error.message, "invalid byte sequence for encoding \"UTF8\": 0xc3");
    }

    #[test]
    fn bytes_of_no_character_pass() {
        assert_eq!(bytes(|out| quote_literal(b"\xff'", out)).unwrap(), b"'\xff'''");
        let mut out = Vec::new();
        initcap_c(b"\xffab \xc3cd\0ef", &mut out);
        assert_eq!(out, b"\xffAb \xc3Cd");
    }
}
