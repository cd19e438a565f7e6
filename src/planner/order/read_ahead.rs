//! Errors that reading ahead would bring to light.
//!
//! The engine and the feeds work on rows that nobody has asked for yet. Where PostgreSQL's
//! Limit (`ExecLimit` in nodeLimit.c) stops early, at this query level or at one that reads
//! its rows, an error in a row behind it must not be raised.

use super::level::level;
use crate::nodes::{iter, tag};
use crate::planner::fragment::{Fragment, Kind};
use crate::planner::leaf::effects::common_table_query;
use crate::planner::translate::columns::AnyVar;
use crate::planner::translate::expressions::Translator;
use crate::planner::translate::params::Params;
use crate::planner::{ours, state};
use pgrx::pg_sys::{self, NodeTag};

/// Whether the reader of `fragment`, a part of the query level that `root` plans, may stop
/// before it has given all its rows, and one of those behind may raise an error.
///
/// # Safety
///
/// Both belong to the planner call under way.
pub unsafe fn may_surface(root: *const pg_sys::PlannerInfo, fragment: &Fragment) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let level = level(root);
        let stops = match fragment.kind {
            Kind::Aggregate(_) => level.stops_grouped,
            _ => level.stops_joined,
        };
        stops && may_fail(root, fragment)
    }
}

/// Whether giving one more row may raise an error.
///
/// # Safety
///
/// `fragment` belongs to the query level that `root` plans.
pub unsafe fn may_fail(root: *const pg_sys::PlannerInfo, fragment: &Fragment) -> bool {
    // SAFETY: fragments name nodes of the planner call that made them.
    unsafe {
        match &fragment.kind {
            Kind::Leaf(leaf) => path_may_fail(root, leaf.path),
            Kind::Join(join) => {
                let keys = join.keys.iter().flat_map(|key| [key.left, key.right]);
                let mut clauses = keys.chain(join.residual.iter().chain(&join.above).copied());
                !fragment.pending.is_empty()
                    || clauses.any(|clause| can_fail(clause))
                    || may_fail(root, &join.left)
                    || may_fail(root, &join.right)
            }
            // All rows of the input are read for the first one.
            Kind::Aggregate(aggregate) => {
                !fragment.pending.is_empty()
                    || aggregate.having.iter().any(|clause| can_fail(*clause))
            }
            Kind::Sort(_) => false,
            Kind::Limit(limit) => may_fail(root, &limit.input),
        }
    }
}

/// Whether one more row of `path` may raise an error: in its own expressions, or in those
/// of what it reads row by row.
unsafe fn path_may_fail(root: *const pg_sys::PlannerInfo, path: *const pg_sys::Path) -> bool {
    // SAFETY: a path of the query level that `root` plans; the tag says what it is.
    unsafe {
        let rel = &*(*path).parent;
        let clauses =
            |infos| iter::<pg_sys::RestrictInfo>(infos).any(|info| can_fail((*info).clause.cast()));
        let parameterised = (*path).param_info;
        if iter::<pg_sys::Node>((*(*path).pathtarget).exprs).any(|expr| can_fail(expr))
            || clauses(rel.baserestrictinfo)
            || (!parameterised.is_null() && clauses((*parameterised).ppi_clauses))
        {
            return true;
        }
        let below = |input: *mut pg_sys::Path| path_may_fail(root, input);
        match tag(path) {
            NodeTag::T_Path => match (*path).pathtype {
                NodeTag::T_ValuesScan => entry(root, rel).is_none_or(|entry| {
                    iter::<pg_sys::List>((*entry).values_lists)
                        .any(|row| iter::<pg_sys::Node>(row).any(|expr| can_fail(expr)))
                }),
                NodeTag::T_CteScan => entry(root, rel)
                    .and_then(|entry| common_table_query(root, entry))
                    .is_none_or(|(_, query)| query_may_fail(query)),
                _ => false,
            },
            NodeTag::T_IndexPath
            | NodeTag::T_BitmapHeapPath
            | NodeTag::T_TidPath
            | NodeTag::T_TidRangePath
            | NodeTag::T_ForeignPath
            // All rows are read for the first one.
            | NodeTag::T_SortPath => false,
            NodeTag::T_NestPath | NodeTag::T_MergePath | NodeTag::T_HashPath => {
                let join = &*path.cast::<pg_sys::JoinPath>();
                clauses(join.joinrestrictinfo) || below(join.outerjoinpath) || below(join.innerjoinpath)
            }
            NodeTag::T_AppendPath => {
                iter((*path.cast::<pg_sys::AppendPath>()).subpaths).any(below)
            }
            NodeTag::T_MergeAppendPath => {
                iter((*path.cast::<pg_sys::MergeAppendPath>()).subpaths).any(below)
            }
            NodeTag::T_ProjectionPath => below((*path.cast::<pg_sys::ProjectionPath>()).subpath),
            NodeTag::T_MaterialPath => below((*path.cast::<pg_sys::MaterialPath>()).subpath),
            NodeTag::T_MemoizePath => below((*path.cast::<pg_sys::MemoizePath>()).subpath),
            NodeTag::T_UniquePath => below((*path.cast::<pg_sys::UniquePath>()).subpath),
            NodeTag::T_GatherPath => below((*path.cast::<pg_sys::GatherPath>()).subpath),
            NodeTag::T_GatherMergePath => below((*path.cast::<pg_sys::GatherMergePath>()).subpath),
            NodeTag::T_LimitPath => below((*path.cast::<pg_sys::LimitPath>()).subpath),
            NodeTag::T_SubqueryScanPath => {
                let subpath = (*path.cast::<pg_sys::SubqueryScanPath>()).subpath;
                path_may_fail(rel.subroot, subpath)
            }
            NodeTag::T_CustomPath => ours::private(path.cast())
                .and_then(|(number, _)| state::offered(number))
                .is_none_or(|fragment| may_fail(root, &fragment)),
            _ => true,
        }
    }
}

