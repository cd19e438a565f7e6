//! Columns of dates and times, and the shapes of kernel that several of their functions
//! have.

use crate::expr::kernel::Kernel;
use crate::expr::kernel::rows::{Input, Numerics, Output, Primitive, unary};
use crate::expr::value::decimal::is_128;
use arrow::datatypes::{Decimal128Type, Float64Type, Int32Type, Int64Type};
use fusion_plan::{
    DECIMAL128_INFINITY, DECIMAL128_NEGATIVE_INFINITY, DataType, DatetimeUnit, PgError,
};
use fusion_scalar::datetime::extract::{self, Number};
use fusion_scalar::datetime::unit;
use std::sync::Arc;

pub(super) type Int4 = Primitive<Int32Type>;
pub(super) type Date = Primitive<Int32Type>;
pub(super) type Time = Primitive<Int64Type>;
pub(super) type Timestamp = Primitive<Int64Type>;
pub(super) type Float8 = Primitive<Float64Type>;

/// The kernel of a function that neither fails nor gives NULL.
pub(super) fn total<A: Input, O: Output>(
    name: &'static str,
    result: DataType,
    op: impl Fn(A::Value) -> O::Value + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    unary::<A, O>(name, result, move |value| Ok(Some(op(value))))
}

/// The kernel of `extract`: a decimal of the field's one scale, or bytes.
pub(super) fn extracted<A: Input>(
    ty: DataType,
    unit: DatetimeUnit,
    result: DataType,
    op: impl Fn(A::Value) -> Result<Option<Number>, PgError> + Send + Sync + 'static,
) -> Option<Arc<dyn Kernel>> {
    const NAME: &str = "extract";
    if !unit::can_extract(ty, unit) {
        return None;
    }
    match result {
        DataType::Numeric => unary::<A, Numerics>(NAME, result, op),
        DataType::Decimal { scale, .. }
            if is_128(result) && extract::shape(ty, unit).is_some_and(|(_, s)| s == scale) =>
        {
            unary::<A, Primitive<Decimal128Type>>(NAME, result, move |value| {
                Ok(op(value)?.map(unscaled))
            })
        }
        _ => None,
    }
}

fn unscaled(number: Number) -> i128 {
    match number {
        Number::Finite { unscaled, .. } => unscaled,
        Number::Infinity => DECIMAL128_INFINITY,
        Number::NegativeInfinity => DECIMAL128_NEGATIVE_INFINITY,
    }
}
