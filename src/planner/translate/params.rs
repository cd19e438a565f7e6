//! What a plan asks of the backend when it starts.

use crate::nodes;
use fusion_plan::DataType;
use pgrx::pg_sys;

/// What a plan asks of the backend when it starts.
#[derive(Default)]
pub struct Params {
    /// The plan's parameters: expressions without variables, to be evaluated.
    pub exprs: Vec<*mut pg_sys::Node>,
    /// Their types.
    pub types: Vec<DataType>,
    /// The functions that the engine computes, whose EXECUTE privilege is to be
    /// checked as PostgreSQL does before it calls them.
    pub functions: Vec<pg_sys::Oid>,
}

impl Params {
    /// Notes that the engine computes function `oid`.
    pub fn uses(&mut self, oid: pg_sys::Oid) {
        if !self.functions.contains(&oid) {
            self.functions.push(oid);
        }
    }

    /// The parameter that holds `node`'s value, new or already there.
    ///
    /// # Safety
    ///
    /// `node` is an expression of the planner call under way.
    pub unsafe fn index_of(&mut self, node: *mut pg_sys::Node, ty: DataType) -> u32 {
        // SAFETY: all are nodes.
        let found = self.exprs.iter().position(|expr| unsafe { nodes::equal(*expr, node) });
        found.unwrap_or_else(|| {
            self.exprs.push(node);
            self.types.push(ty);
            self.exprs.len() - 1
        }) as u32
    }
}
