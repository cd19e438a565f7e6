//! From the fragment that won to the fusion plan.
//!
//! Columns are only given positions here: each step knows the PostgreSQL
//! expressions that its input's columns hold, and finds what it needs among
//! them. Joins pass on no more than is needed above.

use super::fragment::{
    AggregateFragment, Fragment, JoinFragment, JoinKey, Kind, Leaf, LimitFragment, SortFragment,
};
use super::leaf::columns::columns;
use super::names::{column_name, relation_name};
use super::outputs::{Column, Outputs};
use super::placeholder::{self, is_same};
use super::report::reason::Reason;
use super::translate::aggregates::aggregate;
use super::translate::columns::Columns;
use super::translate::compare::{comparable, join_key};
use super::translate::expressions::Translator;
use super::translate::params::Params;
use super::translate::typed::Typed;
use super::variables::{sources, variables};
use crate::nodes::cast;
use fusion_plan::{
    Aggregate, DataType, Expr, Field, Join, JoinKind, LeafSchema, Plan, Rel, Side, SortKey, Value,
};
use pgrx::pg_sys;

/// What a condition of a join can name: the columns of both sides, and
/// placeholders that are columns only of the join's result.
struct Pair<'a> {
    columns: &'a Outputs,
    computed: &'a [*const pg_sys::PlaceHolderVar],
}

impl Columns for Pair<'_> {
    unsafe fn find(&self, node: *const pg_sys::Node) -> Option<Result<(u32, DataType), Reason>> {
        // SAFETY: the caller's promise.
        unsafe { self.columns.find(node) }
    }

    fn computes(&self, placeholder: &pg_sys::PlaceHolderVar) -> bool {
        // SAFETY: placeholders of the planner call under way.
        self.computed.iter().any(|other| unsafe { (**other).phid == placeholder.phid })
    }
}

/// The plan and what each of its result columns holds.
pub struct Built {
    /// The fusion plan.
    pub plan: Plan,
    /// Its result columns.
    pub outputs: Outputs,
    /// Expressions that give the plan's parameters.
    pub params: Vec<*mut pg_sys::Node>,
    /// Functions that the engine computes.
    pub functions: Vec<pg_sys::Oid>,
}

/// Builds the plan of `fragment` that outputs at least the columns `needed`.
///
/// # Safety
///
/// Runs in the planner call that made the fragment.
pub unsafe fn build(
    root: *mut pg_sys::PlannerInfo,
    fragment: &Fragment,
    needed: &[*mut pg_sys::Node],
) -> Result<Built, Reason> {
    let mut builder = Builder { root, params: Params::default(), leaves: Vec::new() };
    // SAFETY: the caller's promise.
    let (mut rel, outputs) = unsafe { builder.fragment(fragment, needed)? };
    if fragment.keeps_order() {
        rel = Rel::InOrder { input: Box::new(rel) };
    }
    let Params { exprs, types, functions } = builder.params;
    let plan = Plan { root: rel, leaves: builder.leaves, params: types };
    Ok(Built { plan, outputs, params: exprs, functions })
}

struct Builder {
    root: *mut pg_sys::PlannerInfo,
    params: Params,
    leaves: Vec<LeafSchema>,
}

type Step = (Rel, Outputs);

impl Builder {
    unsafe fn fragment(
        &mut self,
        fragment: &Fragment,
        needed: &[*mut pg_sys::Node],
    ) -> Result<Step, Reason> {
        // SAFETY: the fragment's nodes are alive, by the caller's promise.
        unsafe {
            match &fragment.kind {
                Kind::Leaf(leaf) => self.leaf(leaf, fragment.rows),
                Kind::Join(join) => self.join(join, fragment.rows, needed),
                Kind::Aggregate(aggregate) => self.aggregate(aggregate, fragment.rows),
                Kind::Sort(sort) => self.sort(sort, needed),
                Kind::Limit(limit) => self.limit(limit, needed),
            }
        }
    }

    unsafe fn translate(
        &mut self,
        outputs: &Outputs,
        node: *mut pg_sys::Node,
    ) -> Result<Expr, Reason> {
        // SAFETY: the caller's promise.
        Ok(unsafe { self.translate_typed(outputs, node)? }.expr)
    }

