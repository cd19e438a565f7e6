//! Whole plans, run in memory.

mod common;

use arrow::array::{ArrayRef, Int32Array, StringViewArray};
use common::*;
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Function, Join, JoinKind, Literal, Rel, Side,
    SortKey, Value,
};
use std::sync::Arc;

const TYPES: [DataType; 2] = [DataType::Int4, DataType::Text];

fn rows(keys: &[Option<i32>], names: &[&str]) -> arrow::array::RecordBatch {
    let keys: ArrayRef = Arc::new(Int32Array::from(keys.to_vec()));
    let names: ArrayRef = Arc::new(StringViewArray::from(names.to_vec()).to_binary_view());
    batch(&TYPES, vec![keys, names])
}

fn left() -> Vec<arrow::array::RecordBatch> {
    vec![
        rows(&[Some(1), Some(2), None], &["one", "two, a string of some length", "nothing"]),
        rows(&[Some(2), Some(3)], &["two again", "three"]),
    ]
}

fn right() -> Vec<arrow::array::RecordBatch> {
    vec![rows(&[Some(2), Some(4), None], &["zwei", "vier", "nichts"])]
}

fn join(kind: JoinKind, build: Side, residual: Vec<Expr>, output: Vec<u32>) -> Rel {
    Rel::Join(Join {
        kind,
        left: Box::new(Rel::Leaf(0)),
        right: Box::new(Rel::Leaf(1)),
        keys: vec![(col(0), col(0))],
        residual,
        build,
        output,
        rows: 2.0,
    })
}

#[test]
fn every_kind_of_join_on_every_side() {
    let all = vec![0, 1, 3];
    let expected: [(JoinKind, Vec<u32>, &[&str]); 7] = [
        (
            JoinKind::Inner,
            all.clone(),
            &["2|two again|zwei", "2|two, a string of some length|zwei"],
        ),
        (
            JoinKind::Left,
            all.clone(),
            &[
                "1|one|",
                "2|two again|zwei",
                "2|two, a string of some length|zwei",
                "3|three|",
                "|nothing|",
            ],
        ),
        (
            JoinKind::Right,
            all.clone(),
            &["2|two again|zwei", "2|two, a string of some length|zwei", "||nichts", "||vier"],
        ),
        (
            JoinKind::Full,
            all,
            &[
                "1|one|",
                "2|two again|zwei",
                "2|two, a string of some length|zwei",
                "3|three|",
                "|nothing|",
                "||nichts",
                "||vier",
            ],
        ),
        (JoinKind::Semi, vec![1], &["two again", "two, a string of some length"]),
        (JoinKind::Anti, vec![1], &["nothing", "one", "three"]),
        (JoinKind::NullAwareAnti, vec![1], &[]),
    ];
    for (kind, output, expected) in expected {
        for build in [Side::Left, Side::Right] {
            for rows in [3.0, 1e9] {
                for threads in [1, 3] {
                    let root = join(kind, build, vec![], output.clone());
                    let plan = plan(root, vec![leaf(&TYPES, rows), leaf(&TYPES, rows)]);
                    let result = lines(threads, &plan, vec![left(), right()], true);
                    assert_eq!(result, expected, "{kind:?} {build:?} {rows} {threads}");
                }
            }
        }
    }
}

#[test]
fn not_in_of_nothing_keeps_even_nulls() {
    let root = join(JoinKind::NullAwareAnti, Side::Right, vec![], vec![0, 1]);
    let plan = plan(root, vec![leaf(&TYPES, 3.0), leaf(&TYPES, 3.0)]);
    assert_eq!(lines(2, &plan, vec![left(), vec![]], true).len(), 5);
    let without_null = vec![rows(&[Some(2)], &["zwei"])];
    assert_eq!(lines(2, &plan, vec![left(), without_null], true), ["1|one", "3|three"]);
}

#[test]
fn residual_conditions_belong_to_the_join() {
    // Left.name < right.name, over columns of both sides.
    let condition = compare(Function::Lt, col(1), text("two b"));
    let also = compare(Function::Gt, col(3), col(1));
    for build in [Side::Left, Side::Right] {
        let residual = vec![condition.clone(), also.clone()];
        let root = join(JoinKind::Left, build, residual, vec![1, 3]);
        let plan = plan(root, vec![leaf(&TYPES, 3.0), leaf(&TYPES, 3.0)]);
        let result = lines(2, &plan, vec![left(), right()], true);
        let expected =
            ["nothing|", "one|", "three|", "two again|zwei", "two, a string of some length|"];
        assert_eq!(result[..3], expected[..3]);
        assert_eq!(result[3], expected[3]);
    }
}

