//! Whether values that PostgreSQL calls equal always look the same.
//!
//! Where they do not (`-0` and `0`, `1.0` and `1.00`, `'1 day'` and `'24:00'`), the order
//! of rows decides which one `min`, `max`, a group and DISTINCT show.

use crate::nodes::{cast, iter, tag};
use crate::planner::translate::collation::check_text_comparison;
use crate::planner::translate::columns::AnyVar;
use crate::planner::translate::expressions::Translator;
use crate::planner::translate::params::Params;
use crate::planner::translate::types::numeric_type;
use fusion_plan::{DataType, Function};
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::CStr;

/// Whether equal values of `expr` always look the same.
///
/// # Safety
///
/// `expr` is an expression over the range table of `query`; runs in a backend's main
/// thread.
pub unsafe fn alike(query: *const pg_sys::Query, expr: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let mut typmod = pg_sys::exprTypmod(expr);
        let base = pg_sys::getBaseTypeAndTypmod(pg_sys::exprType(expr), &mut typmod);
        match base {
            pg_sys::NUMERICOID => is_decimal(expr) || has_fixed_scale(query, expr),
            _ => type_is_alike(base, typmod, pg_sys::exprCollation(expr)),
        }
    }
}

/// Whether equal values of a type always look the same.
///
/// # Safety
///
/// Runs in a backend's main thread.
pub unsafe fn type_is_alike(base: pg_sys::Oid, typmod: i32, collation: pg_sys::Oid) -> bool {
    // SAFETY: the caller's promise.
    let deterministic = || unsafe { check_text_comparison(Function::Eq, collation).is_ok() };
    match base {
        pg_sys::NUMERICOID => numeric_type(typmod) != DataType::Numeric,
        pg_sys::TEXTOID | pg_sys::VARCHAROID | pg_sys::NAMEOID => deterministic(),
        // With a length, all values are padded to it.
        pg_sys::BPCHAROID => typmod > pg_sys::VARHDRSZ as i32 && deterministic(),
        pg_sys::BOOLOID
        | pg_sys::CHAROID
        | pg_sys::INT2OID
        | pg_sys::INT4OID
        | pg_sys::INT8OID
        | pg_sys::OIDOID
        | pg_sys::XIDOID
        | pg_sys::CIDOID
        | pg_sys::TIDOID
        | pg_sys::XID8OID
        | pg_sys::PG_LSNOID
        | pg_sys::REGPROCOID
        | pg_sys::REGPROCEDUREOID
        | pg_sys::REGOPEROID
        | pg_sys::REGOPERATOROID
        | pg_sys::REGCLASSOID
        | pg_sys::REGCOLLATIONOID
        | pg_sys::REGTYPEOID
        | pg_sys::REGROLEOID
        | pg_sys::REGNAMESPACEOID
        | pg_sys::REGCONFIGOID
        | pg_sys::REGDICTIONARYOID
        | pg_sys::DATEOID
        | pg_sys::TIMEOID
        | pg_sys::TIMETZOID
        | pg_sys::TIMESTAMPOID
        | pg_sys::TIMESTAMPTZOID
        | pg_sys::MONEYOID
        | pg_sys::UUIDOID
        | pg_sys::BYTEAOID
        | pg_sys::BITOID
        | pg_sys::VARBITOID
        | pg_sys::INETOID
        | pg_sys::CIDROID
        | pg_sys::MACADDROID
        | pg_sys::MACADDR8OID => true,
        // SAFETY: the caller's promise.
        other => unsafe { pg_sys::get_typtype(other) as u8 == pg_sys::TYPTYPE_ENUM },
    }
}

/// Whether the engine knows the display scale of `expr`.
unsafe fn is_decimal(expr: *mut pg_sys::Node) -> bool {
    let mut params = Params::default();
    // SAFETY: an expression of the query being planned.
    let typed = unsafe { Translator::new(&AnyVar, &mut params).translate(expr) };
    typed.is_ok_and(|typed| matches!(typed.ty, DataType::Decimal { .. }))
}

