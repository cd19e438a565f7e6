//! FROM: tables, subqueries, CTEs, and joins of them.

use super::{Generator, Relation};
use crate::ast::{Column, Expr, Join, JoinKind, Literal, Query, Select, Source, Target};
use crate::catalogue::{Kind, catalogue};
use crate::determined::outputs;
use crate::facts::{Facts, facts};
use crate::types::{Class, Ty};

/// Joins are made so that they have about this many rows at most.
const MOST_ROWS: f64 = 20_000.0;
/// What has no key to join on compares all pairs: of so many at most.
const MOST_PAIRS: f64 = 60_000.0;

/// A FROM clause.
pub(super) struct From {
    /// Its items.
    pub(super) sources: Vec<Source>,
    /// All columns.
    pub(super) leaves: Vec<Expr>,
    /// About how many rows there are.
    pub(super) rows: f64,
}

/// One side of a join.
pub(super) struct Side {
    pub(super) source: Source,
    pub(super) leaves: Vec<Expr>,
    pub(super) rows: f64,
}

impl Generator<'_> {
    /// A FROM clause. `outer` are the columns that LATERAL subqueries may use, too.
    pub(super) fn from(&mut self, depth: u32, outer: &[Expr]) -> From {
        let count = match depth {
            0 => 1,
            1 => *self.dice.weighted(&[(6, 1), (3, 2)]),
            _ => *self.dice.weighted(&[(30, 1), (44, 2), (18, 3), (8, 4)]),
        };
        let side = self.side(count, depth, outer);
        let mut from = From { sources: vec![side.source], leaves: side.leaves, rows: side.rows };
        if count == 1 && depth > 0 && self.dice.percent(8) {
            let other = self.side(1, depth - 1, outer);
            if from.rows * other.rows <= MOST_PAIRS {
                from.rows *= other.rows;
                from.sources.push(other.source);
                from.leaves.extend(other.leaves);
            }
        }
        from
    }

    fn side(&mut self, count: usize, depth: u32, outer: &[Expr]) -> Side {
        if count == 1 {
            return self.single(depth, outer);
        }
        let right = if count > 2 && self.dice.percent(25) { 2 } else { 1 };
        let left = self.side(count - right, depth, outer);
        if right == 1 && depth > 0 && left.rows <= 300.0 && self.dice.percent(8) {
            return self.lateral(left, depth);
        }
        let right = self.side(right, depth, outer);
        self.join(left, right)
    }

    fn single(&mut self, depth: u32, outer: &[Expr]) -> Side {
        if !self.ctes.is_empty() && self.dice.percent(50) {
            let cte = self.dice.pick(&self.ctes).clone();
            return self.named(cte);
        }
        let roll = self.dice.below(100);
        if depth > 0 && roll < 16 {
            let (query, rows) = self.subquery(depth - 1, outer);
            return self.derived(query, rows, false);
        }
        if roll > 95 {
            return self.values();
        }
        let table = self.dice.pick(&self.known.tables).clone();
        self.named(table)
    }

    fn named(&mut self, relation: Relation) -> Side {
        let alias = self.name("a");
        let leaves = with_alias(&alias, relation.columns);
        Side { source: Source::Named { name: relation.name, alias }, leaves, rows: relation.rows }
    }

    pub(super) fn derived(&mut self, query: Query, rows: f64, lateral: bool) -> Side {
        let alias = self.name("d");
        let leaves = with_alias(&alias, columns(&query));
        Side { source: Source::Derived { query: Box::new(query), alias, lateral }, leaves, rows }
    }

    fn lateral(&mut self, left: Side, depth: u32) -> Side {
        let function = if self.dice.percent(30) { self.function(&left.leaves) } else { None };
        let (query, rows) = match function {
            Some(query) => (query, 3.0),
            None => self.subquery(depth - 1, &left.leaves),
        };
        let right = self.derived(query, rows, true);
        let kind = *self.dice.pick(&[JoinKind::Inner, JoinKind::Left]);
        let rows = left.rows * right.rows.max(1.0);
        let leaves = [left.leaves, right.leaves].concat();
        let join = Join { kind, left: left.source, right: right.source, on: Vec::new() };
        Side { source: Source::Join(Box::new(join)), leaves, rows }
    }

    /// A function that makes rows, over outer columns: printed as a function in FROM.
    fn function(&mut self, outer: &[Expr]) -> Option<Query> {
        let ty = *self.dice.pick(&[Ty::Int4, Ty::Int4, Ty::Text]);
        let expr = Expr::Call(self.call(Kind::Set, ty, outer, 0)?);
        Some(Query::of(Select {
            distinct: false,
            targets: vec![Target { expr, name: self.name("x") }],
            from: Vec::new(),
            conditions: Vec::new(),
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        }))
    }

    fn values(&mut self) -> Side {
        let count = self.dice.between(1, 4) as usize;
        let tables = self.known.tables.iter().flat_map(|table| &table.columns);
        let known: Vec<Ty> = tables.map(Expr::ty).collect();
        let types: Vec<Ty> =
            (0..self.dice.between(1, 3)).map(|_| *self.dice.pick(&known)).collect();
        let rows: Vec<Vec<Literal>> = (0..count)
            .map(|_| {
                let values = types.iter().map(|ty| match self.literal(*ty) {
                    Expr::Literal(literal) => literal,
                    other => Literal { ty: other.ty(), text: None },
                });
                values.collect()
            })
            .collect();
        let alias = self.name("v");
        let columns: Vec<String> = types.iter().map(|_| self.name("y")).collect();
        let leaves = columns.iter().enumerate().map(|(index, name)| {
            let ty = types[index];
            let all = rows.iter().map(|row| facts(&Expr::Literal(row[index].clone())));
            let mixed = all.reduce(|one, other| one.mixed(other, ty));
            let facts =
                Facts { fixed_scale: false, ..mixed.unwrap_or_else(Facts::nothing_special) };
            let (relation, name) = (alias.clone(), name.clone());
            Expr::Column(Column { relation, name, ty, facts })
        });
        let leaves = leaves.collect();
        Side { source: Source::Values { rows, alias, columns }, leaves, rows: count as f64 }
    }

    fn join(&mut self, left: Side, right: Side) -> Side {
        let kind = *self.dice.weighted(&[
            (52, JoinKind::Inner),
            (24, JoinKind::Left),
            (10, JoinKind::Right),
            (10, JoinKind::Full),
        ]);
        let pairs = left.rows * right.rows;
        let mut on = Vec::new();
        let mut rows = pairs;
        // Few pairs may go without a key.
        let keyless = kind != JoinKind::Full && pairs <= MOST_PAIRS && self.dice.percent(14);
        if !keyless {
            let wanted = *self.dice.weighted(&[(70, 1), (24, 2), (6, 3)]);
            for _ in 0..8 {
                if on.len() >= wanted && rows <= MOST_ROWS {
                    break;
                }
                if let Some((condition, distinct)) = self.key(&left, &right) {
                    on.push(condition);
                    rows /= distinct;
                }
            }
        }
        let leaves = [left.leaves, right.leaves].concat();
        if self.dice.percent(3) {
            on.push(self.never());
        }
        let residual = if on.is_empty() { 75 } else { 18 };
        if kind != JoinKind::Full && self.dice.percent(residual) {
            let depth = *self.dice.pick(&[1, 1, 2]);
            on.push(self.condition(&leaves, depth));
        }
        // PostgreSQL has no full join without a key.
        let kind = if on.is_empty() && kind == JoinKind::Full { JoinKind::Inner } else { kind };
        let rows = match kind {
            JoinKind::Inner => rows,
            JoinKind::Left => rows.max(left.rows),
            JoinKind::Right => rows.max(right.rows),
            JoinKind::Full => rows.max(left.rows + right.rows),
        };
        let join = Join { kind, left: left.source, right: right.source, on };
        Side { source: Source::Join(Box::new(join)), leaves, rows: rows.max(1.0) }
    }

    /// An equality between both sides, and how many different values divide the rows.
    fn key(&mut self, left: &Side, right: &Side) -> Option<(Expr, f64)> {
        let large = left.rows * right.rows > 2000.0;
        let mut pairs: Vec<(u32, (&Expr, &Expr))> = Vec::new();
        for one in left.leaves.iter().filter(|leaf| leaf.ty().is(Class::Equatable)) {
            for other in &right.leaves {
                let few = facts(one).distinct.max(facts(other).distinct) < 3.0;
                let weight = match (one.ty() == other.ty(), few && large) {
                    (_, true) => 3,
                    (true, false) => 36,
                    (false, false) => 12,
                };
                let common = facts(one).marks & facts(other).marks != 0;
                let weight = if common { weight } else { weight / 3 };
                if catalogue().equalities(one.ty(), other.ty()).next().is_some() {
                    pairs.push((weight, (one, other)));
                }
            }
        }
        if pairs.is_empty() {
            return None;
        }
        let &(one, other) = self.dice.weighted(&pairs);
        let (mut one, mut other) = (one.clone(), other.clone());
        let distinct = facts(&one).distinct.max(facts(&other).distinct);
        for (side, key) in [(left, &mut one), (right, &mut other)] {
            if self.dice.percent(7) {
                *key = self.expr(key.ty(), &side.leaves, 1);
            }
        }
        Some((self.equality(one, other)?, distinct))
    }

    /// One equals the other, if their types can be compared.
    pub(super) fn equality(&mut self, one: Expr, other: Expr) -> Option<Expr> {
        let templates: Vec<_> = catalogue().equalities(one.ty(), other.ty()).collect();
        let template = *self.dice.pick(if templates.is_empty() { return None } else { &templates });
        let args = vec![one, other];
        Some(Expr::Call(crate::ast::Call { template, args, ty: Ty::Bool }))
    }
}

/// A query's output as columns of a relation.
pub(super) fn columns(query: &Query) -> Vec<Expr> {
    let column =
        |(name, ty, facts)| Expr::Column(Column { relation: String::new(), name, ty, facts });
    outputs(query).into_iter().map(column).collect()
}

fn with_alias(alias: &str, columns: Vec<Expr>) -> Vec<Expr> {
    let rename = |expr| match expr {
        Expr::Column(column) => Expr::Column(Column { relation: alias.to_owned(), ..column }),
        other => other,
    };
    columns.into_iter().map(rename).collect()
}
