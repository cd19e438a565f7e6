//! Which leaves a join's keys can keep rows of.
//!
//! Once the build side of a hash join is complete, rows of the other side whose key is
//! not in it find no partner. If the join drops such rows, they need not be fed at all,
//! provided that they would have come to the join unchanged, and that nothing on the
//! way notices that they are missing.

use super::join::KeyPair;
use super::lowering::{Lowering, Stream};
use crate::ops::{RuntimeFilterExec, Target};
use arrow::datatypes::DataType as Arrow;
use fusion_plan::{DataType, Expr, Function, Join, JoinKind, Plan, Rel, Side};
use std::sync::Arc;

impl Lowering<'_> {
    /// `build`, with its keys gathered for the leaves of the other side that they can
    /// keep rows of. `keys` are the join's, the build side's first.
    pub(super) fn runtime_filter(
        &mut self,
        join: &Join,
        build: Stream,
        build_side: Side,
        keys: &[KeyPair],
        node: u32,
    ) -> Stream {
        if self.io.filter_capacity() == 0 || !drops_probe_rows(join.kind, build_side) {
            return build;
        }
        let probe = match build_side {
            Side::Left => &join.right,
            Side::Right => &join.left,
        };
        let targets: Vec<_> = join
            .keys
            .iter()
            .zip(keys)
            .filter_map(|((left, right), (key, _))| {
                let probe_key = if build_side == Side::Left { right } else { left };
                let (leaf, column) = source(self.plan, probe, integer_column(probe_key)?)?;
                let field = self.plan.leaves.get(leaf as usize)?.fields.get(column as usize)?;
                let same = is_integer_key(field.ty)
                    && key.data_type(&build.schema()).is_ok_and(|ty| is_integer_array(&ty));
                same.then(|| Target { key: Arc::clone(key), leaf, column })
            })
            .collect();
        if targets.is_empty() {
            return build;
        }
        let filter =
            RuntimeFilterExec::new(Arc::clone(&build.plan), Arc::clone(&self.io), targets.into());
        let plan = self.operator(node, filter);
        build.under(plan)
    }
}

/// Whether the join drops rows of its probe side that have no partner.
fn drops_probe_rows(kind: JoinKind, build: Side) -> bool {
    match kind {
        JoinKind::Inner | JoinKind::Semi => true,
        // Rows of the side that is kept come out once, whether there is a partner or not.
        JoinKind::Left | JoinKind::Anti => build == Side::Left,
        JoinKind::Right => build == Side::Right,
        JoinKind::Full | JoinKind::NullAwareAnti => false,
    }
}

/// The column that a key is, maybe widened.
fn integer_column(key: &Expr) -> Option<u32> {
    match key {
        Expr::Column(column) => Some(*column),
        Expr::Call { function: Function::WidenInteger, args, .. } => match args.as_slice() {
            [Expr::Column(column)] => Some(*column),
            _ => None,
        },
        _ => None,
    }
}

/// The leaf and its column whose value `column` of `rel` is, if rows can be left out of
/// the leaf without another effect than that they are missing in `rel`: no other row
/// comes or goes, and no error that the rows would have raised.
fn source(plan: &Plan, rel: &Rel, column: u32) -> Option<(u32, u32)> {
    let harmless = |exprs: &[Expr]| !exprs.iter().any(Expr::can_fail);
    match rel {
        Rel::Leaf(leaf) => Some((*leaf, column)),
        Rel::Filter { input, predicates, .. } => {
            harmless(predicates).then(|| source(plan, input, column)).flatten()
        }
        Rel::InOrder { input } | Rel::Distinct { input, .. } => source(plan, input, column),
        Rel::Sort { input, fetch: None, keys } => {
            let fails = keys.iter().any(|key| key.expr.can_fail());
            (!fails).then(|| source(plan, input, column)).flatten()
        }
        Rel::Project { input, exprs } => match exprs.get(column as usize)? {
            Expr::Column(column) if harmless(exprs) => source(plan, input, *column),
            _ => None,
        },
        Rel::Join(join) => {
            let fails = |(left, right): &(Expr, Expr)| left.can_fail() || right.can_fail();
            if !harmless(&join.residual) || join.keys.iter().any(fails) {
                return None;
            }
            let column = *join.output.get(column as usize)?;
            let left_width = plan.schema(&join.left)?.len() as u32;
            match column.checked_sub(left_width) {
                None => {
                    let stays = !matches!(join.kind, JoinKind::Right | JoinKind::Full);
                    stays.then(|| source(plan, &join.left, column)).flatten()
                }
                // Rows of a nullable side are missed: NULLs take their place.
                Some(column) => {
                    let stays = matches!(join.kind, JoinKind::Inner | JoinKind::Right);
                    stays.then(|| source(plan, &join.right, column)).flatten()
                }
            }
        }
        // A limit would let other rows through, and a group would be another one.
        Rel::Sort { .. }
        | Rel::Limit { .. }
        | Rel::Aggregate { .. }
        | Rel::Window { .. }
        | Rel::Union { .. } => None,
    }
}

