//! What a join computes, apart from where its rows come from.

use datafusion_common::{JoinType, NullEquality, Result, internal_err};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::joins::utils::JoinFilter;
use datafusion_physical_plan::joins::{HashJoinExec, HashJoinExecBuilder, PartitionMode};
use std::sync::Arc;

/// Keys, kind, conditions and output of a hash join. The left side is the built one.
#[derive(Clone, Debug)]
pub(crate) struct JoinSpec {
    /// The keys of both sides, the built one's first.
    pub(crate) on: Vec<(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)>,
    /// The kind of join.
    pub(crate) kind: JoinType,
    /// Conditions besides the keys.
    pub(crate) filter: Option<JoinFilter>,
    /// The output's columns among the join's, or all.
    pub(crate) projection: Option<Vec<usize>>,
    /// Whether one table is shared by all partitions of the other side.
    pub(crate) mode: PartitionMode,
    /// NOT IN: with a NULL key on the other side there is no result.
    pub(crate) null_aware: bool,
}

impl JoinSpec {
    /// DataFusion's operator, which keeps `build` in memory.
    pub(super) fn hash_join(
        &self,
        build: Arc<dyn ExecutionPlan>,
        probe: Arc<dyn ExecutionPlan>,
    ) -> Result<HashJoinExec> {
        HashJoinExecBuilder::new(build, probe, self.on.clone(), self.kind)
            .with_filter(self.filter.clone())
            .with_projection(self.projection.clone())
            .with_partition_mode(self.mode)
            .with_null_equality(NullEquality::NullEqualsNothing)
            .with_null_aware(self.null_aware)
            .build()
    }

    /// The join of a spill partition of both sides, of which each holds all rows with its
    /// keys. Whoever forms the partitions cares for NULLs.
    pub(super) fn of_spill_partitions(&self) -> Self {
        Self { mode: PartitionMode::CollectLeft, null_aware: false, ..self.clone() }
    }

    /// The join of `kind` with all columns that it has.
    fn unprojected(&self, kind: JoinType) -> Self {
        Self { kind, projection: None, ..self.of_spill_partitions() }
    }

    /// How to join a chunk of the build side with rows of the other side, all of which
    /// meet every chunk: what the chunk adds to the result; which rows have no partner
    /// in it and go on to the next chunk; and what becomes of those without any.
    pub(super) fn by_chunks(&self) -> Result<ByChunks> {
        use JoinType as J;
        let of = |kind| Self { kind, ..self.of_spill_partitions() };
        let unmatched = || Some(self.unprojected(J::RightAnti));
        Ok(match self.kind {
            J::Inner | J::Left | J::LeftSemi | J::LeftAnti => {
                ByChunks { adds: Some(of(self.kind)), all_meet: true, unmatched: None, rest: None }
            }
            J::Right => ByChunks {
                adds: Some(of(J::Inner)),
                all_meet: true,
                unmatched: unmatched(),
                rest: Some(of(J::Right)),
            },
            J::Full => ByChunks {
                adds: Some(of(J::Left)),
                all_meet: true,
                unmatched: unmatched(),
                rest: Some(of(J::Right)),
            },
            J::RightSemi => ByChunks {
                adds: Some(of(J::RightSemi)),
                all_meet: false,
                unmatched: unmatched(),
                rest: None,
            },
            J::RightAnti => ByChunks {
                adds: None,
                all_meet: false,
                unmatched: unmatched(),
                rest: Some(of(J::RightAnti)),
            },
            J::LeftMark | J::RightMark => return internal_err!("no plan has a mark join"),
        })
    }

    /// Whether rows of the built side without a partner are in the result.
    pub(super) fn keeps_build(&self) -> bool {
        matches!(self.kind, JoinType::Left | JoinType::Full | JoinType::LeftAnti)
    }

    /// Whether rows of the other side without a partner are in the result.
    pub(super) fn keeps_probe(&self) -> bool {
        matches!(self.kind, JoinType::Right | JoinType::Full | JoinType::RightAnti)
    }

    /// The keys of the built side, or of the other one.
    pub(super) fn keys(&self, built: bool) -> Vec<Arc<dyn PhysicalExpr>> {
        let keys = self.on.iter().map(|(build, probe)| if built { build } else { probe });
        keys.map(Arc::clone).collect()
    }
}

/// See [`JoinSpec::by_chunks`].
pub(super) struct ByChunks {
    pub(super) adds: Option<JoinSpec>,
    /// Whether rows that have found a partner look for more of them in later chunks.
    pub(super) all_meet: bool,
    pub(super) unmatched: Option<JoinSpec>,
    pub(super) rest: Option<JoinSpec>,
}
