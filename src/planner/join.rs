//! Joins of fragments.

use super::fragment::{Fragment, JoinFragment, JoinKey, Kind};
use super::join_conditions::{Parts, Sorter};
use super::order::row_order::{self, Place};
use super::placeholder::{self, is_same};
use super::report::reason::Reason;
use super::translate::columns::AnyVar;
use super::translate::expressions::Translator;
use super::translate::params::Params;
use super::variables::variables;
use super::{cost, leaf, offer, report, state, takes_part};
use crate::guc;
use crate::nodes::{cast, iter};
use fusion_plan::JoinKind;
use pgrx::pg_sys;
use std::rc::Rc;

/// Called for every pair of relations that PostgreSQL considers joining.
///
/// # Safety
///
/// The arguments are those of `set_join_pathlist_hook`.
pub unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    joinrel: *mut pg_sys::RelOptInfo,
    outerrel: *mut pg_sys::RelOptInfo,
    innerrel: *mut pg_sys::RelOptInfo,
    jointype: pg_sys::JoinType::Type,
    extra: *mut pg_sys::JoinPathExtraData,
) {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let Some(kind) = kind_of(jointype, outerrel, innerrel) else {
            return;
        };
        if (*joinrel).reloptkind != pg_sys::RelOptKind::RELOPT_JOINREL
            || !(*joinrel).lateral_relids.is_null()
            || takes_part::in_genetic_search(root)
        {
            return;
        }
        let inputs = match (input(root, outerrel), input(root, innerrel)) {
            (Ok(outer), Ok(inner)) => (outer, inner),
            (Err(reason), _) | (_, Err(reason)) => return reason.note("a join"),
        };
        let rows = (*joinrel).rows;
        let mut sorter = Sorter {
            root,
            kind,
            joinrel: (*joinrel).relids,
            sides: ((*outerrel).relids, (*innerrel).relids),
            parts: Parts::default(),
        };
        let clauses = iter::<pg_sys::RestrictInfo>((*extra).restrictlist);
        let is_key = |info: &*mut pg_sys::RestrictInfo| sorter.key(*info).is_some();
        let key_count = clauses.clone().filter(is_key).count();
        let cost = cost::join(
            (inputs.0.cost, inputs.0.rows),
            (inputs.1.cost, inputs.1.rows),
            key_count,
            clauses.len() - key_count,
            rows,
        );
        // Most pairs end here: they are no better than one seen before.
        if let Some(best) = state::fragment(joinrel).filter(|best| best.cost.total <= cost.total) {
            // A forced path is offered again, because PostgreSQL may have found
            // a better one since.
            if guc::FORCE.get() && row_order::check_offer(root, Place::Joined, &best).is_ok() {
                offer::offer(root, joinrel, best, (*joinrel).reltarget, std::ptr::null_mut());
            }
            return;
        }
        let parts = match sorter.sort(&inputs, clauses) {
            Ok(()) => sorter.parts,
            Err(reason) => return report::relation(root, joinrel, &reason),
        };
        if kind == JoinKind::Semi
            && let Err(reason) = check_semi(joinrel, innerrel, &parts.keys)
        {
            return report::relation(root, joinrel, &reason);
        }
        let sides = (outerrel, innerrel);
        if let Err(reason) = check_placeholders(root, kind, joinrel, sides, &parts) {
            return report::relation(root, joinrel, &reason);
        }
        let (left, right) = inputs;
        let leaf_count = left.leaf_count + right.leaf_count;
        let Parts { keys, residual, above, pending } = parts;
        let relids = ((*outerrel).relids, (*innerrel).relids);
        let join = JoinFragment { kind, left, right, relids, keys, residual, above };
        let fragment = Fragment { kind: Kind::Join(join), rows, cost, leaf_count, pending };
        let fragment = Rc::new(fragment);
        state::set_fragment(joinrel, fragment.clone());
        if guc::FORCE.get() || may_return(root, joinrel) {
            if let Err(reason) = row_order::check_offer(root, Place::Joined, &fragment) {
                return report::relation(root, joinrel, &reason);
            }
            offer::offer(root, joinrel, fragment, (*joinrel).reltarget, std::ptr::null_mut());
        }
    }
}

