//! Which part of a query's result PostgreSQL itself determines.
//!
//! Without a total order, a LIMIT takes any rows; a group shows any one of the values
//! that are equal but look different (1.0 and 1.00, 0 and -0). What is not determined
//! must not be compared. The generator makes no query without a determined result,
//! and the shrinker turns none into one.

use crate::ast::{Body, Expr, Query, Select, SortBy, Source, Window};
use crate::facts::{Facts, facts, is_inexact};
use crate::types::{Class, Ty};

/// What can be compared of a query's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Determined {
    /// The rows.
    pub rows: Rows,
    /// Of each column, whether values are only determined up to how equal ones look:
    /// trailing zeros, the sign of zero, trailing blanks.
    pub loose: Vec<bool>,
    /// The leading columns in whose order the rows come.
    pub keys: Vec<usize>,
}

/// Which rows are determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// All, in their order.
    Ordered,
    /// All, in any order that the keys allow.
    Bag,
    /// The number of rows, and the values of the keys.
    Keys,
}

/// What is determined of a query's result; `None` if that is too little.
pub fn determined(query: &Query) -> Option<Determined> {
    for subquery in query.all_queries().into_iter().skip(1) {
        let columns = own(subquery, false)?;
        let limited = subquery.limit.is_some() || subquery.offset.is_some();
        if limited && !(is_total(subquery) && columns.iter().all(|column| column.canonical)) {
            return None;
        }
    }
    let columns = own(query, true)?;
    let mut keys = Vec::new();
    for key in &query.order {
        let SortBy::Output(index) = key.by else { break };
        let column = columns.get(index)?;
        if !column.canonical && !column.ty.is_comparable_loosely() {
            break;
        }
        keys.push(index);
    }
    let loosely = |column: &Output| column.loose || !column.canonical;
    if query.limit.is_none() && query.offset.is_none() {
        let loose = columns.iter().map(|column| column.loose).collect();
        return Some(Determined { rows: Rows::Bag, loose, keys });
    }
    let loose = columns.iter().map(loosely).collect();
    if !is_total(query) {
        return Some(Determined { rows: Rows::Keys, loose, keys });
    }
    let comparable = |column: &Output| column.canonical || column.ty.is_comparable_loosely();
    columns.iter().all(comparable).then_some(Determined { rows: Rows::Ordered, loose, keys })
}

/// What is known of a query's output columns as a relation.
pub fn outputs(query: &Query) -> Vec<(String, Ty, Facts)> {
    let selects = query.body.selects();
    let first = query.body.first();
    let column = |index: usize| {
        let target = &first.targets[index];
        let ty = target.expr.ty();
        let all = selects.iter().map(|select| facts(&select.targets[index].expr));
        let mixed = all.reduce(|one, other| one.mixed(other, ty));
        let mixed = mixed.unwrap_or_else(Facts::nothing_special);
        (target.name.clone(), ty, Facts { unique: false, ..mixed })
    };
    (0..first.targets.len()).map(column).collect()
}

impl Ty {
    /// Whether values that are equal but look different can be brought to one form.
    fn is_comparable_loosely(self) -> bool {
        matches!(self, Self::Float4 | Self::Float8 | Self::Numeric | Self::Bpchar)
    }
}

struct Output {
    ty: Ty,
    canonical: bool,
    loose: bool,
}

/// Whether the order decides between any two rows that differ.
fn is_total(query: &Query) -> bool {
    (0..query.body.first().targets.len()).all(|index| {
        let sorted = query.order.iter().any(|key| key.by == SortBy::Output(index));
        sorted && query.body.first().targets[index].expr.ty().is(Class::Orderable)
    })
}

/// Checks a query itself, not its subqueries. Loosely determined values are fine at
/// the top only: below, they would be input of something else.
fn own(query: &Query, top: bool) -> Option<Vec<Output>> {
    let mut columns: Vec<Output> = query.body.first().targets.iter().map(output).collect();
    for select in query.body.selects() {
        own_select(select, top, &mut columns)?;
    }
    let sorted = query.order.iter().filter_map(|key| key.by.expr());
    if sorted.into_iter().any(|expr| expr.any(&mut |expr| is_undetermined(expr))) {
        return None;
    }
    if let Body::Set(_) = query.body {
        for (index, column) in columns.iter_mut().enumerate() {
            let all = query.body.selects();
            let mut all = all.iter().map(|select| facts(&select.targets[index].expr));
            column.canonical = column.ty != Ty::Bpchar
                && all.all(|f| f.canonical && !(column.ty == Ty::Numeric && f.fixed_scale));
        }
        if has_duplicate_removal(&query.body) {
            columns.iter_mut().try_for_each(|column| pick(column, top))?;
        }
    }
    Some(columns)
}

