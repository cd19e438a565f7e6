//! Smaller queries by smaller expressions.

use crate::ast::{Expr, Literal, Query};
use crate::types::Ty;

/// Queries in which one expression is replaced by a part of it, by a simple constant,
/// or stripped of what is optional.
pub fn candidates(query: &Query) -> Vec<Query> {
    let mut all = Vec::new();
    let mut number = 0;
    // All replacements, with the number of the expression they are for.
    query.visit_exprs(&mut |expr| {
        all.extend(replacements(expr).into_iter().map(|replacement| (number, replacement)));
        number += 1;
    });
    all.into_iter().map(|(number, replacement)| replaced(query, number, &replacement)).collect()
}

fn replaced(query: &Query, number: usize, replacement: &Expr) -> Query {
    let mut query = query.clone();
    let mut remaining = Some(number);
    query.visit_exprs_mut(&mut |expr| match remaining {
        Some(0) => {
            remaining = None;
            *expr = replacement.clone();
        }
        Some(rest) => remaining = Some(rest - 1),
        None => {}
    });
    query
}

fn replacements(expr: &Expr) -> Vec<Expr> {
    let ty = expr.ty();
    let mut all = Vec::new();
    if let Expr::Literal(literal) = expr {
        if literal.text.is_some() {
            all.extend(simple(ty));
            all.extend(shorter(literal));
            all.push(Expr::null(ty));
        }
        return all;
    }
    all.push(Expr::null(ty));
    all.extend(simple(ty));
    descendants(expr, ty, &mut all);
    match expr {
        Expr::Aggregate(aggregate) => {
            let mut plain = aggregate.clone();
            plain.filter = None;
            all.push(Expr::Aggregate(plain));
            let mut plain = aggregate.clone();
            plain.distinct = false;
            all.push(Expr::Aggregate(plain));
        }
        Expr::Window(window) => {
            for part in 0..window.partition.len() {
                let mut plain = window.clone();
                plain.partition.remove(part);
                all.push(Expr::Window(plain));
            }
            for part in 0..window.order.len() {
                let mut plain = window.clone();
                plain.order.remove(part);
                all.push(Expr::Window(plain));
            }
        }
        Expr::Exists(membership) | Expr::In(membership) => {
            let mut plain = membership.clone();
            plain.negated = false;
            let exists = matches!(expr, Expr::Exists(_));
            all.push(if exists { Expr::Exists(plain) } else { Expr::In(plain) });
        }
        _ => {}
    }
    all
}

/// The expressions below of the same type, the deepest last.
fn descendants(expr: &Expr, ty: Ty, all: &mut Vec<Expr>) {
    for child in expr.children() {
        if child.ty() == ty && !matches!(child, Expr::Literal(_)) {
            all.push(child.clone());
        }
        descendants(child, ty, all);
    }
}

fn simple(ty: Ty) -> Vec<Expr> {
    let texts: &[&str] = match ty {
        Ty::Bool => &["t", "f"],
        Ty::Int2 | Ty::Int4 | Ty::Int8 | Ty::Float4 | Ty::Float8 | Ty::Numeric | Ty::Oid => {
            &["0", "1"]
        }
        Ty::Text | Ty::Varchar | Ty::Bpchar | Ty::Name => &["", "a"],
        Ty::Date | Ty::Timestamp | Ty::Timestamptz => &["2000-01-01"],
        Ty::Interval | Ty::Time => &["00:00"],
        _ => &[],
    };
    texts.iter().map(|text| Expr::Literal(Literal { ty, text: Some((*text).to_owned()) })).collect()
}

/// A string constant cut in half.
fn shorter(literal: &Literal) -> Option<Expr> {
    let text = literal.text.as_ref().filter(|_| literal.ty.is_string())?;
    let count = text.chars().count();
    let text = (count > 1).then(|| text.chars().take(count / 2).collect());
    Some(Expr::Literal(Literal { ty: literal.ty, text: Some(text?) }))
}
