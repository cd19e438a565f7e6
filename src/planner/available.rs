//! The columns that a fragment has, and what can be made of them.

use super::fragment::{Fragment, Kind};
use super::leaf::columns::columns;
use super::outputs::{Column, Outputs};
use super::report::reason::Reason;
use super::translate::columns::{AnyVar, Columns};
use super::translate::expressions::Translator;
use super::translate::params::Params;
use super::variables::sources;
use crate::nodes::{self, iter};
use fusion_plan::DataType;
use pgrx::pg_sys::{self, NodeTag};

/// The columns that a fragment has.
pub enum Available {
    /// Those of a join: any variable of its relations.
    Any,
    /// Those of a leaf, or the keys and calls of a grouping.
    These(Outputs),
}

impl Columns for Available {
    unsafe fn find(&self, node: *const pg_sys::Node) -> Option<Result<(u32, DataType), Reason>> {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Self::Any => AnyVar.find(node),
                Self::These(outputs) => outputs.find(node),
            }
        }
    }
}

/// The columns that `fragment` has.
pub fn columns_of(fragment: &Fragment) -> Available {
    match &fragment.kind {
        // SAFETY: fragments live within the planner call that made them.
        Kind::Leaf(leaf) => Available::These(unsafe { columns(leaf) }),
        Kind::Join(_) => Available::Any,
        Kind::Aggregate(aggregate) => Available::These(aggregate.columns.clone()),
        Kind::Sort(sort) => match columns_of(&sort.input) {
            Available::Any => Available::Any,
            Available::These(mut outputs) => {
                // SAFETY: expressions of the planner call that made the fragment.
                let typed = sort.computed.iter().filter_map(|expr| unsafe {
                    let mut params = Params::default();
                    let typed = Translator::new(&outputs, &mut params).translate(*expr).ok()?;
                    Some(Column { expr: *expr, ty: typed.ty })
                });
                let typed: Vec<_> = typed.collect();
                outputs.0.extend(typed);
                Available::These(outputs)
            }
        },
        Kind::Limit(limit) => columns_of(&limit.input),
    }
}

/// Whether PostgreSQL can compute every expression of `target` from the
/// columns `available`.
///
/// # Safety
///
/// `target` belongs to the planner call under way.
pub unsafe fn covers(available: &Available, target: *const pg_sys::PathTarget) -> bool {
    let Available::These(outputs) = available else {
        return true;
    };
    // SAFETY: a path target holds expressions.
    unsafe { iter::<pg_sys::Node>((*target).exprs).all(|expr| covered(outputs, expr)) }
}

/// Whether `node` is a column, or made of columns only.
///
/// # Safety
///
/// `node` is an expression of the query being planned.
pub unsafe fn covered(outputs: &Outputs, node: *mut pg_sys::Node) -> bool {
    // SAFETY: an expression of the query being planned.
    unsafe {
        if outputs.position(node).is_some() {
            return true;
        }
        match nodes::tag(node) {
            NodeTag::T_Var | NodeTag::T_Aggref | NodeTag::T_PlaceHolderVar => false,
            NodeTag::T_OpExpr => {
                let op = &*node.cast::<pg_sys::OpExpr>();
                iter(op.args).all(|arg| covered(outputs, arg))
            }
            NodeTag::T_FuncExpr => {
                let call = &*node.cast::<pg_sys::FuncExpr>();
                iter(call.args).all(|arg| covered(outputs, arg))
            }
            // Below any other node only variables and aggregate calls can
            // match, not whole expressions.
            _ => sources(node).all(|source| outputs.position(source).is_some()),
        }
    }
}