/// Whether PostgreSQL may go on with the rows of a join: if it is the last one, or if there
/// is a relation that the engine cannot take.
///
/// PostgreSQL's estimates of joined rows are often far too low, because it multiplies the
/// selectivities of conditions that depend on each other (`clauselist_selectivity` in clausesel.c). Its own
/// plans survive that, for it would not join large tables first. The engine makes that
/// cheap, and then one index lookup for each of a few rows seems to be the cheapest
/// continuation, where millions of rows come. A plan that stays in the engine to its end
/// only hashes, and does not depend on the estimates.
unsafe fn may_return(root: *const pg_sys::PlannerInfo, joinrel: *const pg_sys::RelOptInfo) -> bool {
    // SAFETY: valid relations of the planner call; the array has an entry for each.
    unsafe {
        let all = (*root).all_baserels;
        if pg_sys::bms_is_subset(all, (*joinrel).relids) {
            return true;
        }
        let mut relation = -1;
        loop {
            relation = pg_sys::bms_next_member(all, relation);
            if relation < 0 {
                return false;
            }
            let rel = *(*root).simple_rel_array.add(relation as usize);
            if !rel.is_null() && state::fragment(rel).is_none() {
                return true;
            }
        }
    }
}

/// The kind of join that PostgreSQL considers, with the outer relation on the
/// left; `None` for what comes in another form, too.
unsafe fn kind_of(
    jointype: pg_sys::JoinType::Type,
    outerrel: *const pg_sys::RelOptInfo,
    innerrel: *const pg_sys::RelOptInfo,
) -> Option<JoinKind> {
    use pg_sys::JoinType as T;
    // SAFETY: valid relations with valid, non-empty sets.
    let in_order = unsafe { first_member((*outerrel).relids) < first_member((*innerrel).relids) };
    match jointype {
        // These come in both orders; which side is built is decided by size, so
        // one of them is enough.
        T::JOIN_INNER if in_order => Some(JoinKind::Inner),
        T::JOIN_FULL if in_order => Some(JoinKind::Full),
        T::JOIN_LEFT => Some(JoinKind::Left),
        T::JOIN_SEMI => Some(JoinKind::Semi),
        T::JOIN_ANTI => Some(JoinKind::Anti),
        _ => None,
    }
}

unsafe fn first_member(relids: pg_sys::Relids) -> i32 {
    // SAFETY: a valid, non-empty set.
    unsafe { pg_sys::bms_next_member(relids, -1) }
}

/// The placeholders that the join is the first to know all relations of are
/// computed by the engine, so it must be able to.
unsafe fn check_placeholders(
    root: *mut pg_sys::PlannerInfo,
    kind: JoinKind,
    joinrel: *const pg_sys::RelOptInfo,
    (outerrel, innerrel): (*mut pg_sys::RelOptInfo, *mut pg_sys::RelOptInfo),
    parts: &Parts,
) -> Result<(), Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let known = |rel: *const pg_sys::RelOptInfo, node| {
            iter::<pg_sys::Node>((*(*rel).reltarget).exprs).any(|other| is_same(other, node))
        };
        let keys = parts.keys.iter().flat_map(|key| [key.left, key.right]);
        let clauses = parts.residual.iter().chain(&parts.above).chain(&parts.pending).copied();
        let read = keys.chain(clauses).flat_map(|clause| variables(clause));
        for node in iter::<pg_sys::Node>((*(*joinrel).reltarget).exprs).chain(read) {
            let Some(placeholder) = cast::<pg_sys::PlaceHolderVar, _>(node) else {
                continue;
            };
            if known(outerrel, node) || known(innerrel, node) {
                continue;
            }
            if !kind.outputs_right() {
                return Err("a value computed from both sides of a semi or anti join".into());
            }
            if placeholder::evaluated_at(root, placeholder).is_none() {
                return Err("a value computed from a lateral reference".into());
            }
            let mut params = Params::default();
            Translator::new(&AnyVar, &mut params)
                .translate(placeholder.phexpr.cast())
                .map_err(|reason| reason.about(placeholder.phexpr))?;
        }
        Ok(())
    }
}

