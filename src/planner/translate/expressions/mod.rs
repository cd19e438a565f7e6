//! From PostgreSQL's expression trees to fusion expressions.
//!
//! The translation is all or nothing for each tree: if any part has no exact
//! counterpart the answer is the [`Reason`], and the caller leaves the whole
//! expression to PostgreSQL.

mod branches;
mod casts;
mod comparisons;
mod concat;
pub mod kinds;
mod stable;

use super::collation::check_collation;
use super::columns::Columns;
use super::compare::{compare, widen};
use super::functions::{self, Rule, implementation};
use super::literals::literal;
use super::numeric;
use super::params::Params;
use super::typed::{Typed, call, convert};
use super::types::{fusion_type, type_name};
use crate::nodes::{self, cast, iter};
use crate::planner::report::reason::Object;
use crate::planner::report::reason::Reason;
use fusion_plan::{BoolTest, CastFunction, DataType, Expr};
use kinds::Kind;
use pgrx::pg_sys::{self, NodeTag};

/// How deep an expression may be nested: the engine's threads walk it on stacks
/// of fixed size.
const MAX_DEPTH: usize = 100;

/// Translates expressions over one input.
pub struct Translator<'a, C: Columns> {
    columns: &'a C,
    params: &'a mut Params,
    depth: usize,
    /// The values that the CASE expressions around compare with.
    case_values: Vec<Typed>,
}

impl<'a, C: Columns> Translator<'a, C> {
    /// A translator over the columns `columns` that adds to `params` what it
    /// needs.
    pub fn new(columns: &'a C, params: &'a mut Params) -> Self {
        Self { columns, params, depth: 0, case_values: Vec::new() }
    }

    /// Notes that the engine computes function `oid`.
    pub fn uses(&mut self, oid: pg_sys::Oid) {
        self.params.uses(oid);
    }

    /// Translates `node`.
    ///
    /// # Safety
    ///
    /// `node` is an expression tree that the planner has preprocessed; runs in
    /// a backend's main thread.
    pub unsafe fn translate(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        if self.depth == MAX_DEPTH {
            return Err("an expression that is nested too deeply".into());
        }
        self.depth += 1;
        // SAFETY: the caller's promise.
        let result = unsafe { self.node(node) };
        self.depth -= 1;
        result
    }

    unsafe fn node(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        // SAFETY: the caller's promise holds for every sub-node; each cast
        // follows the tag.
        unsafe {
            if let Some(found) = self.columns.find(node) {
                return found.map(|(index, ty)| Typed { expr: Expr::Column(index), ty });
            }
            if let Some(placeholder) = cast::<pg_sys::PlaceHolderVar, _>(node)
                && self.columns.computes(placeholder)
            {
                return self.translate(placeholder.phexpr.cast());
            }
            if stable::is_stable_value(node) {
                return self.value_at_start(node);
            }
            let Some(kind) = kinds::kind(nodes::tag(node)) else {
                return Err(unsupported(nodes::tag(node)));
            };
            match kind {
                Kind::Const => self.constant(node),
                Kind::Param => self.param(node),
                Kind::SqlValue if stable::is_current_time(&*node.cast()) => {
                    self.value_at_start(node)
                }
                Kind::SqlValue => Err("a value that may change while a cursor is open".into()),
                Kind::Relabel => self.relabel(&*node.cast()),
                Kind::ViaText => self.coerce_via_io(&*node.cast()),
                Kind::Operator => self.operator(&*node.cast()),
                Kind::Function => {
                    let call = &*node.cast::<pg_sys::FuncExpr>();
                    self.function(call.funcid, call.args, call.inputcollid, call.funcresulttype)
                }
                Kind::AnyOf => self.any_of(&*node.cast()),
                Kind::Boolean => self.boolean(&*node.cast()),
                Kind::NullTest => self.null_test(&*node.cast()),
                Kind::BooleanTest => self.boolean_test(&*node.cast()),
                Kind::Case => self.case(&*node.cast()),
                Kind::CaseValue => match self.case_values.last() {
                    Some(value) => Ok(value.clone()),
                    None => Err("a CASE value outside of CASE".into()),
                },
                Kind::Coalesce => self.coalesce(&*node.cast()),
                Kind::NullIf => self.null_if(&*node.cast()),
                Kind::MinMax => self.min_max(&*node.cast()),
                Kind::Distinct => self.distinct(&*node.cast()),
                Kind::RowCompare => self.row_compare(&*node.cast()),
            }
        }
    }

