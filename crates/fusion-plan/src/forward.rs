//! Which columns a plan reads, and which it only passes on.
//!
//! A value that no expression reads travels as PostgreSQL stores it: compressed if it is
//! compressed, a pointer to a TOAST table if it is one. It costs nothing to decode and
//! comes back in the very bytes in which it was found. Tests for NULL and `count` do not
//! read a value.

use crate::rel::WindowFunction;
use crate::{Aggregate, AggregateFunction, DataType, Expr, Plan, Rel};

impl DataType {
    /// As what values travel that are only passed on: PostgreSQL has more than one form for
    /// some (with a long or a short header, compressed, elsewhere), and more than one NaN.
    fn passed_on(self) -> Self {
        match self {
            Self::Text | Self::Bpchar | Self::Bytea | Self::Numeric | Self::Decimal { .. } => {
                Self::Opaque
            }
            Self::Float4 => Self::Int4,
            Self::Float8 => Self::Int8,
            // In the form in which they are.
            Self::Opaque
            | Self::Bool
            | Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Oid
            | Self::Date
            | Self::Time
            | Self::Timestamp
            | Self::TimestampTz
            | Self::Interval
            | Self::Uuid
            | Self::Enum => self,
        }
    }

    /// Whether PostgreSQL has more than one form for a value that the engine reads.
    fn has_forms(self) -> bool {
        self != Self::Opaque && self.passed_on() == Self::Opaque
    }
}

impl Plan {
    /// This plan with the leaf columns that nothing reads as [`DataType::Opaque`], if
    /// PostgreSQL has more than one form for their values. `read` says which result
    /// columns, the first ones, are read by whoever gets them.
    #[must_use]
    pub fn forwarding(mut self, read: &[bool]) -> Self {
        let mut leaves: Vec<_> =
            self.leaves.iter().map(|leaf| vec![false; leaf.fields.len()]).collect();
        let Some(width) = self.schema(&self.root).map(|columns| columns.len()) else {
            return self;
        };
        let mut read = read.to_vec();
        read.resize(width, false);
        if self.mark(&self.root, read, &mut leaves).is_none() {
            return self;
        }
        for (leaf, read) in self.leaves.iter_mut().zip(leaves) {
            for (field, read) in leaf.fields.iter_mut().zip(read) {
                if !read {
                    field.ty = field.ty.passed_on();
                }
            }
        }
        self.settle();
        self
    }

    /// Marks in `leaves` the columns that `rel` and what is below it read, given those of
    /// its outputs that are `read` above. `None` if it names what does not exist.
    fn mark(&self, rel: &Rel, read: Vec<bool>, leaves: &mut [Vec<bool>]) -> Option<()> {
        match rel {
            Rel::Leaf(leaf) => {
                let columns = leaves.get_mut(*leaf as usize)?;
                columns.iter_mut().zip(read).for_each(|(column, read)| *column |= read);
                Some(())
            }
            Rel::Filter { input, predicates, .. } => {
                let mut below = read;
                predicates.iter().for_each(|predicate| mark_read(predicate, &mut below));
                self.mark(input, below, leaves)
            }
            Rel::Project { input, exprs } => {
                let mut below = vec![false; self.schema(input)?.len()];
                for (expr, read) in exprs.iter().zip(read) {
                    mark_passed(expr, read, &mut below);
                }
                self.mark(input, below, leaves)
            }
            Rel::Join(join) => {
                let left = self.schema(&join.left)?.len();
                let mut both = vec![false; self.join_input(join)?.len()];
                for (column, read) in join.output.iter().zip(read) {
                    *both.get_mut(*column as usize)? |= read;
                }
                join.residual.iter().for_each(|condition| mark_read(condition, &mut both));
                let mut right = both.split_off(left);
                for (left_key, right_key) in &join.keys {
                    mark_read(left_key, &mut both);
                    mark_read(right_key, &mut right);
                }
                self.mark(&join.left, both, leaves)?;
                self.mark(&join.right, right, leaves)
            }
            Rel::Aggregate { input, groups, aggregates, .. } => {
                let mut below = vec![false; self.schema(input)?.len()];
                groups.iter().for_each(|group| mark_read(group, &mut below));
                let results = read.into_iter().skip(groups.len());
                for (aggregate, read) in aggregates.iter().zip(results) {
                    mark_argument(aggregate, read, &mut below);
                }
                self.mark(input, below, leaves)
            }
            Rel::Sort { input, keys, .. } => {
                let mut below = read;
                keys.iter().for_each(|key| mark_read(&key.expr, &mut below));
                self.mark(input, below, leaves)
            }
            Rel::InOrder { input } | Rel::Limit { input, .. } => self.mark(input, read, leaves),
            Rel::Distinct { input, .. } => {
                self.mark(input, vec![true; self.schema(input)?.len()], leaves)
            }
            Rel::Window { input, window } => {
                let width = self.schema(input)?.len();
                let mut below: Vec<_> = read.into_iter().take(width).collect();
                window.partition_by.iter().for_each(|expr| mark_read(expr, &mut below));
                window.order_by.iter().for_each(|key| mark_read(&key.expr, &mut below));
                for function in &window.functions {
                    if let WindowFunction::Aggregate(aggregate) = function {
                        mark_argument(aggregate, true, &mut below);
                    }
                }
                self.mark(input, below, leaves)
            }
            Rel::Union { inputs, .. } => {
                for input in inputs {
                    self.mark(input, vec![true; self.schema(input)?.len()], leaves)?;
                }
                Some(())
            }
        }
    }

