//! PostgreSQL's own plan of the statement, and in which order rows move in it.
//!
//! What a float sum or an `array_agg` gives depends on the order of its rows. Where
//! PostgreSQL would compute it over rows of one process, that order is PostgreSQL's
//! answer, the same at every run; where a Gather shuffles the rows of several
//! processes, it has none. Which of both it is only the finished plan tells: so where
//! that matters, the statement is planned once more, without us, and the plan is looked
//! at and thrown away.

use super::dependence::shows_first;
use super::fragment::Kind;
use super::{leaf, path, row_order, run_planner, state};
use crate::nodes::{cast, copy, iter, tag};
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::rc::Rc;

/// The statement that a planner call plans, as it came.
#[derive(Clone, Copy)]
pub struct Statement {
    query: *mut pg_sys::Query,
    text: *const c_char,
    options: c_int,
    params: pg_sys::ParamListInfo,
}

impl Statement {
    /// Whether a value of `query` may follow the order of rows: one that reads nothing but
    /// tables, and groups nothing, has none.
    ///
    /// # Safety
    ///
    /// `query` is a valid query.
    pub unsafe fn may_follow_order(query: *const pg_sys::Query) -> bool {
        use pg_sys::RTEKind as R;
        // SAFETY: the caller's promise.
        unsafe {
            let query = &*query;
            query.hasAggs
                || query.hasWindowFuncs
                || query.hasSubLinks
                || !query.groupClause.is_null()
                || !query.distinctClause.is_null()
                || !query.setOperations.is_null()
                || !query.cteList.is_null()
                || iter::<pg_sys::RangeTblEntry>(query.rtable)
                    .any(|entry| !matches!((*entry).rtekind, R::RTE_RELATION | R::RTE_JOIN))
        }
    }

    /// A copy of the arguments of a planner call, which edits its query.
    ///
    /// # Safety
    ///
    /// They are those of `planner_hook`.
    pub unsafe fn new(
        query: *const pg_sys::Query,
        text: *const c_char,
        options: c_int,
        params: pg_sys::ParamListInfo,
    ) -> Self {
        // SAFETY: the caller's promise. Without an identifier, no extension that
        // counts planner calls counts ours.
        unsafe {
            let query = copy(query);
            (*query).queryId = Default::default();
            Self { query, text, options, params }
        }
    }
}

/// What is known of the order of rows in PostgreSQL's own plan.
#[derive(Default)]
pub struct Native {
    /// There is a grouping that follows the order of rows, and timing decides that of each
    /// such grouping.
    pub shuffled: bool,
    /// A grouping follows an order that only a sort or a join knows.
    sorted: bool,
    /// What groupings read in the order of one process's scan.
    scans: Vec<Scan>,
    /// The rows of the result, or those that a LIMIT cuts off, come in the order of a leaf
    /// that has one.
    pub shows_leaf_order: bool,
}

/// A scan, by what decides the order of its rows: the kind of its plan node, what it
/// reads, and the scans that it appends to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    kind: NodeTag,
    relation: pg_sys::Oid,
    index: pg_sys::Oid,
    backward: bool,
    inputs: Vec<Scan>,
}

impl Scan {
    fn new(kind: NodeTag, relation: pg_sys::Oid) -> Self {
        let (index, inputs) = (pg_sys::Oid::INVALID, Vec::new());
        Self { kind, relation, index, backward: false, inputs }
    }

    fn is_sort(&self) -> bool {
        matches!(self.kind, NodeTag::T_Sort | NodeTag::T_IncrementalSort)
    }

    /// Whether `other` may be another way to read what this one reads.
    fn may_be(&self, other: &Self) -> bool {
        let overlaps = || {
            let relations = other.relations();
            self.relations().iter().any(|relation| relations.contains(relation))
        };
        self.is_sort() || other.is_sort() || overlaps()
    }

    fn relations(&self) -> Vec<pg_sys::Oid> {
        let below = self.inputs.iter().flat_map(Self::relations);
        std::iter::once(self.relation).chain(below).filter(|r| *r != none()).collect()
    }
}

impl Native {
    /// Whether PostgreSQL groups the rows of the scan that `path` is as they come, and
    /// nowhere what the scan reads in another order.
    ///
    /// # Safety
    ///
    /// `path` is a path without parameters of the query level that `root` plans.
    pub unsafe fn groups_as_scanned(
        &self,
        root: *const pg_sys::PlannerInfo,
        path: *const pg_sys::Path,
    ) -> bool {
        // SAFETY: the caller's promise.
        let scan = unsafe { scan_of_path(root, path) };
        !self.sorted
            && scan.is_some_and(|scan| {
                self.scans.contains(&scan)
                    && self.scans.iter().all(|other| *other == scan || !other.may_be(&scan))
            })
    }
}

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

