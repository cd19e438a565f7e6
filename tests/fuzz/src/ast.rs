//! Queries as trees. Every expression knows its type, so that the generator makes
//! valid queries and the shrinker keeps them valid.
//!
//! Names are unique within a query: aliases of relations, names of output columns and
//! of CTEs. So a name means the same wherever it stands.

mod visit;

use crate::catalogue::{Kind, Template};
use crate::facts::Facts;
use crate::types::Ty;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A column of a relation in FROM.
    Column(Column),
    /// A constant.
    Literal(Literal),
    /// An operator, a function, or another pattern of the catalogue.
    Call(Call),
    /// An aggregate.
    Aggregate(Box<Aggregate>),
    /// A window function.
    Window(Box<Window>),
    /// A subquery for one value.
    Scalar(Box<Query>),
    /// `[NOT] EXISTS`.
    Exists(Box<Membership>),
    /// `[NOT] IN (SELECT ...)`.
    In(Box<Membership>),
}

/// A column of a relation in FROM.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The relation's alias.
    pub relation: String,
    /// The column's name.
    pub name: String,
    /// Its type.
    pub ty: Ty,
    /// What is known of its values.
    pub facts: Facts,
}

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// Its type.
    pub ty: Ty,
    /// Its value as text; `None` is NULL.
    pub text: Option<String>,
}

/// A pattern with its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The pattern.
    pub template: &'static Template,
    /// The arguments.
    pub args: Vec<Expr>,
    /// The type of the value.
    pub ty: Ty,
}

/// An aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Function and arguments.
    pub call: Call,
    /// Of equal arguments, only one counts.
    pub distinct: bool,
    /// Which rows count.
    pub filter: Option<Expr>,
}

/// A window function.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Function and arguments.
    pub call: Call,
    /// PARTITION BY.
    pub partition: Vec<Expr>,
    /// ORDER BY.
    pub order: Vec<SortKey>,
}

/// EXISTS or IN.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// NOT EXISTS, NOT IN.
    pub negated: bool,
    /// What must be IN; nothing for EXISTS.
    pub needles: Vec<Expr>,
    /// The subquery.
    pub query: Query,
}

/// A query, or a subquery.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// WITH.
    pub ctes: Vec<Cte>,
    /// What makes the rows.
    pub body: Body,
    /// ORDER BY.
    pub order: Vec<SortKey>,
    /// LIMIT.
    pub limit: Option<u32>,
    /// OFFSET.
    pub offset: Option<u32>,
}

/// A query of WITH.
#[derive(Clone, Debug, PartialEq)]
pub struct Cte {
    /// Its name.
    pub name: String,
    /// MATERIALIZED, NOT MATERIALIZED, or neither.
    pub materialized: Option<bool>,
    /// The query.
    pub query: Query,
}

/// What makes the rows of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// SELECT.
    Select(Box<Select>),
    /// UNION, INTERSECT, EXCEPT.
    Set(Box<SetOperation>),
}

/// UNION, INTERSECT, EXCEPT.
#[derive(Clone, Debug, PartialEq)]
pub struct SetOperation {
    /// The keyword.
    pub operator: &'static str,
    /// ALL.
    pub all: bool,
    /// The first input; it names the columns.
    pub left: Body,
    /// The second input.
    pub right: Body,
}

/// SELECT.
#[derive(Clone, Debug, PartialEq)]
pub struct Select {
    /// DISTINCT.
    pub distinct: bool,
    /// The output columns.
    pub targets: Vec<Target>,
    /// FROM; separated by commas.
    pub from: Vec<Source>,
    /// WHERE; all of them.
    pub conditions: Vec<Expr>,
    /// GROUP BY.
    pub group: Vec<Expr>,
    /// The grouping is ROLLUP.
    pub rollup: bool,
    /// HAVING; all of them.
    pub having: Vec<Expr>,
}

/// An output column.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its value.
    pub expr: Expr,
    /// Its name.
    pub name: String,
}

