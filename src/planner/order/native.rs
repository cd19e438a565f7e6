//! PostgreSQL's own plan of the statement, and in which order rows move in it.
//!
//! What a float sum or an `array_agg` gives depends on the order of its rows. Where
//! PostgreSQL would compute it over rows of one process, that order is PostgreSQL's
//! answer, the same at every run; where a Gather shuffles the rows of several
//! processes, it has none. Which of both it is only the finished plan tells: so where
//! that matters, the statement is planned once more, without us, and the plan is looked
//! at and thrown away.

use super::facts::facts;
use super::follows;
use super::known::{Native, Scan, Statement};
use super::scans::scan_of_plan;
use crate::nodes::{cast, copy, iter, tag};
use crate::planner::previous::run_planner;
use crate::planner::state;
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::c_int;
use std::ptr;
use std::rc::Rc;

/// PostgreSQL's own plan of the statement under way, made when it is asked for first.
///
/// # Safety
///
/// Runs in a backend's main thread, in a planner call.
pub unsafe fn native() -> Rc<Native> {
    // SAFETY: the caller's promise.
    state::native(|statement| unsafe { plan(statement) })
}

unsafe fn plan(statement: Statement) -> Native {
    let Statement { query, text, options, params } = statement;
    // SAFETY: a query of its own; all that planning leaves is in a context of its own.
    unsafe {
        let facts = state::facts(|_| facts(query));
        let outer = pg_sys::CurrentMemoryContext;
        let own = pg_sys::AllocSetContextCreateInternal(
            outer,
            c"pg_fusion native plan".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
        );
        pg_sys::CurrentMemoryContext = own;
        let state = state::enter(false, false, None);
        let plan = run_planner(copy(query), text, options, params);
        drop(state);
        let mut walk = Walk {
            rtable: (*plan).rtable,
            // An order that a subquery asks for is one that PostgreSQL keeps.
            sorts_matter: facts.orders_subquery,
            shows_first: facts.shows_first,
            groupings: 0,
            ordered: 0,
            native: Native::default(),
        };
        for plan in iter::<pg_sys::Plan>((*plan).subplans).chain([(*plan).planTree]) {
            walk.visit(plan, false);
        }
        walk.native.shuffled = walk.groupings > 0 && walk.ordered == 0;
        walk.native.shows_leaf_order |= shows_leaf_order((*plan).planTree);
        pg_sys::CurrentMemoryContext = outer;
        pg_sys::MemoryContextDelete(own);
        walk.native
    }
}

/// Looks for groupings in a plan.
struct Walk {
    rtable: *mut pg_sys::List,
    sorts_matter: bool,
    /// A grouping may show columns of its first rows.
    shows_first: bool,
    groupings: usize,
    /// Those whose rows come in an order that timing does not decide.
    ordered: usize,
    native: Native,
}

impl Walk {
    /// Looks at `plan`, which may run in several processes if it is `below_gather`.
    unsafe fn visit(&mut self, plan: *mut pg_sys::Plan, below_gather: bool) {
        // SAFETY: NULL or a valid plan.
        unsafe {
            let gathers = matches!(tag(plan), NodeTag::T_Gather | NodeTag::T_GatherMerge);
            let children = children(plan);
            children.into_iter().for_each(|child| self.visit(child, below_gather || gathers));
            // What a process gets of a scan that several share, timing decides.
            if below_gather && is_shared(plan) {
                return;
            }
            match tag(plan) {
                NodeTag::T_Agg => {
                    let agg = &*plan.cast::<pg_sys::Agg>();
                    // The other half of a grouping in two halves is the one that counts.
                    let partial = pg_sys::AGGSPLITOP_SKIPFINAL as pg_sys::AggSplit::Type;
                    let keys = (agg.grpColIdx.cast_const(), agg.numCols);
                    if agg.aggsplit & partial == 0
                        && (follows::calls_follow(plan)
                            || keys_follow(plan, keys)
                            || (self.shows_first && shows_more(plan, keys)))
                    {
                        let sorted = !matches!(
                            agg.aggstrategy,
                            pg_sys::AggStrategy::AGG_PLAIN | pg_sys::AggStrategy::AGG_HASHED
                        );
                        self.grouping(plan, agg.numCols > 0, sorted);
                    }
                }
                NodeTag::T_Group => {
                    let group = &*plan.cast::<pg_sys::Group>();
                    let keys = (group.grpColIdx.cast_const(), group.numCols);
                    if keys_follow(plan, keys) || (self.shows_first && shows_more(plan, keys)) {
                        self.grouping(plan, true, true);
                    }
                }
                NodeTag::T_Unique => {
                    let unique = &*plan.cast::<pg_sys::Unique>();
                    if keys_follow(plan, (unique.uniqColIdx, unique.numCols)) {
                        self.grouping(plan, true, true);
                    }
                }
                NodeTag::T_SetOp => self.grouping(plan, true, true),
                NodeTag::T_Limit => {
                    // A sort right below is the query's own, if no subquery has one.
                    let input = (*plan).lefttree;
                    let sorts = matches!(
                        tag(input),
                        NodeTag::T_Sort | NodeTag::T_IncrementalSort | NodeTag::T_GatherMerge
                    );
                    let own = sorts && !self.sorts_matter;
                    self.native.shows_leaf_order |= !own && shows_leaf_order(input);
                }
                // Shows every row, and no value for several.
                NodeTag::T_WindowAgg => {
                    self.groupings += 1;
                    self.ordered += usize::from(!shuffled(plan, !self.sorts_matter));
                }
                _ => {}
            }
        }
    }

