//! Deep copies, so that operators that keep their input never keep pages.

use super::plan::pass_through;
use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryViewArray, RecordBatch, RecordBatchOptions,
    make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::DataType;
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// The metric under which the copied bytes are counted.
pub(crate) const COPIED_BYTES: &str = "copied_bytes";

/// How much of a batch is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// All columns: the operator above keeps batches as they are.
    Everything,
    /// Only strings and bytes: the operator above takes rows out of its
    /// batches, which copies fixed-width values but not what views point to.
    Payloads,
    /// Strings and bytes that keep far more alive than themselves: rows that were
    /// sorted or merged share the buffers of all that they were taken from, and
    /// whoever holds a batch of them would be charged for all of it.
    Remote,
}

/// Passes its input on in memory of the engine's own.
///
/// It stands below the operators that keep batches or queue them between
/// threads: join build sides, sorts, repartitioning. Everything else streams,
/// and reads shared pages in place.
#[derive(Debug)]
pub(crate) struct CopyExec {
    input: Arc<dyn ExecutionPlan>,
    depth: Depth,
    metrics: ExecutionPlanMetricsSet,
}

impl CopyExec {
    /// Copies `input` to `depth`.
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, depth: Depth) -> Self {
        Self { input, depth, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for CopyExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CopyExec: depth={:?}", self.depth)
    }
}

impl ExecutionPlan for CopyExec {
    pass_through!(self => self.input, |input| Self::new(input, self.depth));

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let copied = MetricBuilder::new(&self.metrics).counter(COPIED_BYTES, partition);
        let depth = self.depth;
        let batches = input.map(move |batch| {
            let batch = batch?;
            let _timer = baseline.elapsed_compute().timer();
            baseline.record_output(batch.num_rows());
            copy_batch(&batch, depth, &copied)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

fn copy_batch(batch: &RecordBatch, depth: Depth, copied: &Count) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|column| copy_column(column, depth, copied))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}

/// The values of `column`, which keep no strings or bytes alive but their own: what views
/// reach is copied into new buffers. The views themselves, and columns of other types, may
/// be shared.
pub(super) fn compact(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        _ => Arc::clone(column),
    }
}

fn copy_column(column: &ArrayRef, depth: Depth, copied: &Count) -> Result<ArrayRef> {
    let compact: ArrayRef = match column.data_type() {
        DataType::BinaryView if depth == Depth::Remote && is_near(column.as_binary_view()) => {
            return Ok(Arc::clone(column));
        }
        // Only states of aggregates are lists, and those are the engine's own.
        DataType::List(_) => return Ok(Arc::clone(column)),
        DataType::BinaryView => compact(column),
        _ if depth != Depth::Everything => return Ok(Arc::clone(column)),
        _ => Arc::clone(column),
    };
    let data = compact.to_data();
    if depth != Depth::Everything {
        copied.add(data.buffers().iter().skip(1).map(Buffer::len).sum());
        return Ok(compact);
    }
    Ok(make_array(copy_data(&data, copied)?))
}

/// Whether at least half of what the views keep alive is their own.
fn is_near(views: &BinaryViewArray) -> bool {
    let kept: usize = views.data_buffers().iter().map(Buffer::len).sum();
    kept <= 2 * views.total_buffer_bytes_used()
}

