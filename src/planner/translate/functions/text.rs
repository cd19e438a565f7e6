//! Strings and bytes.

use super::{Call, Rule};
use crate::planner::report::reason::Reason;
use crate::planner::translate::typed::{Typed, call, convert};
use fusion_plan::Function::{Like, NotLike, Text};
use fusion_plan::TextFunction::*;
use fusion_plan::{CastFunction, DataType, Expr, Function, Literal, TextFunction, Value};
use pgrx::pg_sys::*;
use std::result::Result;

/// How often the engine repeats a string at most, and to how many characters it
/// pads one: it computes many rows at once, so that their results must not be much
/// larger than what they are made of.
const MAX_REPEATED: i64 = 100;
const MAX_PADDED: i64 = 1000;

/// The functions, by OID.
pub const TABLE: &[(u32, Rule)] = &[
    (F_TEXTLIKE, Rule::Plain(Like)),
    (F_LIKE_TEXT_TEXT, Rule::Plain(Like)),
    (F_NAMELIKE, Rule::Plain(Like)),
    (F_LIKE_NAME_TEXT, Rule::Plain(Like)),
    (F_BYTEALIKE, Rule::Plain(Like)),
    (F_LIKE_BYTEA_BYTEA, Rule::Plain(Like)),
    (F_BPCHARLIKE, Rule::BpcharLike(Like)),
    (F_TEXTNLIKE, Rule::Plain(NotLike)),
    (F_NOTLIKE_TEXT_TEXT, Rule::Plain(NotLike)),
    (F_NAMENLIKE, Rule::Plain(NotLike)),
    (F_NOTLIKE_NAME_TEXT, Rule::Plain(NotLike)),
    (F_BYTEANLIKE, Rule::Plain(NotLike)),
    (F_NOTLIKE_BYTEA_BYTEA, Rule::Plain(NotLike)),
    (F_BPCHARNLIKE, Rule::BpcharLike(NotLike)),
    (F_TEXTICLIKE, Rule::Plain(Text(ILike))),
    (F_NAMEICLIKE, Rule::Plain(Text(ILike))),
    (F_BPCHARICLIKE, Rule::BpcharLike(Text(ILike))),
    (F_TEXTICNLIKE, Rule::Plain(Text(NotILike))),
    (F_NAMEICNLIKE, Rule::Plain(Text(NotILike))),
    (F_BPCHARICNLIKE, Rule::BpcharLike(Text(NotILike))),
    (F_LIKE_ESCAPE_TEXT_TEXT, Rule::Plain(Text(LikeEscape))),
    (F_LIKE_ESCAPE_BYTEA_BYTEA, Rule::Plain(Text(LikeEscape))),
    (F_LENGTH_TEXT, Rule::Plain(Text(Length))),
    (F_CHAR_LENGTH_TEXT, Rule::Plain(Text(Length))),
    (F_CHARACTER_LENGTH_TEXT, Rule::Plain(Text(Length))),
    (F_TEXTLEN, Rule::Plain(Text(Length))),
    (F_LENGTH_BPCHAR, Rule::Plain(Text(Length))),
    (F_CHAR_LENGTH_BPCHAR, Rule::Plain(Text(Length))),
    (F_CHARACTER_LENGTH_BPCHAR, Rule::Plain(Text(Length))),
    (F_OCTET_LENGTH_TEXT, Rule::Plain(Text(OctetLength))),
    (F_OCTET_LENGTH_BPCHAR, Rule::Special(bpchar_octet_length)),
    (F_OCTET_LENGTH_BYTEA, Rule::Plain(Text(OctetLength))),
    (F_LENGTH_BYTEA, Rule::Plain(Text(OctetLength))),
    (F_ASCII, Rule::Plain(Text(Ascii))),
    (F_STARTS_WITH, Rule::Plain(Text(StartsWith))),
    (F_POSITION_TEXT_TEXT, Rule::Plain(Text(Position))),
    (F_STRPOS, Rule::Plain(Text(Position))),
    (F_POSITION_BYTEA_BYTEA, Rule::Plain(Text(Position))),
    (F_SUBSTR_TEXT_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTR_TEXT_INT4_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTRING_TEXT_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTRING_TEXT_INT4_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTR_BYTEA_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTR_BYTEA_INT4_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTRING_BYTEA_INT4, Rule::Plain(Text(Substring))),
    (F_SUBSTRING_BYTEA_INT4_INT4, Rule::Plain(Text(Substring))),
    (F_LEFT, Rule::Plain(Text(Left))),
    (F_RIGHT, Rule::Plain(Text(Right))),
    (F_BTRIM_TEXT, Rule::Special(|of| trim_blanks(TrimBoth, of))),
    (F_LTRIM_TEXT, Rule::Special(|of| trim_blanks(TrimLeft, of))),
    (F_RTRIM_TEXT, Rule::Special(|of| trim_blanks(TrimRight, of))),
    (F_BTRIM_TEXT_TEXT, Rule::Plain(Text(TrimBoth))),
    (F_LTRIM_TEXT_TEXT, Rule::Plain(Text(TrimLeft))),
    (F_RTRIM_TEXT_TEXT, Rule::Plain(Text(TrimRight))),
    (F_BTRIM_BYTEA_BYTEA, Rule::Plain(Text(TrimBoth))),
    (F_LTRIM_BYTEA_BYTEA, Rule::Plain(Text(TrimLeft))),
    (F_RTRIM_BYTEA_BYTEA, Rule::Plain(Text(TrimRight))),
    (F_REPLACE, Rule::Plain(Text(Replace))),
    (F_SPLIT_PART, Rule::Plain(Text(SplitPart))),
    (F_TEXTCAT, Rule::Plain(Text(Concat))),
    (F_BYTEACAT, Rule::Plain(Text(Concat))),
    (F_CONCAT, Rule::Concat),
    (F_CONCAT_WS, Rule::ConcatWithSeparator),
    (F_OVERLAY_TEXT_TEXT_INT4, Rule::Plain(Text(Overlay))),
    (F_OVERLAY_TEXT_TEXT_INT4_INT4, Rule::Plain(Text(Overlay))),
    (F_OVERLAY_BYTEA_BYTEA_INT4, Rule::Plain(Text(Overlay))),
    (F_OVERLAY_BYTEA_BYTEA_INT4_INT4, Rule::Plain(Text(Overlay))),
    (F_LPAD_TEXT_INT4_TEXT, Rule::Special(|of| bounded(PadLeft, MAX_PADDED, of))),
    (F_RPAD_TEXT_INT4_TEXT, Rule::Special(|of| bounded(PadRight, MAX_PADDED, of))),
    (F_REPEAT, Rule::Special(|of| bounded(Repeat, MAX_REPEATED, of))),
    (F_REVERSE, Rule::Plain(Text(Reverse))),
    (F_TRANSLATE, Rule::Plain(Text(Translate))),
    (F_CHR, Rule::Plain(Text(Chr))),
    (F_TO_HEX_INT4, Rule::Plain(Text(ToHex))),
    (F_TO_HEX_INT8, Rule::Plain(Text(ToHex))),
    (F_LOWER_TEXT, Rule::Plain(Text(Lower))),
    (F_UPPER_TEXT, Rule::Plain(Text(Upper))),
    (F_INITCAP, Rule::Plain(Text(InitCap))),
    (F_QUOTE_LITERAL_TEXT, Rule::Plain(Text(QuoteLiteral))),
    (F_QUOTE_NULLABLE_TEXT, Rule::Special(quote_nullable)),
    (F_MD5_TEXT, Rule::Plain(Text(Md5))),
    (F_MD5_BYTEA, Rule::Plain(Text(Md5))),
    (F_GET_BYTE, Rule::Plain(Text(GetByte))),
    (F_GET_BIT_BYTEA_INT8, Rule::Plain(Text(GetBit))),
    (F_TEXT_BPCHAR, Rule::Plain(Text(BpcharToText))),
    (F_VARCHAR_VARCHAR_INT4_BOOL, Rule::Plain(Text(VarcharLength))),
    (F_BPCHAR_BPCHAR_INT4_BOOL, Rule::Plain(Text(BpcharLength))),
    (F_NAME_TEXT, Rule::Plain(Text(TextToName))),
    (F_NAME_VARCHAR, Rule::Plain(Text(TextToName))),
    (F_NAME_BPCHAR, Rule::Plain(Text(BpcharToName))),
    (F_TEXT_NAME, Rule::Special(only)),
    (F_VARCHAR_NAME, Rule::Special(only)),
    (F_BPCHAR_NAME, Rule::Special(name_to_bpchar)),
];