    unsafe fn all(&mut self, list: *const pg_sys::List) -> Result<Vec<Typed>, Reason> {
        // SAFETY: a list of expressions, by the caller's promise.
        unsafe { iter(list).map(|node| self.translate(node)).collect() }
    }

    /// A parameter from outside the query. Parameters set inside it (init
    /// plans, nested loops) are left to PostgreSQL, which evaluates them only
    /// if a row asks.
    unsafe fn param(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        // SAFETY: the caller checked the tag.
        let param = unsafe { &*node.cast::<pg_sys::Param>() };
        if param.paramkind != pg_sys::ParamKind::PARAM_EXTERN {
            return Err("a parameter that is set inside the query".into());
        }
        // SAFETY: `node` is a node of this type.
        unsafe { self.value_at_start(node) }
    }

    /// A constant. The place of an enum's value in its type's order can change
    /// while a plan is cached, so it is looked up when the plan starts.
    unsafe fn constant(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        // SAFETY: the caller checked the tag.
        unsafe {
            let constant = &*node.cast::<pg_sys::Const>();
            let is_enum = fusion_type(constant.consttype, constant.consttypmod)? == DataType::Enum;
            match is_enum && !constant.constisnull {
                true => self.value_at_start(node),
                false => literal(constant),
            }
        }
    }

    /// A value that the backend computes when the plan starts.
    unsafe fn value_at_start(&mut self, node: *mut pg_sys::Node) -> Result<Typed, Reason> {
        // SAFETY: in a backend's main thread; `node` is a node.
        unsafe {
            let ty = fusion_type(pg_sys::exprType(node), pg_sys::exprTypmod(node))?;
            // The display scale is that of the value.
            let ty = if numeric::is_numeric(ty) { DataType::Numeric } else { ty };
            match ty {
                DataType::Opaque => {
                    let name = type_name(pg_sys::exprType(node));
                    Err(format!("a parameter of type {name}").into())
                }
                ty => {
                    let index = self.params.index_of(node, ty);
                    Ok(Typed { expr: Expr::Param(index), ty })
                }
            }
        }
    }

    unsafe fn operator(&mut self, op: &pg_sys::OpExpr) -> Result<Typed, Reason> {
        // SAFETY: a valid operator expression.
        unsafe {
            let function = implementation(op.opfuncid, op.opno);
            if functions::rule(function).is_none() {
                return Err(Object::Operator(op.opno).into());
            }
            self.function(function, op.args, op.inputcollid, op.opresulttype)
        }
    }

    unsafe fn function(
        &mut self,
        oid: pg_sys::Oid,
        args: *const pg_sys::List,
        collation: pg_sys::Oid,
        result: pg_sys::Oid,
    ) -> Result<Typed, Reason> {
        let Some(rule) = functions::rule(oid) else {
            return Err(Object::Function(oid).into());
        };
        self.params.uses(oid);
        // SAFETY: the arguments of a valid node.
        let mut all = || unsafe { known(self.all(args)?) };
        match rule {
            Rule::Compare(function) => match <[Typed; 2]>::try_from(all()?) {
                // SAFETY: in a backend's main thread.
                Ok([left, right]) => unsafe { compare(function, left, right, collation) },
                Err(_) => Err("a comparison without two arguments".into()),
            },
            Rule::Arithmetic(function) => {
                let args = all()?;
                // SAFETY: in a backend's main thread.
                let ty = unsafe { fusion_type(result, -1)? };
                let args = args.into_iter().map(|arg| widen(arg, ty)).collect::<Result<_, _>>()?;
                Ok(call(function, args, ty))
            }
            Rule::Numeric(function) => Ok(numeric::operation(function, all()?)),
            Rule::Plain(function) => {
                let args = all()?;
                // SAFETY: in a backend's main thread; the function exists.
                unsafe {
                    check_collation(function, &args, collation)?;
                    // A cast may be done by a function to another type of the same
                    // bits: `int2` becomes `oid` through `int4(int2)`.
                    let own = fusion_type(pg_sys::get_func_rettype(oid), -1)?;
                    if own == DataType::Opaque {
                        return Err("a function that gives what the engine does not know".into());
                    }
                    casts::relabelled(call(function, args, own), fusion_type(result, -1)?)
                }
            }
            Rule::BpcharLike(function) => {
                let args = all()?
                    .into_iter()
                    .map(|arg| match arg.ty {
                        DataType::Bpchar => convert(CastFunction::Relabel, arg, DataType::Text),
                        _ => arg,
                    })
                    .collect::<Vec<_>>();
                // SAFETY: in a backend's main thread.
                unsafe { check_collation(function, &args, collation)? };
                Ok(call(function, args, DataType::Bool))
            }
            // SAFETY: the arguments of a valid node.
            Rule::Concat => unsafe { self.concat(args) },
            // SAFETY: as above.
            Rule::ConcatWithSeparator => unsafe { self.concat_ws(args) },
            Rule::Special(translate) => translate(functions::Call { args: all()? }),
        }
    }

