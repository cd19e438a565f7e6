//! Scalar expressions over the columns of one input.

use crate::{DataType, Function};
use serde::{Deserialize, Serialize};

/// A constant's value; which variant goes with which [`DataType`] is given at
/// each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// `Bool`.
    Bool(bool),
    /// `Int2`, `Int4`, `Int8`, `Oid`, `Date`, `Time`, `Timestamp`,
    /// `TimestampTz`: the integer representation.
    Int(i64),
    /// `Float4`, `Float8`: the bits of the `f64`, so that equality is exact.
    Float(u64),
    /// `Decimal`: the unscaled value; `None` is NaN.
    Decimal(Option<i128>),
    /// `Interval`: months, days, microseconds.
    Interval(i32, i32, i64),
    /// `Text`, `Bpchar`: any bytes, because not all that PostgreSQL holds is valid.
    Text(Vec<u8>),
    /// `Numeric`, `Bytea`, `Uuid`, `Enum`, `Opaque`.
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether the variant is the one that [`Value`] documents for `ty`.
    pub fn fits(&self, ty: DataType) -> bool {
        use DataType as T;
        match self {
            Self::Bool(_) => ty == T::Bool,
            Self::Int(_) => {
                ty.is_integer()
                    || matches!(ty, T::Oid | T::Date | T::Time | T::Timestamp | T::TimestampTz)
            }
            Self::Float(_) => ty.is_float(),
            Self::Decimal(_) => matches!(ty, T::Decimal { .. }),
            Self::Interval(..) => ty == T::Interval,
            Self::Text(_) => matches!(ty, T::Text | T::Bpchar),
            Self::Bytes(_) => {
                matches!(ty, T::Numeric | T::Bytea | T::Uuid | T::Enum | T::Opaque)
            }
        }
    }
}

/// A typed constant; `value` is `None` for NULL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Literal {
    /// The type.
    pub ty: DataType,
    /// The value, NULL if absent.
    pub value: Option<Value>,
}

/// The SQL `IS [NOT] TRUE | FALSE | UNKNOWN` tests, which never give NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BoolTest {
    /// `IS TRUE`.
    True,
    /// `IS NOT TRUE`.
    NotTrue,
    /// `IS FALSE`.
    False,
    /// `IS NOT FALSE`.
    NotFalse,
    /// `IS UNKNOWN`.
    Unknown,
    /// `IS NOT UNKNOWN`.
    NotUnknown,
}

/// Which of its arguments an [`Expr::MinMax`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Extreme {
    /// `GREATEST`.
    Greatest,
    /// `LEAST`.
    Least,
}

