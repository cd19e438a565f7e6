//! Visits every expression, constant and subquery of a query.

use super::{Expr, Literal, Query, Select, Source, Target};
use crate::types::Ty;

impl Query {
    /// Calls a function with every expression in the query and its subqueries,
    /// those above before those below.
    pub fn visit_exprs(&self, visit: &mut dyn FnMut(&Expr)) {
        for cte in &self.ctes {
            cte.query.visit_exprs(visit);
        }
        for select in self.body.selects() {
            for leaf in select.from.iter().flat_map(Source::leaves) {
                if let Source::Derived { query, .. } = leaf {
                    query.visit_exprs(visit);
                }
            }
            for expr in select.exprs() {
                visit_expr(expr, visit);
            }
        }
        for expr in self.order.iter().filter_map(|key| key.by.expr()) {
            visit_expr(expr, visit);
        }
    }

    /// The same, to change them. What the function puts in place is visited, too.
    pub fn visit_exprs_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        for cte in &mut self.ctes {
            cte.query.visit_exprs_mut(visit);
        }
        for select in self.body.selects_mut() {
            for leaf in select.from.iter_mut().flat_map(Source::leaves_mut) {
                if let Source::Derived { query, .. } = leaf {
                    query.visit_exprs_mut(visit);
                }
            }
            for expr in select.exprs_mut() {
                visit_expr_mut(expr, visit);
            }
        }
        for expr in self.order.iter_mut().filter_map(|key| key.by.expr_mut()) {
            visit_expr_mut(expr, visit);
        }
    }

    /// Calls a function with every constant in the query and its subqueries, those of
    /// VALUES, too, to change them.
    pub fn visit_literals_mut(&mut self, visit: &mut dyn FnMut(&mut Literal)) {
        self.visit_exprs_mut(&mut |expr| {
            if let Expr::Literal(literal) = expr {
                visit(literal);
            }
        });
        self.visit_queries_mut(&mut |query| {
            for select in query.body.selects_mut() {
                for leaf in select.from.iter_mut().flat_map(Source::leaves_mut) {
                    if let Source::Values { rows, .. } = leaf {
                        rows.iter_mut().flatten().for_each(&mut *visit);
                    }
                }
            }
        });
    }

    /// Calls a function with the query and all subqueries, itself first, to change
    /// them.
    pub fn visit_queries_mut(&mut self, visit: &mut dyn FnMut(&mut Self)) {
        visit(self);
        for cte in &mut self.ctes {
            cte.query.visit_queries_mut(visit);
        }
        for select in self.body.selects_mut() {
            for leaf in select.from.iter_mut().flat_map(Source::leaves_mut) {
                if let Source::Derived { query, .. } = leaf {
                    query.visit_queries_mut(visit);
                }
            }
            for expr in select.exprs_mut() {
                queries_in_mut(expr, visit);
            }
        }
        for expr in self.order.iter_mut().filter_map(|key| key.by.expr_mut()) {
            queries_in_mut(expr, visit);
        }
    }

    /// The same query with nothing in its output: only its conditions are evaluated.
    pub fn with_conditions_only(&self) -> Self {
        let mut query = Self { order: Vec::new(), limit: None, offset: None, ..self.clone() };
        for select in query.body.selects_mut() {
            let expr = Expr::null(Ty::Int4);
            select.targets = vec![Target { expr, name: "nothing".to_owned() }];
            (select.distinct, select.rollup) = (false, false);
            select.group.clear();
            select.having.clear();
        }
        query
    }

    /// How many conditions there are in it and in its subqueries, of WHERE, ON and HAVING.
    pub fn conditions(&self) -> usize {
        let select = |select: &Select| {
            let mut on = Vec::new();
            select.from.iter().for_each(|source| source.conditions(&mut on));
            on.len() + select.conditions.len() + select.having.len()
        };
        let queries = self.all_queries().into_iter().flat_map(|query| query.body.selects());
        queries.map(select).sum()
    }

    /// The names of all tables and CTEs that it selects from.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for query in self.all_queries() {
            let selects = query.body.selects();
            for leaf in selects.iter().flat_map(|select| &select.from).flat_map(Source::leaves) {
                if let Source::Named { name, .. } = leaf {
                    names.push(name.clone());
                }
            }
        }
        names
    }

    /// The query and all subqueries.
    pub fn all_queries(&self) -> Vec<&Self> {
        let mut all = vec![self];
        for cte in &self.ctes {
            all.extend(cte.query.all_queries());
        }
        for select in self.body.selects() {
            for leaf in select.from.iter().flat_map(Source::leaves) {
                if let Source::Derived { query, .. } = leaf {
                    all.extend(query.all_queries());
                }
            }
        }
        let own = self.body.selects().into_iter().flat_map(Select::exprs);
        for expr in own.chain(self.order.iter().filter_map(|key| key.by.expr())) {
            queries_in(expr, &mut all);
        }
        all
    }
}

fn visit_expr(expr: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expr);
    for child in expr.children() {
        visit_expr(child, visit);
    }
    if let Some(query) = expr.query() {
        query.visit_exprs(visit);
    }
}

fn visit_expr_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    visit(expr);
    for child in expr.children_mut() {
        visit_expr_mut(child, visit);
    }
    if let Some(query) = expr.query_mut() {
        query.visit_exprs_mut(visit);
    }
}

fn queries_in<'a>(expr: &'a Expr, all: &mut Vec<&'a Query>) {
    for child in expr.children() {
        queries_in(child, all);
    }
    if let Some(query) = expr.query() {
        all.extend(query.all_queries());
    }
}

fn queries_in_mut(expr: &mut Expr, visit: &mut dyn FnMut(&mut Query)) {
    for child in expr.children_mut() {
        queries_in_mut(child, visit);
    }
    if let Some(query) = expr.query_mut() {
        query.visit_queries_mut(visit);
    }
}
