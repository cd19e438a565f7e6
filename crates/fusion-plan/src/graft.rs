//! Putting one plan in the place of another's leaf.

use crate::rel::WindowFunction;
use crate::{Expr, Plan, Rel};

impl Plan {
    /// This plan with `inner` in the place of leaf number `leaf`, whose columns are
    /// `columns`, expressions over what `inner` outputs. A column that this plan only
    /// passes on may have any type.
    ///
    /// The leaves that remain keep their order, and those of `inner` follow; so do the
    /// parameters.
    #[must_use]
    pub fn grafted(mut self, leaf: u32, mut inner: Plan, columns: Vec<Expr>) -> Plan {
        let (leaves, params) = (self.leaves.len() as u32, self.params.len() as u32);
        let inner_width = inner.schema(&inner.root).map(|columns| columns.len());
        inner.root.for_each_mut(&mut |rel| {
            if let Rel::Leaf(index) = rel {
                *index += leaves - 1;
            }
            rel.for_each_expr_mut(&mut |expr| expr.map_params(&mut |index| index + params));
        });
        let same = inner_width == Some(columns.len())
            && (0..).zip(&columns).all(|(index, column)| *column == Expr::Column(index));
        let mut scion = Some(match same {
            true => inner.root,
            false => Rel::Project { input: Box::new(inner.root), exprs: columns },
        });
        self.root.for_each_mut(&mut |rel| match rel {
            Rel::Leaf(index) if *index == leaf => {
                // A leaf stands in one place.
                if let Some(scion) = scion.take() {
                    *rel = scion;
                }
            }
            Rel::Leaf(index) if *index > leaf && *index < leaves => *index -= 1,
            _ => {}
        });
        if (leaf as usize) < self.leaves.len() {
            self.leaves.remove(leaf as usize);
        }
        self.leaves.extend(inner.leaves);
        self.params.extend(inner.params);
        self.settle();
        self
    }
}

impl Rel {
    /// Calls `visit` with every node of the tree, a node's inputs first. What a node is
    /// replaced by is not visited.
    pub(crate) fn for_each_mut(&mut self, visit: &mut impl FnMut(&mut Rel)) {
        match self {
            Self::Leaf(_) => {}
            Self::Filter { input, .. }
            | Self::Project { input, .. }
            | Self::InOrder { input }
            | Self::Aggregate { input, .. }
            | Self::Sort { input, .. }
            | Self::Limit { input, .. }
            | Self::Distinct { input, .. }
            | Self::Window { input, .. } => input.for_each_mut(visit),
            Self::Join(join) => {
                join.left.for_each_mut(visit);
                join.right.for_each_mut(visit);
            }
            Self::Union { inputs, .. } => {
                inputs.iter_mut().for_each(|input| input.for_each_mut(visit));
            }
        }
        visit(self);
    }

    /// Calls `visit` with every expression of this node.
    fn for_each_expr_mut(&mut self, visit: &mut impl FnMut(&mut Expr)) {
        match self {
            Self::Leaf(_) | Self::InOrder { .. } | Self::Distinct { .. } | Self::Union { .. } => {}
            Self::Filter { predicates, .. } => predicates.iter_mut().for_each(visit),
            Self::Project { exprs, .. } => exprs.iter_mut().for_each(visit),
            Self::Join(join) => {
                for (left, right) in &mut join.keys {
                    visit(left);
                    visit(right);
                }
                join.residual.iter_mut().for_each(visit);
            }
            Self::Aggregate { groups, aggregates, .. } => {
                groups.iter_mut().for_each(&mut *visit);
                for aggregate in aggregates {
                    aggregate.args.iter_mut().chain(&mut aggregate.filter).for_each(&mut *visit);
                }
            }
            Self::Sort { keys, .. } => keys.iter_mut().for_each(|key| visit(&mut key.expr)),
            Self::Limit { offset, count, .. } => {
                offset.iter_mut().chain(count).for_each(visit);
            }
            Self::Window { window, .. } => {
                window.partition_by.iter_mut().for_each(&mut *visit);
                window.order_by.iter_mut().for_each(|key| visit(&mut key.expr));
                for function in &mut window.functions {
                    if let WindowFunction::Aggregate(aggregate) = function {
                        aggregate
                            .args
                            .iter_mut()
                            .chain(&mut aggregate.filter)
                            .for_each(&mut *visit);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataType, Field, Function, Join, JoinKind, LeafSchema, Side, decode, encode};

    fn leaf(name: &str, columns: usize) -> LeafSchema {
        let field = Field { name: format!("{name}.c"), ty: DataType::Int4 };
        LeafSchema { name: name.into(), fields: vec![field; columns], rows: 5.0 }
    }

    fn join(left: Rel, right: Rel, residual: Expr) -> Rel {
        Rel::Join(Join {
            kind: JoinKind::Inner,
            left: Box::new(left),
            right: Box::new(right),
            keys: vec![(Expr::Column(0), Expr::Column(0))],
            residual: vec![residual],
            build: Side::Left,
            output: vec![0, 1],
            rows: 5.0,
        })
    }

    fn equals_param(column: u32, param: u32) -> Expr {
        let args = vec![Expr::Column(column), Expr::Param(param)];
        Expr::call(Function::Eq, args, DataType::Bool)
    }

    #[test]
    fn leaves_and_parameters_are_renumbered() {
        let outer = Plan {
            root: join(
                join(Rel::Leaf(0), Rel::Leaf(1), equals_param(1, 0)),
                Rel::Leaf(2),
                equals_param(1, 1),
            ),
            leaves: vec![leaf("a", 1), leaf("b", 1), leaf("c", 1)],
            params: vec![DataType::Int4, DataType::Int4],
        };
        let inner = Plan {
            root: Rel::Filter {
                input: Box::new(join(Rel::Leaf(1), Rel::Leaf(0), equals_param(0, 0))),
                predicates: vec![equals_param(1, 1)],
                rows: 1.0,
            },
            leaves: vec![leaf("x", 1), leaf("y", 1)],
            params: vec![DataType::Int4, DataType::Int4],
        };
        let plan = outer.grafted(1, inner, vec![Expr::Column(1)]);
        let names: Vec<_> = plan.leaves.iter().map(|leaf| leaf.name.as_str()).collect();
        assert_eq!((names, plan.params.len()), (vec!["a", "c", "x", "y"], 4));
        // Decoding checks that all names resolve.
        assert_eq!(decode(&encode(&plan).unwrap()).unwrap(), plan);
        let text = plan.lines().iter().map(|line| line.text.clone() + "\n").collect::<String>();
        let order = ["Leaf 0: a", "Leaf 3: y", "Leaf 2: x", "Leaf 1: c"];
        let places = order.map(|leaf| text.find(leaf).unwrap_or_else(|| panic!("{leaf}: {text}")));
        assert!(places.is_sorted(), "{text}");
    }
}
