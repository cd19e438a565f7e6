//! What the engine asks of its host: input batches and a place for the result.

use arrow::array::RecordBatch;
use fusion_plan::{KeySet, PgError};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::fmt;
use std::path::PathBuf;

/// Where a session may write what does not fit in memory, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpillPlace {
    /// Directories whose parents exist; none means the engine's own.
    pub directories: Vec<PathBuf>,
    /// The most that the session may have there at a time, in kB.
    pub limit_kb: Option<u64>,
}

/// One session's input and output, as the engine sees it.
///
/// The host owns the pages. A batch may borrow them; the engine drops every
/// batch of a leaf soon after it arrived, because whatever it must keep longer
/// (a join's build side, the rows of a sort) it copies first. After the future
/// of [`Engine::run`](crate::Engine::run) is dropped, a task that was running on
/// another thread may hold its last batch until its next suspension point.
pub trait SessionIo: Send + Sync + fmt::Debug + 'static {
    /// Opens one reader of leaf `leaf`. All readers of a leaf share its queue:
    /// each batch goes to exactly one of them, whichever asks first. Columns
    /// have the Arrow types that [`DataType::arrow`](fusion_plan::DataType::arrow)
    /// says, in the order of the leaf's fields.
    fn open_leaf(&self, leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>>;

    /// Takes one batch of the result; completes when there is room for it.
    /// Calls never overlap and come in result order.
    fn write(&self, batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>>;

    /// The most keys of which a filter for a leaf ([`SessionIo::publish_filter`]) is of
    /// use; 0 if there should be none.
    fn filter_capacity(&self) -> usize {
        0
    }

    /// Says that rows of leaf `leaf` whose value in `column`, as an integer, is not among
    /// `keys`, or is NULL, are not needed. Rows may come all the same.
    fn publish_filter(&self, _leaf: u32, _column: u32, _keys: &KeySet) {}

    /// Where to write what does not fit in memory. Asked once.
    fn spill_place(&self) -> SpillPlace {
        SpillPlace::default()
    }

    /// Says that a file was made there.
    fn spill_file_made(&self) {}

    /// Says that `bytes` more go to such a file.
    fn spilled(&self, _bytes: u64) {}

    /// Whether nobody wants the result any more. Asked inside of long computations,
    /// which then end with an error, as the future is only dropped between them.
    fn is_cancelled(&self) -> bool {
        false
    }
}
