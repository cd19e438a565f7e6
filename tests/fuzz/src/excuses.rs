//! Why a difference may be none: whether PostgreSQL comes to an error, or to the end in
//! time, depends on the plan.

use std::collections::BTreeSet;

use fusion_tests::plan::Plan;

use crate::ast::{Body, Expr, JoinKind, Literal, Query, Source};
use crate::case::{Case, Program};
use crate::kinds::never_holds;
use crate::manner::Manner;
use crate::runner::{Explain, Outcome, Planned, Report, Runner};
use crate::types::Ty;

/// Whether the error of a plan comes from one of several conditions: which of them, and of
/// the joins, comes first is not determined. Conditions of sides that are known to be empty
/// do not count: no plan of PostgreSQL evaluates them.
pub fn fails_by_order(runner: &mut Runner, case: &Case, planned: Planned<'_>) -> bool {
    let live = without_empty_sides(&case.query);
    let query = live.as_ref().unwrap_or(&case.query);
    let query = query.with_conditions_only();
    let several = query.conditions() > 1;
    several && fails(runner, &Case { query, ..case.clone() }, planned)
}

/// Whether the conditions that join certain relations raise an error without those that
/// join others: which rows come to them depends on the order of the joins. The conditions
/// of single relations stay where they are.
pub fn fails_in_another_join_order(runner: &mut Runner, case: &Case) -> bool {
    let mut joins: Vec<BTreeSet<String>> = Vec::new();
    case.query.clone().visit_queries_mut(&mut |query| {
        each_condition(query, &mut |condition| {
            let relations = relations_of(condition);
            if relations.len() > 1 && !joins.contains(&relations) {
                joins.push(relations);
            }
            true
        });
    });
    joins.len() > 1
        && joins.iter().any(|kept| {
            let mut query = case.query.clone();
            query.visit_queries_mut(&mut |query| {
                each_condition(query, &mut |condition| {
                    let relations = relations_of(condition);
                    relations.len() < 2 || relations == *kept
                });
            });
            fails(runner, &Case { query, ..case.clone() }, Planned::Native(""))
        })
}

/// Drops the conditions of WHERE and ON of a query's own level that are not to be kept.
fn each_condition(query: &mut Query, keep: &mut dyn FnMut(&Expr) -> bool) {
    fn of_source(source: &mut Source, keep: &mut dyn FnMut(&Expr) -> bool) {
        if let Source::Join(join) = source {
            of_source(&mut join.left, keep);
            of_source(&mut join.right, keep);
            join.on.retain(|condition| keep(condition));
        }
    }
    for select in query.body.selects_mut() {
        select.from.iter_mut().for_each(|source| of_source(source, keep));
        select.conditions.retain(|condition| keep(condition));
    }
}

/// The relations of the columns in an expression.
fn relations_of(expr: &Expr) -> BTreeSet<String> {
    let mut relations = BTreeSet::new();
    expr.any(&mut |part| {
        if let Expr::Column(column) = part {
            relations.insert(column.relation.clone());
        }
        false
    });
    relations
}

/// Whether PostgreSQL's plan asks for the least or greatest value that is not NULL, by a
/// condition of its own (`build_minmax_path` in planagg.c), which it computes first.
pub fn asks_for_least_or_greatest(runner: &mut Runner, program: &Program) -> bool {
    let plan = runner.explain(program, Planned::Native(""), Explain::Plan);
    matches!(plan, Outcome::Rows(rows) if rows.lines().contains("IS NOT NULL"))
}

/// Whether PostgreSQL, too, comes to an error where it reads on behind the LIMIT, or behind
/// the only row that is asked for.
pub fn fails_beyond_its_end(runner: &mut Runner, case: &Case) -> bool {
    if case.query.limit.is_none() && case.manner != Manner::FirstRow {
        return false;
    }
    let query = Query { limit: None, offset: None, ..case.query.clone() };
    let case = Case { query, manner: Manner::Plain, ..case.clone() };
    fails(runner, &case, Planned::Native(""))
}

/// Whether PostgreSQL, too, comes to an error where it reads a cursor to its end.
pub fn fails_behind_the_cursor(runner: &mut Runner, case: &Case) -> bool {
    fails(runner, &Case { manner: Manner::Plain, ..case.clone() }, Planned::Native(""))
}

fn fails(runner: &mut Runner, case: &Case, planned: Planned<'_>) -> bool {
    let reports = runner.run(&case.program(), planned, 1);
    let is_data = |report: &Report| matches!(&report.outcome, Outcome::Failed(failure) if failure.is_data_exception());
    reports.iter().any(is_data)
}

