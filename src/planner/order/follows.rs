//! Which values follow the order of the rows that they are computed from.

use super::alike::{alike, type_is_alike};
use super::calls::Calls;
use super::dependence::shows_first;
use crate::nodes::{self, iter, tag};
use pgrx::pg_sys::{self, NodeTag};

/// Whether the order of a query's rows is all its own: it sorts by every column, so that
/// rows that are equal to the sort are alike.
///
/// # Safety
///
/// `query` is a valid query.
pub unsafe fn sorts_all(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe {
        let mut columns =
            iter::<pg_sys::TargetEntry>((*query).targetList).filter(|entry| !(**entry).resjunk);
        !(*query).sortClause.is_null()
            && columns.all(|column| {
                iter::<pg_sys::SortGroupClause>((*query).sortClause)
                    .any(|sort| (*sort).tleSortGroupRef == (*column).ressortgroupref)
                    && alike(query, (*column).expr.cast())
            })
    }
}

/// Whether an aggregate, a group key or a column that is shown without being one follows
/// the order of the rows it reads.
///
/// # Safety
///
/// `query` is a valid query.
pub unsafe fn groups_follow(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe {
        clauses_follow(query, (*query).groupClause)
            || shows_first(query)
            || aggregates(query).into_iter().any(|call| follows_order(query, call))
    }
}

/// Whether DISTINCT follows the order of the rows it reads.
///
/// # Safety
///
/// `query` is a valid query.
pub unsafe fn distinct_follows(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe {
        let length = |list: *const pg_sys::List| if list.is_null() { 0 } else { (*list).length };
        let undetermined = (*query).hasDistinctOn
            && length((*query).sortClause) <= length((*query).distinctClause);
        undetermined || clauses_follow(query, (*query).distinctClause)
    }
}

/// Whether equal values of one of the expressions that `clauses` name can look different.
unsafe fn clauses_follow(query: *const pg_sys::Query, clauses: *const pg_sys::List) -> bool {
    // SAFETY: clauses of the query.
    unsafe {
        iter::<pg_sys::SortGroupClause>(clauses).any(|clause| {
            let expr = pg_sys::get_sortgroupclause_expr(clause, (*query).targetList);
            !alike(query, expr)
        })
    }
}

/// Whether equal values of a column of a UNION, INTERSECT or EXCEPT can look different.
///
/// # Safety
///
/// `query` is a valid query.
pub unsafe fn set_operations_follow(query: *const pg_sys::Query) -> bool {
    unsafe fn follows(node: *const pg_sys::Node) -> bool {
        // SAFETY: a node of a tree of set operations.
        unsafe {
            if tag(node) != NodeTag::T_SetOperationStmt {
                return false;
            }
            let step = &*node.cast::<pg_sys::SetOperationStmt>();
            let types = nodes::oids(step.colTypes);
            let collations = nodes::oids(step.colCollations);
            let typmods = nodes::integers(step.colTypmods);
            let mut columns = types.into_iter().zip(typmods).zip(collations);
            let union_all = step.all && step.op == pg_sys::SetOperation::SETOP_UNION;
            let own = !union_all
                && columns.any(|((ty, mut typmod), collation)| {
                    let base = pg_sys::getBaseTypeAndTypmod(ty, &mut typmod);
                    !type_is_alike(base, typmod, collation)
                });
            own || follows(step.larg) || follows(step.rarg)
        }
    }
    // SAFETY: a valid query.
    unsafe { follows((*query).setOperations) }
}

/// Whether an aggregate call of a finished plan follows the order of its rows.
///
/// # Safety
///
/// `plan` is a valid plan.
pub unsafe fn calls_follow(plan: *const pg_sys::Plan) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let query = pg_sys::Query::default();
        let calls = [(*plan).targetlist, (*plan).qual].map(|list| Calls::of(list.cast()));
        calls.iter().flat_map(|calls| &calls.aggregates).any(|call| follows_order(&query, *call))
    }
}

