//! Errors of pages as [`PgError`], and from [`PgError`] to `ereport`.

use crate::boundary;
use crate::encoding::c_string;
use fusion_page::PageError;
use fusion_plan::{PgError, SqlState, to_server};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char, c_int};

/// Raises `error` as PostgreSQL's ERROR; does not return.
///
/// Every callback that PostgreSQL calls is guarded ([`boundary`](crate::boundary)
/// or `#[pg_guard]`), so the error unwinds through Rust's frames first and their destructors run.
pub fn raise(error: PgError) -> ! {
    let lines = [Some(&error.message), error.detail.as_ref(), error.hint.as_ref()];
    if lines.into_iter().flatten().any(|line| matches!(to_server(line), Cow::Owned(_))) {
        let [message, detail, hint] = lines.map(|line| line.map(|line| c_string(line)));
        let code = sql_error_code(&error);
        // SAFETY: in a backend's main thread; the strings are made, and the call of
        // PostgreSQL is direct.
        unsafe {
            boundary::call(|| {
                report(PgLogLevel::ERROR, code, &message, &detail, &hint);
            });
        }
        unreachable!("a report at level ERROR does not return")
    }
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

/// Reports `message` at a `level` below ERROR.
pub fn tell(level: PgLogLevel, message: &str) {
    let message = Some(c_string(message));
    let code = PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION;
    // SAFETY: as for `raise`.
    unsafe { boundary::call(|| report(level, code, &message, &None, &None)) }
}

unsafe extern "C-unwind" {
    // Without pgrx's wrappers, and not with its reports, whose lines must be UTF-8.
    fn errstart(level: c_int, domain: *const c_char) -> bool;
    fn errcode(code: c_int) -> c_int;
    fn errmsg_internal(format: *const c_char, ...) -> c_int;
    fn errdetail_internal(format: *const c_char, ...) -> c_int;
    fn errhint(format: *const c_char, ...) -> c_int;
    fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
}

/// `ereport`.
///
/// # Safety
///
/// Within [`boundary::call`].
unsafe fn report(
    level: PgLogLevel,
    code: PgSqlErrorCode,
    message: &Option<CString>,
    detail: &Option<CString>,
    hint: &Option<CString>,
) {
    const TEXT: &CStr = c"%s";
    // SAFETY: the caller's promise; formats with their one argument, a string.
    unsafe {
        if !errstart(level as c_int, std::ptr::null()) {
            return;
        }
        errcode(code as c_int);
        if let Some(message) = message {
            errmsg_internal(TEXT.as_ptr(), message.as_ptr());
        }
        if let Some(detail) = detail {
            errdetail_internal(TEXT.as_ptr(), detail.as_ptr());
        }
        if let Some(hint) = hint {
            errhint(TEXT.as_ptr(), hint.as_ptr());
        }
        errfinish(c"error.rs".as_ptr(), 0, c"report".as_ptr());
    }
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