    unsafe fn translate_typed(
        &mut self,
        outputs: &Outputs,
        node: *mut pg_sys::Node,
    ) -> Result<Typed, Reason> {
        // SAFETY: the caller's promise.
        unsafe { Translator::new(outputs, &mut self.params).translate(node) }
    }

    unsafe fn leaf(&mut self, leaf: &Leaf, rows: f64) -> Result<Step, Reason> {
        // SAFETY: a leaf's path has a target of expressions.
        unsafe {
            let outputs = columns(leaf);
            let fields = outputs
                .0
                .iter()
                .map(|column| Field { name: column_name(self.root, column.expr), ty: column.ty })
                .collect();
            let index = self.leaves.len() as u32;
            let name = relation_name(self.root, leaf.sources.rel);
            self.leaves.push(LeafSchema { name, fields, rows: leaf.fed_rows });
            self.filter((Rel::Leaf(index), outputs), &leaf.filters, rows)
        }
    }

    unsafe fn join(
        &mut self,
        join: &JoinFragment,
        rows: f64,
        needed: &[*mut pg_sys::Node],
    ) -> Result<Step, Reason> {
        // SAFETY: the fragment's nodes are alive.
        unsafe {
            let mut needed = needed.to_vec();
            for clause in &join.above {
                needed.extend(variables(*clause));
            }
            let mut below = needed.clone();
            for key in &join.keys {
                below.extend(variables(key.left));
                below.extend(variables(key.right));
            }
            for clause in &join.residual {
                below.extend(variables(*clause));
            }
            let computed = self.placeholders(join, &below);
            for placeholder in &computed {
                below.extend(variables((**placeholder).phexpr.cast()));
            }
            let (left, left_outputs) = self.fragment(&join.left, &below)?;
            let (right, right_outputs) = self.fragment(&join.right, &below)?;
            let mut keys = Vec::new();
            for key in &join.keys {
                self.params.uses(key.function);
                let l = Translator::new(&left_outputs, &mut self.params).translate(key.left)?;
                let r = Translator::new(&right_outputs, &mut self.params).translate(key.right)?;
                keys.push(join_key(l, r)?);
            }
            let both = Outputs([left_outputs.0.as_slice(), right_outputs.0.as_slice()].concat());
            let pair = Pair { columns: &both, computed: &computed };
            let residual = join
                .residual
                .iter()
                .map(|clause| {
                    let mut translator = Translator::new(&pair, &mut self.params);
                    Ok(translator.translate(*clause)?.expr)
                })
                .collect::<Result<_, Reason>>()?;
            let visible = match join.kind.outputs_right() {
                true => both,
                false => left_outputs,
            };
            let mut wanted = needed.clone();
            if join.kind == JoinKind::Semi {
                let equal = join
                    .keys
                    .iter()
                    .filter(|key| needed.iter().any(|node| is_same(*node, key.right)));
                wanted.extend(equal.flat_map(|key| variables(key.left)));
            }
            for placeholder in &computed {
                wanted.extend(variables((**placeholder).phexpr.cast()));
            }
            let mut output = Vec::new();
            let mut outputs = Outputs::default();
            for (index, column) in visible.0.iter().enumerate() {
                if wanted.iter().any(|node| is_same(*node, column.expr)) {
                    output.push(index as u32);
                    outputs.0.push(*column);
                }
            }
            let build = match join.left.rows <= join.right.rows {
                true => Side::Left,
                false => Side::Right,
            };
            let rel = Rel::Join(Join {
                kind: join.kind,
                left: Box::new(left),
                right: Box::new(right),
                keys,
                residual,
                build,
                output,
                rows,
            });
            let mut added = self.values_of(&outputs, &computed)?;
            added.extend(match join.kind {
                JoinKind::Anti => nulls(&right_outputs, &needed),
                JoinKind::Semi => self.equals(&outputs, &join.keys, &right_outputs, &needed)?,
                _ => Vec::new(),
            });
            let step = with_columns((rel, outputs), added);
            self.filter(step, &join.above, rows)
        }
    }

