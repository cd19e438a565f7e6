//! Functions over strings and bytes, row by row through `fusion-scalar`. Those that
//! give a part of a string copy no byte of it.

mod build;
mod like;
mod measure;
mod search;
mod slice;

pub(crate) use like::matching;
pub(crate) use slice::trim_blanks;

use crate::expr::kernel::Kernel;
use fusion_plan::{DataType, TextFunction};
use std::sync::Arc;

/// The string function `function` over arguments of types `args`.
pub(crate) fn kernel(function: TextFunction, args: &[DataType]) -> Option<Arc<dyn Kernel>> {
    use TextFunction as F;
    match function {
        F::Length | F::OctetLength | F::Ascii | F::StartsWith | F::GetByte | F::GetBit => {
            measure::kernel(function, args)
        }
        F::Position | F::Replace | F::SplitPart => search::kernel(function, args),
        F::Substring
        | F::Left
        | F::Right
        | F::TrimBoth
        | F::TrimLeft
        | F::TrimRight
        | F::VarcharLength
        | F::TextToName
        | F::BpcharToName
        | F::BpcharToText
        | F::Output
        | F::SkipBytes => slice::kernel(function, args),
        F::ILike | F::NotILike => match args {
            [DataType::Text, DataType::Text] => Some(like::folding(function == F::NotILike)),
            _ => None,
        },
        F::Concat
        | F::Append
        | F::Overlay
        | F::PadLeft
        | F::PadRight
        | F::Repeat
        | F::Reverse
        | F::Translate
        | F::Chr
        | F::ToHex
        | F::Lower
        | F::Upper
        | F::InitCap
        | F::QuoteLiteral
        | F::Md5
        | F::LikeEscape
        | F::BpcharLength => build::kernel(function, args),
    }
}
