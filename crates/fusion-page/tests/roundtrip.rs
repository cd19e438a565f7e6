//! Every type with every pattern of NULLs and lengths, there and back:
//! column-wise writer → import → compare, and import → `write_batch` → reader.

mod common;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::i256;
use fusion_page::*;
use fusion_plan::DataType;
use proptest::prelude::*;
use std::sync::Arc;

/// A value in a form that all types share: its bytes as they lie in memory.
type Value = Option<Vec<u8>>;

const NARROW: DataType = DataType::Decimal { precision: 15, scale: 2 };
const WIDE: DataType = DataType::Decimal { precision: 76, scale: 10 };

const ALL_TYPES: [DataType; 21] = [
    DataType::Bool,
    DataType::Int2,
    DataType::Int4,
    DataType::Int8,
    DataType::Float4,
    DataType::Float8,
    DataType::Oid,
    DataType::Date,
    DataType::Time,
    DataType::Timestamp,
    DataType::TimestampTz,
    DataType::Interval,
    NARROW,
    WIDE,
    DataType::Numeric,
    DataType::Text,
    DataType::Bpchar,
    DataType::Bytea,
    DataType::Uuid,
    DataType::Enum,
    DataType::Opaque,
];

/// The bytes of a value as an integer of their width.
fn integer<const N: usize, T>(value: &Value, from: impl Fn([u8; N]) -> T) -> T {
    from(value.as_ref().map_or([0; N], |bytes| bytes.as_slice().try_into().unwrap()))
}

/// Writes the first of `rows`, as many as fit, at most a chunk; returns how many did.
fn write_chunk<M: PageMemoryMut>(writer: &mut PageWriter<M>, rows: &[Vec<Value>]) -> usize {
    let layout = writer.layout().clone();
    let (mut arena, room) = (0, writer.arena_room());
    let fits = |row: &&Vec<Value>| {
        arena += payload(row, layout.types());
        arena <= room
    };
    let rows = &rows[..rows.len().min(MAX_CHUNK).min(writer.room())];
    let rows = &rows[..rows.iter().take_while(fits).count()];
    let mut arena = 0;
    for (column, data_type) in layout.types().iter().enumerate() {
        let values: Vec<&Value> = rows.iter().map(|row| &row[column]).collect();
        let bits = |is_set: &dyn Fn(&Value) -> bool| {
            let bits = values.iter().enumerate();
            bits.fold(0, |bits, (row, value)| bits | u64::from(is_set(value)) << row)
        };
        let nulls = bits(&Option::is_none);
        writer.set_nulls(column, nulls, rows.len());
        let written: Result<(), PageError> = match data_type {
            DataType::Bool => {
                let ones = bits(&|value| value.as_deref() == Some(&[1]));
                writer.set_bits(column, ones, rows.len());
                Ok(())
            }
            t if t.is_varlen() => {
                let texts = values.iter().map(|value| value.as_deref().unwrap_or_default());
                writer.write_texts(column, &mut arena, texts);
                Ok(())
            }
            t => match t.slot_width() {
                2 => writer
                    .write_values(column, &values, nulls, |v| Ok(integer(v, i16::from_le_bytes))),
                4 => writer
                    .write_values(column, &values, nulls, |v| Ok(integer(v, u32::from_le_bytes))),
                8 => writer
                    .write_values(column, &values, nulls, |v| Ok(integer(v, i64::from_le_bytes))),
                16 => writer
                    .write_values(column, &values, nulls, |v| Ok(integer(v, u128::from_le_bytes))),
                _ => writer
                    .write_values(column, &values, nulls, |v| Ok(integer(v, i256::from_le_bytes))),
            },
        };
        written.unwrap();
    }
    writer.advance(rows.len(), arena);
    rows.len()
}

/// What the values of a row take of an arena.
fn payload(row: &[Value], types: &[DataType]) -> usize {
    let texts = row.iter().zip(types).filter(|(_, data_type)| data_type.is_varlen());
    row_payload(texts.map(|(value, _)| value.as_ref().map_or(0, Vec::len)))
}

