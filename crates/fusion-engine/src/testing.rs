//! What unit tests share.

use arrow::array::{Array, AsArray, StringViewArray};

/// Text, which is bytes in the engine, as strings.
pub(crate) trait AsText {
    /// The strings; fails if one is not valid.
    fn as_text(&self) -> StringViewArray;
}

impl<T: Array> AsText for T {
    fn as_text(&self) -> StringViewArray {
        let bytes = (self as &dyn Array).as_binary_view().clone();
        bytes.to_string_view().expect("text that is not valid")
    }
}
