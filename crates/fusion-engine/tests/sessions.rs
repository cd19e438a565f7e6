//! Sessions: memory, spilling, pages, cancellation, errors of the host.

mod common;

use arrow::alloc::Allocation;
use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryViewArray, Int32Array, RecordBatch, make_array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::Int32Type;
use common::*;
use fusion_engine::SessionIo;
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Function, Join, JoinKind, PgError, Plan, Rel,
    SessionMetrics, Side, SortKey, SqlState,
};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const TYPES: [DataType; 2] = [DataType::Int4, DataType::Text];

/// How many pages exist, now and at most.
#[derive(Debug, Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// The memory behind one batch.
struct Page {
    bytes: Vec<Vec<u8>>,
    gauge: Arc<Gauge>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.gauge.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One buffer of a page.
struct Borrowed(#[allow(dead_code, reason = "held for its drop")] Arc<Page>);

/// Moves a batch into a page that lives until the last reference goes.
fn in_page(batch: &RecordBatch, gauge: &Arc<Gauge>) -> RecordBatch {
    let arrays: Vec<ArrayData> = batch.columns().iter().map(|column| column.to_data()).collect();
    let mut bytes: Vec<Vec<u8>> = Vec::new();
    for array in &arrays {
        bytes.extend(array.buffers().iter().map(|buffer| buffer.to_vec()));
        bytes.extend(array.nulls().map(|nulls| nulls.inner().sliced().to_vec()));
    }
    let now = gauge.now.fetch_add(1, Ordering::SeqCst) + 1;
    gauge.most.fetch_max(now, Ordering::SeqCst);
    let page = Arc::new(Page { bytes, gauge: Arc::clone(gauge) });
    let mut next = 0;
    let mut borrow = || {
        let bytes = &page.bytes[next];
        next += 1;
        let start = NonNull::new(bytes.as_ptr().cast_mut()).unwrap();
        let owner: Arc<dyn Allocation> = Arc::new(Borrowed(Arc::clone(&page)));
        // SAFETY: the bytes live as long as the page, which the buffer owns.
        unsafe { Buffer::from_custom_allocation(start, bytes.len(), owner) }
    };
    let columns = arrays
        .iter()
        .map(|array| {
            let buffers: Vec<_> = array.buffers().iter().map(|_| borrow()).collect();
            let nulls = array
                .nulls()
                .map(|_| NullBuffer::new(BooleanBuffer::new(borrow(), 0, array.len())));
            let data = ArrayData::builder(array.data_type().clone())
                .len(array.len())
                .buffers(buffers)
                .nulls(nulls)
                .align_buffers(true)
                .build()
                .unwrap();
            make_array(data)
        })
        .collect();
    RecordBatch::try_new(batch.schema(), columns).unwrap()
}

/// A host whose leaves are made of pages, one at a time.
#[derive(Debug)]
struct PagedIo {
    leaves: Vec<(i32, Arc<AtomicUsize>)>,
    gauge: Arc<Gauge>,
    rows: AtomicUsize,
}

const PAGE_ROWS: i32 = 500;

impl PagedIo {
    fn new(pages: &[i32]) -> Arc<Self> {
        let leaves = pages.iter().map(|pages| (*pages, Arc::default())).collect();
        Arc::new(Self { leaves, gauge: Arc::default(), rows: AtomicUsize::new(0) })
    }
}

/// Page number `page`: distinct numbers in mixed order, long strings, NULLs.
fn page(page: i32) -> RecordBatch {
    let number = |row: i32| (page * PAGE_ROWS + row).wrapping_mul(7919) % 1_000_003;
    let numbers: Int32Array =
        (0..PAGE_ROWS).map(|row| (row % 50 != 3).then(|| number(row))).collect();
    let names: BinaryViewArray =
        (0..PAGE_ROWS).map(|row| Some(format!("the name of number {}", number(row)))).collect();
    batch(&TYPES, vec![Arc::new(numbers) as ArrayRef, Arc::new(names)])
}

impl SessionIo for PagedIo {
    fn open_leaf(&self, leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        let (pages, next) = self.leaves[leaf as usize].clone();
        let gauge = Arc::clone(&self.gauge);
        stream::unfold((), move |()| {
            let (next, gauge) = (Arc::clone(&next), Arc::clone(&gauge));
            async move {
                let number = next.fetch_add(1, Ordering::SeqCst) as i32;
                (number < pages).then(|| (Ok(in_page(&page(number), &gauge)), ()))
            }
        })
        .boxed()
    }

    fn write(&self, batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        self.rows.fetch_add(batch.num_rows(), Ordering::SeqCst);
        async { Ok(()) }.boxed()
    }
}

fn run_paged(
    plan: &Plan,
    pages: &[i32],
    memory: usize,
) -> (Result<SessionMetrics, PgError>, Arc<PagedIo>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let (engine, directory) = engine(2, memory);
    let io = PagedIo::new(pages);
    let outcome = runtime.block_on(engine.run(plan, vec![], Arc::clone(&io) as _));
    drop(runtime);
    assert_eq!(io.gauge.now.load(Ordering::SeqCst), 0, "a page was kept after the session");
    drop(engine);
    std::fs::remove_dir_all(directory).unwrap();
    (outcome, io)
}

fn sort(input: Rel, fetch: Option<u64>) -> Rel {
    let keys = vec![SortKey { expr: col(1), descending: false, nulls_first: false }];
    Rel::Sort { input: Box::new(input), keys, fetch }
}

fn join(build: Side, estimate: f64) -> (Rel, Vec<fusion_plan::LeafSchema>) {
    let join = Join {
        kind: JoinKind::Inner,
        left: Box::new(Rel::Leaf(0)),
        right: Box::new(Rel::Leaf(1)),
        keys: vec![(col(1), col(1))],
        residual: vec![],
        build,
        output: vec![0, 1, 2],
        rows: 1.0,
    };
    // Where the other side is as large, partitioning both is not worth it.
    let estimates = match build {
        Side::Left => [estimate, estimate / 2.0],
        Side::Right => [estimate / 2.0, estimate],
    };
    (Rel::Join(join), estimates.map(|rows| leaf(&TYPES, rows)).to_vec())
}

fn count(input: Rel) -> Rel {
    let aggregates = vec![Aggregate {
        function: AggregateFunction::Max,
        args: vec![col(1)],
        filter: None,
        distinct: false,
        ty: DataType::Text,
    }];
    Rel::Aggregate { input: Box::new(input), groups: vec![], aggregates, rows: 1.0 }
}

/// No more pages than a few per thread are ever in use.
fn assert_few(io: &PagedIo) {
    let most = io.gauge.most.load(Ordering::SeqCst);
    assert!(most <= 8, "{most} pages at once");
}

#[test]
fn streaming_operators_copy_nothing_and_keep_no_pages() {
    let keep = compare(Function::Ge, col(0), int4(0));
    let filter = Rel::Filter { input: Box::new(Rel::Leaf(0)), predicates: vec![keep], rows: 1.0 };
    let group = Rel::Aggregate {
        input: Box::new(filter),
        groups: vec![col(1)],
        aggregates: vec![],
        rows: 100.0,
    };
    let plan = plan(
        count(Rel::Project { input: Box::new(group), exprs: vec![col(0), col(0)] }),
        vec![leaf(&TYPES, 1e5)],
    );
    let (metrics, io) = run_paged(&plan, &[200], 1 << 30);
    let metrics = metrics.unwrap();
    // Only what leaves the partial grouping may be copied, on its way to the
    // other threads; nothing below it is.
    assert_eq!(metrics.nodes[3].copied_bytes + metrics.nodes[4].copied_bytes, 0);
    assert_eq!(metrics.nodes[4].rows, 100_000);
    assert_eq!(metrics.nodes[3].rows, 98_000);
    assert_few(&io);
}

#[test]
fn a_sort_copies_its_input() {
    for fetch in [None, Some(10)] {
        let plan = plan(sort(Rel::Leaf(0), fetch), vec![leaf(&TYPES, 1e5)]);
        let (metrics, io) = run_paged(&plan, &[200], 1 << 30);
        assert!(metrics.unwrap().nodes[0].copied_bytes > 1_000_000);
        assert_eq!(io.rows.load(Ordering::SeqCst), fetch.map_or(100_000, |fetch| fetch as usize));
        assert_few(&io);
    }
}

#[test]
fn a_join_copies_what_it_builds_from_and_not_what_it_probes_with() {
    for build in [Side::Left, Side::Right] {
        let (root, leaves) = join(build, 1000.0);
        let (build_pages, probe_pages) = (20, 200);
        let pages = match build {
            Side::Left => [build_pages, probe_pages],
            Side::Right => [probe_pages, build_pages],
        };
        let (metrics, io) = run_paged(&plan(count(root), leaves), &pages, 1 << 30);
        let metrics = metrics.unwrap();
        let build_bytes = (build_pages * PAGE_ROWS) as u64 * 45;
        let copied = metrics.nodes[1].copied_bytes;
        assert!((build_bytes / 2..build_bytes * 2).contains(&copied), "{copied} of {build_bytes}");
        assert_eq!(metrics.nodes[1].rows, 10_000);
        assert_few(&io);
    }
}

#[test]
fn a_partitioned_join_keeps_no_pages() {
    let (root, leaves) = join(Side::Left, 1e7);
    let (metrics, io) = run_paged(&plan(count(root), leaves), &[100, 100], 1 << 30);
    assert_eq!(metrics.unwrap().nodes[1].rows, 50_000);
    assert_few(&io);
}

#[test]
fn a_partitioning_that_outruns_its_reader_stays_within_its_memory() {
    // All rows have one key, so one partition does all the joining while both
    // threads can fill its queue.
    let (root, leaves) = join(Side::Left, 1e7);
    let Rel::Join(mut join) = root else { panic!() };
    join.kind = JoinKind::Right;
    join.keys = vec![(int4(1), int4(1))];
    join.residual = vec![compare(Function::Eq, col(1), col(3))];
    let (metrics, _) = run_paged(&plan(count(Rel::Join(join)), leaves), &[2, 600], 4 << 20);
    let metrics = metrics.unwrap();
    assert_eq!(metrics.nodes[1].rows, 300_000);
    assert!(metrics.peak_memory <= 4 << 20, "{} bytes", metrics.peak_memory);
}

#[test]
fn a_sort_spills() {
    let plan = plan(sort(Rel::Leaf(0), None), vec![leaf(&TYPES, 1e6)]);
    let (metrics, io) = run_paged(&plan, &[1000], 32 << 20);
    let metrics = metrics.unwrap();
    assert!(metrics.nodes[0].spilled_bytes > 0);
    assert!(metrics.peak_memory > 0 && metrics.peak_memory <= 32 << 20);
    assert_eq!(io.rows.load(Ordering::SeqCst), 500_000);
}

#[test]
fn a_grouping_spills() {
    let group = Rel::Aggregate {
        input: Box::new(Rel::Leaf(0)),
        groups: vec![col(1)],
        aggregates: vec![],
        rows: 1e6,
    };
    let (metrics, io) = run_paged(&plan(group, vec![leaf(&TYPES, 1e6)]), &[1000], 16 << 20);
    assert!(metrics.unwrap().nodes[0].spilled_bytes > 0);
    assert_eq!(io.rows.load(Ordering::SeqCst), 500_000);
}

#[test]
fn a_join_spills() {
    for rows in [1000.0, 1e6] {
        let (root, leaves) = join(Side::Left, rows);
        let (metrics, io) = run_paged(&plan(root, leaves), &[400, 1], 4 << 20);
        let metrics = metrics.unwrap();
        assert!(metrics.nodes[0].spilled_bytes > 0);
        assert!(metrics.peak_memory <= 4 << 20);
        assert_eq!(io.rows.load(Ordering::SeqCst) as u64, metrics.nodes[0].rows);
    }
}

/// A host that misbehaves.
#[derive(Debug)]
struct BadIo {
    on_read: fn() -> Option<Result<RecordBatch, PgError>>,
    dropped: Arc<AtomicBool>,
}

struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl SessionIo for BadIo {
    fn open_leaf(&self, _leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        let on_read = self.on_read;
        let guard = SetOnDrop(Arc::clone(&self.dropped));
        stream::unfold(guard, move |guard| async move {
            let _guard = &guard;
            match on_read() {
                Some(batch) => Some((batch, guard)),
                None => futures::future::pending().await,
            }
        })
        .boxed()
    }

    fn write(&self, _batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        async { Err(PgError::new(SqlState::QUERY_CANCELED, "no more")) }.boxed()
    }
}

fn run_bad(
    on_read: fn() -> Option<Result<RecordBatch, PgError>>,
) -> (Option<Result<SessionMetrics, PgError>>, bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let (engine, directory) = engine(2, 1 << 30);
    let dropped = Arc::new(AtomicBool::new(false));
    let io = Arc::new(BadIo { on_read, dropped: Arc::clone(&dropped) });
    let (root, leaves) = join(Side::Left, 1e7);
    let plan = plan(sort(root, None), leaves);
    let outcome = runtime.block_on(async {
        let session = engine.run(&plan, vec![], io);
        let outcome = tokio::time::timeout(Duration::from_millis(200), session).await.ok();
        for _ in 0..100 {
            if dropped.load(Ordering::SeqCst) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        outcome
    });
    std::fs::remove_dir_all(directory).unwrap();
    (outcome, dropped.load(Ordering::SeqCst))
}

#[test]
fn a_panic_is_an_error_of_its_session() {
    let (outcome, _) = run_bad(|| panic!("the sky is falling"));
    let error = outcome.unwrap().unwrap_err();
    assert_eq!(error.sqlstate, SqlState::INTERNAL_ERROR);
    assert!(error.message.starts_with("pg_fusion engine: "), "{error}");
}

#[test]
fn the_hosts_errors_come_back_unchanged() {
    let (outcome, _) = run_bad(|| Some(Err(PgError::division_by_zero().with_detail("leaf"))));
    assert_eq!(outcome.unwrap(), Err(PgError::division_by_zero().with_detail("leaf")));
}

#[test]
fn dropping_the_future_drops_the_readers() {
    let (outcome, dropped) = run_bad(|| None);
    assert!(outcome.is_none() && dropped);
}

#[test]
fn a_write_that_fails_ends_the_session() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (engine, directory) = engine(2, 1 << 30);
    let dropped = Arc::new(AtomicBool::new(false));
    let io = Arc::new(BadIo { on_read: || Some(Ok(page(1))), dropped });
    let plan = plan(Rel::Leaf(0), vec![leaf(&TYPES, 1.0)]);
    let error = runtime.block_on(engine.run(&plan, vec![], io)).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::QUERY_CANCELED);
    drop(runtime);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_stale_spill_directory_is_cleaned() {
    let (first, directory) = engine(1, 1 << 20);
    drop(first);
    let stale = directory.join("pgsql_tmp_fusion_session.stale");
    std::fs::create_dir_all(&stale).unwrap();
    let config = fusion_engine::EngineConfig {
        threads: 1,
        memory_limit: 1 << 20,
        spill_directory: directory.clone(),
        batch_size: 1024,
    };
    let second = fusion_engine::Engine::new(config).unwrap();
    assert!(!stale.exists());
    drop(second);
    std::fs::remove_dir_all(directory).unwrap();
}

#[test]
fn leaves_without_columns_count_rows() {
    let types: [DataType; 0] = [];
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(17));
    let schema = Arc::new(arrow::datatypes::Schema::empty());
    let empty = RecordBatch::try_new_with_options(schema, vec![], &options).unwrap();
    let aggregates = vec![Aggregate {
        function: AggregateFunction::CountStar,
        args: vec![],
        filter: None,
        distinct: false,
        ty: DataType::Int8,
    }];
    let root =
        Rel::Aggregate { input: Box::new(Rel::Leaf(0)), groups: vec![], aggregates, rows: 1.0 };
    let plan = plan(root, vec![leaf(&types, 17.0)]);
    for threads in [1, 3] {
        assert_eq!(lines(threads, &plan, vec![vec![empty.clone(), empty.clone()]], false), ["34"]);
    }
}

#[test]
fn sorted_output_is_in_order() {
    let keys = vec![
        SortKey { expr: Expr::IsNull(Box::new(col(0))), descending: true, nulls_first: false },
        SortKey { expr: col(0), descending: true, nulls_first: true },
    ];
    let root = Rel::Sort { input: Box::new(Rel::Leaf(0)), keys, fetch: None };
    let plan = plan(root, vec![leaf(&TYPES, 1e4)]);
    let (result, _) =
        run_with(3, 1 << 30, &plan, vec![], vec![(0..20).map(page).collect()]).unwrap();
    let numbers: Vec<Option<i32>> = result
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>())
        .collect();
    assert_eq!(numbers.len(), 10_000);
    assert!(numbers[..200].iter().all(Option::is_none));
    assert!(numbers[200..].windows(2).all(|pair| pair[0] >= pair[1]));
}
