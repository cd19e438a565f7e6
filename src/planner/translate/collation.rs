//! What functions over text ask of their collation.

use super::typed::Typed;
use crate::planner::report::reason::Reason;
use crate::version;
use fusion_plan::{DataType, Function, TextFunction};
use pgrx::pg_sys;

/// What a function asks of the collation with which it is called, if it is called
/// on text. Each asks for more than the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: it does not look at the collation.
    Nothing,
    /// To be deterministic: then text is equal if its bytes are. (Searching text
    /// under another one is an error of PostgreSQL's.)
    Deterministic,
    /// To order text byte by byte, as C and its like do.
    ByteOrder,
    /// To know upper and lower case of ASCII only, as C and POSIX do.
    AsciiCase,
}

impl Need {
    /// What `function` asks.
    pub fn of(function: Function) -> Self {
        use TextFunction as T;
        match function {
            Function::Eq
            | Function::Ne
            | Function::Like
            | Function::NotLike
            | Function::Text(T::Position | T::Replace | T::SplitPart | T::StartsWith) => {
                Self::Deterministic
            }
            Function::Lt | Function::Le | Function::Gt | Function::Ge => Self::ByteOrder,
            Function::Text(T::Lower | T::Upper | T::InitCap | T::ILike | T::NotILike) => {
                Self::AsciiCase
            }
            _ => Self::Nothing,
        }
    }

    /// Checks that `collation` is as needed.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread; the collation exists.
    unsafe fn check(self, collation: pg_sys::Oid) -> Result<(), Reason> {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Nothing => Ok(()),
                Self::AsciiCase => match version::collation_folds_ascii_only(collation) {
                    true => Ok(()),
                    false => Err("upper and lower case by a collation other than C".into()),
                },
                _ if collation == pg_sys::Oid::INVALID => {
                    Err("a text comparison without a collation".into())
                }
                _ if !pg_sys::get_collation_isdeterministic(collation) => {
                    Err("a collation that is not deterministic".into())
                }
                Self::ByteOrder if !version::collation_orders_by_byte(collation) => {
                    Err("text order by a collation other than C".into())
                }
                _ => Ok(()),
            }
        }
    }
}

/// Whether text may be compared by `function` under `collation`.
///
/// # Safety
///
/// Runs in a backend's main thread; the collation exists.
pub unsafe fn check_text_comparison(
    function: Function,
    collation: pg_sys::Oid,
) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe { Need::of(function).check(collation) }
}

/// Whether `function` may be called on `args` with `collation`.
///
/// # Safety
///
/// As for [`check_text_comparison`].
pub unsafe fn check_collation(
    function: Function,
    args: &[Typed],
    collation: pg_sys::Oid,
) -> Result<(), Reason> {
    match args.iter().any(|arg| is_text(arg.ty)) {
        // SAFETY: the caller's promise.
        true => unsafe { Need::of(function).check(collation) },
        false => Ok(()),
    }
}

/// Whether values of the type have a collation.
pub fn is_text(ty: DataType) -> bool {
    matches!(ty, DataType::Text | DataType::Bpchar)
}
