//! Comparisons. For most types PostgreSQL's order is that of the integers or
//! bytes that represent them, so arrow's kernels serve; floats, stored numerics
//! and decimals of different scale have their own.

use super::arg::{defect, primitive::two};
use super::kernel::FnKernel;
use super::{Arg, Kernel, decimal_compare, float, numeric};
use arrow::array::ArrayRef;
use arrow::compute::kernels::cmp;
use fusion_plan::{DataType, Function, PgError};
use std::sync::Arc;

/// The comparison `function` over arguments of the given types.
pub(crate) fn kernel(
    function: Function,
    left: DataType,
    right: DataType,
) -> Option<Arc<dyn Kernel>> {
    use DataType as T;
    if let (T::Decimal { .. }, T::Decimal { .. }) = (left, right)
        && left.arrow() != right.arrow()
    {
        return decimal_compare::kernel(function, left, right);
    }
    if left == T::Numeric || right == T::Numeric {
        return numeric::comparison(function, left, right);
    }
    match left {
        T::Decimal { .. } => {}
        _ if left != right => return None,
        T::Float4 | T::Float8 => return float::compare(function, left),
        T::Enum if !matches!(function, Function::Eq | Function::Ne) => return None,
        T::Interval | T::Bpchar | T::Opaque => return None,
        _ => {}
    }
    Some(FnKernel::boxed("comparison", move |args: &[Arg], _| {
        let (left, right) = two(args)?;
        native(function, left, right)
    }))
}

/// The comparison of two arguments of one Arrow type, in that type's order.
pub(crate) fn native(function: Function, left: &Arg, right: &Arg) -> Result<ArrayRef, PgError> {
    let result = match function {
        Function::Eq => cmp::eq(left, right),
        Function::Ne => cmp::neq(left, right),
        Function::Lt => cmp::lt(left, right),
        Function::Le => cmp::lt_eq(left, right),
        Function::Gt => cmp::gt(left, right),
        Function::Ge => cmp::gt_eq(left, right),
        _ => return Err(PgError::internal(format!("{function:?} is not a comparison"))),
    };
    Ok(Arc::new(result.map_err(defect)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, BinaryViewArray, Int32Array, StringViewArray};

    fn check(
        function: Function,
        ty: DataType,
        left: ArrayRef,
        right: ArrayRef,
    ) -> Vec<Option<bool>> {
        let rows = left.len();
        let kernel = kernel(function, ty, ty).unwrap();
        let result = kernel.call(&[Arg::column(left), Arg::scalar(right)], rows).unwrap();
        result.as_boolean().iter().collect()
    }

    #[test]
    fn infinite_dates_are_the_outermost() {
        let dates: ArrayRef =
            Arc::new(Int32Array::from(vec![Some(i32::MIN), Some(i32::MAX), None]));
        let day: ArrayRef = Arc::new(Int32Array::from(vec![0]));
        let less = check(Function::Lt, DataType::Date, dates, day);
        assert_eq!(less, [Some(true), Some(false), None]);
    }

    #[test]
    fn text_and_bytes_compare_as_unsigned_bytes() {
        let text: ArrayRef = Arc::new(StringViewArray::from(vec!["é", "z", "", "zz"]));
        let z: ArrayRef = Arc::new(StringViewArray::from(vec!["z"]));
        let greater = check(Function::Gt, DataType::Text, text, z);
        assert_eq!(greater, [Some(true), Some(false), Some(false), Some(true)]);
        let bytes: ArrayRef = Arc::new(BinaryViewArray::from(vec![&b"\xff"[..], b"\x00"]));
        let low: ArrayRef = Arc::new(BinaryViewArray::from(vec![&b"\x7f"[..]]));
        assert_eq!(check(Function::Ge, DataType::Bytea, bytes, low), [Some(true), Some(false)]);
    }

    #[test]
    fn types_without_a_plain_order_are_refused() {
        for ty in [DataType::Interval, DataType::Opaque, DataType::Bpchar] {
            assert!(kernel(Function::Eq, ty, ty).is_none());
        }
        assert!(kernel(Function::Lt, DataType::Enum, DataType::Enum).is_none());
        assert!(kernel(Function::Eq, DataType::Int4, DataType::Int8).is_none());
        assert!(kernel(Function::Eq, DataType::Numeric, DataType::Text).is_none());
    }
}
