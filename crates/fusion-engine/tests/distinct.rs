//! DISTINCT aggregates, several at once and next to others, against sets.

mod common;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, Float64Array, Int32Array, RecordBatch,
};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type};
use common::*;
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Function, PgError, Plan, Rel, SqlState,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A group, an integer, a float, and a padded string.
const TYPES: [DataType; 4] = [DataType::Int4, DataType::Int4, DataType::Float8, DataType::Bpchar];
const FLOATS: [f64; 6] = [-0.0, 0.0, 1e16, -1e16, 1.0, f64::NAN];
const TEXTS: [&str; 4] = ["a", "a ", "b", ""];

#[derive(Clone, Copy, Debug)]
struct Row {
    group: Option<i32>,
    integer: Option<i32>,
    float: Option<f64>,
    text: Option<&'static str>,
}

/// The aggregates to choose from.
#[derive(Clone, Copy, Debug)]
enum Call {
    CountStar,
    Count,
    Sum,
    Max,
    CountIntegers,
    SumIntegers,
    CountFloats,
    SumFloats,
    AverageFloats,
    CountTexts,
}

const CALLS: [Call; 10] = [
    Call::CountStar,
    Call::Count,
    Call::Sum,
    Call::Max,
    Call::CountIntegers,
    Call::SumIntegers,
    Call::CountFloats,
    Call::SumFloats,
    Call::AverageFloats,
    Call::CountTexts,
];

impl Call {
    fn aggregate(self, filter: Option<Expr>) -> Aggregate {
        use AggregateFunction as F;
        let (function, arg, distinct, ty) = match self {
            Self::CountStar => (F::CountStar, None, false, DataType::Int8),
            Self::Count => (F::Count, Some(1), false, DataType::Int8),
            Self::Sum => (F::Sum, Some(1), false, DataType::Int8),
            Self::Max => (F::Max, Some(1), true, DataType::Int4),
            Self::CountIntegers => (F::Count, Some(1), true, DataType::Int8),
            Self::SumIntegers => (F::Sum, Some(1), true, DataType::Int8),
            Self::CountFloats => (F::Count, Some(2), true, DataType::Int8),
            Self::SumFloats => (F::Sum, Some(2), true, DataType::Float8),
            Self::AverageFloats => (F::Avg, Some(2), true, DataType::Float8),
            Self::CountTexts => (F::Count, Some(3), true, DataType::Int8),
        };
        Aggregate { function, args: arg.map(col).into_iter().collect(), filter, distinct, ty }
    }