/// The only argument, which is the result.
fn only(of: Call) -> Result<Typed, Reason> {
    let args = <[Typed; 1]>::try_from(of.args);
    args.map(|[arg]| arg).map_err(|_| "a function without its one argument".into())
}

/// `bpcharoctetlen`: the padding counts.
fn bpchar_octet_length(of: Call) -> Result<Typed, Reason> {
    let padded = convert(CastFunction::Relabel, only(of)?, DataType::Text);
    Ok(call(Text(OctetLength), vec![padded], DataType::Int4))
}

/// `name_bpchar`: without padding.
fn name_to_bpchar(of: Call) -> Result<Typed, Reason> {
    Ok(convert(CastFunction::Relabel, only(of)?, DataType::Bpchar))
}

/// `btrim1` and its kin: of blanks.
fn trim_blanks(function: TextFunction, of: Call) -> Result<Typed, Reason> {
    Ok(call(Text(function), vec![only(of)?, text(" ")], DataType::Text))
}

/// `quote_nullable`: `NULL` for NULL.
fn quote_nullable(of: Call) -> Result<Typed, Reason> {
    let quoted = call(Text(QuoteLiteral), vec![only(of)?], DataType::Text);
    let expr = Expr::Coalesce(vec![quoted.expr, text("NULL").expr]);
    Ok(Typed { expr, ty: DataType::Text })
}

fn text(text: &str) -> Typed {
    let expr = Expr::literal(DataType::Text, Value::Text(text.into()));
    Typed { expr, ty: DataType::Text }
}

/// A function whose second argument says how long the result becomes.
fn bounded(function: TextFunction, limit: i64, of: Call) -> Result<Typed, Reason> {
    match of.args.get(1).map(|count| &count.expr) {
        Some(Expr::Literal(Literal { value: Some(Value::Int(count)), .. })) if *count <= limit => {
            Ok(call(Function::Text(function), of.args, DataType::Text))
        }
        _ => {
            let name = function.name().unwrap_or_default();
            Err(format!("{name} by a number that is not a constant up to {limit}").into())
        }
    }
}
