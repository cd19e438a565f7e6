//! What the plan nodes carry from planning to execution, in a form that PostgreSQL
//! can copy, cache and print; and the names of the nodes.

use crate::datum::{Filter, varlena};
use crate::nodes::{cast, iter, list_of, oids};
use fusion_page::MAX_LEAVES;
use fusion_plan::{DataType, PgError, Plan, encode};
use pgrx::pg_sys;
use std::ffi::CStr;

/// Name of the node that runs a fusion plan.
pub const FUSION_NAME: &CStr = c"PgFusion";
/// Name of the node that feeds one leaf.
pub const FEED_NAME: &CStr = c"Feed";
/// Name of the node that parallel workers run.
pub const FEEDS_NAME: &CStr = c"Feeds";

/// What a Feed plan node carries: its leaf's number and the types of the columns.
#[derive(serde::Deserialize, serde::Serialize)]
pub struct FeedPlan {
    /// The number of the leaf.
    pub leaf: usize,
    /// The types of its columns.
    pub types: Vec<DataType>,
    /// The number of columns of its plan: those after the first are for the filters.
    pub columns: usize,
    /// Conditions that the feed evaluates, in evaluation order.
    pub filters: Vec<Filter>,
}

impl FeedPlan {
    /// Makes the plan node `scan` carry this.
    ///
    /// # Errors
    ///
    /// If it cannot be encoded.
    ///
    /// # Safety
    ///
    /// `scan` is a Feed node of the planner call under way.
    pub unsafe fn store(&self, scan: *mut pg_sys::CustomScan) -> Result<(), PgError> {
        let bytes =
            postcard::to_stdvec(self).map_err(|error| PgError::internal(error.to_string()))?;
        // SAFETY: the caller's promise.
        unsafe { (*scan).custom_private = list_of([constant(&bytes)]) };
        Ok(())
    }

    /// What the plan node `scan` carries.
    ///
    /// # Errors
    ///
    /// If it is none of this library's.
    ///
    /// # Safety
    ///
    /// `scan` is a valid plan node.
    pub unsafe fn read(scan: *const pg_sys::CustomScan) -> Result<Self, PgError> {
        // SAFETY: the caller's promise.
        unsafe { constant_bytes((*scan).custom_private) }
            .and_then(|bytes| postcard::from_bytes(bytes).ok())
            .filter(|plan: &Self| plan.leaf < MAX_LEAVES)
            .ok_or_else(|| PgError::internal("a Feed node without a plan"))
    }
}

/// What a PgFusion plan node carries: the fusion plan as a bytea constant, and a
/// list of the functions that the engine computes.
pub struct Carried;

impl Carried {
    /// What a node carries that runs `plan`, of which the engine computes `functions`.
    ///
    /// # Errors
    ///
    /// If the plan cannot be encoded.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread.
    pub unsafe fn store(
        plan: &Plan,
        functions: &[pg_sys::Oid],
    ) -> Result<*mut pg_sys::List, PgError> {
        let bytes = encode(plan).map_err(|error| PgError::internal(error.to_string()))?;
        // SAFETY: planning runs in a backend's main thread.
        unsafe {
            let mut oids = std::ptr::null_mut();
            for function in functions {
                oids = pg_sys::lappend_oid(oids, *function);
            }
            Ok(list_of([constant(&bytes).cast::<pg_sys::Node>(), oids.cast()]))
        }
    }

    /// The encoded fusion plan of a PgFusion plan node.
    ///
    /// # Safety
    ///
    /// `scan` is a plan node of ours; the bytes live as long as it does.
    pub unsafe fn plan_bytes<'a>(scan: *const pg_sys::CustomScan) -> Option<&'a [u8]> {
        // SAFETY: the caller's promise.
        unsafe { constant_bytes((*scan).custom_private) }
    }

    /// The functions that the engine computes for a PgFusion plan node.
    ///
    /// # Safety
    ///
    /// `scan` is a plan node of ours.
    pub unsafe fn functions(scan: *const pg_sys::CustomScan) -> Vec<pg_sys::Oid> {
        // SAFETY: the caller's promise: the second part is NIL or a list of
        // OIDs.
        unsafe {
            let Some(list) = iter::<pg_sys::List>((*scan).custom_private).nth(1) else {
                return Vec::new();
            };
            oids(list)
        }
    }
}

/// Bytes as a constant, which PostgreSQL can copy, cache and print.
unsafe fn constant(bytes: &[u8]) -> *mut pg_sys::Const {
    // SAFETY: planning runs in a backend's main thread.
    unsafe {
        let none = pg_sys::Oid::INVALID;
        pg_sys::makeConst(pg_sys::BYTEAOID, -1, none, -1, varlena(bytes), false, false)
    }
}

/// The bytes of the constant that `list` begins with.
unsafe fn constant_bytes<'a>(list: *const pg_sys::List) -> Option<&'a [u8]> {
    // SAFETY: a valid list of nodes; our constant is a plain varlena, or a short one.
    unsafe {
        let constant: &pg_sys::Const = cast(iter::<pg_sys::Const>(list).next()?)?;
        let varlena = constant.constvalue.cast_mut_ptr::<pg_sys::varlena>();
        Some(pgrx::varlena_to_byte_slice(varlena))
    }
}