    /// The result over `rows`, as text. Zeros have no sign, because which of two
    /// equal zeros is added depends on the order of rows.
    fn over(self, rows: &[Row]) -> String {
        let integers = || rows.iter().filter_map(|row| row.integer);
        let distinct_integers = || {
            let mut values: Vec<_> = integers().collect();
            values.sort_unstable();
            values.dedup();
            values
        };
        let distinct_floats = || {
            let mut values: Vec<_> =
                rows.iter().filter_map(|row| row.float).map(|value| value + 0.0).collect();
            values.sort_by(f64::total_cmp);
            values.dedup_by(|a, b| a == b || (a.is_nan() && b.is_nan()));
            values
        };
        let sum = |values: Vec<f64>| values.into_iter().reduce(|a, b| a + b);
        let text =
            |value: Option<f64>| value.map_or(String::new(), |value| (value + 0.0).to_string());
        let whole = |values: Vec<i32>| match values.is_empty() {
            true => String::new(),
            false => values.into_iter().map(i64::from).sum::<i64>().to_string(),
        };
        match self {
            Self::CountStar => rows.len().to_string(),
            Self::Count => integers().count().to_string(),
            Self::Sum => whole(integers().collect()),
            Self::Max => integers().max().map_or(String::new(), |value| value.to_string()),
            Self::CountIntegers => distinct_integers().len().to_string(),
            Self::SumIntegers => whole(distinct_integers()),
            Self::CountFloats => distinct_floats().len().to_string(),
            Self::SumFloats => text(sum(distinct_floats())),
            Self::AverageFloats => {
                let count = distinct_floats().len() as f64;
                text(sum(distinct_floats()).map(|sum| sum / count))
            }
            Self::CountTexts => {
                let mut values: Vec<_> =
                    rows.iter().filter_map(|row| row.text).map(|text| text.trim_end()).collect();
                values.sort_unstable();
                values.dedup();
                values.len().to_string()
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    rows: Vec<Row>,
    /// Each with whether it has a filter: the integer is larger than one.
    calls: Vec<(Call, bool)>,
    grouped: bool,
    threads: usize,
    rows_per_batch: usize,
    estimate: f64,
}

impl Case {
    fn plan(&self) -> Plan {
        let filter = || compare(Function::Gt, col(1), int4(1));
        let aggregates =
            self.calls.iter().map(|(call, filtered)| call.aggregate(filtered.then(filter)));
        let root = Rel::Aggregate {
            input: Box::new(Rel::Leaf(0)),
            groups: if self.grouped { vec![col(0)] } else { vec![] },
            aggregates: aggregates.collect(),
            rows: self.estimate,
        };
        plan(root, vec![leaf(&TYPES, 100.0)])
    }

    fn batches(&self) -> Vec<RecordBatch> {
        self.rows
            .chunks(self.rows_per_batch)
            .map(|rows| {
                let columns: Vec<ArrayRef> = vec![
                    Arc::new(rows.iter().map(|row| row.group).collect::<Int32Array>()),
                    Arc::new(rows.iter().map(|row| row.integer).collect::<Int32Array>()),
                    Arc::new(rows.iter().map(|row| row.float).collect::<Float64Array>()),
                    Arc::new(rows.iter().map(|row| row.text).collect::<BinaryViewArray>()),
                ];
                batch(&TYPES, columns)
            })
            .collect()
    }

    fn expected(&self) -> Vec<Vec<String>> {
        let mut groups: BTreeMap<Option<i32>, Vec<Row>> = BTreeMap::new();
        if !self.grouped {
            groups.insert(None, vec![]);
        }
        for row in &self.rows {
            let group = row.group.filter(|_| self.grouped);
            groups.entry(group).or_default().push(*row);
        }
        let mut result = Vec::new();
        for (group, rows) in groups {
            let passing: Vec<_> =
                rows.iter().copied().filter(|row| row.integer > Some(1)).collect();
            let mut line = Vec::new();
            if self.grouped {
                line.push(group.map_or(String::new(), |group| group.to_string()));
            }
            line.extend(
                self.calls
                    .iter()
                    .map(|(call, filtered)| call.over(if *filtered { &passing } else { &rows })),
            );
            result.push(line);
        }
        result.sort();
        result
    }

    fn actual(&self) -> Vec<Vec<String>> {
        let (batches, _) =
            run_with(self.threads, 1 << 30, &self.plan(), vec![], vec![self.batches()]).unwrap();
        let mut result: Vec<Vec<String>> = batches
            .iter()
            .flat_map(|batch| {
                (0..batch.num_rows()).map(move |row| {
                    batch.columns().iter().map(|column| shown(column, row)).collect()
                })
            })
            .collect();
        result.sort();
        result
    }
}

fn shown(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    if let Some(column) = column.as_primitive_opt::<Int32Type>() {
        column.value(row).to_string()
    } else if let Some(column) = column.as_primitive_opt::<Int64Type>() {
        column.value(row).to_string()
    } else {
        (column.as_primitive::<Float64Type>().value(row) + 0.0).to_string()
    }
}

fn case() -> impl Strategy<Value = Case> {
    fn maybe<T: Clone + std::fmt::Debug + 'static>(
        values: &'static [T],
    ) -> impl Strategy<Value = Option<T>> {
        proptest::option::weighted(0.8, proptest::sample::select(values))
    }
    let row = (
        proptest::option::weighted(0.8, 0..3_i32),
        proptest::option::weighted(0.8, 0..5_i32),
        maybe(&FLOATS),
        maybe(&TEXTS),
    )
        .prop_map(|(group, integer, float, text)| Row { group, integer, float, text });
    let calls =
        proptest::collection::vec((proptest::sample::select(&CALLS[..]), any::<bool>()), 1..6);
    let run = (1..4_usize, 1..8_usize, prop_oneof![Just(3.0), Just(1e6)]);
    (proptest::collection::vec(row, 0..40), calls, any::<bool>(), run).prop_map(
        |(rows, mut calls, grouped, (threads, rows_per_batch, estimate))| {
            // Often enough, all of one argument, for which there is a way of its own.
            if estimate > 3.0 && calls.len() < 3 {
                calls.iter_mut().for_each(|call| *call = (Call::CountIntegers, false));
                calls.push((Call::Max, false));
                calls.push((Call::SumIntegers, false));
            }
            Case { rows, calls, grouped, threads, rows_per_batch, estimate }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn distinct_values_are_a_set(case in case()) {
        prop_assert_eq!(case.actual(), case.expected());
    }
}

/// `rows` rows of two numbers, in batches; the first has `first` different values.
fn numbers(rows: i32, first: i32) -> Vec<RecordBatch> {
    let types = [DataType::Int4, DataType::Int4];
    let all: Vec<i32> = (0..rows).collect();
    all.chunks(1000)
        .map(|chunk| {
            let groups: Int32Array = chunk.iter().map(|n| Some(n % first)).collect();
            let values: Int32Array = chunk.iter().map(|n| Some(n.wrapping_mul(7919))).collect();
            batch(&types, vec![Arc::new(groups), Arc::new(values)])
        })
        .collect()
}

fn run(
    memory: usize,
    groups: Vec<Expr>,
    aggregates: Vec<Aggregate>,
    leaf_batches: Vec<RecordBatch>,
) -> Result<(Vec<RecordBatch>, fusion_plan::SessionMetrics), PgError> {
    let types = [DataType::Int4, DataType::Int4];
    let input = Box::new(Rel::Leaf(0));
    let root = Rel::Aggregate { input, groups, aggregates, rows: 1e6 };
    let plan = plan(root, vec![leaf(&types, 1e6)]);
    run_with(2, memory, &plan, vec![], vec![leaf_batches])
}

fn count(arg: u32) -> Aggregate {
    Aggregate {
        function: AggregateFunction::Count,
        args: vec![col(arg)],
        filter: None,
        distinct: true,
        ty: DataType::Int8,
    }
}

#[test]
fn distinct_values_that_do_not_fit_say_so() {
    let several = vec![count(0), count(1)];
    let error = run(4 << 20, vec![], several, numbers(400_000, 400_000)).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::OUT_OF_MEMORY);
    // The distinct values of one argument can go to disk.
    let (result, metrics) =
        run(16 << 20, vec![], vec![count(1)], numbers(400_000, 400_000)).unwrap();
    assert_eq!(table(&result, false), ["400000"]);
    assert!(metrics.nodes[0].spilled_bytes > 0);
}

#[test]
fn distinct_values_of_many_groups_go_to_disk() {
    let several = vec![count(0), count(1)];
    let (result, metrics) =
        run(24 << 20, vec![col(0)], several, numbers(400_000, 100_000)).unwrap();
    assert!(metrics.nodes[0].spilled_bytes > 0);
    let rows: usize = result.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 100_000);
    for batch in result {
        let column =
            |index: usize| batch.column(index).as_primitive::<Int64Type>().values().to_vec();
        assert!(column(1).iter().all(|count| *count == 1));
        assert!(column(2).iter().all(|count| *count == 4));
    }
}

#[test]
fn millions_of_groups() {
    let (result, _) = run(1 << 30, vec![col(1)], vec![], numbers(2_000_000, 10)).unwrap();
    let mut groups: Vec<i32> = result
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().values().to_vec())
        .collect();
    assert_eq!(groups.len(), 2_000_000);
    groups.sort_unstable();
    groups.dedup();
    assert_eq!(groups.len(), 2_000_000);
}

#[test]
fn opaque_values_are_counted_but_not_told_apart() {
    let types = [DataType::Opaque];
    let values: ArrayRef = Arc::new(BinaryViewArray::from(vec![Some(&b"x"[..]), None, Some(b"x")]));
    let opaque = |distinct| {
        let aggregates = vec![Aggregate { distinct, ..count(0) }];
        let input = Box::new(Rel::Leaf(0));
        let root = Rel::Aggregate { input, groups: vec![], aggregates, rows: 1.0 };
        plan(root, vec![leaf(&types, 1.0)])
    };
    let batches = vec![batch(&types, vec![values])];
    assert_eq!(lines(2, &opaque(false), vec![batches], false), ["2"]);
    let error = fusion_engine::check_supported(&opaque(true)).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::FEATURE_NOT_SUPPORTED);
}

