//! Relational operators.

use crate::{Aggregate, DataType, Expr, Literal};
use serde::{Deserialize, Serialize};

/// A node's position in a depth-first walk of the plan, root first: how
/// [`SessionMetrics`](crate::SessionMetrics) refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// One column of a leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Name for EXPLAIN, for example `lineitem.l_quantity`.
    pub name: String,
    /// The type.
    pub ty: DataType,
}

/// What a feed delivers for one leaf.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeafSchema {
    /// Name for EXPLAIN, for example `lineitem`.
    pub name: String,
    /// The columns; there may be none (`count(*)` needs only the number of
    /// rows).
    pub fields: Vec<Field>,
    /// PostgreSQL's estimate of the number of rows.
    pub rows: f64,
}

/// A join's kind. The output is the left columns followed by the right ones,
/// except for semi and anti joins, which output the left ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JoinKind {
    /// Pairs that match.
    Inner,
    /// Pairs that match, and left rows without a match.
    Left,
    /// Pairs that match, and right rows without a match.
    Right,
    /// Pairs that match, and rows of both sides without a match.
    Full,
    /// Left rows with at least one match.
    Semi,
    /// Left rows without a match (`NOT EXISTS`): a NULL key never matches.
    Anti,
    /// Left rows for which `keys NOT IN (right keys)` is true, over those right
    /// rows for which the residual is true: rows that no right row equals, and
    /// none might, as it might where a key is NULL and no other differs. So a
    /// single key that is NULL on the right leaves no row, and one that is NULL
    /// on the left leaves its row only if there is nothing on the right.
    NullAwareAnti,
}

impl JoinKind {
    /// Whether the output holds the right side's columns.
    pub fn outputs_right(self) -> bool {
        !matches!(self, Self::Semi | Self::Anti | Self::NullAwareAnti)
    }
}

/// One side of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side {
    /// The first input.
    Left,
    /// The second input.
    Right,
}

/// A join of two inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Join {
    /// The kind.
    pub kind: JoinKind,
    /// The first input.
    pub left: Box<Rel>,
    /// The second input.
    pub right: Box<Rel>,
    /// Equalities: the first expression is over the left input's columns, the
    /// second over the right's; both have the same type. NULL equals nothing.
    pub keys: Vec<(Expr, Expr)>,
    /// Further join conditions over left columns followed by right columns, in
    /// evaluation order.
    pub residual: Vec<Expr>,
    /// The side PostgreSQL estimates to be the smaller one to hold in memory.
    pub build: Side,
    /// Which of the join's columns to output, as positions in left columns
    /// followed by right columns.
    pub output: Vec<u32>,
    /// PostgreSQL's estimate of the number of output rows.
    pub rows: f64,
}

/// One sort key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SortKey {
    /// What to sort by, ordered as [`Function::Lt`](crate::Function::Lt)
    /// orders it.
    pub expr: Expr,
    /// Largest first.
    pub descending: bool,
    /// NULLs before everything else; otherwise after.
    pub nulls_first: bool,
}

/// Which rows around the current one a window function sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FrameUnits {
    /// `ROWS`.
    Rows,
    /// `RANGE`.
    Range,
    /// `GROUPS`.
    Groups,
}

/// One end of a window frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FrameBound {
    /// `UNBOUNDED PRECEDING`.
    UnboundedPreceding,
    /// `offset PRECEDING`.
    Preceding(Literal),
    /// `CURRENT ROW`.
    CurrentRow,
    /// `offset FOLLOWING`.
    Following(Literal),
    /// `UNBOUNDED FOLLOWING`.
    UnboundedFollowing,
}

/// A window frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowFrame {
    /// What the bounds count.
    pub units: FrameUnits,
    /// The first row of the frame.
    pub start: FrameBound,
    /// The last row of the frame.
    pub end: FrameBound,
}

/// What is computed over a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum WindowFunction {
    /// `row_number()`, `int8`.
    RowNumber,
    /// `rank()`, `int8`.
    Rank,
    /// `dense_rank()`, `int8`.
    DenseRank,
    /// An aggregate over the frame.
    Aggregate(Aggregate),
}

