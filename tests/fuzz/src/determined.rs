//! Which part of a query's result PostgreSQL itself determines.
//!
//! Without a total order, a LIMIT takes any rows; a group shows any one of the values
//! that are equal but look different (1.0 and 1.00, 0 and -0). What is not determined
//! must not be compared. The generator makes no query without a determined result,
//! and the shrinker turns none into one.
//!
//! More is determined if the plan is known to be the serial one ([`Basis::Serial`]): rows
//! then reach aggregates and groups in one order, so that which of several equal values
//! stays (`float8larger` in float.c keeps the later one, `bpchar_larger` in varchar.c the
//! first), the digits of floating-point sums, and the order of arrays are always the same.

mod groups;
mod order;

use crate::ast::{Body, Expr, Query, Select, SortBy, SortKey, Source, Window};
use crate::case::Basis;
use crate::facts::{Facts, facts, is_inexact};
use crate::types::Ty;
use groups::{depends_on_keys, shows_form_of_key};
use order::{is_in_order, is_total, passes_order, takes_numbers, takes_other_numbers};

/// What can be compared of a query's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Determined {
    /// The rows.
    pub rows: Rows,
    /// How far each column is determined.
    pub looks: Vec<Look>,
    /// The leading columns in whose order the rows come.
    pub keys: Vec<usize>,
}

/// How far a column is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// To the last character.
    Exact,
    /// Up to how equal values look: trailing zeros, the sign of zero, trailing blanks.
    Loose,
    /// Not at all: it shows any row of the group.
    Open,
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
pub fn determined(query: &Query, basis: Basis) -> Option<Determined> {
    for subquery in query.all_queries().into_iter().skip(1) {
        let columns = own(subquery, false, basis)?;
        let limited = subquery.limit.is_some() || subquery.offset.is_some();
        if limited && !(is_total(subquery) && columns.iter().all(|column| column.canonical)) {
            return None;
        }
    }
    if takes_other_numbers(query) {
        return None;
    }
    let columns = own(query, true, basis)?;
    let mut keys = Vec::new();
    for key in &query.order {
        let SortBy::Output(index) = key.by else { break };
        let column = columns.get(index)?;
        if column.look == Look::Open || (!column.canonical && !column.ty.is_comparable_loosely()) {
            break;
        }
        keys.push(index);
    }
    let looks: Vec<Look> = columns.iter().map(|column| column.look).collect();
    let limited = query.limit.is_some() || query.offset.is_some();
    let inherits = passes_order(query);
    if !limited && !inherits && !takes_numbers(query) {
        return Some(Determined { rows: Rows::Bag, looks, keys });
    }
    let is_open = looks.contains(&Look::Open);
    let total = inherits || (is_total(query) && !is_open);
    if takes_numbers(query) && !total {
        return None;
    }
    let loosely = |column: &Output| match column.look {
        Look::Exact if !column.canonical => Look::Loose,
        look => look,
    };
    let looks: Vec<Look> = columns.iter().map(loosely).collect();
    if !total {
        let rows = if limited { Rows::Keys } else { Rows::Bag };
        return Some(Determined { rows, looks, keys });
    }
    let comparable = |column: &Output| column.canonical || column.ty.is_comparable_loosely();
    columns.iter().all(comparable).then_some(Determined { rows: Rows::Ordered, looks, keys })
}

/// What is known of a query's output columns as a relation.
pub fn outputs(query: &Query) -> Vec<(String, Ty, Facts)> {
    let selects = query.body.selects();
    let first = query.body.first();
    // Of several equal values, another one may be stored in another way.
    let passes = !has_duplicate_removal(&query.body)
        && !selects.iter().any(|select| select.distinct || select.is_grouped());
    let column = |index: usize| {
        let target = &first.targets[index];
        let ty = target.expr.ty();
        let all = selects.iter().map(|select| facts(&select.targets[index].expr));
        let mixed = all.reduce(|one, other| one.mixed(other, ty));
        let mixed = mixed.unwrap_or_else(Facts::nothing_special);
        let is_read = || selects.iter().any(|select| is_read(query, &select.targets[index].expr));
        let stored = mixed.stored && passes && !is_read();
        (target.name.clone(), ty, Facts { unique: false, primary: false, stored, ..mixed })
    };
    (0..first.targets.len()).map(column).collect()
}

