//! Values picked out of batches and kept.

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array, new_empty_array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use std::collections::VecDeque;
use std::sync::Arc;

/// A growing column in memory of the engine's own.
#[derive(Debug)]
pub(crate) struct Gathered {
    ty: DataType,
    parts: VecDeque<ArrayRef>,
    rows: usize,
    bytes: usize,
}

impl Gathered {
    /// No values of type `ty`.
    pub(crate) fn new(ty: DataType) -> Self {
        Self { ty, parts: VecDeque::new(), rows: 0, bytes: 0 }
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// The bytes that the values take.
    pub(crate) fn size(&self) -> usize {
        self.bytes + self.parts.capacity() * size_of::<ArrayRef>()
    }

    /// Appends the values of `column` at `rows`, and NULL where that is NULL.
    pub(crate) fn append(&mut self, column: &ArrayRef, rows: &UInt32Array) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.push(owned(take(column, rows, None)?));
        Ok(())
    }

    fn push(&mut self, part: ArrayRef) {
        self.rows += part.len();
        self.bytes += part.get_array_memory_size();
        self.parts.push_back(part);
    }

    /// Removes the first `count` values, or all if there are fewer.
    pub(crate) fn take_first(&mut self, count: usize) -> Result<ArrayRef> {
        let mut missing = count.min(self.rows);
        let mut taken: Vec<ArrayRef> = Vec::new();
        while missing > 0
            && let Some(part) = self.parts.pop_front()
        {
            self.bytes -= part.get_array_memory_size();
            self.rows -= part.len();
            if part.len() > missing {
                // The rest gets memory of its own, or the account would hold all
                // of it until the last value is gone.
                let (rest, length) = (missing, part.len() - missing);
                let rows: UInt32Array = (rest as u32..(rest + length) as u32).collect();
                let rest = owned(take(&part, &rows, None)?);
                self.rows += rest.len();
                self.bytes += rest.get_array_memory_size();
                self.parts.push_front(rest);
                taken.push(part.slice(0, missing));
                break;
            }
            missing -= part.len();
            taken.push(part);
        }
        let taken: Vec<&dyn Array> = taken.iter().map(|part| part.as_ref()).collect();
        match taken.is_empty() {
            true => Ok(new_empty_array(&self.ty)),
            false => Ok(concat(&taken)?),
        }
    }
}

/// The first row of each of the groups from `known` to `total`, given the group
/// of every row; NULL for a group without a row.
pub(crate) fn first_rows(groups: &[usize], known: usize, total: usize) -> UInt32Array {
    let mut rows = vec![None; total.saturating_sub(known)];
    for (row, group) in groups.iter().enumerate() {
        if let Some(first) = group.checked_sub(known).and_then(|group| rows.get_mut(group)) {
            first.get_or_insert(row as u32);
        }
    }
    rows.into()
}

/// A freshly made array with what its views point to in memory of its own.
pub(crate) fn owned(array: ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        _ => array,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::StringViewArray;

    fn column(values: &[&str]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()).to_binary_view())
    }

    #[test]
    fn values_come_out_in_order_and_the_account_is_settled() {
        let mut gathered = Gathered::new(DataType::BinaryView);
        let source = column(&["zero", "one, longer than twelve bytes", "two"]);
        gathered.append(&source, &vec![Some(1), None].into()).unwrap();
        gathered.append(&source, &vec![2, 0, 2].into()).unwrap();
        gathered.append(&source, &UInt32Array::from(Vec::<u32>::new())).unwrap();
        assert_eq!(gathered.len(), 5);
        let first = gathered.take_first(3).unwrap();
        let first = first.as_text();
        let first: Vec<_> = first.iter().collect();
        assert_eq!(first, [Some("one, longer than twelve bytes"), None, Some("two")]);
        let rest = gathered.take_first(usize::MAX).unwrap();
        assert_eq!(&rest, &column(&["zero", "two"]));
        assert_eq!((gathered.len(), gathered.bytes), (0, 0));
        assert!(gathered.take_first(1).unwrap().is_empty());
    }

    #[test]
    fn nothing_is_shared_with_the_source() {
        let source = column(&["one, longer than twelve bytes"]);
        let mut gathered = Gathered::new(DataType::BinaryView);
        gathered.append(&source, &vec![0].into()).unwrap();
        let copy = gathered.take_first(1).unwrap();
        let buffer = |array: &ArrayRef| array.as_text().data_buffers()[0].as_ptr();
        assert_ne!(buffer(&copy), buffer(&source));
    }
}
