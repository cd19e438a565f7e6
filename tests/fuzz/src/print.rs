//! Queries as SQL text.

use std::fmt::Write as _;

use crate::ast::{
    Body, Call, Expr, Join, JoinKind, Literal, Query, Select, SortBy, SortKey, Source,
};
use crate::catalogue::Piece;
use crate::cell::quoted;
use crate::types::Ty;

/// A query's text.
pub fn sql(query: &Query) -> String {
    let mut printer = Printer { sql: String::new(), parameters: None };
    printer.query(query);
    printer.sql
}

/// A query's text with parameters for its constants, and the constants. Equal constants
/// are one parameter, so that grouped expressions stay equal.
pub fn parametrized_sql(query: &Query) -> (String, Vec<Literal>) {
    let mut printer = Printer { sql: String::new(), parameters: Some(Vec::new()) };
    printer.query(query);
    (printer.sql, printer.parameters.unwrap_or_default())
}

/// An expression's text.
pub fn expr_sql(expr: &Expr) -> String {
    let mut printer = Printer { sql: String::new(), parameters: None };
    printer.expr(expr);
    printer.sql
}

/// A constant's text, with its type.
pub fn literal_sql(literal: &Literal) -> String {
    match &literal.text {
        Some(text) => format!("{}::{}", quoted(text), literal.ty),
        None => format!("NULL::{}", literal.ty),
    }
}

struct Printer {
    sql: String,
    parameters: Option<Vec<Literal>>,
}

