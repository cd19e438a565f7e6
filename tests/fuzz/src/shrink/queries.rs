//! Smaller queries by leaving out clauses, sources and whole levels.

use crate::ast::{Body, Expr, JoinKind, Query, Select, SortBy, Source};

/// Queries with something left out, the largest cuts first.
pub fn candidates(query: &Query) -> Vec<Query> {
    let mut all = Vec::new();
    for subquery in query.all_queries().into_iter().skip(1) {
        let mut top = subquery.clone();
        if top.ctes.is_empty() {
            top.ctes.clone_from(&query.ctes);
        }
        all.push(top);
    }
    all.extend((0..query.ctes.len()).filter_map(|index| cte_inlined(query, index)));
    for number in 0..query.all_queries().len() {
        all.extend(edits(query, number));
    }
    all
}

/// The query with a CTE that is used once as a subquery in FROM.
fn cte_inlined(query: &Query, index: usize) -> Option<Query> {
    let mut copy = query.clone();
    let cte = copy.ctes.remove(index);
    let mut uses = 0;
    copy.visit_queries_mut(&mut |query| {
        for select in query.body.selects_mut() {
            for leaf in select.from.iter_mut().flat_map(Source::leaves_mut) {
                let Source::Named { name, alias } = &*leaf else { continue };
                if *name == cte.name {
                    let (query, alias) = (Box::new(cte.query.clone()), alias.clone());
                    *leaf = Source::Derived { query, alias, lateral: false };
                    uses += 1;
                }
            }
        }
    });
    (uses == 1).then_some(copy)
}

/// Applies every edit there is to the subquery of a number.
fn edits(query: &Query, number: usize) -> Vec<Query> {
    let mut all = Vec::new();
    for step in 0.. {
        let mut copy = query.clone();
        let mut rest = number;
        let mut done = None;
        let mut visited = 0;
        copy.visit_queries_mut(&mut |query| {
            if visited == rest && done.is_none() {
                done = Some(edit(query, step));
                // Numbers no longer mean the same.
                rest = usize::MAX;
            }
            visited += 1;
        });
        match done {
            Some(Some(gone)) => {
                gone.forget(&mut copy);
                all.push(copy);
            }
            _ => return all,
        }
    }
    all
}

/// What an edit took away: relations, and output columns of relations.
#[derive(Default)]
struct Gone {
    relations: Vec<String>,
    outputs: Vec<String>,
    /// New expressions for columns of a relation.
    replaced: Vec<(String, String, Expr)>,
}

/// Makes edit number `step`; `None` if there are not so many. An edit that does not
/// apply leaves the query as it is.
fn edit(query: &mut Query, step: usize) -> Option<Gone> {
    let mut counter = Counter { wanted: step, next: 0 };
    let mut gone = Gone::default();
    if query_edit(query, &mut counter, &mut gone) { Some(gone) } else { None }
}

/// Numbers the edits as they come.
struct Counter {
    wanted: usize,
    next: usize,
}

impl Counter {
    /// Whether the next edit is the wanted one.
    fn hit(&mut self) -> bool {
        self.next += 1;
        self.next == self.wanted + 1
    }

    /// Which of the next edits, so many, is the wanted one.
    fn hit_of(&mut self, count: usize) -> Option<usize> {
        let first = self.next;
        self.next += count;
        (first..self.next).contains(&self.wanted).then(|| self.wanted - first)
    }
}

fn query_edit(query: &mut Query, counter: &mut Counter, gone: &mut Gone) -> bool {
    if let Some(index) = counter.hit_of(query.ctes.len()) {
        query.ctes.remove(index);
        return true;
    }
    if let Body::Set(set) = &query.body {
        let names: Vec<String> =
            query.body.first().targets.iter().map(|target| target.name.clone()).collect();
        if let Some(side) = counter.hit_of(2) {
            let mut body = if side == 0 { set.left.clone() } else { set.right.clone() };
            for select in body.selects_mut() {
                for (target, name) in select.targets.iter_mut().zip(&names) {
                    target.name.clone_from(name);
                }
            }
            query.body = body;
            return true;
        }
    }
    if counter.hit() {
        (query.limit, query.offset) = (None, None);
        return true;
    }
    if counter.hit() {
        query.offset = None;
        return true;
    }
    if counter.hit() {
        query.order.clear();
        return true;
    }
    if let Some(index) = counter.hit_of(query.order.len()) {
        query.order.remove(index);
        return true;
    }
    if let Some(index) = counter.hit_of(query.order.len()) {
        (query.order[index].descending, query.order[index].nulls_first) = (false, None);
        return true;
    }
    if counter.hit() {
        query.limit = query.limit.map(|limit| limit.min(1));
        return true;
    }
    let width = query.body.first().targets.len();
    if let Some(index) = counter.hit_of(if width > 1 { width } else { 0 }) {
        gone.outputs.push(query.body.first().targets[index].name.clone());
        drop_output(query, index);
        return true;
    }
    if let Some(index) = counter.hit_of(query.ctes.len()) {
        query.ctes[index].materialized = None;
        return true;
    }
    query.body.selects_mut().into_iter().any(|select| select_edit(select, counter, gone))
}

