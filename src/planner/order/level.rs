//! What is done with the rows of a query level: whether a value follows their order, and
//! whether their reader may stop before the last.
//!
//! A query in FROM is read by the level that it stands in, a common table expression by
//! all levels that name it, at any depth.

use super::facts;
use super::follows::{
    distinct_follows, groups_follow, set_operations_follow, sorts_all, windows_follow,
};
use super::known::Level;
use crate::nodes::{iter, tag};
use crate::planner::state;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::{CStr, c_void};
use std::ptr;

/// What is done with the rows of a query's result.
#[derive(Clone, Copy, Default)]
struct Reading {
    follows: bool,
    shown: bool,
    stops: bool,
}

impl Reading {
    /// They are the rows of a relation that a level joins.
    fn by(level: Level) -> Self {
        Self { follows: level.joined, shown: level.shown, stops: level.stops_joined }
    }

    /// They are read twice.
    fn and(self, other: Self) -> Self {
        Self {
            follows: self.follows || other.follows,
            shown: self.shown || other.shown,
            stops: self.stops || other.stops,
        }
    }
}

/// What is done with the rows of the level that `root` plans.
///
/// # Safety
///
/// `root` is a query level of the planner call under way.
pub unsafe fn level(root: *const pg_sys::PlannerInfo) -> Level {
    state::level(root, || {
        // SAFETY: the caller's promise.
        unsafe { look(root) }
    })
}

unsafe fn look(root: *const pg_sys::PlannerInfo) -> Level {
    // SAFETY: a query level of the planner call under way; those around it are, too.
    unsafe {
        let query = (*root).parse;
        let parent = (*root).parent_root;
        if parent.is_null() {
            return of_query(query, Reading { shown: true, ..Reading::default() }, false);
        }
        let around = look(parent);
        match table_under_way(parent) {
            Some(table) => {
                let tables = Visit::default().query((*parent).parse, around);
                let reading = tables.get(table).map_or(Reading::by(around), |table| table.reading);
                of_query(query, reading, false)
            }
            None => of_query(query, Reading::by(around), may_be_array(query)),
        }
    }
}

/// Which of its common table expressions a level plans at the moment: `SS_process_ctes` in
/// subselect.c notes each when it is done with it, before anything else is planned.
unsafe fn table_under_way(root: *const pg_sys::PlannerInfo) -> Option<usize> {
    // SAFETY: a query level of the planner call under way.
    unsafe {
        let done = iter::<c_void>((*root).cte_plan_ids).len();
        (done < iter::<c_void>((*(*root).parse).cteList).len()).then_some(done)
    }
}

/// Whether `query`, a subquery, may be that of an array, whose elements it orders.
unsafe fn may_be_array(query: *const pg_sys::Query) -> bool {
    // SAFETY: in a planner call. An array has one column.
    unsafe {
        let columns = iter::<pg_sys::TargetEntry>((*query).targetList);
        columns.filter(|entry| !(**entry).resjunk).count() == 1 && facts::tree().makes_array
    }
}

unsafe fn of_query(query: *const pg_sys::Query, reading: Reading, in_array: bool) -> Level {
    // SAFETY: a valid query.
    unsafe {
        let query = &*query;
        let groups = query.hasAggs || !query.groupClause.is_null() || !query.groupingSets.is_null();
        let one_row = query.hasAggs && query.groupClause.is_null() && query.groupingSets.is_null();
        let result = (reading.follows || in_array) && !one_row && !sorts_all(query);
        let grouped = result || windows_follow(query) || distinct_follows(query);
        let joined = grouped || groups_follow(query) || set_operations_follow(query);
        let finishes =
            query.hasWindowFuncs || !query.distinctClause.is_null() || !query.sortClause.is_null();
        // Where rows are cut off, their order decides which are left.
        let cut = !query.limitCount.is_null() || !query.limitOffset.is_null();
        let stops_grouped = (reading.stops || !query.limitCount.is_null()) && !finishes;
        Level {
            joined,
            grouped,
            result,
            shown: !groups && !finishes && (reading.shown || cut),
            stops_joined: stops_grouped && !groups,
            stops_grouped,
        }
    }
}

