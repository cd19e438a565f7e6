//! Sorts and groups of more than what fits in memory, with many threads and in several
//! sessions at a time.

mod common;

use arrow::array::{ArrayRef, AsArray, BinaryViewArray, Int32Array, RecordBatch};
use arrow::datatypes::Int64Type;
use common::*;
use fusion_engine::{Engine, EngineConfig, SessionIo};
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, PgError, Plan, Rel, SessionMetrics, SortKey,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

const MB: usize = 1024 * 1024;
const ROWS: i32 = 300_000;
const TYPES: [DataType; 2] = [DataType::Int4, DataType::Text];

/// Some 50 MB in mixed order, no two rows alike.
fn rows() -> Vec<RecordBatch> {
    let numbers: Vec<i32> =
        (0..ROWS).map(|row| (i64::from(row) * 7919 % i64::from(ROWS)) as i32).collect();
    let batches = numbers.chunks(1500).map(|numbers| {
        let texts: BinaryViewArray =
            numbers.iter().map(|number| Some(format!("{number:06}{}", "x".repeat(120)))).collect();
        let numbers: ArrayRef = Arc::new(Int32Array::from(numbers.to_vec()));
        batch(&TYPES, vec![numbers, Arc::new(texts)])
    });
    batches.collect()
}

fn sort() -> Plan {
    let key = SortKey { expr: col(1), descending: false, nulls_first: false };
    let root = Rel::Sort { input: Box::new(Rel::Leaf(0)), keys: vec![key], fetch: None };
    plan(root, vec![leaf(&TYPES, f64::from(ROWS))])
}

/// Counts the groups of which each is a row.
fn group() -> Plan {
    let count = Aggregate {
        function: AggregateFunction::CountStar,
        args: vec![],
        filter: None,
        distinct: false,
        ty: DataType::Int8,
    };
    let rows = f64::from(ROWS);
    let aggregate = |input, groups, rows| Rel::Aggregate {
        input: Box::new(input),
        groups,
        aggregates: vec![count.clone()],
        rows,
    };
    let groups = aggregate(Rel::Leaf(0), vec![col(1)], rows);
    plan(aggregate(groups, vec![], 1.0), vec![leaf(&TYPES, rows)])
}

/// An engine with little memory, and its threads.
struct Stage {
    engine: Engine,
    runtime: Runtime,
    spill_directory: PathBuf,
    rows: Vec<RecordBatch>,
}

impl Stage {
    fn new(threads: usize, memory_limit: usize) -> Self {
        let (_, spill_directory) = engine(1, MB);
        let config = EngineConfig {
            threads,
            memory_limit,
            spill_directory: spill_directory.clone(),
            batch_size: 8192,
        };
        let engine = Engine::new(config).unwrap();
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(threads).enable_time().build().unwrap();
        Self { engine, runtime, spill_directory, rows: rows() }
    }

    fn spawn<Io: SessionIo + 'static>(&self, plan: &Plan, io: &Arc<Io>) -> Task {
        self.runtime.spawn(self.engine.run(plan, vec![], Arc::clone(io) as _))
    }

    /// Begins `plan`, whose result is kept.
    fn begin(&self, plan: &Plan) -> (Arc<MemoryIo>, Task) {
        let io = Arc::new(MemoryIo::new(vec![self.rows.clone()]));
        let task = self.spawn(plan, &io);
        (io, task)
    }

    /// Runs `plans` at a time, and checks their results.
    fn run_all(&self, plans: &[Plan]) {
        let sessions: Vec<_> = plans.iter().map(|plan| self.begin(plan)).collect();
        sessions.into_iter().for_each(|session| self.check(session));
    }

    /// Waits for a session's end, and checks its result.
    fn check(&self, (io, task): (Arc<MemoryIo>, Task)) {
        let metrics = self.runtime.block_on(task).unwrap().unwrap();
        assert!(metrics.nodes.iter().any(|node| node.spilled_bytes > 0));
        let result = io.result();
        match result[0].num_columns() {
            1 => assert_eq!(
                result[0].column(0).as_primitive::<Int64Type>().value(0),
                i64::from(ROWS)
            ),
            _ => {
                let texts: Vec<_> =
                    result.iter().map(|batch| batch.column(1).as_binary_view()).collect();
                let texts: Vec<_> = texts.iter().flat_map(|texts| texts.iter().flatten()).collect();
                assert_eq!(texts.len(), ROWS as usize);
                assert!(texts.is_sorted());
            }
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.spill_directory);
    }
}

type Task = JoinHandle<Result<SessionMetrics, PgError>>;

