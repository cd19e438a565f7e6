//! Comparisons. For most types PostgreSQL's order is that of the integers or
//! bytes that represent them, or of keys made from them, so arrow's kernels
//! serve; floats, stored numerics and decimals of different scale have their own.

use super::key::{KeyForm, arg_keys, key_form};
use super::native::native;
use super::{decimal, float, numeric};
use crate::expr::kernel::{Arg, FnKernel, Kernel, defect, two};
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{and_not, or};
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
        return decimal::kernel(function, left, right);
    }
    if left == T::Numeric || right == T::Numeric {
        return numeric::kernel(function, left, right);
    }
    match left {
        T::Decimal { .. } => {}
        _ if left != right => return None,
        T::Float4 | T::Float8 => return float::kernel(function, left),
        T::Enum if !matches!(function, Function::Eq | Function::Ne) => {
            return Some(FnKernel::boxed("comparison", move |args: &[Arg], _| {
                let (a, b) = two(args)?;
                enum_order(function, a, b)
            }));
        }
        _ => {}
    }
    let computed = key_form(left)? == KeyForm::Computed;
    Some(FnKernel::boxed("comparison", move |args: &[Arg], _| {
        let (a, b) = two(args)?;
        match computed {
            true => native(function, &arg_keys(left, a)?, &arg_keys(right, b)?),
            false => native(function, a, b),
        }
    }))
}

/// `enum_lt` and its kin (`enum_cmp_internal` in enum.c): equal by OID, or else ordered by place.
fn enum_order(function: Function, left: &Arg, right: &Arg) -> Result<ArrayRef, PgError> {
    let equal =
        native(Function::Eq, &arg_keys(DataType::Enum, left)?, &arg_keys(DataType::Enum, right)?)?;
    let order = native(function, left, right)?;
    let (equal, order) = (equal.as_boolean(), order.as_boolean());
    let result = match function {
        Function::Lt | Function::Gt => and_not(order, equal),
        _ => or(order, equal),
    };
    Ok(Arc::new(result.map_err(defect)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Array, AsArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, Int32Array,
        Int64Array, StringViewArray, UInt32Array, UInt64Array,
    };
    use fusion_scalar::datetime::Interval;

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
        let text: ArrayRef =
            Arc::new(StringViewArray::from(vec!["é", "z", "", "zz"]).to_binary_view());
        let z: ArrayRef = Arc::new(StringViewArray::from(vec!["z"]).to_binary_view());
        let greater = check(Function::Gt, DataType::Text, text, z);
        assert_eq!(greater, [Some(true), Some(false), Some(false), Some(true)]);
        let bytes: ArrayRef = Arc::new(BinaryViewArray::from(vec![&b"\xff"[..], b"\x00"]));
        let low: ArrayRef = Arc::new(BinaryViewArray::from(vec![&b"\x7f"[..]]));
        assert_eq!(check(Function::Ge, DataType::Bytea, bytes, low), [Some(true), Some(false)]);
    }

    const SIX: [Function; 6] =
        [Function::Lt, Function::Le, Function::Eq, Function::Ge, Function::Gt, Function::Ne];

    /// What all six comparisons say of the first value of `left` and that of
    /// `right`, as columns and as a column and a constant.
    fn order(ty: DataType, left: ArrayRef, right: ArrayRef) -> std::cmp::Ordering {
        use std::cmp::Ordering;
        let all = |args: [Arg; 2]| {
            SIX.map(|function| {
                let result = kernel(function, ty, ty).unwrap().call(&args, 1).unwrap();
                result.as_boolean().value(0)
            })
        };
        let results = all([Arg::column(Arc::clone(&left)), Arg::column(Arc::clone(&right))]);
        assert_eq!(results, all([Arg::column(Arc::clone(&left)), Arg::scalar(right)]));
        match results {
            [true, true, false, false, false, true] => Ordering::Less,
            [false, true, true, true, false, false] => Ordering::Equal,
            [false, false, false, true, true, true] => Ordering::Greater,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_type_but_opaque_is_ordered() {
        use std::cmp::Ordering::{Equal, Less};
        let fixed = |bytes: [u8; 16]| -> ArrayRef {
            Arc::new(FixedSizeBinaryArray::try_from_iter([bytes].into_iter()).unwrap())
        };
        let interval = |months, days| fixed(Interval::new(months, days, 0).to_bytes());
        let ty = DataType::Interval;
        assert_eq!(order(ty, interval(1, 0), interval(0, 30)), Equal);
        assert_eq!(order(ty, interval(0, 29), interval(1, 0)), Less);
        // Native byte order must not show.
        assert_eq!(order(ty, interval(0, 255), interval(0, 256)), Less);
        assert_eq!(order(DataType::Uuid, fixed([1; 16]), fixed([255; 16])), Less);

        let numeric = |words: [u16; 2]| -> ArrayRef {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            Arc::new(BinaryViewArray::from(vec![bytes.as_slice()]))
        };
        // Short headers with display scales 0 and 2, and one digit.
        assert_eq!(order(DataType::Numeric, numeric([0x8000, 1]), numeric([0x8100, 1])), Equal);
        assert_eq!(order(DataType::Numeric, numeric([0x8000, 255]), numeric([0x8000, 256])), Less);

        let text = |text: &str| -> ArrayRef {
            Arc::new(StringViewArray::from(vec![text]).to_binary_view())
        };
        assert_eq!(order(DataType::Bpchar, text("a "), text("a")), Equal);
        assert_eq!(order(DataType::Bpchar, text("a"), text("a\t")), Less);
        assert_eq!(order(DataType::Text, text("a"), text("a ")), Less);

        let oid = |oid: u32| -> ArrayRef { Arc::new(UInt32Array::from(vec![oid])) };
        assert_eq!(order(DataType::Oid, oid(1), oid(u32::MAX)), Less);
        let label = |label: u64| -> ArrayRef { Arc::new(UInt64Array::from(vec![label])) };
        assert_eq!(order(DataType::Enum, label(1), label(u64::MAX)), Less);
        // The same value, whose place was changed.
        assert_eq!(order(DataType::Enum, label(1 << 32 | 7), label(2 << 32 | 7)), Equal);
        assert_eq!(order(DataType::Enum, label(1 << 32 | 8), label(2 << 32 | 7)), Less);
        let time = |time: i64| -> ArrayRef { Arc::new(Int64Array::from(vec![time])) };
        assert_eq!(order(DataType::Time, time(1), time(2)), Less);
        assert_eq!(order(DataType::TimestampTz, time(i64::MIN), time(-1)), Less);
        let bools = |value: bool| -> ArrayRef { Arc::new(BooleanArray::from(vec![value])) };
        assert_eq!(order(DataType::Bool, bools(false), bools(true)), Less);
    }

    #[test]
    fn types_that_differ_or_are_opaque_are_refused() {
        assert!(kernel(Function::Eq, DataType::Opaque, DataType::Opaque).is_none());
        assert!(kernel(Function::Eq, DataType::Int4, DataType::Int8).is_none());
        assert!(kernel(Function::Eq, DataType::Text, DataType::Bpchar).is_none());
    }
}