/// One window definition with the functions computed over it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// `PARTITION BY`.
    pub partition_by: Vec<Expr>,
    /// `ORDER BY`.
    pub order_by: Vec<SortKey>,
    /// The frame.
    pub frame: WindowFrame,
    /// The functions, in output order.
    pub functions: Vec<WindowFunction>,
}

/// A relational operator. Unless said otherwise it outputs its input's columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rel {
    /// The rows of leaf number `.0` of the plan.
    Leaf(u32),
    /// Rows for which every predicate is true. A predicate is evaluated only
    /// on rows that the ones before it kept, if it can raise an error.
    Filter {
        /// The rows to filter.
        input: Box<Rel>,
        /// The conjuncts, in evaluation order.
        predicates: Vec<Expr>,
        /// PostgreSQL's estimate of the number of output rows.
        rows: f64,
    },
    /// One output column per expression.
    Project {
        /// The rows to compute from.
        input: Box<Rel>,
        /// The output columns.
        exprs: Vec<Expr>,
    },
    /// A join.
    Join(Join),
    /// The input's rows in the order in which its leaves deliver them: nothing
    /// below spreads over threads.
    InOrder {
        /// The rows.
        input: Box<Rel>,
    },
    /// Grouping: outputs the group keys, then the aggregates. Group keys are
    /// equal as [`Function::Eq`](crate::Function::Eq) says, and NULLs form one
    /// group. Without group keys there is exactly one output row.
    ///
    /// Of equal values that look different
    /// ([`DataType::equals_differ`](crate::DataType::equals_differ)), over a
    /// [`Rel::InOrder`] a group shows the first row's, and `min` and `max` the one
    /// that PostgreSQL's function for the type keeps. Otherwise it is the one whose
    /// bytes are the least, and any of the `bpchar`s that a group shows. Sums of floats are
    /// rounded after each row over a [`Rel::InOrder`], otherwise once.
    Aggregate {
        /// The rows to group.
        input: Box<Rel>,
        /// The group keys.
        groups: Vec<Expr>,
        /// The aggregate calls.
        aggregates: Vec<Aggregate>,
        /// PostgreSQL's estimate of the number of groups.
        rows: f64,
    },
    /// Rows in the order of `keys`; with a limit only the first ones, if the
    /// limit is a constant that fits.
    Sort {
        /// The rows to sort.
        input: Box<Rel>,
        /// The sort keys, most significant first.
        keys: Vec<SortKey>,
        /// Keep only this many rows (offset included).
        fetch: Option<u64>,
    },
    /// `LIMIT count OFFSET offset`; both `Int8`, NULL meaning none.
    Limit {
        /// The rows to cut.
        input: Box<Rel>,
        /// Rows to skip: a literal or parameter.
        offset: Option<Expr>,
        /// Rows to return: a literal or parameter.
        count: Option<Expr>,
    },
    /// Each distinct row once, by all columns.
    Distinct {
        /// The rows.
        input: Box<Rel>,
        /// PostgreSQL's estimate of the number of output rows.
        rows: f64,
    },
    /// The input's columns followed by one column per window function.
    Window {
        /// The rows.
        input: Box<Rel>,
        /// The window and its functions.
        window: Window,
    },
    /// The rows of all inputs, which have equal column types.
    Union {
        /// The inputs, at least one.
        inputs: Vec<Rel>,
        /// Keep duplicates (`UNION ALL`).
        all: bool,
    },
}

/// A whole plan: what one session runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The operator whose rows are the result.
    pub root: Rel,
    /// What each leaf delivers.
    pub leaves: Vec<LeafSchema>,
    /// The types of the parameters; their values arrive when the session
    /// starts.
    pub params: Vec<DataType>,
}

