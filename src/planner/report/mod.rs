//! The report of what stays in PostgreSQL, for EXPLAIN.
//!
//! With `pg_fusion.explain_reasons` on, EXPLAIN asks for a report on the one
//! planner call that it makes ([`request`]). The planner notes here, while it
//! works, why a relation, a join, a condition or a stage above the joins has no
//! fusion plan. Most of that is about ways that PostgreSQL does not take in the
//! end, so what is said is decided when its choice is known (`chosen`).
//!
//! Planner calls nest: a function that the planner evaluates may plan a query.
//! The first call that begins after the request is the one that is meant, and
//! those inside it find no request.

mod below;
mod chosen;
pub mod notes;
mod places;
pub mod reason;
mod words;

use super::state;
use crate::nodes::iter;
use notes::{Kind, Line, Note, Notes, Offer, Place, Why};
use pgrx::pg_sys::{self, UpperRelationKind};
use places::{members, target_cost};
use reason::Reason;
use std::cell::RefCell;

enum Request {
    None,
    Wanted,
    Accepted,
    Answered(Vec<Line>),
}

thread_local! {
    static REQUEST: RefCell<Request> = const { RefCell::new(Request::None) };
}

/// A request for a report; withdrawn when dropped, also by an error.
pub struct Requested {
    outer: Request,
}

/// Asks for a report on the next planner call.
pub fn request() -> Requested {
    Requested { outer: REQUEST.replace(Request::Wanted) }
}

impl Requested {
    /// The report, if a planner call came to its end since the request.
    pub fn answer(&self) -> Option<Vec<Line>> {
        REQUEST.with_borrow(|request| match request {
            Request::Answered(lines) => Some(lines.clone()),
            _ => None,
        })
    }
}

impl Drop for Requested {
    fn drop(&mut self) {
        REQUEST.set(std::mem::replace(&mut self.outer, Request::None));
    }
}

/// Where notes are kept, if a report on the planner call that begins is wanted.
///
/// `options` are the planner call's cursor options.
pub fn accept(options: i32) -> Option<Notes> {
    REQUEST.with_borrow_mut(|request| match request {
        Request::Wanted => {
            *request = Request::Accepted;
            Some(Notes {
                fast_start: options & pg_sys::CURSOR_OPT_FAST_PLAN as i32 != 0,
                ..Notes::default()
            })
        }
        _ => None,
    })
}

/// Answers the request with what was found in the planner call that made
/// `statement`.
///
/// # Safety
///
/// `statement` is the result of the planner call under way.
pub unsafe fn answer(statement: *const pg_sys::PlannedStmt) {
    let Some(mut lines) = state::notes(|notes| std::mem::take(&mut notes.lines)) else {
        return;
    };
    // SAFETY: the caller's promise. Of two ways to plan a subquery, the one
    // that was not chosen is NULL in the list.
    unsafe {
        let subplans: Vec<_> = iter::<pg_sys::Plan>((*statement).subplans).collect();
        lines.retain(|line| {
            line.subplan.is_none_or(|index| subplans.get(index).is_some_and(|plan| !plan.is_null()))
        });
    }
    REQUEST.set(Request::Answered(lines));
}

/// Replaces the answer that the last planner call gave: its plan is not taken, for
/// `reason`.
pub fn replace_answer(reason: &str) {
    let why = Why::Reason(reason.to_owned());
    let line = Line { place: "query".to_owned(), why, subplan: None };
    REQUEST.set(Request::Answered(vec![line]));
}

/// Notes why the relation or join `rel` cannot be computed in the engine.
///
/// # Safety
///
/// Runs in the planner call of `root`, to which `rel` belongs.
pub unsafe fn relation(
    root: *mut pg_sys::PlannerInfo,
    rel: *const pg_sys::RelOptInfo,
    reason: &Reason,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let join = (*rel).reloptkind == pg_sys::RelOptKind::RELOPT_JOINREL;
        reason.note(if join { "a join" } else { "a relation" });
        note(root, || Place::Relations(members((*rel).relids)), Kind::Obstacle, reason);
    }
}

/// Notes why a condition over the relations `relids` stays in PostgreSQL; the
/// reason is about it.
///
/// # Safety
///
/// As for [`relation`].
pub unsafe fn condition(root: *mut pg_sys::PlannerInfo, relids: pg_sys::Relids, reason: &Reason) {
    reason.note("a condition");
    // SAFETY: the caller's promise.
    unsafe { note(root, || Place::Relations(members(relids)), Kind::Condition, reason) }
}

