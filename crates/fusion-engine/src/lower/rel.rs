//! Relational operators with one obvious physical form.

use super::expr::Input;
use super::lowering::{Lowering, Stream, datafusion, inconsistent, schema_of, unsupported};
use crate::expr::AndOrKind;
use crate::ops::LeafExec;
use datafusion_physical_plan::coop::CooperativeExec;
use datafusion_physical_plan::empty::EmptyExec;
use datafusion_physical_plan::filter::FilterExecBuilder;
use datafusion_physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion_physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion_physical_plan::union::UnionExec;
use fusion_plan::{Expr, Literal, PgError, Rel, SqlState, Value};
use std::sync::Arc;

impl Lowering<'_> {
    /// Lowers `rel`, which is node number `node`.
    pub(super) fn rel(&mut self, rel: &Rel, node: u32) -> Result<Stream, PgError> {
        let below = node + 1;
        let stream = match rel {
            Rel::Leaf(leaf) => self.leaf(*leaf, node),
            Rel::Filter { input, predicates, rows } => {
                let input = self.rel(input, below)?;
                self.filter(input, predicates, *rows, node)
            }
            Rel::Project { input, exprs } => {
                let input = self.rel(input, below)?;
                self.project(input, exprs, node)
            }
            Rel::Join(join) => {
                let left = self.rel(&join.left, below)?;
                let right = self.rel(&join.right, below + join.left.node_count())?;
                self.join(join, left, right, node)
            }
            Rel::InOrder { input } => self.ordered(true, |lowering| lowering.rel(input, below)),
            Rel::Aggregate { input, groups, aggregates, rows } => {
                let rows_decide = self.in_order || is_in_order(input);
                let input = self.rel(input, below)?;
                self.aggregate(input, groups, aggregates, *rows, rows_decide, node)
            }
            Rel::Sort { input, keys, fetch } => {
                let input = self.rel(input, below)?;
                self.sort(input, keys, *fetch, node)
            }
            Rel::Limit { input, offset, count } => {
                let offset = self.bound(offset.as_ref(), OFFSET)?.unwrap_or(0);
                let count = self.bound(count.as_ref(), LIMIT)?;
                let input = self.rel(input, below)?;
                self.limit(input, offset, count, node)
            }
            Rel::Distinct { input, rows } => {
                let rows_decide = self.in_order || is_in_order(input);
                let input = self.rel(input, below)?;
                self.distinct(input, *rows, rows_decide, node)
            }
            Rel::Union { inputs, all } => {
                let mut streams = Vec::with_capacity(inputs.len());
                let mut next = below;
                for input in inputs {
                    streams.push(self.rel(input, next)?);
                    next += input.node_count();
                }
                self.union(streams, *all, node)
            }
            Rel::Window { .. } => Err(unsupported("window functions")),
        }?;
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.top = Some(Arc::clone(&stream.plan));
        }
        if matches!(rel, Rel::Join(_)) {
            // One batch of input can become any number of batches, so the leaf's
            // giving way to other tasks, and to a cancel, does not do.
            let plan = Arc::new(CooperativeExec::new(Arc::clone(&stream.plan)));
            return Ok(stream.under(plan));
        }
        Ok(stream)
    }

    fn leaf(&mut self, leaf: u32, node: u32) -> Result<Stream, PgError> {
        let schema = self.plan.leaves.get(leaf as usize);
        let schema = schema.ok_or_else(|| inconsistent("a leaf does not exist"))?;
        let types: Vec<_> = schema.fields.iter().map(|field| field.ty).collect();
        let rows = schema.rows;
        let partitions = self.partitions();
        self.widest = self.widest.max(partitions);
        let reader = LeafExec::new(leaf, schema_of(&types), partitions, Arc::clone(&self.io));
        let plan = self.operator(node, reader);
        Ok(Stream { plan, types, rows, borrows: true })
    }

    /// One operator for all predicates: those that can fail see only the rows
    /// that the ones before them kept.
    fn filter(
        &mut self,
        input: Stream,
        predicates: &[Expr],
        rows: f64,
        node: u32,
    ) -> Result<Stream, PgError> {
        if predicates.is_empty() {
            return Ok(input);
        }
        let predicate = self.and_or(AndOrKind::Filter, predicates, &Input::from(&input))?;
        let filter = FilterExecBuilder::new(predicate, Arc::clone(&input.plan))
            .with_batch_size(self.batch_size)
            .build()
            .map_err(datafusion)?;
        let plan = self.operator(node, filter);
        Ok(Stream { rows, ..input }.under(plan))
    }

    /// One column per expression.
    pub(super) fn project(
        &mut self,
        input: Stream,
        exprs: &[Expr],
        node: u32,
    ) -> Result<Stream, PgError> {
        let columns = Input::from(&input);
        let mut types = Vec::with_capacity(exprs.len());
        let mut projection = Vec::with_capacity(exprs.len());
        for (index, expr) in exprs.iter().enumerate() {
            types.push(self.type_of(expr, &columns)?);
            let expr = self.expr(expr, &columns)?;
            projection.push(ProjectionExpr { expr, alias: format!("c{index}") });
        }
        let project =
            ProjectionExec::try_new(projection, Arc::clone(&input.plan)).map_err(datafusion)?;
        let plan = self.operator(node, project);
        Ok(Stream { types, ..input }.under(plan))
    }

    /// A LIMIT's bound by the rules of `recompute_limits` (nodeLimit.c): NULL is none, and a
    /// negative one an error.
    fn bound(
        &self,
        bound: Option<&Expr>,
        (name, sqlstate): Bound,
    ) -> Result<Option<usize>, PgError> {
        let value = match bound {
            None => return Ok(None),
            Some(Expr::Literal(literal)) => literal,
            Some(Expr::Param(index)) => self
                .params
                .get(*index as usize)
                .ok_or_else(|| inconsistent("a parameter has no value"))?,
            Some(_) => return Err(inconsistent("a limit is not a constant")),
        };
        match value {
            Literal { value: None, .. } => Ok(None),
            Literal { value: Some(Value::Int(value)), .. } => usize::try_from(*value)
                .map(Some)
                .map_err(|_| PgError::new(sqlstate, format!("{name} must not be negative"))),
            _ => Err(inconsistent("a limit is not a number")),
        }
    }

    /// Cuts rows off at the beginning and at the end.
    pub(super) fn limit(
        &mut self,
        input: Stream,
        offset: usize,
        count: Option<usize>,
        node: u32,
    ) -> Result<Stream, PgError> {
        if offset == 0 && count.is_none() {
            return Ok(input);
        }
        if count == Some(0) {
            // PostgreSQL does not even run what is below (`LIMIT_EMPTY` in nodeLimit.c).
            let plan = self.operator(node, EmptyExec::new(input.plan.schema()));
            return Ok(Stream { rows: 0.0, borrows: false, ..input }.under(plan));
        }
        let mut input = input;
        if let Some(count) = count
            && input.partitions() > 1
        {
            // No partition needs to deliver more than all of them together.
            let local = LocalLimitExec::new(Arc::clone(&input.plan), offset.saturating_add(count));
            let plan = self.operator(node, local);
            input = input.under(plan);
        }
        let input = self.in_one_partition(input, node)?;
        let limit = GlobalLimitExec::new(Arc::clone(&input.plan), offset, count);
        let plan = self.operator(node, limit);
        let rows = count.map_or(input.rows, |count| input.rows.min(count as f64));
        Ok(Stream { rows, ..input }.under(plan))
    }

    fn union(&mut self, inputs: Vec<Stream>, all: bool, node: u32) -> Result<Stream, PgError> {
        let rows = inputs.iter().map(|input| input.rows).sum();
        let borrows = inputs.iter().any(|input| input.borrows);
        let types = inputs.first().map(|input| input.types.clone());
        let types = types.ok_or_else(|| inconsistent("a union has no input"))?;
        let plans = inputs.into_iter().map(|input| input.plan).collect();
        let plan = UnionExec::try_new(plans).map_err(datafusion)?;
        if let Some(entry) = self.nodes.get_mut(node as usize) {
            entry.operators.push(Arc::clone(&plan));
        }
        let union = Stream { plan, types, rows, borrows };
        if all { Ok(union) } else { self.distinct(union, rows, self.in_order, node) }
    }
}

fn is_in_order(rel: &Rel) -> bool {
    matches!(rel, Rel::InOrder { .. })
}

type Bound = (&'static str, SqlState);
const LIMIT: Bound = ("LIMIT", SqlState::INVALID_ROW_COUNT_IN_LIMIT_CLAUSE);
const OFFSET: Bound = ("OFFSET", SqlState::INVALID_ROW_COUNT_IN_RESULT_OFFSET_CLAUSE);
