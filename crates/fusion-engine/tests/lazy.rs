//! Errors appear exactly where PostgreSQL would raise them.

mod common;

use arrow::array::{ArrayRef, Int32Array, StringViewArray};
use common::*;
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Extreme, Function, Literal, PgError, Rel,
    SqlState, Value,
};
use std::sync::Arc;

const TYPES: [DataType; 2] = [DataType::Int4, DataType::Text];

fn leaf_batches() -> Vec<arrow::array::RecordBatch> {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(0), Some(2), None, Some(5)]));
    let names: ArrayRef = Arc::new(
        StringViewArray::from(vec!["zero", "two", "a long name for null", "five, and more"])
            .to_binary_view(),
    );
    vec![batch(&TYPES, vec![numbers, names])]
}

/// `10 / column 0`.
fn quotient() -> Expr {
    Expr::call(Function::Div, vec![int4(10), col(0)], DataType::Int4)
}

fn not_zero() -> Expr {
    compare(Function::Ne, col(0), int4(0))
}

fn project(expr: Expr) -> Result<Vec<String>, PgError> {
    let root = Rel::Project { input: Box::new(Rel::Leaf(0)), exprs: vec![expr] };
    let plan = plan(root, vec![leaf(&TYPES, 4.0)]);
    let (result, _) = run_with(1, 1 << 30, &plan, vec![], vec![leaf_batches()])?;
    Ok(table(&result, false))
}

#[test]
fn an_unguarded_division_fails() {
    assert_eq!(project(quotient()), Err(PgError::division_by_zero()));
}

#[test]
fn case_guards_its_results() {
    let case = |otherwise| Expr::Case {
        whens: vec![(not_zero(), quotient())],
        otherwise,
        ty: DataType::Int4,
    };
    assert_eq!(project(case(None)).unwrap(), ["", "5", "", "2"]);
    let minus = Some(Box::new(int4(-1)));
    assert_eq!(project(case(minus)).unwrap(), ["-1", "5", "-1", "2"]);
}

#[test]
fn case_guards_later_conditions() {
    let big = compare(Function::Gt, quotient(), int4(3));
    let zero = compare(Function::Eq, col(0), int4(0));
    let case = |whens| Expr::Case { whens, otherwise: Some(Box::new(col(1))), ty: DataType::Text };
    let guarded = vec![(zero.clone(), text("nothing at all, really")), (big.clone(), text("big"))];
    let expected = ["nothing at all, really", "big", "a long name for null", "five, and more"];
    assert_eq!(project(case(guarded)).unwrap(), expected);
    assert!(project(case(vec![(big, text("big")), (zero, text("zero"))])).is_err());
}

#[test]
fn an_eager_case_merges_whole_columns() {
    let zero = compare(Function::Eq, col(0), int4(0));
    let case = Expr::Case {
        whens: vec![(zero, text("none")), (Expr::IsNull(Box::new(col(0))), col(1))],
        otherwise: None,
        ty: DataType::Text,
    };
    assert_eq!(project(case).unwrap(), ["none", "", "a long name for null", ""]);
}

#[test]
fn coalesce_stops_at_the_first_value() {
    let maybe =
        Expr::Case { whens: vec![(not_zero(), col(0))], otherwise: None, ty: DataType::Int4 };
    let guarded = Expr::Coalesce(vec![col(0), quotient()]);
    assert_eq!(project(guarded).unwrap(), ["0", "2", "", "5"]);
    assert!(project(Expr::Coalesce(vec![maybe, quotient()])).is_err());
    let last = Expr::Coalesce(vec![col(0), Expr::null(DataType::Int4), int4(7)]);
    assert_eq!(project(last).unwrap(), ["0", "2", "7", "5"]);
}

#[test]
fn a_filter_evaluates_in_order() {
    let big = compare(Function::Gt, quotient(), int4(1));
    let filter = |predicates| {
        let root = Rel::Filter { input: Box::new(Rel::Leaf(0)), predicates, rows: 2.0 };
        let plan = plan(root, vec![leaf(&TYPES, 4.0)]);
        run_with(1, 1 << 30, &plan, vec![], vec![leaf_batches()])
            .map(|(result, _)| table(&result, false))
    };
    assert_eq!(filter(vec![not_zero(), big.clone()]).unwrap(), ["2|two", "5|five, and more"]);
    assert!(filter(vec![big, not_zero()]).is_err());
}

