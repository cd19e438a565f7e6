//! A plan within a plan: what the outer one reads of the inner one's columns.
//!
//! When a leaf is a PgFusion node itself, its plan takes the leaf's place when the query
//! runs. It was planned first, and passes on as stored what it does not read itself. What
//! the plan above reads must arrive in a form that can be read.

use super::report::reason::Reason;
use super::state;
use crate::carried::{Carried, FeedPlan};
use crate::executor;
use crate::nodes::{self, cast, iter};
use fusion_plan::DataType;
use pgrx::pg_sys;

/// Tells the PgFusion node that `child`, the plan of a leaf, is or scans, which of its
/// columns are read: those that are not opaque among `types`, the leaf's columns.
///
/// # Safety
///
/// `child` belongs to the planner call under way, and its references to columns are not
/// yet set.
pub unsafe fn read_above(child: *mut pg_sys::Plan, types: &[DataType]) -> Result<(), Reason> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(scan) = cast::<pg_sys::SubqueryScan, _>(child) else { return Ok(()) };
        let Some(inner) = is_fusion(scan.subplan).then_some(scan.subplan.cast()) else {
            return Ok(());
        };
        let Some(read) = columns_read(scan, inner, types) else { return Ok(()) };
        pass(inner, &read)
    }
}

/// Which result columns of `inner` are read by a leaf of `types` that is `scan` over it;
/// `None` if the leaf has something that is none of these columns: then `inner` stays what
/// it is, and its rows go through PostgreSQL.
unsafe fn columns_read(
    scan: &pg_sys::SubqueryScan,
    inner: *mut pg_sys::CustomScan,
    types: &[DataType],
) -> Option<Vec<bool>> {
    // SAFETY: valid target lists.
    unsafe {
        let results: Vec<_> =
            iter::<pg_sys::TargetEntry>((*inner).custom_scan_tlist).map(|e| (*e).expr).collect();
        let mut read = vec![false; results.len()];
        let columns = iter::<pg_sys::TargetEntry>(scan.scan.plan.targetlist);
        for (entry, ty) in columns.zip(types) {
            let var = cast::<pg_sys::Var, _>((*entry).expr)?;
            let number = usize::try_from(var.varattno).ok()?.checked_sub(1)?;
            let given = iter::<pg_sys::TargetEntry>((*inner).scan.plan.targetlist).nth(number)?;
            let result = results.iter().position(|result| nodes::equal(*result, (*given).expr))?;
            read[result] |= *ty != DataType::Opaque;
        }
        Some(read)
    }
}

/// Makes `inner` pass on as stored only what is neither `read` above nor by itself, and so
/// on below.
unsafe fn pass(inner: *mut pg_sys::CustomScan, read: &[bool]) -> Result<(), Reason> {
    let Some(natural) = state::plan(inner) else { return Ok(()) };
    let plan = natural.forwarding(read);
    // SAFETY: a PgFusion node of the planner call under way, above its Feed nodes, of which
    // those that workers run are below a Gather and a Feeds node.
    unsafe {
        (*inner).custom_private = Carried::store(&plan, &Carried::functions(inner))?;
        for node in iter::<pg_sys::Plan>((*inner).custom_plans) {
            let feeds = match cast::<pg_sys::Gather, _>(node) {
                Some(gather) => {
                    let feeds: *mut pg_sys::CustomScan = gather.plan.lefttree.cast();
                    iter::<pg_sys::CustomScan>((*feeds).custom_plans).collect()
                }
                None => vec![node.cast::<pg_sys::CustomScan>()],
            };
            for feed in feeds {
                let mut carried = FeedPlan::read(feed)?;
                let schema = plan.leaves.get(carried.leaf).ok_or("a Feed node of no leaf")?;
                carried.types = schema.fields.iter().map(|field| field.ty).collect();
                carried.store(feed)?;
                if let Some(child) = iter::<pg_sys::Plan>((*feed).custom_plans).next() {
                    read_above(child, &carried.types)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether `plan` is a PgFusion node.
///
/// # Safety
///
/// `plan` is NULL or a valid plan.
pub unsafe fn is_fusion(plan: *const pg_sys::Plan) -> bool {
    // SAFETY: the caller's promise.
    unsafe { cast::<pg_sys::CustomScan, _>(plan) }
        .is_some_and(|scan| std::ptr::eq(scan.methods, executor::fusion_scan_methods()))
}
