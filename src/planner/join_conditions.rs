//! The conditions of a join, sorted by where they are checked: as keys, with the other
//! conditions that decide about matches, on the result, or by PostgreSQL.

use super::clause::{Clause, classify};
use super::evaluation_order::in_evaluation_order;
use super::fragment::{Fragment, JoinKey};
use super::leaf::effects;
use super::report::reason::Reason;
use super::{report, state};
use fusion_page::MAX_LEAVES;
use fusion_plan::JoinKind;
use pgrx::pg_sys;
use std::rc::Rc;

/// The conditions of a join by where they are checked.
#[derive(Default)]
pub struct Parts {
    /// Equalities between the sides.
    pub keys: Vec<JoinKey>,
    /// Those that decide which pairs match, beside the keys.
    pub residual: Vec<*mut pg_sys::Node>,
    /// Those on the result.
    pub above: Vec<*mut pg_sys::Node>,
    /// Those on the result that PostgreSQL checks.
    pub pending: Vec<*mut pg_sys::Node>,
}

/// Sorts the conditions of a join.
pub struct Sorter {
    /// The query level.
    pub root: *mut pg_sys::PlannerInfo,
    /// The kind of join.
    pub kind: JoinKind,
    /// All its relations.
    pub joinrel: pg_sys::Relids,
    /// Those of its sides.
    pub sides: (pg_sys::Relids, pg_sys::Relids),
    /// What has been sorted.
    pub parts: Parts,
}

impl Sorter {
    /// Sorts `clauses` over the inputs `left` and `right`.
    ///
    /// The inputs have no pending conditions.
    ///
    /// # Errors
    ///
    /// If there is a condition that makes the engine's join impossible.
    ///
    /// # Safety
    ///
    /// All belong to the planner call under way.
    pub unsafe fn sort(
        &mut self,
        (left, right): &(Rc<Fragment>, Rc<Fragment>),
        clauses: impl Iterator<Item = *mut pg_sys::RestrictInfo> + Clone,
    ) -> Result<(), Reason> {
        // SAFETY: the caller's promise.
        unsafe {
            if left.leaf_count + right.leaf_count > MAX_LEAVES {
                return Err(format!("more than {MAX_LEAVES} relations").into());
            }
            // PostgreSQL itself refuses such a query.
            let full = self.kind == JoinKind::Full;
            if full && !clauses.clone().any(|info| self.key(info).is_some()) {
                return Err("a full join without an equality".into());
            }
            for (_, info) in in_evaluation_order(self.root, clauses, |info| info.cast()) {
                effects::of_condition(self.root, info)?;
                // PostgreSQL runs neither side unless it is true (`get_gating_quals` in
                // createplan.c); up to version 16 it does not ask about such joins at all.
                if (*info).pseudoconstant {
                    return Err("a join condition that does not depend on the rows".into());
                }
                if (*info).security_level > 0 && !(*info).leakproof {
                    return Err("a join condition above a security barrier".into());
                }
                if !self.is_above(info) {
                    self.join_clause(info)?;
                } else {
                    self.clause_above(info);
                }
            }
            Ok(())
        }
    }

    /// Whether the clause is on the result of an outer join rather than part of
    /// it (`RINFO_IS_PUSHED_DOWN`). To inner and semi joins that makes no
    /// difference (`IS_OUTER_JOIN` of `nodes.h`).
    unsafe fn is_above(&self, info: *const pg_sys::RestrictInfo) -> bool {
        if matches!(self.kind, JoinKind::Inner | JoinKind::Semi) {
            return false;
        }
        // SAFETY: a valid clause.
        unsafe {
            (*info).is_pushed_down || !pg_sys::bms_is_subset((*info).required_relids, self.joinrel)
        }
    }

    unsafe fn join_clause(&mut self, info: *mut pg_sys::RestrictInfo) -> Result<(), Reason> {
        // SAFETY: a valid clause.
        let clause: *mut pg_sys::Node = unsafe { (*info).clause.cast() };
        let parts = &mut self.parts;
        // SAFETY: a valid clause.
        let known = unsafe { state::clause(info, || classify(info)) };
        match &*known {
            Clause::Unsupported(reason) if self.kind == JoinKind::Inner => {
                // SAFETY: a valid clause of the query.
                unsafe { report::join_condition(self.root, info, reason) };
                parts.pending.push(clause);
            }
            Clause::Unsupported(reason) => return Err(reason.clone().about(clause)),
            Clause::Supported { can_fail, .. } => {
                // What PostgreSQL evaluates later may not fail in the engine
                // before: an earlier condition may protect from it.
                let early = *can_fail && !parts.pending.is_empty();
                // SAFETY: a valid clause.
                match unsafe { self.key(info) } {
                    Some(_) if early => {
                        return Err("a join key that can fail after a pending condition".into());
                    }
                    Some(key) => self.parts.keys.push(key),
                    None if early && self.kind == JoinKind::Inner => {
                        self.parts.pending.push(clause);
                    }
                    None if early => {
                        return Err(
                            "a join condition that can fail after a pending condition".into()
                        );
                    }
                    // PostgreSQL stops at the first match (`ExecHashJoinImpl` in
                    // nodeHashjoin.c), the engine looks at more candidates.
                    None if *can_fail && matches!(self.kind, JoinKind::Semi | JoinKind::Anti) => {
                        return Err(
                            Reason::from("it can fail behind the first match").about(clause)
                        );
                    }
                    None => self.parts.residual.push(clause),
                }
            }
        }
        Ok(())
    }

    unsafe fn clause_above(&mut self, info: *mut pg_sys::RestrictInfo) {
        // SAFETY: a valid clause.
        let clause: *mut pg_sys::Node = unsafe { (*info).clause.cast() };
        // SAFETY: a valid clause.
        let known = unsafe { state::clause(info, || classify(info)) };
        match &*known {
            Clause::Supported { can_fail, .. } if !*can_fail || self.parts.pending.is_empty() => {
                self.parts.above.push(clause);
            }
            Clause::Supported { .. } => self.parts.pending.push(clause),
            Clause::Unsupported(reason) => {
                // SAFETY: a valid clause of the query.
                unsafe { report::join_condition(self.root, info, reason) };
                self.parts.pending.push(clause);
            }
        }
    }

    /// The clause as a key of the join, if it is an equality between its sides.
    ///
    /// # Safety
    ///
    /// `info` is a clause of the join.
    pub unsafe fn key(&self, info: *mut pg_sys::RestrictInfo) -> Option<JoinKey> {
        // SAFETY: a valid clause.
        unsafe {
            if self.is_above(info) {
                return None;
            }
            match &*state::clause(info, || classify(info)) {
                Clause::Supported { key, .. } => {
                    (*key).and_then(|key| sides(key, info, self.sides.0, self.sides.1))
                }
                Clause::Unsupported(_) => None,
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
