//! Joins of fragments.

use super::compare::join_key;
use super::expr::{AnyVar, Params, Translator, implementation};
use super::fragment::{Fragment, JoinFragment, JoinKey, Kind};
use super::functions;
use super::order::in_evaluation_order;
use super::{Reason, cost, leaf, path, state};
use crate::nodes::{cast, iter};
use crate::{guc, version};
use fusion_page::MAX_LEAVES;
use fusion_plan::Function;
use pgrx::pg_sys;
use std::rc::Rc;

/// What the engine can do with a join clause.
pub enum Clause {
    /// Evaluate it.
    Supported {
        /// Whether that can raise an error.
        can_fail: bool,
        /// If it is an equality that can be a join key, its operands as written.
        key: Option<JoinKey>,
    },
    /// Nothing, and why.
    Unsupported(Reason),
}

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
        // Every inner join comes in both orders; which side is built is
        // decided by size, so one of them is enough.
        if jointype != pg_sys::JoinType::JOIN_INNER
            || (*joinrel).reloptkind != pg_sys::RelOptKind::RELOPT_JOINREL
            || !(*joinrel).lateral_relids.is_null()
            || version::in_genetic_search(root)
            || first_member((*outerrel).relids) > first_member((*innerrel).relids)
        {
            return;
        }
        let inputs = match (input(root, outerrel), input(root, innerrel)) {
            (Ok(outer), Ok(inner)) => (outer, inner),
            (Err(reason), _) | (_, Err(reason)) => return reason.note("a join"),
        };
        let rows = (*joinrel).rows;
        let clauses = iter::<pg_sys::RestrictInfo>((*extra).restrictlist).len();
        let cost = cost::join(
            (inputs.0.cost, inputs.0.rows),
            (inputs.1.cost, inputs.1.rows),
            clauses,
            rows,
        );
        // Most pairs end here: they are no better than one seen before.
        if let Some(best) = state::fragment(joinrel).filter(|best| best.cost.total <= cost.total) {
            // A forced path is offered again, because PostgreSQL may have found
            // a better one since.
            if guc::FORCE.get() {
                path::offer(joinrel, best, (*joinrel).reltarget, std::ptr::null_mut());
            }
            return;
        }
        let parts = match join(root, inputs, (*outerrel).relids, (*innerrel).relids, extra) {
            Ok(parts) => parts,
            Err(reason) => return reason.note("a join"),
        };
        let leaf_count = parts.join.left.leaf_count + parts.join.right.leaf_count;
        let kind = Kind::Join(parts.join);
        let fragment = Fragment { kind, rows, cost, leaf_count, pending: parts.pending };
        let fragment = Rc::new(fragment);
        state::set_fragment(joinrel, fragment.clone());
        path::offer(joinrel, fragment, (*joinrel).reltarget, std::ptr::null_mut());
    }
}

unsafe fn first_member(relids: pg_sys::Relids) -> i32 {
    // SAFETY: a valid, non-empty set.
    unsafe { pg_sys::bms_next_member(relids, -1) }
}

/// A join and the conditions that PostgreSQL checks above it.
struct Parts {
    join: JoinFragment,
    pending: Vec<*mut pg_sys::Node>,
}