/// Types whose values are integers in a page.
fn is_integer_key(ty: DataType) -> bool {
    ty.is_integer()
        || matches!(
            ty,
            DataType::Oid
                | DataType::Date
                | DataType::Time
                | DataType::Timestamp
                | DataType::TimestampTz
        )
}

/// Arrays that [`RuntimeFilterExec`] reads.
fn is_integer_array(ty: &Arrow) -> bool {
    matches!(ty, Arrow::Int16 | Arrow::Int32 | Arrow::Int64 | Arrow::UInt32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fusion_plan::{Field, LeafSchema};

    fn leaf(name: &str) -> LeafSchema {
        let field = |name: &str| Field { name: name.into(), ty: DataType::Int4 };
        LeafSchema { name: name.into(), fields: vec![field("a"), field("b")], rows: 9.0 }
    }

    fn join(kind: JoinKind, residual: Vec<Expr>) -> Rel {
        Rel::Join(Join {
            kind,
            left: Box::new(Rel::Leaf(0)),
            right: Box::new(Rel::Leaf(1)),
            keys: vec![(Expr::Column(0), Expr::Column(0))],
            residual,
            build: Side::Left,
            output: vec![3, 0],
            rows: 9.0,
        })
    }

    #[test]
    fn columns_are_followed_where_rows_may_be_missing() {
        let plan = |root| Plan { root, leaves: vec![leaf("l"), leaf("r")], params: Vec::new() };
        let found = |rel: Rel| {
            let plan = plan(rel);
            [0, 1].map(|column| source(&plan, &plan.root, column))
        };
        let (right, left) = (Some((1, 1)), Some((0, 0)));
        assert_eq!(found(join(JoinKind::Inner, Vec::new())), [right, left]);
        assert_eq!(found(join(JoinKind::Left, Vec::new())), [None, left]);
        assert_eq!(found(join(JoinKind::Right, Vec::new())), [right, None]);
        assert_eq!(found(join(JoinKind::Full, Vec::new())), [None, None]);
        let overflows =
            Expr::call(Function::Add, vec![Expr::Column(0), Expr::Column(1)], DataType::Int4);
        let residual = Expr::call(Function::Eq, vec![overflows, Expr::Column(1)], DataType::Bool);
        assert_eq!(found(join(JoinKind::Inner, vec![residual.clone()])), [None, None]);
        let input = Box::new(join(JoinKind::Inner, Vec::new()));
        let filter = |predicate| Rel::Filter {
            input: input.clone(),
            predicates: vec![predicate],
            rows: 1.0,
        };
        assert_eq!(found(filter(Expr::IsNull(Box::new(Expr::Column(0))))), [right, left]);
        assert_eq!(found(filter(residual)), [None, None]);
        let sort = |fetch| Rel::Sort { input: input.clone(), keys: Vec::new(), fetch };
        assert_eq!(found(sort(None)), [right, left]);
        assert_eq!(found(sort(Some(1))), [None, None]);
        let exprs = vec![Expr::Column(1), Expr::null(DataType::Int4)];
        assert_eq!(found(Rel::Project { input: input.clone(), exprs }), [left, None]);
    }

    #[test]
    fn only_joins_that_drop_rows_filter() {
        use JoinKind as K;
        for (kind, left, right) in [
            (K::Inner, true, true),
            (K::Semi, true, true),
            (K::Left, true, false),
            (K::Right, false, true),
            (K::Anti, true, false),
            (K::Full, false, false),
            (K::NullAwareAnti, false, false),
        ] {
            assert_eq!(drops_probe_rows(kind, Side::Left), left, "{kind:?}");
            assert_eq!(drops_probe_rows(kind, Side::Right), right, "{kind:?}");
        }
    }
}
