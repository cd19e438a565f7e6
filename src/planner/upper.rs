//! What happens above the joins: grouping (see [`group`]), ordering, limits.

use super::available::{Available, columns_of, covers};
use super::fragment::{Fragment, Kind, LimitFragment, SortFragment, SortItem};
use super::order::read_ahead;
use super::order::row_order::{self, Place};
use super::report::reason::Reason;
use super::translate::collation::check_text_comparison;
use super::translate::compare::comparable;
use super::translate::expressions::Translator;
use super::translate::functions;
use super::translate::params::Params;
use super::variables::depends_on_rows;
use super::{cost, group, offer, report, state};
use crate::nodes::{self, cast, iter};
use fusion_plan::{DataType, Function};
use pgrx::pg_sys::{self, UpperRelationKind};
use std::ffi::c_void;
use std::rc::Rc;

/// Called at every stage above the joins.
///
/// # Safety
///
/// The arguments are those of `create_upper_paths_hook`.
pub unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    stage: UpperRelationKind::Type,
    input_rel: *mut pg_sys::RelOptInfo,
    output_rel: *mut pg_sys::RelOptInfo,
    extra: *mut c_void,
) {
    let Some(input) = state::fragment(input_rel).filter(|input| input.pending.is_empty()) else {
        return;
    };
    // SAFETY: a valid relation. What was noted of it before PostgreSQL found out is not
    // what it runs (`mark_dummy_rel` in joinrels.c).
    if unsafe { pg_sys::is_dummy_rel(input_rel) } {
        return;
    }
    // SAFETY: the planner's structures are valid for the call; `extra` is what
    // the stage says.
    unsafe {
        // Set-returning targets are computed above the grouping.
        if (*(*root).parse).hasTargetSRFs && stage != UpperRelationKind::UPPERREL_GROUP_AGG {
            return;
        }
        let fragment = match stage {
            UpperRelationKind::UPPERREL_GROUP_AGG => {
                group::fragment_of(root, input, &*extra.cast::<pg_sys::GroupPathExtraData>())
            }
            UpperRelationKind::UPPERREL_DISTINCT => group::distinct(root, input),
            UpperRelationKind::UPPERREL_ORDERED => order(root, input),
            UpperRelationKind::UPPERREL_FINAL => {
                limit(root, input, &*extra.cast::<pg_sys::FinalPathExtraData>())
            }
            _ => return,
        };
        let fragment = match fragment {
            Ok(fragment) => fragment,
            Err(reason) => return report::stage(root, stage, &reason),
        };
        let target = (*root).upper_targets[stage as usize];
        if target.is_null() || !covers(&columns_of(&fragment), target) {
            return;
        }
        let pathkeys = match stage {
            UpperRelationKind::UPPERREL_GROUP_AGG | UpperRelationKind::UPPERREL_DISTINCT => {
                std::ptr::null_mut()
            }
            _ => (*root).sort_pathkeys,
        };
        let fragment = Rc::new(fragment);
        state::set_fragment(output_rel, fragment.clone());
        let place = match stage {
            UpperRelationKind::UPPERREL_GROUP_AGG => Place::Grouped,
            _ => Place::Finished,
        };
        if let Err(reason) = row_order::check_offer(root, place, &fragment) {
            return report::stage(root, stage, &reason);
        }
        offer::offer(root, output_rel, fragment, target, pathkeys);
    }
}

unsafe fn order(root: *mut pg_sys::PlannerInfo, input: Rc<Fragment>) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let available = columns_of(&input);
        let mut params = Params::default();
        let mut keys = Vec::new();
        for clause in iter::<pg_sys::SortGroupClause>((*(*root).parse).sortClause) {
            let clause = &*clause;
            let expr = pg_sys::get_sortgroupclause_expr(
                std::ptr::from_ref(clause).cast_mut(),
                (*root).processed_tlist,
            );
            let about = |reason: Reason| reason.about(expr);
            if pg_sys::contain_volatile_functions(expr) {
                return Err(about("a volatile order".into()));
            }
            if !depends_on_rows(expr) {
                continue;
            }
            let descending = match functions::comparison(pg_sys::get_opcode(clause.sortop)) {
                Some(Function::Lt) => false,
                Some(Function::Gt) => true,
                _ => return Err(about("an order that the engine does not know".into())),
            };
            let typed = Translator::new(&available, &mut params).translate(expr).map_err(about)?;
            let (_, _, ty) = comparable(typed.clone(), typed).map_err(about)?;
            if ty == DataType::Opaque {
                return Err(about("an order of values that the engine does not know".into()));
            }
            if ty == DataType::Text {
                check_text_comparison(Function::Lt, pg_sys::exprCollation(expr)).map_err(about)?;
            }
            keys.push(SortItem { expr, descending, nulls_first: clause.nulls_first });
        }
        if keys.is_empty() {
            return Err("no order".into());
        }
        let computed = computed_below(root, &available, &keys)?;
        let fetch = plain_limit((*root).parse).and_then(|(offset, count)| {
            u64::try_from(count?.checked_add(offset.unwrap_or(0))?).ok()
        });
        let rows = input.rows;
        let cost = cost::sort(input.cost, rows, keys.len(), fetch);
        let rows = fetch.map_or(rows, |fetch| rows.min(fetch as f64));
        let leaf_count = input.leaf_count;
        let kind = Kind::Sort(SortFragment { input, keys, fetch, computed });
        Ok(Fragment { kind, rows, cost, leaf_count, pending: Vec::new() })
    }
}

