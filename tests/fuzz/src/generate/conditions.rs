//! WHERE, with subqueries: semi-joins and anti-joins.

use super::Generator;
use crate::ast::{Expr, Literal, Membership, Query, Select, SortBy, SortKey, Target};
use crate::types::{Class, Ty};

/// A subquery that runs for each row may read so many rows in all.
const MOST_READS: f64 = 300_000.0;

impl Generator<'_> {
    /// The conditions of WHERE.
    pub(super) fn conditions(&mut self, leaves: &[Expr], rows: f64, depth: u32) -> Vec<Expr> {
        let count = *self.dice.weighted(&[(46, 0), (36, 1), (13, 2), (5, 3)]);
        let never = self.dice.percent(1).then(|| self.never());
        let conditions: Vec<Expr> = (0..count)
            .map(|_| {
                if depth > 0
                    && self.dice.percent(22)
                    && let Some(membership) = self.membership(leaves, rows, depth - 1)
                {
                    return membership;
                }
                let depth = *self.dice.weighted(&[(6, 1), (3, 2), (1, 3)]);
                self.condition(leaves, depth)
            })
            .collect();
        conditions.into_iter().chain(never).collect()
    }

    /// A condition that never holds, as the planner knows.
    pub(super) fn never(&mut self) -> Expr {
        let text = if self.dice.percent(50) { Some("f".to_owned()) } else { None };
        Expr::Literal(Literal { ty: Ty::Bool, text })
    }

    /// EXISTS or IN over a subquery.
    fn membership(&mut self, leaves: &[Expr], rows: f64, depth: u32) -> Option<Expr> {
        let from = self.from(depth, &[]);
        if rows * from.rows > MOST_READS {
            return None;
        }
        let mut conditions = Vec::new();
        let exists = self.dice.percent(50);
        let mut needles = Vec::new();
        let mut targets = Vec::new();
        let pairs: Vec<(&Expr, &Expr)> = leaves
            .iter()
            .filter(|leaf| leaf.ty().is(Class::Equatable))
            .flat_map(|one| from.leaves.iter().map(move |other| (one, other)))
            .filter(|(one, other)| one.ty() == other.ty())
            .collect();
        if pairs.is_empty() {
            return None;
        }
        let keys = *self.dice.weighted(&[(85, 1), (15, 2)]);
        for _ in 0..keys {
            let &(one, other) = self.dice.pick(&pairs);
            let (one, other) = (one.clone(), other.clone());
            if exists {
                conditions.push(self.equality(other, one)?);
            } else {
                needles.push(one);
                targets.push(Target { expr: other, name: self.name("x") });
            }
        }
        let both = [leaves, from.leaves.as_slice()].concat();
        if exists {
            if self.dice.percent(8) {
                conditions.clear();
            }
            let expr = self.any_expr(Class::Any, &from.leaves, 0);
            targets.push(Target { expr, name: self.name("x") });
        }
        if self.dice.percent(35) {
            // What it compares may be from both sides.
            let leaves = if self.dice.percent(50) { &both } else { &from.leaves };
            conditions.push(self.condition(leaves, 1));
        }
        if self.dice.percent(3) {
            conditions.push(self.never());
        }
        let query = Query::of(Select {
            distinct: false,
            targets,
            from: from.sources,
            conditions,
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        });
        let membership = Box::new(Membership { negated: self.dice.percent(45), needles, query });
        Some(if exists { Expr::Exists(membership) } else { Expr::In(membership) })
    }

    /// A subquery for one value: an aggregate, or the first row.
    pub(super) fn scalar(&mut self, leaves: &[Expr], rows: f64) -> Option<Expr> {
        let grouped = self.dice.percent(30).then(|| self.grouped_from(leaves)).flatten();
        let from = match grouped {
            Some(from) => from,
            None => self.from(0, &[]),
        };
        if rows * from.rows > MOST_READS {
            return None;
        }
        let mut conditions = Vec::new();
        if self.dice.percent(70) {
            let one = self.dice.pick(leaves).clone();
            let same: Vec<&Expr> = from
                .leaves
                .iter()
                .filter(|leaf| leaf.ty() == one.ty() && one.ty().is(Class::Equatable))
                .collect();
            if !same.is_empty() {
                let other = (*self.dice.pick(&same)).clone();
                conditions.push(self.equality(other, one)?);
            }
        }
        let first = self.dice.percent(25);
        let expr = if first {
            self.any_expr(Class::Orderable, &from.leaves, 0)
        } else if self.dice.percent(30) {
            self.mixed_aggregate(&from.leaves, leaves)?
        } else {
            self.aggregate(None, &from.leaves)?
        };
        let mut query = Query::of(Select {
            distinct: false,
            targets: vec![Target { expr, name: self.name("x") }],
            from: from.sources,
            conditions,
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        });
        if first {
            let key = SortKey {
                by: SortBy::Output(0),
                descending: self.dice.percent(50),
                nulls_first: None,
            };
            query.order = vec![key];
            query.limit = Some(1);
        }
        Some(Expr::Scalar(Box::new(query)))
    }
}
