//! The names of a leaf and its columns, for EXPLAIN.

use super::translate::functions::function_name;
use crate::encoding;
use crate::nodes::{cast, iter};
use pgrx::pg_sys;

/// The relation's name or alias, for EXPLAIN.
///
/// # Safety
///
/// Both belong to the planner call under way.
pub unsafe fn relation_name(
    root: *const pg_sys::PlannerInfo,
    rel: *const pg_sys::RelOptInfo,
) -> String {
    // SAFETY: a base relation's index is that of its range table entry.
    unsafe {
        if (*rel).relid == 0 {
            return "join".to_owned();
        }
        range_table_name(root, (*rel).relid as i32)
    }
}

unsafe fn range_table_name(root: *const pg_sys::PlannerInfo, index: i32) -> String {
    // SAFETY: `simple_rte_array` has an entry for every range table index.
    unsafe {
        let rte = *(*root).simple_rte_array.add(index as usize);
        match (*rte).eref.is_null() {
            true => format!("#{index}"),
            false => encoding::string((*(*rte).eref).aliasname),
        }
    }
}

/// The column's name, for EXPLAIN.
///
/// # Safety
///
/// Both belong to the planner call under way.
pub unsafe fn column_name(root: *const pg_sys::PlannerInfo, expr: *const pg_sys::Node) -> String {
    // SAFETY: `expr` is a node; `eref` names every column of its entry.
    unsafe {
        let Some(var) = cast::<pg_sys::Var, _>(expr) else {
            return match cast::<pg_sys::FuncExpr, _>(expr) {
                Some(call) => format!("{}(...)", function_name(call.funcid)),
                None => "?column?".to_owned(),
            };
        };
        let rte = *(*root).simple_rte_array.add(var.varno as usize);
        let name = usize::try_from(i32::from(var.varattno) - 1)
            .ok()
            .and_then(|index| iter::<pg_sys::String>((*(*rte).eref).colnames).nth(index));
        match name {
            Some(name) => encoding::string((*name).sval),
            None => format!("{}.{}", range_table_name(root, var.varno), var.varattno),
        }
    }
}
