//! Errors as PostgreSQL reports them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A five-character SQLSTATE, for example `22012`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SqlState(pub [u8; 5]);

impl SqlState {
    /// `22001`, a string is too long for its type.
    pub const STRING_DATA_RIGHT_TRUNCATION: Self = Self(*b"22001");
    /// `22011`, a substring of negative length.
    pub const SUBSTRING_ERROR: Self = Self(*b"22011");
    /// `22021`, bytes that are no text in the encoding.
    pub const CHARACTER_NOT_IN_REPERTOIRE: Self = Self(*b"22021");
    /// `22012`, division by zero.
    pub const DIVISION_BY_ZERO: Self = Self(*b"22012");
    /// `22003`, a number does not fit its type.
    pub const NUMERIC_VALUE_OUT_OF_RANGE: Self = Self(*b"22003");
    /// `22008`, a date or time does not fit its type.
    pub const DATETIME_FIELD_OVERFLOW: Self = Self(*b"22008");
    /// `22023`, an argument that makes no sense.
    pub const INVALID_PARAMETER_VALUE: Self = Self(*b"22023");
    /// `22025`, a pattern ends in its escape character.
    pub const INVALID_ESCAPE_SEQUENCE: Self = Self(*b"22025");
    /// `2201F`, a root or power that does not exist.
    pub const INVALID_ARGUMENT_FOR_POWER_FUNCTION: Self = Self(*b"2201F");
    /// `2202E`, an index beyond a value's end.
    pub const ARRAY_SUBSCRIPT_ERROR: Self = Self(*b"2202E");
    /// `22P02`, text that is not a value of its type.
    pub const INVALID_TEXT_REPRESENTATION: Self = Self(*b"22P02");
    /// `2201W`, a negative LIMIT.
    pub const INVALID_ROW_COUNT_IN_LIMIT_CLAUSE: Self = Self(*b"2201W");
    /// `2201X`, a negative OFFSET.
    pub const INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE: Self = Self(*b"2201X");
    /// `53200`, the memory limit is reached.
    pub const OUT_OF_MEMORY: Self = Self(*b"53200");
    /// `53400`, a configured limit is reached.
    pub const CONFIGURATION_LIMIT_EXCEEDED: Self = Self(*b"53400");
    /// `53100`, the disk is full.
    pub const DISK_FULL: Self = Self(*b"53100");
    /// `54000`, a value would become too large.
    pub const PROGRAM_LIMIT_EXCEEDED: Self = Self(*b"54000");
    /// `55000`, something must be set up first.
    pub const OBJECT_NOT_IN_PREREQUISITE_STATE: Self = Self(*b"55000");
    /// `57014`, the statement was cancelled.
    pub const QUERY_CANCELED: Self = Self(*b"57014");
    /// `58000`, the operating system or another process failed us.
    pub const SYSTEM_ERROR: Self = Self(*b"58000");
    /// `0A000`, not supported.
    pub const FEATURE_NOT_SUPPORTED: Self = Self(*b"0A000");
    /// `XX000`, a defect of ours.
    pub const INTERNAL_ERROR: Self = Self(*b"XX000");

    /// The state for an error of the operating system about files, as
    /// `errcode_for_file_access` in elog.c has it; `58000` for those that it does not know.
    pub fn of_file_error(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        /// "Too many open files", in the process and in the system: of no kind of their own.
        const EMFILE: i32 = 24;
        const ENFILE: i32 = 23;
        /// "Input/output error".
        const EIO: i32 = 5;
        match (error.raw_os_error(), error.kind()) {
            (Some(EMFILE | ENFILE), _) => Self(*b"53000"),
            (Some(EIO), _) => Self(*b"58030"),
            (_, Kind::StorageFull | Kind::QuotaExceeded) => Self::DISK_FULL,
            (_, Kind::OutOfMemory) => Self::OUT_OF_MEMORY,
            (_, Kind::NotFound) => Self(*b"58P01"),
            (_, Kind::PermissionDenied | Kind::ReadOnlyFilesystem) => Self(*b"42501"),
            _ => Self::SYSTEM_ERROR,
        }
    }

    /// The five characters, or `XX000` if they are not ASCII.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An error with everything `ereport` needs: it is raised in the backend as if
/// PostgreSQL's own executor had raised it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct PgError {
    /// The SQLSTATE.
    pub sqlstate: SqlState,
    /// The primary message, worded as PostgreSQL words it. Text of users in it is carried
    /// as [`from_server`](crate::from_server) does it; so it is in the other lines.
    pub message: String,
    /// The DETAIL line.
    pub detail: Option<String>,
    /// The HINT line.
    pub hint: Option<String>,
}

impl PgError {
    /// An error with a primary message only.
    pub fn new(sqlstate: SqlState, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), detail: None, hint: None }
    }

    /// A defect of pg_fusion itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(SqlState::INTERNAL_ERROR, message)
    }

    /// Adds a DETAIL line.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a HINT line.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// `division by zero`, as `int4div` and `numeric_div` report it.
    pub fn division_by_zero() -> Self {
        Self::new(SqlState::DIVISION_BY_ZERO, "division by zero")
    }

    /// `<type> out of range`, for example `integer out of range`.
    pub fn out_of_range(type_name: &str) -> Self {
        Self::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{type_name} out of range"))
    }

    /// `float_overflow_error` of PostgreSQL's `float.c`.
    pub fn float_overflow() -> Self {
        Self::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow")
    }

    /// `float_underflow_error` of PostgreSQL's `float.c`.
    pub fn float_underflow() -> Self {
        Self::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_postgresql() {
        let error = PgError::out_of_range("integer").with_hint("Use bigint.");
        assert_eq!(error.to_string(), "integer out of range");
        assert_eq!(error.sqlstate.as_str(), "22003");
        assert_eq!(error.hint.as_deref(), Some("Use bigint."));
    }
}
