//! A plan and the PgFusion nodes that it is made of: one, or, where others were inlined
//! into it, several.

use super::params::Params;
use super::raw;
use crate::boundary;
use fusion_plan::{Expr, Plan};
use pgrx::pg_sys;

/// What one PgFusion node contributes to a plan.
#[derive(Clone)]
pub struct Branch {
    /// The node, whose children are the feeds.
    pub node: *mut pg_sys::CustomScanState,
    /// What nobody asks for rows, from the leaf whose place the node's plan takes down to
    /// the node itself; nothing for the outermost one.
    pub bypassed: Vec<*mut pg_sys::PlanState>,
    /// The numbers in the plan of the node's own leaves; `None` if another plan stands
    /// in the place of one.
    pub numbers: Vec<Option<usize>>,
    /// The node's parameters, which follow those of the branches before.
    pub params: Params,
}

/// A plan, and the nodes that it is made of.
pub struct Tree {
    /// The plan.
    pub plan: Plan,
    /// The nodes, the outermost first.
    pub branches: Vec<Branch>,
}

impl Tree {
    /// The plan of `node` alone.
    pub fn new(plan: Plan, node: *mut pg_sys::CustomScanState, params: Params) -> Self {
        let numbers = (0..plan.leaves.len()).map(Some).collect();
        Self { plan, branches: vec![Branch { node, bypassed: Vec::new(), numbers, params }] }
    }

    /// Rescans the nodes below the outermost one whose parameters have changed, as
    /// `ExecProcNode` would, those above before those below.
    ///
    /// # Safety
    ///
    /// Runs during execution of the outermost node, within `boundary::guard`, when no
    /// session is open.
    pub unsafe fn rescan(&self) {
        // SAFETY: the caller's promise; the nodes of a plan begin and end together.
        unsafe {
            for state in self.branches.iter().flat_map(|branch| &branch.bypassed) {
                if !(**state).chgParam.is_null() {
                    boundary::call(|| raw::rescan_node(*state));
                }
            }
        }
    }

    /// Puts the plan of `inner` in the place of the outermost node's leaf `leaf`; whether
    /// there is such a leaf. `columns` are the leaf's columns over what the inner plan
    /// outputs, and `bypassed` is the leaf and what is below it, down to the inner node.
    pub fn inline(
        &mut self,
        leaf: usize,
        inner: &Self,
        columns: Vec<Expr>,
        bypassed: &[*mut pg_sys::PlanState],
    ) -> bool {
        let Some(Some(place)) = self.branches[0].numbers.get(leaf).copied() else { return false };
        let count = self.plan.leaves.len();
        for number in self.branches.iter_mut().flat_map(|branch| &mut branch.numbers) {
            *number = match *number {
                Some(own) if own == place => None,
                Some(later) if later > place => Some(later - 1),
                other => other,
            };
        }
        self.branches.extend(inner.branches.iter().cloned().map(|mut branch| {
            branch.numbers.iter_mut().flatten().for_each(|number| *number += count - 1);
            if branch.bypassed.is_empty() {
                branch.bypassed.extend_from_slice(bypassed);
            }
            branch
        }));
        let outer = self.plan.clone();
        self.plan = outer.grafted(place as u32, inner.plan.clone(), columns);
        true
    }
}
