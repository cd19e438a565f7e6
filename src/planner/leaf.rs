//! Leaves: PostgreSQL paths as inputs of fusion plans.

use super::build::{Column, Outputs, variables};
use super::cost::{self, Cost};
use super::expr::{AnyVar, Params, Translator};
use super::fragment::{Fragment, Kind, Leaf};
use super::order::in_evaluation_order;
use super::row_order::{self, Place};
use super::types::fusion_type;
use super::{Reason, path, report, state};
use crate::datum;
use crate::guc;
use crate::nodes::{self, cast, iter};
use fusion_plan::{DataType, Expr, Function};
use pgrx::pg_sys::{self, NodeTag};
use std::rc::Rc;

/// Called for every base relation: notes its leaf fragment, and offers it as a
/// path of its own where the engine has something to do.
///
/// # Safety
///
/// The arguments are those of `set_rel_pathlist_hook`.
pub unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    rte: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if (*rel).reloptkind != pg_sys::RelOptKind::RELOPT_BASEREL
            || (*rte).rtekind == pg_sys::RTEKind::RTE_RESULT
            || pg_sys::is_dummy_rel(rel)
        {
            return;
        }
        if pg_sys::contain_volatile_functions((*rte).functions.cast()) {
            return report::relation(root, rel, &"a volatile function".into());
        }
        let fragment = match fragment_of(root, rel) {
            Ok(fragment) => fragment,
            Err(reason) => return report::relation(root, rel, &reason),
        };
        let fragment = Rc::new(fragment);
        state::set_fragment(rel, fragment.clone());
        if fragment.does_something() || guc::FORCE.get() {
            if let Err(reason) = row_order::check_offer(root, Place::Joined, &fragment) {
                return report::relation(root, rel, &reason);
            }
            path::offer(rel, fragment, (*rel).reltarget, std::ptr::null_mut());
        }
    }
}

/// `rel` as a leaf fragment: its cheapest PostgreSQL path feeds the engine, be it one
/// for a single process or one that parallel workers share.
///
/// # Safety
///
/// `rel` is a base or join relation whose paths are there.
pub unsafe fn fragment_of(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if !(*rel).lateral_relids.is_null() {
            return Err("a lateral reference".into());
        }
        let path = cheapest_path((*rel).pathlist).ok_or("no PostgreSQL path without parameters")?;
        for expr in iter::<pg_sys::Node>((*(*rel).reltarget).exprs) {
            check_column(expr)?;
        }
        let alone = with_filters(root, rel, path, (*path).rows);
        let Some(partial) = cheapest_path((*rel).partial_pathlist) else { return Ok(alone) };
        let mut shared = with_filters(root, rel, partial, (*path).rows);
        let cheaper = shared.cost.total + cost::parallel_start() < alone.cost.total;
        if !cheaper {
            return Ok(alone);
        }
        if let Kind::Leaf(leaf) = &mut shared.kind {
            leaf.alone = Some(Rc::new(alone));
        }
        Ok(shared)
    }
}

/// Whether a leaf can deliver `expr` as a column.
unsafe fn check_column(expr: *mut pg_sys::Node) -> Result<(), Reason> {
    // SAFETY: an expression of a path target.
    unsafe {
        if pg_sys::contain_subplans(expr) {
            return Err(Reason::from("a subquery in a column").about(expr));
        }
        fusion_type(pg_sys::exprType(expr), pg_sys::exprTypmod(expr))
            .map(drop)
            .map_err(|reason| reason.about(expr))
    }
}