/// Whether a query does more with the column that `target` shows than to show it: then what
/// comes back is the value, in whatever form.
fn is_read(query: &Query, target: &Expr) -> bool {
    let Expr::Column(shown) = target else { return false };
    let mut count = 0;
    query.visit_exprs(&mut |expr| {
        if let Expr::Column(column) = expr {
            count +=
                usize::from((&column.relation, &column.name) == (&shown.relation, &shown.name));
        }
    });
    let targets = &query.body.first().targets;
    let sorts =
        |key: &SortKey| matches!(key.by, SortBy::Output(index) if targets[index].expr == *target);
    count > 1 || query.order.iter().any(sorts)
}

/// Which output columns have a determined form in a table that is filled with them: those
/// of types with one form only, those that pass through from a table, and those that are
/// too short to be compressed.
pub fn stored(query: &Query) -> Vec<bool> {
    let is_determined =
        |(_, ty, facts): (String, Ty, Facts)| ty.has_one_form() || facts.stored || !facts.long;
    outputs(query).into_iter().map(is_determined).collect()
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
    look: Look,
}

/// Checks a query itself, not its subqueries. Loosely determined values are fine at
/// the top only: below, they would be input of something else.
fn own(query: &Query, top: bool, basis: Basis) -> Option<Vec<Output>> {
    let mut columns: Vec<Output> = query.body.first().targets.iter().map(output).collect();
    for select in query.body.selects() {
        own_select(select, top, basis, &mut columns)?;
    }
    let sorted = query.order.iter().filter_map(|key| key.by.expr());
    let in_order = query.body.selects().into_iter().all(is_in_order);
    let open = |expr: &Expr| basis == Basis::Any && is_undetermined(expr, in_order);
    if sorted.into_iter().any(|expr| expr.any(&mut |expr| open(expr))) {
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
            columns.iter_mut().try_for_each(|column| pick(column, top, basis))?;
        }
    }
    Some(columns)
}

fn output(target: &crate::ast::Target) -> Output {
    let constant = matches!(target.expr, Expr::Literal(_));
    let canonical = constant || facts(&target.expr).canonical;
    Output { ty: target.expr.ty(), canonical, look: Look::Exact }
}

