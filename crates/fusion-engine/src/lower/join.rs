//! Joins.
//!
//! DataFusion's joins keep their left input in memory, so the sides are swapped
//! when PostgreSQL estimated the right one to be smaller. A hash join's table, if
//! it is small, is built once and shared by all partitions of the other side; for
//! a large one both sides are first partitioned by their keys, so that the tables
//! are built in parallel.

use super::expr::Input;
use super::lowering::{Lowering, Stream, datafusion, inconsistent, schema_of, unsupported};
use crate::expr::{AndOrKind, Interruptible};
use crate::ops::{Depth, HybridHashJoinExec, JoinSpec};
use datafusion_common::{JoinSide, JoinType};
use datafusion_physical_expr::{Partitioning, PhysicalExpr};
use datafusion_physical_plan::joins::PartitionMode;
use datafusion_physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion_physical_plan::repartition::RepartitionExec;
use fusion_plan::{DataType, Expr, Join, JoinKind, PgError, Side};
use std::sync::Arc;

/// A table of fewer rows than this is always built by one thread.
const SMALL_BUILD: f64 = 200_000.0;

impl Lowering<'_> {
    /// Lowers `join` over its lowered inputs.
    pub(super) fn join(
        &mut self,
        join: &Join,
        left: Stream,
        right: Stream,
        node: u32,
    ) -> Result<Stream, PgError> {
        let null_aware = join.kind == JoinKind::NullAwareAnti;
        // DataFusion's null-aware hash join has one key, nothing else, and one
        // direction.
        let hashes = match null_aware {
            true => join.keys.len() == 1 && join.residual.is_empty(),
            false => !join.keys.is_empty(),
        };
        let build_left = join.build == Side::Left || (null_aware && hashes);
        let sides = Sides { left, right, build_left };
        match hashes {
            true => self.hash_join(join, sides, node),
            false => self.nested_loop(join, sides, node),
        }
    }

    fn hash_join(&mut self, join: &Join, sides: Sides, node: u32) -> Result<Stream, PgError> {
        let null_aware = join.kind == JoinKind::NullAwareAnti;
        let keys = self.join_keys(join, &sides)?;
        let filter = self.join_filter(&join.residual, &sides)?;
        let projection = sides.projection(join)?;
        let types = sides.output_types(join)?;
        let kind = sides.join_type(join.kind);
        let build_side = if sides.build_left { Side::Left } else { Side::Right };
        let (build, probe) = sides.in_order();
        let build = self.runtime_filter(join, build, build_side, &keys, node);
        let shared = null_aware
            || probe.partitions() == 1
            || !worth_partitioning(build.rows, probe.rows, self.partitions());
        let (build, probe, mode) = if shared {
            let build = self.owned(build, node, Depth::Everything);
            let build = self.in_one_partition(build, node)?;
            (build, probe, PartitionMode::CollectLeft)
        } else {
            let (build_keys, probe_keys) = keys.iter().cloned().unzip();
            let build = self.partitioned(build, build_keys, node)?;
            let probe = self.partitioned(probe, probe_keys, node)?;
            (build, probe, PartitionMode::Partitioned)
        };
        let borrows = probe.borrows;
        let projection = Some(projection);
        let spec = JoinSpec { on: keys, kind, filter, projection, mode, null_aware };
        let exec = HybridHashJoinExec::try_new(build.plan, probe.plan, Arc::new(spec));
        let exec = exec.map_err(datafusion)?;
        let plan = self.operator(node, exec);
        Ok(Stream { plan, types, rows: join.rows, borrows })
    }

    /// The keys, the built side's first.
    fn join_keys(&self, join: &Join, sides: &Sides) -> Result<Vec<KeyPair>, PgError> {
        let (left_input, right_input) = (Input::from(&sides.left), Input::from(&sides.right));
        let mut keys = Vec::with_capacity(join.keys.len());
        for (left, right) in &join.keys {
            let (Some(left), Some(right)) =
                (self.key(left, &left_input)?, self.key(right, &right_input)?)
            else {
                return Err(unsupported("join keys of a type without equality"));
            };
            keys.push(if sides.build_left { (left, right) } else { (right, left) });
        }
        Ok(keys)
    }

    /// `stream` partitioned by the hash of `keys`. Rows wait in queues there,
    /// so strings are copied first; fixed-width values are copied anyway.
    pub(super) fn partitioned(
        &mut self,
        stream: Stream,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        node: u32,
    ) -> Result<Stream, PgError> {
        let mut stream = self.owned(stream, node, Depth::Payloads);
        let partitioning = Partitioning::Hash(keys, self.partitions());
        let exec =
            RepartitionExec::try_new(Arc::clone(&stream.plan), partitioning).map_err(datafusion)?;
        stream.borrows = false;
        let plan = self.operator(node, exec);
        Ok(stream.under(plan))
    }

    /// Conditions over left columns followed by right columns, as a filter over
    /// only the columns that they read.
    pub(super) fn join_filter(
        &self,
        conditions: &[Expr],
        sides: &Sides,
    ) -> Result<Option<JoinFilter>, PgError> {
        if conditions.is_empty() {
            return Ok(None);
        }
        let mut columns = Vec::new();
        for condition in conditions {
            condition.for_each_column(&mut |column| columns.push(column));
        }
        columns.sort_unstable();
        columns.dedup();
        let position = |column: u32| columns.binary_search(&column).unwrap_or(usize::MAX) as u32;
        let mut conditions = conditions.to_vec();
        conditions.iter_mut().for_each(|condition| condition.map_columns(&mut |c| position(c)));
        let types = columns
            .iter()
            .map(|column| sides.column_type(*column))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| inconsistent("a join condition reads a column that does not exist"))?;
        let input = Input { schema: schema_of(&types), types };
        let condition = self.and_or(AndOrKind::Filter, &conditions, &input)?;
        let condition = Arc::new(Interruptible::new(condition, Arc::clone(&self.io)));
        let left_width = sides.left_width();
        let indices = columns
            .iter()
            .map(|column| {
                let column = *column as usize;
                let from_left = column < left_width;
                let index = if from_left { column } else { column - left_width };
                let built = from_left == sides.build_left;
                ColumnIndex { index, side: if built { JoinSide::Left } else { JoinSide::Right } }
            })
            .collect();
        Ok(Some(JoinFilter::new(condition, indices, input.schema)))
    }
}

