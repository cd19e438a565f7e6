//! Functions that make a new string, which they append to a buffer.

use super::limit;
use super::measure::{byte_position, length};
use super::slice;
use fusion_plan::{PgError, SqlState};
use md5::{Digest, Md5};
use std::fmt::Write;

/// The most bytes a character can have, by which PostgreSQL reckons the worst case.
const MAX_CHARACTER: usize = 4;

/// `textcat`.
///
/// # Errors
///
/// If the result is larger than a value can be.
pub fn concatenate(left: &str, right: &str, out: &mut String) -> Result<(), PgError> {
    limit::allocate(left.len() + right.len())?;
    out.push_str(left);
    out.push_str(right);
    Ok(())
}

/// One more part of what `concat` puts together in `out`.
///
/// # Errors
///
/// If the result is larger than PostgreSQL's string buffers become.
pub fn append(part: &str, out: &mut String) -> Result<(), PgError> {
    limit::enlarge(out.len(), part.len())?;
    out.push_str(part);
    Ok(())
}

/// `text_overlay`: `value` with `with` in place of `count` characters from character
/// `start` on, counted from one. Without a count it is as many as `with` has. A
/// negative count repeats a part of `value`.
///
/// # Errors
///
/// If `start` is not positive, the two sum up to more than an integer, or the result
/// is larger than a value can be.
pub fn overlay(
    value: &str,
    with: &str,
    start: i32,
    count: Option<i32>,
    out: &mut String,
) -> Result<(), PgError> {
    if start <= 0 {
        return Err(slice::negative_length());
    }
    let count = count.unwrap_or_else(|| length(with));
    let resume = start.checked_add(count).ok_or_else(|| PgError::out_of_range("integer"))?;
    let before = slice::substring(value, 1, Some(start - 1))?;
    let after = slice::substring(value, resume, None)?;
    limit::allocate(before.len() + with.len())?;
    limit::allocate(before.len() + with.len() + after.len())?;
    out.push_str(value.get(before).unwrap_or_default());
    out.push_str(with);
    out.push_str(value.get(after).unwrap_or_default());
    Ok(())
}

/// `repeat`: nothing if `count` is not positive.
///
/// # Errors
///
/// If the result is larger than a value can be.
pub fn repeat(value: &str, count: i32, out: &mut String) -> Result<(), PgError> {
    let count = usize::try_from(count).unwrap_or(0);
    limit::request(count, value.len())?;
    if !value.is_empty() {
        out.reserve(count * value.len());
        (0..count).for_each(|_| out.push_str(value));
    }
    Ok(())
}

/// `lpad`: `value` in `target` characters, with `fill` repeated before it, or cut at
/// its end. An empty `fill` pads nothing.
///
/// # Errors
///
/// If the result could be larger than a value can be.
pub fn lpad(value: &str, target: i32, fill: &str, out: &mut String) -> Result<(), PgError> {
    let padding = Padding::new(value, target, fill)?;
    padding.fill(fill, out);
    out.push_str(padding.kept);
    Ok(())
}

/// `rpad`: as [`lpad`], with `fill` after the string.
///
/// # Errors
///
/// If the result could be larger than a value can be.
pub fn rpad(value: &str, target: i32, fill: &str, out: &mut String) -> Result<(), PgError> {
    let padding = Padding::new(value, target, fill)?;
    out.push_str(padding.kept);
    padding.fill(fill, out);
    Ok(())
}

/// What `lpad` and `rpad` put together.
struct Padding<'v> {
    /// What is kept of the string.
    kept: &'v str,
    /// How many characters are to be filled.
    missing: usize,
}

impl<'v> Padding<'v> {
    fn new(value: &'v str, target: i32, fill: &str) -> Result<Self, PgError> {
        let target = usize::try_from(target).unwrap_or(0);
        let own = length(value) as usize;
        let missing = if fill.is_empty() { 0 } else { target.saturating_sub(own) };
        limit::request(own.min(target) + missing, MAX_CHARACTER)?;
        let kept = value.get(..byte_position(value, target)).unwrap_or(value);
        Ok(Self { kept, missing })
    }

    fn fill(&self, fill: &str, out: &mut String) {
        let characters = length(fill) as usize;
        if characters == 0 {
            return;
        }
        (0..self.missing / characters).for_each(|_| out.push_str(fill));
        let rest = byte_position(fill, self.missing % characters);
        out.push_str(fill.get(..rest).unwrap_or_default());
    }
}

/// `text_reverse`, by character.
///
/// # Errors
///
/// None that a value could cause.
pub fn reverse(value: &str, out: &mut String) -> Result<(), PgError> {
    limit::allocate(value.len())?;
    out.extend(value.chars().rev());
    Ok(())
}

/// `translate`: each character that occurs in `from` becomes the one at the same
/// place in `to`, or nothing if `to` is too short. The first occurrence counts.
///
/// # Errors
///
/// If the result could be larger than a value can be.
pub fn translate(value: &str, from: &str, to: &str, out: &mut String) -> Result<(), PgError> {
    if value.is_empty() {
        return Ok(());
    }
    limit::request(value.len(), MAX_CHARACTER)?;
    for character in value.chars() {
        match from.chars().position(|candidate| candidate == character) {
            Some(index) => out.extend(to.chars().nth(index)),
            None => out.push(character),
        }
    }
    Ok(())
}

