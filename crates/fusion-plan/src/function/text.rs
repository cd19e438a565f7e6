//! Functions over strings.

use crate::{Expr, Literal, Value};
use serde::{Deserialize, Serialize};

/// A function over `text`, `bpchar` or `bytea`, as `varlena.c` and its kin
/// compute it in a UTF-8 database.
///
/// Where a variant names `string`s, all of them are `Text`, or all are `Bytea`;
/// other arguments are named by their type. Positions and lengths count
/// characters of `Text` and bytes of `Bytea`. A result that would be larger than a
/// value can be is an error of every function that makes one longer than its
/// arguments.
///
/// Text need not be valid: a function that looks at characters does it as PostgreSQL does,
/// and raises `invalid byte sequence for encoding "UTF8"` where it comes to one that breaks
/// off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TextFunction {
    /// `length(Text)` and `length(Bpchar)` (`textlen`, `bpcharlen`) → `Int4`.
    Length,
    /// `octet_length(string)` (`textoctetlen`, `byteaoctetlen`) → `Int4`.
    OctetLength,
    /// `ascii(Text)` → `Int4`: the first code point. Error `invalid byte sequence for
    /// encoding`.
    Ascii,
    /// `starts_with(Text, Text)` (`text_starts_with`) → `Bool`.
    StartsWith,
    /// `position(string, string)`: where the second starts in the first
    /// (`textpos`, `byteapos`) → `Int4`.
    Position,
    /// `substring(string, Int4 [, Int4])` (`text_substr`, `bytea_substr`): error
    /// `negative substring length not allowed`.
    Substring,
    /// `left(Text, Int4)` (`text_left`).
    Left,
    /// `right(Text, Int4)` (`text_right`).
    Right,
    /// `btrim(string, string)` (`btrim`, `byteatrim`).
    TrimBoth,
    /// `ltrim(string, string)`.
    TrimLeft,
    /// `rtrim(string, string)`.
    TrimRight,
    /// `replace(Text, Text, Text)` (`replace_text`).
    Replace,
    /// `split_part(Text, Text, Int4)`: error `field position must not be zero`.
    SplitPart,
    /// `string || string` (`textcat`, `byteacat`).
    Concat,
    /// All arguments, at least one `Text`, one after the other, as `concat` puts
    /// them together.
    Append,
    /// `overlay(string, string, Int4 [, Int4])` (`textoverlay`, `byteaoverlay`):
    /// errors of position and length.
    Overlay,
    /// `lpad(Text, Int4, Text)`: error `requested length too large`.
    PadLeft,
    /// `rpad(Text, Int4, Text)`, see [`TextFunction::PadLeft`].
    PadRight,
    /// `repeat(Text, Int4)`: error `requested length too large`.
    Repeat,
    /// `reverse(Text)` (`text_reverse`).
    Reverse,
    /// `translate(Text, Text, Text)`.
    Translate,
    /// `chr(Int4)` → `Text`: errors for what is no character.
    Chr,
    /// `to_hex(Int4 or Int8)` → `Text`.
    ToHex,
    /// `lower(Text)` under the collations C and POSIX.
    Lower,
    /// `upper(Text)` under the collations C and POSIX.
    Upper,
    /// `initcap(Text)` under the collations C and POSIX.
    InitCap,
    /// `quote_literal(Text)`.
    QuoteLiteral,
    /// `md5(string)` → `Text`.
    Md5,
    /// `like_escape(string, string)`: error `invalid escape string`.
    LikeEscape,
    /// `Text ILIKE Text` (`texticlike`) under the collations C and POSIX, escape
    /// `\`: error as for [`Function::Like`](crate::Function::Like).
    ILike,
    /// `Text NOT ILIKE Text` (`texticnlike`), see [`TextFunction::ILike`].
    NotILike,
    /// `get_byte(Bytea, Int4)` → `Int4`: error `index out of valid range`.
    GetByte,
    /// `get_bit(Bytea, Int8)` → `Int4`: error `index out of valid range`.
    GetBit,
    /// The length coercion of `varchar`: `Text`, the type modifier as `Int4`,
    /// whether the cast is explicit as `Bool`. Error `value too long for type
    /// character varying(n)` unless explicit.
    VarcharLength,
    /// The length coercion of `bpchar`, of a `Bpchar`, see
    /// [`TextFunction::VarcharLength`]; pads with blanks.
    BpcharLength,
    /// `Text` → `name`, held as `Text` (`text_name`): 63 bytes at most.
    TextToName,
    /// `Bpchar` → `name`, held as `Text` (`bpchar_name`), without trailing blanks.
    BpcharToName,
    /// `Bpchar` → `Text`, the cast (`rtrim1`).
    BpcharToText,
    /// `Text` → `Text` as its output function gives it: up to the first zero byte.
    Output,
    /// `Text` without as many bytes at its start as the `Int4` says, or as it has.
    SkipBytes,
}