    /// Gives the aggregates that show a row's value the type that it has, after types
    /// below have changed.
    pub(crate) fn settle(&mut self) {
        let mut root = std::mem::replace(&mut self.root, Rel::Leaf(0));
        root.for_each_mut(&mut |rel| {
            if let Rel::Aggregate { input, aggregates, .. } = rel
                && let Some(input) = self.schema(input)
            {
                for aggregate in aggregates.iter_mut().filter(|call| call.function.shows_a_row()) {
                    let ty = aggregate.args.first().and_then(|arg| arg.ty(&input, &self.params));
                    aggregate.ty = ty.unwrap_or(aggregate.ty);
                }
            }
        });
        self.root = root;
    }

    /// For each result column whether it may hold a value that was stored, and not in the
    /// form in which it was: one that is read, and then returned. A value that is computed
    /// has one form only.
    pub fn loses_forms(&self) -> Vec<bool> {
        self.lost_forms(&self.root).unwrap_or_default()
    }

    fn lost_forms(&self, rel: &Rel) -> Option<Vec<bool>> {
        let of = |exprs: &[Expr], input: &Rel| -> Option<Vec<bool>> {
            let (types, lost) = (self.schema(input)?, self.lost_forms(input)?);
            Some(exprs.iter().map(|expr| self.returns_one_of(expr, &types, &lost)).collect())
        };
        match rel {
            Rel::Leaf(_) => Some(self.schema(rel)?.into_iter().map(DataType::has_forms).collect()),
            Rel::Filter { input, .. }
            | Rel::InOrder { input }
            | Rel::Sort { input, .. }
            | Rel::Limit { input, .. }
            | Rel::Distinct { input, .. } => self.lost_forms(input),
            Rel::Project { input, exprs } => of(exprs, input),
            Rel::Join(join) => {
                let mut both = self.lost_forms(&join.left)?;
                both.extend(self.lost_forms(&join.right)?);
                join.output.iter().map(|column| both.get(*column as usize).copied()).collect()
            }
            Rel::Aggregate { input, groups, aggregates, .. } => {
                let mut lost = of(groups, input)?;
                for aggregate in aggregates {
                    use AggregateFunction as F;
                    let shows = aggregate.function.shows_a_row()
                        || matches!(aggregate.function, F::Min | F::Max);
                    lost.push(shows && of(&aggregate.args, input)?.contains(&true));
                }
                Some(lost)
            }
            Rel::Window { input, window } => {
                let mut lost = self.lost_forms(input)?;
                lost.extend(window.functions.iter().map(|_| true));
                Some(lost)
            }
            Rel::Union { inputs, .. } => {
                let mut lost = self.lost_forms(inputs.first()?)?;
                for input in inputs {
                    let arm = self.lost_forms(input)?;
                    lost.iter_mut().zip(arm).for_each(|(lost, arm)| *lost |= arm);
                }
                Some(lost)
            }
        }
    }

    /// Whether `expr` may return one of its inputs as it is: a parameter, or a column of
    /// which `lost` says that it holds such. Functions of text may.
    fn returns_one_of(&self, expr: &Expr, types: &[DataType], lost: &[bool]) -> bool {
        if !expr.ty(types, &self.params).is_some_and(DataType::has_forms) {
            return false;
        }
        match expr {
            Expr::Column(column) => lost.get(*column as usize).is_none_or(|lost| *lost),
            Expr::Param(_) => true,
            Expr::Literal(_) => false,
            _ => expr.children().into_iter().any(|part| self.returns_one_of(part, types, lost)),
        }
    }
}

/// Marks the columns of which `expr` reads the values.
fn mark_read(expr: &Expr, columns: &mut [bool]) {
    match expr {
        Expr::IsNull(arg) | Expr::IsNotNull(arg) if matches!(**arg, Expr::Column(_)) => {}
        Expr::Column(column) => {
            if let Some(column) = columns.get_mut(*column as usize) {
                *column = true;
            }
        }
        _ => expr.children().into_iter().for_each(|part| mark_read(part, columns)),
    }
}

/// As [`mark_read`], of an expression whose result is `read` above; a column is passed on.
fn mark_passed(expr: &Expr, read: bool, columns: &mut [bool]) {
    if read || !matches!(expr, Expr::Column(_)) {
        mark_read(expr, columns);
    }
}