/// A key of both sides, of the built one first.
pub(super) type KeyPair = (Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>);

/// The inputs of a join, and which of them DataFusion's operator has as its left
/// one, which it keeps in memory.
pub(super) struct Sides {
    left: Stream,
    right: Stream,
    build_left: bool,
}

impl Sides {
    /// The number of left columns.
    pub(super) fn left_width(&self) -> usize {
        self.left.types.len()
    }

    /// The type of a column, counted over left columns followed by right ones.
    fn column_type(&self, column: u32) -> Option<DataType> {
        let column = column as usize;
        match column.checked_sub(self.left.types.len()) {
            None => self.left.types.get(column).copied(),
            Some(column) => self.right.types.get(column).copied(),
        }
    }

    /// The inputs, first the one that is kept.
    pub(super) fn in_order(self) -> (Stream, Stream) {
        if self.build_left { (self.left, self.right) } else { (self.right, self.left) }
    }

    /// The kind of join as seen with the kept input on the left.
    pub(super) fn join_type(&self, kind: JoinKind) -> JoinType {
        match (kind, self.build_left) {
            (JoinKind::Inner, _) => JoinType::Inner,
            (JoinKind::Full, _) => JoinType::Full,
            (JoinKind::Left, true) | (JoinKind::Right, false) => JoinType::Left,
            (JoinKind::Left, false) | (JoinKind::Right, true) => JoinType::Right,
            (JoinKind::Semi, true) => JoinType::LeftSemi,
            (JoinKind::Semi, false) => JoinType::RightSemi,
            (JoinKind::Anti | JoinKind::NullAwareAnti, true) => JoinType::LeftAnti,
            (JoinKind::Anti | JoinKind::NullAwareAnti, false) => JoinType::RightAnti,
        }
    }

    /// The output's columns among those of DataFusion's join.
    pub(super) fn projection(&self, join: &Join) -> Result<Vec<usize>, PgError> {
        let (left_width, right_width) = (self.left.types.len(), self.right.types.len());
        let position = |column: &u32| {
            let column = *column as usize;
            match (self.build_left, join.kind.outputs_right(), column < left_width) {
                (true, ..) | (false, false, true) => Ok(column),
                (false, true, true) => Ok(column + right_width),
                (false, true, false) => Ok(column - left_width),
                (false, false, false) => Err(inconsistent("a join outputs a wrong column")),
            }
        };
        join.output.iter().map(position).collect()
    }

    /// The types of the output's columns.
    pub(super) fn output_types(&self, join: &Join) -> Result<Vec<DataType>, PgError> {
        join.output
            .iter()
            .map(|column| self.column_type(*column))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| inconsistent("a join outputs a column that does not exist"))
    }
}

/// Whether building in parallel saves more than partitioning both sides costs.
/// To move a row through a queue costs about half as much as to insert it into
/// a table, and all but one thread idle while one table is built.
fn worth_partitioning(build: f64, probe: f64, threads: usize) -> bool {
    build > SMALL_BUILD && build * 2.0 * (threads as f64 - 1.0) > build + probe
}
