//! In which order rows come, and what counts them.

use crate::ast::{Body, Expr, Query, Select, SortBy, Source, Target};
use crate::facts::facts;
use crate::types::Class;

/// Whether the order decides between any two rows that differ.
pub(super) fn is_total(query: &Query) -> bool {
    (0..query.body.first().targets.len()).all(|index| {
        if is_number(&query.body.first().targets[index].expr) {
            return true;
        }
        let sorted = query.order.iter().any(|key| key.by == SortBy::Output(index));
        sorted && query.body.first().targets[index].expr.ty().is(Class::Orderable)
    })
}

/// Whether the query numbers its rows by a sequence: their order must be total. The numbers
/// come after the sort: `make_sort_input_target` in PostgreSQL's planner.c.
pub(super) fn takes_numbers(query: &Query) -> bool {
    query.body.first().targets.iter().any(|target| is_number(&target.expr))
}

pub(super) fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(call) if call.template.rule.numbers)
}

/// Whether numbers are taken elsewhere than for the rows of the result: how often is open.
pub(super) fn takes_other_numbers(query: &Query) -> bool {
    let mut all = 0;
    query.visit_exprs(&mut |expr| all += usize::from(is_number(expr)));
    let Body::Select(select) = &query.body else { return all > 0 };
    let rows = select.targets.iter().filter(|target| is_number(&target.expr)).count();
    all > rows || (rows > 0 && (select.distinct || select.is_grouped() && select.group.is_empty()))
}

/// Whether a query without an order of its own only passes on the rows of one subquery that
/// has a total one. PostgreSQL keeps that: a SubqueryScan has the order of its input
/// (`convert_subquery_pathkeys` in pathkeys.c), and an ordered subquery has no partial paths
/// (`create_ordered_paths` in planner.c), so no Gather comes between.
pub(super) fn passes_order(query: &Query) -> bool {
    let Body::Select(select) = &query.body else { return false };
    let is_plain = |expr: &Expr| !matches!(expr, Expr::Window(_));
    query.order.is_empty()
        && query.ctes.is_empty()
        && !select.distinct
        && !select.is_grouped()
        && !select.targets.iter().any(|target| target.expr.any(&mut |expr| !is_plain(expr)))
        && reads_in_order(select)
}

/// Whether a SELECT reads one subquery with a total order, and nothing else.
fn reads_in_order(select: &Select) -> bool {
    let [Source::Derived { query, .. }] = select.from.as_slice() else { return false };
    let has_subquery = |expr: &Expr| expr.any(&mut |expr| expr.query().is_some());
    let is_canonical = |target: &Target| facts(&target.expr).canonical;
    is_total(query)
        && !query.order.is_empty()
        && query.body.selects().into_iter().flat_map(|s| &s.targets).all(is_canonical)
        // EXISTS and IN become joins.
        && !select.conditions.iter().any(has_subquery)
}

/// Whether the aggregates of a SELECT see its rows in a determined order: those of one
/// ordered subquery, all in one group. Sorting into groups would not keep it.
pub(super) fn is_in_order(select: &Select) -> bool {
    select.group.is_empty() && reads_in_order(select)
}
