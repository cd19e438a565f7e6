//! Errors appear exactly where PostgreSQL would raise them.

mod common;

use arrow::array::{ArrayRef, Int32Array, StringViewArray};
use common::*;
use fusion_plan::{Aggregate, AggregateFunction, DataType, Expr, Function, PgError, Rel, SqlState};
use std::sync::Arc;

const TYPES: [DataType; 2] = [DataType::Int4, DataType::Text];

fn leaf_batches() -> Vec<arrow::array::RecordBatch> {
    let numbers: ArrayRef = Arc::new(Int32Array::from(vec![Some(0), Some(2), None, Some(5)]));
    let names: ArrayRef = Arc::new(StringViewArray::from(vec![
        "zero",
        "two",
        "a long name for null",
        "five, and more",
    ]));
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
    assert_eq!(group(DataType::Decimal { precision: 10, scale: 2 }), Ok(()));
    for ty in [DataType::Float8, DataType::Numeric, DataType::Interval] {
        assert_eq!(group(ty).unwrap_err().sqlstate, SqlState::FEATURE_NOT_SUPPORTED);
    }
}
