//! Comparisons of rows: each pair is evaluated for the rows that it decides only.

use super::native::compared;
use super::operator;
use crate::error::to_datafusion;
use crate::expr::expression::{identified_by, of_type, write_list};
use crate::expr::kernel::{Arg, Kernel};
use crate::expr::selective::{Parts, Selective, narrowed};
use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, new_empty_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType as Arrow;
use datafusion_common::Result;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::{DataType, Function};
use std::fmt;
use std::sync::Arc;

/// One argument of a pair with its type.
pub(crate) type Side = (Arc<dyn PhysicalExpr>, DataType);

/// `ROW(a, b, ...) < ROW(c, d, ...)` and its kin, by `EEOP_ROWCOMPARE_STEP` (execExprInterp.c): a
/// pair is evaluated for the rows in which all pairs before it are equal, the
/// first pair that is not decides, and so does a NULL.
#[derive(Clone, Debug)]
pub(crate) struct RowCompare {
    comparison: Function,
    pairs: Vec<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    left: Selective,
    right: Selective,
    /// Whether this pair makes the rows compare as asked.
    decides: Arc<dyn Kernel>,
    /// Whether it leaves the decision to the next pair; the last pair does not.
    equal: Option<Arc<dyn Kernel>>,
}

impl RowCompare {
    /// The comparison of two rows given as pairs; `None` if a pair cannot be
    /// compared.
    ///
    /// # Errors
    ///
    /// If an argument cannot be evaluated on a selection of rows, which is a defect.
    pub(crate) fn try_new(comparison: Function, pairs: Vec<(Side, Side)>) -> Result<Option<Self>> {
        let strict = match comparison {
            Function::Le => Function::Lt,
            Function::Ge => Function::Gt,
            other => other,
        };
        let last = pairs.len().saturating_sub(1);
        let mut steps = Vec::with_capacity(pairs.len());
        for (index, ((left, left_type), (right, right_type))) in pairs.into_iter().enumerate() {
            let kernel = |function| operator::kernel(function, left_type, right_type);
            let (decides, equal) = match index == last {
                true => (kernel(comparison), None),
                false => (kernel(strict), kernel(Function::Eq)),
            };
            let Some(decides) = decides else { return Ok(None) };
            let (left, right) = (Selective::try_new(left)?, Selective::try_new(right)?);
            steps.push(Pair { left, right, decides, equal });
        }
        Ok(Some(Self { comparison, pairs: steps }))
    }

    fn compare(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let rows = batch.num_rows();
        let mut parts = Parts::new(rows);
        let mut open = BooleanBuffer::new_set(rows);
        for pair in &self.pairs {
            let selection = BooleanArray::new(open.clone(), None);
            let left = Arg::column(pair.left.evaluate_where(batch, &selection)?);
            let right = Arg::column(pair.right.evaluate_where(batch, &selection)?);
            let args = [left, right];
            let selected = selection.true_count();
            // Rows that stay open get a value here too, which a later pair replaces.
            parts.add(pair.decides.call(&args, selected).map_err(to_datafusion)?, &open);
            let Some(equal) = &pair.equal else { break };
            let equal = compared(equal, &args, selected).map_err(to_datafusion)?;
            open = narrowed(&open, |index| equal.is_valid(index) && equal.value(index));
            if open.count_set_bits() == 0 {
                break;
            }
        }
        parts.merge(&Arrow::Boolean)
    }
}

identified_by!(RowCompare, self => (self.comparison, self.children()));

impl fmt::Display for RowCompare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row{:?}(", self.comparison)?;
        let pair = |pair: &Pair| format!("{} with {}", pair.left.expr(), pair.right.expr());
        write_list(f, self.pairs.iter().map(pair))?;
        f.write_str(")")
    }
}

impl PhysicalExpr for RowCompare {
    of_type!(self => Arrow::Boolean, nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Array(match batch.num_rows() {
            0 => new_empty_array(&Arrow::Boolean),
            _ => self.compare(batch)?,
        }))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.pairs.iter().flat_map(|pair| [pair.left.expr(), pair.right.expr()]).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut new = Self::clone(&self);
        for (pair, sides) in new.pairs.iter_mut().zip(children.chunks_exact(2)) {
            if let [left, right] = sides {
                pair.left = Selective::try_new(Arc::clone(left))?;
                pair.right = Selective::try_new(Arc::clone(right))?;
            }
        }
        Ok(Arc::new(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int32Array};
    use datafusion_physical_expr::expressions::Column;

    /// All rows `(a, b)` and `(c, d)` of these values, compared.
    fn compared(comparison: Function) -> Vec<([Option<i32>; 4], Option<bool>)> {
        const VALUES: [Option<i32>; 3] = [None, Some(1), Some(2)];
        let rows: Vec<[Option<i32>; 4]> = (0..81)
            .map(|n| [n / 27 % 3, n / 9 % 3, n / 3 % 3, n % 3].map(|index| VALUES[index]))
            .collect();
        let column = |index: usize| -> ArrayRef {
            Arc::new(rows.iter().map(|row| row[index]).collect::<Int32Array>())
        };
        let names = ["a", "b", "c", "d"];
        let columns = names.iter().enumerate().map(|(index, name)| (*name, column(index), true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let side = |index: usize| -> Side { (Arc::new(Column::new("x", index)), DataType::Int4) };
        let pairs = vec![(side(0), side(2)), (side(1), side(3))];
        let expr = RowCompare::try_new(comparison, pairs).unwrap().unwrap();
        let result = expr.evaluate(&batch).unwrap().into_array(rows.len()).unwrap();
        let result: Vec<_> = result.as_boolean().iter().collect();
        rows.into_iter().zip(result).collect()
    }

    #[test]
    fn the_first_difference_or_null_decides() {
        type Accepts = fn(std::cmp::Ordering) -> bool;
        let comparisons: [(Function, Accepts); 4] = [
            (Function::Lt, std::cmp::Ordering::is_lt),
            (Function::Le, std::cmp::Ordering::is_le),
            (Function::Gt, std::cmp::Ordering::is_gt),
            (Function::Ge, std::cmp::Ordering::is_ge),
        ];
        for (comparison, accepts) in comparisons {
            for (row, result) in compared(comparison) {
                let [a, b, c, d] = row;
                let first = a.zip(c).map(|(a, c)| a.cmp(&c));
                let expected = match first {
                    Some(std::cmp::Ordering::Equal) => b.zip(d).map(|(b, d)| accepts(b.cmp(&d))),
                    decided => decided.map(accepts),
                };
                assert_eq!(result, expected, "{row:?} {comparison:?}");
            }
        }
    }

    #[test]
    fn what_has_no_order_is_refused() {
        let side = |ty| -> Side { (Arc::new(Column::new("x", 0)), ty) };
        let pairs = vec![(side(DataType::Opaque), side(DataType::Opaque))];
        assert!(RowCompare::try_new(Function::Lt, pairs).unwrap().is_none());
    }
}
