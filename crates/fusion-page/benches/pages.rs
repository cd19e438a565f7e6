//! What a page costs: values in, batches out, results back.

#![allow(missing_docs, reason = "criterion's macros define undocumented items")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fusion_page::*;
use fusion_plan::DataType;
use fusion_scalar::numeric::{Decimal, small_unscaled};
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;

const DECIMAL: DataType = DataType::Decimal { precision: 15, scale: 2 };

/// Values of a column, used over and over.
const VALUES: usize = 16 * MAX_CHUNK;

const COMMENT: &str = "carefully final deposits are slyly along the quickly ironic requests";

/// A column as a feed has it: datums, and what they point to.
struct Column {
    data_type: DataType,
    /// The values that lie in the datums themselves.
    words: Vec<u64>,
    /// The bytes of all others: texts, and stored numerics.
    bytes: Vec<Vec<u8>>,
    /// The average length of texts.
    length: usize,
    /// A bit per row of a chunk.
    nulls: u64,
}

impl Column {
    fn new(data_type: DataType) -> Self {
        let numbers = 0..VALUES as i64;
        let words = match data_type {
            DataType::Float8 => numbers.map(|n| (n as f64 * 0.1).to_bits()).collect(),
            _ => numbers.map(|n| n as u64).collect(),
        };
        let price = |n| Decimal::new(90_000 + 3_701 * n as i128, 2).stored().as_slice().to_vec();
        let bytes = (0..VALUES).map(price).collect();
        Self { data_type, words, bytes, length: 0, nulls: 0 }
    }

    /// Texts of `length` bytes, more or less.
    fn text(length: usize) -> Self {
        let text = |n| COMMENT.as_bytes()[..length + n % 3 - 1].to_vec();
        let bytes = (0..VALUES).map(text).collect();
        Self { bytes, length, ..Self::new(DataType::Text) }
    }

    /// The same with a NULL in every eighth row.
    fn with_nulls(self) -> Self {
        Self { nulls: 0x0101_0101_0101_0101, ..self }
    }

    /// Whether the column travels as views, and what `count` of its values from `from`
    /// on take of an arena then.
    fn payload(&self, from: usize, count: usize) -> usize {
        match self.data_type.is_varlen() {
            true => row_payload(self.bytes[from..from + count].iter().map(Vec::len)),
            false => 0,
        }
    }

    /// Writes `count` values as a feed does.
    #[inline(never)]
    fn write(
        &self,
        page: &mut PageWriter<Reused>,
        column: usize,
        arena: &mut usize,
        from: usize,
        count: usize,
    ) {
        let nulls = self.nulls & u64::MAX >> (MAX_CHUNK - count);
        page.set_nulls(column, nulls, count);
        let words = &self.words[from..from + count];
        let bytes = &self.bytes[from..from + count];
        let Ok(()): Result<(), Infallible> = match self.data_type {
            DataType::Int4 | DataType::Date => {
                page.write_values(column, words, nulls, |word| Ok(word as i32))
            }
            DataType::Int8 => page.write_values(column, words, nulls, |word| Ok(word as i64)),
            DataType::Float8 => page.write_values(column, words, nulls, |word| {
                let value = f64::from_bits(word);
                Ok(if value.is_nan() { f64::NAN } else { value }.to_bits())
            }),
            DECIMAL => {
                // The slices of a chunk are made as cheaply as from varlenas.
                let mut slices: [&[u8]; MAX_CHUNK] = [&[]; MAX_CHUNK];
                slices.iter_mut().zip(bytes).for_each(|(slice, bytes)| *slice = bytes);
                page.write_values(column, &slices[..count], nulls, |bytes| {
                    Ok(small_unscaled(bytes, 2).map_or(0, i128::from))
                })
            }
            _ => {
                let text = |(row, bytes)| if nulls >> row & 1 != 0 { &[][..] } else { bytes };
                let texts = bytes.iter().map(Vec::as_slice).enumerate().map(text);
                page.write_texts(column, arena, texts);
                Ok(())
            }
        };
    }

    /// Reads all values of a page, with one decision for all of them.
    fn read(&self, page: &PageReader<Reused>, column: usize) {
        match self.data_type {
            DataType::Int4 | DataType::Date => each(page, column, |row| page.i32(column, row)),
            DataType::Int8 => each(page, column, |row| page.i64(column, row)),
            DataType::Float8 => each(page, column, |row| page.f64(column, row)),
            DECIMAL => each(page, column, |row| Decimal::new(page.i128(column, row), 2).stored()),
            _ => each(page, column, |row| page.bytes(column, row)),
        }
    }
}

/// Reads the values of all rows in which the column is not NULL.
fn each<T>(page: &PageReader<Reused>, column: usize, read: impl Fn(usize) -> T) {
    for row in (0..page.rows()).filter(|row| !page.is_null(column, *row)) {
        black_box(&read(row));
    }
}