/// Notes why the join condition `info` stays in PostgreSQL.
///
/// # Safety
///
/// As for [`relation`].
pub unsafe fn join_condition(
    root: *mut pg_sys::PlannerInfo,
    info: *const pg_sys::RestrictInfo,
    reason: &Reason,
) {
    // SAFETY: the caller's promise.
    unsafe { condition(root, (*info).clause_relids, &reason.clone().about((*info).clause)) }
}

/// Notes why a condition of a stage, like those of HAVING, stays in PostgreSQL;
/// the reason is about it.
///
/// # Safety
///
/// As for [`relation`].
pub unsafe fn stage_condition(
    root: *mut pg_sys::PlannerInfo,
    stage: UpperRelationKind::Type,
    reason: &Reason,
) {
    reason.note("a condition");
    // SAFETY: the caller's promise.
    unsafe { note(root, || Place::Stage(stage), Kind::Condition, reason) }
}

/// Notes why PostgreSQL computes an expression for a stage that is computed in
/// the engine; the reason is about it.
///
/// # Safety
///
/// As for [`relation`].
pub unsafe fn stage_expression(
    root: *mut pg_sys::PlannerInfo,
    stage: UpperRelationKind::Type,
    reason: &Reason,
) {
    reason.note("an expression");
    // SAFETY: the caller's promise.
    unsafe { note(root, || Place::Stage(stage), Kind::Expression, reason) }
}

/// Notes why `stage` cannot be computed in the engine.
///
/// # Safety
///
/// As for [`relation`].
pub unsafe fn stage(
    root: *mut pg_sys::PlannerInfo,
    stage: UpperRelationKind::Type,
    reason: &Reason,
) {
    reason.note("what is above the joins");
    // SAFETY: the caller's promise.
    unsafe { note(root, || Place::Stage(stage), Kind::Obstacle, reason) }
}

/// Notes that a path of `rel` is offered that costs `cost` for its `rows` rows with
/// the columns of `target`.
///
/// # Safety
///
/// `target` is valid.
pub unsafe fn offered(
    rel: *const pg_sys::RelOptInfo,
    cost: f64,
    rows: f64,
    target: *const pg_sys::PathTarget,
) {
    // SAFETY: the caller's promise.
    let without_target = cost - unsafe { target_cost(target, rows) };
    state::notes(|notes| notes.offered.insert(rel, Offer { without_target, rows, target }));
}

/// Notes that the genetic query optimiser looks for the joins of `root`.
pub fn genetic(root: *const pg_sys::PlannerInfo) {
    state::notes(|notes| notes.genetic.insert(root));
}

/// Decides what to say. To be called when all paths of the outermost query
/// level are known.
///
/// # Safety
///
/// `final_rel` is the last relation of `root`, whose planner call is under way.
pub unsafe fn finish(root: *mut pg_sys::PlannerInfo, final_rel: *mut pg_sys::RelOptInfo) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*root).parent_root.is_null() && state::notes(|_| ()).is_some() {
            let lines = chosen::lines(root, final_rel);
            state::notes(|notes| notes.lines = lines);
        }
    }
}

unsafe fn note(
    root: *mut pg_sys::PlannerInfo,
    place: impl FnOnce() -> Place,
    kind: Kind,
    reason: &Reason,
) {
    if state::notes(|_| ()).is_none() {
        return;
    }
    // SAFETY: the caller's promise. The words come from PostgreSQL, which may
    // plan meanwhile, so they are found before the notes are borrowed.
    let (place, text) = unsafe {
        let place = place();
        let text = words::reason(root, &place, kind, reason);
        (place, text)
    };
    let note = Note { root, place, kind, text };
    state::notes(|notes| {
        if !notes.noted.contains(&note) {
            notes.noted.push(note);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_planner_call_answers_a_request() {
        assert!(accept(0).is_none());
        let requested = request();
        assert!(accept(0).is_some());
        assert!(accept(0).is_none(), "a call inside the first one");
        {
            let nested = request();
            assert!(accept(0).is_some());
            let why = Why::Reason("inner".to_owned());
            let line = Line { place: "a".to_owned(), why, subplan: None };
            REQUEST.set(Request::Answered(vec![line]));
            assert_eq!(nested.answer().map(|lines| lines.len()), Some(1));
        }
        assert!(requested.answer().is_none(), "the nested answer is not ours");
        REQUEST.set(Request::Answered(Vec::new()));
        assert_eq!(requested.answer(), Some(Vec::new()));
        drop(requested);
        assert!(accept(0).is_none());
    }
}