/// Whether equal values of `expr`, of a finished plan, always look the same.
///
/// # Safety
///
/// `expr` is a valid expression.
pub unsafe fn is_alike(expr: *mut pg_sys::Node) -> bool {
    // SAFETY: the caller's promise.
    unsafe { alike(&pg_sys::Query::default(), expr) }
}

/// The aggregate calls of a query.
unsafe fn aggregates(query: *const pg_sys::Query) -> Vec<*mut pg_sys::Aggref> {
    // SAFETY: a valid query.
    unsafe {
        if !(*query).hasAggs {
            return Vec::new();
        }
        let mut found = Calls::of((*query).targetList.cast()).aggregates;
        found.extend(Calls::of((*query).havingQual).aggregates);
        found
    }
}

/// Whether a window function follows the order of rows that its window does not order.
///
/// # Safety
///
/// `query` is a valid query.
pub unsafe fn windows_follow(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query, whose window functions name its windows.
    unsafe {
        if !(*query).hasWindowFuncs {
            return false;
        }
        Calls::of((*query).targetList.cast()).windows.into_iter().any(|call| {
            let call = &*call;
            let is_whole = || {
                let window = iter::<pg_sys::WindowClause>((*query).windowClause)
                    .find(|window| (**window).winref == call.winref);
                window.is_none_or(|window| {
                    let rows = pg_sys::FRAMEOPTION_ROWS as i32;
                    (*window).orderClause.is_null() && (*window).frameOptions & rows != 0
                })
            };
            if call.winagg {
                let arg = iter::<pg_sys::Node>(call.args).next();
                return is_whole() || function_follows(query, call.winfnoid, arg);
            }
            let by_value = matches!(
                call.winfnoid.to_u32(),
                pg_sys::F_RANK_
                    | pg_sys::F_DENSE_RANK_
                    | pg_sys::F_PERCENT_RANK_
                    | pg_sys::F_CUME_DIST_
            );
            let ordered = iter::<pg_sys::WindowClause>((*query).windowClause)
                .find(|window| (**window).winref == call.winref)
                .is_some_and(|window| !(*window).orderClause.is_null());
            !by_value && !ordered
        })
    }
}

/// Whether the result of an aggregate call follows the order of its rows.
///
/// # Safety
///
/// `call` is a call of the query, or of a finished plan.
pub unsafe fn follows_order(query: *const pg_sys::Query, call: *const pg_sys::Aggref) -> bool {
    // SAFETY: a valid call of the query.
    unsafe {
        let call = &*call;
        let args = iter::<pg_sys::TargetEntry>(call.args);
        let mut values = args.clone().filter(|arg| !(**arg).resjunk);
        let function = call.aggfnoid;
        if counts(function) {
            return false;
        }
        let sorts = if call.aggdistinct.is_null() { call.aggorder } else { call.aggdistinct };
        if !sorts.is_null() {
            // Sorted by all its arguments, it sees them in an order of their own.
            return !values.all(|value| {
                let level = call.agglevelsup as i32;
                if !pg_sys::contain_vars_of_level((*value).expr.cast(), level) {
                    return true;
                }
                let sorted = iter::<pg_sys::SortGroupClause>(sorts)
                    .any(|sort| (*sort).tleSortGroupRef == (*value).ressortgroupref);
                sorted && alike(query, (*value).expr.cast())
            });
        }
        let value = values.next().map(|value| (*value).expr.cast());
        function_follows(query, function, value)
    }
}

/// Whether a call sorts its rows, and what it gives follows the order of those that are
/// equal to the sort.
///
/// # Safety
///
/// `call` is a call of the query, or of a finished plan.
pub unsafe fn sorts_equals(query: *const pg_sys::Query, call: *const pg_sys::Aggref) -> bool {
    // SAFETY: a valid call of the query.
    unsafe {
        (!(*call).aggdistinct.is_null() || !(*call).aggorder.is_null())
            && follows_order(query, call)
    }
}