/// `chr`: the character with code point `code`.
///
/// # Errors
///
/// If there is no such character, or it is the one that text cannot hold.
pub fn chr(code: i32, out: &mut String) -> Result<(), PgError> {
    let limit = |message: String| PgError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message);
    let code = u32::try_from(code).map_err(|_| {
        PgError::new(SqlState::INVALID_PARAMETER_VALUE, "character number must be positive")
    })?;
    match (code, char::from_u32(code)) {
        (0, _) => Err(limit("null character not permitted".into())),
        (_, Some(character)) => {
            out.push(character);
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

/// `lower` under the collations C and POSIX, which know ASCII only.
pub fn lower_c(value: &str, out: &mut String) {
    let start = out.len();
    out.push_str(value);
    out[start..].make_ascii_lowercase();
}

/// `upper` under the collations C and POSIX, which know ASCII only.
pub fn upper_c(value: &str, out: &mut String) {
    let start = out.len();
    out.push_str(value);
    out[start..].make_ascii_uppercase();
}

/// `initcap` under the collations C and POSIX: a word is a run of ASCII letters and
/// digits.
pub fn initcap_c(value: &str, out: &mut String) {
    let mut in_word = false;
    out.extend(value.chars().map(|character| {
        let cased =
            if in_word { character.to_ascii_lowercase() } else { character.to_ascii_uppercase() };
        in_word = character.is_ascii_alphanumeric();
        cased
    }));
}

/// `quote_literal`: in quotes, with quotes and backslashes doubled, and marked with
/// `E` if there are backslashes.
///
/// # Errors
///
/// If the result could be larger than a value can be.
pub fn quote_literal(value: &str, out: &mut String) -> Result<(), PgError> {
    limit::allocate(value.len() * 2 + 3)?;
    if value.contains('\\') {
        out.push('E');
    }
    out.push('\'');
    for character in value.chars() {
        if matches!(character, '\'' | '\\') {
            out.push(character);
        }
        out.push(character);
    }
    out.push('\'');
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

    /// What `build` appends.
    fn built(build: impl FnOnce(&mut String) -> Result<(), PgError>) -> Result<String, PgError> {
        let mut out = String::from("before:");
        build(&mut out)?;
        Ok(out.strip_prefix("before:").unwrap().to_owned())
    }

    fn text(build: impl FnOnce(&mut String) -> Result<(), PgError>) -> String {
        built(build).unwrap()
    }

    #[test]
    fn overlays() {
        let overlaid =
            |value, with, start, count| built(|out| overlay(value, with, start, count, out));
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
        let left = |value, target, fill| text(|out| lpad(value, target, fill, out));
        let right = |value, target, fill| text(|out| rpad(value, target, fill, out));
        assert_eq!((left("hi", 5, "xy"), right("hi", 5, "xy")), ("xyxhi".into(), "hixyx".into()));
        assert_eq!(
            (left("hi", 5, "é"), right("hi", 6, "日本語")),
            ("éééhi".into(), "hi日本語日".into())
        );
        assert_eq!((left("hé日", 2, "x"), right("hé日", 2, "x")), ("hé".into(), "hé".into()));
        assert_eq!((left("hi", 5, ""), right("hi", 1, "")), ("hi".into(), "h".into()));
        assert_eq!((left("hi", -1, "x"), right("", 0, "x")), ("".into(), "".into()));
        let error = built(|out| lpad("a", 268_435_455, "x", out)).unwrap_err();
        assert_eq!(error.message, "requested length too large");
        assert_eq!(error.sqlstate.as_str(), "54000");
        assert_eq!(left("hi", i32::MAX, ""), "hi");
    }

    #[test]
    fn repeating() {
        assert_eq!(text(|out| repeat("ab", 3, out)), "ababab");
        assert_eq!(text(|out| repeat("ab", -3, out)), "");
        assert_eq!(text(|out| repeat("", i32::MAX, out)), "");
        assert!(built(|out| repeat("ab", 536_870_910, out)).is_err());
    }

    #[test]
    fn characters() {
        assert_eq!(text(|out| reverse("aé日😀", out)), "😀日éa");
        assert_eq!(text(|out| translate("12345", "143", "ax", out)), "a2x5");
        assert_eq!(text(|out| translate("été", "éé", "ex", out)), "ete");
        assert_eq!(text(|out| translate("", "a", "b", out)), "");
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
            text(|out| {
                to_hex32(value, out);
                Ok(())
            })
        };
        assert_eq!((hex(0), hex(255), hex(-1)), ("0".into(), "ff".into(), "ffffffff".into()));
        let mut out = String::new();
        to_hex64(i64::MIN, &mut out);
        assert_eq!(out, "8000000000000000");
    }

    #[test]
    fn case_knows_ascii_only() {
        let cased = |case: fn(&str, &mut String), value| {
            let mut out = String::from("Before ");
            case(value, &mut out);
            out
        };
        assert_eq!(cased(lower_c, "ÀB"), "Before Àb");
        assert_eq!(cased(upper_c, "éb"), "Before éB");
        assert_eq!(cased(initcap_c, "hi THOMAS1a éab-cD"), "Before Hi Thomas1a éAb-Cd");
    }

    #[test]
    fn quoting_and_hashing() {
        assert_eq!(text(|out| quote_literal("a'b", out)), "'a''b'");
        assert_eq!(text(|out| quote_literal("a\\b'", out)), "E'a\\\\b'''");
        let mut out = String::new();
        md5(b"", &mut out);
        assert_eq!(out, "d41d8cd98f00b204e9800998ecf8427e");
    }
}
