//! `IS [NOT] DISTINCT FROM`, which is never NULL.

use super::native::compared;
use super::operator;
use crate::error::to_datafusion;
use crate::expr::expression::{identified_by, of_type};
use crate::expr::kernel::{Arg, Kernel};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType as Arrow;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::{DataType, Function, PgError};
use std::fmt;
use std::sync::Arc;

/// Whether two values differ, as `EEOP_DISTINCT` and `EEOP_NOT_DISTINCT`
/// (execExprInterp.c) find it: NULL differs from every value and not from NULL, and values
/// differ if `=` says so.
#[derive(Clone, Debug)]
pub(crate) struct Distinct {
    left: Arc<dyn PhysicalExpr>,
    right: Arc<dyn PhysicalExpr>,
    equal: Arc<dyn Kernel>,
    negated: bool,
}

impl Distinct {
    /// `left IS DISTINCT FROM right`, or `IS NOT` if `negated`, of arguments with
    /// their types; `None` if they cannot be compared.
    pub(crate) fn try_new(
        left: (Arc<dyn PhysicalExpr>, DataType),
        right: (Arc<dyn PhysicalExpr>, DataType),
        negated: bool,
    ) -> Option<Self> {
        let equal = operator::kernel(Function::Eq, left.1, right.1)?;
        Some(Self { left: left.0, right: right.0, equal, negated })
    }

    /// The result for `rows` rows, of which at least one argument is a column.
    fn differ(&self, left: Arg, right: Arg, rows: usize) -> Result<BooleanArray, PgError> {
        let (a, b) = (valid(&left, rows), valid(&right, rows));
        let distinct = if left.is_null_scalar() || right.is_null_scalar() {
            &a ^ &b
        } else {
            let differ = !compared(&self.equal, &[left, right], rows)?.values();
            match a.count_set_bits() + b.count_set_bits() == 2 * rows {
                true => differ,
                false => &(&a ^ &b) | &(&(&a & &b) & &differ),
            }
        };
        Ok(BooleanArray::new(if self.negated { !&distinct } else { distinct }, None))
    }
}

/// The rows in which the argument is not NULL.
fn valid(arg: &Arg, rows: usize) -> BooleanBuffer {
    match (arg.is_null_scalar(), arg.array().nulls()) {
        (true, _) => BooleanBuffer::new_unset(rows),
        (false, Some(nulls)) if !arg.is_scalar() => nulls.inner().clone(),
        _ => BooleanBuffer::new_set(rows),
    }
}

identified_by!(Distinct, self => (self.negated, self.children()));

impl fmt::Display for Distinct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negated { "NOT " } else { "" };
        write!(f, "{} IS {not}DISTINCT FROM {}", self.left, self.right)
    }
}

impl PhysicalExpr for Distinct {
    of_type!(self => Arrow::Boolean, nullable: false);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let left = Arg::from_value(self.left.evaluate(batch)?)?;
        let right = Arg::from_value(self.right.evaluate(batch)?)?;
        if left.is_scalar() && right.is_scalar() {
            let left = Arg::column(Arc::clone(left.array()));
            let value = self.differ(left, right, 1).map_err(to_datafusion)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(value.value(0)))));
        }
        let result: ArrayRef =
            Arc::new(self.differ(left, right, batch.num_rows()).map_err(to_datafusion)?);
        Ok(ColumnarValue::Array(result))
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray, Float64Array};
    use datafusion_physical_expr::expressions::{Column, Literal};

    const VALUES: [Option<f64>; 4] = [None, Some(0.0), Some(-0.0), Some(f64::NAN)];

    /// `left` and `right` compared row by row, as columns or constants.
    fn distinct(
        left: Arc<dyn PhysicalExpr>,
        right: Arc<dyn PhysicalExpr>,
        negated: bool,
    ) -> Vec<bool> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(Float64Array::from_iter(VALUES.into_iter().flat_map(|v| [v; 4])))),
            ("b", Arc::new(Float64Array::from_iter([VALUES; 4].concat()))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let ty = DataType::Float8;
        let expr = Distinct::try_new((left, ty), (right, ty), negated).unwrap();
        let result = expr.evaluate(&batch).unwrap().into_array(16).unwrap();
        assert_eq!(result.null_count(), 0);
        result.as_boolean().iter().flatten().collect()
    }

    fn column(index: usize) -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new("c", index))
    }

    fn constant(value: Option<f64>) -> Arc<dyn PhysicalExpr> {
        Arc::new(Literal::new(ScalarValue::Float64(value)))
    }

    #[test]
    fn null_is_a_value_of_its_own() {
        let (t, f) = (true, false);
        let expected = [f, t, t, t, t, f, f, t, t, f, f, t, t, t, t, f];
        assert_eq!(distinct(column(0), column(1), false), expected);
        assert_eq!(distinct(column(0), column(1), true), expected.map(|v| !v));
    }

    #[test]
    fn constants_compare_as_columns_do() {
        let pairs = distinct(column(0), column(1), false);
        for (index, value) in VALUES.into_iter().enumerate() {
            let with_all: Vec<_> = [0, 4, 8, 12].map(|row| pairs[row + index]).to_vec();
            let right = distinct(column(0), constant(value), false);
            assert_eq!([0, 4, 8, 12].map(|row| right[row]).to_vec(), with_all);
            let left = distinct(constant(value), column(0), false);
            assert_eq!([0, 4, 8, 12].map(|row| left[row]).to_vec(), with_all);
            for (other, expected) in VALUES.into_iter().zip(with_all) {
                assert_eq!(distinct(constant(value), constant(other), false), [expected; 16]);
            }
        }
    }
}