/// The leaf with `path`, whose rows are a process's share of `rows` if it is a partial
/// one.
unsafe fn with_filters(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
    path: *mut pg_sys::Path,
    rows: f64,
) -> Fragment {
    // SAFETY: as in `fragment_of`.
    unsafe {
        let moved = match (*path).pathtype {
            NodeTag::T_SeqScan => movable_clauses(root, rel),
            _ => Moved::default(),
        };
        let target = pg_sys::copy_pathtarget((*rel).reltarget);
        moved.engine.iter().for_each(|filter| add_columns(target, filter.clause));
        let visible = iter::<pg_sys::Node>((*target).exprs).count();
        moved.feed.iter().for_each(|filter| add_columns(target, filter.clause));
        let hidden = iter::<pg_sys::Node>((*target).exprs).count() - visible;
        let input_rows = (*rel).tuples.max(rows);
        let before = |filters: &[Filter], rows: f64| {
            let rows =
                filters.iter().fold(rows, |rows, filter| rows / filter.selectivity.max(1e-6));
            rows.min(input_rows)
        };
        let fed_rows = before(&moved.engine, rows);
        let path_rows = before(&moved.feed, fed_rows);
        pg_sys::set_pathtarget_cost_width(root, target);
        let leaf = pg_sys::create_projection_path(root, rel, copy_path(path), target);
        let leaf = &raw mut (*leaf).path;
        let workers = workers(path);
        let shares = match workers {
            0 => 1.0,
            _ => (rows / (*path).rows.max(1.0)).max(1.0),
        };
        let saved: f64 = moved.all().map(|filter| filter.leaf_cost).sum();
        let leaf_cost = Cost {
            startup: (*leaf).startup_cost,
            total: ((*leaf).total_cost - saved * input_rows / shares).max((*leaf).startup_cost),
        };
        let leaf_cost = match (*path).pathtype {
            NodeTag::T_SeqScan => cost::driven(leaf_cost),
            _ => leaf_cost,
        };
        let sifted = cost::sifted(leaf_cost, path_rows / shares, moved.feed.len());
        let cost = match is_ours_below(path) {
            true => cost::grafted(leaf_cost, rows, (*target).width),
            false => cost::leaf(sifted, fed_rows, shares, (*target).width, moved.engine.len()),
        };
        let clauses =
            |filters: Vec<Filter>| filters.into_iter().map(|filter| filter.clause).collect();
        Fragment {
            rows,
            cost,
            leaf_count: 1,
            pending: Vec::new(),
            kind: Kind::Leaf(Leaf {
                path: leaf,
                rel,
                filters: clauses(moved.engine),
                feed_filters: clauses(moved.feed),
                hidden,
                fed_rows,
                path_rows,
                workers,
                shares,
                alone: None,
            }),
        }
    }
}

/// Whether the rows of `path` are those of a plan of ours, which becomes a part of the
/// one above.
unsafe fn is_ours_below(path: *const pg_sys::Path) -> bool {
    // SAFETY: a path of the planner's.
    unsafe {
        let subquery = cast::<pg_sys::SubqueryScanPath, _>(path);
        let no_qual = (*(*path).parent).baserestrictinfo.is_null();
        subquery.is_some_and(|subquery| no_qual && path::is_ours(subquery.subpath))
    }
}

/// Parallel workers that PostgreSQL would use for `path`; 0 if it is none that several
/// processes can share.
unsafe fn workers(path: *const pg_sys::Path) -> i32 {
    // SAFETY: a path of the planner's. A complete path may say how many workers a
    // Gather inside of it has.
    unsafe {
        let shared = iter::<pg_sys::Path>((*(*path).parent).partial_pathlist);
        if shared.into_iter().any(|partial| std::ptr::eq(partial, path)) {
            (*path).parallel_workers
        } else {
            0
        }
    }
}

/// The path of PostgreSQL's that gives a leaf its rows.
pub fn scan(leaf: &Leaf) -> *const pg_sys::Path {
    let mut path = leaf.path;
    // SAFETY: every leaf's path is a projection of a path of its relation.
    unsafe {
        while nodes::tag(path) == NodeTag::T_ProjectionPath {
            path = (*path.cast::<pg_sys::ProjectionPath>()).subpath;
        }
    }
    path
}

