//! What is special about a case: the kinds that the finder counts, so that it shows whether
//! each comes up, and with a PgFusion node.

use std::collections::BTreeSet;

use crate::ast::{Column, Expr, Select, Source};
use crate::case::{Against, Basis, Case};
use crate::catalogue;
use crate::cell;
use crate::determined::determined;
use crate::facts::is_inexact;
use crate::manner::{Manner, has_stored_form};
use crate::schema::Table;

/// All kinds; the fixed seeds must show each.
pub const ALL: [&str; 41] = [
    "prepared, executed again with other parameters",
    "portal in steps of 1",
    "portal in steps of 7",
    "portal in steps of 100",
    "cursor in steps",
    "cursor in both directions",
    "cursor in both directions, SCROLL",
    "cursor WITH HOLD",
    "PL/pgSQL loop",
    "SQL function, all rows",
    "SQL function, first row",
    "CREATE TABLE AS",
    "INSERT ... SELECT",
    "stored form of what is inserted",
    "stored form in an expression",
    "default settings",
    "serial plan",
    "serial plan: equal values that look different",
    "serial plan: order of rows",
    "invalid text",
    "long values",
    "long values out of line, uncompressed",
    "long values, lz4",
    "inheritance",
    "partitions",
    "columns that depend on a primary key",
    "columns that depend on a parent's primary key",
    "nextval",
    "nextval with OFFSET",
    "volatile function",
    "restricted function",
    "restricted function in a key",
    "function that reads a temporary table",
    "set in the target list",
    "set in GROUP BY",
    "SQL function that gives a set",
    "LATERAL subquery",
    "LATERAL function",
    "outer columns in keys and arguments",
    "condition that never holds",
    "ordered subquery",
];

/// The kinds of a case.
pub fn kinds(case: &Case) -> BTreeSet<&'static str> {
    let mut kinds = BTreeSet::new();
    of_manner(case, &mut kinds);
    if case.against == Against::Chosen {
        kinds.insert("default settings");
    }
    of_basis(case, &mut kinds);
    for query in case.query.all_queries() {
        for select in query.body.selects() {
            of_select(select, &mut kinds);
        }
    }
    let mut in_order = |select: &Select| {
        if let [Source::Derived { query, .. }] = select.from.as_slice()
            && !query.order.is_empty()
        {
            kinds.insert("ordered subquery");
        }
    };
    case.query.body.selects().into_iter().for_each(&mut in_order);
    case.query.visit_exprs(&mut |expr| of_expr(expr, &mut kinds));
    of_tables(case, &mut kinds);
    let has_offset = case.query.offset.is_some_and(|offset| offset > 0);
    if kinds.contains("nextval") && has_offset {
        kinds.insert("nextval with OFFSET");
    }
    kinds
}

fn of_manner(case: &Case, kinds: &mut BTreeSet<&'static str>) {
    let name = match &case.manner {
        Manner::Plain => return,
        Manner::Prepared => "prepared, executed again with other parameters",
        Manner::Portal(1) => "portal in steps of 1",
        Manner::Portal(7) => "portal in steps of 7",
        Manner::Portal(_) => "portal in steps of 100",
        Manner::Fetch(_) => "cursor in steps",
        Manner::Cursor(cursor) => {
            if cursor.hold {
                kinds.insert("cursor WITH HOLD");
            }
            if !cursor.goes_back() {
                return;
            }
            if cursor.scroll == Some(true) {
                kinds.insert("cursor in both directions, SCROLL");
            }
            "cursor in both directions"
        }
        Manner::Loop => "PL/pgSQL loop",
        Manner::Function => "SQL function, all rows",
        Manner::FirstRow => "SQL function, first row",
        Manner::Create => "CREATE TABLE AS",
        Manner::Insert => "INSERT ... SELECT",
    };
    kinds.insert(name);
    if matches!(case.manner, Manner::Create | Manner::Insert)
        && has_stored_form(&case.query, case.basis)
    {
        kinds.insert("stored form of what is inserted");
    }
}

fn of_basis(case: &Case, kinds: &mut BTreeSet<&'static str>) {
    if case.basis == Basis::Any {
        return;
    }
    kinds.insert("serial plan");
    if determined(&case.query, Basis::Any) == determined(&case.query, Basis::Serial) {
        return;
    }
    let mut by_order = false;
    case.query.visit_exprs(&mut |expr| {
        if let Expr::Aggregate(aggregate) = expr {
            by_order |= aggregate.call.template.rule.ordered || is_inexact(&aggregate.call);
        }
    });
    kinds.insert(if by_order {
        "serial plan: order of rows"
    } else {
        "serial plan: equal values that look different"
    });
}

