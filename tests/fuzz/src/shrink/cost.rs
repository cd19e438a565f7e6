//! How large a query is: what the shrinker lowers.

use crate::ast::{Expr, JoinKind, Query, Select, SortBy, SortKey, Source};

/// The size of a query.
pub fn of_query(query: &Query) -> usize {
    let ctes: usize = query
        .ctes
        .iter()
        .map(|cte| 8 + usize::from(cte.materialized.is_some()) + of_query(&cte.query))
        .sum();
    let selects = query.body.selects();
    let sets = 6 * (selects.len() - 1);
    let body: usize = selects.into_iter().map(of_select).sum();
    let limit = query.limit.map_or(0, |limit| 2 + usize::from(limit > 1));
    ctes + sets + body + of_order(&query.order) + limit + 3 * usize::from(query.offset.is_some())
}

fn of_select(select: &Select) -> usize {
    let targets: usize = select.targets.iter().map(|target| 1 + of_expr(&target.expr)).sum();
    let conditions: usize =
        select.conditions.iter().chain(&select.having).map(|expr| 2 + of_expr(expr)).sum();
    let group: usize = select.group.iter().map(|key| 1 + of_expr(key)).sum();
    let from: usize = select.from.iter().map(of_source).sum();
    let flags = 3 * usize::from(select.distinct) + 3 * usize::from(select.rollup);
    5 + targets + conditions + group + from + flags
}

fn of_source(source: &Source) -> usize {
    match source {
        Source::Named { .. } => 5,
        Source::Derived { query, lateral, .. } => 8 + usize::from(*lateral) + of_query(query),
        Source::Values { rows, .. } => 3 + rows.iter().map(Vec::len).sum::<usize>(),
        Source::Join(join) => {
            let on: usize = join.on.iter().map(|expr| 2 + of_expr(expr)).sum();
            let outer = usize::from(join.kind != JoinKind::Inner);
            3 + outer + of_source(&join.left) + of_source(&join.right) + on
        }
    }
}

fn of_order(keys: &[SortKey]) -> usize {
    keys.iter()
        .map(|key| {
            let by = match &key.by {
                SortBy::Output(_) => 1,
                SortBy::Expr(expr) => of_expr(expr),
            };
            2 + by + usize::from(key.descending) + usize::from(key.nulls_first.is_some())
        })
        .sum()
}

/// The size of an expression.
pub fn of_expr(expr: &Expr) -> usize {
    let below: usize = expr.children().into_iter().map(of_expr).sum();
    below
        + match expr {
            Expr::Literal(literal) => match &literal.text {
                None => 2,
                Some(text) => 3 + text.len().min(80) / 2,
            },
            Expr::Column(_) => 4,
            Expr::Call(_) => 3,
            Expr::Aggregate(aggregate) => 4 + usize::from(aggregate.distinct),
            Expr::Window(window) => 4 + of_order(&window.order),
            Expr::Scalar(query) => 6 + of_query(query),
            Expr::Exists(membership) | Expr::In(membership) => {
                6 + usize::from(membership.negated) + of_query(&membership.query)
            }
        }
}
