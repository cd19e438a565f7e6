//! What a group shows besides its keys and aggregates: columns that depend on a key, and the
//! form in which a key is stored.

use super::{Look, Output};
use crate::ast::{Expr, Select};

/// Columns that a group shows because its table's primary key is a key of the group
/// (`check_functional_grouping` in PostgreSQL's pg_constraint.c). Tables that inherit have no
/// such key: then a group shows any row's value.
pub(super) fn depends_on_keys(select: &Select, top: bool, columns: &mut [Output]) -> Option<()> {
    let is_open = |expr: &Expr| match expr {
        Expr::Column(column) => select.group.iter().any(|key| match key {
            Expr::Column(key) => {
                key.facts.primary && !key.facts.unique && key.relation == column.relation
            }
            _ => false,
        }),
        _ => false,
    };
    let is_shown = |expr: &Expr| shown(expr, &select.group, &is_open);
    for (target, column) in select.targets.iter().zip(columns) {
        if !select.group.contains(&target.expr) && is_shown(&target.expr) {
            (top && is_open(&target.expr)).then_some(())?;
            column.look = Look::Open;
        }
    }
    (!select.having.iter().any(is_shown)).then_some(())
}

/// Whether an expression over groups shows something that is like this, and no key.
fn shown(expr: &Expr, keys: &[Expr], is: &dyn Fn(&Expr) -> bool) -> bool {
    if keys.contains(expr) || matches!(expr, Expr::Aggregate(_)) {
        return false;
    }
    let mut inside = false;
    if let Some(query) = expr.query() {
        query.visit_exprs(&mut |expr| inside |= is(expr));
    }
    is(expr) || inside || expr.children().into_iter().any(|child| shown(child, keys, is))
}

/// Whether it shows how a key of a group is stored: of equal values, any.
pub(super) fn shows_form_of_key(expr: &Expr) -> bool {
    if matches!(expr, Expr::Aggregate(_)) {
        return false;
    }
    let shows = match expr {
        Expr::Call(call) => call.template.slots.iter().any(|slot| slot.stored),
        _ => false,
    };
    shows || expr.children().into_iter().any(shows_form_of_key)
}