impl Printer {
    fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    fn list<T>(&mut self, items: &[T], separator: &str, mut print: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.push(separator);
            }
            print(self, item);
        }
    }

    fn query(&mut self, query: &Query) {
        if !query.ctes.is_empty() {
            self.push("WITH ");
            self.list(&query.ctes, ", ", |printer, cte| {
                let materialized = match cte.materialized {
                    Some(true) => "MATERIALIZED ",
                    Some(false) => "NOT MATERIALIZED ",
                    None => "",
                };
                let _ = write!(printer.sql, "{} AS {materialized}(", cte.name);
                printer.query(&cte.query);
                printer.push(")");
            });
            self.push(" ");
        }
        self.body(&query.body);
        self.order(&query.order);
        if let Some(limit) = query.limit {
            let _ = write!(self.sql, " LIMIT {limit}");
        }
        if let Some(offset) = query.offset {
            let _ = write!(self.sql, " OFFSET {offset}");
        }
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Select(select) => self.select(select),
            Body::Set(set) => {
                self.push("(");
                self.body(&set.left);
                let all = if set.all { " ALL" } else { "" };
                let _ = write!(self.sql, ") {}{all} (", set.operator);
                self.body(&set.right);
                self.push(")");
            }
        }
    }

    fn select(&mut self, select: &Select) {
        self.push(if select.distinct { "SELECT DISTINCT " } else { "SELECT " });
        self.list(&select.targets, ", ", |printer, target| {
            printer.expr(&target.expr);
            let _ = write!(printer.sql, " AS {}", target.name);
        });
        if !select.from.is_empty() {
            self.push(" FROM ");
            self.list(&select.from, ", ", |printer, source| printer.source(source, false));
        }
        self.conjunction(" WHERE ", &select.conditions);
        if !select.group.is_empty() {
            self.push(if select.rollup { " GROUP BY ROLLUP (" } else { " GROUP BY " });
            self.list(&select.group, ", ", Self::expr);
            self.push(if select.rollup { ")" } else { "" });
        }
        self.conjunction(" HAVING ", &select.having);
    }

    fn conjunction(&mut self, keyword: &str, conditions: &[Expr]) {
        if !conditions.is_empty() {
            self.push(keyword);
            self.list(conditions, " AND ", Self::argument);
        }
    }

    fn source(&mut self, source: &Source, inside: bool) {
        match source {
            Source::Named { name, alias } => {
                let _ = write!(self.sql, "{name} AS {alias}");
            }
            Source::Derived { query, alias, lateral: true } if query.function().is_some() => {
                let Some((call, name)) = query.function() else { return };
                self.push("LATERAL ");
                self.call(call, false, None);
                let _ = write!(self.sql, " AS {alias} ({name})");
            }
            Source::Derived { query, alias, lateral } => {
                self.push(if *lateral { "LATERAL (" } else { "(" });
                self.query(query);
                let _ = write!(self.sql, ") AS {alias}");
            }
            Source::Values { rows, alias, columns } => {
                self.push("(VALUES ");
                self.list(rows, ", ", |printer, row| {
                    printer.push("(");
                    printer.list(row, ", ", Self::literal);
                    printer.push(")");
                });
                let _ = write!(self.sql, ") AS {alias} ({})", columns.join(", "));
            }
            Source::Join(join) => {
                self.push(if inside { "(" } else { "" });
                self.join(join);
                self.push(if inside { ")" } else { "" });
            }
        }
    }

    fn join(&mut self, join: &Join) {
        self.source(&join.left, true);
        let cross = join.kind == JoinKind::Inner && join.on.is_empty();
        self.push(match join.kind {
            JoinKind::Inner if cross => " CROSS JOIN ",
            JoinKind::Inner => " JOIN ",
            JoinKind::Left => " LEFT JOIN ",
            JoinKind::Right => " RIGHT JOIN ",
            JoinKind::Full => " FULL JOIN ",
        });
        self.source(&join.right, true);
        if join.on.is_empty() && !cross {
            self.push(" ON true");
        }
        self.conjunction(" ON ", &join.on);
    }

    fn order(&mut self, keys: &[SortKey]) {
        if !keys.is_empty() {
            self.push(" ORDER BY ");
            self.list(keys, ", ", |printer, key| {
                match &key.by {
                    SortBy::Output(index) => {
                        let _ = write!(printer.sql, "{}", index + 1);
                    }
                    SortBy::Expr(expr) => printer.expr(expr),
                }
                printer.push(if key.descending { " DESC" } else { "" });
                printer.push(match key.nulls_first {
                    Some(true) => " NULLS FIRST",
                    Some(false) => " NULLS LAST",
                    None => "",
                });
            });
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Column(column) => {
                let _ = write!(self.sql, "{}.{}", column.relation, column.name);
            }
            Expr::Literal(literal) => self.literal(literal),
            Expr::Call(call) => self.call(call, false, None),
            Expr::Aggregate(aggregate) => {
                self.call(&aggregate.call, aggregate.distinct, aggregate.filter.as_ref());
            }
            Expr::Window(window) => {
                self.call(&window.call, false, None);
                self.push(" OVER (");
                if !window.partition.is_empty() {
                    self.push("PARTITION BY ");
                    self.list(&window.partition, ", ", Self::expr);
                }
                self.order(&window.order);
                self.push(")");
            }
            Expr::Scalar(query) => {
                self.push("(");
                self.query(query);
                self.push(")");
            }
            Expr::Exists(membership) => {
                self.push(if membership.negated { "NOT EXISTS (" } else { "EXISTS (" });
                self.query(&membership.query);
                self.push(")");
            }
            Expr::In(membership) => {
                let row = membership.needles.len() > 1;
                self.push(if row { "(" } else { "" });
                self.list(&membership.needles, ", ", Self::argument);
                self.push(if row { ")" } else { "" });
                self.push(if membership.negated { " NOT IN (" } else { " IN (" });
                self.query(&membership.query);
                self.push(")");
            }
        }
    }

    fn call(&mut self, call: &Call, distinct: bool, filter: Option<&Expr>) {
        for piece in &call.template.pieces {
            match piece {
                Piece::Text(text) => self.push(text),
                Piece::Argument(index) => self.argument(&call.args[*index]),
                Piece::Distinct => self.push(if distinct { "DISTINCT " } else { "" }),
                Piece::Filter => {
                    if let Some(filter) = filter {
                        self.push(" FILTER (WHERE ");
                        self.expr(filter);
                        self.push(")");
                    }
                }
            }
        }
    }

    /// An expression where another operator may be its neighbour.
    fn argument(&mut self, expr: &Expr) {
        let closed = match expr {
            Expr::Column(_) | Expr::Literal(_) | Expr::Scalar(_) => true,
            Expr::Call(call) => call.template.closed,
            Expr::Aggregate(aggregate) => aggregate.call.template.closed,
            Expr::Window(_) | Expr::Exists(_) | Expr::In(_) => false,
        };
        match expr {
            // Readable; a number alone in GROUP BY would be the number of a column.
            Expr::Literal(Literal { ty: Ty::Int4, text: Some(text) })
                if self.parameters.is_none() && !text.starts_with('-') =>
            {
                self.push(text);
            }
            expr if closed => self.expr(expr),
            expr => {
                self.push("(");
                self.expr(expr);
                self.push(")");
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let Some(parameters) = &mut self.parameters else {
            return self.push(&literal_sql(literal));
        };
        let number = match parameters.iter().position(|parameter| parameter == literal) {
            Some(index) => index + 1,
            None => {
                parameters.push(literal.clone());
                parameters.len()
            }
        };
        let _ = write!(self.sql, "${number}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::{Column, Target};
    use crate::catalogue::{Kind, catalogue};
    use crate::facts::Facts;

    fn column(name: &str, ty: Ty) -> Expr {
        let facts = Facts::nothing_special();
        Expr::Column(Column { relation: "t".to_owned(), name: name.to_owned(), ty, facts })
    }

    fn literal(ty: Ty, text: &str) -> Expr {
        Expr::Literal(Literal { ty, text: Some(text.to_owned()) })
    }

    fn call(ty: Ty, text: &str, args: Vec<Expr>) -> Expr {
        let mut templates = catalogue().giving(Kind::Scalar, ty);
        let template = templates.find(|template| template.text == text).expect(text);
        Expr::Call(Call { template, args, ty })
    }

    fn example() -> Query {
        let plus =
            call(Ty::Int4, "{int4} + {int4}", vec![column("a", Ty::Int4), literal(Ty::Int4, "5")]);
        let less = call(Ty::Bool, "{O} < {O}", vec![plus.clone(), literal(Ty::Int4, "-5")]);
        Query::of(Select {
            distinct: false,
            targets: vec![Target { expr: plus.clone(), name: "x1".to_owned() }],
            from: vec![Source::Named { name: "t0".to_owned(), alias: "t".to_owned() }],
            conditions: vec![less],
            group: vec![plus, literal(Ty::Int4, "5")],
            rollup: false,
            having: Vec::new(),
        })
    }

    #[test]
    fn precedence_and_constants() {
        assert_eq!(
            sql(&example()),
            "SELECT t.a + 5 AS x1 FROM t0 AS t WHERE ((t.a + 5) < '-5'::int4) \
             GROUP BY t.a + 5, '5'::int4"
        );
    }

    #[test]
    fn equal_constants_are_one_parameter() {
        let (sql, parameters) = parametrized_sql(&example());
        assert_eq!(
            sql,
            "SELECT t.a + $1 AS x1 FROM t0 AS t WHERE ((t.a + $1) < $2) GROUP BY t.a + $1, $1"
        );
        assert_eq!(parameters.len(), 2);
    }
}