    /// What the right side's `columns` that are `needed` above a semi join are
    /// there: each is a key, so the left side's key equals it.
    unsafe fn equals(
        &mut self,
        input: &Outputs,
        keys: &[JoinKey],
        columns: &Outputs,
        needed: &[*mut pg_sys::Node],
    ) -> Result<Vec<Computed>, Reason> {
        let mut equals = Vec::new();
        for column in &columns.0 {
            // SAFETY: the fragment's nodes are alive.
            unsafe {
                if !needed.iter().any(|node| is_same(*node, column.expr)) {
                    continue;
                }
                let Some(key) = keys.iter().find(|key| is_same(key.right, column.expr)) else {
                    continue;
                };
                let equal = Translator::new(input, &mut self.params).translate(key.left)?;
                equals.push((column.expr, equal));
            }
        }
        Ok(equals)
    }

    /// The placeholders among `columns` that `join` is the first to know all
    /// relations of, each once.
    unsafe fn placeholders(
        &self,
        join: &JoinFragment,
        columns: &[*mut pg_sys::Node],
    ) -> Vec<*const pg_sys::PlaceHolderVar> {
        // SAFETY: the planner's structures are valid for the call.
        unsafe {
            let (left, right) = join.relids;
            let joined = pg_sys::bms_union(left, right);
            let mut found: Vec<*const pg_sys::PlaceHolderVar> = Vec::new();
            for column in columns {
                let Some(placeholder) = cast::<pg_sys::PlaceHolderVar, _>(*column) else {
                    continue;
                };
                let Some(at) = placeholder::evaluated_at(self.root, placeholder) else {
                    continue;
                };
                let here = pg_sys::bms_is_subset(at, joined)
                    && !pg_sys::bms_is_subset(at, left)
                    && !pg_sys::bms_is_subset(at, right);
                if here && !found.iter().any(|other| (**other).phid == placeholder.phid) {
                    found.push(placeholder);
                }
            }
            found
        }
    }

    /// The values of `placeholders` over the columns `input`.
    unsafe fn values_of(
        &mut self,
        input: &Outputs,
        placeholders: &[*const pg_sys::PlaceHolderVar],
    ) -> Result<Vec<Computed>, Reason> {
        placeholders
            .iter()
            .map(|placeholder| {
                // SAFETY: the fragment's nodes are alive.
                let value = unsafe {
                    Translator::new(input, &mut self.params)
                        .translate((**placeholder).phexpr.cast())?
                };
                Ok((placeholder.cast_mut().cast(), value))
            })
            .collect()
    }

    /// The rows of `step` for which all `clauses` are true.
    unsafe fn filter(
        &mut self,
        (rel, outputs): Step,
        clauses: &[*mut pg_sys::Node],
        rows: f64,
    ) -> Result<Step, Reason> {
        if clauses.is_empty() {
            return Ok((rel, outputs));
        }
        let predicates = clauses
            .iter()
            // SAFETY: the fragment's nodes are alive.
            .map(|clause| unsafe { self.translate(&outputs, *clause) })
            .collect::<Result<_, _>>()?;
        Ok((Rel::Filter { input: Box::new(rel), predicates, rows }, outputs))
    }

