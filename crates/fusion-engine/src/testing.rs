//! What unit tests share.

use arrow::array::{Array, ArrayRef, AsArray, BinaryViewArray, StringViewArray};
use fusion_scalar::numeric::{Number, numeric_in, numeric_out};
use std::sync::Arc;

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

/// These numbers as PostgreSQL stores them.
pub(crate) fn numbers(texts: &[Option<&str>]) -> ArrayRef {
    let stored = texts.iter().map(|text| {
        text.map(|text| {
            let mut bytes = Vec::new();
            numeric_in(text.as_bytes(), None, &mut bytes).unwrap();
            bytes
        })
    });
    Arc::new(BinaryViewArray::from_iter(stored))
}

/// Stored numbers as PostgreSQL shows them.
pub(crate) fn texts(array: &ArrayRef) -> Vec<Option<String>> {
    let shown = |bytes: Option<&[u8]>| {
        bytes.map(|bytes| {
            let mut text = String::new();
            numeric_out(Number::parse(bytes), &mut text);
            text
        })
    };
    array.as_binary_view().iter().map(shown).collect()
}