/// Whether all values of `expr`, a `numeric`, have one display scale.
unsafe fn has_fixed_scale(query: *const pg_sys::Query, expr: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let mut typmod = pg_sys::exprTypmod(expr);
        let base = pg_sys::getBaseTypeAndTypmod(pg_sys::exprType(expr), &mut typmod);
        if base != pg_sys::NUMERICOID {
            return false;
        }
        if numeric_type(typmod) != DataType::Numeric {
            return true;
        }
        let all = |args: *const pg_sys::List| {
            iter::<pg_sys::Node>(args).all(|arg| has_fixed_scale(query, arg))
        };
        match tag(expr) {
            NodeTag::T_Const => true,
            NodeTag::T_Var => {
                let var = &*expr.cast::<pg_sys::Var>();
                let entries = iter::<pg_sys::RangeTblEntry>((*query).rtable);
                let column = usize::try_from(var.varattno).ok().and_then(|n| n.checked_sub(1));
                let index = usize::try_from(var.varno).ok().and_then(|n| n.checked_sub(1));
                let (Some(column), Some(index), 0) = (column, index, var.varlevelsup) else {
                    return false;
                };
                let Some(entry) = entries.clone().nth(index) else { return false };
                let subquery = match (*entry).rtekind {
                    pg_sys::RTEKind::RTE_CTE => cte(query, entry),
                    _ => (*entry).subquery,
                };
                if subquery.is_null() {
                    return false;
                }
                (*subquery).setOperations.is_null()
                    && iter::<pg_sys::TargetEntry>((*subquery).targetList)
                        .nth(column)
                        .is_some_and(|entry| has_fixed_scale(subquery, (*entry).expr.cast()))
            }
            NodeTag::T_RelabelType => {
                has_fixed_scale(query, (*expr.cast::<pg_sys::RelabelType>()).arg.cast())
            }
            NodeTag::T_PlaceHolderVar => {
                has_fixed_scale(query, (*expr.cast::<pg_sys::PlaceHolderVar>()).phexpr.cast())
            }
            NodeTag::T_OpExpr => {
                let op = &*expr.cast::<pg_sys::OpExpr>();
                scale_follows_types(pg_sys::get_opcode(op.opno)) && all(op.args)
            }
            NodeTag::T_FuncExpr => matches!(
                (*expr.cast::<pg_sys::FuncExpr>()).funcid.to_u32(),
                pg_sys::F_NUMERIC_INT2 | pg_sys::F_NUMERIC_INT4 | pg_sys::F_NUMERIC_INT8
            ),
            NodeTag::T_Aggref => {
                let Some(call) = cast::<pg_sys::Aggref, _>(expr) else { return false };
                let args = iter::<pg_sys::TargetEntry>(call.args);
                match call.aggfnoid.to_u32() {
                    pg_sys::F_SUM_INT8 => true,
                    pg_sys::F_SUM_NUMERIC | pg_sys::F_MIN_NUMERIC | pg_sys::F_MAX_NUMERIC => {
                        args.clone().all(|arg| has_fixed_scale(query, (*arg).expr.cast()))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// The query of the CTE behind `entry`, if it is one of `query` itself; else NULL.
unsafe fn cte(
    query: *const pg_sys::Query,
    entry: *const pg_sys::RangeTblEntry,
) -> *mut pg_sys::Query {
    // SAFETY: a range table entry of the query; names are C strings.
    unsafe {
        let name = CStr::from_ptr((*entry).ctename);
        iter::<pg_sys::CommonTableExpr>((*query).cteList)
            .find(|cte| (*entry).ctelevelsup == 0 && CStr::from_ptr((**cte).ctename) == name)
            .map(|cte| (*cte).ctequery)
            .filter(|found| tag(*found) == NodeTag::T_Query)
            .map_or(std::ptr::null_mut(), |found| found.cast())
    }
}

/// Whether the display scale of a function's result depends on those of its arguments
/// only (`add_var`, `sub_var`, `mod_var` and `numeric_mul_opt_error` of numeric.c).
fn scale_follows_types(function: pg_sys::Oid) -> bool {
    matches!(
        function.to_u32(),
        pg_sys::F_NUMERIC_ADD
            | pg_sys::F_NUMERIC_SUB
            | pg_sys::F_NUMERIC_MUL
            | pg_sys::F_NUMERIC_MOD
            | pg_sys::F_NUMERIC_UMINUS
            | pg_sys::F_NUMERIC_UPLUS
            | pg_sys::F_NUMERIC_ABS
    )
}
