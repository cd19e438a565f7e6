//! Joins.
//!
//! DataFusion's hash join builds its table from its left input, so the sides
//! are swapped when PostgreSQL estimated the right one to be smaller. A small
//! table is built once and shared by all partitions of the other side; for a
//! large one both sides are first partitioned by their keys, so that the tables
//! are built in parallel.

use super::expr::Input;
use super::{Lowering, Stream, datafusion, inconsistent, schema_of, unsupported};
use crate::expr::JunctionKind;
use crate::ops::Depth;
use datafusion_common::{JoinSide, JoinType, NullEquality};
use datafusion_physical_expr::{Partitioning, PhysicalExpr};
use datafusion_physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion_physical_plan::joins::{HashJoinExecBuilder, PartitionMode};
use datafusion_physical_plan::repartition::RepartitionExec;
use fusion_plan::{Join, JoinKind, PgError, Side};
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
        if join.keys.is_empty() {
            return Err(unsupported("joins without an equality"));
        }
        let null_aware = join.kind == JoinKind::NullAwareAnti;
        if null_aware && (join.keys.len() != 1 || !join.residual.is_empty()) {
            return Err(unsupported("NOT IN over several columns or with further conditions"));
        }
        // The null-aware join exists in one direction only.
        let build_left = join.build == Side::Left || null_aware;
        let (left_input, right_input) = (Input::from(&left), Input::from(&right));
        let mut keys = Vec::with_capacity(join.keys.len());
        for (left_key, right_key) in &join.keys {
            let (Some(left), Some(right)) =
                (self.key(left_key, &left_input)?, self.key(right_key, &right_input)?)
            else {
                return Err(unsupported("join keys of a type without equality"));
            };
            keys.push(if build_left { (left, right) } else { (right, left) });
        }
        let left_width = left.types.len();
        let types: Vec<_> = left.types.iter().chain(&right.types).copied().collect();
        let filter = self.join_filter(join, &types, left_width, build_left)?;
        let projection = join
            .output
            .iter()
            .map(|column| {
                let column = *column as usize;
                match (build_left, join.kind.outputs_right(), column < left_width) {
                    (true, ..) | (false, false, true) => Ok(column),
                    (false, true, true) => Ok(column + right.types.len()),
                    (false, true, false) => Ok(column - left_width),
                    (false, false, false) => Err(inconsistent("a join outputs a wrong column")),
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let output = join
            .output
            .iter()
            .map(|column| types.get(*column as usize).copied())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| inconsistent("a join outputs a column that does not exist"))?;

        let (build, probe) = if build_left { (left, right) } else { (right, left) };
        let shared = null_aware
            || probe.partitions() == 1
            || !worth_partitioning(build.rows, probe.rows, self.partitions);
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
        let exec = HashJoinExecBuilder::new(
            build.plan,
            probe.plan,
            keys,
            join_type(join.kind, build_left),
        )
        .with_filter(filter)
        .with_projection(Some(projection))
        .with_partition_mode(mode)
        .with_null_equality(NullEquality::NullEqualsNothing)
        .with_null_aware(null_aware)
        .build()
        .map_err(datafusion)?;
        let plan = self.operator(node, exec);
        Ok(Stream { plan, types: output, rows: join.rows, borrows })
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
        let partitioning = Partitioning::Hash(keys, self.partitions);
        let exec =
            RepartitionExec::try_new(Arc::clone(&stream.plan), partitioning).map_err(datafusion)?;
        stream.borrows = false;
        let plan = self.operator(node, exec);
        Ok(stream.under(plan))
    }

    /// The residual conditions, over only the columns that they read.
    fn join_filter(
        &self,
        join: &Join,
        types: &[fusion_plan::DataType],
        left_width: usize,
        build_left: bool,
    ) -> Result<Option<JoinFilter>, PgError> {
        if join.residual.is_empty() {
            return Ok(None);
        }
        let mut columns = Vec::new();
        for condition in &join.residual {
            condition.for_each_column(&mut |column| columns.push(column));
        }
        columns.sort_unstable();
        columns.dedup();
        let position = |column: u32| columns.binary_search(&column).unwrap_or(usize::MAX) as u32;
        let mut residual = join.residual.clone();
        residual.iter_mut().for_each(|condition| condition.map_columns(&mut |c| position(c)));
        let filter_types = columns
            .iter()
            .map(|column| types.get(*column as usize).copied())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| inconsistent("a join condition reads a column that does not exist"))?;
        let input = Input { schema: schema_of(&filter_types), types: filter_types };
        let condition = self.junction(JunctionKind::Filter, &residual, &input)?;
        let indices = columns
            .iter()
            .map(|column| {
                let column = *column as usize;
                let from_left = column < left_width;
                let index = if from_left { column } else { column - left_width };
                let side = if from_left == build_left { JoinSide::Left } else { JoinSide::Right };
                ColumnIndex { index, side }
            })
            .collect();
        Ok(Some(JoinFilter::new(condition, indices, input.schema)))
    }
}

/// Whether building in parallel saves more than partitioning both sides costs.
/// To move a row through a queue costs about half as much as to insert it into
/// a table, and all but one thread idle while one table is built.
fn worth_partitioning(build: f64, probe: f64, threads: usize) -> bool {
    build > SMALL_BUILD && build * 2.0 * (threads as f64 - 1.0) > build + probe
}

/// The kind of join as seen with the built side on the left.
fn join_type(kind: JoinKind, build_left: bool) -> JoinType {
    match (kind, build_left) {
        (JoinKind::Inner, _) => JoinType::Inner,
        (JoinKind::Full, _) => JoinType::Full,
        (JoinKind::Left, true) | (JoinKind::Right, false) => JoinType::Left,
        (JoinKind::Left, false) | (JoinKind::Right, true) => JoinType::Right,
        (JoinKind::Semi, true) => JoinType::LeftSemi,
        (JoinKind::Semi, false) => JoinType::RightSemi,
        (JoinKind::Anti, false) => JoinType::RightAnti,
        (JoinKind::Anti, true) | (JoinKind::NullAwareAnti, _) => JoinType::LeftAnti,
    }
}