/// One value of an Arrow array.
fn from_array(array: &ArrayRef, data_type: DataType, row: usize) -> Value {
    use arrow_schema::DataType as Arrow;
    if array.is_null(row) {
        return None;
    }
    assert_eq!(array.data_type(), &data_type.arrow());
    Some(match array.data_type() {
        Arrow::Boolean => vec![u8::from(array.as_boolean().value(row))],
        Arrow::Int16 => array.as_primitive::<Int16Type>().value(row).to_le_bytes().to_vec(),
        Arrow::Int32 => array.as_primitive::<Int32Type>().value(row).to_le_bytes().to_vec(),
        Arrow::Int64 => array.as_primitive::<Int64Type>().value(row).to_le_bytes().to_vec(),
        Arrow::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_le_bytes().to_vec(),
        Arrow::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_le_bytes().to_vec(),
        Arrow::Float32 => array.as_primitive::<Float32Type>().value(row).to_le_bytes().to_vec(),
        Arrow::Float64 => array.as_primitive::<Float64Type>().value(row).to_le_bytes().to_vec(),
        Arrow::Decimal128(..) => {
            array.as_primitive::<Decimal128Type>().value(row).to_le_bytes().to_vec()
        }
        Arrow::Decimal256(..) => {
            array.as_primitive::<Decimal256Type>().value(row).to_le_bytes().to_vec()
        }
        Arrow::FixedSizeBinary(16) => array.as_fixed_size_binary().value(row).to_vec(),
        Arrow::BinaryView => array.as_binary_view().value(row).to_vec(),
        other => panic!("unexpected {other}"),
    })
}

/// One value of a page.
fn from_reader(reader: &PageReader<HeapPage>, data_type: DataType, c: usize, row: usize) -> Value {
    if reader.is_null(c, row) {
        return None;
    }
    Some(match data_type {
        DataType::Bool => vec![u8::from(reader.bool(c, row))],
        DataType::Int2 => reader.i16(c, row).to_le_bytes().to_vec(),
        DataType::Int4 | DataType::Date => reader.i32(c, row).to_le_bytes().to_vec(),
        DataType::Int8 | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
            reader.i64(c, row).to_le_bytes().to_vec()
        }
        DataType::Float4 => reader.f32(c, row).to_le_bytes().to_vec(),
        DataType::Float8 => reader.f64(c, row).to_le_bytes().to_vec(),
        DataType::Oid => reader.u32(c, row).to_le_bytes().to_vec(),
        DataType::Interval | DataType::Uuid => reader.fixed16(c, row).to_vec(),
        DataType::Decimal { precision: 0..=38, .. } => reader.i128(c, row).to_le_bytes().to_vec(),
        DataType::Decimal { .. } => reader.i256(c, row).to_le_bytes().to_vec(),
        DataType::Enum => reader.u64(c, row).to_le_bytes().to_vec(),
        _ => reader.bytes(c, row).to_vec(),
    })
}

/// Dirties memory, as pages of other sessions have left it.
fn used_page(size: usize) -> HeapPage {
    let page = HeapPage::new(size);
    // SAFETY: the page was just made and is not shared.
    unsafe { page.memory().cast::<u8>().write_bytes(0xa5, size) };
    page
}

/// Writes all rows as a feed does: full pages, and jumbo buffers for rows that
/// do not fit into an empty one. Also returns how many of the latter there were.
fn write_rows(layout: &Arc<PageLayout>, rows: &[Vec<Value>]) -> (Vec<HeapPage>, usize) {
    let (mut pages, mut jumbos) = (Vec::new(), 0);
    let mut next = 0;
    while next < rows.len() {
        let page = used_page(layout.size());
        let mut writer = PageWriter::new(layout.clone(), page).unwrap();
        loop {
            match write_chunk(&mut writer, &rows[next..]) {
                0 => break,
                written => next += written,
            }
        }
        if writer.is_empty() {
            let single = Arc::new(layout.single_row(payload(&rows[next], layout.types())));
            let page = used_page(single.size());
            writer = PageWriter::new(single, page).unwrap();
            assert_eq!(write_chunk(&mut writer, &rows[next..]), 1);
            assert!(writer.is_full());
            jumbos += 1;
            next += 1;
        }
        pages.push(writer.finish());
    }
    (pages, jumbos)
}

fn check_batch(batch: &RecordBatch, types: &[DataType], rows: &[Vec<Value>]) {
    assert_eq!((batch.num_rows(), batch.num_columns()), (rows.len(), types.len()));
    for (c, (array, &data_type)) in batch.columns().iter().zip(types).enumerate() {
        // Arrow's own full validation, also of UTF-8 and of inline padding.
        array.to_data().validate_full().unwrap();
        let nulls = rows.iter().filter(|row| row[c].is_none()).count();
        assert_eq!(array.null_count(), nulls);
        assert_eq!(array.nulls().is_some(), nulls > 0);
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(from_array(array, data_type, i), row[c], "column {c} row {i}");
        }
    }
}