#[test]
fn a_constant_error_waits_for_a_row() {
    let wrong = Expr::call(Function::Div, vec![int4(1), int4(0)], DataType::Int4);
    assert!(project(wrong.clone()).is_err());
    let root = Rel::Project { input: Box::new(Rel::Leaf(0)), exprs: vec![wrong.clone()] };
    let empty = plan(root, vec![leaf(&TYPES, 0.0)]);
    assert!(lines(1, &empty, vec![vec![]], false).is_empty());
    let never = compare(Function::Lt, col(0), int4(0));
    let guarded = Expr::Case { whens: vec![(never, wrong)], otherwise: None, ty: DataType::Int4 };
    assert_eq!(project(guarded).unwrap(), ["", "", "", ""]);
}

#[test]
fn an_aggregate_argument_waits_for_its_filter() {
    let aggregate = |function, args, filter, ty| {
        let aggregates = vec![Aggregate { function, args, filter, distinct: false, ty }];
        let input = Box::new(Rel::Leaf(0));
        let root = Rel::Aggregate { input, groups: vec![], aggregates, rows: 1.0 };
        let plan = plan(root, vec![leaf(&TYPES, 4.0)]);
        run_with(2, 1 << 30, &plan, vec![], vec![leaf_batches()])
            .map(|(result, _)| table(&result, false))
    };
    let sum = AggregateFunction::Sum;
    let guarded = aggregate(sum, vec![quotient()], Some(not_zero()), DataType::Int8);
    assert_eq!(guarded.unwrap(), ["7"]);
    assert!(aggregate(sum, vec![quotient()], None, DataType::Int8).is_err());
    let count = aggregate(AggregateFunction::CountStar, vec![], Some(not_zero()), DataType::Int8);
    assert_eq!(count.unwrap(), ["2"]);
}

/// `NULLIF(left, right)` compared by `equal` over columns 0 and 1.
fn null_if(left: Expr, right: Expr, equal: Expr) -> Expr {
    Expr::NullIf { left: Box::new(left), right: Box::new(right), equal: Box::new(equal) }
}

#[test]
fn nullif_compares_what_is_not_null() {
    let equal = || compare(Function::Eq, col(0), col(1));
    assert_eq!(project(null_if(col(0), int4(2), equal())).unwrap(), ["0", "", "", "5"]);
    assert_eq!(project(null_if(int4(2), col(0), equal())).unwrap(), ["2", "", "2", "2"]);
    let null = Expr::null(DataType::Int4);
    assert_eq!(project(null_if(col(0), null.clone(), equal())).unwrap(), ["0", "2", "", "5"]);
    assert_eq!(project(null_if(null, col(0), equal())).unwrap(), ["", "", "", ""]);
    // 10 / the second column, which fails for zero: of the arguments, not the input.
    let divided = Expr::call(Function::Div, vec![int4(10), col(1)], DataType::Int4);
    let fails_for_zero = compare(Function::Eq, divided, int4(5));
    let maybe =
        || Expr::Case { whens: vec![(not_zero(), col(0))], otherwise: None, ty: DataType::Int4 };
    let guarded = null_if(col(1), maybe(), fails_for_zero.clone());
    assert_eq!(project(guarded).unwrap(), ["zero", "", "a long name for null", "five, and more"]);
    assert_eq!(project(null_if(col(1), col(0), fails_for_zero)), Err(PgError::division_by_zero()));
    // The arguments themselves are evaluated for every row.
    let always = null_if(col(1), quotient(), compare(Function::Eq, col(1), int4(0)));
    assert!(project(always).is_err());
}

#[test]
fn lists_follow_three_valued_logic() {
    let list = |values: &[Option<i64>], negated| {
        let values = values
            .iter()
            .map(|value| Literal { ty: DataType::Int4, value: value.map(Value::Int) })
            .collect();
        project(Expr::InList { arg: Box::new(col(0)), values, negated }).unwrap()
    };
    assert_eq!(list(&[Some(5), Some(0)], false), ["true", "false", "", "true"]);
    assert_eq!(list(&[Some(5), Some(0)], true), ["false", "true", "", "false"]);
    assert_eq!(list(&[Some(5), None], false), ["", "", "", "true"]);
    assert_eq!(list(&[Some(5), None], true), ["", "", "", "false"]);
    assert_eq!(list(&[], false), ["false"; 4]);
    assert_eq!(list(&[], true), ["true"; 4]);
    assert_eq!(list(&[None], true), [""; 4]);
    let many: Vec<_> = (3..1000).map(Some).collect();
    assert_eq!(list(&many, false), ["false", "false", "", "true"]);
    let names = ["two", "a long name for null", "neither"].map(|name| Literal {
        ty: DataType::Bpchar,
        value: Some(Value::Text(format!("{name}   ").into())),
    });
    let types = [DataType::Int4, DataType::Bpchar];
    let padded = Expr::InList { arg: Box::new(col(1)), values: names.to_vec(), negated: false };
    let root = Rel::Project { input: Box::new(Rel::Leaf(0)), exprs: vec![padded] };
    let plan = plan(root, vec![leaf(&types, 4.0)]);
    assert_eq!(lines(1, &plan, vec![leaf_batches()], false), ["false", "true", "true", "false"]);
}

