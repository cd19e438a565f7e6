//! NULLIF.

use super::selection::{Selective, scatter};
use crate::expr::expression::identified_by;
use arrow::array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::compute::nullif;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion_common::Result;
use datafusion_common::cast::as_boolean_array;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use std::fmt;
use std::sync::Arc;

/// The first argument, or NULL where it equals the second (`EEOP_NULLIF` in execExprInterp.c). Both
/// are evaluated once; the comparison sees the rows in which neither is NULL.
#[derive(Clone, Debug)]
pub(crate) struct NullIf {
    left: Arc<dyn PhysicalExpr>,
    right: Arc<dyn PhysicalExpr>,
    equal: Selective,
    /// The two columns that `equal` reads.
    both: SchemaRef,
}

impl NullIf {
    /// A NULLIF with the comparison `equal` over the two columns of `both`, which
    /// stand for `left` and `right`.
    pub(crate) fn try_new(
        left: Arc<dyn PhysicalExpr>,
        right: Arc<dyn PhysicalExpr>,
        equal: Arc<dyn PhysicalExpr>,
        both: SchemaRef,
    ) -> Result<Self> {
        Ok(Self { left, right, equal: Selective::try_new(equal)?, both })
    }

    /// The rows in which the comparison is true.
    fn equal_rows(&self, both: &RecordBatch) -> Result<BooleanBuffer> {
        let rows = both.num_rows();
        let nulls = both.columns().iter().fold(None, |nulls: Option<NullBuffer>, column| {
            NullBuffer::union(nulls.as_ref(), column.nulls())
        });
        let valid = match nulls {
            Some(nulls) => nulls.into_inner(),
            None => BooleanBuffer::new_set(rows),
        };
        if valid.count_set_bits() == 0 {
            return Ok(valid);
        }
        let selection = BooleanArray::new(valid, None);
        let equal = self.equal.evaluate_where(both, &selection)?;
        let equal = scatter(as_boolean_array(&equal)?, selection.values(), false);
        Ok(match equal.nulls() {
            Some(nulls) => equal.values() & nulls.inner(),
            None => equal.values().clone(),
        })
    }
}

identified_by!(NullIf, self => (self.equal.expr(), self.children()));

impl fmt::Display for NullIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NULLIF({}, {})", self.left, self.right)
    }
}

impl PhysicalExpr for NullIf {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.left.data_type(input)
    }

    fn nullable(&self, _input: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let left = self.left.evaluate(batch)?.into_array(rows)?;
        let right = self.right.evaluate(batch)?.into_array(rows)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let columns = vec![Arc::clone(&left), right];
        let both = RecordBatch::try_new_with_options(Arc::clone(&self.both), columns, &options)?;
        let equal = BooleanArray::new(self.equal_rows(&both)?, None);
        Ok(ColumnarValue::Array(match equal.true_count() {
            0 => left,
            _ => nullif(&left, &equal)?,
        }))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.left, &self.right]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut new = Self::clone(&self);
        if let Ok([left, right]) = <[_; 2]>::try_from(children) {
            (new.left, new.right) = (left, right);
        }
        Ok(Arc::new(new))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
