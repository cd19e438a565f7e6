//! Comparisons that are not plain operators: with arrays, of rows, and IS DISTINCT
//! FROM.

use super::Translator;
use crate::nodes::{cast, iter, oids};
use crate::planner::report::reason::Object;
use crate::planner::report::reason::Reason;
use crate::planner::translate::collation::check_text_comparison;
use crate::planner::translate::columns::Columns;
use crate::planner::translate::compare::{comparable, compare};
use crate::planner::translate::functions::{self, implementation};
use crate::planner::translate::typed::Typed;
use crate::planner::translate::{literals, numeric};
use fusion_plan::{DataType, Expr, Function, Literal};
use pgrx::pg_sys;

/// Elements of an array of which each becomes a comparison.
const MAX_COMPARISONS: usize = 64;
/// Elements of an array that becomes a list to search.
const MAX_LIST: usize = 10_000;

impl<C: Columns> Translator<'_, C> {
    /// `x operator ANY (array)` and `x operator ALL (array)` for an array of
    /// constants, or one that is written out: a list to search if it is IN or
    /// NOT IN over constants, else the disjunction or conjunction that PostgreSQL
    /// evaluates element by element.
    pub(super) unsafe fn any_of(
        &mut self,
        op: &pg_sys::ScalarArrayOpExpr,
    ) -> Result<Typed, Reason> {
        // SAFETY: a valid node; in a backend's main thread.
        unsafe {
            let args: Vec<*mut pg_sys::Node> = iter(op.args).collect();
            let [scalar, array] = args.as_slice() else {
                return Err("an array comparison without two arguments".into());
            };
            let oid = implementation(op.opfuncid, op.opno);
            let Some(function) = functions::comparison(oid) else {
                return Err(Object::Operator(op.opno).into());
            };
            self.uses(oid);
            let scalar = self.translate(*scalar)?;
            let elements = self.elements(*array)?;
            let searched =
                matches!((function, op.useOr), (Function::Eq, true) | (Function::Ne, false));
            if searched && let Some(list) = list(&scalar, &elements) {
                if matches!(scalar.ty, DataType::Text | DataType::Bpchar) {
                    check_text_comparison(Function::Eq, op.inputcollid)?;
                }
                let (arg, values) = list;
                if values.len() > MAX_LIST {
                    return Err(format!("an array of {} elements", values.len()).into());
                }
                let expr = Expr::InList { arg: Box::new(arg), values, negated: !op.useOr };
                return Ok(Typed { expr, ty: DataType::Bool });
            }
            if elements.len() > MAX_COMPARISONS {
                return Err(format!("an array of {} elements", elements.len()).into());
            }
            let tests = elements
                .into_iter()
                .map(|element| Ok(compare(function, scalar.clone(), element, op.inputcollid)?.expr))
                .collect::<Result<Vec<_>, Reason>>()?;
            let expr = match (tests.is_empty(), op.useOr) {
                (true, _) => return Err("an empty array".into()),
                (false, true) => Expr::Or(tests),
                (false, false) => Expr::And(tests),
            };
            Ok(Typed { expr, ty: DataType::Bool })
        }
    }

    /// The elements of an array, constant or written out. PostgreSQL evaluates
    /// all of those first, so none may raise an error.
    unsafe fn elements(&mut self, array: *mut pg_sys::Node) -> Result<Vec<Typed>, Reason> {
        // SAFETY: an argument of a valid node.
        unsafe {
            if let Some(array) = cast::<pg_sys::Const, _>(array) {
                return literals::array_elements(array)?
                    .into_iter()
                    .map(|element| self.constant(element.cast()))
                    .collect();
            }
            let array: &pg_sys::ArrayExpr =
                cast(array).ok_or("an array that is not written out")?;
            if array.multidims {
                return Err("an array of arrays".into());
            }
            let elements = self.all(array.elements)?;
            match elements.iter().any(|element| element.expr.can_fail()) {
                true => Err("an array with elements that can fail".into()),
                false => Ok(elements),
            }
        }
    }

    /// `IS DISTINCT FROM`.
    pub(super) unsafe fn distinct(&mut self, node: &pg_sys::DistinctExpr) -> Result<Typed, Reason> {
        // SAFETY: a valid node; in a backend's main thread.
        unsafe {
            let (left, right) = self.equality(node)?;
            let (left, right, ty) = comparable(left, right)?;
            if ty == DataType::Text {
                check_text_comparison(Function::Eq, node.inputcollid)?;
            }
            let (left, right) = (Box::new(left), Box::new(right));
            let expr = Expr::IsDistinct { left, right, negated: false };
            Ok(Typed { expr, ty: DataType::Bool })
        }
    }

    /// `(a, b) < (c, d)` and its like; equality of rows is a conjunction to
    /// PostgreSQL.
    pub(super) unsafe fn row_compare(
        &mut self,
        node: &pg_sys::RowCompareExpr,
    ) -> Result<Typed, Reason> {
        use pg_sys::RowCompareType as T;
        let comparison = match node.rctype {
            T::ROWCOMPARE_LT => Function::Lt,
            T::ROWCOMPARE_LE => Function::Le,
            T::ROWCOMPARE_GE => Function::Ge,
            T::ROWCOMPARE_GT => Function::Gt,
            _ => return Err("a comparison of rows for equality".into()),
        };
        // SAFETY: a valid node, whose lists are as long as each other.
        unsafe {
            let lefts = iter::<pg_sys::Node>(node.largs);
            let rights = iter::<pg_sys::Node>(node.rargs);
            let operators = oids(node.opnos).into_iter().zip(oids(node.inputcollids));
            let mut pairs = Vec::new();
            for ((left, right), (operator, collation)) in lefts.zip(rights).zip(operators) {
                let function = pg_sys::get_opcode(operator);
                if functions::comparison(function).is_none() {
                    return Err(Object::Operator(operator).into());
                }
                let (left, right) = (self.translate(left)?, self.translate(right)?);
                let (left, right, ty) = comparable(left, right)?;
                if ty == DataType::Text {
                    check_text_comparison(Function::Lt, collation)?;
                }
                pairs.push((left, right));
            }
            Ok(Typed { expr: Expr::RowCompare { comparison, pairs }, ty: DataType::Bool })
        }
    }
}

