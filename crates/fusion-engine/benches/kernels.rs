//! The hottest loops, a million rows at a time in batches of 8192.

use arrow::array::{ArrayRef, BinaryViewArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fusion_engine::{Engine, EngineConfig, SessionIo};
use fusion_plan::{
    Aggregate, AggregateFunction, DataType, Expr, Field, Function, LeafSchema, NumericFunction,
    PgError, Plan, Rel, Value,
};
use fusion_scalar::numeric::Decimal;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, stream};
use std::hint::black_box;
use std::sync::Arc;

const ROWS: usize = 1 << 20;
const BATCH: usize = 8192;

/// The same batch over and over.
#[derive(Debug)]
struct Repeat(RecordBatch);

impl SessionIo for Repeat {
    fn open_leaf(&self, _leaf: u32) -> BoxStream<'static, Result<RecordBatch, PgError>> {
        stream::iter(vec![Ok(self.0.clone()); ROWS / BATCH]).boxed()
    }

    fn write(&self, batch: RecordBatch) -> BoxFuture<'_, Result<(), PgError>> {
        black_box(batch);
        async { Ok(()) }.boxed()
    }
}

fn bench(
    criterion: &mut Criterion,
    name: &str,
    types: &[DataType],
    columns: Vec<ArrayRef>,
    root: Rel,
) {
    let fields = types.iter().map(|ty| Field { name: "x".into(), ty: *ty }).collect();
    let leaf = LeafSchema { name: "t".into(), fields, rows: ROWS as f64 };
    let plan = Plan { root, leaves: vec![leaf], params: vec![] };
    let columns = columns.into_iter().map(|column| ("x", column, true));
    let io = Arc::new(Repeat(RecordBatch::try_from_iter_with_nullable(columns).unwrap()));
    let spill_directory = std::env::temp_dir().join(format!("fusion-bench-{}", std::process::id()));
    let config =
        EngineConfig { threads: 1, memory_limit: 1 << 30, spill_directory, batch_size: BATCH };
    let engine = Engine::new(config).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut group = criterion.benchmark_group("kernels");
    group.throughput(Throughput::Elements(ROWS as u64)).sample_size(20);
    group.bench_function(name, |bencher| {
        bencher.iter(|| runtime.block_on(engine.run(&plan, vec![], Arc::clone(&io) as _)).unwrap());
    });
    group.finish();
}

fn decimals(ty: DataType, value: impl Fn(usize) -> i128) -> ArrayRef {
    let array = PrimitiveArray::<Decimal128Type>::from_iter_values((0..BATCH).map(value));
    Arc::new(array.with_data_type(ty.arrow()))
}

/// The same in PostgreSQL's own format, which any scale and any number of digits fits.
fn numerics(scale: i32, value: impl Fn(usize) -> i128) -> ArrayRef {
    let stored = |row| Decimal::new(value(row), scale).stored().as_slice().to_vec();
    Arc::new(BinaryViewArray::from_iter_values((0..BATCH).map(stored)))
}

fn product(left: DataType, right: DataType, result: DataType) -> (Vec<DataType>, Rel) {
    binary(Function::Mul, [left, right], result)
}

fn binary(function: Function, types: [DataType; 2], result: DataType) -> (Vec<DataType>, Rel) {
    let args = vec![Expr::Column(0), Expr::Column(1)];
    let exprs = vec![Expr::call(function, args, result)];
    (types.to_vec(), Rel::Project { input: Box::new(Rel::Leaf(0)), exprs })
}

fn benches(criterion: &mut Criterion) {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let (price, rate) = (decimal(15, 2), decimal(16, 2));
    let prices = decimals(price, |row| 90_000 + row as i128 * 37);
    let rates = decimals(rate, |row| (row % 10) as i128);
    let (types, root) = product(price, rate, decimal(31, 4));
    bench(
        criterion,
        "decimal mul 128",
        &types,
        vec![Arc::clone(&prices), Arc::clone(&rates)],
        root,
    );

    let amount = decimal(31, 4);
    let amounts = decimals(amount, |row| 900_000_000 + row as i128 * 37_000);
    let (types, root) = product(amount, rate, decimal(47, 6));
    bench(criterion, "decimal mul 128 to 256", &types, vec![Arc::clone(&amounts), rates], root);
    let (types, root) = binary(Function::Add, [price, price], decimal(16, 2));
    let columns = vec![Arc::clone(&prices), Arc::clone(&prices)];
    bench(criterion, "decimal add 128", &types, columns, root);

    let exact_prices = numerics(2, |row| 90_000 + row as i128 * 37);
    let exact_rates = numerics(2, |row| 1 + (row % 10) as i128);
    for (name, function) in [
        ("numeric add", NumericFunction::Add),
        ("numeric mul", NumericFunction::Mul),
        ("numeric div", NumericFunction::Div),
    ] {
        let types = [DataType::Numeric; 2];
        let (types, root) = binary(Function::Numeric(function), types, DataType::Numeric);
        let columns = vec![Arc::clone(&exact_prices), Arc::clone(&exact_rates)];
        bench(criterion, name, &types, columns, root);
    }

    let keys: ArrayRef =
        Arc::new(BinaryViewArray::from_iter_values((0..BATCH).map(|row| ["A", "N", "R"][row % 3])));
    let sum = |input: DataType, result| {
        let call = Aggregate {
            function: AggregateFunction::Sum,
            args: vec![Expr::Column(1)],
            filter: None,
            distinct: false,
            ty: result,
        };
        let groups = vec![Expr::Column(0)];
        let root = Rel::Aggregate {
            input: Box::new(Rel::Leaf(0)),
            groups,
            aggregates: vec![call],
            rows: 3.0,
        };
        (vec![DataType::Text, input], root)
    };
    let (types, root) = sum(price, decimal(38, 2));
    bench(criterion, "grouped decimal sum 128", &types, vec![Arc::clone(&keys), prices], root);
    let (types, root) = sum(amount, decimal(76, 4));
    bench(criterion, "grouped decimal sum 256", &types, vec![Arc::clone(&keys), amounts], root);
    let (types, root) = sum(DataType::Numeric, DataType::Numeric);
    bench(criterion, "grouped numeric sum", &types, vec![keys, exact_prices], root);

    let comments: ArrayRef = Arc::new(BinaryViewArray::from_iter_values((0..BATCH).map(|row| {
        format!("carefully final packages {row} sleep across the special pinto requests")
    })));
    let pattern = Expr::literal(DataType::Text, Value::Text("%special%requests%".into()));
    let like = Expr::call(Function::NotLike, vec![Expr::Column(0), pattern], DataType::Bool);
    let root = Rel::Filter { input: Box::new(Rel::Leaf(0)), predicates: vec![like], rows: 1.0 };
    bench(criterion, "like contains", &[DataType::Text], vec![comments], root);
}

criterion_group!(kernels, benches);
criterion_main!(kernels);
