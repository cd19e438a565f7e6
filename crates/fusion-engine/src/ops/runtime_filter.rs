//! The builder of runtime filters: gathers the keys of a join's build side, for filters on
//! the other side's leaves.

use super::plan::pass_through;
use crate::session::host::SessionIo;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int16Type, Int32Type, Int64Type, UInt32Type};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
};
use fusion_plan::KeySet;
use futures::{StreamExt, stream};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A leaf that needs no rows with other keys.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The key of the build side.
    pub(crate) key: Arc<dyn PhysicalExpr>,
    /// The leaf on the probe side.
    pub(crate) leaf: u32,
    /// Its column that equals the key.
    pub(crate) column: u32,
}

/// Passes its input on, and publishes the keys that went by: all of them, once the last
/// partition has ended. If one does not come to its end, nothing is published.
///
/// ```text
///          join
///         ╱    ╲
/// RuntimeFilter ...                   ┌ filter ┐
///       │         ╲         at end    │ column │
///     build       leaf ◀───────────── │ keys   │
///                                     └────────┘
/// ```
#[derive(Debug)]
pub(crate) struct RuntimeFilterExec {
    input: Arc<dyn ExecutionPlan>,
    io: Arc<dyn SessionIo>,
    targets: Arc<[Target]>,
    gathered: Arc<Mutex<Gathered>>,
}

/// What the partitions that have ended have gathered.
#[derive(Debug)]
struct Gathered {
    /// Partitions under way, or not begun.
    left: usize,
    /// Per target.
    keys: Vec<KeySet>,
}

impl RuntimeFilterExec {
    /// Gathers the keys of `targets` from `input`.
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        io: Arc<dyn SessionIo>,
        targets: Arc<[Target]>,
    ) -> Self {
        let left = input.output_partitioning().partition_count();
        let keys = vec![KeySet::default(); targets.len()];
        let gathered = Arc::new(Mutex::new(Gathered { left, keys }));
        Self { input, io, targets, gathered }
    }
}

impl DisplayAs for RuntimeFilterExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RuntimeFilterExec: {} keys", self.targets.len())
    }
}

impl ExecutionPlan for RuntimeFilterExec {
    pass_through!(self => self.input, |input| Self::new(input, Arc::clone(&self.io), Arc::clone(&self.targets)));

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let building = Building {
            io: Arc::clone(&self.io),
            targets: Arc::clone(&self.targets),
            gathered: Arc::clone(&self.gathered),
            capacity: self.io.filter_capacity(),
            keys: vec![KeySet::default(); self.targets.len()],
        };
        let batches = stream::try_unfold((input, building), |(mut input, mut building)| async {
            match input.next().await.transpose()? {
                Some(batch) => {
                    building.add(&batch)?;
                    Ok(Some((batch, (input, building))))
                }
                None => {
                    building.end();
                    Ok(None)
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// One partition's work.
struct Building {
    io: Arc<dyn SessionIo>,
    targets: Arc<[Target]>,
    gathered: Arc<Mutex<Gathered>>,
    capacity: usize,
    keys: Vec<KeySet>,
}

impl Building {
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        for (target, keys) in self.targets.iter().zip(&mut self.keys) {
            let values = target.key.evaluate(batch)?.into_array(batch.num_rows())?;
            insert_all(&values, keys, self.capacity)?;
        }
        Ok(())
    }

    fn end(self) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        for (all, keys) in gathered.keys.iter_mut().zip(self.keys) {
            all.merge(keys, self.capacity);
        }
        gathered.left = gathered.left.saturating_sub(1);
        if gathered.left == 0 {
            for (target, keys) in self.targets.iter().zip(&gathered.keys) {
                self.io.publish_filter(target.leaf, target.column, keys);
            }
        }
    }
}

/// Inserts the values that are not NULL.
fn insert_all(values: &ArrayRef, keys: &mut KeySet, capacity: usize) -> Result<()> {
    macro_rules! insert {
        ($ty:ty) => {{
            let values = values.as_primitive::<$ty>();
            match values.nulls().filter(|nulls| nulls.null_count() > 0) {
                None => {
                    values.values().iter().for_each(|key| keys.insert(i64::from(*key), capacity));
                }
                Some(_) => {
                    values.iter().flatten().for_each(|key| keys.insert(i64::from(key), capacity));
                }
            }
            Ok(())
        }};
    }
    match values.data_type() {
        DataType::Int16 => insert!(Int16Type),
        DataType::Int32 => insert!(Int32Type),
        DataType::Int64 => insert!(Int64Type),
        DataType::UInt32 => insert!(UInt32Type),
        other => Err(internal_datafusion_err!("keys of type {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int16Array, Int64Array, UInt32Array};

    #[test]
    fn nulls_are_no_keys() {
        let mut keys = KeySet::default();
        let arrays: [ArrayRef; 3] = [
            Arc::new(Int16Array::from(vec![Some(4), None])),
            Arc::new(UInt32Array::from(vec![u32::MAX])),
            Arc::new(Int64Array::from(vec![None, Some(-1)])),
        ];
        for array in arrays {
            insert_all(&array, &mut keys, 10).unwrap();
        }
        assert_eq!(keys.bounds(), Some((-1, i64::from(u32::MAX))));
        assert_eq!(keys.keys(), Some([4, i64::from(u32::MAX), -1].as_slice()));
    }
}