#[test]
fn a_list_of_decimals_of_any_scale() {
    let money = DataType::Decimal { precision: 10, scale: 2 };
    // The last one is no value of the column's type.
    let values = [(25_000, 4), (7, 0), (25_001, 4)].map(|(unscaled, scale)| Literal {
        ty: DataType::Decimal { precision: 10, scale },
        value: Some(Value::Decimal(Some(unscaled))),
    });
    let column = arrow::array::Decimal128Array::from(vec![Some(250), Some(700), Some(1), None]);
    let column: ArrayRef = Arc::new(column.with_data_type(money.arrow()));
    let list = Expr::InList { arg: Box::new(col(0)), values: values.to_vec(), negated: false };
    let only = |values: Vec<Literal>| Expr::InList { arg: Box::new(col(0)), values, negated: true };
    let exprs = vec![list, only(values[2..].to_vec())];
    let root = Rel::Project { input: Box::new(Rel::Leaf(0)), exprs };
    let plan = plan(root, vec![leaf(&[money], 4.0)]);
    let result = lines(1, &plan, vec![vec![batch(&[money], vec![column])]], false);
    assert_eq!(result, ["true|true", "true|true", "false|true", "|"]);
}

#[test]
fn a_row_comparison_stops_at_the_first_difference() {
    let rows = |comparison, pairs| project(Expr::RowCompare { comparison, pairs });
    // (column 0, 10 / column 0) < (0, 0): zero is equal and goes on to divide.
    let pairs = |first| vec![(col(0), int4(first)), (quotient(), int4(3))];
    assert_eq!(rows(Function::Lt, pairs(0)), Err(PgError::division_by_zero()));
    assert_eq!(rows(Function::Lt, pairs(5)).unwrap(), ["true", "true", "", "true"]);
    assert_eq!(rows(Function::Gt, pairs(2)).unwrap(), ["false", "true", "", "true"]);
    assert_eq!(rows(Function::Ge, vec![(col(0), int4(2))]).unwrap(), ["false", "true", "", "true"]);
    let null = vec![(Expr::null(DataType::Int4), int4(1)), (quotient(), int4(3))];
    assert_eq!(rows(Function::Lt, null).unwrap(), [""; 4]);
}

#[test]
fn the_larger_of_several_evaluates_all() {
    let extreme = |extreme, args| project(Expr::MinMax { extreme, args });
    assert_eq!(
        extreme(Extreme::Greatest, vec![col(0), int4(2), Expr::null(DataType::Int4)]).unwrap(),
        ["2", "2", "2", "5"]
    );
    assert_eq!(extreme(Extreme::Least, vec![int4(2), col(0)]).unwrap(), ["0", "2", "2", "2"]);
    assert!(extreme(Extreme::Least, vec![int4(-7), quotient()]).is_err());
}

#[test]
fn distinctness_is_never_null() {
    let distinct = |left: Expr, right: Expr, negated| {
        project(Expr::IsDistinct { left: Box::new(left), right: Box::new(right), negated }).unwrap()
    };
    assert_eq!(distinct(col(0), int4(2), false), ["true", "false", "true", "true"]);
    assert_eq!(distinct(col(0), col(0), true), ["true"; 4]);
    let null = || Expr::null(DataType::Int4);
    assert_eq!(distinct(null(), col(0), true), ["false", "false", "true", "false"]);
    assert_eq!(distinct(null(), null(), false), ["false"; 4]);
}

#[test]
fn what_cannot_be_exact_is_refused() {
    let group = |ty| {
        let root = Rel::Aggregate {
            input: Box::new(Rel::Leaf(0)),
            groups: vec![col(0)],
            aggregates: vec![],
            rows: 1.0,
        };
        fusion_engine::check_supported(&plan(root, vec![leaf(&[ty], 1.0)]))
    };
    for ty in [DataType::Float8, DataType::Numeric, DataType::Interval, DataType::Bpchar] {
        assert_eq!(group(ty), Ok(()));
    }
    assert_eq!(group(DataType::Opaque).unwrap_err().sqlstate, SqlState::FEATURE_NOT_SUPPORTED);
}