/// `leaf` with further columns that PostgreSQL computes there. The leaf
/// evaluates all clauses itself, so that it computes them for no row that a
/// clause removes.
///
/// # Safety
///
/// Runs in the planner call that made the leaf; `exprs` are of its query.
pub unsafe fn with_computed(
    root: *mut pg_sys::PlannerInfo,
    leaf: &Leaf,
    exprs: &[*mut pg_sys::Node],
) -> Result<Fragment, Reason> {
    // SAFETY: every leaf's path is a projection of a path of its relation.
    unsafe {
        let path = (*leaf.path.cast::<pg_sys::ProjectionPath>()).subpath;
        let target = pg_sys::copy_pathtarget((*leaf.path).pathtarget);
        for expr in exprs {
            check_column(*expr)?;
            if pg_sys::contain_volatile_functions(*expr) {
                return Err("a volatile function".into());
            }
            pg_sys::add_column_to_pathtarget(target, (*expr).cast(), 0);
        }
        pg_sys::set_pathtarget_cost_width(root, target);
        let projection = pg_sys::create_projection_path(root, leaf.rel, path, target);
        let projection = &raw mut (*projection).path;
        let own = Cost { startup: (*projection).startup_cost, total: (*projection).total_cost };
        let rows = (*leaf.rel).rows;
        Ok(Fragment {
            rows,
            cost: cost::leaf(own, rows, leaf.shares, (*target).width, 0),
            leaf_count: 1,
            pending: Vec::new(),
            kind: Kind::Leaf(Leaf {
                path: projection,
                rel: leaf.rel,
                filters: Vec::new(),
                feed_filters: Vec::new(),
                hidden: 0,
                fed_rows: rows,
                path_rows: rows,
                workers: leaf.workers,
                shares: leaf.shares,
                alone: None,
            }),
        })
    }
}

/// The columns of a leaf, as the engine gets them.
///
/// # Safety
///
/// As for [`with_computed`].
pub unsafe fn columns(leaf: &Leaf) -> Outputs {
    // SAFETY: the caller's promise.
    let mut columns = unsafe { path_columns(leaf) };
    columns.0.truncate(columns.0.len().saturating_sub(leaf.hidden));
    columns
}

/// The columns of a leaf's path: those of [`columns`], then those that only the feed
/// reads.
///
/// # Safety
///
/// As for [`with_computed`].
pub unsafe fn path_columns(leaf: &Leaf) -> Outputs {
    // SAFETY: a leaf's path has a target of expressions, whose types were
    // checked when the leaf was made.
    unsafe {
        let exprs = iter::<pg_sys::Node>((*(*leaf.path).pathtarget).exprs);
        let columns = exprs.filter_map(|expr| {
            let ty = fusion_type(pg_sys::exprType(expr), pg_sys::exprTypmod(expr)).ok()?;
            Some(Column { expr, ty })
        });
        Outputs(columns.collect())
    }
}

/// Adds the variables of `expr` that `target` lacks.
unsafe fn add_columns(target: *mut pg_sys::PathTarget, expr: *mut pg_sys::Node) {
    // SAFETY: an expression and a target of the planner's.
    unsafe {
        const FLAGS: i32 = pg_sys::PVC_INCLUDE_PLACEHOLDERS as i32;
        for var in iter::<pg_sys::Node>(pg_sys::pull_var_clause(expr, FLAGS)) {
            if !iter::<pg_sys::Node>((*target).exprs).any(|column| nodes::equal(column, var)) {
                pg_sys::add_column_to_pathtarget(target, var.cast(), 0);
            }
        }
    }
}

/// The cheapest of `paths` that is PostgreSQL's own and needs no parameter.
unsafe fn cheapest_path(paths: *const pg_sys::List) -> Option<*mut pg_sys::Path> {
    // SAFETY: a valid relation's path lists hold paths.
    unsafe {
        iter::<pg_sys::Path>(paths)
            .filter(|path| {
                (**path).param_info.is_null() && !path::is_ours(*path) && path_size(*path).is_some()
            })
            .min_by(|a, b| (**a).total_cost.total_cmp(&(**b).total_cost))
    }
}