    /// A grouping, by keys or not; `sorted` says whether it needs its rows sorted.
    unsafe fn grouping(&mut self, plan: *mut pg_sys::Plan, keys: bool, sorted: bool) {
        self.groupings += 1;
        // SAFETY: a valid plan with an input.
        unsafe {
            // Rows that are equal to a sort for the grouping come as they went in.
            let through_sorts = keys && !self.sorts_matter;
            if shuffled(plan, through_sorts) {
                return;
            }
            self.ordered += 1;
            let as_it_comes = |scan: &Scan| !(sorted && scan.is_sort());
            match scan_of_plan((*plan).lefttree, self.rtable).filter(as_it_comes) {
                Some(scan) => self.native.scans.push(scan),
                None => self.native.sorted = true,
            }
        }
    }
}

/// Whether there is a node in `plan` that several processes share.
unsafe fn is_shared(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: NULL or a valid plan.
    unsafe {
        !plan.is_null()
            && ((*plan).parallel_aware || children(plan).into_iter().any(|child| is_shared(child)))
    }
}

/// Whether equal values of a column that `plan` groups by can look different. `columns` are
/// those of its input, counted from 1.
unsafe fn keys_follow(
    plan: *const pg_sys::Plan,
    (columns, count): (*const pg_sys::AttrNumber, c_int),
) -> bool {
    // SAFETY: a valid plan that groups by these columns of its input.
    unsafe {
        let targets = iter::<pg_sys::TargetEntry>((*(*plan).lefttree).targetlist);
        (0..usize::try_from(count).unwrap_or(0)).any(|index| {
            let column = *columns.add(index);
            let target = targets.clone().find(|target| (**target).resno == column);
            target.is_none_or(|target| !follows::is_alike((*target).expr.cast()))
        })
    }
}

/// Whether `plan` shows columns of its input besides those that it groups by.
unsafe fn shows_more(
    plan: *const pg_sys::Plan,
    (columns, count): (*const pg_sys::AttrNumber, c_int),
) -> bool {
    const FLAGS: u32 = pg_sys::PVC_INCLUDE_AGGREGATES | pg_sys::PVC_RECURSE_PLACEHOLDERS;
    // SAFETY: a valid plan that groups by these columns of its input.
    unsafe {
        let keys = (0..usize::try_from(count).unwrap_or(0)).map(|index| *columns.add(index));
        [(*plan).targetlist, (*plan).qual].into_iter().any(|list| {
            iter::<pg_sys::Node>(pg_sys::pull_var_clause(list.cast(), FLAGS as c_int))
                .filter_map(|part| cast::<pg_sys::Var, _>(part))
                .any(|var| !keys.clone().any(|key| key == var.varattno))
        })
    }
}

