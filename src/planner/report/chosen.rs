//! Which notes are worth saying, once PostgreSQL's choice is known.
//!
//! The paths of the plan are walked from the last one down. A relation set that
//! is computed by one of our paths needs no reason, nor does what is inside it,
//! but for joins that PostgreSQL computes as leaves. Of the others, there is
//!
//! - one with a fusion plan that was not chosen: that is said for the largest
//!   such set only;
//! - one without, and with a reason of its own;
//! - one without only because something below it has none: that is enough to
//!   know.

use super::below::Below;
use super::notes::{Kind, Line, Place, Why};
use super::places::{members, target_cost};
use super::words;
use crate::encoding::string;
use crate::guc;
use crate::nodes::{cast, iter};
use crate::planner::takes_part::excluded;
use crate::planner::{ours, state};
use pgrx::pg_sys::{self, RelOptKind, UpperRelationKind};

/// The report's lines.
///
/// # Safety
///
/// As for [`super::finish`].
pub(super) unsafe fn lines(
    root: *mut pg_sys::PlannerInfo,
    final_rel: *mut pg_sys::RelOptInfo,
) -> Vec<Line> {
    let mut walk = Walk::default();
    let top = Level { root, name: String::new(), subplan: None };
    if !state::active() {
        let reason = match guc::enabled() {
            true => "the worker of pg_fusion is not running",
            false => "pg_fusion is switched off",
        };
        walk.say(&top, "query".to_owned(), Why::Reason(reason.to_owned()));
        return walk.lines;
    }
    // SAFETY: the caller's promise. All subqueries that are plans of their own
    // have been planned, each has a query level.
    unsafe {
        if let Some(path) = last_path(final_rel) {
            walk.level(&top, path);
        }
        let glob = (*root).glob;
        let roots: Vec<*mut pg_sys::PlannerInfo> = iter((*glob).subroots).collect();
        for (index, subroot) in roots.iter().copied().enumerate() {
            let name = format!(" in {}", subplan_name(root, &roots, index));
            let level = Level { root: subroot, name, subplan: Some(index) };
            let last = (*subroot).upper_rels[UpperRelationKind::UPPERREL_FINAL as usize];
            if let Some(last) = iter::<pg_sys::RelOptInfo>(last).next() {
                let fraction = (*subroot).tuple_fraction;
                walk.level(&level, pg_sys::get_cheapest_fractional_path(last, fraction));
            }
        }
    }
    walk.lines
}

/// The path of the whole query that will be chosen.
unsafe fn last_path(final_rel: *mut pg_sys::RelOptInfo) -> Option<*mut pg_sys::Path> {
    // SAFETY: a valid relation: its list of paths is in the order of their cost.
    unsafe {
        let fast_start = state::notes(|notes| notes.fast_start).unwrap_or_default();
        let fraction = match fast_start {
            true => pg_sys::cursor_tuple_fraction,
            false => 0.0,
        };
        let mut paths = iter::<pg_sys::Path>((*final_rel).pathlist);
        let cheapest = paths.next()?;
        Some(paths.fold(cheapest, |best, path| {
            match pg_sys::compare_fractional_path_costs(path, best, fraction) < 0 {
                true => path,
                false => best,
            }
        }))
    }
}

/// The name that EXPLAIN gives to the subplan at `index`.
unsafe fn subplan_name(
    root: *const pg_sys::PlannerInfo,
    roots: &[*mut pg_sys::PlannerInfo],
    index: usize,
) -> String {
    // SAFETY: valid query levels, whose lists of init plans hold SubPlans.
    unsafe {
        let levels = std::iter::once(root).chain(roots.iter().map(|root| root.cast_const()));
        let mut plans = levels.flat_map(|level| iter::<pg_sys::SubPlan>((*level).init_plans));
        let found = plans.find(|plan| (**plan).plan_id as usize == index + 1);
        match found.and_then(|plan| cast::<pg_sys::SubPlan, _>(plan)) {
            Some(plan) => {
                let name = string(plan.plan_name);
                name.split(" (").next().unwrap_or_default().to_owned()
            }
            None => format!("SubPlan {}", index + 1),
        }
    }
}

/// One query level: a SELECT with relations of its own.
struct Level {
    root: *mut pg_sys::PlannerInfo,
    /// What to add to the names of its places, if it is not the outermost one.
    name: String,
    subplan: Option<usize>,
}

#[derive(Default)]
struct Walk {
    lines: Vec<Line>,
    /// Lines of the level under way for tables with which the engine has nothing
    /// to do: said if there is nothing else to say.
    idle: Vec<Line>,
}

