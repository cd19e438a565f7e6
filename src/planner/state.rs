//! What the hooks remember during one planner call.
//!
//! Planner calls nest (a function that the planner evaluates or inlines may
//! plan queries of its own), so the states form a stack. Relations and paths
//! are known by address: within one planner call neither moves nor dies, but
//! for the genetic join search, which we stay out of.

use super::clause::Clause;
use super::fragment::Fragment;
use super::order::known::{Facts, Level, Native, Statement};
use super::report::notes::Notes;
use fusion_plan::Plan;
use pgrx::pg_sys;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The memory of one planner call.
#[derive(Default)]
pub struct State {
    active: bool,
    shows_form: bool,
    natural: HashMap<*const pg_sys::CustomScan, Plan>,
    fragments: HashMap<*const pg_sys::RelOptInfo, Rc<Fragment>>,
    leaves: HashMap<*const pg_sys::RelOptInfo, Option<Rc<Fragment>>>,
    clauses: HashMap<*const pg_sys::RestrictInfo, Rc<Clause>>,
    offered: Vec<Rc<Fragment>>,
    has_plan: bool,
    notes: Option<Notes>,
    statement: Option<Statement>,
    facts: Option<Facts>,
    native: Option<Rc<Native>>,
    levels: HashMap<*const pg_sys::PlannerInfo, Level>,
}

thread_local! {
    static STACK: RefCell<Vec<State>> = const { RefCell::new(Vec::new()) };
}

/// Leaves the planner call when dropped, also by an error.
pub struct Entered(());

impl Drop for Entered {
    fn drop(&mut self) {
        STACK.with_borrow_mut(Vec::pop);
    }
}

/// Enters a planner call; `active` says whether fusion plans are wanted in it,
/// `shows_form` whether its query shows how values are stored,
/// `notes` where to note why there are none, if that is wanted.
pub fn enter(active: bool, shows_form: bool, notes: Option<Notes>) -> Entered {
    let state = State { active, shows_form, notes, ..State::default() };
    STACK.with_borrow_mut(|stack| stack.push(state));
    Entered(())
}

/// Whether the query of the current planner call shows how values are stored.
pub fn shows_form() -> bool {
    with(|state| state.shows_form)
}

/// Remembers the plan that `scan` runs, as if all of its result columns were read.
pub fn remember_plan(scan: *const pg_sys::CustomScan, plan: Plan) {
    with(|state| {
        state.natural.insert(scan, plan);
    });
}

/// The plan that [`remember_plan`] remembered.
pub fn plan(scan: *const pg_sys::CustomScan) -> Option<Plan> {
    with(|state| state.natural.get(&scan).cloned())
}

/// Whether the current planner call wants fusion plans.
pub fn active() -> bool {
    STACK.with_borrow(|stack| stack.last().is_some_and(|state| state.active))
}

fn with<R: Default>(f: impl FnOnce(&mut State) -> R) -> R {
    STACK.with_borrow_mut(|stack| stack.last_mut().map(f).unwrap_or_default())
}

/// The best fragment of `rel` so far.
pub fn fragment(rel: *const pg_sys::RelOptInfo) -> Option<Rc<Fragment>> {
    with(|state| state.fragments.get(&rel).cloned())
}

/// Makes `fragment` the best one of `rel`.
pub fn set_fragment(rel: *const pg_sys::RelOptInfo, fragment: Rc<Fragment>) {
    with(|state| {
        state.fragments.insert(rel, fragment);
    });
}

/// `rel` as a leaf, if it can be one; made by `make` the first time.
pub fn leaf(
    rel: *const pg_sys::RelOptInfo,
    make: impl FnOnce() -> Option<Rc<Fragment>>,
) -> Option<Rc<Fragment>> {
    let known =
        STACK.with_borrow(|stack| stack.last().and_then(|state| state.leaves.get(&rel).cloned()));
    known.unwrap_or_else(|| {
        let leaf = make();
        with(|state| {
            state.leaves.insert(rel, leaf.clone());
        });
        leaf
    })
}

/// What is known about a join clause; worked out by `classify` the first time.
pub fn clause(info: *const pg_sys::RestrictInfo, classify: impl FnOnce() -> Clause) -> Rc<Clause> {
    // `classify` (like `make` above) calls PostgreSQL, which may plan and come
    // back here, so it runs outside of the borrow.
    let known =
        STACK.with_borrow(|stack| stack.last().and_then(|state| state.clauses.get(&info).cloned()));
    known.unwrap_or_else(|| {
        let clause = Rc::new(classify());
        with(|state| {
            state.clauses.insert(info, clause.clone());
        });
        clause
    })
}

/// Remembers a fragment that is offered as a path; the number finds it again.
pub fn remember_offered(fragment: Rc<Fragment>) -> usize {
    with(|state| {
        state.offered.push(fragment);
        state.offered.len() - 1
    })
}

/// The fragment offered under `number`.
pub fn offered(number: usize) -> Option<Rc<Fragment>> {
    with(|state| state.offered.get(number).cloned())
}

/// Says that a path of ours has become a plan.
pub fn set_has_plan() {
    with(|state| state.has_plan = true);
}

/// Whether a path of ours has become a plan.
pub fn has_plan() -> bool {
    with(|state| state.has_plan)
}

/// Remembers the statement that the planner call plans.
pub fn set_statement(statement: Statement) {
    with(|state| state.statement = Some(statement));
}

/// What the statement's query tree says; read by `read` the first time.
pub fn facts(read: impl FnOnce(Statement) -> Facts) -> Facts {
    with(|state| state.facts).unwrap_or_else(|| {
        let statement = with(|state| state.statement);
        let facts = statement.map(read).unwrap_or_default();
        with(|state| state.facts = Some(facts));
        facts
    })
}

/// PostgreSQL's own plan of the statement; made by `plan` the first time.
pub fn native(plan: impl FnOnce(Statement) -> Native) -> Rc<Native> {
    let known = with(|state| state.native.clone());
    known.unwrap_or_else(|| {
        let statement = with(|state| state.statement);
        let native = Rc::new(statement.map(plan).unwrap_or_default());
        with(|state| state.native = Some(native.clone()));
        native
    })
}

/// What of a query level follows the order of rows; worked out by `look` the first time.
pub fn level(root: *const pg_sys::PlannerInfo, look: impl FnOnce() -> Level) -> Level {
    with(|state| state.levels.get(&root).copied()).unwrap_or_else(|| {
        let level = look();
        with(|state| {
            state.levels.insert(root, level);
        });
        level
    })
}

/// What `f` does with the notes for a report, if one is wanted of the current
/// planner call. `f` must not call PostgreSQL.
pub fn notes<R>(f: impl FnOnce(&mut Notes) -> R) -> Option<R> {
    with(|state| state.notes.as_mut().map(f))
}