#[test]
fn rows_without_columns() {
    let input = |rel| {
        let types = [DataType::Int4, DataType::Int4];
        plan(rel, vec![leaf(&types, 3.0)])
    };
    let none = || Rel::Project { input: Box::new(Rel::Leaf(0)), exprs: vec![] };
    let rows = |root: Rel, leaf_batches: Vec<RecordBatch>| -> usize {
        let (result, _) = run_with(2, 1 << 30, &input(root), vec![], vec![leaf_batches]).unwrap();
        result.iter().map(RecordBatch::num_rows).sum()
    };
    let distinct = || Rel::Distinct { input: Box::new(none()), rows: 1.0 };
    assert_eq!(rows(distinct(), numbers(3000, 7)), 1);
    assert_eq!(rows(distinct(), vec![]), 0);
    let aggregate = || Rel::Aggregate {
        input: Box::new(Rel::Leaf(0)),
        groups: vec![],
        aggregates: vec![],
        rows: 1.0,
    };
    assert_eq!(rows(aggregate(), numbers(3000, 7)), 1);
    assert_eq!(rows(aggregate(), vec![]), 1);
    let sort = Rel::Sort { input: Box::new(Rel::Leaf(0)), keys: vec![], fetch: Some(5) };
    assert_eq!(rows(sort, numbers(3000, 7)), 5);
}
