//! What differs between PostgreSQL versions.
//!
//! The rest of the extension is written against one set of names, those of
//! PostgreSQL 15 where there is a choice; this module maps them.

use pgrx::pg_sys;

/// Whether `collation` orders text byte by byte.
///
/// PostgreSQL 15 to 17 export `lc_collate_is_c`; 18 keeps the answer in the
/// locale object.
///
/// # Safety
///
/// Must run in a backend's main thread; `collation` exists.
pub unsafe fn collation_orders_by_byte(collation: pg_sys::Oid) -> bool {
    if collation == pg_sys::Oid::INVALID {
        return false;
    }
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
    {
        unsafe extern "C-unwind" {
            fn lc_collate_is_c(collation: pg_sys::Oid) -> bool;
        }
        // SAFETY: declared as in pg_locale.h; the caller's promise.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| lc_collate_is_c(collation)) }
    }
    #[cfg(feature = "pg18")]
    {
        // SAFETY: the caller's promise; the result is never NULL.
        unsafe { (*pg_sys::pg_newlocale_from_collation(collation)).collate_is_c }
    }
}

/// Whether the planner is in the genetic query optimiser's join search, which
/// builds and throws away join relations.
///
/// # Safety
///
/// `root` is valid.
pub unsafe fn in_genetic_search(root: *const pg_sys::PlannerInfo) -> bool {
    // SAFETY: the caller's promise. `standard_join_search` keeps its levels
    // here; the genetic search has none.
    unsafe { (*root).join_rel_level.is_null() }
}

/// The group clause after the planner removed redundant entries.
///
/// # Safety
///
/// `root` is valid and its preprocessing is done.
pub unsafe fn processed_group_clause(root: *const pg_sys::PlannerInfo) -> *mut pg_sys::List {
    #[cfg(feature = "pg15")]
    // SAFETY: the caller's promise. Up to version 15 the parse tree itself is
    // edited.
    unsafe {
        (*(*root).parse).groupClause
    }
    #[cfg(not(feature = "pg15"))]
    // SAFETY: the caller's promise.
    unsafe {
        (*root).processed_groupClause
    }
}

/// The signature of `planner_hook` has been the same since version 13; named
/// here so that a change has one place.
pub type PlannerHook = pg_sys::planner_hook_type;
