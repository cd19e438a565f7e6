//! Text that PostgreSQL gives us and we give back, for people to read: names, parts of
//! plans, messages. PostgreSQL's is in the encoding of the database, which our strings
//! carry byte for byte ([`from_server`], [`to_server`]); words of our own are ASCII, which
//! is the same in all of them.

use fusion_plan::{from_server, to_server};
use std::ffi::{CStr, CString, c_char};

/// A C string of PostgreSQL's.
///
/// # Safety
///
/// `text` is a string that ends with a zero byte.
pub unsafe fn string(text: *const c_char) -> String {
    // SAFETY: the caller's promise.
    from_server(unsafe { CStr::from_ptr(text) }.to_bytes()).into_owned()
}

/// `text` for PostgreSQL, up to the first zero byte: its strings have none.
pub fn c_string(text: &str) -> CString {
    let bytes = to_server(text);
    CString::new(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_encoding_come_back() {
        // SAFETY: a string with a zero byte at its end.
        let name = unsafe { string(c"\xc9\xbd".as_ptr()) };
        assert_eq!(c_string(&format!("Scan of {name}")).as_c_str(), c"Scan of \xc9\xbd");
        assert_eq!(c_string("a\0b").as_c_str(), c"a");
    }
}