/// A scalar expression.
///
/// Evaluation is lazy by row wherever PostgreSQL's is: the arguments of
/// [`Expr::And`], [`Expr::Or`], [`Expr::Case`], [`Expr::Coalesce`] and
/// [`Expr::RowCompare`] are evaluated from left to right, and only for rows that
/// earlier arguments left undecided, so an error in a later one surfaces exactly
/// when PostgreSQL would raise it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Expr {
    /// A column of the input, by position. Above a join the input is the left
    /// side's columns followed by the right side's.
    Column(u32),
    /// A constant.
    Literal(Literal),
    /// A value the backend computes when the session starts; an index into
    /// [`Plan::params`](crate::Plan::params).
    Param(u32),
    /// A function call.
    Call {
        /// The function.
        function: Function,
        /// Its arguments, of the types the function documents.
        args: Vec<Expr>,
        /// The result type.
        ty: DataType,
    },
    /// Conjunction by SQL's three-valued logic.
    And(Vec<Expr>),
    /// Disjunction by SQL's three-valued logic.
    Or(Vec<Expr>),
    /// Negation by SQL's three-valued logic.
    Not(Box<Expr>),
    /// `IS NULL`, for scalar types.
    IsNull(Box<Expr>),
    /// `IS NOT NULL`, for scalar types.
    IsNotNull(Box<Expr>),
    /// `IS TRUE` and its kin.
    BoolTest {
        /// The boolean that is tested.
        arg: Box<Expr>,
        /// The test.
        test: BoolTest,
    },
    /// `CASE WHEN condition THEN result ... ELSE otherwise END`.
    Case {
        /// Conditions and results, in order.
        whens: Vec<(Expr, Expr)>,
        /// The ELSE branch; NULL if absent.
        otherwise: Option<Box<Expr>>,
        /// The result type, of all branches.
        ty: DataType,
    },
    /// The first argument that is not NULL; all have the same type.
    Coalesce(Vec<Expr>),
    /// `left IS [NOT] DISTINCT FROM right`, which is never NULL: NULL is not
    /// distinct from NULL, and distinct from every value. Values are compared as
    /// [`Function::Eq`] compares arguments of their types.
    IsDistinct {
        /// The first value.
        left: Box<Expr>,
        /// The second value.
        right: Box<Expr>,
        /// `IS NOT DISTINCT FROM`.
        negated: bool,
    },
    /// `NULLIF(left, right)`: NULL where the two are equal, else `left`. Both are
    /// evaluated once, for every row.
    NullIf {
        /// The first argument, whose type the result has.
        left: Box<Expr>,
        /// The second argument.
        right: Box<Expr>,
        /// The comparison: a boolean expression over an input of its own, of
        /// which column 0 is `left` and column 1 is `right`. It is evaluated
        /// where neither is NULL.
        equal: Box<Expr>,
    },
    /// `GREATEST` or `LEAST`: the largest or smallest argument that is not NULL,
    /// and NULL if all are. All arguments are evaluated and have the same
    /// ordered type; of equal ones the first is given.
    MinMax {
        /// Which one.
        extreme: Extreme,
        /// The arguments, at least one.
        args: Vec<Expr>,
    },
    /// `arg IN (values)`, which is `arg = ANY (array)`: whether a value equals
    /// `arg` as [`Function::Eq`] compares, blank-padded strings without their
    /// padding. NULL if none does and either `arg` or a value is NULL; false for
    /// an empty list, whatever `arg` is.
    InList {
        /// What is looked for.
        arg: Box<Expr>,
        /// The values, of the type of `arg`; if that is `Decimal` or `Numeric`, of
        /// any `Decimal` type, too.
        values: Vec<Literal>,
        /// `NOT IN`, which is `<> ALL`: the negation, so NULL where `IN` is.
        negated: bool,
    },
    /// `ROW(a, b, ...) < ROW(c, d, ...)` or another order comparison: the first
    /// pair whose values differ decides, and a NULL met before that makes the
    /// result NULL. If all pairs are equal, the result is that of comparing
    /// equals.
    RowCompare {
        /// [`Function::Lt`], [`Function::Le`], [`Function::Gt`] or
        /// [`Function::Ge`].
        comparison: Function,
        /// The pairs, at least one, each of types that
        /// [`Function::Lt`] compares.
        pairs: Vec<(Expr, Expr)>,
    },
}

impl Expr {
    /// A call of `function`.
    pub fn call(function: Function, args: Vec<Expr>, ty: DataType) -> Self {
        Self::Call { function, args, ty }
    }

    /// A non-NULL constant.
    pub fn literal(ty: DataType, value: Value) -> Self {
        Self::Literal(Literal { ty, value: Some(value) })
    }

    /// A NULL of type `ty`.
    pub fn null(ty: DataType) -> Self {
        Self::Literal(Literal { ty, value: None })
    }

    /// The type of the expression over an input whose columns have the types
    /// `input`, in a plan whose parameters have the types `params`.
    ///
    /// `None` if it names a column or parameter that does not exist.
    pub fn ty(&self, input: &[DataType], params: &[DataType]) -> Option<DataType> {
        match self {
            Self::Column(index) => input.get(*index as usize).copied(),
            Self::Param(index) => params.get(*index as usize).copied(),
            Self::Literal(literal) => Some(literal.ty),
            Self::Call { ty, .. } | Self::Case { ty, .. } => Some(*ty),
            Self::And(_)
            | Self::Or(_)
            | Self::Not(_)
            | Self::IsNull(_)
            | Self::IsNotNull(_)
            | Self::BoolTest { .. }
            | Self::IsDistinct { .. }
            | Self::InList { .. }
            | Self::RowCompare { .. } => Some(DataType::Bool),
            Self::Coalesce(args) | Self::MinMax { args, .. } => args.first()?.ty(input, params),
            Self::NullIf { left, .. } => left.ty(input, params),
        }
    }

