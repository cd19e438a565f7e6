//! Aggregate calls.

use super::collation::check_text_comparison;
use super::columns::Columns;
use super::expressions::Translator;
use super::typed::Typed;
use super::{functions, numeric};
use crate::nodes::iter;
use crate::planner::report::reason::Object;
use crate::planner::report::reason::Reason;
use fusion_plan::{Aggregate, AggregateFunction, DataType, Expr, Function};
use pgrx::pg_sys;

/// Translates one aggregate call over the columns of `translator`.
///
/// # Safety
///
/// `call` is a preprocessed aggregate call of the query being planned; runs in
/// a backend's main thread.
pub unsafe fn aggregate<C: Columns>(
    translator: &mut Translator<'_, C>,
    call: &pg_sys::Aggref,
) -> Result<Aggregate, Reason> {
    let Some(function) = functions::aggregate(call.aggfnoid) else {
        return Err(Object::Aggregate(call.aggfnoid).into());
    };
    translator.uses(call.aggfnoid);
    if call.agglevelsup != 0 {
        return Err("an aggregate of an outer query".into());
    }
    if !call.aggorder.is_null() {
        return Err("an aggregate with ORDER BY".into());
    }
    let distinct = !call.aggdistinct.is_null();
    if call.aggsplit != pg_sys::AggSplit::AGGSPLIT_SIMPLE || call.aggvariadic {
        return Err("a partial or variadic aggregate".into());
    }
    // SAFETY: the parts of a valid node; `args` holds target entries.
    unsafe {
        let mut args = Vec::new();
        for entry in iter::<pg_sys::TargetEntry>(call.args) {
            args.push(translator.translate((*entry).expr.cast())?);
        }
        let filter = match call.aggfilter.is_null() {
            true => None,
            false => Some(translator.translate(call.aggfilter.cast())?.expr),
        };
        if matches!(function, AggregateFunction::Sum | AggregateFunction::Avg) {
            args = args.into_iter().map(summable).collect();
        }
        let arg = args.first().map(|arg| arg.ty);
        let ty = result_type(function, arg)?;
        if matches!(function, AggregateFunction::Min | AggregateFunction::Max)
            && matches!(arg, Some(DataType::Text | DataType::Bpchar))
        {
            check_text_comparison(Function::Lt, call.inputcollid)?;
        }
        if distinct {
            match arg {
                Some(DataType::Opaque) | None => {
                    return Err("DISTINCT values of a type that the engine does not know".into());
                }
                Some(DataType::Text | DataType::Bpchar) => {
                    check_text_comparison(Function::Eq, call.inputcollid)?;
                }
                _ => {}
            }
        }
        let args: Vec<Expr> = args.into_iter().map(|arg| arg.expr).collect();
        Ok(Aggregate { function, args, filter, distinct, ty })
    }
}

/// `arg` as variable-scale numeric if sums of its values could be too large for a
/// fixed scale.
fn summable(arg: Typed) -> Typed {
    match arg.ty {
        DataType::Decimal { .. } if numeric::sum_type(arg.ty).is_err() => {
            Typed { expr: numeric::as_numeric(arg), ty: DataType::Numeric }
        }
        _ => arg,
    }
}

fn result_type(function: AggregateFunction, arg: Option<DataType>) -> Result<DataType, Reason> {
    use AggregateFunction as F;
    use DataType as T;
    Ok(match (function, arg) {
        (F::CountStar, None) | (F::Count, Some(_)) => T::Int8,
        (F::Sum, Some(T::Int2 | T::Int4)) => T::Int8,
        (F::Sum, Some(ty @ (T::Float4 | T::Float8))) => ty,
        (F::Sum | F::Avg, Some(T::Interval)) => T::Interval,
        (F::Sum, Some(ty @ (T::Int8 | T::Decimal { .. }))) => numeric::sum_type(ty)?,
        (F::Avg, Some(T::Float4 | T::Float8)) => T::Float8,
        (F::Sum, Some(T::Numeric)) => T::Numeric,
        (F::Avg, Some(T::Int2 | T::Int4 | T::Int8 | T::Decimal { .. } | T::Numeric)) => T::Numeric,
        (F::Min | F::Max, Some(ty)) if !matches!(ty, T::Opaque | T::Bool) => ty,
        (F::BoolAnd | F::BoolOr, Some(T::Bool)) => T::Bool,
        (function, arg) => {
            let arg = arg.map_or_else(|| "*".to_owned(), |ty| ty.to_string());
            return Err(format!("{}({arg})", function.name()).into());
        }
    })
}
