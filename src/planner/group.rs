//! Grouping and aggregation.

use super::available::{columns_of, covered};
use super::evaluation_order::in_evaluation_order;
use super::fragment::{AggregateFragment, Fragment, Kind};
use super::order::dependence::is_determined;
use super::order::row_order::{self, Grouping, Order};
use super::outputs::{Column, Outputs};
use super::report::reason::Reason;
use super::translate::aggregates::aggregate;
use super::translate::collation::check_text_comparison;
use super::translate::expressions::Translator;
use super::translate::params::Params;
use super::translate::types::type_name;
use super::variables::{depends_on_rows, variables};
use super::{cost, leaf, report};
use crate::nodes::{self, cast, iter};
use crate::version;
use fusion_plan::{AggregateFunction, DataType, Function};
use pgrx::pg_sys::{self, NodeTag, UpperRelationKind};
use std::rc::Rc;

const STAGE: UpperRelationKind::Type = UpperRelationKind::UPPERREL_GROUP_AGG;

/// The grouping step of the query as a fragment above `input`.
///
/// What the engine cannot compute of a group key or an argument is computed by
/// PostgreSQL in the leaf, if there is just one leaf: then every row that it
/// is computed for is grouped, as it would be without us, so it raises no error
/// that would not have been raised.
///
/// # Safety
///
/// Called from `create_upper_paths_hook`.
pub unsafe fn fragment_of(
    root: *mut pg_sys::PlannerInfo,
    input: Rc<Fragment>,
    extra: &pg_sys::GroupPathExtraData,
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let keys = group_keys(root);
        let target = (*root).upper_targets[STAGE as usize];
        let (mut shown, calls) = loose_columns(target, extra.havingQual, &keys);
        shown.retain(|expr| how_shown(root, *expr) == AggregateFunction::First);
        let grouping = Grouping { keys: &keys, calls: &calls, first: &shown };
        let mut found = computed(root, input.clone(), false, extra)?;
        if row_order::follower(root, grouping).is_some()
            && let Order::Leaves(input) = row_order::of_grouping(root, &input, grouping)?
        {
            found = computed(root, input, true, extra)?;
        }
        let (fragment, missing) = found;
        for (expr, reason) in missing {
            report::stage_expression(root, STAGE, &reason.about(expr));
        }
        Ok(fragment)
    }
}

/// Expressions that the engine cannot compute, and why.
type Missing = Vec<(*mut pg_sys::Node, Reason)>;

/// The grouping step above `input`, and what of it the leaf computes.
unsafe fn computed(
    root: *mut pg_sys::PlannerInfo,
    input: Rc<Fragment>,
    in_order: bool,
    extra: &pg_sys::GroupPathExtraData,
) -> Result<(Fragment, Missing), Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if let Kind::Leaf(leaf) = &input.kind {
            let missing = untranslatable(root, &input, extra);
            if !missing.is_empty() {
                let exprs: Vec<_> = missing.iter().map(|(expr, _)| *expr).collect();
                let mut leaf = Rc::new(leaf::with_computed(root, leaf, &exprs)?);
                if in_order {
                    leaf = leaf.in_order();
                }
                return Ok((grouped(root, leaf, in_order, extra)?, missing));
            }
        }
        Ok((grouped(root, input, in_order, extra)?, Vec::new()))
    }
}

/// The group keys and aggregate arguments that the engine cannot compute, and
/// why.
unsafe fn untranslatable(
    root: *mut pg_sys::PlannerInfo,
    input: &Fragment,
    extra: &pg_sys::GroupPathExtraData,
) -> Missing {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let target = (*root).upper_targets[STAGE as usize];
        let groups = group_keys(root);
        let (_, aggregates) = loose_columns(target, extra.havingQual, &groups);
        // An argument behind a FILTER is not computed for every row.
        let arguments = aggregates
            .into_iter()
            .filter(|call| (**call).aggfilter.is_null())
            .flat_map(|call| iter::<pg_sys::TargetEntry>((*call).args))
            .map(|entry| (*entry).expr.cast::<pg_sys::Node>());
        let available = columns_of(input);
        let mut params = Params::default();
        let mut missing = Missing::new();
        for expr in groups.into_iter().chain(arguments) {
            if let Err(reason) = Translator::new(&available, &mut params).translate(expr)
                && !missing.iter().any(|(other, _)| nodes::equal(*other, expr))
            {
                missing.push((expr, reason));
            }
        }
        missing
    }
}

/// The expressions that the query groups by.
unsafe fn group_keys(root: *mut pg_sys::PlannerInfo) -> Vec<*mut pg_sys::Node> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        iter::<pg_sys::SortGroupClause>(version::processed_group_clause(root))
            .map(|clause| pg_sys::get_sortgroupclause_expr(clause, (*root).processed_tlist))
            .collect()
    }
}

