//! `name`: up to 63 bytes in a field of 64.

use pgrx::pg_sys;

const SIZE: usize = pg_sys::NAMEDATALEN as usize;

/// The bytes of a name, up to its first zero.
///
/// # Safety
///
/// `datum` is a name; the bytes live as long as it.
pub unsafe fn bytes<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the caller's promise: a name is an array of this size.
    let field = unsafe { &*datum.cast_mut_ptr::<[u8; SIZE]>() };
    let length = field.iter().position(|byte| *byte == 0).unwrap_or(SIZE);
    &field[..length]
}

/// The name with these bytes, in the current memory context. The rest of the
/// field is zero, as `namein` leaves it.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn datum(bytes: &[u8]) -> pg_sys::Datum {
    let length = bytes.len().min(SIZE - 1);
    // SAFETY: `palloc0` returns as many zeroed bytes as asked for.
    unsafe {
        let field = pg_sys::palloc0(SIZE).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), field, length);
        pg_sys::Datum::from(field)
    }
}
