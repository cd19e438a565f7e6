//! Joins whose build side does not fit in memory give what they give when it does.

mod common;

use arrow::array::{ArrayRef, BinaryViewArray, Int32Array, RecordBatch};
use common::*;
use fusion_plan::{DataType, Expr, Function, Join, JoinKind, PgError, Plan, Rel, Side, SqlState};
use std::sync::Arc;

const TYPES: [DataType; 3] = [DataType::Int4, DataType::Int4, DataType::Text];
const KINDS: [JoinKind; 7] = [
    JoinKind::Inner,
    JoinKind::Left,
    JoinKind::Right,
    JoinKind::Full,
    JoinKind::Semi,
    JoinKind::Anti,
    JoinKind::NullAwareAnti,
];

/// Less than half of one side's rows fit.
const LIMIT: usize = 512 * 1024;
const ROWS: i32 = 10_000;

/// Rows of a key, a number, and a text that is not inlined.
fn rows(keys: impl Iterator<Item = Option<i32>>) -> Vec<RecordBatch> {
    let keys: Vec<_> = keys.collect();
    let numbered: Vec<_> = keys.into_iter().zip(0..).collect();
    let batches = numbered.chunks(700).map(|rows| {
        let keys: ArrayRef = Arc::new(rows.iter().map(|(key, _)| *key).collect::<Int32Array>());
        let numbers = rows.iter().map(|(_, number)| number % 1000);
        let numbers: ArrayRef = Arc::new(numbers.collect::<Int32Array>());
        let texts = rows.iter().map(|(key, _)| {
            key.map(|key| format!("a text of the key {key}, and of some more length than that"))
        });
        let texts: ArrayRef = Arc::new(texts.collect::<BinaryViewArray>());
        batch(&TYPES, vec![keys, numbers, texts])
    });
    batches.collect()
}

/// Distinct keys, of which every 50th is NULL.
fn distinct(from: i32, to: i32) -> Vec<RecordBatch> {
    rows((from..to).map(|key| (key % 50 != 7).then_some(key)))
}

struct Case {
    kind: JoinKind,
    keys: u32,
    less: bool,
    build: Side,
    threads: usize,
    estimate: f64,
}

impl Case {
    /// All combinations, for keys of one and of two columns.
    fn all(kind: JoinKind) -> impl Iterator<Item = Self> {
        // One partition, several with one table, several with a table each.
        let shapes = [(1, 10.0), (3, 10.0), (3, 1e7)];
        (0..8).flat_map(move |bits: u32| shapes.map(|shape| (bits, shape))).map(
            move |(bits, (threads, estimate))| {
                let bit = |bit: u32| bits & (1 << bit) != 0;
                Self {
                    kind,
                    keys: if bit(0) { 2 } else { 1 },
                    less: bit(1),
                    build: if bit(2) { Side::Left } else { Side::Right },
                    threads,
                    estimate,
                }
            },
        )
    }

    fn by_hash(&self) -> bool {
        self.kind != JoinKind::NullAwareAnti || (self.keys == 1 && !self.less)
    }

    fn plan(&self) -> Plan {
        let less = compare(Function::Lt, col(1), col(4));
        let join = Join {
            kind: self.kind,
            left: Box::new(Rel::Leaf(0)),
            right: Box::new(Rel::Leaf(1)),
            // The number is not a key: it is the text that comes second.
            keys: [0, 2].map(|key| (col(key), col(key)))[..self.keys as usize].to_vec(),
            residual: if self.less { vec![less] } else { vec![] },
            build: self.build,
            output: if self.kind.outputs_right() { vec![5, 1, 0, 3] } else { vec![2, 1] },
            rows: 10.0,
        };
        plan(Rel::Join(join), vec![leaf(&TYPES, self.estimate), leaf(&TYPES, self.estimate)])
    }

    fn run(&self, limit: usize, sides: [&[RecordBatch]; 2]) -> Result<(Vec<String>, u64), PgError> {
        let leaves = sides.map(<[RecordBatch]>::to_vec).to_vec();
        let (batches, metrics) = run_with(self.threads, limit, &self.plan(), vec![], leaves)?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(metrics.nodes[0].rows, rows as u64);
        let lines = if rows == 0 { vec![] } else { table(&batches, true) };
        Ok((lines, metrics.nodes[0].spilled_bytes))
    }