/// The layout of pages with such columns.
fn layout(columns: &[Column]) -> Arc<PageLayout> {
    let types: Vec<_> = columns.iter().map(|column| column.data_type).collect();
    let lengths: Vec<_> = columns.iter().map(|column| column.length).collect();
    Arc::new(PageLayout::new(&types, DEFAULT_PAGE_SIZE, Some(&lengths)))
}

/// Fills a page.
fn fill(layout: &Arc<PageLayout>, page: Reused, columns: &[Column]) -> PageWriter<Reused> {
    let mut writer = PageWriter::new(layout.clone(), page).expect("the page has the layout's size");
    loop {
        let (from, count) = (writer.rows() % VALUES, MAX_CHUNK.min(writer.room()));
        let payload: usize = columns.iter().map(|column| column.payload(from, count)).sum();
        if count == 0 || payload > writer.arena_room() {
            return writer;
        }
        let mut arena = 0;
        for (index, column) in columns.iter().enumerate() {
            column.write(&mut writer, index, &mut arena, from, count);
        }
        writer.advance(count, arena);
    }
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

/// Encoding and decoding, a type at a time.
fn types(c: &mut Criterion) {
    let columns = [
        ("int4", Column::new(DataType::Int4)),
        ("int4, NULLs", Column::new(DataType::Int4).with_nulls()),
        ("int8", Column::new(DataType::Int8)),
        ("int8, NULLs", Column::new(DataType::Int8).with_nulls()),
        ("float8", Column::new(DataType::Float8)),
        ("float8, NULLs", Column::new(DataType::Float8).with_nulls()),
        ("date", Column::new(DataType::Date)),
        ("date, NULLs", Column::new(DataType::Date).with_nulls()),
        ("numeric(15,2)", Column::new(DECIMAL)),
        ("numeric(15,2), NULLs", Column::new(DECIMAL).with_nulls()),
        ("text of 8 bytes", Column::text(8)),
        ("text of 8 bytes, NULLs", Column::text(8).with_nulls()),
        ("text of 40 bytes", Column::text(40)),
        ("text of 40 bytes, NULLs", Column::text(40).with_nulls()),
    ];
    for (name, column) in columns {
        let columns = std::slice::from_ref(&column);
        let layout = layout(columns);
        let filled = fill(&layout, Reused::new(), columns);
        let rows = filled.rows() as u64;
        let reader = PageReader::new(filled.finish(), layout.types()).expect("of this schema");
        let mut group = c.benchmark_group("encode");
        group.throughput(Throughput::Elements(rows));
        group.bench_function(name, |b| {
            let page = Reused::new();
            b.iter(|| black_box(fill(&layout, page.clone(), columns).finish()));
        });
        group.finish();
        let mut group = c.benchmark_group("decode");
        group.throughput(Throughput::Elements(rows));
        group.bench_function(name, |b| b.iter(|| column.read(&reader, 0)));
        group.finish();
    }
}

/// Whole pages on their way to the engine and back.
fn pages(c: &mut Criterion) {
    let decimal = || Column::new(DECIMAL);
    // What TPC-H q01 reads of `lineitem`.
    let q01 = [
        decimal(),
        decimal(),
        decimal(),
        decimal(),
        Column { data_type: DataType::Bpchar, ..Column::text(2) },
        Column { data_type: DataType::Bpchar, ..Column::text(2) },
        Column::new(DataType::Date),
    ];
    let strings = [
        Column::new(DataType::Int4),
        Column::text(40),
        Column::text(10),
        Column::text(50).with_nulls(),
    ];
    for (name, columns) in [("q01", &q01[..]), ("strings", &strings)] {
        let layout = layout(columns);
        let importer = Importer::new(layout.types());
        let filled = fill(&layout, Reused::new(), columns);
        let rows = filled.rows();
        let page = filled.finish();
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function("write rows", |b| {
            let page = Reused::new();
            b.iter(|| black_box(fill(&layout, page.clone(), columns).finish()));
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
                let mut writer =
                    PageWriter::new(layout.clone(), page.clone()).expect("large enough");
                let written = write_batch(&mut writer, &batch, 0).expect("the same schema");
                assert_eq!(written, rows);
                black_box(writer.finish())
            });
        });
        group.finish();
    }
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
            session.submit_startup_message(b"plan", 2).expect("open");
            black_box(side.accept(session.key().slot()).expect("readable"))
        });
    });
    let session = ClientSession::try_open(&region, 0).expect("worker").expect("slot");
    session.submit_startup_message(b"plan", 1).expect("open");
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

criterion_group!(benches, types, pages, pool);
criterion_main!(benches);
