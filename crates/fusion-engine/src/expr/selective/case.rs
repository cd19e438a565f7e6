//! CASE: each branch is evaluated for the rows that it decides only.

use super::parts::Parts;
use super::selection::{Selective, narrowed};
use crate::expr::expression::{identified_by, of_type};
use arrow::array::{Array, ArrayRef, BooleanArray, Datum, RecordBatch, Scalar, new_empty_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::kernels::zip::zip;
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_boolean_array;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use std::fmt;
use std::sync::Arc;

/// `CASE WHEN condition THEN result ... ELSE otherwise END`.
///
/// If nothing but the first condition can raise an error, all branches are
/// evaluated on the whole batch and merged. Otherwise each condition sees the
/// rows that none before it took, and each result the rows that its condition
/// took.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    whens: Vec<(Selective, Selective)>,
    otherwise: Option<Selective>,
    eager: bool,
    ty: DataType,
}

impl Case {
    /// A CASE of type `ty`; `eager` if only its first condition can fail.
    pub(crate) fn try_new(
        whens: Vec<(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)>,
        otherwise: Option<Arc<dyn PhysicalExpr>>,
        eager: bool,
        ty: DataType,
    ) -> Result<Self> {
        let whens = whens
            .into_iter()
            .map(|(when, then)| Ok((Selective::try_new(when)?, Selective::try_new(then)?)))
            .collect::<Result<_>>()?;
        let otherwise = otherwise.map(Selective::try_new).transpose()?;
        Ok(Self { whens, otherwise, eager, ty })
    }

    fn evaluate_eagerly(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let rows = batch.num_rows();
        let mut result = match &self.otherwise {
            Some(otherwise) => otherwise.evaluate(batch)?,
            None => ColumnarValue::Scalar((&self.ty).try_into()?),
        };
        for (when, then) in self.whens.iter().rev() {
            let condition = when.evaluate(batch)?.into_array(rows)?;
            let then = then.evaluate(batch)?;
            let merged = zip(
                as_boolean_array(&condition)?,
                as_datum(&then)?.as_ref(),
                as_datum(&result)?.as_ref(),
            )?;
            result = ColumnarValue::Array(merged);
        }
        result.into_array(rows)
    }

    fn evaluate_selectively(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let rows = batch.num_rows();
        let mut parts = Parts::new(rows);
        let mut open = BooleanBuffer::new_set(rows);
        for (when, then) in &self.whens {
            if open.count_set_bits() == 0 {
                break;
            }
            let selection = BooleanArray::new(open.clone(), None);
            let condition = when.evaluate_where(batch, &selection)?;
            let taken = taken(as_boolean_array(&condition)?, &open);
            if taken.count_set_bits() == 0 {
                continue;
            }
            open = &open & &!&taken;
            let selection = BooleanArray::new(taken, None);
            parts.add(then.evaluate_where(batch, &selection)?, selection.values());
        }
        if let Some(otherwise) = &self.otherwise
            && open.count_set_bits() > 0
        {
            let selection = BooleanArray::new(open, None);
            parts.add(otherwise.evaluate_where(batch, &selection)?, selection.values());
        }
        parts.merge(&self.ty)
    }
}

/// The rows of `open` for which `condition`, a value per open row, is true.
fn taken(condition: &BooleanArray, open: &BooleanBuffer) -> BooleanBuffer {
    let condition = match condition.null_count() {
        0 => condition.clone(),
        _ => prep_null_mask_filter(condition),
    };
    narrowed(open, |index| condition.value(index))
}

fn as_datum(value: &ColumnarValue) -> Result<Box<dyn Datum>> {
    Ok(match value {
        ColumnarValue::Array(array) => Box::new(Arc::clone(array)),
        ColumnarValue::Scalar(scalar) => Box::new(Scalar::new(scalar.to_array()?)),
    })
}

identified_by!(Case, self => (self.whens.len(), self.children()));

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CASE")?;
        for (when, then) in &self.whens {
            write!(f, " WHEN {} THEN {}", when.expr(), then.expr())?;
        }
        if let Some(otherwise) = &self.otherwise {
            write!(f, " ELSE {}", otherwise.expr())?;
        }
        f.write_str(" END")
    }
}

impl PhysicalExpr for Case {
    of_type!(self => self.ty.clone(), nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(match (batch.num_rows(), self.eager) {
            (0, _) => new_empty_array(&self.ty),
            (_, true) => self.evaluate_eagerly(batch)?,
            (_, false) => self.evaluate_selectively(batch)?,
        }))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        let whens = self.whens.iter().flat_map(|(when, then)| [when, then]);
        whens.chain(&self.otherwise).map(Selective::expr).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let (whens, otherwise) = children.split_at(2 * self.whens.len());
        let whens = whens
            .chunks_exact(2)
            .map(|pair| (Arc::clone(&pair[0]), Arc::clone(&pair[1])))
            .collect();
        let otherwise = otherwise.first().cloned();
        Ok(Arc::new(Self::try_new(whens, otherwise, self.eager, self.ty.clone())?))
    }
}