#[test]
fn groups_filters_and_order() {
    let keep = compare(Function::Ge, col(0), int4(2));
    let filter = Rel::Filter { input: Box::new(Rel::Leaf(0)), predicates: vec![keep], rows: 3.0 };
    let call = |function, args, ty| Aggregate { function, args, filter: None, distinct: false, ty };
    for groups in [2.0, 1e6] {
        let group = Rel::Aggregate {
            input: Box::new(filter.clone()),
            groups: vec![col(0)],
            aggregates: vec![
                call(AggregateFunction::CountStar, vec![], DataType::Int8),
                call(AggregateFunction::Max, vec![col(1)], DataType::Text),
                call(AggregateFunction::Sum, vec![col(0)], DataType::Int8),
            ],
            rows: groups,
        };
        let key = SortKey { expr: col(0), descending: true, nulls_first: false };
        let sort = Rel::Sort { input: Box::new(group), keys: vec![key], fetch: None };
        let plan = plan(sort, vec![leaf(&TYPES, 5.0)]);
        for threads in [1, 3] {
            let result = lines(threads, &plan, vec![left()], false);
            assert_eq!(result, ["3|1|three|3", "2|2|two, a string of some length|4"]);
        }
    }
}

#[test]
fn limits_follow_postgresql() {
    let key = SortKey { expr: col(1), descending: false, nulls_first: false };
    let sort = |fetch| Rel::Sort { input: Box::new(Rel::Leaf(0)), keys: vec![key.clone()], fetch };
    let bound = |value: Option<i64>| {
        Some(Expr::Literal(Literal { ty: DataType::Int8, value: value.map(Value::Int) }))
    };
    let limit = |fetch, offset, count| {
        plan(Rel::Limit { input: Box::new(sort(fetch)), offset, count }, vec![leaf(&TYPES, 5.0)])
    };
    let names = |result: Vec<String>| -> Vec<String> {
        result.iter().map(|line| line.split('|').nth(1).unwrap().to_owned()).collect()
    };
    for threads in [1, 2] {
        let run = |plan| names(lines(threads, &plan, vec![left()], false));
        assert_eq!(run(limit(Some(3), bound(Some(1)), bound(Some(2)))), ["one", "three"]);
        assert_eq!(run(limit(None, bound(Some(4)), bound(None))), ["two, a string of some length"]);
        assert_eq!(run(limit(None, bound(None), None)).len(), 5);
        assert!(run(limit(None, None, bound(Some(0)))).is_empty());
    }
    let error = |offset, count| {
        run_with(1, 1 << 20, &limit(None, offset, count), vec![], vec![left()]).unwrap_err()
    };
    assert_eq!(error(None, bound(Some(-1))).sqlstate.as_str(), "2201W");
    assert_eq!(error(bound(Some(-1)), None).message, "OFFSET must not be negative");
}

#[test]
fn floats_sort_and_join_as_postgresql_compares_them() {
    use arrow::array::Float64Array;
    let types = [DataType::Float8, DataType::Int4];
    let floats = |values: &[f64]| {
        let ids: ArrayRef = Arc::new((0..values.len() as i32).collect::<Int32Array>());
        let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        vec![batch(&types, vec![column, ids])]
    };
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let key = |column| SortKey { expr: col(column), descending: false, nulls_first: false };
    let keys = vec![key(0), key(1)];
    let sort = Rel::Sort { input: Box::new(Rel::Leaf(0)), keys, fetch: None };
    let sort = Rel::Project { input: Box::new(sort), exprs: vec![col(1)] };
    let sort = plan(sort, vec![leaf(&types, 6.0)]);
    // Zeros are equal, so the second key orders them; NaN comes last.
    let input = floats(&[nan, 0.0, inf, -0.0, -inf, -nan]);
    assert_eq!(lines(1, &sort, vec![input], false), ["4", "1", "3", "2", "0", "5"]);

    let plan = plan(
        join(JoinKind::Inner, Side::Left, vec![], vec![1, 3]),
        vec![leaf(&types, 2.0), leaf(&types, 2.0)],
    );
    let both = vec![floats(&[-0.0, nan, 1.0]), floats(&[0.0, -nan, 2.0])];
    assert_eq!(lines(2, &plan, both, true), ["0|0", "1|1"]);
}
