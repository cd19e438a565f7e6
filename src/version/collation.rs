//! What a collation says of itself (`pg_locale.h`).

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

/// Whether `collation` knows upper and lower case of ASCII letters only, as C and
/// POSIX do.
///
/// # Safety
///
/// As for [`collation_orders_by_byte`].
pub unsafe fn collation_folds_ascii_only(collation: pg_sys::Oid) -> bool {
    if collation == pg_sys::Oid::INVALID {
        return false;
    }
    #[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17"))]
    {
        unsafe extern "C-unwind" {
            fn lc_ctype_is_c(collation: pg_sys::Oid) -> bool;
        }
        // SAFETY: declared as in pg_locale.h; the caller's promise.
        unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| lc_ctype_is_c(collation)) }
    }
    #[cfg(feature = "pg18")]
    {
        // SAFETY: the caller's promise; the result is never NULL.
        unsafe { (*pg_sys::pg_newlocale_from_collation(collation)).ctype_is_c }
    }
}