fn of_select(select: &Select, kinds: &mut BTreeSet<&'static str>) {
    let is_call = |expr: &Expr| match expr {
        Expr::Call(call) => is_restricted(call.template.text),
        _ => false,
    };
    let restricted = |expr: &Expr| expr.any(&mut |expr| is_call(expr));
    if select.group.iter().any(restricted) {
        kinds.insert("restricted function in a key");
    }
    if select.group.iter().any(is_set) {
        kinds.insert("set in GROUP BY");
    } else if select.targets.iter().any(|target| target.expr.any(&mut is_set)) {
        kinds.insert("set in the target list");
    }
    for key in &select.group {
        let Expr::Column(key) = key else { continue };
        let depends = |expr: &Expr| match expr {
            Expr::Column(Column { relation, .. }) => {
                *relation == key.relation && !select.group.contains(expr)
            }
            _ => false,
        };
        if key.facts.primary && select.targets.iter().any(|target| depends(&target.expr)) {
            kinds.insert("columns that depend on a primary key");
            if !key.facts.unique {
                kinds.insert("columns that depend on a parent's primary key");
            }
        }
    }
    for source in &select.from {
        of_source(source, kinds);
    }
    if select.is_grouped() {
        let own: Vec<&str> =
            select.from.iter().flat_map(Source::leaves).filter_map(Source::alias).collect();
        let is_outer = |expr: &Expr| match expr {
            Expr::Column(column) => !own.contains(&column.relation.as_str()),
            _ => false,
        };
        let mut inside: Vec<&Expr> = select.group.iter().collect();
        for target in &select.targets {
            if matches!(target.expr, Expr::Aggregate(_)) {
                inside.push(&target.expr);
            }
        }
        if inside.into_iter().any(|expr| expr.any(&mut |expr| is_outer(expr))) {
            kinds.insert("outer columns in keys and arguments");
        }
    }
    if select.conditions.iter().any(never_holds) {
        kinds.insert("condition that never holds");
    }
}

fn of_source(source: &Source, kinds: &mut BTreeSet<&'static str>) {
    match source {
        Source::Join(join) => {
            of_source(&join.left, kinds);
            of_source(&join.right, kinds);
            if join.on.iter().any(never_holds) {
                kinds.insert("condition that never holds");
            }
        }
        Source::Derived { query, lateral: true, .. } => {
            let function = query.function().is_some();
            kinds.insert(if function { "LATERAL function" } else { "LATERAL subquery" });
        }
        _ => {}
    }
}

fn of_expr(expr: &Expr, kinds: &mut BTreeSet<&'static str>) {
    let Expr::Call(call) = expr else { return };
    let text = call.template.text;
    for (part, kind) in [
        ("fz_drift", "volatile function"),
        ("random()", "volatile function"),
        ("nextval", "nextval"),
        ("fz_mapped", "function that reads a temporary table"),
        ("fz_steps", "SQL function that gives a set"),
        ("pg_column_", "stored form in an expression"),
    ] {
        if text.contains(part) {
            kinds.insert(kind);
        }
    }
    if is_restricted(text) {
        kinds.insert("restricted function");
    }
}

fn of_tables(case: &Case, kinds: &mut BTreeSet<&'static str>) {
    let names = case.query.names();
    let used = |table: &&Table| names.contains(&table.name);
    for table in case.schema.tables.iter().filter(used) {
        if table.heirs > 0 {
            kinds.insert("inheritance");
        }
        if table.partitions > 0 {
            kinds.insert("partitions");
        }
        for (index, column) in table.columns.iter().enumerate() {
            let cells = || table.rows.iter().filter_map(|row| row[index].as_deref());
            if cells().any(cell::is_invalid) {
                kinds.insert("invalid text");
            }
            if cells().any(cell::is_long) {
                kinds.insert("long values");
                if column.storage == Some("EXTERNAL") {
                    kinds.insert("long values out of line, uncompressed");
                }
                if column.compression == Some("lz4") {
                    kinds.insert("long values, lz4");
                }
            }
        }
    }
}

/// Whether a pattern must not run in parallel workers.
pub fn is_restricted(text: &str) -> bool {
    let names = ["fz_leader", "fz_mapped", "fz_here", "pg_backend_pid"];
    names.iter().any(|name| text.contains(name))
}

fn is_set(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(call) if call.template.kind == catalogue::Kind::Set)
}

/// Whether it is a constant that is not true.
pub fn never_holds(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(literal) if literal.text.as_deref() != Some("t"))
}
