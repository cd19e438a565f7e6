//! Values of cells that no string constant can say: text that is not valid in its
//! encoding, and values that are too long to write out.
//!
//! Cells are text. Such a value is a text that begins with a mark that no other value has;
//! this module alone reads and writes it.

use crate::types::Ty;

/// The first character of special values, from a private area.
const MARK: char = '\u{f8ff}';

/// A text of bytes that are not valid UTF-8.
pub fn invalid(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{MARK}bytes:{hex}")
}

/// A long value of a type: the same part again and again, which compresses well.
pub fn repeated(part: &str, count: usize) -> String {
    format!("{MARK}repeat:{count}:{part}")
}

/// A long value of so many times 32 digits, which hardly compresses.
pub fn noise(seed: u64, count: usize) -> String {
    format!("{MARK}noise:{count}:{seed}")
}

/// Whether it is one of these.
pub fn is_special(text: &str) -> bool {
    text.starts_with(MARK)
}

/// Whether it is text that is not valid in its encoding.
pub fn is_invalid(text: &str) -> bool {
    text.strip_prefix(MARK).is_some_and(|rest| rest.starts_with("bytes:"))
}

/// Whether it is a long value.
pub fn is_long(text: &str) -> bool {
    is_special(text) && !is_invalid(text)
}

/// About how many bytes it has.
pub fn length(text: &str) -> usize {
    let Some((kind, count, part)) = parts(text) else { return text.len() };
    match kind {
        "repeat" => count * part.len(),
        "noise" => 32 * count,
        _ => count / 2,
    }
}

/// A long value with a shorter one of its kind, if there is one.
pub fn shorter(text: &str) -> Option<String> {
    let (kind, count, part) = parts(text)?;
    (count > 1 && kind != "bytes").then(|| format!("{MARK}{kind}:{}:{part}", count / 2))
}

/// The statement that must come before values that are not valid.
pub const CAST: &str = "CREATE CAST (bytea AS text) WITHOUT FUNCTION;";
/// The statement that takes it away again.
pub const NO_CAST: &str = "DROP CAST (bytea AS text);";

/// The value in SQL.
pub fn sql(ty: Ty, text: &str) -> String {
    let Some((kind, count, part)) = parts(text) else { return quoted(text) };
    let digits =
        format!("(SELECT string_agg(md5({}), '') FROM generate_series(1, {count}) AS i)", {
            // A number that is another one in every round.
            format!("(i + {part})::text")
        });
    match (kind, ty) {
        ("bytes", _) => format!("'\\x{part}'::bytea::text"),
        ("repeat", Ty::Bytea) => format!("decode(repeat('{part}', {count}), 'hex')"),
        ("noise", Ty::Bytea) => format!("decode({digits}, 'hex')"),
        ("repeat", Ty::Jsonb) => {
            format!("jsonb_build_object('a', repeat({}, {count}))", quoted(part))
        }
        ("noise", Ty::Jsonb) => format!("jsonb_build_object('a', {digits})"),
        ("repeat", Ty::Ints) => format!("array_fill({part}, ARRAY[{count}])"),
        ("noise", Ty::Ints) => {
            format!("ARRAY(SELECT hashint4(i + {part}) FROM generate_series(1, {count} * 8) AS i)")
        }
        ("repeat", Ty::Numeric) => format!("(repeat('{part}', {count}) || '.5')::numeric"),
        ("repeat", ty) => format!("repeat({}, {count})::{ty}", quoted(part)),
        (_, ty) => format!("{digits}::{ty}"),
    }
}

/// The kind, a number, and the rest.
fn parts(text: &str) -> Option<(&str, usize, &str)> {
    let (kind, rest) = text.strip_prefix(MARK)?.split_once(':')?;
    if kind == "bytes" {
        return Some((kind, rest.len(), rest));
    }
    let (count, rest) = rest.split_once(':')?;
    Some((kind, count.parse().ok()?, rest))
}

/// A string constant.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_values_in_sql() {
        assert_eq!(sql(Ty::Text, "it's"), "'it''s'");
        assert_eq!(sql(Ty::Name, &invalid(b"a\xc3")), "'\\x61c3'::bytea::text");
        assert_eq!(sql(Ty::Text, &repeated("ab", 9)), "repeat('ab', 9)::text");
        assert_eq!(sql(Ty::Ints, &repeated("7", 9)), "array_fill(7, ARRAY[9])");
        assert!(sql(Ty::Bytea, &noise(1, 9)).starts_with("decode((SELECT string_agg(md5("));
        assert_eq!(length(&noise(1, 9)), 288);
        assert_eq!(shorter(&repeated("ab", 9)), Some(repeated("ab", 4)));
        assert!(is_invalid(&invalid(b"\xff")) && !is_invalid("\\xff") && is_long(&noise(1, 1)));
    }
}
