//! What computing the rows of a relation does besides: a leaf must not do it more often
//! than PostgreSQL's own plan would.

use crate::nodes::{iter, tag};
use crate::planner::report::reason::Reason;
use pgrx::pg_sys::{self, NodeTag};
use pgrx::prelude::*;
use std::ffi::{CStr, c_void};
use std::ptr;

/// Whether the rows of `rel` may be those of a leaf: what is volatile must be called, and
/// what is locked must be locked, as often as PostgreSQL's own plan does it, and a leaf is
/// read ahead of what is asked for.
///
/// # Errors
///
/// If something volatile is computed below `rel`, or rows are locked there.
///
/// # Safety
///
/// `rel` is a base or join relation of the planner call under way.
pub(super) unsafe fn check(
    root: *mut pg_sys::PlannerInfo,
    rel: *const pg_sys::RelOptInfo,
) -> Result<(), Reason> {
    // SAFETY: the planner's structures are valid; both arrays have an entry for every
    // range table index, and those of base relations are no NULLs.
    unsafe {
        let mut relation = -1;
        loop {
            relation = pg_sys::bms_next_member((*rel).relids, relation);
            if relation < 0 {
                return Ok(());
            }
            let base = *(*root).simple_rel_array.add(relation as usize);
            let entry = *(*root).simple_rte_array.add(relation as usize);
            // From version 16 on an outer join has a number as well.
            if base.is_null() || entry.is_null() {
                continue;
            }
            let joined = iter::<pg_sys::RestrictInfo>((*base).joininfo)
                .filter(|info| pg_sys::bms_is_subset((**info).required_relids, (*rel).relids));
            for info in iter::<pg_sys::RestrictInfo>((*base).baserestrictinfo).chain(joined) {
                of_condition(root, info)?;
            }
            for part in parts(&*entry) {
                of(root, part)?;
            }
            of_table(root, &*entry)?;
        }
    }
}

/// What the rows of `entry` are computed from.
fn parts(entry: &pg_sys::RangeTblEntry) -> impl Iterator<Item = *mut pg_sys::Node> {
    // Parts of a valid range table entry, NULL where its kind has none. Planning a
    // subquery leaves the entry's own copy as it was (`set_subquery_pathlist` in allpaths.c).
    let parts: [*mut pg_sys::Node; 4] = [
        entry.functions.cast(),
        entry.values_lists.cast(),
        entry.tablefunc.cast(),
        entry.subquery.cast(),
    ];
    parts.into_iter().filter(|part| !part.is_null())
}

/// Whether computing `node` does nothing besides.
///
/// # Errors
///
/// If a function in it is volatile or a query in it locks rows, also where PostgreSQL's
/// walkers do not look: in subqueries that have become plans, and in common table
/// expressions of the levels around.
///
/// # Safety
///
/// `node` is an expression or query of the level that `root` plans.
pub unsafe fn of(root: *const pg_sys::PlannerInfo, node: *mut pg_sys::Node) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        let mut search = Search { root, depth: 0, tables: Vec::new(), found: None };
        search.expression(node);
        search.found.map_or(Ok(()), Err)
    }
}

/// The same of a condition. What PostgreSQL knows of it stays in its `RestrictInfo`, for a
/// join asks again and again.
///
/// # Errors
///
/// As for [`of`].
///
/// # Safety
///
/// `info` is of the level that `root` plans.
pub unsafe fn of_condition(
    root: *const pg_sys::PlannerInfo,
    info: *mut pg_sys::RestrictInfo,
) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        if pg_sys::contain_volatile_functions(info.cast()) {
            return Err("a volatile function".into());
        }
        // Only in them are there queries.
        let clause: *mut pg_sys::Node = (*info).clause.cast();
        if pg_sys::contain_subplans(clause) { of(root, clause) } else { Ok(()) }
    }
}

/// The same of the common table expression that `entry` reads, if it reads one.
unsafe fn of_table(
    root: *const pg_sys::PlannerInfo,
    entry: &pg_sys::RangeTblEntry,
) -> Result<(), Reason> {
    // SAFETY: an entry of the level that `root` plans.
    unsafe {
        let mut search = Search { root, depth: 0, tables: Vec::new(), found: None };
        search.table(entry);
        search.found.map_or(Ok(()), Err)
    }
}

struct Search {
    /// The level that owns what is looked at.
    root: *const pg_sys::PlannerInfo,
    /// How many queries of that are around it.
    depth: pg_sys::Index,
    /// The common table expressions that were looked at.
    tables: Vec<*mut pg_sys::Query>,
    found: Option<Reason>,
}

impl Search {
    unsafe fn expression(&mut self, node: *mut pg_sys::Node) -> bool {
        // SAFETY: nodes of the level.
        unsafe { self.is_volatile(node) || look(node, ptr::from_mut(self).cast()) }
    }