impl Rel {
    /// The inputs, left to right.
    pub fn inputs(&self) -> Vec<&Rel> {
        match self {
            Self::Leaf(_) => Vec::new(),
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::InOrder { input }
            | Self::Aggregate { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input, .. }
            | Self::Window { input, .. } => vec![input],
            Self::Join(join) => vec![&join.left, &join.right],
            Self::Union { inputs, .. } => inputs.iter().collect(),
        }
    }

    /// The number of nodes in this tree, and so the step from this node's
    /// [`NodeId`] to the one that follows the tree in the walk.
    pub fn node_count(&self) -> u32 {
        1 + self.inputs().into_iter().map(Rel::node_count).sum::<u32>()
    }
}

impl Plan {
    /// The column types that `rel`, a part of this plan, outputs.
    ///
    /// `None` if `rel` names a column, leaf or parameter that does not exist.
    pub fn schema(&self, rel: &Rel) -> Option<Vec<DataType>> {
        let types = |exprs: &mut dyn Iterator<Item = &Expr>, input: &[DataType]| {
            exprs.map(|expr| expr.ty(input, &self.params)).collect::<Option<Vec<_>>>()
        };
        match rel {
            Rel::Leaf(leaf) => {
                let leaf = self.leaves.get(*leaf as usize)?;
                Some(leaf.fields.iter().map(|field| field.ty).collect())
            }
            Rel::Filter { input, .. }
            | Rel::InOrder { input }
            | Rel::Sort { input, .. }
            | Rel::Limit { input, .. }
            | Rel::Distinct { input, .. } => self.schema(input),
            Rel::Project { input, exprs } => types(&mut exprs.iter(), &self.schema(input)?),
            Rel::Join(join) => {
                let both = self.join_input(join)?;
                join.output.iter().map(|index| both.get(*index as usize).copied()).collect()
            }
            Rel::Aggregate { input, groups, aggregates, .. } => {
                let mut schema = types(&mut groups.iter(), &self.schema(input)?)?;
                schema.extend(aggregates.iter().map(|aggregate| aggregate.ty));
                Some(schema)
            }
            Rel::Window { input, window } => {
                let mut schema = self.schema(input)?;
                schema.extend(window.functions.iter().map(|function| match function {
                    WindowFunction::Aggregate(aggregate) => aggregate.ty,
                    _ => DataType::Int8,
                }));
                Some(schema)
            }
            Rel::Union { inputs, .. } => self.schema(inputs.first()?),
        }
    }

    /// The column types that a join's residual conditions and output see: left
    /// columns followed by right columns.
    pub fn join_input(&self, join: &Join) -> Option<Vec<DataType>> {
        let mut both = self.schema(&join.left)?;
        both.extend(self.schema(&join.right)?);
        Some(both)
    }