/// The expressions that PostgreSQL computes for all rows, below its Sort, and of which
/// one may raise an error: they are computed there in the engine, too, although fewer
/// rows may be asked for. (`make_sort_input_target` in planner.c tells which those are; the target of
/// windows is the same one.)
///
/// # Errors
///
/// If there is one that the engine does not know.
unsafe fn computed_below(
    root: *mut pg_sys::PlannerInfo,
    available: &Available,
    keys: &[SortItem],
) -> Result<Vec<*mut pg_sys::Node>, Reason> {
    let mut computed = Vec::new();
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let target = (*root).upper_targets[UpperRelationKind::UPPERREL_WINDOW as usize];
        for expr in iter::<pg_sys::Node>((*target).exprs) {
            // The engine computes its keys for every row.
            if keys.iter().any(|key| nodes::equal(key.expr, expr)) {
                continue;
            }
            let mut params = Params::default();
            let typed = Translator::new(available, &mut params).translate(expr);
            match typed {
                Ok(typed) if typed.expr.can_fail() => computed.push(expr),
                Ok(_) => {}
                Err(reason) => return Err(reason.about(expr)),
            }
        }
    }
    Ok(computed)
}

/// Whether it makes no difference for how many rows PostgreSQL computes `expr` above
/// `input`: it can neither raise an error nor have an effect.
unsafe fn is_harmless(input: &Fragment, expr: *mut pg_sys::Node) -> bool {
    let available = columns_of(input);
    let is_computed = |sort: &SortFragment| {
        let keys = sort.keys.iter().map(|key| &key.expr);
        // SAFETY: expressions of the query being planned.
        keys.chain(&sort.computed).any(|other| unsafe { nodes::equal(*other, expr) })
    };
    if matches!(&input.kind, Kind::Sort(sort) if is_computed(sort)) {
        return true;
    }
    let mut params = Params::default();
    // SAFETY: as above.
    unsafe { Translator::new(&available, &mut params).translate(expr) }
        .is_ok_and(|typed| !typed.expr.can_fail())
}

unsafe fn limit(
    root: *mut pg_sys::PlannerInfo,
    input: Rc<Fragment>,
    extra: &pg_sys::FinalPathExtraData,
) -> Result<Fragment, Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        if !extra.limit_needed {
            return Err("no limit".into());
        }
        let (offset, count) = plain_limit((*root).parse).ok_or("a limit that is not a constant")?;
        if count.is_some() && read_ahead::may_fail(root, &input) {
            return Err("rows behind the limit may fail".into());
        }
        // PostgreSQL's Limit asks for the rows that it skips, with all their columns.
        if offset.unwrap_or(0) > 0 {
            let target = (*root).upper_targets[UpperRelationKind::UPPERREL_FINAL as usize];
            for expr in iter::<pg_sys::Node>((*target).exprs) {
                if !is_harmless(&input, expr) {
                    return Err(
                        Reason::from("OFFSET skips rows for which it is computed").about(expr)
                    );
                }
            }
        }
        let skipped = offset.unwrap_or(0) as f64;
        let kept = count.map_or(f64::INFINITY, |count| count as f64);
        let rows = (input.rows - skipped).clamp(1.0, kept.max(1.0));
        let cost = cost::limit(input.cost, input.rows, skipped + kept);
        let leaf_count = input.leaf_count;
        let kind = Kind::Limit(LimitFragment { input, offset, count });
        Ok(Fragment { kind, rows, cost, leaf_count, pending: Vec::new() })
    }
}

/// OFFSET and LIMIT of a SELECT, if both are constants that are not negative;
/// NULL counts as absent.
///
/// Nothing but the limit stands above the order of a SELECT here: row marks
/// and set-returning targets are excluded before.
unsafe fn plain_limit(parse: *const pg_sys::Query) -> Option<(Option<i64>, Option<i64>)> {
    unsafe fn bound(node: *const pg_sys::Node) -> Option<Option<i64>> {
        if node.is_null() {
            return Some(None);
        }
        // SAFETY: a node of the query.
        let constant: &pg_sys::Const = unsafe { cast(node) }?;
        if constant.constisnull {
            return Some(None);
        }
        let value = constant.constvalue.value() as i64;
        (constant.consttype == pg_sys::INT8OID && value >= 0).then_some(Some(value))
    }
    // SAFETY: a valid query.
    unsafe {
        if (*parse).commandType != pg_sys::CmdType::CMD_SELECT
            || (*parse).limitOption != pg_sys::LimitOption::LIMIT_OPTION_COUNT
        {
            return None;
        }
        Some((bound((*parse).limitOffset)?, bound((*parse).limitCount)?))
    }
}
