//! How large a value may become, and what PostgreSQL says when it is larger.

use fusion_plan::{PgError, SqlState};

/// `MaxAllocSize`: what `palloc` gives at most.
const MAX_ALLOCATION: usize = 0x3fff_ffff;

/// The length word of a value.
pub(super) const HEADER: usize = 4;

/// `palloc` for a value of `bytes` bytes without its header.
///
/// # Errors
///
/// `invalid memory alloc request size`.
pub(super) fn allocate(bytes: usize) -> Result<(), PgError> {
    let size = bytes.saturating_add(HEADER);
    match size > MAX_ALLOCATION {
        true => Err(PgError::internal(format!("invalid memory alloc request size {size}"))),
        false => Ok(()),
    }
}

/// `enlargeStringInfo`: a buffer of `length` bytes is to take `more`.
///
/// # Errors
///
/// `out of memory`, with a detail.
pub(super) fn enlarge(length: usize, more: usize) -> Result<(), PgError> {
    if more < MAX_ALLOCATION.saturating_sub(length) {
        return Ok(());
    }
    let detail =
        format!("Cannot enlarge string buffer containing {length} bytes by {more} more bytes.");
    Err(PgError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory").with_detail(detail))
}

/// Checks a length in characters or bytes that the caller asked for, as `lpad` and
/// its kin do it: by the worst case, `unit` bytes for each of `count`.
///
/// # Errors
///
/// `requested length too large`.
pub(super) fn request(count: usize, unit: usize) -> Result<(), PgError> {
    let size = count.checked_mul(unit).and_then(|size| size.checked_add(HEADER));
    match size {
        Some(size) if size <= MAX_ALLOCATION => Ok(()),
        _ => Err(PgError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "requested length too large")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_of_postgresql() {
        assert!(allocate(0x3fff_fffb).is_ok());
        let error = allocate(0x3fff_fffc).unwrap_err();
        assert_eq!(error.message, "invalid memory alloc request size 1073741824");
        assert!(request(268_435_454, 4).is_ok());
        assert!(request(268_435_455, 4).is_err());
        assert!(request(usize::MAX, 4).is_err());
        assert!(enlarge(10, 1_073_741_812).is_ok());
        let error = enlarge(10, 1_073_741_813).unwrap_err();
        assert_eq!(error.sqlstate.as_str(), "54000");
        let detail = "Cannot enlarge string buffer containing 10 bytes by 1073741813 more bytes.";
        assert_eq!(error.detail.as_deref(), Some(detail));
    }
}
