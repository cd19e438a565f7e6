//! Joins of every kind against nested loops over plain vectors.

mod common;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Int32Type, Schema};
use common::*;
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Function, Join, JoinKind, PgError, Plan, Rel,
    Side, SqlState,
};
use proptest::prelude::*;
use std::sync::Arc;

const INT: DataType = DataType::Int4;
const KINDS: [JoinKind; 7] = [
    JoinKind::Inner,
    JoinKind::Left,
    JoinKind::Right,
    JoinKind::Full,
    JoinKind::Semi,
    JoinKind::Anti,
    JoinKind::NullAwareAnti,
];

/// A row of either input; only as many values as the input has columns.
type Row = Vec<Option<i32>>;

/// What the conditions of a join are, besides equalities of its first columns.
#[derive(Clone, Copy, Debug)]
enum Residual {
    Nothing,
    /// A constant, which may be NULL.
    Constant(Option<bool>),
    /// The last left column is smaller than the last right one.
    Less,
    /// The last right column is not zero, and dividing by it gives a positive
    /// number: the second would fail without the first.
    Guarded,
}

impl Residual {
    fn exprs(self, left: usize, right: usize) -> Vec<Expr> {
        let (a, b) = (col(left as u32 - 1), col((left + right) as u32 - 1));
        match self {
            Self::Nothing => vec![],
            Self::Constant(value) => vec![Expr::Literal(fusion_plan::Literal {
                ty: DataType::Bool,
                value: value.map(fusion_plan::Value::Bool),
            })],
            Self::Less => vec![compare(Function::Lt, a, b)],
            Self::Guarded => {
                let quotient = Expr::call(Function::Div, vec![a, b.clone()], INT);
                vec![compare(Function::Ne, b, int4(0)), compare(Function::Gt, quotient, int4(0))]
            }
        }
    }

    fn holds(self, left: &Row, right: &Row) -> bool {
        let last = |row: &Row| row.last().copied().flatten();
        match self {
            Self::Nothing => true,
            Self::Constant(value) => value == Some(true),
            Self::Less => last(left).zip(last(right)).is_some_and(|(a, b)| a < b),
            Self::Guarded => last(left).zip(last(right)).is_some_and(|(a, b)| b != 0 && a / b > 0),
        }
    }
}

#[derive(Clone, Debug)]
struct Case {
    kind: JoinKind,
    keys: usize,
    residual: Residual,
    build: Side,
    left: Vec<Row>,
    right: Vec<Row>,
    widths: (usize, usize),
    output: Vec<u32>,
    threads: usize,
    rows_per_batch: usize,
    /// The leaves' estimated numbers of rows.
    estimate: f64,
}

/// Whether all keys are equal: NULL if that is not known.
fn keys_equal(keys: usize, left: &Row, right: &Row) -> Option<bool> {
    let pairs = left.iter().zip(right).take(keys);
    let equal: Vec<_> = pairs.map(|(a, b)| a.zip(*b).map(|(a, b)| a == b)).collect();
    match () {
        () if equal.contains(&Some(false)) => Some(false),
        () if equal.contains(&None) => None,
        () => Some(true),
    }
}

impl Case {
    fn plan(&self) -> Plan {
        let (left, right) = self.widths;
        let join = Join {
            kind: self.kind,
            left: Box::new(Rel::Leaf(0)),
            right: Box::new(Rel::Leaf(1)),
            keys: (0..self.keys as u32).map(|key| (col(key), col(key))).collect(),
            residual: self.residual.exprs(left, right),
            build: self.build,
            output: self.output.clone(),
            rows: 10.0,
        };
        let leaves =
            vec![leaf(&vec![INT; left], self.estimate), leaf(&vec![INT; right], self.estimate)];
        plan(Rel::Join(join), leaves)
    }

    fn batches(&self, rows: &[Row], width: usize) -> Vec<RecordBatch> {
        rows.chunks(self.rows_per_batch)
            .map(|rows| {
                let column = |index: usize| -> ArrayRef {
                    Arc::new(rows.iter().map(|row| row[index]).collect::<Int32Array>())
                };
                match width {
                    0 => {
                        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
                        let schema = Arc::new(Schema::empty());
                        RecordBatch::try_new_with_options(schema, vec![], &options).unwrap()
                    }
                    _ => batch(&vec![INT; width], (0..width).map(column).collect()),
                }
            })
            .collect()
    }

