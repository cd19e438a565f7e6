//! Whole queries: WITH, set operations, ORDER BY, LIMIT.

use super::grouping::is_ordered;
use super::sources::columns;
use super::{Generator, Relation};
use crate::ast::{Body, Call, Cte, Expr, Query, SetOperation, SortBy, Target};
use crate::catalogue::{Kind, catalogue};
use crate::types::{Class, Ty};

impl Generator<'_> {
    /// A query.
    pub(super) fn top_query(&mut self) -> Query {
        let mut ctes = Vec::new();
        if self.dice.percent(12) {
            for _ in 0..*self.dice.weighted(&[(3, 1), (1, 2)]) {
                let (query, rows) = self.subquery(1, &[]);
                let name = self.name("w");
                let materialized = *self.dice.pick(&[None, Some(true), Some(false)]);
                self.ctes.push(Relation { name: name.clone(), columns: columns(&query), rows });
                ctes.push(Cte { name, materialized, query });
            }
        }
        let (body, _) = self.body(2, &[]);
        let mut query = Query { ctes, body, order: Vec::new(), limit: None, offset: None };
        self.order_and_limit(&mut query);
        if query.limit.is_some() || query.offset.is_some() || self.dice.percent(4) {
            self.number_rows(&mut query);
        }
        query
    }

    /// A subquery for FROM or WITH, and about how many rows it has.
    pub(super) fn subquery(&mut self, depth: u32, outer: &[Expr]) -> (Query, f64) {
        let (body, mut rows) = self.body(depth, outer);
        let mut query =
            Query { ctes: Vec::new(), body, order: Vec::new(), limit: None, offset: None };
        if self.dice.percent(10) && self.order_totally(&mut query) {
            let limit = self.dice.between(0, 20) as u32;
            query.limit = Some(limit);
            rows = rows.min(f64::from(limit));
        }
        (query, rows)
    }

    fn body(&mut self, depth: u32, outer: &[Expr]) -> (Body, f64) {
        let (select, rows) = self.select(None, depth, outer);
        let first = Body::Select(Box::new(select));
        let types: Vec<Ty> = first.first().targets.iter().map(|target| target.expr.ty()).collect();
        if !self.dice.percent(9) || !types.iter().all(|ty| ty.is(Class::Equatable)) {
            return (first, rows);
        }
        let (other, more) = self.select(Some(&types), depth.min(1), outer);
        let operator = *self.dice.weighted(&[(6, "UNION"), (2, "INTERSECT"), (2, "EXCEPT")]);
        let set = SetOperation {
            operator,
            all: self.dice.percent(45),
            left: first,
            right: Body::Select(Box::new(other)),
        };
        (Body::Set(Box::new(set)), rows + more)
    }

    /// Numbers the rows by a sequence, if they have a total order: also those that OFFSET
    /// leaves out.
    fn number_rows(&mut self, query: &mut Query) {
        let is_total = query.order.len() == query.body.first().targets.len()
            && query.order.iter().all(|key| matches!(key.by, SortBy::Output(_)));
        let Body::Select(select) = &mut query.body else { return };
        let is_set = |expr: &Expr| match expr {
            Expr::Call(call) => call.template.kind == Kind::Set,
            _ => false,
        };
        let has_sets = select.targets.iter().any(|target| target.expr.any(&mut |e| is_set(e)));
        if !is_total || select.distinct || has_sets || !self.dice.percent(35) {
            return;
        }
        let numbers = catalogue().giving(Kind::Scalar, Ty::Int8);
        let Some(template) = numbers.into_iter().find(|template| template.rule.numbers) else {
            return;
        };
        let expr = Expr::Call(Call { template, args: Vec::new(), ty: Ty::Int8 });
        select.targets.push(Target { expr, name: self.name("x") });
    }

    fn order_and_limit(&mut self, query: &mut Query) {
        let is_ordered = match &query.body {
            Body::Select(select) => is_ordered(&select.from),
            Body::Set(_) => false,
        };
        if is_ordered && self.dice.percent(60) {
            // As the subquery has it.
            if self.dice.percent(70) {
                self.limit(query);
            }
            return;
        }
        let roll = self.dice.below(100);
        if roll < 22 && self.order_totally(query) {
            self.limit(query);
        } else if roll < 50 {
            self.order_partly(query);
            if roll < 28 {
                self.limit(query);
            }
        } else if roll < 52 {
            self.limit(query);
        }
    }

    fn limit(&mut self, query: &mut Query) {
        if self.dice.percent(92) {
            query.limit = Some(*self.dice.pick(&[0, 1, 2, 3, 5, 10, 10, 50, 1000]));
        }
        if query.limit.is_none() || self.dice.percent(20) {
            query.offset = Some(*self.dice.pick(&[0, 1, 3, 10]));
        }
    }

    /// Sorts by all columns, if that is possible.
    pub(super) fn order_totally(&mut self, query: &mut Query) -> bool {
        let targets = &query.body.first().targets;
        if !targets.iter().all(|target| target.expr.ty().is(Class::Orderable)) {
            return false;
        }
        let mut indexes: Vec<usize> = (0..targets.len()).collect();
        self.dice.shuffle(&mut indexes);
        query.order =
            indexes.into_iter().map(|index| self.sort_key(SortBy::Output(index))).collect();
        true
    }

    fn order_partly(&mut self, query: &mut Query) {
        let select = query.body.first();
        let mut choices: Vec<SortBy> = Vec::new();
        for (index, target) in select.targets.iter().enumerate() {
            if target.expr.ty().is(Class::Orderable) {
                choices.push(SortBy::Output(index));
                let is_select = matches!(query.body, Body::Select(_)) && !select.distinct;
                if is_select && self.dice.percent(15) && !matches!(target.expr, Expr::Literal(_)) {
                    choices.push(SortBy::Expr(target.expr.clone()));
                }
            }
        }
        self.dice.shuffle(&mut choices);
        choices.truncate(self.dice.between(1, 3) as usize);
        query.order = choices.into_iter().map(|by| self.sort_key(by)).collect();
    }
}
