//! Aggregates over whole plans, in one partition and in several.

mod common;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int16Array, Int32Array, Int64Array};
use arrow::array::{PrimitiveArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use common::*;
use fusion_plan::{Aggregate, AggregateFunction, DataType, Expr, Plan, Rel};
use std::sync::Arc;

const MONEY: DataType = DataType::Decimal { precision: 15, scale: 2 };
const TYPES: [DataType; 4] = [DataType::Int4, DataType::Int8, MONEY, DataType::Int2];

/// 1000 batches of rows whose group is their number modulo `groups`.
fn batches(rows: i64, groups: i64) -> Vec<RecordBatch> {
    let numbers: Vec<i64> = (0..rows).collect();
    numbers
        .chunks(100)
        .map(|chunk| {
            let group: Int32Array = chunk.iter().map(|n| Some((n % groups) as i32)).collect();
            let big: Int64Array =
                chunk.iter().map(|n| (n % 3 != 0).then_some(i64::MAX - n)).collect();
            let money = PrimitiveArray::<Decimal128Type>::from_iter_values(
                chunk.iter().map(|n| i128::from(*n) * 101),
            );
            let small: Int16Array = chunk.iter().map(|n| Some((n % 7) as i16)).collect();
            let money = money.with_data_type(MONEY.arrow());
            batch(&TYPES, vec![Arc::new(group), Arc::new(big), Arc::new(money), Arc::new(small)])
        })
        .collect()
}

fn call(function: AggregateFunction, args: Vec<Expr>, ty: DataType) -> Aggregate {
    Aggregate { function, args, filter: None, distinct: false, ty }
}

fn grouped(groups: Vec<Expr>, aggregates: Vec<Aggregate>, rows: f64) -> Plan {
    let root = Rel::Aggregate { input: Box::new(Rel::Leaf(0)), groups, aggregates, rows };
    plan(root, vec![leaf(&TYPES, 1e6)])
}

fn all() -> Vec<Aggregate> {
    use AggregateFunction as F;
    let wide = |scale| DataType::Decimal { precision: 38, scale };
    vec![
        call(F::CountStar, vec![], DataType::Int8),
        call(F::Count, vec![col(1)], DataType::Int8),
        call(F::Sum, vec![col(1)], wide(0)),
        call(F::Sum, vec![col(2)], wide(2)),
        call(F::Avg, vec![col(2)], DataType::Numeric),
        call(F::Avg, vec![col(1)], DataType::Numeric),
        call(F::Min, vec![col(2)], MONEY),
        call(F::Max, vec![col(1)], DataType::Int8),
        call(F::Avg, vec![col(3)], DataType::Numeric),
        call(F::Sum, vec![col(3)], DataType::Int8),
    ]
}

#[test]
fn parts_add_up_to_the_whole() {
    for (groups, estimate) in [(7, 7.0), (7, 1e6), (5000, 5000.0), (5000, 1e6), (40_000, 1e6)] {
        let plan = grouped(vec![col(0)], all(), estimate);
        let single = lines(1, &plan, vec![batches(40_000, groups)], true);
        assert_eq!(single.len(), groups as usize);
        assert_eq!(lines(3, &plan, vec![batches(40_000, groups)], true), single);
    }
    let plan = grouped(vec![], all(), 1.0);
    let single = lines(1, &plan, vec![batches(40_000, 1)], true);
    assert_eq!(lines(3, &plan, vec![batches(40_000, 1)], true), single);
    assert!(single[0].starts_with("40000|26666|"), "{single:?}");
}

#[test]
fn no_rows_give_one_row_without_groups_and_none_with() {
    for threads in [1, 3] {
        let result = lines(threads, &grouped(vec![], all(), 1.0), vec![vec![]], false);
        assert_eq!(result, ["0|0||||||||"]);
        let grouped = grouped(vec![col(0)], all(), 1.0);
        assert!(lines(threads, &grouped, vec![vec![]], false).is_empty());
    }
}

#[test]
fn partial_grouping_that_gives_up_loses_nothing() {
    // So many groups that partial aggregation passes rows through.
    let plan = grouped(vec![col(1), col(0)], all(), 1e6);
    let result = lines(2, &plan, vec![batches(300_000, 300_000)], false);
    assert_eq!(result.len(), 300_000);
}

#[test]
fn distinct_values_count_once() {
    let distinct = |function, ty| Aggregate { distinct: true, ..call(function, vec![col(3)], ty) };
    let aggregates = vec![
        distinct(AggregateFunction::Count, DataType::Int8),
        distinct(AggregateFunction::Sum, DataType::Int8),
        call(AggregateFunction::Max, vec![col(3)], DataType::Int2),
    ];
    for threads in [1, 3] {
        let plan = grouped(vec![col(0)], aggregates.clone(), 2.0);
        let result = lines(threads, &plan, vec![batches(1000, 2)], true);
        assert_eq!(result, ["0|7|21|6", "1|7|21|6"]);
        let plan = grouped(vec![], aggregates.clone(), 1.0);
        assert_eq!(lines(threads, &plan, vec![batches(1000, 2)], true), ["7|21|6"]);
    }
}

#[test]
fn a_group_shows_its_first_row() {
    // Every group has one value in this column, and others follow their rows.
    let root_of = |distinct| {
        let count = call(AggregateFunction::Count, vec![col(3)], DataType::Int8);
        let aggregates = vec![
            call(AggregateFunction::First, vec![col(1)], DataType::Int8),
            Aggregate { distinct, ..count },
            call(AggregateFunction::First, vec![col(2)], MONEY),
        ];
        let input = Box::new(Rel::InOrder { input: Box::new(Rel::Leaf(0)) });
        let root = Rel::Aggregate { input, groups: vec![col(0)], aggregates, rows: 3.0 };
        plan(root, vec![leaf(&TYPES, 1e6)])
    };
    for distinct in [false, true] {
        let count = if distinct { "7" } else { "1000" };
        let first = |group: i64| match group % 3 {
            0 => format!("{group}||{count}|0.00"),
            _ => format!("{group}|{}|{count}|{}.{:02}", i64::MAX - group, group * 101 / 100, group),
        };
        let result = lines(3, &root_of(distinct), vec![batches(3000, 3)], true);
        assert_eq!(result, [first(0), first(1), first(2)]);
    }
    // Where it makes no difference which row it is, all threads look for one.
    let shown = vec![call(AggregateFunction::AnyValue, vec![col(0)], DataType::Int4)];
    let plan = grouped(vec![col(0)], shown, 7.0);
    let (_, metrics) = run_with(3, 1 << 30, &plan, vec![], vec![batches(3000, 7)]).unwrap();
    assert_eq!(metrics.threads, 3);
    let result = lines(3, &plan, vec![batches(3000, 7)], true);
    assert_eq!(result, ["0|0", "1|1", "2|2", "3|3", "4|4", "5|5", "6|6"]);
}

#[test]
fn float_sums_follow_the_order_of_the_rows_or_are_exact() {
    let types = [DataType::Float8];
    let values = [1e16, 1.0, -1e16, 1.0];
    let leaf_batches: Vec<_> = values
        .iter()
        .map(|value| batch(&types, vec![Arc::new(Float64Array::from(vec![*value])) as ArrayRef]))
        .collect();
    let aggregates = vec![
        call(AggregateFunction::Sum, vec![col(0)], DataType::Float8),
        call(AggregateFunction::Avg, vec![col(0)], DataType::Float8),
    ];
    let in_order = Rel::InOrder { input: Box::new(Rel::Leaf(0)) };
    for (input, threads, expected) in [(in_order, 1, (1.0, 0.25)), (Rel::Leaf(0), 4, (2.0, 0.5))] {
        let (input, aggregates) = (Box::new(input), aggregates.clone());
        let root = Rel::Aggregate { input, groups: vec![], aggregates, rows: 1.0 };
        let plan = plan(root, vec![leaf(&types, 4.0)]);
        let leaves = vec![leaf_batches.clone()];
        let (result, metrics) = run_with(4, 1 << 30, &plan, vec![], leaves).unwrap();
        assert_eq!(metrics.threads, threads);
        let column = |index: usize| {
            result[0].column(index).as_primitive::<arrow::datatypes::Float64Type>().value(0)
        };
        assert_eq!((column(0), column(1)), expected);
    }
}