    /// The direct sub-expressions over the same input, in evaluation order. The
    /// comparison of [`Expr::NullIf`], which has an input of its own, is not among
    /// them.
    pub fn children(&self) -> Vec<&Expr> {
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Param(_) => Vec::new(),
            Self::Call { args, .. }
            | Self::And(args)
            | Self::Or(args)
            | Self::Coalesce(args)
            | Self::MinMax { args, .. } => args.iter().collect(),
            Self::Not(arg) | Self::IsNull(arg) | Self::IsNotNull(arg) => vec![arg],
            Self::BoolTest { arg, .. } | Self::InList { arg, .. } => vec![arg],
            Self::IsDistinct { left, right, .. } | Self::NullIf { left, right, .. } => {
                vec![left, right]
            }
            Self::RowCompare { pairs, .. } => {
                pairs.iter().flat_map(|(left, right)| [left, right]).collect()
            }
            Self::Case { whens, otherwise, .. } => whens
                .iter()
                .flat_map(|(when, then)| [when, then])
                .chain(otherwise.as_deref())
                .collect(),
        }
    }

    /// Rewrites every column position through `map`.
    pub fn map_columns(&mut self, map: &mut impl FnMut(u32) -> u32) {
        self.for_each_mut(&mut |expr| {
            if let Self::Column(index) = expr {
                *index = map(*index);
            }
        });
    }

    /// Rewrites every parameter index through `map`.
    pub(crate) fn map_params(&mut self, map: &mut impl FnMut(u32) -> u32) {
        self.for_each_mut(&mut |expr| {
            if let Self::Param(index) = expr {
                *index = map(*index);
            }
        });
    }

    /// Calls `visit` with every sub-expression over the same input, and then with the
    /// expression itself.
    fn for_each_mut(&mut self, visit: &mut impl FnMut(&mut Expr)) {
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Param(_) => {}
            Self::Call { args, .. }
            | Self::And(args)
            | Self::Or(args)
            | Self::Coalesce(args)
            | Self::MinMax { args, .. } => {
                args.iter_mut().for_each(|arg| arg.for_each_mut(visit));
            }
            Self::Not(arg) | Self::IsNull(arg) | Self::IsNotNull(arg) => arg.for_each_mut(visit),
            Self::BoolTest { arg, .. } | Self::InList { arg, .. } => arg.for_each_mut(visit),
            Self::IsDistinct { left, right, .. } | Self::NullIf { left, right, .. } => {
                left.for_each_mut(visit);
                right.for_each_mut(visit);
            }
            Self::RowCompare { pairs, .. } => {
                for (left, right) in pairs {
                    left.for_each_mut(visit);
                    right.for_each_mut(visit);
                }
            }
            Self::Case { whens, otherwise, .. } => {
                for (when, then) in whens {
                    when.for_each_mut(visit);
                    then.for_each_mut(visit);
                }
                if let Some(otherwise) = otherwise {
                    otherwise.for_each_mut(visit);
                }
            }
        }
        visit(self);
    }

    /// Calls `visit` with every column position the expression reads.
    pub fn for_each_column(&self, visit: &mut impl FnMut(u32)) {
        if let Self::Column(index) = self {
            visit(*index);
        }
        for child in self.children() {
            child.for_each_column(visit);
        }
    }

    /// Whether evaluating the expression can raise an error, and so must wait
    /// for what guards it.
    pub fn can_fail(&self) -> bool {
        let own = match self {
            Self::Call { function, args, ty } => function.can_fail(args, *ty),
            Self::NullIf { equal, .. } => equal.can_fail(),
            _ => false,
        };
        own || self.children().into_iter().any(Expr::can_fail)
    }

    /// Checks that all columns and parameters exist and literals hold the
    /// value their type asks for.
    pub(crate) fn validate(
        &self,
        input: &[DataType],
        params: &[DataType],
    ) -> Result<(), &'static str> {
        if self.ty(input, params).is_none() {
            return Err("an expression names a column or parameter that does not exist");
        }
        if let Self::Literal(Literal { ty, value: Some(value) }) = self
            && !value.fits(*ty)
        {
            return Err("a literal's value is not of its type");
        }
        if matches!(self, Self::And(args) | Self::Or(args) if args.is_empty()) {
            return Err("a conjunction or disjunction is empty");
        }
        self.children().into_iter().try_for_each(|child| child.validate(input, params))?;
        let ty = |expr: &Self| expr.ty(input, params);
        match self {
            Self::NullIf { left, right, equal } => {
                let both: Option<Vec<_>> = [left, right].into_iter().map(|arg| ty(arg)).collect();
                let both = both.unwrap_or_default();
                equal.validate(&both, params)?;
                match equal.ty(&both, params) {
                    Some(DataType::Bool) => Ok(()),
                    _ => Err("the comparison of a NULLIF is not boolean"),
                }
            }
            Self::MinMax { args, .. } => {
                let first = args.first().and_then(ty);
                match args.iter().all(|arg| ty(arg) == first) {
                    true => Ok(()),
                    false => Err("the arguments of GREATEST or LEAST differ in type"),
                }
            }
            Self::InList { arg, values, .. } => {
                let ty = ty(arg).ok_or("a list is searched for nothing")?;
                values.iter().try_for_each(|value| value.validate_as_element(ty))
            }
            Self::RowCompare { comparison, pairs } => match comparison {
                _ if pairs.is_empty() => Err("a row comparison compares nothing"),
                Function::Lt | Function::Le | Function::Gt | Function::Ge => Ok(()),
                _ => Err("a row comparison is not one of order"),
            },
            _ => Ok(()),
        }
    }
}

