//! What is known of an expression's values before it runs: whether it can fail, and
//! whether PostgreSQL itself would always give the same result for it.

use crate::ast::{Call, Expr, Literal};
use crate::catalogue::{Size, Template};
use crate::types::Ty;
use crate::values;

/// What is known of the values of a column or an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// No value is larger: see [`Ty::safe_magnitude`].
    pub magnitude: f64,
    /// No number is infinite or not a number.
    pub finite: bool,
    /// Equal values look the same.
    pub canonical: bool,
    /// All numbers have the same scale.
    pub fixed_scale: bool,
    /// Sums do not depend on the order.
    pub summable: bool,
    /// No value is there twice.
    pub unique: bool,
    /// It is the primary key of its table; tables that inherit from it may have the same
    /// values again.
    pub primary: bool,
    /// It is a column of a table whose values are as the table has them: compressed, out
    /// of line, with a short header.
    pub stored: bool,
    /// Some values are so long that they are stored in another way than others.
    pub long: bool,
    /// All text is valid in the server's encoding.
    pub valid: bool,
    /// About how many different values there are.
    pub distinct: f64,
    /// A bit for each value, by its hash: columns without a common one do not join.
    pub marks: u64,
}

impl Facts {
    /// Facts of a column without values.
    pub fn nothing_special() -> Self {
        Self {
            magnitude: 0.0,
            finite: true,
            canonical: true,
            fixed_scale: false,
            summable: true,
            unique: false,
            primary: false,
            stored: false,
            long: false,
            valid: true,
            distinct: 1.0,
            marks: 0,
        }
    }

    /// What remains true when the values are mixed with others.
    pub fn mixed(self, other: Self, ty: Ty) -> Self {
        Self {
            magnitude: self.magnitude.max(other.magnitude),
            finite: self.finite && other.finite,
            canonical: !ty.has_look_alikes() && self.canonical && other.canonical,
            fixed_scale: false,
            summable: self.summable && other.summable,
            unique: false,
            primary: false,
            stored: self.stored && other.stored,
            long: self.long || other.long,
            valid: self.valid && other.valid,
            distinct: self.distinct + other.distinct,
            marks: self.marks | other.marks,
        }
    }
}

/// What is known of an expression.
pub fn facts(expr: &Expr) -> Facts {
    match expr {
        Expr::Column(column) => column.facts,
        Expr::Literal(literal) => of_literal(literal),
        Expr::Call(call) => of_call(call),
        Expr::Aggregate(aggregate) => of_call(&aggregate.call),
        Expr::Window(window) => of_call(&window.call),
        Expr::Scalar(query) => {
            let value = facts(&query.body.first().targets[0].expr);
            Facts { unique: false, primary: false, ..value }
        }
        Expr::Exists(_) | Expr::In(_) => {
            Facts { magnitude: 1.0, distinct: 2.0, marks: u64::MAX, ..Facts::nothing_special() }
        }
    }
}

fn of_literal(Literal { ty, text }: &Literal) -> Facts {
    let mut facts = Facts { fixed_scale: true, stored: true, ..Facts::nothing_special() };
    if let Some(text) = text {
        facts.magnitude = values::magnitude(*ty, text);
        facts.finite = facts.magnitude.is_finite();
        facts.marks = values::mark(*ty, text);
        facts.summable = values::is_summable(*ty, text);
        // It is only one value, but another place may have one that looks different.
        facts.canonical = values::is_canonical(*ty, text) && *ty != Ty::Bpchar;
    }
    facts
}

fn of_call(call: &Call) -> Facts {
    let Call { template, args, ty } = call;
    let rule = &template.rule;
    let args: Vec<(Ty, Facts)> = args.iter().map(|arg| (arg.ty(), facts(arg))).collect();
    // Conditions do not become part of the value.
    let values = || args.iter().filter(|(arg, _)| *arg != Ty::Bool || *ty == Ty::Bool);
    let scaled = |(arg, facts): &(Ty, Facts)| {
        Ty::INTEGERS.contains(arg) || (*arg == Ty::Numeric && facts.fixed_scale)
    };
    let fixed_scale =
        Ty::INTEGERS.contains(ty) || rule.scaled || (rule.keeps_scale && args.iter().all(scaled));
    let canonical = rule.canonical
        || (rule.keeps_values && args.first().is_some_and(|(_, f)| f.canonical))
        || match *ty {
            Ty::Numeric => fixed_scale,
            ty if ty.has_look_alikes() => false,
            ty if ty.is_string() => args.iter().all(|(arg, f)| !arg.is_string() || f.canonical),
            _ => true,
        };
    let magnitude = match rule.size {
        Size::Unknown => f64::INFINITY,
        Size::Sum => args.iter().map(|(_, f)| f.magnitude).sum(),
        Size::Product => args.iter().map(|(_, f)| f.magnitude).product(),
        Size::First => args.first().map_or(0.0, |(_, f)| f.magnitude),
        Size::Largest => values().map(|(_, f)| f.magnitude).fold(0.0, f64::max),
        Size::Known(size) => size,
    };
    let exact_size = magnitude <= 1000.0;
    let integer_size =
        |(arg, f): &(Ty, Facts)| !Ty::INTEGERS.contains(arg) || f.magnitude <= 1000.0;
    Facts {
        magnitude,
        finite: args.iter().all(|(_, f)| f.finite),
        canonical,
        fixed_scale,
        summable: !ty.is_float()
            || (rule.keeps_exact
                && exact_size
                && values().all(|arg| arg.1.summable && integer_size(arg))),
        unique: false,
        primary: false,
        stored: false,
        long: args.iter().any(|(_, f)| f.long),
        valid: !ty.is_string() || args.iter().all(|(_, f)| f.valid),
        distinct: args.iter().map(|(_, f)| f.distinct).fold(2.0, f64::max),
        marks: if rule.keeps_values { args.first().map_or(0, |(_, f)| f.marks) } else { u64::MAX },
    }
}

