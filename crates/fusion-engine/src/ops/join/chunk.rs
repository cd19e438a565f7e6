//! Chunks: a build side is read into memory as far as there is any.

use arrow::array::RecordBatch;
use datafusion_common::utils::memory::{RecordBatchMemoryCounter, estimate_memory_size};
use datafusion_common::{DataFusionError, Result, resources_datafusion_err};
use datafusion_execution::SendableRecordBatchStream;
use datafusion_execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, future, stream};
use std::sync::Arc;

/// A build side's stream, read by chunks.
pub(super) struct Loader {
    stream: SendableRecordBatchStream,
    /// How many copies of its rows a join holds while it begins.
    copies: usize,
    /// The batch that did not fit any more, and why.
    refused: Option<(RecordBatch, DataFusionError)>,
}

/// Rows for which the memory of a join is reserved.
#[derive(Clone)]
pub(super) struct Chunk {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) memory: Arc<MemoryReservation>,
    /// Whether nothing comes after it.
    pub(super) last: bool,
}

impl Loader {
    pub(super) fn new(stream: SendableRecordBatchStream, copies: usize) -> Self {
        Self { stream, copies, refused: None }
    }

    /// The next rows, as many as `memory` can grow for. There are none if it cannot
    /// grow for a single batch.
    pub(super) async fn chunk(&mut self, memory: MemoryReservation) -> Result<Chunk> {
        let mut chunk = Chunk { batches: Vec::new(), memory: Arc::new(memory), last: false };
        let mut counter = RecordBatchMemoryCounter::new();
        let (mut rows, mut bytes) = (0, 0);
        loop {
            let batch = match self.refused.take() {
                Some((batch, _)) => batch,
                None => match self.stream.next().await.transpose()? {
                    Some(batch) => batch,
                    None => break,
                },
            };
            if batch.num_rows() == 0 {
                continue;
            }
            rows += batch.num_rows();
            bytes += counter.count_batch(&batch);
            let needed = bytes.saturating_mul(self.copies).saturating_add(table_size(rows)?);
            if let Err(error) = chunk.memory.try_resize(needed.max(chunk.memory.size())) {
                self.refused = Some((batch, error));
                return Ok(chunk);
            }
            chunk.batches.push(batch);
        }
        chunk.last = true;
        Ok(chunk)
    }

    /// Why not even one batch fits.
    pub(super) fn refusal(&mut self) -> DataFusionError {
        match self.refused.take() {
            Some((_, error)) => error,
            None => resources_datafusion_err!("A part of a hash join does not fit in memory."),
        }
    }

    /// All that is left, after what is in `chunk`.
    pub(super) fn rest(self, chunk: Chunk) -> SendableRecordBatchStream {
        let schema = self.stream.schema();
        let refused = self.refused.map(|(batch, _)| batch);
        let Chunk { batches, memory, .. } = chunk;
        let loaded = stream::iter(batches.into_iter().chain(refused).map(Ok));
        // Given back when the last of the loaded batches has been taken.
        let give_back = stream::once(async move {
            drop(memory);
            None
        });
        let loaded = loaded.chain(give_back.filter_map(future::ready));
        Box::pin(RecordBatchStreamAdapter::new(schema, loaded.chain(self.stream)))
    }
}

/// An upper bound of what DataFusion's join reserves for a table of `rows` keys, be it a
/// hash table or, for dense integers, an array with at most seven places per key; and for
/// the mark of each row whether it has found a partner.
fn table_size(rows: usize) -> Result<usize> {
    /// What does not grow with the rows: an array of keys in a small range, headers.
    const FIXED: usize = 8 * 1024;
    let hashed = estimate_memory_size::<(u32, u64)>(rows, FIXED)?;
    Ok(hashed.max(rows.saturating_mul(32).saturating_add(FIXED)) + rows.div_ceil(8))
}

/// Who asks for a join's memory.
pub(super) fn consumer() -> MemoryConsumer {
    MemoryConsumer::new("HashJoin").with_can_spill(true)
}
