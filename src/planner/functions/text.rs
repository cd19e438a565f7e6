//! Strings.

use super::Rule;
use fusion_plan::Function::*;
use fusion_plan::TextFunction;
use pgrx::pg_sys::*;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_TEXT_BPCHAR, Rule::Plain(BpcharTrim)),
    (F_TEXTLIKE, Rule::Plain(Like)),
    (F_LIKE_TEXT_TEXT, Rule::Plain(Like)),
    (F_TEXTNLIKE, Rule::Plain(NotLike)),
    (F_NOTLIKE_TEXT_TEXT, Rule::Plain(NotLike)),
    (F_BPCHARLIKE, Rule::BpcharLike(Like)),
    (F_BPCHARNLIKE, Rule::BpcharLike(NotLike)),
    (F_SUBSTR_TEXT_INT4_INT4, Rule::Plain(Substring)),
    (F_SUBSTRING_TEXT_INT4_INT4, Rule::Plain(Substring)),
    (F_LENGTH_TEXT, Rule::Plain(Text(TextFunction::Length))),
    (F_CHAR_LENGTH_TEXT, Rule::Plain(Text(TextFunction::Length))),
    (F_TEXTLEN, Rule::Plain(Text(TextFunction::Length))),
];