impl TextFunction {
    /// Whether a call on `args` can raise an error.
    pub fn can_fail(self, args: &[Expr]) -> bool {
        match self {
            Self::OctetLength
            | Self::ToHex
            | Self::Lower
            | Self::Upper
            | Self::InitCap
            | Self::Md5
            | Self::TextToName
            | Self::BpcharToName
            | Self::Output
            | Self::SkipBytes => false,
            Self::SplitPart => !args.get(2).is_some_and(|number| is_int(number, |i| i != 0)),
            Self::ILike | Self::NotILike => !args.get(1).is_some_and(is_complete_pattern),
            Self::Length
            | Self::Ascii
            | Self::StartsWith
            | Self::Position
            | Self::Substring
            | Self::Left
            | Self::Right
            | Self::TrimBoth
            | Self::TrimLeft
            | Self::TrimRight
            | Self::Reverse
            | Self::VarcharLength
            | Self::BpcharToText
            | Self::Replace
            | Self::Concat
            | Self::Append
            | Self::Overlay
            | Self::PadLeft
            | Self::PadRight
            | Self::Repeat
            | Self::Translate
            | Self::Chr
            | Self::QuoteLiteral
            | Self::LikeEscape
            | Self::GetByte
            | Self::GetBit
            | Self::BpcharLength => true,
        }
    }

    /// The infix operator to show for it, if it has one.
    pub fn infix(self) -> Option<&'static str> {
        Some(match self {
            Self::Concat => "||",
            Self::ILike => "~~*",
            Self::NotILike => "!~~*",
            _ => return None,
        })
    }

    /// The name to show where there is no infix form; `None` for conversions
    /// that are not worth showing.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Length => "length",
            Self::OctetLength => "octet_length",
            Self::Ascii => "ascii",
            Self::StartsWith => "starts_with",
            Self::Position => "position",
            Self::Substring => "substring",
            Self::Left => "left",
            Self::Right => "right",
            Self::TrimBoth => "btrim",
            Self::TrimLeft => "ltrim",
            Self::TrimRight => "rtrim",
            Self::Replace => "replace",
            Self::SplitPart => "split_part",
            Self::Append => "concat",
            Self::Overlay => "overlay",
            Self::PadLeft => "lpad",
            Self::PadRight => "rpad",
            Self::Repeat => "repeat",
            Self::Reverse => "reverse",
            Self::Translate => "translate",
            Self::Chr => "chr",
            Self::ToHex => "to_hex",
            Self::Lower => "lower",
            Self::Upper => "upper",
            Self::InitCap => "initcap",
            Self::QuoteLiteral => "quote_literal",
            Self::Md5 => "md5",
            Self::LikeEscape => "like_escape",
            Self::GetByte => "get_byte",
            Self::GetBit => "get_bit",
            Self::VarcharLength => "varchar",
            Self::BpcharLength => "bpchar",
            Self::TextToName | Self::BpcharToName => "name",
            Self::BpcharToText => "text",
            Self::Concat | Self::ILike | Self::NotILike | Self::Output | Self::SkipBytes => {
                return None;
            }
        })
    }
}

/// Whether `expr` is an integer constant that passes `test`.
fn is_int(expr: &Expr, test: impl Fn(i64) -> bool) -> bool {
    match expr {
        Expr::Literal(Literal { value: Some(Value::Int(value)), .. }) => test(*value),
        _ => false,
    }
}

/// Whether `pattern` is a constant LIKE pattern that cannot run out in the
/// middle of an escape.
pub(super) fn is_complete_pattern(pattern: &Expr) -> bool {
    let Expr::Literal(Literal { value: Some(value), .. }) = pattern else {
        return false;
    };
    let bytes = match value {
        Value::Text(bytes) | Value::Bytes(bytes) => bytes,
        _ => return false,
    };
    let trailing = bytes.iter().rev().take_while(|byte| **byte == b'\\').count();
    trailing % 2 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataType;

    #[test]
    fn constants_can_rule_errors_out() {
        let int = |value| Expr::literal(DataType::Int4, Value::Int(value));
        let with = |last| [Expr::Column(0), int(1), last];
        assert!(TextFunction::SplitPart.can_fail(&with(int(0))));
        assert!(!TextFunction::SplitPart.can_fail(&with(int(-1))));
    }

    #[test]
    fn only_a_constant_complete_pattern_is_safe() {
        let text = |text: &str| Expr::literal(DataType::Text, Value::Text(text.into()));
        let bytes = |bytes: &[u8]| Expr::literal(DataType::Bytea, Value::Bytes(bytes.into()));
        assert!(is_complete_pattern(&text("%a\\\\")) && is_complete_pattern(&bytes(b"\xff")));
        assert!(!is_complete_pattern(&text("%a\\")) && !is_complete_pattern(&bytes(b"\\")));
        assert!(!is_complete_pattern(&Expr::Column(1)));
    }
}