impl Walk {
    fn say(&mut self, level: &Level, place: String, why: Why) {
        let line = Line { place: place + &level.name, why, subplan: level.subplan };
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
    }

    /// Walks a query level, of which `path` is the last one.
    unsafe fn level(&mut self, level: &Level, path: *mut pg_sys::Path) {
        let outer_idle = std::mem::take(&mut self.idle);
        let before = self.lines.len();
        // SAFETY: the path and its query level are valid.
        unsafe {
            let excluded = excluded(level.root);
            if let Some(reason) = excluded {
                self.say(level, "query".to_owned(), Why::Reason(reason.to_owned()));
            }
            for (place, text) in noted(level.root, None) {
                self.say(level, words::place(level.root, &place), Why::Reason(text));
            }
            self.visit(level, path, excluded.is_some());
        }
        let idle = std::mem::replace(&mut self.idle, outer_idle);
        if self.lines.len() == before {
            self.lines.extend(idle);
        }
    }

    /// Visits the relation that `path` computes, after those below it. Returns
    /// whether it has a fusion plan. If it is `covered` by a larger one that
    /// has, nothing is said about it.
    unsafe fn visit(&mut self, level: &Level, path: *mut pg_sys::Path, covered: bool) -> bool {
        // SAFETY: a path of the query level, whose relation is valid.
        unsafe {
            let rel = (*path).parent;
            let mut below = Below::default();
            below.collect(path, rel);
            for (subquery, path) in &below.subqueries {
                self.subquery(level, *subquery, *path);
            }
            if below.is_ours {
                for leaf in &below.paths {
                    let joins = (*(**leaf).parent).reloptkind == RelOptKind::RELOPT_JOINREL;
                    self.visit(level, *leaf, !joins);
                }
                return true;
            }
            let fragment = state::fragment(rel);
            let possible = fragment.is_some();
            let mut inputs_possible = true;
            for path in &below.paths {
                inputs_possible &= self.visit(level, *path, covered || possible);
            }
            let Some(place) = place_of(level.root, rel) else {
                return inputs_possible;
            };
            match fragment {
                _ if covered => {}
                Some(fragment) => self.not_chosen(level, &place, rel, fragment.does_something()),
                None => self.not_possible(level, &place, rel, &below, inputs_possible),
            }
            possible
        }
    }

    /// Says that there is a fusion plan of `place`, but not chosen.
    unsafe fn not_chosen(
        &mut self,
        level: &Level,
        place: &Place,
        rel: *const pg_sys::RelOptInfo,
        does_something: bool,
    ) {
        // SAFETY: a relation of the query level.
        unsafe {
            let name = words::place(level.root, place);
            match state::notes(|notes| notes.offered.get(&rel).copied()).flatten() {
                Some(offer) if does_something => {
                    let target = match place {
                        Place::Relations(_) => (*rel).reltarget,
                        Place::Stage(_) => offer.target.cast_mut(),
                    };
                    let ours = offer.without_target + target_cost(target, offer.rows);
                    self.say(level, name, Why::Cost { ours, native: native_cost(rel) });
                }
                _ if is_table(level.root, rel) => self.idle.push(Line {
                    place: name + &level.name,
                    why: Why::Reason("the engine would only pass its rows on".to_owned()),
                    subplan: level.subplan,
                }),
                _ => {}
            }
        }
    }

    /// Says why there is no fusion plan of `place`.
    unsafe fn not_possible(
        &mut self,
        level: &Level,
        place: &Place,
        rel: *const pg_sys::RelOptInfo,
        below: &Below,
        inputs_possible: bool,
    ) {
        let mut reasons = noted(level.root, Some(place));
        // SAFETY: a relation of the query level.
        unsafe {
            if reasons.is_empty()
                && let Some(text) = unnoted(level.root, rel, place, below, inputs_possible)
            {
                reasons.push((place.clone(), text.to_owned()));
            }
            for (place, text) in reasons {
                self.say(level, words::place(level.root, &place), Why::Reason(text));
            }
        }
    }

    /// Walks the level of a subquery in FROM, which is the relation `rel`.
    unsafe fn subquery(
        &mut self,
        outer: &Level,
        rel: *const pg_sys::RelOptInfo,
        path: *mut pg_sys::Path,
    ) {
        // SAFETY: a relation with a range table entry; a subquery has a root.
        unsafe {
            let root = (*rel).subroot;
            if root.is_null() {
                return;
            }
            let rte = *(*outer.root).simple_rte_array.add((*rel).relid as usize);
            let name = format!(" in {}{}", words::alias(rte), outer.name);
            self.level(&Level { root, name, subplan: outer.subplan }, path);
        }
    }
}