/// A copy of `data` that borrows nothing. The buffers after the first, to which
/// views point, are the engine's own already.
fn copy_data(data: &ArrayData, copied: &Count) -> Result<ArrayData> {
    let copy = |bytes: &[u8]| {
        copied.add(bytes.len());
        Buffer::from_slice_ref(bytes)
    };
    let (offset, rows) = (data.offset(), data.len());
    let nulls = data.nulls().map(|nulls| {
        let bits = nulls.inner().sliced();
        NullBuffer::new(BooleanBuffer::new(copy(&bits), 0, rows))
    });
    let mut buffers = Vec::with_capacity(data.buffers().len());
    for (index, buffer) in data.buffers().iter().enumerate() {
        buffers.push(match data.data_type() {
            DataType::Boolean => copy(&BooleanBuffer::new(buffer.clone(), offset, rows).sliced()),
            _ if index > 0 => {
                copied.add(buffer.len());
                buffer.clone()
            }
            DataType::BinaryView => {
                copy(buffer.as_slice().get(offset * 16..(offset + rows) * 16).unwrap_or_default())
            }
            ty => {
                let width = match ty {
                    DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
                    ty => ty.primitive_width(),
                };
                let width =
                    width.ok_or_else(|| internal_datafusion_err!("no column has the type {ty}"))?;
                let range = offset * width..(offset + rows) * width;
                copy(buffer.as_slice().get(range).unwrap_or_default())
            }
        });
    }
    let copy = ArrayData::builder(data.data_type().clone()).len(rows).nulls(nulls).buffers(buffers);
    // SAFETY: the buffers hold the same bytes as those of `data`, a valid array
    // of this type and length, from its offset on.
    Ok(unsafe { copy.build_unchecked() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Decimal128Array, FixedSizeBinaryArray, StringViewArray};

    /// Where the bytes of `array` begin, buffer by buffer.
    fn addresses(array: &ArrayRef) -> Vec<*const u8> {
        let data = array.to_data();
        let nulls = data.nulls().map(|nulls| nulls.buffer().as_ptr());
        data.buffers().iter().map(|buffer| buffer.as_ptr()).chain(nulls).collect()
    }

    fn columns() -> Vec<ArrayRef> {
        let text =
            ["short", "a string of more than twelve bytes", "x", "another such string, longer"];
        vec![
            Arc::new(Decimal128Array::from(vec![Some(1), None, Some(3), Some(4)])),
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false), Some(true)])),
            Arc::new(StringViewArray::from(text.to_vec()).to_binary_view()),
            Arc::new(
                StringViewArray::from(vec![Some("inline"), None, Some("x"), Some("y")])
                    .to_binary_view(),
            ),
            Arc::new(
                FixedSizeBinaryArray::try_from_iter([b"0123456789abcdef"; 4].into_iter()).unwrap(),
            ),
        ]
    }

    #[test]
    fn a_full_copy_shares_nothing() {
        for column in columns() {
            for slice in [Arc::clone(&column), column.slice(1, 3), column.slice(2, 0)] {
                let copied = Count::new();
                let copy = copy_column(&slice, Depth::Everything, &copied).unwrap();
                assert_eq!(&copy, &slice);
                assert!(copy.to_data().validate_full().is_ok());
                assert!(slice.is_empty() || copied.value() > 0);
                let shared = addresses(&copy);
                assert!(
                    slice.is_empty() || !addresses(&slice).iter().any(|at| shared.contains(at))
                );
            }
        }
    }

    #[test]
    fn a_shallow_copy_moves_payloads_only() {
        let copied = Count::new();
        let columns = columns();
        let number = copy_column(&columns[0], Depth::Payloads, &copied).unwrap();
        assert_eq!((addresses(&number), copied.value()), (addresses(&columns[0]), 0));
        let text = copy_column(&columns[2], Depth::Payloads, &copied).unwrap();
        assert_eq!(&text, &columns[2]);
        assert_ne!(addresses(&text)[1], addresses(&columns[2])[1]);
        assert_eq!(copied.value(), 34 + 27);
    }

    #[test]
    fn views_that_keep_much_else_alive_are_copied() {
        let columns = columns();
        let texts = columns.iter().find(|column| column.data_type() == &DataType::BinaryView);
        let texts = texts.unwrap();
        let copied = Count::new();
        let near = copy_column(texts, Depth::Remote, &copied).unwrap();
        assert_eq!((addresses(&near), copied.value()), (addresses(texts), 0));
        let one = texts.slice(3, 1);
        let remote = copy_column(&one, Depth::Remote, &copied).unwrap();
        assert_eq!(&remote, &one);
        assert!(copied.value() > 0);
    }
}
