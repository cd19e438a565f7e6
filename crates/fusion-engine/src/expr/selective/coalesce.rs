//! COALESCE: each argument is evaluated for the rows that it decides only.

use super::parts::Parts;
use super::selection::{Selective, narrowed};
use crate::expr::expression::{identified_by, of_type, write_list};
use arrow::array::{Array, BooleanArray, RecordBatch, new_empty_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use std::fmt;
use std::sync::Arc;

/// The first argument that is not NULL. Each argument is evaluated only on the
/// rows for which all before it were NULL.
#[derive(Clone, Debug)]
pub(crate) struct Coalesce {
    args: Vec<Selective>,
    ty: DataType,
}

impl Coalesce {
    /// A COALESCE of type `ty`.
    pub(crate) fn try_new(args: Vec<Arc<dyn PhysicalExpr>>, ty: DataType) -> Result<Self> {
        let args = args.into_iter().map(Selective::try_new).collect::<Result<_>>()?;
        Ok(Self { args, ty })
    }
}

identified_by!(Coalesce, self => self.children());

impl fmt::Display for Coalesce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("COALESCE(")?;
        write_list(f, self.args.iter().map(|arg| arg.expr()))?;
        f.write_str(")")
    }
}

impl PhysicalExpr for Coalesce {
    of_type!(self => self.ty.clone(), nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(&self.ty)));
        }
        let mut parts = Parts::new(rows);
        let mut open = BooleanBuffer::new_set(rows);
        for (index, arg) in self.args.iter().enumerate() {
            let selection = BooleanArray::new(open.clone(), None);
            let values = arg.evaluate_where(batch, &selection)?;
            if index == 0 && values.null_count() == 0 {
                return Ok(ColumnarValue::Array(values));
            }
            let still_open = narrowed(&open, |index| values.is_null(index));
            parts.add(values, &open);
            open = still_open;
            if open.count_set_bits() == 0 {
                break;
            }
        }
        Ok(ColumnarValue::Array(parts.merge(&self.ty)?))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.args.iter().map(Selective::expr).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self::try_new(children, self.ty.clone())?))
    }
}
