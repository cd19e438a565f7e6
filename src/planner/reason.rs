//! Why something stays in PostgreSQL.

use pgrx::pg_sys;
use std::borrow::Cow;
use std::fmt;

/// A reason in words, naming the function, type or clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(Cow<'static, str>);

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reason {
    /// Tells at DEBUG2 why `what` stays in PostgreSQL.
    pub fn note(&self, what: &str) {
        // SAFETY: plain settings of this backend.
        let wanted = unsafe {
            let debug = pg_sys::DEBUG2 as i32;
            pg_sys::log_min_messages <= debug || pg_sys::client_min_messages <= debug
        };
        if wanted {
            pgrx::debug2!("pg_fusion: {what} stays in PostgreSQL: {self}");
        }
    }
}
