//! A fragment: the planner's note of how a relation set can be computed in the
//! engine, and at what cost.
//!
//! Fragments are trees that share their inputs. They name PostgreSQL's own
//! nodes, all of which live as long as the planner call; the fusion plan is
//! only built from the fragment that wins.

use super::cost::Cost;
use super::outputs::Outputs;
use crate::nodes;
use fusion_plan::{AggregateFunction, JoinKind};
use pgrx::pg_sys::{self, NodeTag};
use std::rc::Rc;

/// One way to compute a relation in the engine.
pub struct Fragment {
    /// What it does.
    pub kind: Kind,
    /// Estimated number of rows.
    pub rows: f64,
    /// Cost of having all rows in the engine.
    pub cost: Cost,
    /// Number of leaves.
    pub leaf_count: usize,
    /// Conditions that the engine cannot evaluate, to be checked by PostgreSQL
    /// on the result. A fragment with pending conditions is not joined further,
    /// aggregated, ordered or cut.
    pub pending: Vec<*mut pg_sys::Node>,
}

/// What a fragment does.
pub enum Kind {
    /// Rows of a PostgreSQL path.
    Leaf(Leaf),
    /// A join of two fragments.
    Join(JoinFragment),
    /// Grouping.
    Aggregate(AggregateFragment),
    /// Ordering.
    Sort(SortFragment),
    /// LIMIT and OFFSET.
    Limit(LimitFragment),
}

/// A leaf: any PostgreSQL path.
#[derive(Clone)]
pub struct Leaf {
    /// The path, with the leaf's own target list. Its expressions, in order,
    /// are the leaf's columns, and after them those that only the feed reads.
    pub path: *mut pg_sys::Path,
    /// The relation it computes, and the paths that it can be made of.
    pub sources: Sources,
    /// Clauses that the engine evaluates instead of the leaf, in evaluation
    /// order.
    pub filters: Vec<*mut pg_sys::Node>,
    /// Clauses that the feed evaluates instead of the leaf, in evaluation order.
    pub feed_filters: Vec<*mut pg_sys::Node>,
    /// How many of the path's columns, the last ones, only the feed reads.
    pub hidden: usize,
    /// Rows that are fed: before the engine's filters.
    pub fed_rows: f64,
    /// Rows that the path gives: before the feed's filters.
    pub path_rows: f64,
    /// Parallel workers that may feed it, too; 0 if the path is none that several
    /// processes can share.
    pub workers: i32,
    /// The number of processes that share its rows, the leader counting for what
    /// PostgreSQL thinks it has time for (`get_parallel_divisor` in costsize.c); 1 without workers.
    pub shares: f64,
    /// The leaf that one process feeds, in its order, if this is none.
    pub alone: Option<Rc<Fragment>>,
}

/// The cheapest paths of a relation, PostgreSQL's own and without parameters: what
/// every leaf of the relation is made of.
///
/// They are copies of their top nodes: `add_path` frees a path that a better one
/// pushes out, and a path of ours may do that to the very one it reads from.
#[derive(Clone, Copy)]
pub struct Sources {
    /// The relation.
    pub rel: *mut pg_sys::RelOptInfo,
    /// The path for one process.
    pub serial: *mut pg_sys::Path,
    /// The path that several processes can share, if there is one.
    pub partial: Option<*mut pg_sys::Path>,
}

impl Sources {
    /// The number of rows that all processes together get.
    pub fn rows(&self) -> f64 {
        // SAFETY: paths of the planner call under way.
        unsafe { (*self.serial).rows }
    }
}

/// A join.
#[derive(Clone)]
pub struct JoinFragment {
    /// The kind.
    pub kind: JoinKind,
    /// One side; for an outer join the one whose rows all stay, for a semi or
    /// anti join the one whose rows are the result.
    pub left: Rc<Fragment>,
    /// The other side.
    pub right: Rc<Fragment>,
    /// The relations of the sides.
    pub relids: (pg_sys::Relids, pg_sys::Relids),
    /// Equality clauses.
    pub keys: Vec<JoinKey>,
    /// Other clauses of the join.
    pub residual: Vec<*mut pg_sys::Node>,
    /// Clauses on the join's result.
    pub above: Vec<*mut pg_sys::Node>,
}

/// An equality between the two sides of a join.
#[derive(Clone, Copy)]
pub struct JoinKey {
    /// The operand over the left side.
    pub left: *mut pg_sys::Node,
    /// The operand over the right side.
    pub right: *mut pg_sys::Node,
    /// The function of the equality operator.
    pub function: pg_sys::Oid,
}

