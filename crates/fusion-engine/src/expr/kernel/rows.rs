//! Kernels made of a function over the values of one row.

use super::{Arg, FnKernel, Kernel, valid_rows};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryViewBuilder, BooleanArray, BooleanBufferBuilder,
    FixedSizeBinaryArray, NullBufferBuilder, PrimitiveArray,
};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::DataType as Arrow;
use fusion_plan::{DataType, PgError};
use fusion_scalar::datetime::Interval;
use fusion_scalar::datetime::extract::Number;
use fusion_scalar::numeric::{Decimal, infinity_bytes};
use std::marker::PhantomData;
use std::sync::Arc;

/// A type whose values a function takes.
pub(crate) trait Input {
    /// The array that holds them.
    type Array: Array + 'static;
    /// One of them.
    type Value: Copy;

    /// The value at `index`, which is anything where that is NULL.
    fn value(array: &Self::Array, index: usize) -> Self::Value;
}

/// A type whose values a function gives.
pub(crate) trait Output {
    /// One of them.
    type Value;
    /// Values that wait to become an array.
    type Values;

    /// Whether an array of type `ty` can hold them.
    fn fits(ty: &Arrow) -> bool;
    /// No values yet, with room for `rows`.
    fn with_capacity(rows: usize) -> Self::Values;
    /// Adds a value, or NULL.
    fn push(values: &mut Self::Values, value: Option<Self::Value>) -> Result<(), PgError>;
    /// The array, of the type that [`Output::fits`] was asked about.
    fn finish(values: Self::Values, nulls: Option<NullBuffer>, ty: &Arrow) -> ArrayRef;
}

/// Integers, floats and what is one of them in Arrow.
pub(crate) struct Primitive<T>(PhantomData<T>);

impl<T: ArrowPrimitiveType> Input for Primitive<T> {
    type Array = PrimitiveArray<T>;
    type Value = T::Native;

    fn value(array: &Self::Array, index: usize) -> T::Native {
        array.values().get(index).copied().unwrap_or_default()
    }
}

impl<T: ArrowPrimitiveType> Output for Primitive<T> {
    type Value = T::Native;
    type Values = Vec<T::Native>;

    fn fits(ty: &Arrow) -> bool {
        PrimitiveArray::<T>::is_compatible(ty)
    }

    fn with_capacity(rows: usize) -> Self::Values {
        Vec::with_capacity(rows)
    }

    fn push(values: &mut Self::Values, value: Option<T::Native>) -> Result<(), PgError> {
        values.push(value.unwrap_or_default());
        Ok(())
    }

    fn finish(values: Self::Values, nulls: Option<NullBuffer>, ty: &Arrow) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(ty.clone()))
    }
}

/// `bool`, as a result.
pub(crate) struct Bools;

impl Output for Bools {
    type Value = bool;
    type Values = BooleanBufferBuilder;

    fn fits(ty: &Arrow) -> bool {
        *ty == Arrow::Boolean
    }

    fn with_capacity(rows: usize) -> Self::Values {
        BooleanBufferBuilder::new(rows)
    }

    fn push(values: &mut Self::Values, value: Option<bool>) -> Result<(), PgError> {
        values.append(value.unwrap_or_default());
        Ok(())
    }

    fn finish(mut values: Self::Values, nulls: Option<NullBuffer>, _ty: &Arrow) -> ArrayRef {
        Arc::new(BooleanArray::new(values.finish(), nulls))
    }
}

/// `interval`.
pub(crate) struct Intervals;

impl Input for Intervals {
    type Array = FixedSizeBinaryArray;
    type Value = Interval;

    fn value(array: &Self::Array, index: usize) -> Interval {
        array.value(index).try_into().map(Interval::from_bytes).unwrap_or_default()
    }
}

impl Output for Intervals {
    type Value = Interval;
    type Values = Vec<u8>;

    fn fits(ty: &Arrow) -> bool {
        *ty == DataType::Interval.arrow()
    }

    fn with_capacity(rows: usize) -> Self::Values {
        Vec::with_capacity(rows * 16)
    }

