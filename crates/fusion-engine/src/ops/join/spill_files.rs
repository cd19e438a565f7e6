//! Spill files: rows of one side on disk.

use crate::ops::copy;
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_common::utils::memory::get_record_batch_memory_size;
use datafusion_execution::{SendableRecordBatchStream, SpillFile, TaskContext};
use datafusion_physical_plan::SpillManager;
use datafusion_physical_plan::metrics::SpillMetrics;
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt, stream};
use std::mem;
use std::sync::Arc;

/// The least and the most that waits to be written to one file.
const MIN_WRITE: usize = 4 * 1024;
const MAX_WRITE: usize = 64 * 1024;

/// Writes and reads files of rows of one side.
#[derive(Clone, Debug)]
pub(super) struct SpillFiles {
    manager: SpillManager,
    write: usize,
}

/// A file that is complete.
#[derive(Clone)]
pub(super) struct File {
    file: Arc<dyn SpillFile>,
    pub(super) rows: usize,
}

impl SpillFiles {
    /// Files of rows of `schema`, with a share of `limit` bytes of memory to write.
    pub(super) fn new(
        context: &TaskContext,
        schema: SchemaRef,
        metrics: SpillMetrics,
        limit: Option<usize>,
    ) -> Self {
        let manager = SpillManager::new(context.runtime_env(), metrics, schema);
        let write = limit.map_or(MAX_WRITE, |limit| (limit / 4096).clamp(MIN_WRITE, MAX_WRITE));
        Self { manager, write }
    }

    /// The most that a writer keeps in memory, besides a batch that is larger, and about
    /// the size of a batch that comes back.
    pub(super) fn write_size(&self) -> usize {
        self.write
    }

    /// The rows' schema.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.manager.schema()
    }

    /// A file to write; it is created with its first row.
    pub(super) fn writer(&self) -> Writer {
        Writer { files: self.clone(), waiting: Vec::new(), bytes: 0, rows: 0, append: None }
    }

    /// The rows of all files. A file is removed when nobody needs it any more.
    pub(super) fn read(&self, files: Vec<File>) -> SendableRecordBatchStream {
        let manager = self.manager.clone();
        let batches = stream::iter(files)
            .map(move |file| manager.read_spill_as_stream_unbuffered(file.file, None))
            .try_flatten();
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(self.schema()), batches))
    }
}

/// Appends a batch to a file, or completes it.
type Append = Box<dyn FnMut(Option<&RecordBatch>) -> Result<Option<Arc<dyn SpillFile>>> + Send>;

/// A file that is being written.
pub(super) struct Writer {
    files: SpillFiles,
    waiting: Vec<RecordBatch>,
    bytes: usize,
    rows: usize,
    append: Option<Append>,
}

impl Writer {
    /// Adds rows. They are copied if they share memory with others.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = compact(batch)?;
        self.rows += batch.num_rows();
        self.bytes += get_record_batch_memory_size(&batch);
        self.waiting.push(batch);
        if self.bytes >= self.files.write { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let batches = mem::take(&mut self.waiting);
        let bytes = mem::take(&mut self.bytes);
        let batch = match batches.as_slice() {
            [] => return Ok(()),
            [batch] => batch.clone(),
            batches => concat_batches(self.files.schema(), batches)?,
        };
        let append = match &mut self.append {
            Some(append) => append,
            None => {
                let mut file = self.files.manager.create_in_progress_file("HashJoin")?;
                self.append.insert(Box::new(move |batch| match batch {
                    Some(batch) => file.append_batch(batch).map(|_| None),
                    None => file.finish(),
                }))
            }
        };
        // Whoever reads the file must have room for a batch.
        let slices = bytes.div_ceil(self.files.write).clamp(1, batch.num_rows());
        let step = batch.num_rows().div_ceil(slices);
        for start in (0..batch.num_rows()).step_by(step) {
            let rows = step.min(batch.num_rows() - start);
            append(Some(&compact(&batch.slice(start, rows))?))?;
        }
        Ok(())
    }

    /// Completes the file, if there are any rows.
    pub(super) fn finish(mut self) -> Result<Option<File>> {
        self.write()?;
        let Some(mut append) = self.append else { return Ok(None) };
        Ok(append(None)?.map(|file| File { file, rows: self.rows }))
    }
}

/// Rows that keep no strings alive but their own.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(copy::compact).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(batch.schema(), columns, &options)?)
}