/// Grouping and aggregation.
pub struct AggregateFragment {
    /// What is grouped.
    pub input: Rc<Fragment>,
    /// Group key expressions.
    pub groups: Vec<*mut pg_sys::Node>,
    /// The functions that say when keys are equal, which whoever runs the plan must be
    /// allowed to execute (`ExecBuildGroupingEqual` in execExpr.c).
    pub equalities: Vec<pg_sys::Oid>,
    /// The aggregate calls, each once.
    pub aggregates: Vec<*mut pg_sys::Aggref>,
    /// Columns that are neither keys nor arguments, and what a group shows of them.
    pub shown: Vec<(AggregateFunction, *mut pg_sys::Node)>,
    /// Conjuncts of HAVING that the engine evaluates.
    pub having: Vec<*mut pg_sys::Node>,
    /// The columns: keys, then calls, then what is shown.
    pub columns: Outputs,
    /// Whether the input's rows must come in the order of its leaves.
    pub in_order: bool,
}

/// Ordering.
pub struct SortFragment {
    /// What is ordered.
    pub input: Rc<Fragment>,
    /// The keys.
    pub keys: Vec<SortItem>,
    /// Number of rows needed, if known.
    pub fetch: Option<u64>,
    /// Expressions over the input that are computed for all of its rows.
    pub computed: Vec<*mut pg_sys::Node>,
}

/// One key of ORDER BY.
#[derive(Clone, Copy)]
pub struct SortItem {
    /// The expression.
    pub expr: *mut pg_sys::Node,
    /// Largest first.
    pub descending: bool,
    /// NULLs first.
    pub nulls_first: bool,
}

/// LIMIT and OFFSET, constants.
pub struct LimitFragment {
    /// What is cut.
    pub input: Rc<Fragment>,
    /// Rows to skip.
    pub offset: Option<i64>,
    /// Rows to return.
    pub count: Option<i64>,
}

impl Leaf {
    /// The path of PostgreSQL's that gives a leaf its rows.
    pub fn scan(&self) -> *const pg_sys::Path {
        let mut path = self.path;
        // SAFETY: every leaf's path is a projection of a path of its relation.
        unsafe {
            while nodes::tag(path) == NodeTag::T_ProjectionPath {
                path = (*path.cast::<pg_sys::ProjectionPath>()).subpath;
            }
        }
        path
    }
}

impl Fragment {
    /// The leaves, left to right: the order of the plan's feeds.
    pub fn leaves(&self) -> Vec<&Leaf> {
        let mut leaves = Vec::new();
        self.collect_leaves(&mut leaves);
        leaves
    }

    fn collect_leaves<'a>(&'a self, leaves: &mut Vec<&'a Leaf>) {
        match &self.kind {
            Kind::Leaf(leaf) => leaves.push(leaf),
            Kind::Join(join) => {
                join.left.collect_leaves(leaves);
                join.right.collect_leaves(leaves);
            }
            Kind::Aggregate(aggregate) => aggregate.input.collect_leaves(leaves),
            Kind::Sort(sort) => sort.input.collect_leaves(leaves),
            Kind::Limit(limit) => limit.input.collect_leaves(leaves),
        }
    }

    /// Parallel workers that the leaves could use.
    pub fn workers(&self) -> i32 {
        self.leaves().iter().map(|leaf| leaf.workers).max().unwrap_or(0)
    }

    /// Whether its rows come in the order of a leaf that one process feeds.
    pub fn keeps_order(&self) -> bool {
        match &self.kind {
            Kind::Leaf(leaf) => leaf.workers == 0,
            Kind::Limit(limit) => limit.input.keeps_order(),
            Kind::Join(_) | Kind::Aggregate(_) | Kind::Sort(_) => false,
        }
    }

    /// The same of leaves and joins, with each leaf fed by one process.
    pub fn in_order(self: &Rc<Self>) -> Rc<Self> {
        match &self.kind {
            Kind::Leaf(leaf) => leaf.alone.clone().unwrap_or_else(|| self.clone()),
            Kind::Join(join) if self.workers() > 0 => {
                let (left, right) = (join.left.in_order(), join.right.in_order());
                let mut cost = self.cost;
                for (new, old) in [(&left, &join.left), (&right, &join.right)] {
                    cost.startup += new.cost.startup - old.cost.startup;
                    cost.total += new.cost.total - old.cost.total;
                }
                Rc::new(Fragment {
                    kind: Kind::Join(JoinFragment { left, right, ..join.clone() }),
                    rows: self.rows,
                    cost,
                    leaf_count: self.leaf_count,
                    pending: self.pending.clone(),
                })
            }
            _ => self.clone(),
        }
    }

    /// Whether the engine does anything in it but pass rows on.
    pub fn does_something(&self) -> bool {
        !matches!(&self.kind, Kind::Leaf(leaf) if leaf.filters.is_empty())
    }
}
