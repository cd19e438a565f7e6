//! AND, OR, and the implicit AND of a filter, by selective evaluation.

use super::selection::{Selective, scatter};
use crate::expr::expression::{identified_by, of_type, write_list};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{and_kleene, or_kleene};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_boolean_array;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use std::fmt;
use std::sync::Arc;

/// An argument is evaluated on the undecided rows only, even if it cannot fail,
/// when at most one row in this many is undecided.
const SPARSE: usize = 8;

/// Which rows are decided, and how results combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AndOrKind {
    /// `EEOP_BOOL_AND_STEP` (execExprInterp.c): false decides; NULL does not.
    And,
    /// `EEOP_BOOL_OR_STEP` (execExprInterp.c): true decides; NULL does not.
    Or,
    /// `EEOP_QUAL` (execExprInterp.c): whatever is not true decides, NULL too.
    Filter,
}

#[derive(Clone, Debug)]
struct Branch {
    arg: Selective,
    can_fail: bool,
}

/// Combines booleans from left to right. An argument that can raise an error is
/// evaluated only on rows that those before it left undecided; others are
/// evaluated on whole batches, which is faster.
#[derive(Clone, Debug)]
pub(crate) struct AndOr {
    kind: AndOrKind,
    branches: Vec<Branch>,
}

impl AndOr {
    /// `args` combined, each with whether it can raise an error.
    pub(crate) fn try_new(
        kind: AndOrKind,
        args: Vec<(Arc<dyn PhysicalExpr>, bool)>,
    ) -> Result<Self> {
        let branches = args
            .into_iter()
            .map(|(expr, can_fail)| Ok(Branch { arg: Selective::try_new(expr)?, can_fail }))
            .collect::<Result<_>>()?;
        Ok(Self { kind, branches })
    }

    /// The rows that `so_far` leaves undecided.
    fn undecided(&self, so_far: &BooleanArray) -> BooleanBuffer {
        let known = match self.kind {
            AndOrKind::Or => so_far.values().clone(),
            AndOrKind::And | AndOrKind::Filter => !so_far.values(),
        };
        match (self.kind, so_far.nulls()) {
            (_, None) => !&known,
            (AndOrKind::Filter, Some(nulls)) => &!&known & nulls.inner(),
            (_, Some(nulls)) => !&(&known & nulls.inner()),
        }
    }

    /// What stands in a later argument for rows that are decided already.
    fn neutral(&self) -> bool {
        self.kind != AndOrKind::Or
    }

    fn combine(&self, left: &BooleanArray, right: &BooleanArray) -> Result<BooleanArray> {
        Ok(match self.kind {
            AndOrKind::Or => or_kleene(left, right)?,
            AndOrKind::And | AndOrKind::Filter => and_kleene(left, right)?,
        })
    }
}

identified_by!(AndOr, self => (self.kind, self.children()));

impl fmt::Display for AndOr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(", self.kind)?;
        write_list(f, self.branches.iter().map(|branch| branch.arg.expr()))?;
        f.write_str(")")
    }
}