/// The functions behind the equality operators of `clauses`.
unsafe fn equalities(clauses: *const pg_sys::List) -> Vec<pg_sys::Oid> {
    // SAFETY: a list of a query's group or distinct clauses.
    unsafe {
        iter::<pg_sys::SortGroupClause>(clauses)
            .map(|clause| pg_sys::get_opcode((*clause).eqop))
            .collect()
    }
}

/// The grouping step, all of it computed in the engine.
unsafe fn grouped(
    root: *mut pg_sys::PlannerInfo,
    input: Rc<Fragment>,
    in_order: bool,
    extra: &pg_sys::GroupPathExtraData,
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let parse = (*root).parse;
        if !(*parse).groupingSets.is_null() {
            return Err("grouping sets".into());
        }
        let target = (*root).upper_targets[STAGE as usize];
        let available = columns_of(&input);
        let mut params = Params::default();
        let mut translator = Translator::new(&available, &mut params);
        let mut columns = Outputs::default();

        let groups = group_keys(root);
        let equalities = equalities(version::processed_group_clause(root));
        let (shown, aggregates) = loose_columns(target, extra.havingQual, &groups);
        for expr in &groups {
            let about = |reason: Reason| reason.about(*expr);
            let ty = translator.translate(*expr).map_err(about)?.ty;
            check_group_key(*expr, ty).map_err(about)?;
            columns.0.push(Column { expr: *expr, ty });
        }
        for call in &aggregates {
            let ty = aggregate(&mut translator, &**call).map_err(|reason| reason.about(*call))?.ty;
            columns.0.push(Column { expr: call.cast(), ty });
        }
        for expr in &shown {
            let typed = translator.translate(*expr).map_err(|reason| reason.about(*expr))?;
            columns.0.push(Column { expr: *expr, ty: typed.ty });
        }
        if groups.is_empty() && (aggregates.is_empty() || !(*parse).groupClause.is_null()) {
            // Keys that the planner found redundant still make an empty input
            // an empty result.
            return Err("no group keys are left".into());
        }

        let mut having = Vec::new();
        let mut pending = Vec::new();
        let mut rows = group_count(root, &groups, input.rows);
        let mut over_groups = Translator::new(&columns, &mut params);
        let clauses = iter::<pg_sys::Node>(extra.havingQual.cast());
        for (_, clause) in in_evaluation_order(root, clauses, |clause| *clause) {
            match over_groups.translate(clause) {
                Ok(_) if pending.is_empty() => having.push(clause),
                translated if covered(&columns, clause) => {
                    if let Err(reason) = translated {
                        report::stage_condition(root, STAGE, &reason.about(clause));
                    }
                    pending.push(clause);
                }
                _ => return Err("a HAVING condition on something else".into()),
            }
        }
        let group_rows = rows;
        if !extra.havingQual.is_null() {
            rows *= pg_sys::clauselist_selectivity(
                root,
                extra.havingQual.cast(),
                0,
                pg_sys::JoinType::JOIN_INNER,
                std::ptr::null_mut(),
            );
            rows = rows.max(1.0);
        }
        let call_count = aggregates.len() + shown.len();
        let cost = cost::aggregate(input.cost, input.rows, groups.len(), call_count, group_rows);
        let leaf_count = input.leaf_count;
        let shown = shown.into_iter().map(|expr| (how_shown(root, expr), expr)).collect();
        let kind = Kind::Aggregate(AggregateFragment {
            input,
            groups,
            equalities,
            aggregates,
            shown,
            having,
            columns,
            in_order,
        });
        Ok(Fragment { kind, rows, cost, leaf_count, pending })
    }
}

/// The DISTINCT step of the query: grouping by all its columns.
///
/// # Safety
///
/// Called from `create_upper_paths_hook`.
pub unsafe fn distinct(
    root: *mut pg_sys::PlannerInfo,
    input: Rc<Fragment>,
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if (*(*root).parse).hasDistinctOn {
            return Err("DISTINCT ON".into());
        }
        let groups: Vec<*mut pg_sys::Node> =
            iter::<pg_sys::SortGroupClause>(version::processed_distinct_clause(root))
                .map(|clause| pg_sys::get_sortgroupclause_expr(clause, (*root).processed_tlist))
                .collect();
        if groups.is_empty() {
            return Err("no columns are left".into());
        }
        let grouping = Grouping { keys: &groups, calls: &[], first: &[] };
        let (input, in_order) = match row_order::of_grouping(root, &input, grouping)? {
            Order::Any => (input, false),
            Order::Leaves(input) => (input, true),
        };
        let available = columns_of(&input);
        let mut params = Params::default();
        let mut columns = Outputs::default();
        for expr in &groups {
            let about = |reason: Reason| reason.about(*expr);
            let translated = Translator::new(&available, &mut params).translate(*expr);
            let ty = translated.map_err(about)?.ty;
            check_group_key(*expr, ty).map_err(about)?;
            columns.0.push(Column { expr: *expr, ty });
        }
        let rows = group_count(root, &groups, input.rows);
        let cost = cost::aggregate(input.cost, input.rows, groups.len(), 0, rows);
        let leaf_count = input.leaf_count;
        let kind = Kind::Aggregate(AggregateFragment {
            input,
            groups,
            equalities: equalities(version::processed_distinct_clause(root)),
            aggregates: Vec::new(),
            shown: Vec::new(),
            having: Vec::new(),
            columns,
            in_order,
        });
        Ok(Fragment { kind, rows, cost, leaf_count, pending: Vec::new() })
    }
}

