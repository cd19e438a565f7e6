//! SELECT: rows, groups, and what is computed from them.

use super::Generator;
use super::grouping::is_ordered;
use super::sources::From;
use crate::ast::{Expr, Select, SortBy, SortKey, Target, Window};
use crate::catalogue::{Kind, What, catalogue};
use crate::facts::facts;
use crate::types::{Class, Ty};

/// More rows than this are not sent to the client but grouped.
const MOST_SENT: f64 = 4000.0;

/// What a SELECT gives for a group or a row.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Rows,
    Distinct,
    Groups,
    OneGroup,
}

impl Generator<'_> {
    /// A SELECT with as many output columns of these types, or any; and about how many
    /// rows it gives. `outer` are columns it may use besides its own.
    pub(super) fn select(
        &mut self,
        types: Option<&[Ty]>,
        depth: u32,
        outer: &[Expr],
    ) -> (Select, f64) {
        let ordered = depth > 0 && outer.is_empty() && self.dice.percent(6);
        let ordered = if ordered { self.ordered_from(depth - 1) } else { None };
        let From { sources, leaves: own, rows } = match ordered {
            Some(from) => from,
            None => self.from(depth, outer),
        };
        let mut leaves = own.clone();
        if !outer.is_empty() {
            // Some, so that most of it is still about its own.
            let count = self.dice.between(1, 3);
            leaves.extend((0..count).map(|_| self.dice.pick(outer).clone()));
        }
        let mut conditions = self.conditions(&leaves, rows, depth);
        if !outer.is_empty() {
            let one = self.dice.pick(outer).clone();
            let other: Vec<&Expr> = own.iter().filter(|leaf| leaf.ty() == one.ty()).collect();
            if let Some(other) = (!other.is_empty()).then(|| (*self.dice.pick(&other)).clone()) {
                conditions.extend(self.equality(other, one));
            }
        }
        let many = rows > MOST_SENT;
        let one_group = if is_ordered(&sources) { 60 } else { 12 };
        let shape = *self.dice.weighted(&[
            (if many { 0 } else { 44 }, Shape::Rows),
            (if many { 0 } else { 8 }, Shape::Distinct),
            (36, Shape::Groups),
            (one_group, Shape::OneGroup),
        ]);
        let mut select = Select {
            distinct: shape == Shape::Distinct,
            targets: Vec::new(),
            from: sources,
            conditions,
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        };
        match shape {
            Shape::Rows | Shape::Distinct => {
                self.row_targets(&mut select, types, &leaves, rows);
                (select, rows)
            }
            Shape::Groups if types.is_none() && self.dice.percent(12) => {
                let groups = self.special_groups(&mut select, &leaves, &own, rows);
                let groups = match groups {
                    Some(groups) => groups,
                    None => self.groups(&mut select, types, &leaves, &own),
                };
                (select, groups.min(rows))
            }
            Shape::Groups => {
                let groups = self.groups(&mut select, types, &leaves, &own).min(rows);
                (select, groups)
            }
            Shape::OneGroup => {
                let before = self.order_counts;
                self.order_counts |= is_ordered(&select.from);
                self.group_targets(&mut select, types, &own);
                self.order_counts = before;
                if let (None, false) = (types, outer.is_empty())
                    && self.dice.percent(40)
                    && let Some(expr) = self.mixed_aggregate(&own, outer)
                {
                    select.targets.push(Target { expr, name: self.name("x") });
                }
                (select, 1.0)
            }
        }
    }

    fn special_groups(
        &mut self,
        select: &mut Select,
        leaves: &[Expr],
        own: &[Expr],
        rows: f64,
    ) -> Option<f64> {
        if self.dice.percent(60)
            && let Some(groups) = self.groups_of_key(select, own)
        {
            return Some(groups);
        }
        if rows < 4000.0 { self.groups_of_set(select, leaves, own) } else { None }
    }

    fn row_targets(
        &mut self,
        select: &mut Select,
        types: Option<&[Ty]>,
        leaves: &[Expr],
        rows: f64,
    ) {
        for ty in self.target_types(types, leaves, select.distinct) {
            let roll = self.dice.below(100);
            let mut expr = if roll < 50 {
                self.expr(ty, leaves, 0)
            } else if roll < 54 {
                self.window(ty, leaves).unwrap_or_else(|| self.expr(ty, leaves, 1))
            } else if roll < 57 && rows < 1000.0 {
                self.set(ty, leaves).unwrap_or_else(|| self.expr(ty, leaves, 1))
            } else {
                let depth = *self.dice.weighted(&[(5, 1), (3, 2), (1, 3)]);
                self.expr(ty, leaves, depth)
            };
            if select.distinct {
                self.mostly_canonical(&mut expr);
            }
            select.targets.push(Target { expr, name: self.name("x") });
        }
        if self.dice.percent(7)
            && rows < 1000.0
            && !leaves.is_empty()
            && let Some(expr) = self.scalar(leaves, rows)
        {
            let index = self.dice.below(select.targets.len());
            if expr.ty() == select.targets[index].expr.ty() {
                select.targets[index].expr = expr;
            } else if types.is_none() {
                select.targets.push(Target { expr, name: self.name("x") });
            }
        }
    }

    fn target_types(&mut self, types: Option<&[Ty]>, leaves: &[Expr], distinct: bool) -> Vec<Ty> {
        if let Some(types) = types {
            return types.to_vec();
        }
        let class = if distinct { Class::Equatable } else { Class::Any };
        let count = self.dice.between(1, 5);
        (0..count).map(|_| self.some_type(class, leaves)).collect()
    }

    /// GROUP BY and what follows; about how many groups there are.
    /// Aggregates are of `own` columns only: one of outer columns alone would be an
    /// aggregate of the outer query.
    fn groups(
        &mut self,
        select: &mut Select,
        types: Option<&[Ty]>,
        leaves: &[Expr],
        own: &[Expr],
    ) -> f64 {
        let count = *self.dice.weighted(&[(60, 1), (30, 2), (10, 3)]);
        let mut groups = 1.0;
        for _ in 0..count {
            let depth = *self.dice.weighted(&[(7, 0), (2, 1), (1, 2)]);
            let restricted = self.dice.percent(5).then(|| self.restricted(leaves)).flatten();
            let mut key = match restricted {
                Some(key) => key,
                None => self.any_expr(Class::Equatable, leaves, depth),
            };
            self.mostly_canonical(&mut key);
            if !select.group.contains(&key) && !matches!(key, Expr::Literal(_)) {
                groups *= facts(&key).distinct + 1.0;
                select.group.push(key);
            }
        }
        if select.group.is_empty() {
            self.group_targets(select, types, own);
            return 1.0;
        }
        select.rollup = self.dice.percent(4);
        self.group_targets(select, types, own);
        groups
    }

    /// Output columns and HAVING of a grouped SELECT.
    fn group_targets(&mut self, select: &mut Select, types: Option<&[Ty]>, leaves: &[Expr]) {
        let keys = select.group.clone();
        let without_aggregates = !keys.is_empty() && self.dice.percent(14);
        let count = if without_aggregates { 0 } else { self.dice.between(1, 4) };
        let mut parts = keys.clone();
        let wanted: Vec<Option<Ty>> = match types {
            Some(types) => types.iter().copied().map(Some).collect(),
            None => (0..count).map(|_| None).collect(),
        };
        for ty in wanted {
            if let Some(aggregate) = (count > 0).then(|| self.aggregate(ty, leaves)).flatten() {
                parts.push(aggregate);
            }
        }
        let exprs: Vec<Expr> = match types {
            Some(types) => types.iter().map(|ty| self.over_group(*ty, &parts)).collect(),
            None if parts.is_empty() => vec![self.literal(Ty::Int4)],
            None => {
                let mut exprs: Vec<Expr> = parts
                    .iter()
                    .filter(|part| matches!(part, Expr::Aggregate(_)) || self.dice.percent(85))
                    .cloned()
                    .collect();
                if self.dice.percent(25) || exprs.is_empty() {
                    let ty = self.some_type(Class::Any, &parts);
                    exprs.push(self.over_group(ty, &parts));
                }
                exprs
            }
        };
        for expr in exprs {
            select.targets.push(Target { expr, name: self.name("x") });
        }
        if !keys.is_empty() && self.dice.percent(20) {
            select.having.push(self.condition(&parts, 2));
        }
    }

    fn over_group(&mut self, ty: Ty, parts: &[Expr]) -> Expr {
        let depth = *self.dice.weighted(&[(3, 0), (3, 1), (1, 2)]);
        self.expr(ty, parts, depth)
    }

    /// A window function.
    fn window(&mut self, ty: Ty, leaves: &[Expr]) -> Option<Expr> {
        let call = self.call(Kind::Window, ty, leaves, 0)?;
        let partition = if self.dice.percent(60) {
            vec![self.any_expr(Class::Equatable, leaves, 0)]
        } else {
            Vec::new()
        };
        let mut order = Vec::new();
        if call.template.rule.needs_unique_order {
            let unique: Vec<Expr> =
                leaves.iter().filter(|leaf| facts(leaf).unique).cloned().collect();
            order.extend(unique.into_iter().map(SortBy::Expr));
        }
        if self.dice.percent(80) {
            order.insert(0, SortBy::Expr(self.any_expr(Class::Orderable, leaves, 0)));
        }
        let order = order.into_iter().map(|by| self.sort_key(by)).collect();
        Some(Expr::Window(Box::new(Window { call, partition, order })))
    }

    /// A function that makes several rows of one.
    fn set(&mut self, ty: Ty, leaves: &[Expr]) -> Option<Expr> {
        catalogue().giving(Kind::Set, ty).find(|template| template.result == What::Ty(ty))?;
        Some(Expr::Call(self.call(Kind::Set, ty, leaves, 1)?))
    }

    /// A key of ORDER BY in a random direction.
    pub(super) fn sort_key(&mut self, by: SortBy) -> SortKey {
        let nulls_first = *self.dice.weighted(&[(60, None), (20, Some(true)), (20, Some(false))]);
        SortKey { by, descending: self.dice.percent(40), nulls_first }
    }
}