/// What the query tree of the statement under way says.
///
/// # Safety
///
/// Runs in a backend's main thread, in a planner call.
pub unsafe fn tree() -> Facts {
    // SAFETY: the caller's promise.
    state::facts(|statement| unsafe { facts(statement.query) })
}

/// What the query tree of a statement says.
#[derive(Clone, Copy, Default)]
pub struct Facts {
    /// A subquery has an ORDER BY.
    pub orders_subquery: bool,
    /// A subquery reads a function or a list.
    pub lists_in_subquery: bool,
    /// There is an `ARRAY(SELECT ...)`.
    pub makes_array: bool,
    /// A group shows its first row's value of a column.
    pub shows_first: bool,
    depth: usize,
}

/// Whether a relation has an order of its own: that of a function or a list.
///
/// # Safety
///
/// `entry` is a valid range table entry.
pub unsafe fn has_order(entry: *mut pg_sys::RangeTblEntry) -> bool {
    use pg_sys::RTEKind as R;
    // SAFETY: the caller's promise.
    let kind = unsafe { (*entry).rtekind };
    matches!(kind, R::RTE_FUNCTION | R::RTE_TABLEFUNC | R::RTE_VALUES | R::RTE_NAMEDTUPLESTORE)
}

unsafe fn facts(query: *mut pg_sys::Query) -> Facts {
    unsafe extern "C-unwind" fn look(node: *mut pg_sys::Node, facts: *mut c_void) -> bool {
        // SAFETY: called by PostgreSQL's walkers with nodes of a valid tree, and with
        // what was given to them.
        unsafe {
            let known = &mut *facts.cast::<Facts>();
            match tag(node) {
                NodeTag::T_Invalid => false,
                NodeTag::T_Query => {
                    let query: *mut pg_sys::Query = node.cast();
                    if known.depth > 0 {
                        known.orders_subquery |= !(*query).sortClause.is_null();
                        known.lists_in_subquery |=
                            iter((*query).rtable).any(|entry| has_order(entry));
                    }
                    known.shows_first |= shows_first(query);
                    known.depth += 1;
                    pg_sys::query_tree_walker(query, Some(look), facts, 0);
                    (*facts.cast::<Facts>()).depth -= 1;
                    false
                }
                NodeTag::T_SubLink => {
                    let link: *mut pg_sys::SubLink = node.cast();
                    known.makes_array |= (*link).subLinkType == pg_sys::SubLinkType::ARRAY_SUBLINK;
                    pg_sys::expression_tree_walker(node, Some(look), facts)
                }
                _ => pg_sys::expression_tree_walker(node, Some(look), facts),
            }
        }
    }
    let mut facts = Facts::default();
    // SAFETY: a valid query.
    unsafe { look(query.cast(), (&raw mut facts).cast()) };
    facts
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
                        && (row_order::calls_follow(plan)
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
            target.is_none_or(|target| !row_order::is_alike((*target).expr.cast()))
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

/// The scan whose order the rows of `plan` have, if it is one.
unsafe fn scan_of_plan(plan: *mut pg_sys::Plan, rtable: *const pg_sys::List) -> Option<Scan> {
    // SAFETY: a valid plan of a statement with this range table.
    unsafe {
        let kind = tag(plan);
        let relation = || {
            let number = (*plan.cast::<pg_sys::Scan>()).scanrelid as usize;
            let mut entries = iter::<pg_sys::RangeTblEntry>(rtable);
            number
                .checked_sub(1)
                .and_then(|index| entries.nth(index))
                .map_or(none(), |e| (*e).relid)
        };
        let is_backward = |direction| direction == pg_sys::ScanDirection::BackwardScanDirection;
        Some(match kind {
            NodeTag::T_Result | NodeTag::T_Limit if !(*plan).lefttree.is_null() => {
                return scan_of_plan((*plan).lefttree, rtable);
            }
            NodeTag::T_SubqueryScan => {
                return scan_of_plan((*plan.cast::<pg_sys::SubqueryScan>()).subplan, rtable);
            }
            NodeTag::T_IndexScan => {
                let node = &*plan.cast::<pg_sys::IndexScan>();
                if !node.indexorderby.is_null() {
                    return None;
                }
                let backward = is_backward(node.indexorderdir);
                Scan { index: node.indexid, backward, ..Scan::new(kind, relation()) }
            }
            NodeTag::T_IndexOnlyScan => {
                let node = &*plan.cast::<pg_sys::IndexOnlyScan>();
                if !node.indexorderby.is_null() {
                    return None;
                }
                let backward = is_backward(node.indexorderdir);
                Scan { index: node.indexid, backward, ..Scan::new(kind, relation()) }
            }
            NodeTag::T_SeqScan
            | NodeTag::T_SampleScan
            | NodeTag::T_BitmapHeapScan
            | NodeTag::T_TidScan
            | NodeTag::T_TidRangeScan
            | NodeTag::T_ForeignScan => Scan::new(kind, relation()),
            NodeTag::T_Append => {
                let inputs = iter::<pg_sys::Plan>((*plan.cast::<pg_sys::Append>()).appendplans)
                    .map(|input| scan_of_plan(input, rtable))
                    .collect::<Option<_>>()?;
                Scan { inputs, ..Scan::new(kind, none()) }
            }
            NodeTag::T_FunctionScan
            | NodeTag::T_TableFuncScan
            | NodeTag::T_ValuesScan
            | NodeTag::T_CteScan
            | NodeTag::T_NamedTuplestoreScan
            | NodeTag::T_Sort
            | NodeTag::T_IncrementalSort => Scan::new(kind, none()),
            _ => return None,
        })
    }
}

/// The same for a path, which has not become a plan yet.
unsafe fn scan_of_path(
    root: *const pg_sys::PlannerInfo,
    path: *const pg_sys::Path,
) -> Option<Scan> {
    // SAFETY: a valid path of the query level that `root` plans, or of a subquery of it.
    unsafe {
        let kind = (*path).pathtype;
        let rel = (*path).parent;
        let relation = || {
            let number = (*rel).relid as usize;
            let is_base = number > 0 && number < (*root).simple_rel_array_size as usize;
            let entry = is_base.then(|| *(*root).simple_rte_array.add(number))?;
            let is_table = (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION;
            is_table.then(|| (*entry).relid)
        };
        Some(match tag(path) {
            NodeTag::T_ProjectionPath => {
                return scan_of_path(root, (*path.cast::<pg_sys::ProjectionPath>()).subpath);
            }
            NodeTag::T_LimitPath => {
                return scan_of_path(root, (*path.cast::<pg_sys::LimitPath>()).subpath);
            }
            NodeTag::T_SubqueryScanPath => {
                let subpath = (*path.cast::<pg_sys::SubqueryScanPath>()).subpath;
                return scan_of_path((*rel).subroot, subpath);
            }
            NodeTag::T_IndexPath => {
                let index = &*path.cast::<pg_sys::IndexPath>();
                if !index.indexorderbys.is_null() {
                    return None;
                }
                let backward = index.indexscandir == pg_sys::ScanDirection::BackwardScanDirection;
                let scan = Scan::new(kind, relation()?);
                Scan { index: (*index.indexinfo).indexoid, backward, ..scan }
            }
            NodeTag::T_AppendPath => {
                let inputs: Vec<Scan> =
                    iter::<pg_sys::Path>((*path.cast::<pg_sys::AppendPath>()).subpaths)
                        .map(|input| scan_of_path(root, input))
                        .collect::<Option<_>>()?;
                match <[Scan; 1]>::try_from(inputs) {
                    // No plan node is made for one input (`create_append_plan` and
                    // `set_append_references`).
                    Ok([input]) => input,
                    Err(inputs) => Scan { inputs, ..Scan::new(kind, none()) },
                }
            }
            NodeTag::T_Path
            | NodeTag::T_BitmapHeapPath
            | NodeTag::T_TidPath
            | NodeTag::T_TidRangePath
            | NodeTag::T_ForeignPath => Scan::new(kind, relation().unwrap_or(none())),
            // The rows of a leaf of ours, which nobody joins or groups.
            NodeTag::T_CustomPath => {
                let (number, _) = path::private(path.cast())?;
                return match &state::offered(number)?.kind {
                    Kind::Leaf(leaf) if leaf.workers == 0 => scan_of_path(root, leaf::scan(leaf)),
                    _ => None,
                };
            }
            NodeTag::T_SortPath | NodeTag::T_IncrementalSortPath => Scan::new(kind, none()),
            _ => return None,
        })
    }
}

fn none() -> pg_sys::Oid {
    pg_sys::Oid::INVALID
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