    fn push(values: &mut Self::Values, value: Option<Interval>) -> Result<(), PgError> {
        values.extend_from_slice(&value.unwrap_or_default().to_bytes());
        Ok(())
    }

    fn finish(values: Self::Values, nulls: Option<NullBuffer>, _ty: &Arrow) -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(values), nulls))
    }
}

/// `numeric` of variable scale, as a result.
pub(crate) struct Numerics;

impl Output for Numerics {
    type Value = Number;
    type Values = (BinaryViewBuilder, Vec<u8>);

    fn fits(ty: &Arrow) -> bool {
        *ty == Arrow::BinaryView
    }

    fn with_capacity(rows: usize) -> Self::Values {
        (BinaryViewBuilder::with_capacity(rows), Vec::new())
    }

    fn push((values, bytes): &mut Self::Values, value: Option<Number>) -> Result<(), PgError> {
        match value {
            None => values.append_null(),
            Some(Number::Infinity) => values.append_value(infinity_bytes(false)),
            Some(Number::NegativeInfinity) => values.append_value(infinity_bytes(true)),
            Some(Number::Finite { unscaled, scale }) => {
                bytes.clear();
                Decimal::new(unscaled, scale.into()).write(bytes)?;
                values.append_value(&*bytes);
            }
        }
        Ok(())
    }

    fn finish((mut values, _): Self::Values, _nulls: Option<NullBuffer>, _ty: &Arrow) -> ArrayRef {
        Arc::new(values.finish())
    }
}

/// An argument whose values are of type `K`.
pub(crate) struct Values<'a, K: Input> {
    arg: &'a Arg,
    array: &'a K::Array,
}

impl<'a, K: Input> Values<'a, K> {
    /// The argument number `index`.
    ///
    /// # Errors
    ///
    /// If there is none of this type.
    pub(crate) fn of(args: &'a [Arg], index: usize) -> Result<Self, PgError> {
        let arg = args.get(index).ok_or_else(|| PgError::internal("an argument is missing"))?;
        let array =
            arg.array().as_any().downcast_ref().ok_or_else(|| {
                PgError::internal(format!("unexpected {}", arg.array().data_type()))
            })?;
        Ok(Self { arg, array })
    }

    /// The value for `row`.
    pub(crate) fn get(&self, row: usize) -> K::Value {
        K::value(self.array, self.arg.index(row))
    }
}

/// Calls `op` for every row in which no argument is NULL; it may give NULL.
///
/// # Errors
///
/// The first one.
pub(crate) fn each<O: Output>(
    args: &[Arg],
    rows: usize,
    ty: &Arrow,
    mut op: impl FnMut(usize) -> Result<Option<O::Value>, PgError>,
) -> Result<ArrayRef, PgError> {
    let valid = valid_rows(args);
    let mut values = O::with_capacity(rows);
    let mut nulls = NullBufferBuilder::new(rows);
    for row in 0..rows {
        let value = match &valid {
            Some(valid) if valid.is_null(row) => None,
            _ => op(row)?,
        };
        nulls.append(value.is_some());
        O::push(&mut values, value)?;
    }
    Ok(O::finish(values, nulls.finish(), ty))
}

/// The kernel of a function of one argument; `None` if its results do not fit
/// `result`.
pub(crate) fn unary<A: Input, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn(A::Value) -> Result<Option<O::Value>, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    let ty = result.arrow();
    O::fits(&ty).then(|| {
        FnKernel::boxed(name, move |args: &[Arg], rows| {
            let a = Values::<A>::of(args, 0)?;
            each::<O>(args, rows, &ty, |row| op(a.get(row)))
        })
    })
}

/// The kernel of a function of two arguments that gives no NULL, see [`unary`].
pub(crate) fn binary<A: Input, B: Input, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn(A::Value, B::Value) -> Result<O::Value, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    let ty = result.arrow();
    O::fits(&ty).then(|| {
        FnKernel::boxed(name, move |args: &[Arg], rows| {
            let (a, b) = (Values::<A>::of(args, 0)?, Values::<B>::of(args, 1)?);
            each::<O>(args, rows, &ty, |row| op(a.get(row), b.get(row)).map(Some))
        })
    })
}

