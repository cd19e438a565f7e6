//! A condition that looks up now and then.

use crate::error::to_datafusion;
use crate::expr::expression::identified_by;
use crate::session::host::SessionIo;
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use datafusion_common::Result;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::{PgError, SqlState};
use std::fmt;
use std::sync::Arc;

/// `arg`, which is not evaluated any more once the session is cancelled.
///
/// A join looks for pairs of rows until it has a batch of them. Where its condition
/// rejects nearly all, that can be any number of pairs without a point at which its
/// task could be stopped; but the condition is evaluated for a few thousand pairs at
/// a time.
#[derive(Clone, Debug)]
pub(crate) struct Interruptible {
    arg: Arc<dyn PhysicalExpr>,
    io: Arc<dyn SessionIo>,
}

impl Interruptible {
    /// `arg` in the session of `io`.
    pub(crate) fn new(arg: Arc<dyn PhysicalExpr>, io: Arc<dyn SessionIo>) -> Self {
        Self { arg, io }
    }
}

identified_by!(Interruptible, self => (&self.arg, Arc::as_ptr(&self.io).cast::<()>()));

impl fmt::Display for Interruptible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.arg, f)
    }
}

impl PhysicalExpr for Interruptible {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.arg.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.arg.nullable(input)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if self.io.is_cancelled() {
            let message = "the session was closed";
            return Err(to_datafusion(PgError::new(SqlState::QUERY_CANCELED, message)));
        }
        self.arg.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.arg]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let arg = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.arg));
        Ok(Arc::new(Self { arg, io: Arc::clone(&self.io) }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