/// Of equal values of the column, any one may be shown.
fn pick(column: &mut Output, top: bool, basis: Basis) -> Option<()> {
    if !column.canonical && basis == Basis::Any {
        if !top || !column.ty.is_comparable_loosely() {
            return None;
        }
        column.look = Look::Loose;
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

fn own_select(select: &Select, top: bool, basis: Basis, columns: &mut [Output]) -> Option<()> {
    let in_order = is_in_order(select);
    let any = |expr: &Expr| expr.any(&mut |expr| is_undetermined(expr, in_order));
    if select.exprs().into_iter().any(|expr| expr.any(&mut |e| !has_unique_order(e, select))) {
        return None;
    }
    if basis == Basis::Serial {
        return Some(());
    }
    for (target, column) in select.targets.iter().zip(&mut *columns) {
        if picks_freely(&target.expr) {
            pick_alone(column, top)?;
            if target.expr.children().into_iter().any(any) {
                return None;
            }
        } else if any(&target.expr) {
            return None;
        }
        if select.distinct {
            pick(column, top, basis)?;
        }
    }
    let targets = select.targets.len();
    if select.exprs().into_iter().skip(targets).any(any) {
        return None;
    }
    depends_on_keys(select, top, columns)?;
    if select.is_grouped() && select.exprs().into_iter().any(shows_form_of_key) {
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
                column.look = Look::Loose;
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
    (top && column.ty.is_comparable_loosely()).then(|| column.look = Look::Loose)
}

/// `in_order`: aggregates see their rows in a determined order.
fn is_undetermined(expr: &Expr, in_order: bool) -> bool {
    let depends = match expr {
        Expr::Aggregate(aggregate) => {
            let call = &aggregate.call;
            let depends = is_inexact(call) || call.template.rule.ordered;
            depends && (aggregate.distinct || !in_order)
        }
        Expr::Window(window) => is_inexact(&window.call),
        _ => false,
    };
    depends || picks_freely(expr)
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

    fn any(query: &Query) -> Option<Determined> {
        determined(query, Basis::Any)
    }

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
        assert_eq!(any(&query).unwrap().rows, Rows::Bag);
        query.order = vec![by(1)];
        assert_eq!(any(&query).unwrap().keys, [1]);
        query.limit = Some(3);
        assert_eq!(any(&query).unwrap().rows, Rows::Keys);
        query.order.push(by(0));
        assert_eq!(any(&query).unwrap().rows, Rows::Ordered);
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
        assert!(any(&inner(true, vec![by(0)])).is_some());
        assert!(any(&inner(false, vec![by(0)])).is_none());
        assert!(any(&inner(true, Vec::new())).is_none());
    }

    #[test]
    fn look_alike_keys_are_loose_at_the_top() {
        let key = column("n", Ty::Numeric, false);
        let mut grouped =
            select(vec![key.clone(), aggregate(Ty::Int8, "count({d}{A}){f}", key.clone())]);
        grouped.group = vec![key.clone()];
        assert_eq!(any(&Query::of(grouped.clone())).unwrap().looks, [Look::Loose, Look::Exact]);
        let template =
            catalogue().giving(Kind::Scalar, Ty::Numeric).find(|t| t.text == "- {numeric}");
        let template = template.unwrap();
        let minus = Expr::Call(Call { template, args: vec![key], ty: Ty::Numeric });
        grouped.targets[0].expr = minus;
        assert!(any(&Query::of(grouped)).is_none());
        let interval = column("i", Ty::Interval, false);
        let mut grouped = select(vec![interval.clone()]);
        grouped.group = vec![interval];
        assert!(any(&Query::of(grouped)).is_none());
    }

    #[test]
    fn extremes_of_look_alikes_are_loose() {
        let max = aggregate(Ty::Numeric, "max({M}){f}", column("n", Ty::Numeric, false));
        assert_eq!(any(&Query::of(select(vec![max]))).unwrap().looks, [Look::Loose]);
        let max = aggregate(Ty::Numeric, "max({M}){f}", column("n", Ty::Numeric, true));
        assert_eq!(any(&Query::of(select(vec![max]))).unwrap().looks, [Look::Exact]);
    }

    #[test]
    fn inexact_sums_are_not_determined() {
        let Expr::Column(mut inexact) = column("f", Ty::Float8, true) else { unreachable!() };
        inexact.facts.summable = false;
        let sum = aggregate(Ty::Float8, "sum({d}{float8~}){f}", Expr::Column(inexact));
        let query = Query::of(select(vec![sum]));
        assert!(any(&query).is_none());
        assert!(determined(&query, Basis::Serial).is_some());
    }

    /// The query below another one, in the order of its first column.
    fn below(exprs: Vec<Expr>) -> Vec<Source> {
        let mut query = Query::of(select(exprs));
        query.order = vec![by(0)];
        vec![Source::Derived { query: Box::new(query), alias: "d".to_owned(), lateral: false }]
    }

    #[test]
    fn the_order_of_a_subquery_is_passed_on() {
        let mut outer = select(vec![column("a", Ty::Int4, true)]);
        outer.from = below(vec![column("a", Ty::Int4, true)]);
        let mut query = Query::of(outer.clone());
        query.limit = Some(2);
        assert_eq!(any(&query).unwrap().rows, Rows::Ordered);
        outer.targets[0].expr =
            aggregate(Ty::Text, "array_agg({S}){f}::text", column("a", Ty::Int4, true));
        assert!(any(&Query::of(outer.clone())).is_some());
        outer.group = vec![column("a", Ty::Int4, true)];
        assert!(any(&Query::of(outer.clone())).is_none());
        assert!(determined(&Query::of(outer), Basis::Serial).is_some());
    }

    #[test]
    fn what_depends_on_a_parents_key_is_open() {
        let key = |unique| {
            let Expr::Column(mut key) = column("id", Ty::Int4, true) else { unreachable!() };
            (key.facts.primary, key.facts.unique) = (true, unique);
            Expr::Column(key)
        };
        let grouped = |unique| {
            let mut grouped = select(vec![key(unique), column("a", Ty::Text, true)]);
            grouped.group = vec![key(unique)];
            Query::of(grouped)
        };
        assert_eq!(any(&grouped(true)).unwrap().looks, [Look::Exact, Look::Exact]);
        assert_eq!(any(&grouped(false)).unwrap().looks, [Look::Exact, Look::Open]);
        let serial = determined(&grouped(false), Basis::Serial).unwrap();
        assert_eq!(serial.looks, [Look::Exact, Look::Exact]);
    }

    #[test]
    fn numbers_need_a_total_order_at_the_top() {
        let template = catalogue().giving(Kind::Scalar, Ty::Int8).find(|t| t.rule.numbers);
        let call = Call { template: template.unwrap(), args: Vec::new(), ty: Ty::Int8 };
        let mut query = Query::of(select(vec![column("a", Ty::Int4, true), Expr::Call(call)]));
        assert!(any(&query).is_none());
        query.order = vec![by(0)];
        assert_eq!(any(&query).unwrap().rows, Rows::Ordered);
        query.body.selects_mut()[0].distinct = true;
        assert!(any(&query).is_none());
    }
}
