//! Constants.

use super::typed::Typed;
use super::types::{fusion_type, type_name};
use crate::datum::{value_of, varlena_bytes};
use crate::planner::report::reason::Reason;
use fusion_plan::{DataType, Expr, Literal, MAX_DECIMAL128_PRECISION, Value};
use fusion_scalar::numeric::Number;
use pgrx::pg_sys;

/// The constant `node`.
///
/// A `numeric` constant has the precision and scale of its own digits, if they
/// fit a fixed scale. NaN has no digits and goes with any.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn literal(node: &pg_sys::Const) -> Result<Typed, Reason> {
    // SAFETY: the caller's promise; a constant's datum is valid for its type.
    unsafe { typed(node.constvalue, node.constisnull, node.consttype) }
}

/// The elements of a constant array, in order, as constants.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn array_elements(node: &pg_sys::Const) -> Result<Vec<*mut pg_sys::Const>, Reason> {
    if node.constisnull {
        return Err("a NULL array".into());
    }
    // SAFETY: the caller's promise. `get_element_type` says whether it is an
    // array; `deconstruct_array` fills as many values as it counts.
    unsafe {
        let element = pg_sys::get_element_type(node.consttype);
        if element == pg_sys::Oid::INVALID {
            return Err("an array comparison with something else".into());
        }
        let (mut length, mut by_value, mut align) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
        let array = pg_sys::pg_detoast_datum(node.constvalue.cast_mut_ptr());
        let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        pg_sys::deconstruct_array(
            array.cast(),
            element,
            i32::from(length),
            by_value,
            align,
            &mut values,
            &mut nulls,
            &mut count,
        );
        let collation = pg_sys::get_typcollation(element);
        let constant = |index| {
            let (value, is_null) = (*values.add(index), *nulls.add(index));
            pg_sys::makeConst(element, -1, collation, length.into(), value, is_null, by_value)
        };
        Ok((0..count.max(0) as usize).map(constant).collect())
    }
}

unsafe fn typed(datum: pg_sys::Datum, is_null: bool, typid: pg_sys::Oid) -> Result<Typed, Reason> {
    // SAFETY: the caller's promise: `datum` is valid for `typid`.
    unsafe {
        if typid == pg_sys::NUMERICOID {
            return numeric(datum, is_null);
        }
        let ty = fusion_type(typid, -1)?;
        let value = match is_null {
            true => None,
            false => {
                let value = value_of(datum, ty, pg_sys::getBaseType(typid));
                let value = value.map_err(|error| Reason::from(error.message))?;
                Some(value.ok_or_else(|| format!("a constant of type {}", type_name(typid)))?)
            }
        };
        Ok(Typed { expr: Expr::Literal(Literal { ty, value }), ty })
    }
}

unsafe fn numeric(datum: pg_sys::Datum, is_null: bool) -> Result<Typed, Reason> {
    if is_null {
        let ty = DataType::Decimal { precision: 1, scale: 0 };
        return Ok(Typed { expr: Expr::null(ty), ty });
    }
    // SAFETY: the caller's promise: a numeric datum.
    let bytes = unsafe { varlena_bytes(datum) };
    let fast = match Number::parse(bytes) {
        Number::NaN => Some((1, 0, None)),
        Number::Decimal(value) => {
            let digits = value.unscaled.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
            let scale = u8::try_from(value.scale).ok();
            scale.map(|scale| (digits.max(scale.into()), scale, Some(value.unscaled)))
        }
        Number::Infinite { .. } | Number::Large(_) => None,
    };
    Ok(match fast {
        Some((digits, scale, value)) if digits <= MAX_DECIMAL128_PRECISION.into() => {
            let ty = DataType::Decimal { precision: digits as u8, scale };
            Typed { expr: Expr::literal(ty, Value::Decimal(value)), ty }
        }
        _ => {
            let ty = DataType::Numeric;
            Typed { expr: Expr::literal(ty, Value::Bytes(bytes.to_vec())), ty }
        }
    })
}
