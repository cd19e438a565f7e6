//! Clauses as filters of a feed.

use crate::datum;
use crate::planner::outputs::Outputs;
use crate::planner::translate::expressions::Translator;
use crate::planner::translate::params::Params;
use pgrx::pg_sys;

/// `clause` as a filter of the feed of a leaf with these columns, if it is one.
///
/// # Safety
///
/// All are of the planner call under way.
pub unsafe fn feed_filter(columns: &Outputs, clause: *mut pg_sys::Node) -> Option<datum::Filter> {
    let mut params = Params::default();
    // SAFETY: the caller's promise.
    let typed = unsafe { Translator::new(columns, &mut params).translate(clause).ok()? };
    let types: Vec<_> = columns.0.iter().map(|column| column.ty).collect();
    datum::Filter::of(&typed.expr, &types)
}