fn output(target: &crate::ast::Target) -> Output {
    let constant = matches!(target.expr, Expr::Literal(_));
    let canonical = constant || facts(&target.expr).canonical;
    Output { ty: target.expr.ty(), canonical, loose: false }
}

/// Of equal values of the column, any one may be shown.
fn pick(column: &mut Output, top: bool) -> Option<()> {
    if !column.canonical {
        if !top || !column.ty.is_comparable_loosely() {
            return None;
        }
        column.loose = true;
    }
    Some(())
}

fn has_duplicate_removal(body: &Body) -> bool {
    match body {
        Body::Select(_) => false,
        Body::Set(set) => {
            !(set.all && set.operator == "UNION")
                || has_duplicate_removal(&set.left)
                || has_duplicate_removal(&set.right)
        }
    }
}

fn own_select(select: &Select, top: bool, columns: &mut [Output]) -> Option<()> {
    for (target, column) in select.targets.iter().zip(&mut *columns) {
        if picks_freely(&target.expr) {
            pick_alone(column, top)?;
            if target.expr.children().into_iter().any(|child| child.any(&mut is_undetermined)) {
                return None;
            }
        } else if target.expr.any(&mut is_undetermined) {
            return None;
        }
        if target.expr.any(&mut |expr| !has_unique_order(expr, select)) {
            return None;
        }
        if select.distinct {
            pick(column, top)?;
        }
    }
    let targets = select.targets.len();
    if select.exprs().into_iter().skip(targets).any(|expr| expr.any(&mut is_undetermined)) {
        return None;
    }
    for key in &select.group {
        if matches!(key, Expr::Literal(_)) || facts(key).canonical {
            continue;
        }
        if !top || !key.ty().is_comparable_loosely() {
            return None;
        }
        for (target, column) in select.targets.iter().zip(&mut *columns) {
            if target.expr == *key {
                column.loose = true;
            } else if uses(&target.expr, key) {
                return None;
            }
        }
        if select.having.iter().any(|condition| uses(condition, key)) {
            return None;
        }
    }
    Some(())
}

/// Whether the value of a group's key, or of a column in it, goes into an expression
/// outside of aggregates.
fn uses(expr: &Expr, key: &Expr) -> bool {
    if matches!(expr, Expr::Aggregate(_)) {
        return false;
    }
    expr == key
        || expr.query().is_some_and(|query| mentions(query, key))
        || expr.children().into_iter().any(|child| uses(child, key))
}

fn mentions(query: &Query, key: &Expr) -> bool {
    let mut found = false;
    query.visit_exprs(&mut |expr| found |= expr == key);
    found
}

/// Whether an aggregate may take any of several values that look different.
fn picks_freely(expr: &Expr) -> bool {
    let vague = |args: &[Expr]| {
        args.iter().any(|arg| !matches!(arg, Expr::Literal(_)) && !facts(arg).canonical)
    };
    match expr {
        Expr::Aggregate(aggregate) => {
            let counts = aggregate.call.template.text.starts_with("count(");
            (aggregate.call.template.rule.picks || (aggregate.distinct && !counts))
                && vague(&aggregate.call.args)
        }
        Expr::Window(window) => window.call.template.rule.picks && vague(&window.call.args),
        _ => false,
    }
}

fn pick_alone(column: &mut Output, top: bool) -> Option<()> {
    (top && column.ty.is_comparable_loosely()).then(|| column.loose = true)
}

fn is_undetermined(expr: &Expr) -> bool {
    let inexact = match expr {
        Expr::Aggregate(aggregate) => is_inexact(&aggregate.call),
        Expr::Window(window) => is_inexact(&window.call),
        _ => false,
    };
    inexact || picks_freely(expr)
}

