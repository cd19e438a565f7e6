//! `IS [NOT] TRUE | FALSE | UNKNOWN`, which are never NULL.

use crate::expr::expression::{identified_by, of_type};
use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_common::cast::as_boolean_array;
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::BoolTest;
use std::fmt;
use std::sync::Arc;

/// A test of a boolean (`EEOP_BOOLTEST_IS_TRUE` and its kin in execExprInterp.c).
#[derive(Clone, Debug)]
pub(crate) struct BooleanTest {
    arg: Arc<dyn PhysicalExpr>,
    test: BoolTest,
}

impl BooleanTest {
    /// The test `test` of `arg`.
    pub(crate) fn new(arg: Arc<dyn PhysicalExpr>, test: BoolTest) -> Self {
        Self { arg, test }
    }
}

/// The result of `test` for every value of `input`.
fn apply(test: BoolTest, input: &BooleanArray) -> BooleanArray {
    let values = input.values();
    let result = match (test, input.nulls().map(|nulls| nulls.inner())) {
        (BoolTest::True, None) | (BoolTest::NotFalse, None) => values.clone(),
        (BoolTest::False, None) | (BoolTest::NotTrue, None) => !values,
        (BoolTest::Unknown, None) => arrow::buffer::BooleanBuffer::new_unset(values.len()),
        (BoolTest::NotUnknown, None) => arrow::buffer::BooleanBuffer::new_set(values.len()),
        (BoolTest::True, Some(valid)) => values & valid,
        (BoolTest::NotTrue, Some(valid)) => !&(values & valid),
        (BoolTest::False, Some(valid)) => &!values & valid,
        (BoolTest::NotFalse, Some(valid)) => !&(&!values & valid),
        (BoolTest::Unknown, Some(valid)) => !valid,
        (BoolTest::NotUnknown, Some(valid)) => valid.clone(),
    };
    BooleanArray::new(result, None)
}

identified_by!(BooleanTest, self => (self.test, &self.arg));

impl fmt::Display for BooleanTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} IS {:?}", self.arg, self.test)
    }
}

impl PhysicalExpr for BooleanTest {
    of_type!(self => DataType::Boolean, nullable: false);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let values = self.arg.evaluate(batch)?.into_array(batch.num_rows())?;
        Ok(ColumnarValue::Array(Arc::new(apply(self.test, as_boolean_array(&values)?))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.arg]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let arg = children.into_iter().next().unwrap_or_else(|| Arc::clone(&self.arg));
        Ok(Arc::new(Self { arg, test: self.test }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_of_every_truth_value() {
        let three = BooleanArray::from(vec![Some(true), Some(false), None]);
        let two = BooleanArray::from(vec![true, false]);
        for (test, expected) in [
            (BoolTest::True, [true, false, false]),
            (BoolTest::NotTrue, [false, true, true]),
            (BoolTest::False, [false, true, false]),
            (BoolTest::NotFalse, [true, false, true]),
            (BoolTest::Unknown, [false, false, true]),
            (BoolTest::NotUnknown, [true, true, false]),
        ] {
            assert_eq!(apply(test, &three), BooleanArray::from(expected.to_vec()), "{test:?}");
            assert_eq!(apply(test, &two), BooleanArray::from(expected[..2].to_vec()), "{test:?}");
        }
    }
}
