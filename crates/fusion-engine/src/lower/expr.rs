//! Scalar expressions.

use super::literal;
use super::lowering::{Lowering, Stream, datafusion, inconsistent, schema_of, unsupported};
use crate::expr::{
    AndOr, AndOrKind, BooleanTest, Call, Case, Coalesce, Distinct, Key, MinMax, NullIf, RowCompare,
};
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_expr::ColumnarValue;
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::expressions::{
    Column, IsNotNullExpr, IsNullExpr, Literal as Constant, NotExpr,
};
use fusion_plan::{DataType, Expr, Function, PgError};
use std::sync::Arc;

/// The columns that an expression reads.
pub(super) struct Input {
    pub(super) types: Vec<DataType>,
    pub(super) schema: SchemaRef,
}

impl From<&Stream> for Input {
    fn from(stream: &Stream) -> Self {
        Self { types: stream.types.clone(), schema: stream.schema() }
    }
}

impl Lowering<'_> {
    /// The type of `expr`.
    pub(super) fn type_of(&self, expr: &Expr, input: &Input) -> Result<DataType, PgError> {
        expr.ty(&input.types, &self.plan.params)
            .ok_or_else(|| inconsistent("an expression names what does not exist"))
    }

    /// `expr` as a physical expression over `input`.
    pub(super) fn expr(
        &self,
        expr: &Expr,
        input: &Input,
    ) -> Result<Arc<dyn PhysicalExpr>, PgError> {
        Ok(match expr {
            Expr::Column(index) => {
                let field = input.schema.fields().get(*index as usize);
                let field = field.ok_or_else(|| inconsistent("a column does not exist"))?;
                Arc::new(Column::new(field.name(), *index as usize))
            }
            Expr::Literal(literal) => Arc::new(Constant::new(literal::scalar(literal)?)),
            Expr::Param(index) => {
                let literal = self.params.get(*index as usize);
                let literal = literal.ok_or_else(|| inconsistent("a parameter has no value"))?;
                Arc::new(Constant::new(literal::scalar(literal)?))
            }
            Expr::Call { function, args, ty } => self.call(*function, args, *ty, input)?,
            Expr::And(args) => self.and_or(AndOrKind::And, args, input)?,
            Expr::Or(args) => self.and_or(AndOrKind::Or, args, input)?,
            Expr::Not(arg) => Arc::new(NotExpr::new(self.expr(arg, input)?)),
            Expr::IsNull(arg) => Arc::new(IsNullExpr::new(self.expr(arg, input)?)),
            Expr::IsNotNull(arg) => Arc::new(IsNotNullExpr::new(self.expr(arg, input)?)),
            Expr::BoolTest { arg, test } => {
                Arc::new(BooleanTest::new(self.expr(arg, input)?, *test))
            }
            Expr::Case { whens, otherwise, ty } => {
                let eager = !whens.iter().skip(1).any(|(when, _)| when.can_fail())
                    && !whens.iter().any(|(_, then)| then.can_fail())
                    && !otherwise.iter().any(|otherwise| otherwise.can_fail());
                let whens = whens
                    .iter()
                    .map(|(when, then)| Ok((self.expr(when, input)?, self.expr(then, input)?)))
                    .collect::<Result<_, PgError>>()?;
                let otherwise = match otherwise {
                    Some(otherwise) => Some(self.expr(otherwise, input)?),
                    None => None,
                };
                Arc::new(Case::try_new(whens, otherwise, eager, ty.arrow()).map_err(datafusion)?)
            }
            Expr::Coalesce(args) => {
                let ty = self.type_of(expr, input)?.arrow();
                let args = self.exprs(args, input)?;
                Arc::new(Coalesce::try_new(args, ty).map_err(datafusion)?)
            }
            Expr::IsDistinct { left, right, negated } => {
                let (left, right) = (self.typed(left, input)?, self.typed(right, input)?);
                let types = [left.1, right.1];
                let distinct = Distinct::try_new(left, right, *negated);
                Arc::new(distinct.ok_or_else(|| incomparable("IS DISTINCT FROM", &types))?)
            }
            Expr::NullIf { left, right, equal } => self.null_if(left, right, equal, input)?,
            Expr::MinMax { extreme, args } => {
                let ty = self.type_of(expr, input)?;
                let chosen = MinMax::try_new(*extreme, self.exprs(args, input)?, ty);
                Arc::new(chosen.ok_or_else(|| incomparable("GREATEST and LEAST", &[ty]))?)
            }
            Expr::InList { arg, values, negated } => self.in_list(arg, values, *negated, input)?,
            Expr::RowCompare { comparison, pairs } => {
                let pairs = pairs
                    .iter()
                    .map(|(left, right)| Ok((self.typed(left, input)?, self.typed(right, input)?)))
                    .collect::<Result<Vec<_>, PgError>>()?;
                let types: Vec<_> = pairs.iter().flat_map(|(l, r)| [l.1, r.1]).collect();
                let rows = RowCompare::try_new(*comparison, pairs).map_err(datafusion)?;
                Arc::new(rows.ok_or_else(|| incomparable("comparisons of rows", &types))?)
            }
        })
    }

    /// Several expressions.
    pub(super) fn exprs(
        &self,
        exprs: &[Expr],
        input: &Input,
    ) -> Result<Vec<Arc<dyn PhysicalExpr>>, PgError> {
        exprs.iter().map(|expr| self.expr(expr, input)).collect()
    }

    /// AND or OR; that of one argument is the argument.
    pub(super) fn and_or(
        &self,
        kind: AndOrKind,
        args: &[Expr],
        input: &Input,
    ) -> Result<Arc<dyn PhysicalExpr>, PgError> {
        if let [arg] = args {
            return self.expr(arg, input);
        }
        let args = args
            .iter()
            .map(|arg| Ok((self.expr(arg, input)?, arg.can_fail())))
            .collect::<Result<_, PgError>>()?;
        Ok(Arc::new(AndOr::try_new(kind, args).map_err(datafusion)?))
    }

    /// A join key: `expr` in the form in which bytes decide equality. `None` if its type
    /// cannot be compared.
    pub(super) fn key(
        &self,
        expr: &Expr,
        input: &Input,
    ) -> Result<Option<Arc<dyn PhysicalExpr>>, PgError> {
        let (key, ty) = self.typed(expr, input)?;
        Ok(Key::of(key, ty))
    }

    /// An expression with its type.
    pub(super) fn typed(
        &self,
        expr: &Expr,
        input: &Input,
    ) -> Result<(Arc<dyn PhysicalExpr>, DataType), PgError> {
        Ok((self.expr(expr, input)?, self.type_of(expr, input)?))
    }

    fn null_if(
        &self,
        left: &Expr,
        right: &Expr,
        equal: &Expr,
        input: &Input,
    ) -> Result<Arc<dyn PhysicalExpr>, PgError> {
        let (left, right) = (self.typed(left, input)?, self.typed(right, input)?);
        let types = vec![left.1, right.1];
        let both = Input { schema: schema_of(&types), types };
        let equal = self.expr(equal, &both)?;
        let null_if = NullIf::try_new(left.0, right.0, equal, both.schema);
        Ok(Arc::new(null_if.map_err(datafusion)?))
    }

    fn call(
        &self,
        function: Function,
        args: &[Expr],
        ty: DataType,
        input: &Input,
    ) -> Result<Arc<dyn PhysicalExpr>, PgError> {
        let types =
            args.iter().map(|arg| self.type_of(arg, input)).collect::<Result<Vec<_>, _>>()?;
        let args = self.exprs(args, input)?;
        let constant = args.iter().all(|arg| arg.downcast_ref::<Constant>().is_some());
        let call = Call::try_new(function, args, types, ty)?;
        if call.data_type(&Schema::empty()).map_err(datafusion)? != ty.arrow() {
            return Err(unsupported("this result type"));
        }
        match constant.then(|| folded(&call)).flatten() {
            Some(constant) => Ok(Arc::new(constant)),
            None => Ok(Arc::new(call)),
        }
    }
}

fn incomparable(what: &str, types: &[DataType]) -> PgError {
    let types = types.iter().map(DataType::to_string).collect::<Vec<_>>().join(", ");
    unsupported(&format!("{what} of type {types}"))
}

/// The value of a call of constants, unless it is an error, which must wait
/// until a row asks for it.
fn folded(call: &Call) -> Option<Constant> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row =
        RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).ok()?;
    match call.evaluate(&row).ok()? {
        ColumnarValue::Scalar(value) => Some(Constant::new(value)),
        ColumnarValue::Array(array) => {
            datafusion_common::ScalarValue::try_from_array(&array, 0).ok().map(Constant::new)
        }
    }
}