/// Sends a batch back as the worker does, in slices, and reads it.
fn check_results(batch: &RecordBatch, layout: &Arc<PageLayout>, rows: &[Vec<Value>], cut: usize) {
    let types = layout.types();
    let cut = cut % (rows.len() + 1);
    let slices = [batch.slice(0, cut), batch.slice(cut, rows.len() - cut)];
    let mut pages = Vec::new();
    let mut writer = PageWriter::new(layout.clone(), used_page(layout.size())).unwrap();
    for slice in &slices {
        let mut from = 0;
        while from < slice.num_rows() {
            from += write_batch(&mut writer, slice, from).unwrap();
            if from == slice.num_rows() {
                break;
            }
            if writer.is_empty() {
                let single = layout.single_row(batch_row_payload(slice, from));
                let page = used_page(single.size());
                let mut jumbo = PageWriter::new(Arc::new(single), page).unwrap();
                assert_eq!(write_batch(&mut jumbo, slice, from).unwrap(), 1);
                pages.push(jumbo.finish());
                from += 1;
            } else {
                pages.push(writer.finish());
                writer = PageWriter::new(layout.clone(), used_page(layout.size())).unwrap();
            }
        }
    }
    if !writer.is_empty() {
        pages.push(writer.finish());
    }
    let mut seen = 0;
    for page in pages {
        let reader = PageReader::new(page, types).unwrap();
        for i in 0..reader.rows() {
            for (c, &data_type) in types.iter().enumerate() {
                assert_eq!(from_reader(&reader, data_type, c, i), rows[seen][c]);
            }
            seen += 1;
        }
    }
    assert_eq!(seen, rows.len());
}

fn round_trip(layout: &Arc<PageLayout>, rows: &[Vec<Value>], cut: usize) -> usize {
    let types = layout.types();
    let importer = Importer::new(types);
    let (pages, jumbos) = write_rows(layout, rows);
    let mut done = 0;
    for page in pages {
        let copied = importer.import_copied(&page).unwrap();
        let batch = importer.import(page).unwrap();
        let part = &rows[done..done + batch.num_rows()];
        check_batch(&copied, types, part);
        check_batch(&batch, types, part);
        check_results(&batch, layout, part, cut);
        done += part.len();
    }
    assert_eq!(done, rows.len());
    jumbos
}

fn value(data_type: DataType) -> BoxedStrategy<Value> {
    let bytes = match data_type {
        DataType::Bool => (0..2u8).prop_map(|b| vec![b]).boxed(),
        DataType::Float4 => any::<f32>()
            .prop_map(|v| if v.is_nan() { f32::NAN } else { v }.to_le_bytes().to_vec())
            .boxed(),
        DataType::Float8 => any::<f64>()
            .prop_map(|v| if v.is_nan() { f64::NAN } else { v }.to_le_bytes().to_vec())
            .boxed(),
        t if t.is_varlen() => {
            let length = prop_oneof![
                6 => 0..40usize,
                3 => 10..15usize,
                2 => 200..3000usize,
                // Around and above the page size of 8 KiB.
                1 => 6000..20_000usize,
            ];
            // ASCII, so that it is text, too.
            (length, any::<u8>())
                .prop_map(|(len, seed)| {
                    (0..len).map(|i| (i as u8).wrapping_mul(31).wrapping_add(seed) % 128).collect()
                })
                .boxed()
        }
        t => prop::collection::vec(any::<u8>(), t.slot_width()).boxed(),
    };
    prop_oneof![4 => bytes.prop_map(Some), 1 => Just(None)].boxed()
}

