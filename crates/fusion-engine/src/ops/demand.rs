//! What guarantees of memory a plan needs.

use super::guaranteed::GuaranteedExec;
use super::join::HybridHashJoinExec;
use arrow::datatypes::Schema;
use datafusion_physical_plan::ExecutionPlan;
use std::sync::Arc;

/// The guarantees that a plan needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Their number.
    pub(crate) guarantees: usize,
    /// About as much as the longest rows take that an operator with a guarantee handles.
    pub(crate) row_bytes: usize,
}

impl Demand {
    /// That of `plan`.
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Self {
        let (guarantees, inputs) = if let Some(plan) = plan.downcast_ref::<GuaranteedExec>() {
            (plan.guarantees(), plan.operator().children())
        } else if let Some(plan) = plan.downcast_ref::<HybridHashJoinExec>() {
            (plan.properties().partitioning.partition_count(), plan.children())
        } else {
            (0, Vec::new())
        };
        let rows = inputs.into_iter().chain([plan]).map(|plan| row_bytes(&plan.schema()));
        let row_bytes = if guarantees > 0 { rows.max().unwrap_or(0) } else { 0 };
        plan.children().into_iter().map(Self::of).fold(
            Self { guarantees, row_bytes },
            |all, below| Self {
                guarantees: all.guarantees + below.guarantees,
                row_bytes: all.row_bytes.max(below.row_bytes),
            },
        )
    }
}

/// About as much as a row takes.
fn row_bytes(schema: &Schema) -> usize {
    /// A value of variable length with its view. Longer ones are no reason to fail, but
    /// their runs are first written again in smaller batches.
    const LONG: usize = 128;
    let fields = schema.fields().iter();
    fields.map(|field| field.data_type().primitive_width().unwrap_or(LONG)).sum()
}