/// The variables outside of aggregate calls and group keys, and the aggregate
/// calls, that the grouping's target and HAVING condition need, each once.
unsafe fn loose_columns(
    target: *const pg_sys::PathTarget,
    having: *mut pg_sys::Node,
    groups: &[*mut pg_sys::Node],
) -> (Vec<*mut pg_sys::Node>, Vec<*mut pg_sys::Aggref>) {
    const FLAGS: u32 = pg_sys::PVC_INCLUDE_AGGREGATES
        | pg_sys::PVC_INCLUDE_PLACEHOLDERS
        | pg_sys::PVC_RECURSE_WINDOWFUNCS;
    // SAFETY: expressions of the query being planned.
    unsafe {
        let mut loose: Vec<*mut pg_sys::Node> = Vec::new();
        let mut aggregates: Vec<*mut pg_sys::Aggref> = Vec::new();
        let exprs = iter::<pg_sys::Node>((*target).exprs).chain(std::iter::once(having));
        for expr in exprs.filter(|expr| !expr.is_null()) {
            if groups.iter().any(|group| nodes::equal(*group, expr)) {
                continue;
            }
            for leaf in iter::<pg_sys::Node>(pg_sys::pull_var_clause(expr, FLAGS as i32)) {
                if nodes::tag(leaf) == NodeTag::T_Aggref {
                    if !aggregates.iter().any(|call| nodes::equal(*call, leaf)) {
                        aggregates.push(leaf.cast());
                    }
                } else if !is_part_of(leaf, groups)
                    && !loose.iter().any(|other| nodes::equal(*other, leaf))
                {
                    loose.push(leaf);
                }
            }
        }
        (loose, aggregates)
    }
}

/// How a group shows `expr`, a column that is not grouped by.
unsafe fn how_shown(root: *mut pg_sys::PlannerInfo, expr: *mut pg_sys::Node) -> AggregateFunction {
    // SAFETY: an expression of the query being planned; the array has an entry for every
    // range table index.
    unsafe {
        let is_determined = cast::<pg_sys::Var, _>(expr)
            .is_some_and(|var| is_determined(*(*root).simple_rte_array.add(var.varno as usize)));
        if is_determined { AggregateFunction::AnyValue } else { AggregateFunction::First }
    }
}

/// Whether `var` is a group key or occurs in one.
unsafe fn is_part_of(var: *mut pg_sys::Node, groups: &[*mut pg_sys::Node]) -> bool {
    // SAFETY: expressions of the query being planned.
    unsafe {
        groups.iter().any(|group| variables(*group).iter().any(|other| nodes::equal(*other, var)))
    }
}

/// Whether the engine knows when values of `expr` are equal.
unsafe fn check_group_key(expr: *mut pg_sys::Node, ty: DataType) -> Result<(), Reason> {
    // SAFETY: an expression of the query being planned.
    unsafe {
        // As a column it could not be told from the plan's parameter that gives it.
        if !depends_on_rows(expr) {
            return Err("a key that is the same for all rows".into());
        }
        match ty {
            DataType::Opaque => {
                Err(format!("grouping by type {}", type_name(pg_sys::exprType(expr))).into())
            }
            DataType::Text | DataType::Bpchar => {
                check_text_comparison(Function::Eq, pg_sys::exprCollation(expr))
            }
            _ => Ok(()),
        }
    }
}

unsafe fn group_count(
    root: *mut pg_sys::PlannerInfo,
    groups: &[*mut pg_sys::Node],
    input_rows: f64,
) -> f64 {
    if groups.is_empty() {
        return 1.0;
    }
    // SAFETY: expressions of the query being planned.
    unsafe {
        pg_sys::estimate_num_groups(
            root,
            nodes::list_of(groups.iter().copied()),
            input_rows,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    }
}