/// A common table expression, and what is done with its rows.
struct Table {
    name: *const std::ffi::c_char,
    reading: Reading,
}

/// Visits a query that the planner has not prepared yet, and all in it, for what is done
/// with the common table expressions.
#[derive(Default)]
struct Visit {
    /// The tables of the query that is looked at, and of those around it.
    tables: Vec<Vec<Table>>,
}

impl Visit {
    /// Visits a query; returns its tables.
    unsafe fn query(&mut self, query: *mut pg_sys::Query, level: Level) -> Vec<Table> {
        // SAFETY: a valid query that the planner has not prepared yet.
        unsafe {
            let queries: Vec<*mut pg_sys::Query> =
                iter::<pg_sys::CommonTableExpr>((*query).cteList)
                    .map(|table| (*table).ctequery.cast())
                    .collect();
            let tables = iter::<pg_sys::CommonTableExpr>((*query).cteList)
                .map(|table| Table { name: (*table).ctename, reading: Reading::default() });
            self.tables.push(tables.collect());
            self.body(query, level);
            // A table is read by those after it only (`transformWithClause` in parse_cte.c
            // sorts them so), but for itself.
            for (number, query) in queries.into_iter().enumerate().rev() {
                let reading = self
                    .tables
                    .last()
                    .and_then(|tables| tables.get(number))
                    .map_or_else(Reading::default, |table| table.reading);
                self.query(query, of_query(query, reading, false));
            }
            self.tables.pop().unwrap_or_default()
        }
    }

    /// Visits all of a query but its common table expressions.
    unsafe fn body(&mut self, query: *mut pg_sys::Query, level: Level) {
        // SAFETY: a valid query; names are C strings; the walker gets what it expects.
        unsafe {
            for entry in iter::<pg_sys::RangeTblEntry>((*query).rtable) {
                match (*entry).rtekind {
                    pg_sys::RTEKind::RTE_CTE => {
                        self.read((*entry).ctelevelsup, (*entry).ctename, level)
                    }
                    pg_sys::RTEKind::RTE_SUBQUERY if !(*entry).subquery.is_null() => {
                        let inner = of_query((*entry).subquery, Reading::by(level), false);
                        self.query((*entry).subquery, inner);
                    }
                    _ => {}
                }
            }
            let flags = pg_sys::QTW_IGNORE_RT_SUBQUERIES | pg_sys::QTW_IGNORE_CTE_SUBQUERIES;
            let mut context = (self, level);
            let context = ptr::from_mut(&mut context).cast();
            pg_sys::query_tree_walker(query, Some(sublinks), context, flags as i32);
        }
    }

    /// Notes that `level` reads a table.
    unsafe fn read(
        &mut self,
        levels_up: pg_sys::Index,
        name: *const std::ffi::c_char,
        level: Level,
    ) {
        let depth = self.tables.len().checked_sub(levels_up as usize + 1);
        let tables = depth.and_then(|depth| self.tables.get_mut(depth));
        // SAFETY: names are C strings.
        let table = tables.and_then(|tables| unsafe {
            tables.iter_mut().find(|table| CStr::from_ptr(table.name) == CStr::from_ptr(name))
        });
        if let Some(table) = table {
            table.reading = table.reading.and(Reading::by(level));
        }
    }
}

/// Visits the queries of sublinks. A tree walker, never done before the end.
#[pg_guard]
unsafe extern "C-unwind" fn sublinks(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: nodes of a valid tree and the context of `Visit::body`, by the walkers'
    // contract.
    unsafe {
        match tag(node) {
            NodeTag::T_Invalid => false,
            NodeTag::T_SubLink => {
                let link = &*node.cast::<pg_sys::SubLink>();
                let (visit, level) = &mut *context.cast::<(&mut Visit, Level)>();
                let in_array = link.subLinkType == pg_sys::SubLinkType::ARRAY_SUBLINK;
                if tag(link.subselect) == NodeTag::T_Query {
                    let query = link.subselect.cast();
                    visit.query(query, of_query(query, Reading::by(*level), in_array));
                }
                sublinks(link.testexpr, context)
            }
            _ => pg_sys::expression_tree_walker(node, Some(sublinks), context),
        }
    }
}