/// Sorts the conditions of the join of two inputs, which compute `outer` and
/// `inner`.
unsafe fn join(
    root: *mut pg_sys::PlannerInfo,
    (left, right): (Rc<Fragment>, Rc<Fragment>),
    outer: pg_sys::Relids,
    inner: pg_sys::Relids,
    extra: *mut pg_sys::JoinPathExtraData,
) -> Result<Parts, Reason> {
    // SAFETY: as in `offer`.
    unsafe {
        let leaf_count = left.leaf_count + right.leaf_count;
        if leaf_count > MAX_LEAVES {
            return Err(format!("more than {MAX_LEAVES} relations").into());
        }
        let mut pending = [left.pending.as_slice(), right.pending.as_slice()].concat();
        let mut keys = Vec::new();
        let mut residual = Vec::new();
        let infos = iter::<pg_sys::RestrictInfo>((*extra).restrictlist);
        for (_, info) in in_evaluation_order(root, infos, |info| info.cast()) {
            if (*info).pseudoconstant {
                return Err("a condition that does not depend on the rows".into());
            }
            if (*info).security_level > 0 && !(*info).leakproof {
                return Err("a join condition above a security barrier".into());
            }
            let clause: *mut pg_sys::Node = (*info).clause.cast();
            match &*state::clause(info, || classify(info)) {
                Clause::Unsupported(reason) => {
                    reason.note("a join condition");
                    pending.push(clause);
                }
                Clause::Supported { can_fail, key } => {
                    let key = key.and_then(|key| sides(key, info, outer, inner));
                    match key {
                        Some(_) if *can_fail && !pending.is_empty() => {
                            return Err("a join key that can fail after a pending condition".into());
                        }
                        Some(key) => keys.push(key),
                        // What PostgreSQL evaluates later may not fail in the
                        // engine before: an earlier condition may protect from
                        // it.
                        None if *can_fail && !pending.is_empty() => pending.push(clause),
                        None => residual.push(clause),
                    }
                }
            }
        }
        if keys.is_empty() {
            return Err("no equality condition".into());
        }
        Ok(Parts { join: JoinFragment { left, right, keys, residual }, pending })
    }
}

/// The cheaper way to have `rel` in the engine: its fragment, or PostgreSQL's
/// best path as a leaf.
unsafe fn input(
    root: *mut pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Result<Rc<Fragment>, Reason> {
    let fragment = state::fragment(rel);
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

/// The operands of an equality in the order of the join's sides, if each is
/// computed from one side alone.
unsafe fn sides(
    key: JoinKey,
    info: *const pg_sys::RestrictInfo,
    outer: pg_sys::Relids,
    inner: pg_sys::Relids,
) -> Option<JoinKey> {
    // SAFETY: valid sets of a valid clause.
    unsafe {
        let within = |a, b| {
            pg_sys::bms_is_subset((*info).left_relids, a)
                && pg_sys::bms_is_subset((*info).right_relids, b)
        };
        if within(outer, inner) {
            Some(key)
        } else if within(inner, outer) {
            Some(JoinKey { left: key.right, right: key.left, ..key })
        } else {
            None
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
        fragment.cost.total <= cost::leaf(native, (*rel).rows, width, 0).total
    }
}

/// Whether a join as PostgreSQL computes it is the better input.
fn is_better(leaf: &Fragment, fragment: &Fragment) -> bool {
    match guc::FORCE.get() {
        true => cost::is_absurd(fragment.cost.total, leaf.cost.total),
        false => leaf.cost.total < fragment.cost.total,
    }
}

unsafe fn classify(info: *const pg_sys::RestrictInfo) -> Clause {
    // SAFETY: a valid clause.
    unsafe {
        let mut params = Params::default();
        let clause: *mut pg_sys::Node = (*info).clause.cast();
        let can_fail = match Translator::new(&AnyVar, &mut params).translate(clause) {
            Ok(typed) => typed.expr.can_fail(),
            Err(reason) => return Clause::Unsupported(reason),
        };
        let key = if (*info).can_join { join_key_of(clause) } else { None };
        Clause::Supported { can_fail, key }
    }
}

/// The operands of `clause` if it is an equality whose sides can be brought to
/// one type for hashing.
unsafe fn join_key_of(clause: *mut pg_sys::Node) -> Option<JoinKey> {
    // SAFETY: a valid clause.
    unsafe {
        let op: &pg_sys::OpExpr = cast(clause)?;
        let function = implementation(op.opfuncid, op.opno);
        if functions::comparison(function) != Some(Function::Eq) {
            return None;
        }
        let args: Vec<*mut pg_sys::Node> = iter(op.args).collect();
        let [left, right] = args.as_slice() else {
            return None;
        };
        let mut params = Params::default();
        let mut translator = Translator::new(&AnyVar, &mut params);
        let typed = (translator.translate(*left).ok()?, translator.translate(*right).ok()?);
        join_key(typed.0, typed.1).ok()?;
        Some(JoinKey { left: *left, right: *right, function })
    }
}
