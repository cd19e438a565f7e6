//! Evaluation on some of a batch's rows.

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBufferBuilder, RecordBatch, RecordBatchOptions,
};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use arrow::datatypes::Schema;
use datafusion_common::Result;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::collect_columns;
use std::sync::Arc;

/// An expression that can be evaluated on a selection of rows, at the price of
/// copying the selected rows of the columns that it reads, and no others.
#[derive(Clone, Debug)]
pub(crate) struct Selective {
    expr: Arc<dyn PhysicalExpr>,
    /// The same expression over `columns` of the batch only.
    compact: Arc<dyn PhysicalExpr>,
    columns: Vec<usize>,
}

impl Selective {
    /// Prepares `expr`.
    pub(crate) fn try_new(expr: Arc<dyn PhysicalExpr>) -> Result<Self> {
        let mut columns: Vec<_> = collect_columns(&expr).iter().map(Column::index).collect();
        columns.sort_unstable();
        columns.dedup();
        let compact = Arc::clone(&expr)
            .transform_up(|expr| {
                let position = expr
                    .downcast_ref::<Column>()
                    .and_then(|column| columns.binary_search(&column.index()).ok());
                Ok(match position {
                    Some(position) => {
                        let column = Column::new(&format!("c{position}"), position);
                        Transformed::yes(Arc::new(column) as Arc<dyn PhysicalExpr>)
                    }
                    None => Transformed::no(expr),
                })
            })?
            .data;
        Ok(Self { expr, compact, columns })
    }

    /// The expression over the whole batch.
    pub(crate) fn expr(&self) -> &Arc<dyn PhysicalExpr> {
        &self.expr
    }

    /// The expression's values for the rows that `selection` has; `selection`
    /// holds no NULL and at least one row.
    pub(crate) fn evaluate_where(
        &self,
        batch: &RecordBatch,
        selection: &BooleanArray,
    ) -> Result<ArrayRef> {
        let rows = selection.true_count();
        if rows == batch.num_rows() {
            return self.expr.evaluate(batch)?.into_array(rows);
        }
        let selected = match self.columns.is_empty() {
            true => {
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options)?
            }
            false => filter_record_batch(&batch.project(&self.columns)?, selection)?,
        };
        self.compact.evaluate(&selected)?.into_array(rows)
    }

    /// The expression's values for all rows.
    pub(crate) fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.expr.evaluate(batch)
    }
}

/// Spreads `values` over the rows of `selection`; all others get `filler`.
pub(super) fn scatter(
    values: &BooleanArray,
    selection: &BooleanBuffer,
    filler: bool,
) -> BooleanArray {
    let rows = selection.len();
    let mut bits = BooleanBufferBuilder::new(rows);
    bits.append_n(rows, filler);
    let mut nulls = values.nulls().map(|_| {
        let mut nulls = BooleanBufferBuilder::new(rows);
        nulls.append_n(rows, true);
        nulls
    });
    for (index, row) in selection.set_indices().enumerate() {
        bits.set_bit(row, values.value(index));
        if let Some(nulls) = &mut nulls {
            nulls.set_bit(row, values.is_valid(index));
        }
    }
    BooleanArray::new(bits.finish(), nulls.map(|mut nulls| nulls.finish().into()))
}

/// The rows of `selection` for which `keeps` holds, which is told their places in it.
pub(crate) fn narrowed(selection: &BooleanBuffer, keeps: impl Fn(usize) -> bool) -> BooleanBuffer {
    let mut kept = BooleanBufferBuilder::new(selection.len());
    kept.append_n(selection.len(), false);
    for (index, row) in selection.set_indices().enumerate() {
        if keeps(index) {
            kept.set_bit(row, true);
        }
    }
    kept.finish()
}