/// As [`mark_read`], of an aggregate call whose result is `read` above.
fn mark_argument(aggregate: &Aggregate, read: bool, columns: &mut [bool]) {
    let counts = aggregate.function == AggregateFunction::Count && !aggregate.distinct;
    let read = match aggregate.function.shows_a_row() {
        true => read,
        false => !counts,
    };
    aggregate.args.iter().for_each(|arg| mark_passed(arg, read, columns));
    aggregate.filter.iter().for_each(|filter| mark_read(filter, columns));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Field, Function, Join, JoinKind, LeafSchema, Side, SortKey, Value, decode, encode,
    };
    use DataType::{Int4, Numeric, Opaque, Text};

    fn leaf(types: &[DataType]) -> LeafSchema {
        let fields = types.iter().map(|ty| Field { name: "t.c".into(), ty: *ty }).collect();
        LeafSchema { name: "t".into(), fields, rows: 1.0 }
    }

    fn types(plan: &Plan) -> Vec<Vec<DataType>> {
        plan.leaves.iter().map(|leaf| leaf.fields.iter().map(|field| field.ty).collect()).collect()
    }

    fn is_a(column: u32) -> Expr {
        let a = Expr::literal(Text, Value::Text("a".into()));
        Expr::call(Function::Eq, vec![Expr::Column(column), a], DataType::Bool)
    }

    fn call(function: AggregateFunction, column: u32, ty: DataType) -> Aggregate {
        let args = vec![Expr::Column(column)];
        Aggregate { function, args, filter: None, distinct: false, ty }
    }

    /// A join by column 0 of leaves of five columns each, sorted by column 1 of the left.
    fn joined() -> Plan {
        let join = Join {
            kind: JoinKind::Inner,
            left: Box::new(Rel::Leaf(0)),
            right: Box::new(Rel::Filter {
                input: Box::new(Rel::Leaf(1)),
                predicates: vec![
                    is_a(2),
                    Expr::IsNotNull(Box::new(Expr::Column(3))),
                    Expr::Not(Box::new(Expr::IsNull(Box::new(is_a(1))))),
                ],
                rows: 1.0,
            }),
            keys: vec![(Expr::Column(0), Expr::Column(0))],
            residual: vec![],
            build: Side::Left,
            output: vec![0, 1, 2, 3, 7, 8],
            rows: 1.0,
        };
        let keys = vec![SortKey { expr: Expr::Column(1), descending: false, nulls_first: false }];
        let root = Rel::Sort { input: Box::new(Rel::Join(join)), keys, fetch: None };
        let columns = [Text, Text, Text, Numeric, Int4];
        Plan { root, leaves: vec![leaf(&columns), leaf(&columns)], params: vec![] }
    }

    #[test]
    fn what_nothing_reads_is_opaque() {
        let plan = joined().forwarding(&[false; 6]);
        let expected =
            vec![vec![Text, Text, Opaque, Opaque, Int4], vec![Text, Text, Text, Opaque, Int4]];
        assert_eq!(types(&plan), expected);
        assert_eq!(decode(&encode(&plan).unwrap()).unwrap(), plan);
        assert_eq!(plan.loses_forms(), [true, true, false, false, true, false]);
        // Whoever gets the rows may read them.
        let plan = joined().forwarding(&[false, false, true, false, false, false]);
        assert_eq!(types(&plan)[0], [Text, Text, Text, Opaque, Int4]);
    }

    #[test]
    fn aggregates_read_their_arguments_unless_they_show_or_count_them() {
        use AggregateFunction as F;
        let aggregates = vec![
            call(F::Max, 1, Text),
            call(F::AnyValue, 2, Text),
            call(F::Count, 3, DataType::Int8),
            call(F::First, 4, Numeric),
            call(F::Sum, 5, Numeric),
        ];
        let root = Rel::Aggregate {
            input: Box::new(Rel::Leaf(0)),
            groups: vec![Expr::Column(0)],
            aggregates,
            rows: 1.0,
        };
        let leaves = vec![leaf(&[Text, Text, Text, Text, Numeric, Numeric])];
        let plan = Plan { root, leaves, params: vec![] };
        let forwarding = plan.clone().forwarding(&[false; 6]);
        assert_eq!(types(&forwarding), [[Text, Text, Opaque, Opaque, Opaque, Numeric]]);
        let schema = forwarding.schema(&forwarding.root).unwrap();
        assert_eq!(schema, [Text, Text, Opaque, DataType::Int8, Opaque, Numeric]);
        assert_eq!(forwarding.loses_forms(), [true, true, false, false, false, false]);
        let read = [false, false, true, false, false, false];
        assert_eq!(types(&plan.forwarding(&read))[0][2..5], [Text, Opaque, Opaque]);
    }

    #[test]
    fn projections_pass_columns_on_and_read_the_rest() {
        let exprs = vec![
            Expr::Column(1),
            Expr::Coalesce(vec![Expr::Column(2), Expr::literal(Text, Value::Text("-".into()))]),
            is_a(3),
        ];
        let root = Rel::Project { input: Box::new(Rel::Leaf(0)), exprs };
        let plan = Plan { root, leaves: vec![leaf(&[Text; 4])], params: vec![] };
        let plan = plan.forwarding(&[false; 3]);
        assert_eq!(types(&plan), [[Opaque, Opaque, Text, Text]]);
        assert_eq!(plan.loses_forms(), [false, true, false]);
    }
}
