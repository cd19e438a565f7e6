//! Values that are equal and can be told apart: joined, sorted, grouped, counted.

mod common;

use arrow::array::{
    ArrayRef, AsArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, Float32Array,
    Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray, UInt32Array, UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::Int32Type;
use common::*;
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Join, JoinKind, Literal, Plan, Rel, Side, SortKey,
};
use fusion_scalar::datetime::Interval;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A type with values in ascending order; those with the same number are equal.
struct Sample {
    ty: DataType,
    values: ArrayRef,
    ranks: Vec<i32>,
}

/// A stored numeric of one base-10000 digit.
fn numeric(negative: bool, digit: u16, weight: u16, scale: u16) -> Vec<u8> {
    let header = 0x8000 | if negative { 0x2000 } else { 0 } | (scale << 7) | weight;
    [header, digit].iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn samples() -> Vec<Sample> {
    let sample = |ty, values: ArrayRef, ranks: &[i32]| {
        assert_eq!((values.data_type(), values.len()), (&ty, ranks.len()));
        values
    };
    let distinct = |ty: DataType, values: ArrayRef| {
        let ranks: Vec<_> = (0..values.len() as i32).collect();
        Sample { ty, values: sample(ty.arrow(), values, &ranks), ranks }
    };
    let some = |ty: DataType, values: ArrayRef, ranks: &[i32]| Sample {
        ty,
        values: sample(ty.arrow(), values, ranks),
        ranks: ranks.to_vec(),
    };
    let fixed = |values: &[[u8; 16]]| -> ArrayRef {
        Arc::new(FixedSizeBinaryArray::try_from_iter(values.iter()).unwrap())
    };
    let inf = f64::INFINITY;
    let special = |word: u16| word.to_ne_bytes().to_vec();
    let numerics = [
        special(0xF000),
        numeric(true, 2, 0, 0),
        numeric(true, 1, 0, 3),
        numeric(true, 1, 0, 0),
        0x8100_u16.to_ne_bytes().to_vec(),
        0x8000_u16.to_ne_bytes().to_vec(),
        numeric(false, 1, 0, 2),
        numeric(false, 1, 0, 0),
        numeric(false, 300, 0, 0),
        numeric(false, 1, 1, 0),
        special(0xD000),
        special(0xC000),
    ];
    let intervals = [(0, -1), (0, 0), (1, -30), (0, 29), (1, 0), (0, 30), (0, 256)]
        .map(|(months, days)| Interval::new(months, days, 0).to_bytes());
    vec![
        some(
            DataType::Float8,
            Arc::new(Float64Array::from(vec![-inf, -1.0, -0.0, 0.0, 2.5, inf, f64::NAN])),
            &[0, 1, 2, 2, 3, 4, 5],
        ),
        some(
            DataType::Float4,
            Arc::new(Float32Array::from(vec![-1.0, 0.0, -0.0, 1.0, f32::NAN])),
            &[0, 1, 1, 2, 3],
        ),
        some(
            DataType::Numeric,
            Arc::new(BinaryViewArray::from_iter_values(numerics.iter())),
            &[0, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8],
        ),
        some(DataType::Interval, fixed(&intervals), &[0, 1, 1, 2, 3, 3, 4]),
        some(
            DataType::Bpchar,
            Arc::new(
                StringViewArray::from(vec![
                    "",
                    "  ",
                    "a",
                    "a      ",
                    "a\u{1}",
                    "b, which is a longer string  ",
                    "b, which is a longer string",
                ])
                .to_binary_view(),
            ),
            &[0, 0, 1, 1, 2, 3, 3],
        ),
        distinct(DataType::Bool, Arc::new(BooleanArray::from(vec![false, true]))),
        distinct(DataType::Oid, Arc::new(UInt32Array::from(vec![0, 1, u32::MAX]))),
        distinct(DataType::Enum, Arc::new(UInt64Array::from(vec![7, 1 << 32, u64::MAX]))),
        // An enum's value that has moved between two looks at its place.
        some(
            DataType::Enum,
            Arc::new(UInt64Array::from(vec![1 << 32 | 5, 2 << 32 | 9, 3 << 32 | 9, 4 << 32 | 6])),
            &[0, 1, 1, 2],
        ),
        distinct(DataType::Uuid, fixed(&[[0; 16], [1; 16], [255; 16]])),
        distinct(
            DataType::Bytea,
            Arc::new(BinaryViewArray::from(vec![&b""[..], b"\x00", b"\x00\x01", b"\xff"])),
        ),
        distinct(
            DataType::Text,
            Arc::new(StringViewArray::from(vec!["", "a", "a ", "é"]).to_binary_view()),
        ),
        distinct(DataType::Date, Arc::new(Int32Array::from(vec![i32::MIN, 0, i32::MAX]))),
        distinct(DataType::Time, Arc::new(Int64Array::from(vec![0, 1]))),
        distinct(DataType::TimestampTz, Arc::new(Int64Array::from(vec![i64::MIN, -1, 0]))),
    ]
}

impl Sample {
    /// Each value `copies` times and as many NULLs, with their positions, in an
    /// order that is mixed up but always the same.
    fn batches(&self, copies: usize) -> Vec<RecordBatch> {
        let count = self.values.len();
        let rows: Vec<Option<u32>> = (0..(count + 1) * copies)
            .map(|row| row * 7919 % ((count + 1) * copies) % (count + 1))
            .map(|row| (row < count).then_some(row as u32))
            .collect();
        rows.chunks(4)
            .map(|rows| {
                let indices = UInt32Array::from(rows.to_vec());
                let values = take(&self.values, &indices, None).unwrap();
                let numbers: Int32Array =
                    rows.iter().map(|row| row.map(|row| row as i32)).collect();
                batch(&[self.ty, DataType::Int4], vec![values, Arc::new(numbers)])
            })
            .collect()
    }

    fn types(&self) -> [DataType; 2] {
        [self.ty, DataType::Int4]
    }

    fn rank(&self, position: Option<i32>) -> Option<i32> {
        position.map(|position| self.ranks[position as usize])
    }

    /// The position of a value among the samples, by its identity.
    fn position(&self, column: &ArrayRef, row: usize) -> Option<i32> {
        let value = column.slice(row, 1);
        if value.null_count() == 1 {
            return None;
        }
        let bits = |value: &ArrayRef| value.to_data();
        let found = (0..self.values.len()).find(|index| {
            let sample = self.values.slice(*index, 1);
            match self.ty {
                DataType::Float8 => {
                    let bits = |array: &ArrayRef| {
                        array.as_primitive::<arrow::datatypes::Float64Type>().value(0).to_bits()
                    };
                    bits(&sample) == bits(&value)
                }
                DataType::Float4 => {
                    let bits = |array: &ArrayRef| {
                        array.as_primitive::<arrow::datatypes::Float32Type>().value(0).to_bits()
                    };
                    bits(&sample) == bits(&value)
                }
                _ => bits(&sample) == bits(&value),
            }
        });
        Some(found.unwrap_or_else(|| panic!("{value:?} is none of the samples")) as i32)
    }
}

fn run(threads: usize, plan: &Plan, leaves: Vec<Vec<RecordBatch>>) -> Vec<RecordBatch> {
    run_with(threads, 1 << 30, plan, vec![], leaves).unwrap().0
}

fn numbers(batch: &RecordBatch, column: usize) -> Vec<Option<i32>> {
    batch.column(column).as_primitive::<Int32Type>().iter().collect()
}

#[test]
fn joins_match_equal_values() {
    for sample in samples() {
        for (estimate, threads) in [(10.0, 1), (10.0, 2), (1e8, 3)] {
            for build in [Side::Left, Side::Right] {
                let join = Join {
                    kind: JoinKind::Inner,
                    left: Box::new(Rel::Leaf(0)),
                    right: Box::new(Rel::Leaf(1)),
                    keys: vec![(col(0), col(0))],
                    residual: vec![],
                    build,
                    output: vec![1, 3],
                    rows: 10.0,
                };
                let leaves = vec![leaf(&sample.types(), estimate), leaf(&sample.types(), estimate)];
                let plan = plan(Rel::Join(join), leaves);
                let result = run(threads, &plan, vec![sample.batches(1), sample.batches(1)]);
                let mut pairs: Vec<_> = result
                    .iter()
                    .flat_map(|batch| numbers(batch, 0).into_iter().zip(numbers(batch, 1)))
                    .map(|(a, b)| (a.unwrap() as usize, b.unwrap() as usize))
                    .collect();
                pairs.sort_unstable();
                let all = 0..sample.ranks.len();
                let expected: Vec<_> = all
                    .clone()
                    .flat_map(|a| all.clone().map(move |b| (a, b)))
                    .filter(|(a, b)| sample.ranks[*a] == sample.ranks[*b])
                    .collect();
                assert_eq!(pairs, expected, "{} {estimate} {threads}", sample.ty);
            }
        }
    }
}

#[test]
fn sorts_order_values_and_place_nulls() {
    for sample in samples() {
        for (descending, nulls_first) in
            [(false, false), (false, true), (true, false), (true, true)]
        {
            for fetch in [None, Some(5)] {
                let key = |column| SortKey { expr: col(column), descending, nulls_first };
                // Equal values are ordered by their positions.
                let keys = vec![key(0), key(1)];
                let root = Rel::Sort { input: Box::new(Rel::Leaf(0)), keys, fetch };
                let plan = plan(root, vec![leaf(&sample.types(), 10.0)]);
                for threads in [1, 2] {
                    let result = run(threads, &plan, vec![sample.batches(3)]);
                    let actual: Vec<_> =
                        result.iter().flat_map(|batch| numbers(batch, 1)).collect();
                    let mut expected: Vec<Option<i32>> =
                        (0..sample.ranks.len() as i32).flat_map(|n| [Some(n); 3]).collect();
                    expected.sort_by_key(|n| (sample.rank(*n), *n));
                    if descending {
                        expected.reverse();
                    }
                    let nulls = [None; 3];
                    let mut expected = match nulls_first {
                        true => [&nulls[..], &expected].concat(),
                        false => [&expected[..], &nulls].concat(),
                    };
                    expected.truncate(fetch.map_or(usize::MAX, |fetch| fetch as usize));
                    assert_eq!(actual, expected, "{} {descending} {nulls_first}", sample.ty);
                }
            }
        }
    }
}

#[test]
fn groups_show_one_of_their_values() {
    for sample in samples() {
        for (estimate, threads) in [(10.0, 1), (10.0, 3), (1e8, 3)] {
            let aggregates = vec![Aggregate {
                function: AggregateFunction::CountStar,
                args: vec![],
                filter: None,
                distinct: false,
                ty: DataType::Int8,
            }];
            let root = Rel::Aggregate {
                input: Box::new(Rel::Leaf(0)),
                groups: vec![col(0)],
                aggregates,
                rows: estimate,
            };
            let plan = plan(root, vec![leaf(&sample.types(), 10.0)]);
            let result = run(threads, &plan, vec![sample.batches(5)]);
            let mut groups = BTreeMap::new();
            for batch in &result {
                let counts = batch.column(1).as_primitive::<arrow::datatypes::Int64Type>();
                for row in 0..batch.num_rows() {
                    let rank = sample.rank(sample.position(batch.column(0), row));
                    assert_eq!(groups.insert(rank, counts.value(row)), None, "{}", sample.ty);
                }
            }
            let mut expected = BTreeMap::from([(None, 5)]);
            for rank in &sample.ranks {
                *expected.entry(Some(*rank)).or_insert(0) += 5;
            }
            assert_eq!(groups, expected, "{} {estimate} {threads}", sample.ty);
        }
    }
}

#[test]
fn the_first_value_of_a_group_is_shown() {
    let types = [DataType::Float8];
    let floats = |values: &[f64]| {
        vec![batch(&types, vec![Arc::new(Float64Array::from(values.to_vec())) as ArrayRef])]
    };
    let input = Box::new(Rel::InOrder { input: Box::new(Rel::Leaf(0)) });
    let distinct = Rel::Distinct { input, rows: 2.0 };
    let plan = plan(distinct, vec![leaf(&types, 2.0)]);
    let bits = |values: &[f64]| {
        let result = run(1, &plan, vec![floats(values)]);
        let column = result[0].column(0).as_primitive::<arrow::datatypes::Float64Type>();
        column.values().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(bits(&[-0.0, 0.0]), [(-0.0_f64).to_bits()]);
    assert_eq!(bits(&[0.0, -0.0]), [0]);
}

#[test]
fn distinct_rows_and_distinct_counts() {
    for sample in samples() {
        let ranks = sample.ranks.last().unwrap() + 1;
        for threads in [1, 3] {
            let distinct = Rel::Distinct {
                input: Box::new(Rel::Project {
                    input: Box::new(Rel::Leaf(0)),
                    exprs: vec![col(0)],
                }),
                rows: 5.0,
            };
            let distinct = plan(distinct, vec![leaf(&sample.types(), 10.0)]);
            let rows: usize =
                run(threads, &distinct, vec![sample.batches(4)]).iter().map(|b| b.num_rows()).sum();
            assert_eq!(rows, ranks as usize + 1, "{}", sample.ty);

            let count = |filter| Aggregate {
                function: AggregateFunction::Count,
                args: vec![col(0)],
                filter,
                distinct: true,
                ty: DataType::Int8,
            };
            let not_null = Expr::IsNotNull(Box::new(col(0)));
            for (aggregates, expected) in [
                (vec![count(None)], format!("{ranks}")),
                (
                    vec![
                        count(None),
                        count(Some(not_null)),
                        count(Some(Expr::null(DataType::Bool))),
                    ],
                    format!("{ranks}|{ranks}|0"),
                ),
            ] {
                let root = Rel::Aggregate {
                    input: Box::new(Rel::Leaf(0)),
                    groups: vec![],
                    aggregates,
                    rows: 1.0,
                };
                let plan = plan(root, vec![leaf(&sample.types(), 10.0)]);
                let result = lines(threads, &plan, vec![sample.batches(4)], false);
                assert_eq!(result, [expected], "{}", sample.ty);
            }
        }
    }
}

#[test]
fn extremes_of_every_ordered_type() {
    for sample in samples().into_iter().filter(|sample| sample.ty != DataType::Bool) {
        let call = |function| Aggregate {
            function,
            args: vec![col(0)],
            filter: None,
            distinct: true,
            ty: sample.ty,
        };
        let aggregates = vec![call(AggregateFunction::Min), call(AggregateFunction::Max)];
        for groups in [vec![], vec![Expr::Literal(Literal { ty: DataType::Int4, value: None })]] {
            let root = Rel::Aggregate {
                input: Box::new(Rel::Leaf(0)),
                groups: groups.clone(),
                aggregates: aggregates.clone(),
                rows: 1.0,
            };
            let plan = plan(root, vec![leaf(&sample.types(), 10.0)]);
            for threads in [1, 3] {
                let result = run(threads, &plan, vec![sample.batches(4)]);
                let rank = |column: usize| {
                    let column = result[0].column(groups.len() + column);
                    sample.rank(sample.position(column, 0))
                };
                let expected = (Some(0), sample.ranks.last().copied());
                assert_eq!((rank(0), rank(1)), expected, "{} {threads}", sample.ty);
            }
        }
    }
}
