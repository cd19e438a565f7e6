//! The expression that calls a function.

use super::dispatch::kernel_for;
use super::kernel::{Arg, Kernel};
use crate::error::to_datafusion;
use crate::expr::expression::{identified_by, of_type, write_list};
use arrow::array::{RecordBatch, new_empty_array, new_null_array};
use arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use fusion_plan::{Function, PgError};
use std::fmt;
use std::sync::Arc;

/// A call of one of the plan's functions. Strict: a row in which an argument is
/// NULL is NULL, and cannot raise an error.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    function: Function,
    args: Vec<Arc<dyn PhysicalExpr>>,
    arg_types: Vec<fusion_plan::DataType>,
    result: fusion_plan::DataType,
    ty: DataType,
    kernel: Arc<dyn Kernel>,
}

impl Call {
    /// A call of `function` over arguments of types `arg_types`.
    ///
    /// # Errors
    ///
    /// If the function does not exist for these types.
    pub(crate) fn try_new(
        function: Function,
        args: Vec<Arc<dyn PhysicalExpr>>,
        arg_types: Vec<fusion_plan::DataType>,
        result: fusion_plan::DataType,
    ) -> Result<Self, PgError> {
        let kernel = kernel_for(function, &arg_types, result)?;
        Ok(Self { function, args, arg_types, result, ty: result.arrow(), kernel })
    }
}

identified_by!(Call, self => (self.function, &self.arg_types, self.result, &self.args));

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(", self.function)?;
        write_list(f, &self.args)?;
        f.write_str(")")
    }
}

impl PhysicalExpr for Call {
    of_type!(self => self.ty.clone(), nullable: true);

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(&self.ty)));
        }
        let mut args = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            args.push(Arg::from_value(arg.evaluate(batch)?)?);
        }
        if args.iter().any(Arg::is_null_scalar) {
            return Ok(ColumnarValue::Array(new_null_array(&self.ty, rows)));
        }
        if args.iter().all(Arg::is_scalar) {
            let args: Vec<_> =
                args.iter().map(|arg| Arg::column(Arc::clone(arg.array()))).collect();
            let value = self.kernel.call(&args, 1).map_err(to_datafusion)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?));
        }
        Ok(ColumnarValue::Array(self.kernel.call(&args, rows).map_err(to_datafusion)?))
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
