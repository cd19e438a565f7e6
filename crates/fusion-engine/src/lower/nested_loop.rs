//! Joins without an equality to hash by: every pair of rows is looked at.
//!
//! DataFusion's nested-loop join keeps its left input in memory and reads the
//! right one once, in as many partitions as it has.

use super::join::Sides;
use super::lowering::{Lowering, Stream, datafusion};
use crate::ops::{Depth, OnceExec};
use datafusion_physical_plan::joins::NestedLoopJoinExec;
use fusion_plan::{BoolTest, DataType, Expr, Function, Join, JoinKind, PgError};

impl Lowering<'_> {
    /// Lowers `join` to a nested loop; equalities among its conditions, if any,
    /// are evaluated like the others.
    pub(super) fn nested_loop(
        &mut self,
        join: &Join,
        sides: Sides,
        node: u32,
    ) -> Result<Stream, PgError> {
        let conditions = self.conditions(join, &sides);
        let filter = self.join_filter(&conditions, &sides)?;
        let projection = sides.projection(join)?;
        let types = sides.output_types(join)?;
        let join_type = sides.join_type(join.kind);
        let (build, probe) = sides.in_order();
        let build = self.owned(build, node, Depth::Everything);
        let build = self.in_one_partition(build, node)?;
        let build = self.operator(node, OnceExec::new(build.plan));
        let borrows = probe.borrows;
        let exec =
            NestedLoopJoinExec::try_new(build, probe.plan, filter, &join_type, Some(projection))
                .map_err(datafusion)?;
        let plan = self.operator(node, exec);
        Ok(Stream { plan, types, rows: join.rows, borrows })
    }

    /// The conditions of a pair of rows to match, in evaluation order: the keys
    /// are equal and the residual is true. For NOT IN the residual says which
    /// right rows are in the list, and a key that might be equal is as good as
    /// one that is.
    fn conditions(&self, join: &Join, sides: &Sides) -> Vec<Expr> {
        let left_width = sides.left_width() as u32;
        let equal = join.keys.iter().map(|(left, right)| {
            let mut right = right.clone();
            right.map_columns(&mut |column| column + left_width);
            Expr::call(Function::Eq, vec![left.clone(), right], DataType::Bool)
        });
        if join.kind != JoinKind::NullAwareAnti {
            return equal.chain(join.residual.iter().cloned()).collect();
        }
        let mut conditions = join.residual.clone();
        if !join.keys.is_empty() {
            let arg = Box::new(Expr::And(equal.collect()));
            conditions.push(Expr::BoolTest { arg, test: BoolTest::NotFalse });
        }
        conditions
    }
}