fn counts(function: pg_sys::Oid) -> bool {
    matches!(function.to_u32(), pg_sys::F_COUNT_ | pg_sys::F_COUNT_ANY | pg_sys::F_REGR_COUNT)
}

/// Whether the result of the aggregate `function` over `value` follows the order of its
/// rows. What is not known here does.
unsafe fn function_follows(
    query: *const pg_sys::Query,
    function: pg_sys::Oid,
    value: Option<*mut pg_sys::Node>,
) -> bool {
    use pg_sys::*;
    // SAFETY: an expression of the query.
    let is_alike = || value.is_some_and(|value| unsafe { alike(query, value) });
    match function.to_u32() {
        F_COUNT_ | F_COUNT_ANY | F_REGR_COUNT => false,
        F_SUM_INT2 | F_SUM_INT4 | F_SUM_INT8 | F_SUM_NUMERIC | F_SUM_INTERVAL | F_SUM_MONEY
        | F_AVG_INT2 | F_AVG_INT4 | F_AVG_INT8 | F_AVG_NUMERIC | F_AVG_INTERVAL => false,
        F_VARIANCE_INT2 | F_VARIANCE_INT4 | F_VARIANCE_INT8 | F_VARIANCE_NUMERIC
        | F_VAR_SAMP_INT2 | F_VAR_SAMP_INT4 | F_VAR_SAMP_INT8 | F_VAR_SAMP_NUMERIC
        | F_VAR_POP_INT2 | F_VAR_POP_INT4 | F_VAR_POP_INT8 | F_VAR_POP_NUMERIC => false,
        F_STDDEV_INT2
        | F_STDDEV_INT4
        | F_STDDEV_INT8
        | F_STDDEV_NUMERIC
        | F_STDDEV_SAMP_INT2
        | F_STDDEV_SAMP_INT4
        | F_STDDEV_SAMP_INT8
        | F_STDDEV_SAMP_NUMERIC
        | F_STDDEV_POP_INT2
        | F_STDDEV_POP_INT4
        | F_STDDEV_POP_INT8
        | F_STDDEV_POP_NUMERIC => false,
        F_BOOL_AND | F_BOOL_OR | F_EVERY => false,
        F_BIT_AND_INT2 | F_BIT_AND_INT4 | F_BIT_AND_INT8 | F_BIT_AND_BIT | F_BIT_OR_INT2
        | F_BIT_OR_INT4 | F_BIT_OR_INT8 | F_BIT_OR_BIT | F_BIT_XOR_INT2 | F_BIT_XOR_INT4
        | F_BIT_XOR_INT8 | F_BIT_XOR_BIT => false,
        F_MIN_FLOAT4 | F_MIN_FLOAT8 | F_MIN_INTERVAL | F_MIN_NUMERIC | F_MIN_TEXT
        | F_MIN_BPCHAR | F_MAX_FLOAT4 | F_MAX_FLOAT8 | F_MAX_INTERVAL | F_MAX_NUMERIC
        | F_MAX_TEXT | F_MAX_BPCHAR => !is_alike(),
        F_MIN_INT2 | F_MIN_INT4 | F_MIN_INT8 | F_MIN_DATE | F_MIN_TIME | F_MIN_TIMETZ
        | F_MIN_MONEY | F_MIN_TIMESTAMP | F_MIN_TIMESTAMPTZ | F_MIN_ANYENUM | F_MIN_INET
        | F_MIN_TID | F_MIN_PG_LSN | F_MIN_XID8 => false,
        F_MAX_INT2 | F_MAX_INT4 | F_MAX_INT8 | F_MAX_DATE | F_MAX_TIME | F_MAX_TIMETZ
        | F_MAX_MONEY | F_MAX_TIMESTAMP | F_MAX_TIMESTAMPTZ | F_MAX_ANYENUM | F_MAX_INET
        | F_MAX_TID | F_MAX_PG_LSN | F_MAX_XID8 => false,
        other => other != F_MIN_OID.to_u32() && other != F_MAX_OID.to_u32(),
    }
}