fn drop_output(query: &mut Query, index: usize) {
    for select in query.body.selects_mut() {
        if index < select.targets.len() {
            select.targets.remove(index);
        }
    }
    query.order.retain(|key| key.by != SortBy::Output(index));
    for key in &mut query.order {
        if let SortBy::Output(output) = &mut key.by {
            *output -= usize::from(*output > index);
        }
    }
}

fn select_edit(select: &mut Select, counter: &mut Counter, gone: &mut Gone) -> bool {
    if counter.hit() {
        select.conditions.clear();
        return true;
    }
    if counter.hit() {
        select.having.clear();
        return true;
    }
    if counter.hit() {
        (select.distinct, select.rollup) = (false, false);
        return true;
    }
    if counter.hit() {
        select.group.clear();
        return true;
    }
    for list in [&mut select.conditions, &mut select.having, &mut select.group] {
        if let Some(index) = counter.hit_of(list.len()) {
            list.remove(index);
            return true;
        }
    }
    // A grouped query without its groups.
    if counter.hit() {
        select.group.clear();
        select.having.clear();
        for target in &mut select.targets {
            if let Expr::Aggregate(aggregate) = &target.expr {
                let ty = aggregate.call.ty;
                let same = aggregate.call.args.iter().find(|arg| arg.ty() == ty);
                target.expr = same.cloned().unwrap_or_else(|| Expr::null(ty));
            }
        }
        return true;
    }
    if let Some(index) = counter.hit_of(select.from.len()) {
        let source = select.from.remove(index);
        gone.take(&source);
        return true;
    }
    if inline_edit(select, counter, gone) {
        return true;
    }
    select.from.iter_mut().any(|source| source_edit(source, counter, gone))
}

/// Replaces a subquery in FROM that only selects rows by what it selects from.
fn inline_edit(select: &mut Select, counter: &mut Counter, gone: &mut Gone) -> bool {
    let mut conditions = Vec::new();
    let done = select.from.iter_mut().flat_map(Source::leaves_mut).any(|leaf| {
        let Source::Derived { query, alias, .. } = &*leaf else { return false };
        let (Body::Select(inner), [source]) = (&query.body, query.body.first().from.as_slice())
        else {
            return false;
        };
        let plain = !inner.is_grouped()
            && !inner.distinct
            && query.limit.is_none()
            && query.offset.is_none();
        if !plain || !counter.hit() {
            return false;
        }
        for target in &inner.targets {
            gone.replaced.push((alias.clone(), target.name.clone(), target.expr.clone()));
        }
        conditions.clone_from(&inner.conditions);
        *leaf = source.clone();
        true
    });
    select.conditions.extend(conditions);
    done
}

fn source_edit(source: &mut Source, counter: &mut Counter, gone: &mut Gone) -> bool {
    match source {
        Source::Join(join) => {
            if let Some(side) = counter.hit_of(2) {
                let (kept, dropped) =
                    if side == 0 { (&join.left, &join.right) } else { (&join.right, &join.left) };
                gone.take(dropped);
                *source = kept.clone();
                return true;
            }
            if counter.hit() {
                join.kind = JoinKind::Inner;
                return true;
            }
            if let Some(index) = counter.hit_of(join.on.len()) {
                join.on.remove(index);
                return true;
            }
            source_edit(&mut join.left, counter, gone)
                || source_edit(&mut join.right, counter, gone)
        }
        Source::Values { rows, .. } => {
            if let Some(index) = counter.hit_of(if rows.len() > 1 { rows.len() } else { 0 }) {
                rows.remove(index);
                return true;
            }
            false
        }
        Source::Derived { lateral, .. } => {
            if counter.hit() {
                *lateral = false;
                return true;
            }
            false
        }
        Source::Named { .. } => false,
    }
}

impl Gone {
    fn take(&mut self, source: &Source) {
        self.relations
            .extend(source.leaves().into_iter().filter_map(Source::alias).map(str::to_owned));
    }

    /// Whether an expression is about what is gone.
    fn concerns(&self, expr: &Expr) -> bool {
        expr.any(&mut |expr| match expr {
            Expr::Column(column) => {
                self.relations.contains(&column.relation) || self.outputs.contains(&column.name)
            }
            _ => false,
        })
    }

    /// Leaves out conditions about what is gone; elsewhere NULL takes its place.
    fn forget(&self, query: &mut Query) {
        if self.relations.is_empty() && self.outputs.is_empty() && self.replaced.is_empty() {
            return;
        }
        query.visit_queries_mut(&mut |query| {
            for select in query.body.selects_mut() {
                select.conditions.retain(|condition| !self.concerns(condition));
                select.having.retain(|condition| !self.concerns(condition));
                select.group.retain(|key| !self.concerns(key));
                for source in &mut select.from {
                    self.forget_joins(source);
                }
            }
        });
        query.visit_exprs_mut(&mut |expr| {
            if let Expr::Column(column) = expr {
                let new = self.replaced.iter().find(|(relation, name, _)| {
                    *relation == column.relation && *name == column.name
                });
                if let Some((_, _, new)) = new {
                    *expr = new.clone();
                } else if self.concerns(expr) {
                    *expr = Expr::null(expr.ty());
                }
            }
        });
    }

    fn forget_joins(&self, source: &mut Source) {
        if let Source::Join(join) = source {
            join.on.retain(|condition| !self.concerns(condition));
            self.forget_joins(&mut join.left);
            self.forget_joins(&mut join.right);
        }
    }
}
