//! Why something stays in PostgreSQL.

use crate::encoding;
use crate::error;
use fusion_plan::PgError;
use pgrx::{PgLogLevel, pg_sys};
use std::borrow::Cow;
use std::fmt;
use std::ptr::NonNull;

/// A reason, and the expression that it is about, where there is one.
///
/// Most reasons are never read, so those that name an object of the catalogs
/// look its name up when they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    why: Why,
    subject: Option<NonNull<pg_sys::Node>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Words(Cow<'static, str>),
    Unsupported(Object),
}

/// What is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    /// A function.
    Function(pg_sys::Oid),
    /// An operator.
    Operator(pg_sys::Oid),
    /// An aggregate.
    Aggregate(pg_sys::Oid),
}

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self { why: Why::Words(Cow::Borrowed(text)), subject: None }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { why: Why::Words(Cow::Owned(text)), subject: None }
    }
}

impl From<PgError> for Reason {
    fn from(error: PgError) -> Self {
        error.to_string().into()
    }
}

impl From<Object> for Reason {
    fn from(object: Object) -> Self {
        Self { why: Why::Unsupported(object), subject: None }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Words(words) => f.write_str(words),
            Why::Unsupported(object) => {
                write!(f, "{} {} is not supported", object.kind(), object.name())
            }
        }
    }
}

impl Object {
    fn kind(self) -> &'static str {
        match self {
            Self::Function(_) => "function",
            Self::Operator(_) => "operator",
            Self::Aggregate(_) => "aggregate",
        }
    }

    /// The object's name and the types of its arguments.
    pub fn name(self) -> String {
        // SAFETY: reasons are made and read in a backend's main thread; the
        // functions return a string for any OID.
        unsafe {
            let name = match self {
                Self::Function(oid) | Self::Aggregate(oid) => pg_sys::format_procedure(oid),
                Self::Operator(oid) => pg_sys::format_operator(oid),
            };
            encoding::string(name)
        }
    }
}

impl Reason {
    /// The reason, about the expression `node`, which lives as long as the
    /// planner call. An expression that it is already about stays.
    pub fn about<T>(self, node: *mut T) -> Self {
        Self { subject: self.subject.or(NonNull::new(node.cast())), ..self }
    }

    /// The expression that the reason is about.
    pub fn subject(&self) -> Option<*mut pg_sys::Node> {
        self.subject.map(NonNull::as_ptr)
    }

    /// Tells at DEBUG2 why `what` stays in PostgreSQL.
    pub fn note(&self, what: &str) {
        // SAFETY: plain settings of this backend.
        let wanted = unsafe {
            let debug = pg_sys::DEBUG2 as i32;
            pg_sys::log_min_messages <= debug || pg_sys::client_min_messages <= debug
        };
        if wanted {
            let message = format!("pg_fusion: {what} stays in PostgreSQL: {self}");
            error::tell(PgLogLevel::DEBUG2, &message);
        }
    }
}
