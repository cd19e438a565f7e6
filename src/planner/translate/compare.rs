//! Comparisons: bringing two sides to one type.

use super::collation::check_text_comparison;
use super::numeric;
use super::typed::{Typed, as_decimal, call};
use crate::planner::report::reason::Reason;
use fusion_plan::{DataType, DatetimeFunction, Expr, Function, Literal, Value};
use fusion_scalar::text::slice::true_length;
use pgrx::pg_sys;

/// `arg` in the integer or float type `ty`, which loses nothing.
pub fn widen(arg: Typed, ty: DataType) -> Result<Typed, Reason> {
    let function = match (arg.ty, ty) {
        (from, to) if from == to => return Ok(arg),
        (from, to) if from.is_integer() && to.is_integer() => Function::WidenInteger,
        (from, to) if (from.is_integer() || from.is_float()) && to.is_float() => Function::ToFloat,
        (from, to) => return Err(format!("arithmetic on {from} giving {to}").into()),
    };
    Ok(call(function, vec![arg], ty))
}

/// The two sides of a comparison, brought to one type.
pub fn comparable(left: Typed, right: Typed) -> Result<(Expr, Expr, DataType), Reason> {
    use DataType as T;
    let wider = |a: T, b: T| if a.slot_width() >= b.slot_width() { a } else { b };
    let (left, right, ty) = match (left.ty, right.ty) {
        (T::Bpchar, T::Bpchar) => {
            return Ok((trimmed(left.expr), trimmed(right.expr), T::Text));
        }
        (a @ T::Decimal { .. }, b @ T::Decimal { .. }) if numeric::check_rescale(a, b).is_ok() => {
            (left, right, a)
        }
        (T::Opaque, _) | (_, T::Opaque) => {
            return Err("a comparison of values that the engine does not know".into());
        }
        (T::Decimal { .. }, T::Decimal { .. }) => {
            return Ok((numeric::as_numeric(left), numeric::as_numeric(right), T::Numeric));
        }
        (a, b) if numeric::is_numeric(a) && numeric::is_numeric(b) => (left, right, T::Numeric),
        (a, b) if a == b => (left, right, a),
        (a, b) if a.is_integer() && b.is_integer() || a.is_float() && b.is_float() => {
            let ty = wider(a, b);
            (widen(left, ty)?, widen(right, ty)?, ty)
        }
        (T::Date, T::Timestamp) => (for_compare(left), right, T::Timestamp),
        (T::Timestamp, T::Date) => (left, for_compare(right), T::Timestamp),
        (a, b) => return Err(format!("a comparison of {a} with {b}").into()),
    };
    Ok((left.expr, right.expr, ty))
}

/// The two sides of a join key in one type. Numeric sides of different scale
/// are brought to the type that holds both, so that equal values are equal
/// bits, or else to variable-scale numeric.
pub fn join_key(left: Typed, right: Typed) -> Result<(Expr, Expr), Reason> {
    if numeric::is_numeric(left.ty) && numeric::is_numeric(right.ty) {
        return Ok(match numeric::common_type(left.ty, right.ty) {
            Ok(common) => (as_decimal(left, common), as_decimal(right, common)),
            Err(_) => (numeric::as_numeric(left), numeric::as_numeric(right)),
        });
    }
    let (left, right, _) = comparable(left, right)?;
    Ok((left, right))
}

fn for_compare(date: Typed) -> Typed {
    call(
        Function::Datetime(DatetimeFunction::DateToTimestampForCompare),
        vec![date],
        DataType::Timestamp,
    )
}

/// A `bpchar` in the form in which it is compared.
fn trimmed(expr: Expr) -> Expr {
    match expr {
        Expr::Literal(Literal { value: Some(Value::Text(text)), .. }) => {
            let unpadded = text.get(true_length(&text)).unwrap_or(&text);
            Expr::literal(DataType::Text, Value::Text(unpadded.to_vec()))
        }
        Expr::Literal(Literal { value: None, .. }) => Expr::null(DataType::Text),
        other => Expr::call(Function::BpcharTrim, vec![other], DataType::Text),
    }
}

/// `left function right`.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn compare(
    function: Function,
    left: Typed,
    right: Typed,
    collation: pg_sys::Oid,
) -> Result<Typed, Reason> {
    let (left, right, ty) = comparable(left, right)?;
    if ty == DataType::Text {
        // SAFETY: the caller's promise.
        unsafe { check_text_comparison(function, collation)? };
    }
    Ok(Typed { expr: Expr::call(function, vec![left, right], DataType::Bool), ty: DataType::Bool })
}
