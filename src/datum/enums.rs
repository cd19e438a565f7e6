//! Enums: a value travels as its place in its type's order, in the upper half of
//! a 64-bit integer, and its OID in the lower half. So integers compare as
//! `enum_cmp` compares the values, and are equal only if the OIDs are.

use fusion_plan::{PgError, SqlState};
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;

/// The values met so far. `ALTER TYPE ... ADD VALUE` may renumber the places of
/// a type, so a cache lives no longer than the scan of a leaf.
#[derive(Default)]
pub struct Cache(RefCell<HashMap<u32, u64>>);

impl Cache {
    /// As [`value`].
    ///
    /// # Errors
    ///
    /// As for [`value`].
    ///
    /// # Safety
    ///
    /// As for [`value`].
    pub unsafe fn value(&self, oid: u32) -> Result<u64, PgError> {
        let known = self.0.borrow().get(&oid).copied();
        if let Some(value) = known {
            return Ok(value);
        }
        // SAFETY: the caller's promise.
        let value = unsafe { value(oid)? };
        self.0.borrow_mut().insert(oid, value);
        Ok(value)
    }
}

/// The form in which enum value `oid` travels.
///
/// # Errors
///
/// If there is no such value.
///
/// # Safety
///
/// Runs in a backend's main thread, in a transaction.
pub unsafe fn value(oid: u32) -> Result<u64, PgError> {
    let cache = pg_sys::SysCacheIdentifier::ENUMOID as i32;
    // SAFETY: the caller's promise; the tuple is that of pg_enum, whose fixed
    // part is the struct, and is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::Datum::from(oid));
        if tuple.is_null() {
            let sqlstate = SqlState(*b"22P03");
            let message = format!("invalid internal value for enum: {oid}");
            return Err(PgError::new(sqlstate, message));
        }
        let form: *const pg_sys::FormData_pg_enum = pg_sys::GETSTRUCT(tuple).cast();
        let place = (*form).enumsortorder;
        pg_sys::ReleaseSysCache(tuple);
        Ok(u64::from(ordered(place)) << 32 | u64::from(oid))
    }
}

/// The OID of a value in the form in which it travels.
pub fn oid(value: u64) -> u32 {
    value as u32
}

/// Bits that order as the numbers do.
fn ordered(place: f32) -> u32 {
    let bits = place.to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_order_as_the_places_do() {
        let places = [-2.0, -1.5, 0.0, 0.25, 1.0, 1.5, 2.0, 100.0];
        let bits = places.map(ordered);
        assert!(bits.is_sorted_by(|a, b| a < b));
        assert_eq!(oid(u64::from(bits[3]) << 32 | 16_384), 16_384);
    }
}
