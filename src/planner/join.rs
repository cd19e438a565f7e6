//! Joins of fragments.

use super::expr::{AnyVar, Params, Translator};
use super::fragment::{Fragment, JoinFragment, Kind};
use super::functions::{self, Rule};
use super::order::in_evaluation_order;
use super::{Reason, cost, leaf, path, state};
use crate::nodes::{cast, iter};
use crate::{guc, version};
use fusion_plan::Function;
use pgrx::pg_sys;
use std::rc::Rc;

/// What the engine can do with a join clause.
pub enum Clause {
    /// An equality between two disjoint sets of relations.
    Equality {
        /// The left operand.
        left: *mut pg_sys::Node,
        /// The right operand.
        right: *mut pg_sys::Node,
        /// Whether evaluating an operand can raise an error.
        can_fail: bool,
    },
    /// Any other condition it can evaluate.
    Residual {
        /// Whether evaluating it can raise an error.
        can_fail: bool,
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
        let fragment = match fragment_of(root, joinrel, outerrel, innerrel, extra) {
            Ok(fragment) => fragment,
            Err(reason) => return reason.note("a join"),
        };
        let best = state::fragment(joinrel);
        if best.is_some_and(|best| best.cost.total <= fragment.cost.total) {
            return;
        }
        let fragment = Rc::new(fragment);
        state::set_fragment(joinrel, fragment.clone());
        path::offer(joinrel, fragment, (*joinrel).reltarget, std::ptr::null_mut());
    }
}

unsafe fn first_member(relids: pg_sys::Relids) -> i32 {
    // SAFETY: a valid, non-empty set.
    unsafe { pg_sys::bms_next_member(relids, -1) }
}

unsafe fn fragment_of(
    root: *mut pg_sys::PlannerInfo,
    joinrel: *mut pg_sys::RelOptInfo,
    outerrel: *mut pg_sys::RelOptInfo,
    innerrel: *mut pg_sys::RelOptInfo,
    extra: *mut pg_sys::JoinPathExtraData,
) -> Result<Fragment, Reason> {
    // SAFETY: as in `offer`.
    unsafe {
        let left = input(root, outerrel)?;
        let right = input(root, innerrel)?;
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
                Clause::Equality { can_fail: true, .. } if !pending.is_empty() => {
                    return Err("a join key that can fail after a pending condition".into());
                }
                Clause::Equality { left, right, .. } => {
                    if pg_sys::bms_is_subset((*info).left_relids, (*outerrel).relids) {
                        keys.push((*left, *right));
                    } else {
                        keys.push((*right, *left));
                    }
                }
                // What PostgreSQL evaluates later may not fail in the engine
                // before: an earlier condition may protect from it.
                Clause::Residual { can_fail: true } if !pending.is_empty() => {
                    pending.push(clause);
                }
                Clause::Residual { .. } => residual.push(clause),
                Clause::Unsupported(reason) => {
                    reason.note("a join condition");
                    pending.push(clause);
                }
            }
        }
        if keys.is_empty() {
            return Err("no equality condition".into());
        }
        let rows = (*joinrel).rows;
        let clauses = keys.len() + residual.len();
        let cost = cost::join((left.cost, left.rows), (right.cost, right.rows), clauses, rows);
        let kind = Kind::Join(JoinFragment { left, right, keys, residual });
        Ok(Fragment { kind, rows, cost, pending })
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
        Some(fragment) if is_base || guc::FORCE.get() => Ok(fragment),
        None if is_base => Err("a relation that cannot be a leaf".into()),
        fragment => {
            // SAFETY: `rel` is an input of a join, so its paths are complete.
            let leaf = unsafe { leaf::fragment_of(root, rel) };
            match (fragment, leaf) {
                (Some(fragment), Ok(leaf)) if leaf.cost.total < fragment.cost.total => {
                    Ok(Rc::new(leaf))
                }
                (Some(fragment), _) => Ok(fragment),
                (None, leaf) => leaf.map(Rc::new),
            }
        }
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
        let Some(op) = cast::<pg_sys::OpExpr, _>(clause) else {
            return Clause::Residual { can_fail };
        };
        let function = pg_sys::get_opcode(op.opno);
        let args: Vec<*mut pg_sys::Node> = iter(op.args).collect();
        match args.as_slice() {
            [left, right]
                if (*info).can_join
                    && functions::rule(function) == Some(Rule::Compare(Function::Eq)) =>
            {
                Clause::Equality { left: *left, right: *right, can_fail }
            }
            _ => Clause::Residual { can_fail },
        }
    }
}
