//! GREATEST and LEAST.

use super::native::compared;
use super::operator;
use crate::error::to_datafusion;
use crate::expr::expression::{identified_by, of_type, write_list};
use crate::expr::kernel::{Arg, Kernel};
use arrow::array::{Array, BooleanArray, RecordBatch, new_empty_array};
use arrow::compute::kernels::zip::zip;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::{DataType, Extreme, Function};
use std::fmt;
use std::sync::Arc;

/// The largest or smallest argument, by `ExecEvalMinMax` (execExprInterp.c): NULLs are passed over,
/// and of equal values the first stays. All arguments are evaluated for all rows.
#[derive(Clone, Debug)]
pub(crate) struct MinMax {
    extreme: Extreme,
    args: Vec<Arc<dyn PhysicalExpr>>,
    ty: DataType,
    /// Whether an argument has to give way to a later one.
    gives_way: Arc<dyn Kernel>,
}

impl MinMax {
    /// The `extreme` of `args`, all of type `ty`; `None` if that has no order.
    pub(crate) fn try_new(
        extreme: Extreme,
        args: Vec<Arc<dyn PhysicalExpr>>,
        ty: DataType,
    ) -> Option<Self> {
        let function = match extreme {
            Extreme::Greatest => Function::Lt,
            Extreme::Least => Function::Gt,
        };
        let gives_way = operator::kernel(function, ty, ty)?;
        Some(Self { extreme, args, ty, gives_way })
    }

    /// Of each row's two values, of which at least one is a column, the one that
    /// stays.
    fn better(&self, first: Arg, second: Arg, rows: usize) -> Result<Arg> {
        if second.is_null_scalar() {
            return Ok(first);
        }
        if first.is_null_scalar() {
            return Ok(second);
        }
        let args = [first, second];
        let gives_way = compared(&self.gives_way, &args, rows).map_err(to_datafusion)?;
        // NULL in the comparison is a NULL in either argument: a NULL gives way to
        // whatever comes, and nothing gives way to one.
        let mut take_second = gives_way.values().clone();
        if let Some(nulls) = gives_way.nulls() {
            take_second = &take_second & nulls.inner();
            if let Some(first) = args[0].array().nulls().filter(|_| !args[0].is_scalar()) {
                take_second = &take_second | &!first.inner();
            }
        }
        let take_second = BooleanArray::new(take_second, None);
        Ok(Arg::column(zip(&take_second, &args[1], &args[0])?))
    }
}

identified_by!(MinMax, self => (self.extreme, self.ty, &self.args));

impl fmt::Display for MinMax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(", self.extreme)?;
        write_list(f, &self.args)?;
        f.write_str(")")
    }
}

impl PhysicalExpr for MinMax {
    of_type!(self => self.ty.arrow(), nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(&self.ty.arrow())));
        }
        let mut result = Arg::scalar(arrow::array::new_null_array(&self.ty.arrow(), 1));
        for arg in &self.args {
            let arg = Arg::from_value(arg.evaluate(batch)?)?;
            result = match result.is_scalar() && arg.is_scalar() {
                true => {
                    let first = Arg::column(Arc::clone(result.array()));
                    Arg::scalar(Arc::clone(self.better(first, arg, 1)?.array()))
                }
                false => self.better(result, arg, rows)?,
            };
        }
        Ok(match result.is_scalar() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(result.array(), 0)?),
            false => ColumnarValue::Array(Arc::clone(result.array())),
        })
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.args.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { args: children, ..Self::clone(&self) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::AsText;
    use arrow::array::{ArrayRef, StringViewArray};
    use datafusion_physical_expr::expressions::{Column, Literal};

    const A: [Option<&str>; 5] = [Some("b"), None, None, Some("x "), Some("y")];
    const B: [Option<&str>; 5] = [Some("a"), Some("c"), None, Some("x"), None];

    fn column(index: usize) -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new("c", index))
    }

    fn constant(value: Option<&str>) -> Arc<dyn PhysicalExpr> {
        Arc::new(Literal::new(ScalarValue::BinaryView(
            value.map(|value| value.as_bytes().to_vec()),
        )))
    }

    fn of(extreme: Extreme, args: Vec<Arc<dyn PhysicalExpr>>) -> Vec<Option<String>> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("a", Arc::new(StringViewArray::from(A.to_vec()).to_binary_view())),
            ("b", Arc::new(StringViewArray::from(B.to_vec()).to_binary_view())),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let expr = MinMax::try_new(extreme, args, DataType::Bpchar).unwrap();
        let result = expr.evaluate(&batch).unwrap().into_array(5).unwrap();
        result.as_text().iter().map(|value| value.map(str::to_owned)).collect()
    }

    fn owned(values: [Option<&str>; 5]) -> Vec<Option<String>> {
        values.iter().map(|value| value.map(str::to_owned)).collect()
    }

    #[test]
    fn nulls_are_passed_over_and_the_first_of_equals_stays() {
        let both = || vec![column(0), column(1)];
        let greatest = [Some("b"), Some("c"), None, Some("x "), Some("y")];
        assert_eq!(of(Extreme::Greatest, both()), owned(greatest));
        let least = [Some("a"), Some("c"), None, Some("x "), Some("y")];
        assert_eq!(of(Extreme::Least, both()), owned(least));
        let swapped = of(Extreme::Least, vec![column(1), column(0)]);
        assert_eq!(swapped[3].as_deref(), Some("x"));
    }

    #[test]
    fn constants_take_part() {
        let null = || constant(None);
        let w = || constant(Some("w"));
        let with_w = [Some("b"), Some("w"), Some("w"), Some("w"), Some("w")];
        assert_eq!(of(Extreme::Least, vec![column(0), null(), w()]), owned(with_w));
        assert_eq!(of(Extreme::Least, vec![w(), null(), column(0)]), owned(with_w));
        assert_eq!(of(Extreme::Greatest, vec![null(), w(), null()]), owned([Some("w"); 5]));
        assert_eq!(of(Extreme::Greatest, vec![null()]), owned([None; 5]));
        let equal = of(Extreme::Greatest, vec![constant(Some("z")), constant(Some("z "))]);
        assert_eq!(equal, owned([Some("z"); 5]));
    }

    #[test]
    fn opaque_values_have_no_extreme() {
        assert!(MinMax::try_new(Extreme::Least, vec![], DataType::Opaque).is_none());
    }
}