    unsafe fn aggregate(
        &mut self,
        fragment: &AggregateFragment,
        rows: f64,
    ) -> Result<Step, Reason> {
        // SAFETY: the fragment's nodes are alive.
        unsafe {
            let mut below = Vec::new();
            for group in &fragment.groups {
                below.extend(variables(*group));
            }
            for call in &fragment.aggregates {
                below.extend(variables(call.cast()));
            }
            below.extend(fragment.shown.iter().map(|(_, expr)| *expr));
            let (mut input, input_outputs) = self.fragment(&fragment.input, &below)?;
            if fragment.in_order {
                input = Rel::InOrder { input: Box::new(input) };
            }
            let mut outputs = Outputs::default();
            fragment.equalities.iter().for_each(|function| self.params.uses(*function));
            let mut groups = Vec::new();
            for group in &fragment.groups {
                let typed = self.translate_typed(&input_outputs, *group)?;
                outputs.0.push(Column { expr: *group, ty: typed.ty });
                groups.push(typed.expr);
            }
            let mut aggregates = Vec::new();
            for call in &fragment.aggregates {
                let mut translator = Translator::new(&input_outputs, &mut self.params);
                let aggregate = aggregate(&mut translator, &**call)?;
                outputs.0.push(Column { expr: call.cast(), ty: aggregate.ty });
                aggregates.push(aggregate);
            }
            for (function, expr) in &fragment.shown {
                let typed = self.translate_typed(&input_outputs, *expr)?;
                outputs.0.push(Column { expr: *expr, ty: typed.ty });
                aggregates.push(Aggregate {
                    function: *function,
                    args: vec![typed.expr],
                    filter: None,
                    distinct: false,
                    ty: typed.ty,
                });
            }
            let rel = Rel::Aggregate { input: Box::new(input), groups, aggregates, rows };
            self.filter((rel, outputs), &fragment.having, rows)
        }
    }

    unsafe fn sort(
        &mut self,
        fragment: &SortFragment,
        needed: &[*mut pg_sys::Node],
    ) -> Result<Step, Reason> {
        // SAFETY: the fragment's nodes are alive.
        unsafe {
            let mut below = needed.to_vec();
            for item in &fragment.keys {
                below.extend(variables(item.expr));
            }
            for expr in &fragment.computed {
                below.extend(sources(*expr));
            }
            let (input, outputs) = self.fragment(&fragment.input, &below)?;
            let mut computed = Vec::new();
            for expr in &fragment.computed {
                computed.push((*expr, self.translate_typed(&outputs, *expr)?));
            }
            let (input, outputs) = with_columns((input, outputs), computed);
            let mut keys = Vec::new();
            for item in &fragment.keys {
                let typed = Translator::new(&outputs, &mut self.params).translate(item.expr)?;
                // Sorted in the form in which it is compared.
                let (expr, _, _) = comparable(typed.clone(), typed)?;
                keys.push(SortKey {
                    expr,
                    descending: item.descending,
                    nulls_first: item.nulls_first,
                });
            }
            Ok((Rel::Sort { input: Box::new(input), keys, fetch: fragment.fetch }, outputs))
        }
    }

    unsafe fn limit(
        &mut self,
        fragment: &LimitFragment,
        needed: &[*mut pg_sys::Node],
    ) -> Result<Step, Reason> {
        let bound = |n: i64| Expr::literal(DataType::Int8, Value::Int(n));
        // SAFETY: the fragment's nodes are alive.
        let (input, outputs) = unsafe { self.fragment(&fragment.input, needed)? };
        let rel = Rel::Limit {
            input: Box::new(input),
            offset: fragment.offset.map(bound),
            count: fragment.count.map(bound),
        };
        Ok((rel, outputs))
    }
}

/// A column that is computed: the PostgreSQL expression that it holds, and how.
type Computed = (*mut pg_sys::Node, Typed);

/// `step` with further columns, computed from those it has.
fn with_columns((rel, mut outputs): Step, added: Vec<Computed>) -> Step {
    if added.is_empty() {
        return (rel, outputs);
    }
    let mut exprs: Vec<Expr> = (0..outputs.0.len() as u32).map(Expr::Column).collect();
    for (expr, value) in added {
        outputs.0.push(Column { expr, ty: value.ty });
        exprs.push(value.expr);
    }
    (Rel::Project { input: Box::new(rel), exprs }, outputs)
}

/// NULLs for those of `columns` that are `needed`: an outer join of which only the
/// rows without a partner are wanted has become an anti join, but what is above
/// may still name the other side's columns.
///
/// # Safety
///
/// All are nodes of the planner call under way.
unsafe fn nulls(columns: &Outputs, needed: &[*mut pg_sys::Node]) -> Vec<Computed> {
    let columns = columns.0.iter();
    columns
        // SAFETY: the caller's promise.
        .filter(|column| needed.iter().any(|node| unsafe { is_same(*node, column.expr) }))
        .map(|column| (column.expr, Typed { expr: Expr::null(column.ty), ty: column.ty }))
        .collect()
}
