//! Values that are the same for the whole query but not constants: what
//! PostgreSQL computes once, when the plan starts.
//!
//! PostgreSQL itself would compute them when the first row asks, and if none does,
//! an error in them would not surface. So only what cannot fail is taken: the
//! current time and what is commonly made of it.

use crate::nodes::{cast, iter, tag};
use crate::planner::translate::functions::implementation;
use pgrx::pg_sys::{self, NodeTag};

/// Whether `node` is such a value: a call of a stable function (never a constant
/// or a parameter, which have their own form) over such values and constants.
///
/// # Safety
///
/// `node` is an expression of the query being planned.
pub(super) unsafe fn is_stable_value(node: *const pg_sys::Node) -> bool {
    // SAFETY: each cast follows the tag.
    unsafe {
        match tag(node) {
            NodeTag::T_SQLValueFunction => is_current_time(&*node.cast()),
            NodeTag::T_FuncExpr => {
                let call = &*node.cast::<pg_sys::FuncExpr>();
                is_harmless(call.funcid, call.args)
            }
            NodeTag::T_OpExpr => {
                let op = &*node.cast::<pg_sys::OpExpr>();
                is_harmless(implementation(op.opfuncid, op.opno), op.args)
            }
            _ => false,
        }
    }
}

/// Whether `value` is the time at which the transaction began, as a date, time or
/// timestamp. The others (`ExecEvalSQLValueFunction` in execExprInterp.c), like the start
/// of the statement, may be other ones when more rows of a cursor are fetched.
pub(super) fn is_current_time(value: &pg_sys::SQLValueFunction) -> bool {
    use pg_sys::SQLValueFunctionOp::*;
    matches!(
        value.op,
        SVFOP_CURRENT_DATE
            | SVFOP_CURRENT_TIME
            | SVFOP_CURRENT_TIME_N
            | SVFOP_CURRENT_TIMESTAMP
            | SVFOP_CURRENT_TIMESTAMP_N
            | SVFOP_LOCALTIME
            | SVFOP_LOCALTIME_N
            | SVFOP_LOCALTIMESTAMP
            | SVFOP_LOCALTIMESTAMP_N
    )
}

/// Whether a call of `function` depends on the session's time zone or on the
/// current time only, and cannot fail with these arguments.
unsafe fn is_harmless(function: pg_sys::Oid, args: *const pg_sys::List) -> bool {
    use pg_sys::*;
    let mut args = {
        // SAFETY: the arguments of a valid node.
        unsafe { iter::<Node>(args) }
    };
    match function.to_u32() {
        F_NOW | F_TRANSACTION_TIMESTAMP => true,
        // The current time is far from the ends of its range, and so are its
        // date, its local time and moments some thousand years around it.
        F_DATE_TIMESTAMPTZ | F_TIMESTAMP_TIMESTAMPTZ | F_TIMESTAMPTZ_DATE => {
            // SAFETY: an argument of a valid node.
            args.all(|arg| unsafe { is_stable_value(arg) })
        }
        F_TIMESTAMPTZ_PL_INTERVAL | F_TIMESTAMPTZ_MI_INTERVAL => {
            // SAFETY: arguments of a valid node.
            let is_moment = args.next().is_some_and(|arg| unsafe { is_stable_value(arg) });
            // SAFETY: as above.
            is_moment && args.next().is_some_and(|arg| unsafe { is_short_interval(arg) })
        }
        _ => false,
    }
}

/// Whether `node` is a constant interval of less than some thousand years.
unsafe fn is_short_interval(node: *const pg_sys::Node) -> bool {
    const MONTHS: u32 = 12 * 4000;
    const DAYS: u32 = 366 * 4000;
    const MICROSECONDS: u64 = 86_400_000_000 * DAYS as u64;
    // SAFETY: a constant's datum is valid for its type.
    unsafe {
        cast::<pg_sys::Const, _>(node).is_some_and(|constant| {
            constant.consttype == pg_sys::INTERVALOID && !constant.constisnull && {
                let interval = &*constant.constvalue.cast_mut_ptr::<pg_sys::Interval>();
                interval.month.unsigned_abs() < MONTHS
                    && interval.day.unsigned_abs() < DAYS
                    && interval.time.unsigned_abs() < MICROSECONDS
            }
        })
    }
}
