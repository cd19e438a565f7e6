//! Sorting.

use super::expr::Input;
use super::lowering::{Lowering, Stream, bounded, has_payloads, unsupported};
use crate::expr::Key;
use crate::memory::Use;
use crate::ops::{CopyExec, Depth, GuaranteedExec};
use arrow::compute::SortOptions;
use datafusion_physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion_physical_plan::empty::EmptyExec;
use datafusion_physical_plan::sorts::sort::SortExec;
use datafusion_physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use fusion_plan::{PgError, SortKey};
use std::sync::Arc;

/// Sorted streams of which a merge holds what fits into one guarantee: a batch each, or
/// two while it goes on to the next, and its keys.
const STREAMS_PER_GUARANTEE: usize = 3;

impl Lowering<'_> {
    /// Sorts each partition, keeping the first `fetch` rows, and merges them.
    pub(super) fn sort(
        &mut self,
        input: Stream,
        keys: &[SortKey],
        fetch: Option<u64>,
        node: u32,
    ) -> Result<Stream, PgError> {
        let columns = Input::from(&input);
        let mut order = Vec::with_capacity(keys.len());
        for key in keys {
            let (expr, ty) = self.typed(&key.expr, &columns)?;
            let expr = Key::to_order(expr, ty)
                .ok_or_else(|| unsupported("sorting by a type without an order"))?;
            let options = SortOptions { descending: key.descending, nulls_first: key.nulls_first };
            order.push(PhysicalSortExpr { expr, options });
        }
        let fetch = fetch.and_then(|fetch| usize::try_from(fetch).ok());
        let Some(order) = LexOrdering::new(order) else {
            return self.limit(input, 0, fetch, node);
        };
        if fetch == Some(0) {
            // DataFusion's top-k keeps at least one row.
            let plan = self.operator(node, EmptyExec::new(input.plan.schema()));
            return Ok(Stream { rows: 0.0, borrows: false, ..input }.under(plan));
        }
        let rows = fetch.map_or(input.rows, |fetch| input.rows.min(fetch as f64));
        let input = self.owned(input, node, Depth::Everything);
        // The first rows are kept in memory, all rows may go to disk.
        let rows_in = if fetch.is_none() { bounded(&input) } else { Arc::clone(&input.plan) };
        let sort = SortExec::new(order.clone(), rows_in)
            .with_preserve_partitioning(true)
            .with_fetch(fetch);
        let mut plan = self.operator(node, sort);
        if fetch.is_none() {
            plan = Arc::new(GuaranteedExec::new(plan, Use::Sort, 1));
        }
        let sorted = Stream { rows, borrows: false, ..input }.under(plan);
        if sorted.partitions() == 1 {
            return Ok(sorted);
        }
        let sorted = match has_payloads(&sorted) {
            true => {
                let near = CopyExec::new(Arc::clone(&sorted.plan), Depth::Remote);
                let plan = self.operator(node, near);
                sorted.under(plan)
            }
            false => sorted,
        };
        let merge = SortPreservingMergeExec::new(order, bounded(&sorted)).with_fetch(fetch);
        let plan = self.operator(node, merge);
        let guarantees = sorted.partitions().div_ceil(STREAMS_PER_GUARANTEE);
        Ok(sorted.under(Arc::new(GuaranteedExec::new(plan, Use::Merge, guarantees))))
    }
}