/// Runs `plans` at a time on an engine of their own.
fn run_all(threads: usize, memory_limit: usize, plans: &[Plan]) {
    Stage::new(threads, memory_limit).run_all(plans);
}

/// A host that takes one batch and then no more, like a client that does not fetch.
#[derive(Debug)]
struct IdleIo {
    rows: MemoryIo,
    taken: AtomicBool,
}

impl IdleIo {
    fn new(rows: &[RecordBatch]) -> Arc<Self> {
        Arc::new(Self { rows: MemoryIo::new(vec![rows.to_vec()]), taken: AtomicBool::new(false) })
    }
}

impl SessionIo for IdleIo {
    fn open_leaf(&self, leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        self.rows.open_leaf(leaf)
    }

    fn write(&self, _batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        match self.taken.swap(true, Ordering::Relaxed) {
            false => std::future::ready(Ok(())).boxed(),
            true => std::future::pending().boxed(),
        }
    }
}

#[test]
fn many_threads() {
    for plan in [sort(), group()] {
        run_all(8, 64 * MB, std::slice::from_ref(&plan));
        run_all(16, 32 * MB, std::slice::from_ref(&plan));
    }
}

#[test]
fn several_sessions() {
    for threads in [1, 8] {
        run_all(threads, 64 * MB, &[sort(), group(), sort(), group()]);
    }
    run_all(2, 64 * MB, &[sort(), sort(), sort(), sort(), sort(), sort(), sort(), sort()]);
}

/// What almost fits is neither sorted in memory that is not there, nor is an error.
#[test]
fn where_sorts_begin_to_spill() {
    let stage = Stage::new(2, 64 * MB);
    let key = SortKey { expr: col(0), descending: false, nulls_first: false };
    let root = Rel::Sort { input: Box::new(Rel::Leaf(0)), keys: vec![key], fetch: None };
    let plan = plan(root, vec![leaf(&TYPES[1..], f64::from(ROWS))]);
    let mut spilled = [false; 2];
    for rows in (60_000..=240_000_i32).step_by(5_000) {
        let numbers: Vec<i32> = (0..rows).map(|row| row * 6007 % rows).collect();
        let batches = numbers.chunks(1500).map(|numbers| {
            let texts: BinaryViewArray =
                numbers.iter().map(|number| Some(format!("{number:032}"))).collect();
            batch(&TYPES[1..], vec![Arc::new(texts)])
        });
        let io = Arc::new(MemoryIo::new(vec![batches.collect()]));
        let task = stage.spawn(&plan, &io);
        let metrics = stage.runtime.block_on(task).unwrap().unwrap();
        assert_eq!(io.result().iter().map(RecordBatch::num_rows).sum::<usize>(), rows as usize);
        spilled[usize::from(metrics.nodes.iter().any(|node| node.spilled_bytes > 0))] = true;
    }
    assert_eq!(spilled, [true, true], "with and without files");
}

/// Guarantees of all of them do not fit into the limit, so most must wait. Some are
/// cancelled, waiting or running.
#[test]
fn more_sessions_than_there_is_memory_for() {
    let stage = Stage::new(4, 24 * MB);
    let plans = [sort(), group(), sort()];
    let sessions = (0..20).map(|number| (number, stage.begin(&plans[number % 3])));
    let (cancelled, others): (Vec<_>, Vec<_>) =
        sessions.partition(|(number, _)| matches!(number % 5, 1 | 3));
    for (_, (_, task)) in cancelled {
        std::thread::sleep(Duration::from_millis(20));
        task.abort();
        assert!(stage.runtime.block_on(task).is_err_and(|error| error.is_cancelled()));
    }
    others.into_iter().for_each(|(_, session)| stage.check(session));
    // Nothing was left behind.
    stage.run_all(&[sort(), group()]);
}

/// Clients that do not fetch hold what others wait for; but not forever.
#[test]
fn nobody_waits_for_those_who_stand_still() {
    let stage = Stage::new(2, 24 * MB);
    let idle: Vec<_> = (0..12)
        .map(|_| {
            let io = IdleIo::new(&stage.rows);
            let task = stage.spawn(&sort(), &io);
            (io, task)
        })
        .collect();
    while !idle.iter().all(|(io, _)| io.taken.load(Ordering::Relaxed)) {
        assert!(idle.iter().all(|(_, task)| !task.is_finished()));
        std::thread::sleep(Duration::from_millis(10));
    }
    stage.run_all(&[sort(), group(), sort()]);
    for (_, task) in idle {
        assert!(!task.is_finished());
        task.abort();
    }
}