/// A copy of the top node of `path`.
///
/// `add_path` frees a path that a better one pushes out, and a path of ours
/// may do that to the very one it reads from.
unsafe fn copy_path(path: *mut pg_sys::Path) -> *mut pg_sys::Path {
    // SAFETY: `path_size` knows the size of the node behind the tag.
    unsafe {
        let Some(size) = path_size(path) else {
            return path;
        };
        let copy = pg_sys::palloc(size);
        std::ptr::copy_nonoverlapping(path.cast::<u8>(), copy.cast::<u8>(), size);
        copy.cast()
    }
}

unsafe fn path_size(path: *const pg_sys::Path) -> Option<usize> {
    // SAFETY: `path` is a node.
    Some(match unsafe { nodes::tag(path) } {
        NodeTag::T_Path => size_of::<pg_sys::Path>(),
        NodeTag::T_IndexPath => size_of::<pg_sys::IndexPath>(),
        NodeTag::T_BitmapHeapPath => size_of::<pg_sys::BitmapHeapPath>(),
        NodeTag::T_TidPath => size_of::<pg_sys::TidPath>(),
        NodeTag::T_TidRangePath => size_of::<pg_sys::TidRangePath>(),
        NodeTag::T_SubqueryScanPath => size_of::<pg_sys::SubqueryScanPath>(),
        NodeTag::T_ForeignPath => size_of::<pg_sys::ForeignPath>(),
        NodeTag::T_CustomPath => size_of::<pg_sys::CustomPath>(),
        NodeTag::T_AppendPath => size_of::<pg_sys::AppendPath>(),
        NodeTag::T_MergeAppendPath => size_of::<pg_sys::MergeAppendPath>(),
        NodeTag::T_MaterialPath => size_of::<pg_sys::MaterialPath>(),
        NodeTag::T_MemoizePath => size_of::<pg_sys::MemoizePath>(),
        NodeTag::T_UniquePath => size_of::<pg_sys::UniquePath>(),
        NodeTag::T_GatherPath => size_of::<pg_sys::GatherPath>(),
        NodeTag::T_GatherMergePath => size_of::<pg_sys::GatherMergePath>(),
        NodeTag::T_ProjectionPath => size_of::<pg_sys::ProjectionPath>(),
        NodeTag::T_NestPath => size_of::<pg_sys::NestPath>(),
        NodeTag::T_MergePath => size_of::<pg_sys::MergePath>(),
        NodeTag::T_HashPath => size_of::<pg_sys::HashPath>(),
        _ => return None,
    })
}

/// A clause of a base relation that another than the leaf may evaluate.
struct Filter {
    clause: *mut pg_sys::Node,
    selectivity: f64,
    /// What the leaf's path counts for it, per row.
    leaf_cost: f64,
    can_fail: bool,
}

/// The clauses that move out of a leaf, in evaluation order.
#[derive(Default)]
struct Moved {
    /// To the feed, which evaluates them before anything is encoded.
    feed: Vec<Filter>,
    /// To the engine.
    engine: Vec<Filter>,
}

impl Moved {
    fn all(&self) -> impl Iterator<Item = &Filter> {
        self.feed.iter().chain(&self.engine)
    }
}

