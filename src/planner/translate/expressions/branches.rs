//! Expressions that give one of several values: CASE, COALESCE, NULLIF, GREATEST
//! and LEAST.

use super::Translator;
use crate::nodes::iter;
use crate::planner::report::reason::Object;
use crate::planner::report::reason::Reason;
use crate::planner::translate::collation::check_text_comparison;
use crate::planner::translate::columns::Columns;
use crate::planner::translate::compare::comparable;
use crate::planner::translate::functions::{self, implementation};
use crate::planner::translate::numeric;
use crate::planner::translate::typed::{Typed, as_decimal};
use fusion_plan::{DataType, Expr, Extreme, Function, Literal};
use pgrx::pg_sys;

impl<C: Columns> Translator<'_, C> {
    /// `CASE WHEN ...`, and `CASE value WHEN ...`, whose value is put into every
    /// comparison.
    pub(super) unsafe fn case(&mut self, case: &pg_sys::CaseExpr) -> Result<Typed, Reason> {
        // SAFETY: the parts of a valid node.
        unsafe {
            if case.arg.is_null() {
                return self.case_branches(case);
            }
            let value = self.translate(case.arg.cast())?;
            self.case_values.push(value);
            let result = self.case_branches(case);
            self.case_values.pop();
            result
        }
    }

    unsafe fn case_branches(&mut self, case: &pg_sys::CaseExpr) -> Result<Typed, Reason> {
        let mut whens = Vec::new();
        let mut results = Vec::new();
        // SAFETY: the parts of a valid node; `args` holds CaseWhen nodes.
        let otherwise = unsafe {
            for when in iter::<pg_sys::CaseWhen>(case.args) {
                whens.push(self.translate((*when).expr.cast())?.expr);
                results.push(self.translate((*when).result.cast())?);
            }
            match case.defresult.is_null() {
                true => None,
                false => Some(self.translate(case.defresult.cast())?),
            }
        };
        let ty = branch_type(results.iter().chain(&otherwise))?;
        let whens = whens.into_iter().zip(results.into_iter().map(|r| as_branch(r, ty))).collect();
        let otherwise = otherwise.map(|branch| Box::new(as_branch(branch, ty)));
        Ok(Typed { expr: Expr::Case { whens, otherwise, ty }, ty })
    }

    pub(super) unsafe fn coalesce(&mut self, node: &pg_sys::CoalesceExpr) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node.
        let args = unsafe { self.all(node.args)? };
        let ty = branch_type(args.iter())?;
        let args = args.into_iter().map(|arg| as_branch(arg, ty)).collect();
        Ok(Typed { expr: Expr::Coalesce(args), ty })
    }

    pub(super) unsafe fn null_if(&mut self, node: &pg_sys::NullIfExpr) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node; in a backend's main thread.
        unsafe {
            let (left, right) = self.equality(node)?;
            let column = |index, ty| Typed { expr: Expr::Column(index), ty };
            let (a, b, ty) = comparable(column(0, left.ty), column(1, right.ty))?;
            if ty == DataType::Text {
                check_text_comparison(Function::Eq, node.inputcollid)?;
            }
            let equal = Box::new(Expr::call(Function::Eq, vec![a, b], DataType::Bool));
            let ty = left.ty;
            let (left, right) = (Box::new(left.expr), Box::new(right.expr));
            Ok(Typed { expr: Expr::NullIf { left, right, equal }, ty })
        }
    }

    /// GREATEST and LEAST, which compare as the type's B-tree order does.
    pub(super) unsafe fn min_max(&mut self, node: &pg_sys::MinMaxExpr) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node; in a backend's main thread.
        unsafe {
            let args = self.all(node.args)?;
            let ty = branch_type(args.iter())?;
            match ty {
                DataType::Opaque => {
                    return Err("GREATEST or LEAST of a type that is not known".into());
                }
                DataType::Text | DataType::Bpchar => {
                    check_text_comparison(Function::Lt, node.inputcollid)?;
                }
                _ => {}
            }
            let extreme = match node.op {
                pg_sys::MinMaxOp::IS_GREATEST => Extreme::Greatest,
                _ => Extreme::Least,
            };
            let args = args.into_iter().map(|arg| as_branch(arg, ty)).collect();
            Ok(Typed { expr: Expr::MinMax { extreme, args }, ty })
        }
    }

    /// The operands of a node that compares with an equality operator.
    pub(super) unsafe fn equality(
        &mut self,
        node: &pg_sys::OpExpr,
    ) -> Result<(Typed, Typed), Reason> {
        // SAFETY: the arguments of a valid node; in a backend's main thread.
        unsafe {
            let function = implementation(node.opfuncid, node.opno);
            if functions::comparison(function) != Some(Function::Eq) {
                return Err(Object::Operator(node.opno).into());
            }
            self.uses(function);
            let args = self.all(node.args)?;
            let [left, right] =
                <[Typed; 2]>::try_from(args).map_err(|_| "a comparison without two arguments")?;
            Ok((left, right))
        }
    }
}

/// The one type of all branches of a CASE or COALESCE: for numeric ones, one
/// that keeps the display scale of each. A NULL constant goes with anything.
fn branch_type<'a>(branches: impl Iterator<Item = &'a Typed>) -> Result<DataType, Reason> {
    let mut common: Option<DataType> = None;
    let mut null = None;
    for branch in branches {
        if is_null_literal(&branch.expr) {
            null = Some(branch.ty);
            continue;
        }
        common = Some(match (common, branch.ty) {
            (None, ty) => ty,
            (Some(a), b) if a == b => a,
            (Some(a), b) if numeric::is_numeric(a) && numeric::is_numeric(b) => {
                numeric::branch_type(a, b)
            }
            (Some(a), b) => return Err(format!("branches of types {a} and {b}").into()),
        });
    }
    common.or(null).ok_or_else(|| "no branches".into())
}

fn is_null_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(Literal { value: None, .. }))
}

/// `branch` in the common type `ty`.
fn as_branch(branch: Typed, ty: DataType) -> Expr {
    if is_null_literal(&branch.expr) {
        return Expr::null(ty);
    }
    match ty {
        DataType::Numeric => numeric::as_numeric(branch),
        _ => as_decimal(branch, ty),
    }
}