impl PhysicalExpr for AndOr {
    of_type!(self => DataType::Boolean, nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        let mut so_far: Option<BooleanArray> = None;
        for branch in &self.branches {
            let Some(left) = &so_far else {
                let first = branch.arg.evaluate(batch)?.into_array(rows)?;
                so_far = Some(as_boolean_array(&first)?.clone());
                continue;
            };
            let undecided = self.undecided(left);
            let count = undecided.count_set_bits();
            if count == 0 {
                break;
            }
            let right = if branch.can_fail || count * SPARSE <= rows {
                let selection = BooleanArray::new(undecided, None);
                let values = branch.arg.evaluate_where(batch, &selection)?;
                match count == rows {
                    true => as_boolean_array(&values)?.clone(),
                    false => scatter(values.as_boolean(), selection.values(), self.neutral()),
                }
            } else {
                as_boolean_array(&branch.arg.evaluate(batch)?.into_array(rows)?)?.clone()
            };
            so_far = Some(self.combine(left, &right)?);
        }
        let result = so_far.unwrap_or_else(|| BooleanArray::from(vec![self.neutral(); rows]));
        Ok(ColumnarValue::Array(Arc::new(result)))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.branches.iter().map(|branch| branch.arg.expr()).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let can_fail = self.branches.iter().map(|branch| branch.can_fail);
        Ok(Arc::new(Self::try_new(self.kind, children.into_iter().zip(can_fail).collect())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Call;
    use arrow::array::{ArrayRef, Int32Array};
    use datafusion_common::ScalarValue;
    use datafusion_physical_expr::expressions::{Column, Literal};
    use fusion_plan::{DataType as Type, Function};

    fn boolean(index: usize) -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new("b", index))
    }

    /// `1 / column = 1`, which fails for zero.
    fn division(index: usize) -> Arc<dyn PhysicalExpr> {
        let one = || Arc::new(Literal::new(ScalarValue::Int32(Some(1)))) as Arc<dyn PhysicalExpr>;
        let column = Arc::new(Column::new("i", index));
        let types = vec![Type::Int4; 2];
        let quotient = Call::try_new(Function::Div, vec![one(), column], types.clone(), Type::Int4);
        let args = vec![Arc::new(quotient.unwrap()) as Arc<dyn PhysicalExpr>, one()];
        Arc::new(Call::try_new(Function::Eq, args, types, Type::Bool).unwrap())
    }

    fn evaluate(
        kind: AndOrKind,
        booleans: &[Option<bool>],
        divisors: &[i32],
    ) -> Result<Vec<Option<bool>>> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("b", Arc::new(BooleanArray::from(booleans.to_vec()))),
            ("i", Arc::new(Int32Array::from(divisors.to_vec()))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )?;
        let args = vec![(boolean(0), false), (division(1), true)];
        let result = AndOr::try_new(kind, args)?.evaluate(&batch)?;
        Ok(result.into_array(batch.num_rows())?.as_boolean().iter().collect())
    }

    #[test]
    fn what_is_decided_is_not_evaluated() {
        let (t, f, n) = (Some(true), Some(false), None);
        assert_eq!(evaluate(AndOrKind::And, &[f, t, n, t], &[0, 1, 2, 2]).unwrap(), [f, t, f, f]);
        assert_eq!(evaluate(AndOrKind::Or, &[t, f, n, f], &[0, 1, 2, 2]).unwrap(), [t, t, n, f]);
        assert_eq!(evaluate(AndOrKind::And, &[f, f], &[0, 0]).unwrap(), [f, f]);
        assert_eq!(evaluate(AndOrKind::And, &[n, n], &[1, 2]).unwrap(), [n, f]);
        assert_eq!(evaluate(AndOrKind::And, &[], &[]).unwrap(), []);
    }

    #[test]
    fn null_decides_in_a_filter_only() {
        let (t, n) = (Some(true), None);
        assert!(evaluate(AndOrKind::And, &[n, t], &[0, 1]).is_err());
        assert!(evaluate(AndOrKind::Or, &[n, t], &[0, 1]).is_err());
        let kept = evaluate(AndOrKind::Filter, &[n, t], &[0, 1]).unwrap();
        assert_eq!((kept[0] == t, kept[1]), (false, t));
        assert!(evaluate(AndOrKind::Filter, &[t, t], &[0, 1]).is_err());
    }

    #[test]
    fn few_undecided_rows_among_many() {
        let mut booleans = vec![Some(false); 100];
        booleans[42] = Some(true);
        booleans[77] = None;
        let args = vec![(boolean(0), false), (boolean(1), false)];
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(BooleanArray::from(booleans))),
            ("b", Arc::new(BooleanArray::from(vec![None; 100]))),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
        .unwrap();
        let and = AndOr::try_new(AndOrKind::And, args).unwrap();
        let result = and.evaluate(&batch).unwrap().into_array(100).unwrap();
        let nulls: Vec<_> = result
            .as_boolean()
            .iter()
            .enumerate()
            .filter(|(_, v)| v.is_none())
            .map(|(i, _)| i)
            .collect();
        assert_eq!(nulls, [42, 77]);
    }
}