/// A schema with its rows; some columns have no NULL at all.
fn table() -> impl Strategy<Value = (Vec<DataType>, Vec<Vec<Value>>)> {
    let column = (prop::sample::select(&ALL_TYPES), prop::bool::ANY);
    prop::collection::vec(column, 1..8).prop_flat_map(|columns| {
        let types: Vec<_> = columns.iter().map(|c| c.0).collect();
        let values: Vec<_> = columns
            .iter()
            .map(|&(t, nulls)| {
                let default = vec![0; if t.is_varlen() { 5 } else { t.slot_width() }];
                value(t).prop_map(move |v| if nulls { v } else { v.or(Some(default.clone())) })
            })
            .collect();
        (Just(types), prop::collection::vec(values, 0..200))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn tables_round_trip((types, rows) in table(), cut in any::<usize>(), avg in 0..2000usize) {
        let avg = vec![avg; types.len()];
        let layout = Arc::new(PageLayout::new(&types, MIN_PAGE_SIZE, Some(&avg)));
        round_trip(&layout, &rows, cut);
    }
}

fn text(len: usize) -> Value {
    Some((0..len).map(|i| b'a' + (i % 26) as u8).collect())
}

#[test]
fn rows_at_the_edge_of_a_page() {
    let layout = Arc::new(PageLayout::new(&[DataType::Text], MIN_PAGE_SIZE, None));
    let arena = layout.arena_size();
    assert_eq!(round_trip(&layout, &[vec![text(arena)]], 0), 0);
    assert_eq!(round_trip(&layout, &[vec![text(arena + 1)]], 0), 1);
    assert_eq!(round_trip(&layout, &[vec![text(1)], vec![text(arena)], vec![text(13)]], 0), 0);
    let rows = [vec![text(40)], vec![text(1 << 20)], vec![None], vec![text(12)]];
    assert_eq!(round_trip(&layout, &rows, 2), 1);
}

#[test]
fn full_pages_of_narrow_rows() {
    let types = [DataType::Bool, DataType::Int2];
    let layout = Arc::new(PageLayout::new(&types, DEFAULT_PAGE_SIZE, None));
    assert_eq!(layout.capacity(), MAX_ROWS);
    let rows: Vec<Vec<Value>> = (0..MAX_ROWS + 9)
        .map(|i| {
            let bool = (i % 7 != 0).then(|| vec![u8::from(i % 3 == 0)]);
            vec![bool, Some((i as i16).to_le_bytes().to_vec())]
        })
        .collect();
    assert_eq!(round_trip(&layout, &rows, 4097), 0);
}

#[test]
fn schemas_wider_than_a_page_use_jumbo_buffers() {
    let types = vec![DataType::Int8; 1600];
    let layout = Arc::new(PageLayout::new(&types, MIN_PAGE_SIZE, None));
    let row: Vec<Value> = (0..1600i64).map(|i| Some(i.to_le_bytes().to_vec())).collect();
    assert_eq!(round_trip(&layout, &[row.clone(), row], 1), 2);
}

#[test]
fn rows_without_columns_are_counted() {
    let layout = Arc::new(PageLayout::new(&[], MIN_PAGE_SIZE, None));
    let mut writer = PageWriter::new(layout.clone(), HeapPage::new(MIN_PAGE_SIZE)).unwrap();
    assert_eq!(writer.add_empty_rows(10_000), MAX_ROWS);
    let batch = Importer::new(&[]).import(writer.finish()).unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (MAX_ROWS, 0));
    let mut writer = PageWriter::new(layout, HeapPage::new(MIN_PAGE_SIZE)).unwrap();
    assert_eq!(write_batch(&mut writer, &batch, 8000).unwrap(), 192);
    assert_eq!(PageReader::new(writer.finish(), &[]).unwrap().rows(), 192);
}

/// Every byte of the header and the descriptors, and of a view, changed: an
/// error or some batch, but never a fault.
#[test]
fn corrupt_pages_are_errors() {
    let types = [DataType::Text, DataType::Int8];
    let layout = Arc::new(PageLayout::new(&types, MIN_PAGE_SIZE, None));
    let rows = vec![vec![text(100), Some(vec![1; 8])], vec![text(5), None]];
    let header = 64 + 2 * 16;
    let first_view = {
        let (pages, _) = write_rows(&layout, &rows);
        // SAFETY: the page is alive, and long enough.
        let memory = unsafe { pages[0].memory().as_ref() };
        (header..MIN_PAGE_SIZE - 8).find(|&i| memory[i..i + 8] == *b"\x64\0\0\0abcd").unwrap()
    };
    let (mut errors, mut batches) = (0, 0);
    for at in (0..header).chain(first_view..first_view + 16) {
        for flip in [0x01, 0x80, 0xff] {
            let (mut pages, _) = write_rows(&layout, &rows);
            let page = pages.remove(0);
            // SAFETY: the page is alive, long enough, and not shared.
            unsafe {
                let byte = page.memory().cast::<u8>().add(at);
                byte.write(byte.read() ^ flip);
            }
            match Importer::new(&types).import_copied(&page) {
                // The views of NULLs and of strangers were checked as well.
                Ok(batch) => {
                    batches += 1;
                    let _ = batch
                        .column(0)
                        .as_binary_view()
                        .bytes_iter()
                        .map(<[u8]>::len)
                        .sum::<usize>();
                }
                Err(_) => errors += 1,
            }
        }
    }
    assert!(errors > 60 && batches > 0, "{errors} errors, {batches} batches");
    let other = Importer::new(&[DataType::Text, DataType::Int4]);
    let (mut pages, _) = write_rows(&layout, &rows);
    let mismatch = other.import(pages.remove(0)).unwrap_err();
    assert!(matches!(mismatch, PageError::TypeMismatch { column: 1, .. }));
}