/// Whether a plan with pg_fusion is slow by its nature: it runs PgFusion nodes again and
/// again, for a subquery of every row or inside of a nested loop, or it looks at every
/// pair of rows of a join without an equality. Cost would not have chosen it.
pub fn is_slow_by_nature(runner: &mut Runner, program: &Program, planned: Planned<'_>) -> bool {
    let Outcome::Rows(rows) = runner.explain(program, planned, Explain::Plan) else {
        return false;
    };
    let text = rows.lines();
    let plan = Plan::parse(&text);
    text.contains("\"Subplan Name\": \"SubPlan")
        || plan.rescans_fusion()
        || plan.fusion_lines().any(joins_all_pairs)
}

/// Whether PostgreSQL's plan has nodes that are never executed.
pub fn leaves_nodes_alone(runner: &mut Runner, program: &Program) -> bool {
    let plan = runner.explain(program, Planned::Native(""), Explain::Analyze);
    matches!(plan, Outcome::Rows(rows) if rows.lines().contains("\"Actual Loops\": 0,"))
}

/// The query without the sides of joins that a condition that never holds makes empty:
/// PostgreSQL evaluates nothing there (`mark_dummy_rel` in joinrels.c). `None` if none is.
fn without_empty_sides(query: &Query) -> Option<Query> {
    let mut copy = query.clone();
    let mut found = false;
    copy.visit_queries_mut(&mut |query| {
        let Body::Select(select) = &mut query.body else { return };
        for source in &mut select.from {
            found |= drop_empty_sides(source);
        }
        if select.conditions.iter().any(never_holds) {
            found = true;
            select.from.clear();
            select.conditions.clear();
        }
    });
    let mut aliases = Vec::new();
    for query in copy.all_queries() {
        let selects = query.body.selects();
        let leaves = selects.iter().flat_map(|select| &select.from).flat_map(Source::leaves);
        aliases.extend(leaves.filter_map(Source::alias).map(str::to_owned));
    }
    copy.visit_exprs_mut(&mut |expr| {
        if matches!(expr, Expr::Column(column) if !aliases.contains(&column.relation)) {
            *expr = Expr::null(expr.ty());
        }
    });
    found.then_some(copy)
}

fn drop_empty_sides(source: &mut Source) -> bool {
    let Source::Join(join) = source else { return false };
    let found = drop_empty_sides(&mut join.left) | drop_empty_sides(&mut join.right);
    if !join.on.iter().any(never_holds) {
        return found;
    }
    *source = match join.kind {
        JoinKind::Left => join.left.clone(),
        JoinKind::Right => join.right.clone(),
        // All rows of both sides remain.
        JoinKind::Full => return found,
        JoinKind::Inner => Source::Values {
            rows: vec![vec![Literal { ty: Ty::Int4, text: None }]],
            alias: "nothing".to_owned(),
            columns: vec!["y".to_owned()],
        },
    };
    true
}

/// Whether a line of a fusion plan is a join none of whose conditions is an equality.
fn joins_all_pairs(line: &str) -> bool {
    if !line.contains(" join") {
        return false;
    }
    let conditions = line.split_once(" on ").map_or("", |(_, conditions)| conditions);
    !conjuncts(conditions).iter().any(|one| one.contains(" = ") && !one.contains(" OR "))
}

/// What AND connects, outside of parentheses.
fn conjuncts(conditions: &str) -> Vec<&str> {
    let (mut all, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, c) in conditions.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ' ' if depth == 0 && conditions[index..].starts_with(" AND ") => {
                all.push(&conditions[start..index]);
                start = index + " AND ".len();
            }
            _ => {}
        }
    }
    all.push(&conditions[start..]);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Column, Select};

    #[test]
    fn conditions_of_one_kind_are_dropped() {
        let column = |relation: &str| {
            let (name, facts) = ("a".to_owned(), crate::facts::Facts::nothing_special());
            Expr::Column(Column { relation: relation.to_owned(), name, ty: Ty::Bool, facts })
        };
        let mut select = Select::empty();
        select.conditions = vec![column("s"), column("t"), column("s")];
        let mut query = Query::of(select);
        each_condition(&mut query, &mut |condition| relations_of(condition).contains("s"));
        assert_eq!(query.conditions(), 2);
    }

    #[test]
    fn joins_without_an_equality_look_at_all_pairs() {
        assert!(joins_all_pairs("Left join on ((c1 = -36.2) OR (c1 = c1))"));
        assert!(joins_all_pairs("  Inner join on (a < b) AND ((a = c) OR (b = d))"));
        assert!(joins_all_pairs("Cross join"));
        assert!(!joins_all_pairs("Left join on ((a = b) OR c) AND (c1 = c3)"));
        assert!(!joins_all_pairs("Leaf 0: a"));
    }
}
