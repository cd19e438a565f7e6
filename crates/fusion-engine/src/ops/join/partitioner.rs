//! One side of a join in spill partitions, by the hash of its keys.

use super::spill_files::{File, SpillFiles, Writer};
use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take_record_batch;
use datafusion_common::Result;
use datafusion_common::hash_utils::{RandomState, create_hashes};
use datafusion_execution::SendableRecordBatchStream;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr_common::utils::evaluate_expressions_to_arrays;
use datafusion_physical_plan::metrics::Time;
use futures::StreamExt;
use std::sync::Arc;

/// Into how many spill partitions rows are partitioned at a time.
pub(super) const PARTITIONS: usize = 32;
/// The partition of the rows with a NULL among their keys: they have no partner.
pub(super) const NULLS: usize = PARTITIONS;

/// The most that the files of one side keep in memory while they are written.
pub(super) fn memory(files: &SpillFiles) -> usize {
    (PARTITIONS + 1) * files.write_size()
}

/// Partitions rows. A row's partition follows from its keys' values and the level alone, so
/// that partners are in the same partition of their sides.
pub(super) struct Partitioner {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    seed: RandomState,
    /// Per partition; rows of those without a writer are dropped.
    writers: Vec<Option<Writer>>,
    /// Per partition, the positions of a batch's rows.
    positions: Vec<Vec<u32>>,
    hashes: Vec<u64>,
    rows: usize,
    nulls: usize,
}

/// A side on disk.
pub(super) struct Partitioned {
    /// Per partition.
    pub(super) files: Vec<Option<File>>,
    /// The rows that came by, also those that were dropped.
    pub(super) rows: usize,
    /// Those with a NULL among their keys.
    pub(super) nulls: usize,
}

impl Partitioner {
    /// Writes the partitions for which `keeps` holds. Levels have different hashes, none of
    /// which is that of a hash table or of a partitioning below the join.
    pub(super) fn new(
        files: &SpillFiles,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        level: u32,
        keeps: impl Fn(usize) -> bool,
    ) -> Self {
        const SEED: u64 = 0x6a6f_696e_7370_696c;
        let writer = |index| keeps(index).then(|| files.writer());
        Self {
            keys,
            seed: RandomState::with_seed(SEED.wrapping_mul(2 * u64::from(level) + 1)),
            writers: (0..=PARTITIONS).map(writer).collect(),
            positions: vec![Vec::new(); PARTITIONS + 1],
            hashes: Vec::new(),
            rows: 0,
            nulls: 0,
        }
    }

    /// Partitions a whole stream.
    pub(super) async fn all(
        mut self,
        mut stream: SendableRecordBatchStream,
        time: &Time,
    ) -> Result<Partitioned> {
        while let Some(batch) = stream.next().await.transpose()? {
            let _timer = time.timer();
            self.add(&batch)?;
        }
        let files = self.writers.into_iter().map(|writer| match writer {
            Some(writer) => writer.finish(),
            None => Ok(None),
        });
        let files = files.collect::<Result<_>>()?;
        Ok(Partitioned { files, rows: self.rows, nulls: self.nulls })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let keys = evaluate_expressions_to_arrays(&self.keys, batch)?;
        let nulls = keys.iter().fold(None, |nulls: Option<NullBuffer>, key| {
            NullBuffer::union(nulls.as_ref(), key.logical_nulls().as_ref())
        });
        self.rows += rows;
        self.nulls += nulls.as_ref().map_or(0, NullBuffer::null_count);
        self.hashes.clear();
        self.hashes.resize(rows, 0);
        create_hashes(&keys, &self.seed, &mut self.hashes)?;
        self.positions.iter_mut().for_each(Vec::clear);
        for (position, hash) in self.hashes.iter().enumerate() {
            let index = match &nulls {
                Some(nulls) if nulls.is_null(position) => NULLS,
                _ => (hash % PARTITIONS as u64) as usize,
            };
            if let Some(positions) = self.positions.get_mut(index) {
                positions.push(position as u32);
            }
        }
        for (writer, positions) in self.writers.iter_mut().zip(&self.positions) {
            if let Some(writer) = writer
                && !positions.is_empty()
            {
                let positions = UInt32Array::from_iter_values(positions.iter().copied());
                writer.add(&take_record_batch(batch, &positions)?)?;
            }
        }
        Ok(())
    }
}
