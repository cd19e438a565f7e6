//! Columns put together of what was computed for some of the rows at a time.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::interleave;
use arrow::datatypes::DataType;
use datafusion_common::Result;

/// Values computed for different rows, to be merged into one column. Rows for
/// which nothing was computed are NULL.
pub(crate) struct Parts {
    arrays: Vec<ArrayRef>,
    /// For each row, its array (counted from one, zero being NULL) and place.
    places: Vec<(usize, usize)>,
}

impl Parts {
    /// No values for any of `rows`.
    pub(crate) fn new(rows: usize) -> Self {
        Self { arrays: Vec::new(), places: vec![(0, 0); rows] }
    }

    /// Adds the values of the rows in `selection`.
    pub(crate) fn add(&mut self, values: ArrayRef, selection: &BooleanBuffer) {
        self.arrays.push(values);
        let part = self.arrays.len();
        for (index, row) in selection.set_indices().enumerate() {
            self.places[row] = (part, index);
        }
    }

    /// The merged column, of type `ty`.
    pub(crate) fn merge(self, ty: &DataType) -> Result<ArrayRef> {
        let null = new_null_array(ty, 1);
        let arrays: Vec<&dyn Array> =
            std::iter::once(&null).chain(&self.arrays).map(|array| array.as_ref()).collect();
        Ok(interleave(&arrays, &self.places)?)
    }
}