/// An item of FROM.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A table or a CTE.
    Named {
        /// Its name.
        name: String,
        /// Its alias.
        alias: String,
    },
    /// A subquery.
    Derived {
        /// The subquery.
        query: Box<Query>,
        /// Its alias.
        alias: String,
        /// LATERAL.
        lateral: bool,
    },
    /// Rows given in the query.
    Values {
        /// The rows.
        rows: Vec<Vec<Literal>>,
        /// Its alias.
        alias: String,
        /// Its columns' names.
        columns: Vec<String>,
    },
    /// Two sources joined.
    Join(Box<Join>),
}

/// A join.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Its kind.
    pub kind: JoinKind,
    /// The first input.
    pub left: Source,
    /// The second input.
    pub right: Source,
    /// ON; all of them. None for a cross join.
    pub on: Vec<Expr>,
}

/// Kinds of join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// INNER JOIN, or CROSS JOIN if there is no condition.
    Inner,
    /// LEFT JOIN
    Left,
    /// RIGHT JOIN
    Right,
    /// FULL JOIN
    Full,
}

/// An item of ORDER BY.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// By what.
    pub by: SortBy,
    /// DESC.
    pub descending: bool,
    /// NULLS FIRST or NULLS LAST, if said.
    pub nulls_first: Option<bool>,
}

/// What rows are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortBy {
    /// The output column of this index.
    Output(usize),
    /// An expression.
    Expr(Expr),
}

impl Expr {
    /// The type of the value.
    pub fn ty(&self) -> Ty {
        match self {
            Self::Column(column) => column.ty,
            Self::Literal(literal) => literal.ty,
            Self::Call(call) => call.ty,
            Self::Aggregate(aggregate) => aggregate.call.ty,
            Self::Window(window) => window.call.ty,
            Self::Scalar(query) => query.body.first().targets[0].expr.ty(),
            Self::Exists(_) | Self::In(_) => Ty::Bool,
        }
    }

    /// The expressions directly below, outside of subqueries.
    pub fn children(&self) -> Vec<&Self> {
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Scalar(_) => Vec::new(),
            Self::Call(call) => call.args.iter().collect(),
            Self::Aggregate(aggregate) => {
                aggregate.call.args.iter().chain(&aggregate.filter).collect()
            }
            Self::Window(window) => {
                let sorted = window.order.iter().filter_map(|key| key.by.expr());
                window.call.args.iter().chain(&window.partition).chain(sorted).collect()
            }
            Self::Exists(membership) | Self::In(membership) => membership.needles.iter().collect(),
        }
    }

    /// The same, to change them.
    pub fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Column(_) | Self::Literal(_) | Self::Scalar(_) => Vec::new(),
            Self::Call(call) => call.args.iter_mut().collect(),
            Self::Aggregate(aggregate) => {
                let aggregate = aggregate.as_mut();
                aggregate.call.args.iter_mut().chain(&mut aggregate.filter).collect()
            }
            Self::Window(window) => {
                let Window { call, partition, order } = window.as_mut();
                let sorted = order.iter_mut().filter_map(|key| key.by.expr_mut());
                call.args.iter_mut().chain(partition).chain(sorted).collect()
            }
            Self::Exists(membership) | Self::In(membership) => {
                membership.needles.iter_mut().collect()
            }
        }
    }

    /// The subquery directly in it.
    pub fn query(&self) -> Option<&Query> {
        match self {
            Self::Scalar(query) => Some(query),
            Self::Exists(membership) | Self::In(membership) => Some(&membership.query),
            _ => None,
        }
    }

    /// The same, to change it.
    pub fn query_mut(&mut self) -> Option<&mut Query> {
        match self {
            Self::Scalar(query) => Some(query),
            Self::Exists(membership) | Self::In(membership) => Some(&mut membership.query),
            _ => None,
        }
    }

    /// Whether it, or an expression in it outside of subqueries, is like this.
    pub fn any(&self, is: &mut dyn FnMut(&Self) -> bool) -> bool {
        is(self) || self.children().into_iter().any(|child| child.any(is))
    }

    /// NULL of a type.
    pub fn null(ty: Ty) -> Self {
        Self::Literal(Literal { ty, text: None })
    }
}

impl SortBy {
    /// The expression, if it is one.
    pub fn expr(&self) -> Option<&Expr> {
        match self {
            Self::Output(_) => None,
            Self::Expr(expr) => Some(expr),
        }
    }

