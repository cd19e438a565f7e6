//! Random expressions of a wanted type, made from given ones (columns, or the keys and
//! aggregates of a group) and the catalogue.

use std::collections::BTreeMap;

use super::Generator;
use crate::ast::{Aggregate, Call, Expr, Literal};
use crate::catalogue::{Kind, Slot, Special, Template, What, catalogue};
use crate::facts::{facts, is_inexact, may_fail};
use crate::types::{Class, Ty};
use crate::values::{Modifier, Taste, value};

/// How often to try again when an expression could fail but must not.
const ATTEMPTS: usize = 6;

impl Generator<'_> {
    /// An expression of a type.
    pub(super) fn expr(&mut self, ty: Ty, leaves: &[Expr], depth: u32) -> Expr {
        let own: Vec<&Expr> = leaves.iter().filter(|leaf| leaf.ty() == ty).collect();
        let settle = depth == 0 || self.dice.percent(30);
        if settle && !own.is_empty() && !self.dice.percent(8) {
            return (*self.dice.pick(&own)).clone();
        }
        if depth > 0 {
            for _ in 0..ATTEMPTS {
                if let Some(call) = self.call(Kind::Scalar, ty, leaves, depth) {
                    return Expr::Call(call);
                }
            }
        }
        match own.as_slice() {
            [] => self.converted(ty, leaves).unwrap_or_else(|| self.literal(ty)),
            _ if self.dice.percent(10) => self.literal(ty),
            own => (*self.dice.pick(own)).clone(),
        }
    }

    /// A pattern directly on leaves, for a type that none of them has.
    fn converted(&mut self, ty: Ty, leaves: &[Expr]) -> Option<Expr> {
        if self.converting || self.dice.percent(40) {
            return None;
        }
        self.converting = true;
        let call = self.call(Kind::Scalar, ty, leaves, 0);
        self.converting = false;
        call.map(Expr::Call)
    }

    /// A bare leaf of any type that is wanted, or an expression of its type.
    pub(super) fn any_expr(&mut self, class: Class, leaves: &[Expr], depth: u32) -> Expr {
        let ty = self.some_type(class, leaves);
        self.expr(ty, leaves, depth)
    }

    /// A condition.
    pub(super) fn condition(&mut self, leaves: &[Expr], depth: u32) -> Expr {
        for _ in 0..ATTEMPTS {
            if let Some(call) = self.call(Kind::Scalar, Ty::Bool, leaves, depth) {
                return Expr::Call(call);
            }
        }
        self.expr(Ty::Bool, leaves, 0)
    }

    /// A pattern of a kind and type with arguments; none if that cannot be, or could
    /// fail and must not.
    pub(super) fn call(&mut self, kind: Kind, ty: Ty, leaves: &[Expr], depth: u32) -> Option<Call> {
        let template = self.template(catalogue().giving(kind, ty))?;
        self.fill(template, ty, leaves, depth)
    }

    /// An aggregate of the leaves; of any type if none is given.
    pub(super) fn aggregate(&mut self, ty: Option<Ty>, leaves: &[Expr]) -> Option<Expr> {
        (0..ATTEMPTS).find_map(|_| self.try_aggregate(ty, leaves))
    }

    fn try_aggregate(&mut self, ty: Option<Ty>, leaves: &[Expr]) -> Option<Expr> {
        let template = match ty {
            Some(ty) => self.template(catalogue().giving(Kind::Aggregate, ty))?,
            None => self.template(catalogue().of_kind(Kind::Aggregate))?,
        };
        let ty = match (ty, template.result) {
            (Some(ty), _) | (None, What::Ty(ty)) => ty,
            (None, What::Variable(class, _)) => self.some_type(class, leaves),
            (None, _) => return None,
        };
        let depth = *self.dice.weighted(&[(6, 0), (3, 1), (1, 2)]);
        let mut call = self.fill(template, ty, leaves, depth)?;
        let distinct = template.takes_distinct() && self.dice.percent(12);
        if !self.serial && (template.rule.picks || distinct) {
            for arg in &mut call.args {
                self.mostly_canonical(arg);
            }
        }
        let filter = self.dice.percent(15).then(|| self.condition(leaves, 1));
        Some(Expr::Aggregate(Box::new(Aggregate { call, distinct, filter })))
    }

    /// Makes an expression one whose equal values look the same, if there is a way and
    /// chance does not want to leave it.
    pub(super) fn mostly_canonical(&mut self, expr: &mut Expr) {
        if self.serial || facts(expr).canonical || self.dice.percent(20) {
            return;
        }
        let ty = expr.ty();
        let keeps = |template: &&Template| {
            let [slot] = template.slots.as_slice() else { return false };
            template.rule.canonical
                && slot.what == What::Ty(ty)
                && template.text.contains(ty.name())
        };
        let templates = catalogue().giving(Kind::Scalar, ty).filter(keeps);
        if let Some(template) = self.template(templates) {
            let arg = std::mem::replace(expr, Expr::null(ty));
            *expr = Expr::Call(Call { template, args: vec![arg], ty });
        }
    }

    /// A constant.
    pub(super) fn literal(&mut self, ty: Ty) -> Expr {
        if self.dice.percent(4) {
            return Expr::null(ty);
        }
        let known = self.known.values.get(&ty).filter(|pool| !pool.is_empty());
        let text = match known {
            Some(pool) if self.dice.percent(75) => self.dice.pick(pool).clone(),
            _ => {
                let taste = if self.dice.percent(20) { Taste::Wild } else { Taste::Tame };
                let text = value(&mut self.dice, ty, Modifier::Plain, taste);
                if text.len() > 100 { "x".to_owned() } else { text }
            }
        };
        Expr::Literal(Literal { ty, text: Some(text) })
    }

    /// A type of a class, mostly one that there are leaves of.
    pub(super) fn some_type(&mut self, class: Class, leaves: &[Expr]) -> Ty {
        let known: Vec<Ty> = leaves.iter().map(Expr::ty).filter(|ty| ty.is(class)).collect();
        if known.is_empty() || self.dice.percent(5) {
            let all: Vec<Ty> = Ty::ALL.into_iter().filter(|ty| ty.is(class)).collect();
            return *self.dice.pick(&all);
        }
        *self.dice.pick(&known)
    }

    fn template(
        &mut self,
        templates: impl Iterator<Item = &'static Template>,
    ) -> Option<&'static Template> {
        let without = &self.options.without;
        let order_counts = self.order_counts;
        let allowed = |template: &&Template| {
            (order_counts || !template.rule.ordered)
                && !without.iter().any(|text| template.text.contains(text))
        };
        // Where errors are allowed they are wanted.
        let daring = if self.may_fail { 4 } else { 1 };
        let weight = |template: &Template| {
            let can_fail = template.rule.fails || template.rule.limit.is_some();
            template.rule.weight * if can_fail { daring } else { 1 }
        };
        let templates: Vec<_> =
            templates.filter(allowed).map(|template| (weight(template), template)).collect();
        let possible = templates.iter().any(|(weight, _)| *weight > 0);
        possible.then(|| *self.dice.weighted(&templates))
    }

    /// A pattern with arguments.
    pub(super) fn fill(
        &mut self,
        template: &'static Template,
        ty: Ty,
        leaves: &[Expr],
        depth: u32,
    ) -> Option<Call> {
        let mut variables = BTreeMap::new();
        if let What::Variable(_, number) = template.result {
            variables.insert(number, ty);
        }
        let mut args = Vec::new();
        for slot in &template.slots {
            let arg_ty = match slot.what {
                What::Ty(ty) => ty,
                What::Variable(class, number) => {
                    *variables.entry(number).or_insert_with(|| self.some_type(class, leaves))
                }
                What::Integer => self.one_of(&Ty::INTEGERS, leaves),
                What::String => self.one_of(&Ty::STRINGS, leaves),
                What::Special(special) => special.ty(),
            };
            if slot.stored {
                args.push(self.stored(slot.what, leaves)?);
                continue;
            }
            if !slot.what.covers(arg_ty) {
                return None;
            }
            args.push(self.argument(*slot, arg_ty, leaves, depth.saturating_sub(1)));
        }
        // What is computed from constants alone is computed while planning.
        let is_constant = args.iter().all(|arg| !arg.any(&mut |part| is_variable(part)));
        if is_constant && !args.is_empty() && !leaves.is_empty() && self.dice.percent(90) {
            return None;
        }
        // Nothing is less than itself.
        let repeats = args.windows(2).any(|pair| pair[0] == pair[1]);
        if repeats && ty == Ty::Bool && self.dice.percent(85) {
            return None;
        }
        let call = Call { template, args, ty };
        let refused =
            (!self.order_counts && is_inexact(&call)) || (!self.may_fail && may_fail(&call));
        (!refused).then_some(call)
    }

    fn argument(&mut self, slot: Slot, ty: Ty, leaves: &[Expr], depth: u32) -> Expr {
        if let What::Special(special) = slot.what {
            return self.special(special);
        }
        if slot.constant {
            return self.literal(ty);
        }
        if slot.exact && !self.order_counts {
            let exact: Vec<Expr> =
                leaves.iter().filter(|leaf| facts(leaf).summable).cloned().collect();
            return self.expr(ty, &exact, depth);
        }
        self.expr(ty, leaves, depth)
    }

    /// A column as its table stores it.
    fn stored(&mut self, what: What, leaves: &[Expr]) -> Option<Expr> {
        let is_stored = |leaf: &&Expr| matches!(leaf, Expr::Column(column) if column.facts.stored);
        let columns: Vec<&Expr> =
            leaves.iter().filter(is_stored).filter(|leaf| what.covers(leaf.ty())).collect();
        (!columns.is_empty()).then(|| (*self.dice.pick(&columns)).clone())
    }

    fn one_of(&mut self, types: &[Ty], leaves: &[Expr]) -> Ty {
        let known: Vec<Ty> = leaves.iter().map(Expr::ty).filter(|ty| types.contains(ty)).collect();
        *self.dice.pick(if known.is_empty() { types } else { &known })
    }

    fn special(&mut self, special: Special) -> Expr {
        let text = match special {
            Special::Small => self.dice.between(-3, 12).to_string(),
            Special::Count => self.dice.between(0, 6).to_string(),
            Special::Places => self.dice.between(-2, 4).to_string(),
            Special::Month => self.dice.between(1, 12).to_string(),
            Special::Like => (*self.dice.pick(&[
                "a%", "%a", "%b%", "_", "__", "a_c", "%", "", "A%", "%é%", "日_語", "x\\%y%",
                "100\\%", "%'%", "a%b%c", "%\\\\%", "abc",
            ]))
            .to_owned(),
            Special::Regex => (*self.dice.pick(&[
                "^a",
                "b+$",
                "[0-9]+",
                "(a|b)c",
                "^.{2}$",
                "é",
                "\\s",
                "x?",
                "[[:upper:]]",
            ]))
            .to_owned(),
        };
        Expr::Literal(Literal { ty: special.ty(), text: Some(text) })
    }
}

fn is_variable(expr: &Expr) -> bool {
    !matches!(expr, Expr::Literal(_) | Expr::Call(_))
}