impl Literal {
    /// Checks that the constant can be in a list of values of type `ty`.
    fn validate_as_element(&self, ty: DataType) -> Result<(), &'static str> {
        use DataType::{Decimal, Numeric};
        let decimals = matches!((self.ty, ty), (Decimal { .. }, Decimal { .. } | Numeric));
        if self.ty != ty && !decimals {
            return Err("a value in a list is not of its type");
        }
        match &self.value {
            Some(value) if !value.fits(self.ty) => Err("a literal's value is not of its type"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int4_add(args: Vec<Expr>) -> Expr {
        Expr::call(Function::Add, args, DataType::Int4)
    }

    #[test]
    fn type_comes_from_input_or_call() {
        let input = [DataType::Text, DataType::Int4];
        assert_eq!(Expr::Column(1).ty(&input, &[]), Some(DataType::Int4));
        assert_eq!(Expr::Column(2).ty(&input, &[]), None);
        assert_eq!(Expr::Param(0).ty(&input, &[DataType::Date]), Some(DataType::Date));
    }

    #[test]
    fn failure_is_found_below_lazy_operators() {
        let sum = int4_add(vec![Expr::Column(0), Expr::Column(1)]);
        let test = Expr::IsNull(Box::new(sum));
        assert!(Expr::And(vec![Expr::Column(2), test]).can_fail());
        assert!(!Expr::Not(Box::new(Expr::Column(2))).can_fail());
    }

    fn column(index: u32) -> Box<Expr> {
        Box::new(Expr::Column(index))
    }

    /// `NULLIF(column 0, column 1)`, compared by `equal`.
    fn null_if(equal: Expr) -> Expr {
        Expr::NullIf { left: column(0), right: column(1), equal: Box::new(equal) }
    }

    fn equal(left: u32, right: u32) -> Expr {
        let args = vec![Expr::Column(left), Expr::Column(right)];
        Expr::call(Function::Eq, args, DataType::Bool)
    }

    #[test]
    fn a_comparison_has_columns_of_its_own() {
        let input = [DataType::Int4; 2];
        let mut expr = null_if(equal(0, 1));
        assert_eq!(expr.ty(&input, &[]), Some(DataType::Int4));
        assert_eq!(expr.validate(&input, &[]), Ok(()));
        expr.map_columns(&mut |index| index + 1);
        let Expr::NullIf { left, equal: comparison, .. } = &expr else { panic!() };
        assert_eq!((left.as_ref(), comparison.as_ref()), (&Expr::Column(1), &equal(0, 1)));
        assert!(null_if(equal(0, 2)).validate(&input, &[]).is_err());
        assert!(null_if(Expr::Column(0)).validate(&input, &[]).is_err());
        let quotient =
            Expr::call(Function::Div, vec![Expr::Column(0), Expr::Column(1)], DataType::Int4);
        assert!(!null_if(equal(0, 1)).can_fail());
        assert!(null_if(quotient).can_fail());
    }

    #[test]
    fn lists_hold_values_of_one_type() {
        let decimal = |scale| DataType::Decimal { precision: 10, scale };
        let list = |values| Expr::InList { arg: column(0), values, negated: false };
        let number = |ty| Literal { ty, value: Some(Value::Decimal(Some(1))) };
        let of = |values, ty| list(values).validate(&[ty], &[]);
        assert_eq!(of(vec![number(decimal(4)), number(decimal(2))], decimal(2)), Ok(()));
        assert_eq!(of(vec![], DataType::Int4), Ok(()));
        assert_eq!(of(vec![number(decimal(4))], DataType::Numeric), Ok(()));
        assert!(of(vec![number(decimal(4))], DataType::Int4).is_err());
        assert!(of(vec![number(DataType::Int4)], DataType::Int4).is_err());
        assert!(of(vec![Literal { ty: DataType::Int4, value: None }], DataType::Int8).is_err());
    }

    #[test]
    fn rows_compare_by_order_and_extremes_have_one_type() {
        let input = [DataType::Int4, DataType::Text];
        let rows = |comparison, pairs| Expr::RowCompare { comparison, pairs };
        let pair = (Expr::Column(0), Expr::Column(0));
        assert_eq!(rows(Function::Le, vec![pair.clone()]).validate(&input, &[]), Ok(()));
        assert!(rows(Function::Le, vec![]).validate(&input, &[]).is_err());
        assert!(rows(Function::Eq, vec![pair]).validate(&input, &[]).is_err());
        let greatest = |args| Expr::MinMax { extreme: Extreme::Greatest, args };
        assert!(greatest(vec![]).validate(&input, &[]).is_err());
        assert!(greatest(vec![Expr::Column(0), Expr::Column(1)]).validate(&input, &[]).is_err());
        assert_eq!(greatest(vec![Expr::Column(1)]).ty(&input, &[]), Some(DataType::Text));
    }

    #[test]
    fn columns_are_mapped_everywhere() {
        let mut case = Expr::Case {
            whens: vec![(Expr::Column(0), int4_add(vec![Expr::Column(1), Expr::Column(2)]))],
            otherwise: Some(Box::new(Expr::Column(3))),
            ty: DataType::Int4,
        };
        case.map_columns(&mut |index| index + 10);
        let seen = |expr: &Expr| {
            let mut seen = Vec::new();
            expr.for_each_column(&mut |index| seen.push(index));
            seen
        };
        assert_eq!(seen(&case), [10, 11, 12, 13]);
        let distinct = || Expr::IsDistinct { left: column(3), right: column(4), negated: true };
        let values = vec![Literal { ty: DataType::Bool, value: None }];
        let list = Expr::InList { arg: Box::new(distinct()), values, negated: false };
        let args = vec![Expr::Column(0), null_if(equal(0, 1))];
        let least = Expr::MinMax { extreme: Extreme::Least, args };
        let mut rows = Expr::RowCompare { comparison: Function::Lt, pairs: vec![(least, list)] };
        rows.map_columns(&mut |index| index + 10);
        assert_eq!(seen(&rows), [10, 10, 11, 13, 14]);
    }
}