/// The clauses of `rel` that are cheaper in the feed or in the engine than in the leaf.
///
/// Errors stay PostgreSQL's: a clause moves only if nothing that stays behind
/// it in evaluation order can raise an error from which it may protect; one
/// that can itself raise an error moves only if nothing behind it stays, which
/// would then protect from it. And all clauses must be of one security level.
unsafe fn movable_clauses(root: *mut pg_sys::PlannerInfo, rel: *mut pg_sys::RelOptInfo) -> Moved {
    // SAFETY: a valid relation's restriction list holds RestrictInfos.
    unsafe {
        let infos: Vec<_> = iter::<pg_sys::RestrictInfo>((*rel).baserestrictinfo).collect();
        // A condition that does not depend on the rows becomes a node of its own
        // above the scan, which passes on the relation's columns and no others.
        if infos.iter().any(|info| (**info).pseudoconstant) {
            return Moved::default();
        }
        if infos.iter().any(|info| (**info).security_level != (*infos[0]).security_level) {
            return Moved::default();
        }
        let clauses = in_evaluation_order(root, infos, |info| info.cast());

        let mut filters = Vec::new();
        let mut stays = false;
        let mut stays_and_fails = false;
        for (cost, info) in clauses.into_iter().rev() {
            let clause: *mut pg_sys::Node = (*info).clause.cast();
            let mut params = Params::default();
            let translated = Translator::new(&AnyVar, &mut params).translate(clause);
            if let Ok(typed) = &translated
                && !stays_and_fails
                && !(stays && typed.expr.can_fail())
            {
                let selectivity = pg_sys::clause_selectivity(
                    root,
                    info.cast(),
                    0,
                    pg_sys::JoinType::JOIN_INNER,
                    std::ptr::null_mut(),
                );
                // A row that only the engine drops has been handed over, and
                // decoded up to its last column, for nothing.
                const HANDED_OVER: f64 = 1.25;
                let for_nothing = HANDED_OVER * guc::FEED_TUPLE_COST.get();
                let engine_cost = guc::OPERATOR_COST.get() + (1.0 - selectivity) * for_nothing;
                let in_feed = is_feed_filter(clause);
                if in_feed || engine_cost < cost * expense(&typed.expr) {
                    let can_fail = typed.expr.can_fail();
                    let filter = Filter { clause, selectivity, leaf_cost: cost, can_fail };
                    filters.push((in_feed, filter));
                    continue;
                }
            }
            if let Err(reason) = &translated {
                report::condition(root, (*rel).relids, &reason.clone().about(clause));
            }
            stays = true;
            stays_and_fails |= !translated.is_ok_and(|typed| !typed.expr.can_fail());
        }
        let mut moved = Moved::default();
        for (in_feed, filter) in filters.into_iter().rev() {
            // What the engine evaluates first may fail only for rows that it gets.
            let early = in_feed && !moved.engine.iter().any(|filter| filter.can_fail);
            if early { &mut moved.feed } else { &mut moved.engine }.push(filter);
        }
        moved
    }
}

/// Whether a feed can evaluate `clause`.
unsafe fn is_feed_filter(clause: *mut pg_sys::Node) -> bool {
    // SAFETY: a clause of one relation.
    unsafe {
        let columns = variables(clause).into_iter().map(|expr| {
            // A name is no varlena, and a placeholder no column of the table.
            let var: &pg_sys::Var = cast(expr)?;
            if pg_sys::getBaseType(var.vartype) == pg_sys::NAMEOID {
                return None;
            }
            Some(Column { expr, ty: fusion_type(var.vartype, var.vartypmod).ok()? })
        });
        let Some(columns) = columns.collect::<Option<Vec<_>>>() else { return false };
        feed_filter(&Outputs(columns), clause).is_some()
    }
}

/// `clause` as a filter of the feed of a leaf with these columns, if it is one.
///
/// # Safety
///
/// All are of the planner call under way.
pub unsafe fn feed_filter(columns: &Outputs, clause: *mut pg_sys::Node) -> Option<datum::Filter> {
    let mut params = Params::default();
    // SAFETY: the caller's promise.
    let typed = unsafe { Translator::new(columns, &mut params).translate(clause).ok()? };
    let types: Vec<_> = columns.0.iter().map(|column| column.ty).collect();
    datum::Filter::of(&typed.expr, &types)
}

/// How much more PostgreSQL pays for evaluating `expr` than its cost units
/// say: they count every function alike, but numeric and pattern functions
/// take several times as long as an integer comparison.
fn expense(expr: &Expr) -> f64 {
    const DEAR: f64 = 3.0;
    fn is_dear(expr: &Expr) -> bool {
        let own = match expr {
            Expr::Call { function: Function::Like | Function::NotLike, .. } => true,
            Expr::Call { ty: DataType::Decimal { .. }, .. } => true,
            Expr::Literal(literal) => matches!(literal.ty, DataType::Decimal { .. }),
            _ => false,
        };
        own || expr.children().into_iter().any(is_dear)
    }
    if is_dear(expr) { DEAR } else { 1.0 }
}