    fn expr_mut(&mut self) -> Option<&mut Expr> {
        match self {
            Self::Output(_) => None,
            Self::Expr(expr) => Some(expr),
        }
    }
}

impl Body {
    /// The first SELECT, which names the columns.
    pub fn first(&self) -> &Select {
        match self {
            Self::Select(select) => select,
            Self::Set(set) => set.left.first(),
        }
    }

    /// All its SELECTs.
    pub fn selects(&self) -> Vec<&Select> {
        match self {
            Self::Select(select) => vec![select],
            Self::Set(set) => [set.left.selects(), set.right.selects()].concat(),
        }
    }

    /// The same, to change them.
    pub fn selects_mut(&mut self) -> Vec<&mut Select> {
        match self {
            Self::Select(select) => vec![select],
            Self::Set(set) => {
                let mut all = set.left.selects_mut();
                all.extend(set.right.selects_mut());
                all
            }
        }
    }
}

impl Select {
    /// A SELECT of nothing.
    pub fn empty() -> Self {
        Self {
            distinct: false,
            targets: Vec::new(),
            from: Vec::new(),
            conditions: Vec::new(),
            group: Vec::new(),
            rollup: false,
            having: Vec::new(),
        }
    }

    /// Whether its rows stand for groups.
    pub fn is_grouped(&self) -> bool {
        let mut is_aggregate = |expr: &Expr| matches!(expr, Expr::Aggregate(_));
        !self.group.is_empty()
            || !self.having.is_empty()
            || self.targets.iter().any(|target| target.expr.any(&mut is_aggregate))
    }

    /// Its own expressions: not those of subqueries in FROM.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut all: Vec<&Expr> = self.targets.iter().map(|target| &target.expr).collect();
        for source in &self.from {
            source.conditions(&mut all);
        }
        all.extend(self.conditions.iter().chain(&self.group).chain(&self.having));
        all
    }

    /// The same, to change them.
    pub fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        let mut all: Vec<&mut Expr> =
            self.targets.iter_mut().map(|target| &mut target.expr).collect();
        for source in &mut self.from {
            source.conditions_mut(&mut all);
        }
        all.extend(self.conditions.iter_mut().chain(&mut self.group).chain(&mut self.having));
        all
    }
}

impl Source {
    fn conditions<'a>(&'a self, all: &mut Vec<&'a Expr>) {
        if let Self::Join(join) = self {
            join.left.conditions(all);
            join.right.conditions(all);
            all.extend(&join.on);
        }
    }

    fn conditions_mut<'a>(&'a mut self, all: &mut Vec<&'a mut Expr>) {
        if let Self::Join(join) = self {
            join.left.conditions_mut(all);
            join.right.conditions_mut(all);
            all.extend(&mut join.on);
        }
    }

    /// The sources in it that are not joins, itself if it is none.
    pub fn leaves(&self) -> Vec<&Self> {
        match self {
            Self::Join(join) => [join.left.leaves(), join.right.leaves()].concat(),
            leaf => vec![leaf],
        }
    }

    /// The same, to change them.
    pub fn leaves_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Join(join) => {
                let mut all = join.left.leaves_mut();
                all.extend(join.right.leaves_mut());
                all
            }
            leaf => vec![leaf],
        }
    }

    /// The alias, if it is no join.
    pub fn alias(&self) -> Option<&str> {
        match self {
            Self::Named { alias, .. }
            | Self::Derived { alias, .. }
            | Self::Values { alias, .. } => Some(alias),
            Self::Join(_) => None,
        }
    }
}

impl Query {
    /// A query that only selects.
    pub fn of(select: Select) -> Self {
        Self {
            ctes: Vec::new(),
            body: Body::Select(Box::new(select)),
            order: Vec::new(),
            limit: None,
            offset: None,
        }
    }

    /// The function whose rows are all that the query gives, and the name of its column.
    pub fn function(&self) -> Option<(&Call, &str)> {
        let Body::Select(select) = &self.body else { return None };
        let [Target { expr: Expr::Call(call), name }] = select.targets.as_slice() else {
            return None;
        };
        let plain = Self::of(Select { targets: select.targets.clone(), ..Select::empty() });
        (call.template.kind == Kind::Set && *self == plain).then_some((call, name))
    }
}
