//! Sorts and groups of more than what fits in memory, with many threads and in several
//! sessions at a time.

mod common;

use arrow::array::{ArrayRef, AsArray, Int32Array, RecordBatch, StringViewArray};
use arrow::datatypes::Int64Type;
use common::*;
use fusion_engine::{Engine, EngineConfig};
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, PgError, Plan, Rel, SessionMetrics, SortKey,
};
use std::sync::Arc;

const MB: usize = 1024 * 1024;
const ROWS: i32 = 300_000;
const TYPES: [DataType; 2] = [DataType::Int4, DataType::Text];

/// Some 50 MB in mixed order, no two rows alike.
fn rows() -> Vec<RecordBatch> {
    let numbers: Vec<i32> =
        (0..ROWS).map(|row| (i64::from(row) * 7919 % i64::from(ROWS)) as i32).collect();
    let batches = numbers.chunks(1500).map(|numbers| {
        let texts: StringViewArray =
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

/// Runs `plans` at a time, and checks their results.
fn run_all(threads: usize, memory_limit: usize, plans: &[Plan]) {
    let (_, spill_directory) = engine(1, MB);
    let config = EngineConfig {
        threads,
        memory_limit,
        spill_directory: spill_directory.clone(),
        batch_size: 8192,
    };
    let engine = Engine::new(config).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).build().unwrap();
    let rows = rows();
    let sessions: Vec<_> = plans
        .iter()
        .map(|plan| {
            let io = Arc::new(MemoryIo::new(vec![rows.clone()]));
            let task = runtime.spawn(engine.run(plan, vec![], Arc::clone(&io) as _));
            (io, task)
        })
        .collect();
    for (io, task) in sessions {
        let outcome: Result<SessionMetrics, PgError> = runtime.block_on(task).unwrap();
        let metrics = outcome.unwrap();
        assert!(metrics.nodes.iter().any(|node| node.spilled_bytes > 0));
        let result = io.result();
        match result[0].num_columns() {
            1 => assert_eq!(
                result[0].column(0).as_primitive::<Int64Type>().value(0),
                i64::from(ROWS)
            ),
            _ => {
                let texts: Vec<_> =
                    result.iter().map(|batch| batch.column(1).as_string_view()).collect();
                let texts: Vec<_> = texts.iter().flat_map(|texts| texts.iter().flatten()).collect();
                assert_eq!(texts.len(), ROWS as usize);
                assert!(texts.is_sorted());
            }
        }
    }
    drop(engine);
    std::fs::remove_dir_all(spill_directory).unwrap();
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