/// What to search and the values to search for, if all elements are constants
/// that can be brought to one type with it.
fn list(scalar: &Typed, elements: &[Typed]) -> Option<(Expr, Vec<Literal>)> {
    use DataType as T;
    let literals = elements.iter().map(|element| match &element.expr {
        Expr::Literal(literal) => Some(literal.clone()),
        _ => None,
    });
    let literals = literals.collect::<Option<Vec<_>>>()?;
    let Some(first) = elements.first() else {
        return Some((scalar.expr.clone(), Vec::new()));
    };
    match (scalar.ty, first.ty) {
        (T::Decimal { .. } | T::Numeric, _) => {
            let decimals = literals.iter().all(|value| matches!(value.ty, T::Decimal { .. }));
            let numeric = literals.iter().all(|value| numeric::is_numeric(value.ty));
            match decimals {
                true => Some((scalar.expr.clone(), literals)),
                false => numeric.then(|| (numeric::as_numeric(scalar.clone()), literals)),
            }
        }
        (a, b) if a == b => {
            literals.iter().all(|value| value.ty == a).then(|| (scalar.expr.clone(), literals))
        }
        // The values of narrower integers and floats are those of the wider.
        (a, b) if a.is_integer() && b.is_integer() || a.is_float() && b.is_float() => {
            let typed = comparable(scalar.clone(), first.clone()).ok()?;
            let literals = literals.into_iter().map(|value| Literal { ty: typed.2, ..value });
            Some((typed.0, literals.collect()))
        }
        _ => None,
    }
}