    /// The result by definition.
    fn expected(&self) -> Vec<Row> {
        let (left_width, right_width) = self.widths;
        let matches = |left: &Row, right: &Row| match self.kind {
            JoinKind::NullAwareAnti => {
                self.residual.holds(left, right)
                    && keys_equal(self.keys, left, right) != Some(false)
            }
            _ => {
                self.residual.holds(left, right) && keys_equal(self.keys, left, right) == Some(true)
            }
        };
        let no_right = vec![None; right_width];
        let mut result = Vec::new();
        let mut add = |left: &Row, right: &Row| result.push([left.clone(), right.clone()].concat());
        for left in &self.left {
            let matching: Vec<_> = self.right.iter().filter(|right| matches(left, right)).collect();
            match self.kind {
                JoinKind::Semi if !matching.is_empty() => add(left, &no_right),
                JoinKind::Semi => {}
                JoinKind::Anti | JoinKind::NullAwareAnti => {
                    if matching.is_empty() {
                        add(left, &no_right);
                    }
                }
                JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                    matching.iter().for_each(|right| add(left, right));
                    let keeps = matches!(self.kind, JoinKind::Left | JoinKind::Full);
                    if keeps && matching.is_empty() {
                        add(left, &no_right);
                    }
                }
            }
        }
        if matches!(self.kind, JoinKind::Right | JoinKind::Full) {
            for right in &self.right {
                if !self.left.iter().any(|left| matches(left, right)) {
                    add(&vec![None; left_width], right);
                }
            }
        }
        let output = |row: Row| self.output.iter().map(|column| row[*column as usize]).collect();
        let mut result: Vec<Row> = result.into_iter().map(output).collect();
        result.sort();
        result
    }

    fn actual(&self) -> Vec<Row> {
        let leaves =
            vec![self.batches(&self.left, self.widths.0), self.batches(&self.right, self.widths.1)];
        let (batches, _) = run_with(self.threads, 1 << 30, &self.plan(), vec![], leaves).unwrap();
        let mut result = Vec::new();
        for batch in batches {
            let columns: Vec<_> =
                batch.columns().iter().map(|column| column.as_primitive::<Int32Type>()).collect();
            assert_eq!(columns.len(), self.output.len());
            for row in 0..batch.num_rows() {
                let value = |column: &&Int32Array| column.is_valid(row).then(|| column.value(row));
                result.push(columns.iter().map(value).collect::<Row>());
            }
        }
        result.sort();
        result
    }
}

