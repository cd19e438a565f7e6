//! Which paths are ours, and what they carry.

use super::plan::plan_custom_path;
use crate::carried::FUSION_NAME;
use crate::nodes::{Tagged, cast, iter};
use pgrx::pg_sys;

impl Tagged for pg_sys::CustomPath {
    const TAG: pg_sys::NodeTag = pg_sys::NodeTag::T_CustomPath;
}

struct PathMethods(pg_sys::CustomPathMethods);
// SAFETY: immutable, and its only pointers are to static data.
unsafe impl Sync for PathMethods {}

static PATH_METHODS: PathMethods = PathMethods(pg_sys::CustomPathMethods {
    CustomName: FUSION_NAME.as_ptr(),
    PlanCustomPath: Some(plan_custom_path),
    ReparameterizeCustomPathByChild: None,
});

/// The methods of our paths.
pub fn path_methods() -> *const pg_sys::CustomPathMethods {
    &raw const PATH_METHODS.0
}

/// What an offer attached to one of our paths: the fragment's number and the
/// expressions of the target it had then. (PostgreSQL may put another target
/// on the path later, made of the same columns.)
///
/// # Safety
///
/// `path` is one of ours.
pub unsafe fn private(path: *const pg_sys::CustomPath) -> Option<(usize, *mut pg_sys::List)> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut parts = iter::<pg_sys::Node>((*path).custom_private);
        let number: &pg_sys::Integer = cast(parts.next()?)?;
        Some((usize::try_from(number.ival).ok()?, parts.next()?.cast()))
    }
}

/// Whether `path` is one of ours.
///
/// # Safety
///
/// `path` is a valid path.
pub unsafe fn is_ours(path: *const pg_sys::Path) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        cast::<pg_sys::CustomPath, _>(path)
            .is_some_and(|path| std::ptr::eq(path.methods, path_methods()))
    }
}