    /// The result is the same in little memory, and something went to disk if
    /// `spills`.
    fn check(&self, sides: [&[RecordBatch]; 2], spills: bool) {
        let shown = format!(
            "{:?}, {} keys, less: {}, {:?}, {} threads, {}",
            self.kind, self.keys, self.less, self.build, self.threads, self.estimate
        );
        let (expected, nothing) = self.run(1 << 30, sides).unwrap();
        assert_eq!(nothing, 0, "{shown}");
        match self.run(LIMIT, sides) {
            Ok((actual, spilled)) => {
                assert!(expected == actual, "{shown}: {} {}", expected.len(), actual.len());
                assert_eq!(spilled > 0, spills, "{shown}");
            }
            Err(error) => panic!("{shown}: {error:?}"),
        }
    }
}

/// Some of the combinations for each kind.
fn some_cases() -> impl Iterator<Item = Case> {
    KINDS.into_iter().flat_map(|kind| Case::all(kind).filter(Case::by_hash).step_by(5))
}

#[test]
fn every_kind_of_join() {
    let (left, right) = (distinct(0, ROWS), distinct(ROWS / 3, ROWS + ROWS / 3));
    for case in KINDS.into_iter().flat_map(Case::all).filter(Case::by_hash) {
        case.check([&left, &right], true);
    }
}

/// A single key on the side that is kept, which no hash divides.
#[test]
fn a_hot_key() {
    let hot = rows((0..ROWS).map(|row| if row % 20 == 0 { Some(row) } else { Some(3) }));
    let few = rows([Some(3), None, Some(4), Some(40), Some(3), Some(99999)].into_iter());
    for case in some_cases() {
        if case.kind == JoinKind::NullAwareAnti && case.build == Side::Right {
            // It keeps its left side, which is small then.
            continue;
        }
        match case.build {
            Side::Left => case.check([&hot, &few], true),
            Side::Right => case.check([&few, &hot], true),
        }
    }
}

#[test]
fn empty_sides() {
    let (rows, nothing) = (distinct(0, ROWS), Vec::new());
    for case in some_cases() {
        let builds_left = case.build == Side::Left || case.kind == JoinKind::NullAwareAnti;
        case.check([&rows, &nothing], builds_left);
        case.check([&nothing, &rows], !builds_left);
    }
}

/// NOT IN: with NULLs among the values, without, and without any values.
#[test]
fn null_aware_anti_joins() {
    let left = distinct(0, ROWS);
    let with_null = rows([Some(5), None].into_iter());
    let without = rows([Some(5), Some(8)].into_iter());
    for case in Case::all(JoinKind::NullAwareAnti).filter(Case::by_hash) {
        for (right, count) in [
            (&with_null, 0),
            (&without, ROWS as usize - ROWS as usize / 50 - 2),
            (&vec![], ROWS as usize),
        ] {
            case.check([&left, right], true);
            assert_eq!(case.run(LIMIT, [&left, right]).unwrap().0.len(), count);
        }
    }
}

/// Several joins on top of each other share what little there is.
#[test]
fn a_chain_of_joins() {
    let join = |left: Rel, right: u32| {
        Rel::Join(Join {
            kind: JoinKind::Inner,
            left: Box::new(left),
            right: Box::new(Rel::Leaf(right)),
            keys: vec![(col(0), col(0))],
            residual: vec![],
            build: Side::Right,
            output: vec![0, 4, 5],
            rows: 1e7,
        })
    };
    for threads in [1, 3] {
        for estimate in [10.0, 1e7] {
            let root = (1..5).fold(Rel::Leaf(0), join);
            let leaves = vec![leaf(&TYPES, estimate); 5];
            let sides = vec![distinct(0, ROWS); 5];
            let plan = plan(root, leaves);
            let (batches, metrics) = run_with(threads, LIMIT * 4, &plan, vec![], sides).unwrap();
            let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
            assert_eq!(rows, ROWS as usize - ROWS as usize / 50);
            assert!(metrics.nodes.iter().any(|node| node.spilled_bytes > 0));
        }
    }
}

/// What fails while a part is joined is the query's error.
#[test]
fn errors_come_through() {
    let quotient = Expr::call(Function::Div, vec![col(1), col(4)], DataType::Int4);
    let case = Case {
        kind: JoinKind::Left,
        keys: 1,
        less: false,
        build: Side::Right,
        threads: 3,
        estimate: 10.0,
    };
    let mut plan = case.plan();
    if let Rel::Join(join) = &mut plan.root {
        join.residual = vec![compare(Function::Gt, quotient, int4(0))];
    }
    let leaves = vec![distinct(0, ROWS); 2];
    let error = run_with(3, LIMIT, &plan, vec![], leaves).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::DIVISION_BY_ZERO);
}
