//! What EXPLAIN shows: lists of lines, and with `pg_fusion.explain_reasons` why
//! parts of the query stay in PostgreSQL.
//!
//! The reasons belong to a query, not to a plan node, so they stand behind its
//! plan as its times do. PostgreSQL calls no hook there: what comes before is
//! written and the query's group closed when its own code returns. So the group
//! is opened again for them.

use crate::boundary;
use crate::encoding::c_string;
use crate::guc;
use crate::nodes::list_of;
use crate::planner;
use crate::version;
use pgrx::pg_sys::{self, ExplainFormat};
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};

thread_local! {
    static PREVIOUS: Cell<pg_sys::ExplainOneQuery_hook_type> = const { Cell::new(None) };
}

/// Installs the hook. Called once, in the postmaster.
///
/// # Safety
///
/// Runs in the main thread, from `_PG_init`.
pub unsafe fn install() {
    // SAFETY: a plain function pointer that only this thread touches.
    unsafe {
        PREVIOUS.set(pg_sys::ExplainOneQuery_hook);
        pg_sys::ExplainOneQuery_hook = Some(explain_one_query);
    }
}

unsafe extern "C-unwind" fn explain_one_query(
    query: *mut pg_sys::Query,
    options: c_int,
    into: *mut pg_sys::IntoClause,
    es: *mut pg_sys::ExplainState,
    text: *const c_char,
    params: pg_sys::ParamListInfo,
    env: *mut pg_sys::QueryEnvironment,
) {
    // SAFETY: the arguments are passed on as they came.
    unsafe {
        boundary::guard(|| {
            let report = guc::EXPLAIN_REASONS.get().then(planner::request_report);
            boundary::call(|| match PREVIOUS.get() {
                Some(hook) => hook(query, options, into, es, text, params, env),
                None => version::explain_one_query(query, options, into, es, text, params, env),
            });
            if let Some(lines) = report.and_then(|report| report.answer()) {
                let costs = (*es).costs;
                let lines: Vec<_> = lines.iter().map(|line| (0, line.text(costs))).collect();
                write_reasons(es, &lines);
            }
        });
    }
}

/// Writes the reasons in the group of the query that was written last. Where
/// there are none, text has no heading; the other formats, an empty list.
unsafe fn write_reasons(es: *mut pg_sys::ExplainState, lines: &[(usize, String)]) {
    // SAFETY: a valid state.
    unsafe {
        let text = (*es).format == ExplainFormat::EXPLAIN_FORMAT_TEXT;
        if text && lines.is_empty() {
            return;
        }
        let (object, label) = (c"Query".as_ptr(), std::ptr::null());
        if !reopen_group(es, "Query") {
            pg_sys::ExplainOpenGroup(object, label, true, es);
        }
        write_list(es, c"Fusion Reasons", lines);
        pg_sys::ExplainCloseGroup(object, label, true, es);
    }
}

/// Undoes the `ExplainCloseGroup` of a group without a label that holds labelled
/// values, if nothing was written since.
unsafe fn reopen_group(es: *mut pg_sys::ExplainState, object: &str) -> bool {
    // SAFETY: a valid state, whose buffer ends with a zero byte that is not
    // counted in its length; cutting it short keeps it so.
    unsafe {
        let indent = " ".repeat(2 * (*es).indent.max(0) as usize);
        let end = match (*es).format {
            ExplainFormat::EXPLAIN_FORMAT_XML => format!("{indent}</{object}>\n"),
            ExplainFormat::EXPLAIN_FORMAT_JSON => format!("\n{indent}}}"),
            _ => String::new(),
        };
        let buffer = (*es).str_;
        let written =
            std::slice::from_raw_parts((*buffer).data.cast::<u8>(), (*buffer).len as usize);
        if !written.ends_with(end.as_bytes()) {
            return false;
        }
        (*buffer).len -= end.len() as i32;
        *(*buffer).data.add((*buffer).len as usize) = 0;
        if (*es).format != ExplainFormat::EXPLAIN_FORMAT_TEXT {
            (*es).indent += 1;
        }
        // These formats note per group whether anything stands in it yet.
        if matches!(
            (*es).format,
            ExplainFormat::EXPLAIN_FORMAT_JSON | ExplainFormat::EXPLAIN_FORMAT_YAML
        ) {
            (*es).grouping_stack = pg_sys::lcons_int(1, (*es).grouping_stack);
        }
        true
    }
}

/// Writes lines, each with its depth, below a heading: in text as they are, in
/// the other formats as a list of strings, indented by their depth.
///
/// # Safety
///
/// `es` is a valid state within a group of labelled values.
pub unsafe fn write_list(es: *mut pg_sys::ExplainState, heading: &CStr, lines: &[(usize, String)]) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*es).format == ExplainFormat::EXPLAIN_FORMAT_TEXT {
            write_line(es, &format!("{}:", heading.to_string_lossy()), 0);
            for (depth, line) in lines {
                write_line(es, line, depth + 1);
            }
        } else {
            let lines = lines.iter().map(|(depth, line)| {
                let line = c_string(&format!("{:1$}{line}", "", depth * 2));
                pg_sys::pstrdup(line.as_ptr())
            });
            pg_sys::ExplainPropertyList(heading.as_ptr(), list_of(lines), es);
        }
    }
}

/// Appends one line of text at the state's indentation and `depth` more.
///
/// # Safety
///
/// `es` is a valid state, whose format is text.
pub unsafe fn write_line(es: *mut pg_sys::ExplainState, line: &str, depth: usize) {
    let line = c_string(line);
    // SAFETY: a valid state and string.
    unsafe {
        let indent = (*es).indent * 2 + depth as i32 * 2;
        pg_sys::appendStringInfoSpaces((*es).str_, indent);
        pg_sys::appendStringInfoString((*es).str_, line.as_ptr());
        pg_sys::appendStringInfoChar((*es).str_, b'\n' as c_char);
    }
}
