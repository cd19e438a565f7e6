//! Errors of pages as [`PgError`], and from [`PgError`] to `ereport`.

use fusion_page::PageError;
use fusion_plan::{PgError, SqlState};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};

/// Raises `error` as PostgreSQL's ERROR; does not return.
///
/// Every callback that PostgreSQL calls is guarded ([`boundary`](crate::boundary)
/// or `#[pg_guard]`), so the error unwinds through Rust's frames first and their destructors run.
pub fn raise(error: PgError) -> ! {
    let mut report = ErrorReport::new(sql_error_code(&error), error.message, "pg_fusion");
    if let Some(detail) = error.detail {
        report = report.set_detail(detail);
    }
    if let Some(hint) = error.hint {
        report = report.set_hint(hint);
    }
    report.report(PgLogLevel::ERROR);
    unreachable!("a report at level ERROR does not return")
}

/// Unwraps `result` or raises its error.
pub fn check<T>(result: Result<T, impl Into<PgError>>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => raise(error.into()),
    }
}

/// A page error as the query's error.
pub fn page_error(error: PageError) -> PgError {
    match error {
        PageError::Jumbo(reason) => PgError::new(
            SqlState::of_file_error(&reason),
            format!("could not write a row that is larger than a page: {reason}"),
        ),
        other => PgError::internal(other.to_string()),
    }
}

/// PostgreSQL's code for the error's SQLSTATE: five characters of six bits.
fn sql_error_code(error: &PgError) -> PgSqlErrorCode {
    let code = error
        .sqlstate
        .0
        .iter()
        .rev()
        .fold(0, |code, byte| (code << 6) | i32::from(byte.wrapping_sub(b'0') & 0x3f));
    PgSqlErrorCode::from(code)
}