/// The range table entry of a base relation.
unsafe fn entry(
    root: *const pg_sys::PlannerInfo,
    rel: &pg_sys::RelOptInfo,
) -> Option<*const pg_sys::RangeTblEntry> {
    let number = rel.relid as usize;
    // SAFETY: the array has an entry for every range table index of the level.
    unsafe {
        (number > 0 && number < (*root).simple_rel_array_size as usize)
            .then(|| (*(*root).simple_rte_array.add(number)).cast_const())
    }
}

/// Whether one more row of `query` may raise an error, by whatever plan.
unsafe fn query_may_fail(query: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe {
        let query = &*query;
        let one_row = query.hasAggs && query.groupClause.is_null() && query.groupingSets.is_null();
        if one_row || !query.sortClause.is_null() {
            return false;
        }
        iter::<pg_sys::TargetEntry>(query.targetList).any(|entry| can_fail((*entry).expr.cast()))
            || condition_may_fail(query.havingQual)
            || condition_may_fail(query.jointree.cast())
            || iter::<pg_sys::RangeTblEntry>(query.rtable).any(|entry| match (*entry).rtekind {
                pg_sys::RTEKind::RTE_SUBQUERY => query_may_fail((*entry).subquery),
                pg_sys::RTEKind::RTE_CTE | pg_sys::RTEKind::RTE_VALUES => true,
                _ => false,
            })
    }
}

/// Whether a condition may raise an error: one of a tree of joins, too.
unsafe fn condition_may_fail(node: *mut pg_sys::Node) -> bool {
    // SAFETY: NULL, an expression, a list of some, or a tree of joins.
    unsafe {
        let any = |list| iter::<pg_sys::Node>(list).any(|node| condition_may_fail(node));
        match tag(node) {
            NodeTag::T_Invalid | NodeTag::T_RangeTblRef => false,
            NodeTag::T_List => any(node.cast()),
            NodeTag::T_FromExpr => {
                let from = &*node.cast::<pg_sys::FromExpr>();
                any(from.fromlist) || condition_may_fail(from.quals)
            }
            NodeTag::T_JoinExpr => {
                let join = &*node.cast::<pg_sys::JoinExpr>();
                [join.larg, join.rarg, join.quals].into_iter().any(|node| condition_may_fail(node))
            }
            _ => can_fail(node),
        }
    }
}

unsafe fn can_fail(expr: *mut pg_sys::Node) -> bool {
    let mut params = Params::default();
    // SAFETY: an expression of the planner call under way.
    let translated = unsafe { Translator::new(&AnyVar, &mut params).translate(expr) };
    translated.map_or(true, |typed| typed.expr.can_fail())
}