/// The kernel of a function of three arguments that gives no NULL, see
/// [`unary`].
pub(crate) fn ternary<A: Input, B: Input, C: Input, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn(A::Value, B::Value, C::Value) -> Result<O::Value, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    let ty = result.arrow();
    O::fits(&ty).then(|| {
        FnKernel::boxed(name, move |args: &[Arg], rows| {
            let (a, b) = (Values::<A>::of(args, 0)?, Values::<B>::of(args, 1)?);
            let c = Values::<C>::of(args, 2)?;
            each::<O>(args, rows, &ty, |row| op(a.get(row), b.get(row), c.get(row)).map(Some))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::{Int32Type, Int64Type};

    type Int4 = Primitive<Int32Type>;

    fn column(values: Vec<Option<i32>>) -> Arg {
        Arg::column(Arc::new(Int32Array::from(values)))
    }

    #[test]
    fn null_rows_are_not_looked_at() {
        let kernel = binary::<Int4, Int4, Int4>("a / b", DataType::Int4, |a, b| {
            a.checked_div(b).ok_or_else(PgError::division_by_zero)
        });
        let kernel = kernel.unwrap();
        let zero_under_null =
            Int32Array::new(vec![2, 0].into(), Some(NullBuffer::from(vec![true, false])));
        let args = [column(vec![Some(6), Some(1)]), Arg::column(Arc::new(zero_under_null))];
        let result = kernel.call(&args, 2).unwrap();
        let result: Vec<_> = result.as_primitive::<Int32Type>().iter().collect();
        assert_eq!(result, [Some(3), None]);
        let args = [column(vec![Some(6), Some(1)]), column(vec![Some(2), Some(0)])];
        assert_eq!(kernel.call(&args, 2), Err(PgError::division_by_zero()));
    }

    #[test]
    fn functions_may_give_null() {
        let odd = unary::<Int4, Bools>("odd", DataType::Bool, |value| {
            Ok((value >= 0).then_some(value % 2 == 1))
        });
        let result = odd.unwrap().call(&[column(vec![Some(3), Some(-3), None])], 3).unwrap();
        let result: Vec<_> = result.as_boolean().iter().collect();
        assert_eq!(result, [Some(true), None, None]);
    }

    #[test]
    fn constants_stand_for_all_rows() {
        let kernel = ternary::<Int4, Int4, Int4, Primitive<Int64Type>>("sum", DataType::Int8, {
            |a, b, c| Ok(i64::from(a) + i64::from(b) + i64::from(c))
        });
        let one = Arg::scalar(Arc::new(Int32Array::from(vec![1])));
        let args = [one.clone(), column(vec![Some(10), Some(20)]), one];
        let result = kernel.unwrap().call(&args, 2).unwrap();
        assert_eq!(result.as_primitive::<Int64Type>().values(), &[12, 22]);
    }

    #[test]
    fn results_must_fit() {
        assert!(unary::<Int4, Int4>("same", DataType::Int8, |value| Ok(Some(value))).is_none());
        assert!(unary::<Int4, Bools>("odd", DataType::Int4, |_| Ok(None)).is_none());
    }

    #[test]
    fn numerics_are_stored_bytes() {
        let kernel = unary::<Int4, Numerics>("number", DataType::Numeric, |value| {
            Ok(match value {
                0 => None,
                1 => Some(Number::Infinity),
                _ => Some(Number::Finite { unscaled: value.into(), scale: 2 }),
            })
        });
        let args = [column(vec![Some(0), Some(1), Some(12345)])];
        let result = kernel.unwrap().call(&args, 3).unwrap();
        let result = result.as_binary_view();
        assert!(result.is_null(0));
        assert_eq!(result.value(1), infinity_bytes(false));
        let mut bytes = Vec::new();
        Decimal::new(12345, 2).write(&mut bytes).unwrap();
        assert_eq!(result.value(2), bytes);
    }
}
