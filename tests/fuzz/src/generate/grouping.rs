//! Groups with something special: columns that depend on a primary key among the keys, sets
//! as keys, and subqueries whose keys and arguments come from outside.

use super::Generator;
use super::sources::From;
use crate::ast::{Expr, Query, Select, Source, Target};
use crate::catalogue::{Kind, catalogue};
use crate::facts::facts;
use crate::kinds::is_restricted;
use crate::types::{Class, Ty};

impl Generator<'_> {
    /// Groups by a table's primary key, and shows other columns of the table; none if there
    /// is no such key.
    pub(super) fn groups_of_key(&mut self, select: &mut Select, own: &[Expr]) -> Option<f64> {
        let is_key = |leaf: &&Expr| matches!(leaf, Expr::Column(column) if column.facts.primary);
        let keys: Vec<&Expr> = own.iter().filter(is_key).collect();
        if keys.is_empty() {
            return None;
        }
        let key = (*self.dice.pick(&keys)).clone();
        let Expr::Column(column) = &key else { return None };
        let depends = |leaf: &&Expr| {
            matches!(leaf, Expr::Column(other) if other.relation == column.relation)
                && **leaf != key
        };
        let others: Vec<Expr> = own.iter().filter(depends).cloned().collect();
        if others.is_empty() {
            return None;
        }
        let groups = facts(&key).distinct;
        let mut exprs = Vec::new();
        if self.dice.percent(80) {
            exprs.push(key.clone());
        }
        for _ in 0..self.dice.between(1, 3) {
            exprs.push(self.dice.pick(&others).clone());
        }
        for _ in 0..self.dice.between(0, 2) {
            exprs.extend(self.aggregate(None, own));
        }
        select.group.push(key);
        self.add_targets(select, exprs);
        Some(groups)
    }

    /// Groups by the values of a function that makes several rows of one.
    pub(super) fn groups_of_set(
        &mut self,
        select: &mut Select,
        leaves: &[Expr],
        own: &[Expr],
    ) -> Option<f64> {
        let ty = *self.dice.pick(&[Ty::Int4, Ty::Int4, Ty::Text]);
        let key = Expr::Call(self.call(Kind::Set, ty, leaves, 1)?);
        let mut exprs = vec![key.clone()];
        select.group.push(key);
        if self.dice.percent(40) {
            let other = self.any_expr(Class::Equatable, leaves, 0);
            if !matches!(other, Expr::Literal(_)) {
                exprs.push(other.clone());
                select.group.push(other);
            }
        }
        for _ in 0..self.dice.between(0, 2) {
            exprs.extend(self.aggregate(None, own));
        }
        self.add_targets(select, exprs);
        Some(20.0)
    }

    fn add_targets(&mut self, select: &mut Select, exprs: Vec<Expr>) {
        for expr in exprs {
            select.targets.push(Target { expr, name: self.name("x") });
        }
    }

    /// An aggregate whose argument has columns of its own query and of an outer one: one of
    /// outer columns alone would be an aggregate of the outer query.
    pub(super) fn mixed_aggregate(&mut self, own: &[Expr], outer: &[Expr]) -> Option<Expr> {
        let both = [own, outer].concat();
        let is_own = |expr: &Expr| own.contains(expr);
        (0..4).find_map(|_| {
            let aggregate = self.aggregate(None, &both)?;
            let Expr::Aggregate(inner) = &aggregate else { return None };
            let args = &inner.call.args;
            let has_own = args.iter().any(|arg| arg.any(&mut |expr| is_own(expr)));
            has_own.then_some(aggregate)
        })
    }

    /// FROM of one subquery in a total order, with all that comes from it.
    pub(super) fn ordered_from(&mut self, depth: u32) -> Option<From> {
        let (mut query, rows) = self.subquery(depth, &[]);
        if query.limit.is_none() && !self.order_totally(&mut query) {
            return None;
        }
        let side = self.derived(query, rows, false);
        Some(From { sources: vec![side.source], leaves: side.leaves, rows: side.rows })
    }

    /// FROM of one grouped subquery with columns of an outer query in its keys and
    /// arguments.
    pub(super) fn grouped_from(&mut self, outer: &[Expr]) -> Option<From> {
        let From { sources, leaves: own, rows } = self.from(0, &[]);
        let both = [own.as_slice(), outer].concat();
        let mut select = Select {
            distinct: false,
            targets: Vec::new(),
            from: sources,
            conditions: Vec::new(),
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        };
        if self.dice.percent(40) {
            select.conditions.push(self.condition(&both, 2));
        }
        let pairs: Vec<(&Expr, &Expr)> = own
            .iter()
            .filter(|leaf| leaf.ty().is(Class::Equatable))
            .flat_map(|one| outer.iter().map(move |other| (one, other)))
            .filter(|(one, other)| one.ty() == other.ty())
            .collect();
        if !pairs.is_empty() && self.dice.percent(50) {
            let &(one, other) = self.dice.pick(&pairs);
            select.conditions.extend(self.equality(one.clone(), other.clone()));
        }
        for _ in 0..self.dice.between(1, 2) {
            let mut key = self.any_expr(Class::Equatable, &both, 2);
            self.mostly_canonical(&mut key);
            if !matches!(key, Expr::Literal(_)) && !select.group.contains(&key) {
                select.group.push(key);
            }
        }
        let mut exprs = select.group.clone();
        exprs.extend(self.mixed_aggregate(&own, outer));
        if exprs.is_empty() {
            return None;
        }
        self.add_targets(&mut select, exprs);
        let side = self.derived(Query::of(select), rows, false);
        Some(From { sources: vec![side.source], leaves: side.leaves, rows })
    }
}

impl Generator<'_> {
    /// A function that must not run in parallel workers.
    pub(super) fn restricted(&mut self, leaves: &[Expr]) -> Option<Expr> {
        let templates: Vec<_> = catalogue()
            .giving(Kind::Scalar, Ty::Int4)
            .filter(|template| is_restricted(template.text))
            .collect();
        let template = *self.dice.pick(if templates.is_empty() { return None } else { &templates });
        Some(Expr::Call(self.fill(template, Ty::Int4, leaves, 1)?))
    }
}

/// Whether FROM is one subquery in a total order.
pub(super) fn is_ordered(sources: &[Source]) -> bool {
    matches!(sources, [Source::Derived { query, .. }] if !query.order.is_empty())
}