/// The plans below `plan`.
unsafe fn children(plan: *mut pg_sys::Plan) -> Vec<*mut pg_sys::Plan> {
    // SAFETY: NULL or a valid plan.
    unsafe {
        if plan.is_null() {
            return Vec::new();
        }
        let mut children = vec![(*plan).lefttree, (*plan).righttree];
        match tag(plan) {
            NodeTag::T_SubqueryScan => {
                children.push((*plan.cast::<pg_sys::SubqueryScan>()).subplan);
            }
            NodeTag::T_Append => {
                children.extend(iter((*plan.cast::<pg_sys::Append>()).appendplans));
            }
            NodeTag::T_MergeAppend => {
                children.extend(iter((*plan.cast::<pg_sys::MergeAppend>()).mergeplans));
            }
            NodeTag::T_CustomScan => {
                children.extend(iter((*plan.cast::<pg_sys::CustomScan>()).custom_plans));
            }
            _ => {}
        }
        children.retain(|child| !child.is_null());
        children
    }
}

/// Whether timing decides the order of the rows that `plan` gives, or of those that
/// its sum is made of. `through_sorts` says whether that of rows that are equal to
/// a sort is one, too.
unsafe fn shuffled(plan: *mut pg_sys::Plan, through_sorts: bool) -> bool {
    // SAFETY: NULL or a valid plan.
    unsafe {
        let input = || match plan.is_null() {
            true => ptr::null_mut(),
            false => (*plan).lefttree,
        };
        match tag(plan) {
            NodeTag::T_Gather => {
                let gather = &*plan.cast::<pg_sys::Gather>();
                gather.num_workers > 0 && !gather.single_copy
            }
            NodeTag::T_GatherMerge => through_sorts,
            NodeTag::T_Sort | NodeTag::T_IncrementalSort => {
                through_sorts && shuffled(input(), true)
            }
            NodeTag::T_Agg => {
                // Partial results of several processes are put together as they come.
                let split = (*plan.cast::<pg_sys::Agg>()).aggsplit;
                split & pg_sys::AGGSPLITOP_COMBINE as pg_sys::AggSplit::Type != 0
                    || shuffled(input(), through_sorts)
            }
            // The outer side of a join leads.
            NodeTag::T_NestLoop | NodeTag::T_HashJoin | NodeTag::T_MergeJoin => {
                shuffled(input(), false)
            }
            NodeTag::T_Result
            | NodeTag::T_ProjectSet
            | NodeTag::T_Material
            | NodeTag::T_Memoize
            | NodeTag::T_Group
            | NodeTag::T_Unique
            | NodeTag::T_SetOp
            | NodeTag::T_WindowAgg
            | NodeTag::T_LockRows
            | NodeTag::T_Limit => shuffled(input(), through_sorts),
            NodeTag::T_SubqueryScan | NodeTag::T_Append => {
                children(plan).into_iter().any(|child| shuffled(child, through_sorts))
            }
            _ => false,
        }
    }
}

/// Whether the rows of `plan` come in an order that somebody asked for below the query's
/// own ORDER BY, or in that of a function or list.
unsafe fn shows_leaf_order(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: NULL or a valid plan.
    unsafe {
        match tag(plan) {
            NodeTag::T_Sort
            | NodeTag::T_IncrementalSort
            | NodeTag::T_GatherMerge
            | NodeTag::T_MergeAppend
            | NodeTag::T_IndexScan
            | NodeTag::T_IndexOnlyScan
            | NodeTag::T_FunctionScan
            | NodeTag::T_TableFuncScan
            | NodeTag::T_ValuesScan
            | NodeTag::T_CteScan
            | NodeTag::T_WorkTableScan
            | NodeTag::T_NamedTuplestoreScan => true,
            NodeTag::T_NestLoop
            | NodeTag::T_HashJoin
            | NodeTag::T_MergeJoin
            | NodeTag::T_Result
            | NodeTag::T_ProjectSet
            | NodeTag::T_Material
            | NodeTag::T_Memoize
            | NodeTag::T_ModifyTable
            | NodeTag::T_Limit => shows_leaf_order((*plan).lefttree),
            NodeTag::T_SubqueryScan | NodeTag::T_Append => {
                children(plan).into_iter().any(|child| shows_leaf_order(child))
            }
            _ => false,
        }
    }
}