fn case() -> impl Strategy<Value = Case> {
    let residual = prop_oneof![
        3 => Just(Residual::Nothing),
        1 => proptest::option::of(any::<bool>()).prop_map(Residual::Constant),
        2 => Just(Residual::Less),
        2 => Just(Residual::Guarded),
    ];
    let width = || prop_oneof![1 => Just(0_usize), 6 => Just(2_usize)];
    let shape = (0..KINDS.len(), 0..3_usize, residual, any::<bool>(), (width(), width()));
    shape.prop_flat_map(|(kind, keys, residual, build_left, widths)| {
        let kind = KINDS[kind];
        let narrow = widths.0.min(widths.1) == 0;
        let keys = if narrow { 0 } else { keys };
        let residual = match residual {
            Residual::Less | Residual::Guarded if narrow => Residual::Nothing,
            residual => residual,
        };
        let rows = |width| {
            let value = proptest::option::weighted(0.8, 0..4_i32);
            proptest::collection::vec(proptest::collection::vec(value, width), 0..14)
        };
        let columns = match kind.outputs_right() {
            true => widths.0 + widths.1,
            false => widths.0,
        } as u32;
        let output = match columns {
            0 => Just(vec![]).boxed(),
            _ => proptest::collection::vec(0..columns, 0..4).boxed(),
        };
        let run = (1..4_usize, 1..6_usize, prop_oneof![Just(10.0), Just(1e7)]);
        (rows(widths.0), rows(widths.1), output, run).prop_map(
            move |(left, right, output, (threads, rows_per_batch, estimate))| Case {
                kind,
                keys,
                residual,
                build: if build_left { Side::Left } else { Side::Right },
                left,
                right,
                widths,
                output,
                threads,
                rows_per_batch,
                estimate,
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_join_is_what_nested_loops_give(case in case()) {
        prop_assert_eq!(case.actual(), case.expected());
    }
}

/// Two rows of two columns on each side, of which the first are equal.
fn small(kind: JoinKind, keys: usize, residual: Vec<Expr>) -> Result<Vec<RecordBatch>, PgError> {
    let rows = vec![vec![Some(1), Some(0)], vec![Some(2), Some(5)]];
    let case = Case {
        kind,
        keys,
        residual: Residual::Nothing,
        build: Side::Right,
        left: rows.clone(),
        right: rows.clone(),
        widths: (2, 2),
        output: vec![0],
        threads: 2,
        rows_per_batch: 1,
        estimate: 2.0,
    };
    let mut plan = case.plan();
    if let Rel::Join(join) = &mut plan.root {
        join.residual = residual;
    }
    let leaves = vec![case.batches(&rows, 2), case.batches(&rows, 2)];
    run_with(2, 1 << 30, &plan, vec![], leaves).map(|(batches, _)| batches)
}

#[test]
fn conditions_fail_on_candidates_only() {
    // 10 / right.1 fails for the right row (1, 0) alone.
    let quotient = Expr::call(Function::Div, vec![int4(10), col(3)], INT);
    let fails = compare(Function::Gt, quotient, int4(0));
    let not_one = compare(Function::Ne, col(0), int4(1));
    for kind in KINDS {
        let by_key = small(kind, 1, vec![not_one.clone(), fails.clone()]);
        assert!(kind == JoinKind::NullAwareAnti || by_key.is_ok(), "{kind:?}: {by_key:?}");
        let first = small(kind, 1, vec![fails.clone(), not_one.clone()]);
        assert_eq!(first.unwrap_err(), PgError::division_by_zero(), "{kind:?}");
        let looped = small(kind, 0, vec![not_one.clone(), fails.clone()]);
        assert_eq!(looped.unwrap_err(), PgError::division_by_zero(), "{kind:?}");
    }
}

#[test]
fn counting_a_product_needs_no_columns() {
    let rows: Vec<Row> = (0..3000).map(|value| vec![Some(value)]).collect();
    let case = Case {
        kind: JoinKind::Inner,
        keys: 0,
        residual: Residual::Nothing,
        build: Side::Left,
        left: rows.clone(),
        right: rows[..700].to_vec(),
        widths: (1, 1),
        output: vec![],
        threads: 2,
        rows_per_batch: 100,
        estimate: 1e3,
    };
    let input = Box::new(case.plan().root);
    let aggregates = vec![Aggregate {
        function: AggregateFunction::CountStar,
        args: vec![],
        filter: None,
        distinct: false,
        ty: DataType::Int8,
    }];
    let root = Rel::Aggregate { input, groups: vec![], aggregates, rows: 1.0 };
    let plan = plan(root, case.plan().leaves);
    let leaves = vec![case.batches(&case.left, 1), case.batches(&case.right, 1)];
    assert_eq!(lines(2, &plan, leaves, false), ["2100000"]);
}

#[test]
fn a_nested_loop_that_does_not_fit_says_so() {
    let rows: Vec<Row> = (0..400_000).map(|value| vec![Some(value), Some(value)]).collect();
    for kind in KINDS {
        let case = Case {
            kind,
            keys: 0,
            residual: Residual::Less,
            build: Side::Left,
            left: rows.clone(),
            right: rows[..2].to_vec(),
            widths: (2, 2),
            output: vec![0],
            threads: 2,
            rows_per_batch: 1000,
            estimate: 10.0,
        };
        let leaves = vec![case.batches(&case.left, 2), case.batches(&case.right, 2)];
        let error = run_with(2, 1 << 20, &case.plan(), vec![], leaves).unwrap_err();
        assert_eq!(error.sqlstate, SqlState::OUT_OF_MEMORY, "{error:?}");
    }
}
