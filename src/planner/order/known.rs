//! What is known in a planner call of the order of rows: plain data.

use crate::nodes::{copy, iter};
use pgrx::pg_sys::{self, NodeTag};
use std::ffi::c_char;
use std::ffi::c_int;

/// The statement that a planner call plans, as it came.
#[derive(Clone, Copy)]
pub struct Statement {
    /// As the planner hook got it.
    pub query: *mut pg_sys::Query,
    /// As the planner hook got it.
    pub text: *const c_char,
    /// As the planner hook got it.
    pub options: c_int,
    /// As the planner hook got it.
    pub params: pg_sys::ParamListInfo,
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
    pub sorted: bool,
    /// What groupings read in the order of one process's scan.
    pub scans: Vec<Scan>,
    /// The rows of the result, or those that a LIMIT cuts off, come in the order of a leaf
    /// that has one.
    pub shows_leaf_order: bool,
}

/// A scan, by what decides the order of its rows: the kind of its plan node, what it
/// reads, and the scans that it appends to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// The kind of plan node.
    pub kind: NodeTag,
    /// The table, if it reads one.
    pub relation: pg_sys::Oid,
    /// The index, if it reads one.
    pub index: pg_sys::Oid,
    /// Whether it reads the index backwards.
    pub backward: bool,
    /// The scans that it appends to each other.
    pub inputs: Vec<Scan>,
}

impl Scan {
    /// A scan of `relation` without an index.
    pub fn new(kind: NodeTag, relation: pg_sys::Oid) -> Self {
        let (index, inputs) = (pg_sys::Oid::INVALID, Vec::new());
        Self { kind, relation, index, backward: false, inputs }
    }

    /// Whether it is a sort.
    pub fn is_sort(&self) -> bool {
        matches!(self.kind, NodeTag::T_Sort | NodeTag::T_IncrementalSort)
    }

    /// Whether `other` may be another way to read what this one reads.
    pub fn may_be(&self, other: &Self) -> bool {
        let overlaps = || {
            let relations = other.relations();
            self.relations().iter().any(|relation| relations.contains(relation))
        };
        self.is_sort() || other.is_sort() || overlaps()
    }

    fn relations(&self) -> Vec<pg_sys::Oid> {
        let below = self.inputs.iter().flat_map(Self::relations);
        std::iter::once(self.relation).chain(below).filter(|r| *r != pg_sys::Oid::INVALID).collect()
    }
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
    /// How many queries are around what is looked at, while the tree is read.
    pub depth: usize,
}

/// What is done with the rows of a query level, and of what is in it.
#[derive(Clone, Copy, Default)]
pub struct Level {
    /// A value follows the order of the rows that its joins give.
    pub joined: bool,
    /// A value follows the order of those that its grouping gives.
    pub grouped: bool,
    /// A value follows the order of its result.
    pub result: bool,
    /// Its result shows the order of what its joins give, and so does the statement's, or
    /// it is cut off.
    pub shown: bool,
    /// Not all that its joins give may be read.
    pub stops_joined: bool,
    /// Not all that its grouping gives may be read.
    pub stops_grouped: bool,
}
