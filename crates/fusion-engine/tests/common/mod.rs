//! A host in memory.

#![allow(dead_code, reason = "each test binary uses a part")]

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field as ArrowField, Schema};
use arrow::util::pretty::pretty_format_batches;
use fusion_engine::{Engine, EngineConfig, SessionIo};
use fusion_plan::{
    DataType, Expr, Field, Function, LeafSchema, Literal, PgError, Plan, Rel, SessionMetrics, Value,
};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Leaves are queues of batches; the result is kept.
#[derive(Default)]
pub struct MemoryIo {
    leaves: Vec<Arc<Mutex<VecDeque<RecordBatch>>>>,
    result: Mutex<Vec<RecordBatch>>,
}

impl fmt::Debug for MemoryIo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryIo")
    }
}

impl MemoryIo {
    /// A host with these leaves.
    pub fn new(leaves: Vec<Vec<RecordBatch>>) -> Self {
        let leaves = leaves.into_iter().map(|leaf| Arc::new(Mutex::new(leaf.into()))).collect();
        Self { leaves, result: Mutex::default() }
    }

    /// What was written.
    pub fn result(&self) -> Vec<RecordBatch> {
        self.result.lock().unwrap().clone()
    }
}

impl SessionIo for MemoryIo {
    fn open_leaf(&self, leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        let queue = Arc::clone(&self.leaves[leaf as usize]);
        stream::unfold(queue, |queue| async move {
            tokio::task::yield_now().await;
            let batch = queue.lock().unwrap().pop_front();
            batch.map(|batch| (Ok(batch), queue))
        })
        .boxed()
    }

    fn write(&self, batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        self.result.lock().unwrap().push(batch);
        async { Ok(()) }.boxed()
    }
}

/// A batch of columns of the given types.
pub fn batch(types: &[DataType], columns: Vec<ArrayRef>) -> RecordBatch {
    let fields = types.iter().map(|ty| ArrowField::new("x", ty.arrow(), true)).collect::<Vec<_>>();
    let rows = columns.first().map_or(0, |column| column.len());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}

/// A leaf of `rows` estimated rows.
pub fn leaf(types: &[DataType], rows: f64) -> LeafSchema {
    let fields = types.iter().map(|ty| Field { name: "x".into(), ty: *ty }).collect();
    LeafSchema { name: "t".into(), fields, rows }
}

/// A plan without parameters.
pub fn plan(root: Rel, leaves: Vec<LeafSchema>) -> Plan {
    Plan { root, leaves, params: vec![] }
}

/// A column.
pub fn col(index: u32) -> Expr {
    Expr::Column(index)
}

/// An `int4` constant.
pub fn int4(value: i64) -> Expr {
    Expr::literal(DataType::Int4, Value::Int(value))
}

/// A text constant.
pub fn text(value: &str) -> Expr {
    Expr::literal(DataType::Text, Value::Text(value.into()))
}

/// A comparison.
pub fn compare(function: Function, left: Expr, right: Expr) -> Expr {
    Expr::call(function, vec![left, right], DataType::Bool)
}

/// An engine with a directory of its own.
pub fn engine(threads: usize, memory_limit: usize) -> (Engine, PathBuf) {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("fusion-engine-test-{}-{number}", std::process::id());
    let spill_directory = std::env::temp_dir().join(name);
    let config = EngineConfig {
        threads,
        memory_limit,
        spill_directory: spill_directory.clone(),
        batch_size: 1024,
    };
    (Engine::new(config).unwrap(), spill_directory)
}

/// Runs a plan and returns the host's result.
pub fn run_with(
    threads: usize,
    memory_limit: usize,
    plan: &Plan,
    params: Vec<Literal>,
    leaves: Vec<Vec<RecordBatch>>,
) -> Result<(Vec<RecordBatch>, SessionMetrics), PgError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let (engine, directory) = engine(threads, memory_limit);
    let io = Arc::new(MemoryIo::new(leaves));
    let outcome = runtime.block_on(engine.run(plan, params, Arc::clone(&io) as _));
    drop(engine);
    std::fs::remove_dir_all(directory).unwrap();
    outcome.map(|metrics| (io.result(), metrics))
}

/// Runs a plan with ample memory; the result as lines, sorted if `sorted`.
pub fn lines(
    threads: usize,
    plan: &Plan,
    leaves: Vec<Vec<RecordBatch>>,
    sorted: bool,
) -> Vec<String> {
    let (batches, _) = run_with(threads, 1 << 30, plan, vec![], leaves).unwrap();
    table(&batches, sorted)
}

/// `column` with texts as such, which the engine holds as bytes.
fn readable(column: &ArrayRef) -> ArrayRef {
    let printable = |bytes: &[u8]| bytes.iter().all(|byte| !byte.is_ascii_control());
    match column.as_binary_view_opt() {
        Some(bytes) if bytes.iter().flatten().all(printable) => {
            Arc::new(bytes.clone().to_string_view().expect("texts of a test"))
        }
        _ => Arc::clone(column),
    }
}

/// Batches as lines.
pub fn table(batches: &[RecordBatch], sorted: bool) -> Vec<String> {
    let readable: Vec<_> = batches
        .iter()
        .map(|batch| {
            let columns: Vec<_> = batch.columns().iter().map(readable).collect();
            let fields: Vec<_> = columns
                .iter()
                .map(|column| ArrowField::new("x", column.data_type().clone(), true))
                .collect();
            let schema = Arc::new(Schema::new(fields));
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(schema, columns, &options).unwrap()
        })
        .collect();
    let text = pretty_format_batches(&readable).unwrap().to_string();
    let mut lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with('|'))
        .skip(1)
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            cells.join("|")
        })
        .collect();
    if sorted {
        lines.sort();
    }
    lines
}
