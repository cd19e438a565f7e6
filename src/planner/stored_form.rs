//! The form in which PostgreSQL stores a value, where a query shows it.
//!
//! A value that the engine only passes on keeps its form (`Plan::forwarding`). One that the
//! engine reads and returns comes back with a plain header, whatever it had: that is the
//! same value, and only functions that show how a value is stored tell the difference. In
//! a query that calls one, such values are left to PostgreSQL.

use super::build::{Built, build};
use super::fragment::Fragment;
use super::outputs::needed_columns;
use super::report::reason::Reason;
use crate::nodes;
use crate::version;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::{CStr, c_void};

/// The functions that show a value's form: `pg_column_size`, `pg_column_compression`, and,
/// since PostgreSQL 17, `pg_column_toast_chunk_id`.
const SHOWING: [u32; 3] = [
    pg_sys::F_PG_COLUMN_SIZE,
    pg_sys::F_PG_COLUMN_COMPRESSION,
    version::F_PG_COLUMN_TOAST_CHUNK_ID,
];

/// What the sources of functions that call these have in common.
const NAME: &[u8] = b"pg_column_";

/// Whether `query` calls a function that shows the form of its argument, maybe within a
/// function whose source says so.
///
/// # Safety
///
/// `query` is a valid query; runs in a backend's main thread.
pub unsafe fn is_shown(query: *mut pg_sys::Query) -> bool {
    // SAFETY: the caller's promise.
    unsafe { calls(query.cast(), std::ptr::null_mut()) }
}

#[pg_guard]
unsafe extern "C-unwind" fn calls(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: a node of a valid query, as the walkers give them.
    unsafe {
        if node.is_null() {
            return false;
        }
        if nodes::tag(node) == NodeTag::T_Query {
            return pg_sys::query_or_expression_tree_walker(node, Some(calls), context, 0);
        }
        pg_sys::check_functions_in_node(node, Some(shows), context)
            || pg_sys::expression_tree_walker(node, Some(calls), context)
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn shows(function: pg_sys::Oid, _context: *mut c_void) -> bool {
    let number = function.to_u32();
    // SAFETY: called while a query is walked, in a backend's main thread.
    SHOWING.contains(&number)
        || (number >= pg_sys::FirstNormalObjectId && unsafe { source_shows(function) })
}

/// Whether the source of a function, text or parsed, names one of [`SHOWING`].
unsafe fn source_shows(function: pg_sys::Oid) -> bool {
    let parsed = SHOWING.map(|number| format!(":funcid {number} ").into_bytes());
    // SAFETY: a tuple of the catalog is released when its attributes have been read.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(function));
        if tuple.is_null() {
            return false;
        }
        let source = |attribute: u32| {
            let mut is_null = false;
            let number = attribute as pg_sys::AttrNumber;
            let text = pg_sys::SysCacheGetAttr(cache, tuple, number, &raw mut is_null);
            if is_null {
                return Vec::new();
            }
            CStr::from_ptr(pg_sys::text_to_cstring(text.cast_mut_ptr())).to_bytes().to_vec()
        };
        let text = source(pg_sys::Anum_pg_proc_prosrc);
        let body = source(pg_sys::Anum_pg_proc_prosqlbody);
        pg_sys::ReleaseSysCache(tuple);
        let contains = |text: &[u8], part: &[u8]| text.windows(part.len()).any(|at| at == part);
        contains(&text, NAME) || parsed.iter().any(|call| contains(&body, call))
    }
}

/// Whether the columns that `exprs` and the pending conditions need come out of `fragment`
/// in the form in which they are stored.
///
/// # Errors
///
/// If they do not: which is the first that does not.
///
/// # Safety
///
/// Runs in the planner call that made the fragment, to which `exprs` belong.
pub unsafe fn check(
    root: *mut pg_sys::PlannerInfo,
    fragment: &Fragment,
    exprs: *const pg_sys::List,
) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        let needed = needed_columns(exprs, &fragment.pending);
        let Built { plan, outputs, .. } = build(root, fragment, &needed)?;
        let lost = plan.forwarding(&[]).loses_forms();
        match outputs.0.iter().zip(lost).find(|(_, lost)| *lost) {
            Some((column, _)) => {
                Err(Reason::from("its stored form is shown, and lost").about(column.expr))
            }
            None => Ok(()),
        }
    }
}