    /// Checks that the plan is consistent: every name resolves, types agree
    /// where they must.
    pub(crate) fn validate(&self) -> Result<(), &'static str> {
        self.validate_rel(&self.root)
    }

    fn validate_rel(&self, rel: &Rel) -> Result<(), &'static str> {
        for input in rel.inputs() {
            self.validate_rel(input)?;
        }
        let schema_of = |rel: &Rel| self.schema(rel).ok_or("a node names what does not exist");
        schema_of(rel)?;
        let check = |exprs: &mut dyn Iterator<Item = &Expr>, input: &[DataType]| {
            for expr in exprs {
                expr.validate(input, &self.params)?;
            }
            Ok(())
        };
        match rel {
            Rel::Leaf(_) | Rel::InOrder { .. } | Rel::Distinct { .. } => Ok(()),
            Rel::Filter { input, predicates, .. } => {
                let input = schema_of(input)?;
                check(&mut predicates.iter(), &input)?;
                self.all_boolean(predicates, &input)
            }
            Rel::Project { input, exprs } => check(&mut exprs.iter(), &schema_of(input)?),
            Rel::Join(join) => {
                let left = schema_of(&join.left)?;
                let right = schema_of(&join.right)?;
                check(&mut join.keys.iter().map(|(key, _)| key), &left)?;
                check(&mut join.keys.iter().map(|(_, key)| key), &right)?;
                for (l, r) in &join.keys {
                    if l.ty(&left, &self.params) != r.ty(&right, &self.params) {
                        return Err("the two sides of a join key differ in type");
                    }
                }
                if !join.kind.outputs_right()
                    && join.output.iter().any(|index| *index as usize >= left.len())
                {
                    return Err("a semi or anti join outputs a right column");
                }
                let both = [left, right].concat();
                check(&mut join.residual.iter(), &both)?;
                self.all_boolean(&join.residual, &both)
            }
            Rel::Aggregate { input, groups, aggregates, .. } => {
                let input = schema_of(input)?;
                check(&mut groups.iter(), &input)?;
                aggregates.iter().try_for_each(|aggregate| {
                    check(&mut aggregate.args.iter().chain(&aggregate.filter), &input)
                })
            }
            Rel::Sort { input, keys, .. } => {
                check(&mut keys.iter().map(|key| &key.expr), &schema_of(input)?)
            }
            Rel::Limit { offset, count, .. } => {
                for bound in offset.iter().chain(count) {
                    if !matches!(bound, Expr::Literal(_) | Expr::Param(_))
                        || bound.ty(&[], &self.params) != Some(DataType::Int8)
                    {
                        return Err("a limit is neither a bigint constant nor a parameter");
                    }
                }
                Ok(())
            }
            Rel::Window { input, window } => {
                let input = schema_of(input)?;
                check(&mut window.partition_by.iter(), &input)?;
                check(&mut window.order_by.iter().map(|key| &key.expr), &input)?;
                window.functions.iter().try_for_each(|function| match function {
                    WindowFunction::Aggregate(aggregate) => {
                        check(&mut aggregate.args.iter().chain(&aggregate.filter), &input)
                    }
                    _ => Ok(()),
                })
            }
            Rel::Union { inputs, .. } => {
                let first = schema_of(rel)?;
                for input in inputs {
                    if schema_of(input)? != first {
                        return Err("the inputs of a union differ in type");
                    }
                }
                Ok(())
            }
        }
    }

    fn all_boolean(&self, predicates: &[Expr], input: &[DataType]) -> Result<(), &'static str> {
        let boolean = |expr: &Expr| expr.ty(input, &self.params) == Some(DataType::Bool);
        if predicates.iter().all(boolean) { Ok(()) } else { Err("a predicate is not boolean") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(types: &[DataType]) -> LeafSchema {
        let fields = types.iter().map(|ty| Field { name: "t.c".into(), ty: *ty }).collect();
        LeafSchema { name: "t".into(), fields, rows: 1.0 }
    }

    fn join(kind: JoinKind, output: Vec<u32>) -> Plan {
        let join = Join {
            kind,
            left: Box::new(Rel::Leaf(0)),
            right: Box::new(Rel::Leaf(1)),
            keys: vec![(Expr::Column(0), Expr::Column(1))],
            residual: vec![],
            build: Side::Right,
            output,
            rows: 1.0,
        };
        Plan {
            root: Rel::Join(join),
            leaves: vec![
                leaf(&[DataType::Int4, DataType::Text]),
                leaf(&[DataType::Date, DataType::Int4]),
            ],
            params: vec![],
        }
    }

    #[test]
    fn join_output_is_a_selection_of_both_sides() {
        let plan = join(JoinKind::Inner, vec![3, 1]);
        assert_eq!(plan.schema(&plan.root), Some(vec![DataType::Int4, DataType::Text]));
        assert_eq!(plan.validate(), Ok(()));
        assert_eq!(plan.root.node_count(), 3);
    }

    #[test]
    fn inconsistent_plans_are_refused() {
        assert!(join(JoinKind::Inner, vec![4]).validate().is_err());
        assert!(join(JoinKind::Semi, vec![2]).validate().is_err());
        let mut plan = join(JoinKind::Inner, vec![0]);
        plan.leaves[1].fields[1].ty = DataType::Int8;
        assert!(plan.validate().is_err());
        plan.leaves.pop();
        assert!(plan.validate().is_err());
    }
}
