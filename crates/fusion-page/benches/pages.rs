//! What a page costs: rows in, batches out, results back.

#![allow(missing_docs, reason = "criterion's macros define undocumented items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fusion_page::*;
use fusion_plan::DataType;
use std::hint::black_box;
use std::sync::Arc;

const DECIMAL: DataType = DataType::Decimal { precision: 15, scale: 2 };

/// What TPC-H q01 reads of `lineitem`.
const Q01: [DataType; 7] =
    [DECIMAL, DECIMAL, DECIMAL, DECIMAL, DataType::Bpchar, DataType::Bpchar, DataType::Date];

const STRINGS: [DataType; 4] = [DataType::Int4, DataType::Text, DataType::Text, DataType::Text];

const COMMENT: &[u8] = b"carefully final deposits are slyly along the quickly ironic requests";

fn q01_row<M: PageMemoryMut>(row: &mut RowWriter<'_, M>, i: usize) -> Result<(), Full> {
    for column in 0..4 {
        row.set_i128(column, (i * (column + 1)) as i128);
    }
    row.set_bytes(4, b"A")?;
    row.set_bytes(5, b"F")?;
    row.set_i32(6, i as i32);
    Ok(())
}

fn string_row<M: PageMemoryMut>(row: &mut RowWriter<'_, M>, i: usize) -> Result<(), Full> {
    row.set_i32(0, i as i32);
    row.set_bytes(1, &COMMENT[..20 + i % 40])?;
    row.set_bytes(2, &COMMENT[..8 + i % 5])?;
    if i.is_multiple_of(10) {
        row.set_null(3);
    } else {
        row.set_bytes(3, &COMMENT[i % 20..])?;
    }
    Ok(())
}

fn fill<M: PageMemoryMut>(
    layout: &Arc<PageLayout>,
    page: M,
    set: impl Fn(&mut RowWriter<'_, M>, usize) -> Result<(), Full>,
) -> PageWriter<M> {
    let mut writer = PageWriter::new(layout.clone(), page).expect("the page has the layout's size");
    let mut i = 0;
    while let Some(mut row) = writer.begin_row() {
        if set(&mut row, i).is_err() {
            break;
        }
        row.finish();
        i += 1;
    }
    writer
}

fn bench_schema(
    c: &mut Criterion,
    name: &str,
    types: &[DataType],
    avg: &[usize],
    set: impl Fn(&mut RowWriter<'_, Reused>, usize) -> Result<(), Full>,
) {
    let layout = Arc::new(PageLayout::new(types, DEFAULT_PAGE_SIZE, Some(avg)));
    let importer = Importer::new(types);
    let filled = fill(&layout, Reused::new(), &set);
    let rows = filled.rows() as u64;
    let page = filled.finish();
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(rows));
    group.bench_function("write rows", |b| {
        let page = Reused::new();
        b.iter(|| black_box(fill(&layout, page.clone(), &set).finish()));
    });
    group.bench_function("import", |b| {
        b.iter(|| black_box(importer.import(page.clone())));
    });
    group.bench_function("import copied", |b| {
        b.iter(|| black_box(importer.import_copied(&page)));
    });
    let batch = importer.import(page.clone()).expect("a page of this schema");
    group.bench_function("write batch", |b| {
        let page = Reused::new();
        b.iter(|| {
            let mut writer = PageWriter::new(layout.clone(), page.clone()).expect("large enough");
            let written = write_batch(&mut writer, &batch, 0).expect("the same schema");
            assert_eq!(written as u64, rows);
            black_box(writer.finish())
        });
    });
    group.finish();
}

/// A page that is used over and over, as pages of a pool are.
#[derive(Clone)]
struct Reused(Arc<HeapPage>);

impl Reused {
    fn new() -> Self {
        Self(Arc::new(HeapPage::new(DEFAULT_PAGE_SIZE)))
    }
}

// SAFETY: the heap page lives as long as any clone.
unsafe impl PageMemory for Reused {
    fn memory(&self) -> std::ptr::NonNull<[u8]> {
        self.0.memory()
    }
}

// SAFETY: the benchmarks write through one clone at a time, and read none then.
unsafe impl PageMemoryMut for Reused {}

fn pages(c: &mut Criterion) {
    bench_schema(c, "q01", &Q01, &[0; 7], q01_row);
    bench_schema(c, "strings", &STRINGS, &[0, 40, 10, 50], string_row);
}

/// Claiming and releasing a page.
fn pool(c: &mut Criterion) {
    let jumbo_dir = std::env::temp_dir().join(format!("fusion-page-bench-{}", std::process::id()));
    let region = Region::create(RegionConfig {
        page_size: DEFAULT_PAGE_SIZE,
        page_count: 1024,
        max_sessions: 16,
        nested_sessions: 0,
        min_pages_per_session: 8,
        jumbo_dir: jumbo_dir.clone(),
    })
    .expect("a small region");
    // SAFETY: the region is new, so there was no earlier worker.
    let side = unsafe { WorkerSide::attach(&region, FutexWaker::new(&region)) };
    c.bench_function("open, submit, accept, close", |b| {
        b.iter(|| {
            let session = ClientSession::try_open(&region, 0).expect("worker").expect("slot");
            session.submit_opening(b"plan", 2).expect("open");
            black_box(side.accept(session.key().slot()).expect("readable"))
        });
    });
    let session = ClientSession::try_open(&region, 0).expect("worker").expect("slot");
    session.submit_opening(b"plan", 1).expect("open");
    let worker = side.accept(session.key().slot()).expect("readable").expect("submitted");
    c.bench_function("page through a leaf", |b| {
        b.iter(|| {
            worker.grant(0, 1);
            assert!(session.feeder().try_claim_credit(0));
            let page = session.feeder().begin_page(0).expect("open").expect("free");
            page.push().expect("open");
            black_box(worker.try_pop(0).expect("sent"))
        });
    });
    drop((session, worker));
    let _ = std::fs::remove_dir_all(jumbo_dir);
}

criterion_group!(benches, pages, pool);
criterion_main!(benches);