/// The notes of a query level: why there is no fusion plan of `place`, or, without
/// a place, what PostgreSQL does for fusion plans.
fn noted(root: *const pg_sys::PlannerInfo, place: Option<&Place>) -> Vec<(Place, String)> {
    let notes = state::notes(|notes| {
        let notes = notes.noted.iter().filter(|note| {
            std::ptr::eq(note.root, root)
                && match place {
                    Some(place) => note.kind == Kind::Obstacle && note.place == *place,
                    None => note.kind != Kind::Obstacle,
                }
        });
        notes.map(|note| (note.place.clone(), note.text.clone())).collect()
    });
    notes.unwrap_or_default()
}

/// Where `rel` stands in its query level; `None` for a part of a partitioned
/// relation or of a stage.
unsafe fn place_of(
    root: *const pg_sys::PlannerInfo,
    rel: *mut pg_sys::RelOptInfo,
) -> Option<Place> {
    // SAFETY: a relation of the query level.
    unsafe {
        match (*rel).reloptkind {
            RelOptKind::RELOPT_BASEREL | RelOptKind::RELOPT_JOINREL => {
                Some(Place::Relations(members((*rel).relids)))
            }
            RelOptKind::RELOPT_UPPER_REL => {
                let stages = (*root).upper_rels.iter();
                let stage =
                    stages.zip(0..).find(|(rels, _)| iter(**rels).any(|other| other == rel));
                match stage?.1 {
                    UpperRelationKind::UPPERREL_PARTIAL_GROUP_AGG
                    | UpperRelationKind::UPPERREL_PARTIAL_DISTINCT => None,
                    UpperRelationKind::UPPERREL_FINAL if !has_limit((*root).parse) => None,
                    kind => Some(Place::Stage(kind)),
                }
            }
            _ => None,
        }
    }
}

/// Whether `rel` is a table (or a view that is stored), and not made up in the
/// query.
unsafe fn is_table(root: *const pg_sys::PlannerInfo, rel: *const pg_sys::RelOptInfo) -> bool {
    // SAFETY: a base relation's index is that of its range table entry.
    unsafe {
        (*rel).reloptkind == RelOptKind::RELOPT_BASEREL
            && (**(*root).simple_rte_array.add((*rel).relid as usize)).rtekind
                == pg_sys::RTEKind::RTE_RELATION
    }
}

unsafe fn has_limit(parse: *const pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe { !(*parse).limitCount.is_null() || !(*parse).limitOffset.is_null() }
}

/// What PostgreSQL's cheapest path of `rel` costs.
unsafe fn native_cost(rel: *const pg_sys::RelOptInfo) -> f64 {
    // SAFETY: a valid relation's path list holds paths.
    unsafe {
        iter::<pg_sys::Path>((*rel).pathlist)
            .filter(|path| (**path).param_info.is_null() && !ours::is_ours(*path))
            .map(|path| (*path).total_cost)
            .fold(f64::INFINITY, f64::min)
    }
}

/// Why there is no fusion plan of a place about which nothing was noted.
/// `None` if that follows from what is below it.
unsafe fn unnoted(
    root: *const pg_sys::PlannerInfo,
    rel: *const pg_sys::RelOptInfo,
    place: &Place,
    below: &Below,
    inputs_possible: bool,
) -> Option<&'static str> {
    if *place == Place::Stage(UpperRelationKind::UPPERREL_SETOP) {
        return Some("set operations are not supported");
    }
    if !inputs_possible {
        return None;
    }
    // SAFETY: a relation of the query level.
    unsafe {
        match place {
            Place::Relations(_) if (*rel).reloptkind == RelOptKind::RELOPT_BASEREL => None,
            Place::Relations(_) if !(*rel).lateral_relids.is_null() => Some("a lateral reference"),
            Place::Relations(_) if state::notes(|notes| notes.genetic.contains(&root))? => {
                Some("joins found by the genetic query optimiser are not supported")
            }
            Place::Relations(_) => None,
            Place::Stage(_) if (*(*root).parse).hasTargetSRFs => {
                Some("a set-returning function in the target list")
            }
            Place::Stage(_) if below.has_pending_conditions() => {
                Some("a condition below it stays in PostgreSQL")
            }
            Place::Stage(UpperRelationKind::UPPERREL_WINDOW) => {
                Some("window functions are not supported")
            }
            Place::Stage(_) => Some("an expression that is not made of the engine's columns"),
        }
    }
}