/// PostgreSQL's semi join gives the columns of the first match, too, and an
/// equality above may name one instead of the column that it equals. The engine
/// has the latter only.
unsafe fn check_semi(
    joinrel: *const pg_sys::RelOptInfo,
    innerrel: *const pg_sys::RelOptInfo,
    keys: &[JoinKey],
) -> Result<(), Reason> {
    // SAFETY: the planner's structures are valid for the call.
    unsafe {
        let inner = (*(*innerrel).reltarget).exprs;
        for node in iter::<pg_sys::Node>((*(*joinrel).reltarget).exprs) {
            let is_inner = iter::<pg_sys::Node>(inner).any(|other| is_same(other, node));
            if is_inner && !keys.iter().any(|key| is_same(key.right, node)) {
                return Err("a column of the inner side of a semi join".into());
            }
        }
        Ok(())
    }
}

/// The cheaper way to have `rel` in the engine: its fragment, or PostgreSQL's
/// best path as a leaf.
unsafe fn input(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Result<Rc<Fragment>, Reason> {
    // SAFETY: a valid relation. PostgreSQL may find out late that it has no rows
    // (`mark_dummy_rel` in joinrels.c); what was noted of it before is not what it runs.
    unsafe {
        if pg_sys::is_dummy_rel(rel) {
            return leaf::fragment_of(root, rel).map(Rc::new);
        }
    }
    // What PostgreSQL checks on a join's rows it checks on all of them, not only on those
    // that the next join keeps: one may raise an error.
    let fragment = state::fragment(rel).filter(|fragment| fragment.pending.is_empty());
    // SAFETY: a valid relation.
    let is_base = unsafe { (*rel).reloptkind } == pg_sys::RelOptKind::RELOPT_BASEREL;
    match fragment {
        Some(fragment) if is_base => Ok(fragment),
        None if is_base => Err("a relation that cannot be a leaf".into()),
        // SAFETY: an input of a join has its cheapest path.
        Some(fragment) if unsafe { beats_any_leaf(&fragment, rel) } => Ok(fragment),
        fragment => {
            // `rel` is an input of a join, so its paths are complete: the leaf
            // is made once.
            let leaf = state::leaf(rel, || {
                // SAFETY: a valid relation.
                unsafe { leaf::fragment_of(root, rel) }.ok().map(Rc::new)
            });
            match (fragment, leaf) {
                (Some(fragment), Some(leaf)) if is_better(&leaf, &fragment) => Ok(leaf),
                (Some(fragment), _) => Ok(fragment),
                (None, Some(leaf)) => Ok(leaf),
                (None, None) => Err("a join that cannot be a leaf".into()),
            }
        }
    }
}

/// Whether `fragment` is cheaper than the rows of any PostgreSQL path of `rel`,
/// handed over: then there is no need to make a leaf of one.
unsafe fn beats_any_leaf(fragment: &Fragment, rel: *const pg_sys::RelOptInfo) -> bool {
    // SAFETY: a valid relation whose cheapest path is known.
    unsafe {
        let path = (*rel).cheapest_total_path;
        if path.is_null() || guc::FORCE.get() {
            return false;
        }
        let native = cost::Cost { startup: 0.0, total: (*path).total_cost };
        let width = (*(*rel).reltarget).width;
        fragment.cost.total <= cost::leaf(native, (*rel).rows, 1.0, width, 0).total
    }
}

/// Whether a join as PostgreSQL computes it is the better input.
fn is_better(leaf: &Fragment, fragment: &Fragment) -> bool {
    match guc::FORCE.get() {
        true => cost::is_absurd(fragment.cost.total, leaf.cost.total),
        false => leaf.cost.total < fragment.cost.total,
    }
}