    unsafe fn is_volatile(&mut self, node: *mut pg_sys::Node) -> bool {
        // SAFETY: nodes of the level.
        let volatile = unsafe { pg_sys::contain_volatile_functions(node) };
        if volatile {
            self.found = Some("a volatile function".into());
        }
        volatile
    }

    /// Looks at what another level owns.
    fn at(
        &mut self,
        root: *const pg_sys::PlannerInfo,
        look: impl FnOnce(&mut Self) -> bool,
    ) -> bool {
        let around = (self.root, self.depth);
        (self.root, self.depth) = (root, 0);
        let done = look(self);
        (self.root, self.depth) = around;
        done
    }

    /// Looks at the query of another level.
    unsafe fn level(
        &mut self,
        root: *const pg_sys::PlannerInfo,
        query: *mut pg_sys::Query,
    ) -> bool {
        // SAFETY: a valid query, that of `root`.
        self.at(root, |search| unsafe { search.is_volatile(query.cast()) || search.query(query) })
    }

    /// Looks at what is in a query.
    unsafe fn query(&mut self, query: *mut pg_sys::Query) -> bool {
        const FLAGS: i32 = pg_sys::QTW_EXAMINE_RTES_BEFORE as i32;
        // SAFETY: a valid query.
        unsafe {
            if !(*query).rowMarks.is_null() {
                self.found = Some("a subquery that locks rows".into());
                return true;
            }
            pg_sys::query_tree_walker(query, Some(look), ptr::from_mut(self).cast(), FLAGS)
        }
    }

    /// Looks at the common table expression that `entry` reads, if that is one of a level
    /// around.
    unsafe fn table(&mut self, entry: &pg_sys::RangeTblEntry) -> bool {
        if entry.rtekind != pg_sys::RTEKind::RTE_CTE || entry.ctelevelsup < self.depth {
            return false;
        }
        // SAFETY: the levels around one that is being planned are valid.
        unsafe {
            let levels_up = entry.ctelevelsup - self.depth;
            let Some((root, query)) = table_of(self.root, levels_up, entry.ctename) else {
                return false;
            };
            if self.tables.contains(&query) {
                return false;
            }
            self.tables.push(query);
            // Its own columns and tables are one level further down.
            self.at(root, |search| search.expression(query.cast()))
        }
    }
}

/// A tree walker, done when something is found.
#[pg_guard]
unsafe extern "C-unwind" fn look(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: nodes of a valid tree and a `Search`, by the walkers' contract.
    unsafe {
        let search = &mut *context.cast::<Search>();
        match tag(node) {
            NodeTag::T_Invalid => false,
            NodeTag::T_RangeTblEntry => search.table(&*node.cast::<pg_sys::RangeTblEntry>()),
            NodeTag::T_Query => {
                search.depth += 1;
                let done = search.query(node.cast());
                search.depth -= 1;
                done
            }
            NodeTag::T_SubPlan => {
                let number = (*node.cast::<pg_sys::SubPlan>()).plan_id;
                // The levels of all subqueries that have become plans, counted from 1.
                let level = usize::try_from(number).ok().and_then(|number| {
                    iter::<pg_sys::PlannerInfo>((*(*search.root).glob).subroots)
                        .nth(number.checked_sub(1)?)
                });
                level.is_some_and(|level| search.level(level, (*level).parse))
                    || pg_sys::expression_tree_walker(node, Some(look), context)
            }
            _ => pg_sys::expression_tree_walker(node, Some(look), context),
        }
    }
}

/// The query of the common table expression that `entry` reads, and the level that has it.
///
/// # Safety
///
/// `entry` is one of the level that `root` plans.
pub unsafe fn common_table_query(
    root: *const pg_sys::PlannerInfo,
    entry: *const pg_sys::RangeTblEntry,
) -> Option<(*const pg_sys::PlannerInfo, *mut pg_sys::Query)> {
    // SAFETY: the caller's promise.
    unsafe {
        let reads = (*entry).rtekind == pg_sys::RTEKind::RTE_CTE && !(*entry).self_reference;
        reads.then(|| table_of(root, (*entry).ctelevelsup, (*entry).ctename)).flatten()
    }
}

/// The common table expression of a name, looked for as `set_cte_pathlist` in allpaths.c
/// does.
unsafe fn table_of(
    root: *const pg_sys::PlannerInfo,
    levels_up: pg_sys::Index,
    name: *const std::ffi::c_char,
) -> Option<(*const pg_sys::PlannerInfo, *mut pg_sys::Query)> {
    // SAFETY: the planner's structures are valid; names are C strings.
    unsafe {
        let mut level = root;
        for _ in 0..levels_up {
            level = (*level).parent_root;
            if level.is_null() {
                return None;
            }
        }
        let name = CStr::from_ptr(name);
        iter::<pg_sys::CommonTableExpr>((*(*level).parse).cteList)
            .find(|table| CStr::from_ptr((**table).ctename) == name)
            .map(|table| (level, (*table).ctequery.cast()))
    }
}