/// Whether evaluating a call can be an error, not counting its arguments.
pub fn may_fail(call: &Call) -> bool {
    let rule = &call.template.rule;
    if rule.fails || (!takes_any_bytes(call) && call.args.iter().any(|arg| !facts(arg).valid)) {
        return true;
    }
    let magnitude = of_call(call).magnitude;
    let exceeds = rule.limit.is_some_and(|limit| magnitude.is_nan() || magnitude >= limit);
    exceeds || (rule.needs_finite && call.args.iter().any(|arg| !facts(arg).finite))
}

/// Whether a pattern does not look at the characters of text: it compares, or chooses.
fn takes_any_bytes(call: &Call) -> bool {
    let Template { text, rule, .. } = call.template;
    let looks = ["(", "LIKE", "~", "SIMILAR", "^@", "::"].iter().any(|part| text.contains(part));
    rule.keeps_exact || rule.keeps_values || !looks
}

/// Whether a call breaks its pattern's own demands: sums that must be exact are not.
pub fn is_inexact(call: &Call) -> bool {
    let slots = call.template.slots.iter().zip(&call.args);
    slots.into_iter().any(|(slot, arg)| slot.exact && !facts(arg).summable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ast::Column;
    use crate::catalogue::{Kind, catalogue};

    fn column(ty: Ty, facts: Facts) -> Expr {
        Expr::Column(Column { relation: "t".to_owned(), name: "c".to_owned(), ty, facts })
    }

    fn literal(ty: Ty, text: &str) -> Expr {
        Expr::Literal(Literal { ty, text: Some(text.to_owned()) })
    }

    fn call(ty: Ty, text: &str, args: Vec<Expr>) -> Call {
        let mut templates = catalogue().giving(Kind::Scalar, ty);
        let template = templates.find(|template| template.text == text).expect(text);
        Call { template, args, ty }
    }

    fn sized(magnitude: f64) -> Facts {
        Facts { magnitude, ..Facts::nothing_special() }
    }

    #[test]
    fn overflow_is_foreseen() {
        let times = |size| {
            let args = vec![column(Ty::Int4, sized(size)), literal(Ty::Int4, "-100")];
            call(Ty::Int4, "{int4} * {int4}", args)
        };
        assert!(!may_fail(&times(1e6)));
        assert!(may_fail(&times(1e8)));
        assert!(may_fail(&times(f64::INFINITY)));
        let infinite = Facts { finite: false, ..sized(1.0) };
        assert!(may_fail(&call(Ty::Int4, "{float8}::int4", vec![column(Ty::Float8, infinite)])));
        assert!(may_fail(&call(
            Ty::Int4,
            "{int4} / {int4}",
            vec![literal(Ty::Int4, "1"), literal(Ty::Int4, "2")]
        )));
    }

    #[test]
    fn scales_are_followed() {
        let fixed = Facts { fixed_scale: true, ..sized(10.0) };
        let mixed = Facts { canonical: false, ..sized(10.0) };
        let plus = |facts| {
            let args = vec![column(Ty::Numeric, facts), literal(Ty::Numeric, "1.50")];
            Expr::Call(call(Ty::Numeric, "{numeric} + {numeric}", args))
        };
        assert!(facts(&plus(fixed)).canonical);
        assert!(!facts(&plus(mixed)).canonical);
        let trimmed = call(Ty::Numeric, "trim_scale({numeric})", vec![plus(mixed)]);
        assert!(facts(&Expr::Call(trimmed)).canonical);
    }

    #[test]
    fn exact_sums_are_followed() {
        let exact = column(Ty::Float8, sized(50.0));
        let tenth = literal(Ty::Float8, "0.1");
        let plus = |args| Expr::Call(call(Ty::Float8, "{float8} + {float8}", args));
        assert!(facts(&plus(vec![exact.clone(), exact.clone()])).summable);
        assert!(!facts(&plus(vec![exact.clone(), tenth])).summable);
        let times = call(Ty::Float8, "{float8} * {float8}", vec![exact.clone(), exact]);
        assert!(!facts(&Expr::Call(times)).summable);
    }
}