    unsafe fn boolean(&mut self, node: &pg_sys::BoolExpr) -> Result<Typed, Reason> {
        // SAFETY: the arguments of a valid node.
        let mut args: Vec<Expr> =
            unsafe { self.all(node.args)? }.into_iter().map(|arg| arg.expr).collect();
        let expr = match node.boolop {
            pg_sys::BoolExprType::AND_EXPR => Expr::And(args),
            pg_sys::BoolExprType::OR_EXPR => Expr::Or(args),
            _ => match args.pop() {
                Some(arg) => Expr::Not(Box::new(arg)),
                None => return Err("NOT without an argument".into()),
            },
        };
        Ok(Typed { expr, ty: DataType::Bool })
    }

    unsafe fn null_test(&mut self, node: &pg_sys::NullTest) -> Result<Typed, Reason> {
        if node.argisrow {
            return Err("a NULL test of a row".into());
        }
        // SAFETY: the argument of a valid node.
        let arg = Box::new(unsafe { self.translate(node.arg.cast())? }.expr);
        let expr = match node.nulltesttype {
            pg_sys::NullTestType::IS_NULL => Expr::IsNull(arg),
            _ => Expr::IsNotNull(arg),
        };
        Ok(Typed { expr, ty: DataType::Bool })
    }

    unsafe fn boolean_test(&mut self, node: &pg_sys::BooleanTest) -> Result<Typed, Reason> {
        use pg_sys::BoolTestType as T;
        let test = match node.booltesttype {
            T::IS_TRUE => BoolTest::True,
            T::IS_NOT_TRUE => BoolTest::NotTrue,
            T::IS_FALSE => BoolTest::False,
            T::IS_NOT_FALSE => BoolTest::NotFalse,
            T::IS_UNKNOWN => BoolTest::Unknown,
            _ => BoolTest::NotUnknown,
        };
        // SAFETY: the argument of a valid node.
        let arg = Box::new(unsafe { self.translate(node.arg.cast())? }.expr);
        Ok(Typed { expr: Expr::BoolTest { arg, test }, ty: DataType::Bool })
    }
}

/// Why a node is not translated.
fn unsupported(tag: NodeTag) -> Reason {
    match tag {
        NodeTag::T_Var | NodeTag::T_PlaceHolderVar => {
            "a column that its input does not have".into()
        }
        NodeTag::T_SubPlan | NodeTag::T_AlternativeSubPlan => {
            "a subquery is left to PostgreSQL".into()
        }
        NodeTag::T_ArrayExpr => "ARRAY[...] is not supported".into(),
        NodeTag::T_RowExpr => "ROW(...) is not supported".into(),
        NodeTag::T_SubscriptingRef => "a subscript is not supported".into(),
        NodeTag::T_FieldSelect => "a field of a composite value is not supported".into(),
        NodeTag::T_CoerceToDomain => "a cast to a domain is not supported".into(),
        NodeTag::T_ArrayCoerceExpr => "a cast of an array is not supported".into(),
        NodeTag::T_WindowFunc => "a window function is not supported".into(),
        NodeTag::T_GroupingFunc => "GROUPING is not supported".into(),
        other => format!("expression node {other:?} is not supported").into(),
    }
}

/// `args`, unless the engine only passes one of them on. (Text is such a value
/// where the database is not in UTF-8.)
fn known(args: Vec<Typed>) -> Result<Vec<Typed>, Reason> {
    match args.iter().any(|arg| arg.ty == DataType::Opaque) {
        true => Err("a function of values that the engine does not know".into()),
        false => Ok(args),
    }
}