/// Whether a window function that needs it sees its rows in a determined order: by a
/// unique column of every table.
fn has_unique_order(expr: &Expr, select: &Select) -> bool {
    let Expr::Window(window) = expr else { return true };
    let Window { call, order, .. } = window.as_ref();
    if !call.template.rule.needs_unique_order {
        return true;
    }
    let has_key = |alias: &str| {
        order.iter().any(|key| match &key.by {
            SortBy::Expr(Expr::Column(column)) => column.relation == alias && column.facts.unique,
            _ => false,
        })
    };
    !select.is_grouped()
        && select.from.iter().flat_map(Source::leaves).all(|source| match source {
            Source::Named { alias, .. } => has_key(alias),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Aggregate, Call, Column, SortKey, Target};
    use crate::catalogue::{Kind, catalogue};

    fn column(name: &str, ty: Ty, canonical: bool) -> Expr {
        let facts = Facts { canonical, ..Facts::nothing_special() };
        Expr::Column(Column { relation: "t".to_owned(), name: name.to_owned(), ty, facts })
    }

    fn select(exprs: Vec<Expr>) -> Select {
        let name = |index| format!("x{index}");
        let targets = exprs.into_iter().enumerate();
        Select {
            distinct: false,
            targets: targets.map(|(i, expr)| Target { expr, name: name(i) }).collect(),
            from: vec![Source::Named { name: "t".to_owned(), alias: "t".to_owned() }],
            conditions: Vec::new(),
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        }
    }

    fn aggregate(ty: Ty, text: &str, arg: Expr) -> Expr {
        let mut templates = catalogue().giving(Kind::Aggregate, ty);
        let template = templates.find(|template| template.text == text).expect(text);
        let call = Call { template, args: vec![arg], ty };
        Expr::Aggregate(Box::new(Aggregate { call, distinct: false, filter: None }))
    }

    fn by(index: usize) -> SortKey {
        SortKey { by: SortBy::Output(index), descending: false, nulls_first: None }
    }

    #[test]
    fn limits_need_a_total_order() {
        let mut query =
            Query::of(select(vec![column("a", Ty::Int4, true), column("b", Ty::Text, true)]));
        assert_eq!(determined(&query).unwrap().rows, Rows::Bag);
        query.order = vec![by(1)];
        assert_eq!(determined(&query).unwrap().keys, [1]);
        query.limit = Some(3);
        assert_eq!(determined(&query).unwrap().rows, Rows::Keys);
        query.order.push(by(0));
        assert_eq!(determined(&query).unwrap().rows, Rows::Ordered);
    }

    #[test]
    fn limits_below_need_one_and_canonical_values() {
        let inner = |canonical, order| {
            let mut query = Query::of(select(vec![column("n", Ty::Numeric, canonical)]));
            query.limit = Some(1);
            query.order = order;
            let source =
                Source::Derived { query: Box::new(query), alias: "d".to_owned(), lateral: false };
            Query::of(Select { from: vec![source], ..select(vec![column("a", Ty::Int4, true)]) })
        };
        assert!(determined(&inner(true, vec![by(0)])).is_some());
        assert!(determined(&inner(false, vec![by(0)])).is_none());
        assert!(determined(&inner(true, Vec::new())).is_none());
    }

    #[test]
    fn look_alike_keys_are_loose_at_the_top() {
        let key = column("n", Ty::Numeric, false);
        let mut grouped =
            select(vec![key.clone(), aggregate(Ty::Int8, "count({d}{A}){f}", key.clone())]);
        grouped.group = vec![key.clone()];
        assert_eq!(determined(&Query::of(grouped.clone())).unwrap().loose, [true, false]);
        let template =
            catalogue().giving(Kind::Scalar, Ty::Numeric).find(|t| t.text == "- {numeric}");
        let template = template.unwrap();
        let minus = Expr::Call(Call { template, args: vec![key], ty: Ty::Numeric });
        grouped.targets[0].expr = minus;
        assert!(determined(&Query::of(grouped)).is_none());
        let interval = column("i", Ty::Interval, false);
        let mut grouped = select(vec![interval.clone()]);
        grouped.group = vec![interval];
        assert!(determined(&Query::of(grouped)).is_none());
    }

    #[test]
    fn extremes_of_look_alikes_are_loose() {
        let max = aggregate(Ty::Numeric, "max({M}){f}", column("n", Ty::Numeric, false));
        assert_eq!(determined(&Query::of(select(vec![max]))).unwrap().loose, [true]);
        let max = aggregate(Ty::Numeric, "max({M}){f}", column("n", Ty::Numeric, true));
        assert_eq!(determined(&Query::of(select(vec![max]))).unwrap().loose, [false]);
    }

    #[test]
    fn inexact_sums_are_not_determined() {
        let Expr::Column(mut inexact) = column("f", Ty::Float8, true) else { unreachable!() };
        inexact.facts.summable = false;
        let sum = aggregate(Ty::Float8, "sum({d}{float8~}){f}", Expr::Column(inexact));
        assert!(determined(&Query::of(select(vec![sum]))).is_none());
    }
}
