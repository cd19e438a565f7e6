//! The aggregate and window calls of a query level.

use crate::nodes::tag;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::c_void;
use std::ptr;

/// The calls of one query level in an expression.
#[derive(Default)]
pub struct Calls {
    /// Aggregate calls.
    pub aggregates: Vec<*mut pg_sys::Aggref>,
    /// Window calls.
    pub windows: Vec<*mut pg_sys::WindowFunc>,
    /// How many subqueries are around what is looked at.
    depth: pg_sys::Index,
}

impl Calls {
    /// The calls in `node`, an expression or a list of some, that belong to its own query
    /// level. PostgreSQL's `pull_var_clause` is for what the planner has prepared: a query
    /// around the one being planned may still have sublinks, in which there may be
    /// aggregates of its own, and columns of the queries around it.
    ///
    /// # Safety
    ///
    /// `node` is NULL, or an expression or list of a valid query or plan.
    pub unsafe fn of(node: *const pg_sys::Node) -> Self {
        let mut calls = Self::default();
        // SAFETY: the caller's promise; the walker gets what it expects.
        unsafe { collect(node.cast_mut(), ptr::from_mut(&mut calls).cast()) };
        calls
    }
}

/// A tree walker, never done before the end.
#[pg_guard]
unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: nodes of a valid tree and the context of `Calls::of`, by the walkers' contract.
    unsafe {
        let calls = &mut *context.cast::<Calls>();
        match tag(node) {
            NodeTag::T_Invalid => return false,
            NodeTag::T_Query => {
                calls.depth += 1;
                pg_sys::query_tree_walker(node.cast(), Some(collect), context, 0);
                (*context.cast::<Calls>()).depth -= 1;
                return false;
            }
            NodeTag::T_Aggref if (*node.cast::<pg_sys::Aggref>()).agglevelsup == calls.depth => {
                // There is none of the same level in its arguments.
                calls.aggregates.push(node.cast());
                return false;
            }
            NodeTag::T_WindowFunc if calls.depth == 0 => calls.windows.push(node.cast()),
            _ => {}
        }
        pg_sys::expression_tree_walker(node, Some(collect), context)
    }
}
