//! Pages as Arrow record batches.
//!
//! [`Importer::import`] copies nothing: the arrays' buffers borrow the page,
//! and the last of them to go gives the page back. [`Importer::import_copied`]
//! makes a batch that owns its memory, for operators that keep their input.

use crate::error::PageError;
use crate::format::layout::{MAX_VALUE_LEN, SEGMENT_BITS, SlotKind};
use crate::format::memory::PageMemory;
use crate::format::view::{ColumnView, PageView};
use arrow_array::types::{
    ArrowPrimitiveType, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray,
    RecordBatch,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};
use fusion_plan::DataType;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

/// Turns the pages of one leaf into record batches. Made once per leaf.
#[derive(Clone, Debug)]
pub struct Importer {
    types: Arc<[DataType]>,
    schema: SchemaRef,
}

impl Importer {
    /// An importer whose columns are called `c0`, `c1`, ... and may be NULL.
    pub fn new(types: &[DataType]) -> Self {
        let fields = types
            .iter()
            .enumerate()
            .map(|(i, t)| Field::new(format!("c{i}"), t.arrow(), true))
            .collect::<Vec<_>>();
        Self { types: types.into(), schema: Arc::new(Schema::new(fields)) }
    }

    /// An importer into `schema`, which must have the types of `types`.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn with_schema(types: &[DataType], schema: SchemaRef) -> Result<Self, PageError> {
        check_arrow_types(types, schema.fields().iter().map(|f| f.data_type()))?;
        Ok(Self { types: types.into(), schema })
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// A batch that borrows `page`; dropping the last of its buffers drops
    /// `page`.
    ///
    /// # Errors
    ///
    /// [`PageError::Corrupt`], [`PageError::ColumnCount`] or
    /// [`PageError::TypeMismatch`] if the page is not one of this schema.
    pub fn import<M>(&self, page: M) -> Result<RecordBatch, PageError>
    where
        M: PageMemory + Send + Sync + 'static,
    {
        let owner = Arc::new(Owner(page));
        // SAFETY: `owner` keeps the page's memory as PageMemory promises, and
        // every buffer below holds `owner`.
        let view = unsafe { PageView::parse(owner.0.memory(), &self.types) }?;
        let buffer = |offset: usize, len: usize| {
            // SAFETY: only asked for ranges that `parse` found in the page; it
            // lives, unchanged, as long as the buffer's `owner`.
            unsafe { Buffer::from_custom_allocation(view.base.add(offset), len, owner.clone()) }
        };
        Ok(self.build(&view, buffer))
    }

    /// A batch with its own memory; `page` may be dropped at once.
    ///
    /// # Errors
    ///
    /// As for [`Importer::import`].
    pub fn import_copied<M: PageMemory>(&self, page: &M) -> Result<RecordBatch, PageError> {
        // SAFETY: `page` is borrowed until the batch, which owns its memory, is
        // made.
        let view = unsafe { PageView::parse(page.memory(), &self.types) }?;
        let buffer = |offset: usize, len: usize| {
            // SAFETY: only asked for ranges that `parse` found in the page.
            let bytes = unsafe { std::slice::from_raw_parts(view.base.add(offset).as_ptr(), len) };
            Buffer::from(bytes)
        };
        Ok(self.build(&view, buffer))
    }

    /// Builds the batch from buffers of ranges of the page.
    fn build(&self, view: &PageView, buffer: impl Fn(usize, usize) -> Buffer) -> RecordBatch {
        let mut arena = None;
        let columns = std::iter::zip(&view.columns, self.types.iter())
            .map(|(column, &data_type)| {
                let nulls = column.has_nulls.then(|| {
                    let bits = buffer(column.validity, view.rows.div_ceil(8));
                    NullBuffer::new(BooleanBuffer::new(bits, 0, view.rows))
                });
                let values = buffer(column.values, column.kind.values_len(view.rows));
                let parts = Parts { rows: view.rows, values, nulls };
                if column.kind == SlotKind::View {
                    let arena = arena.get_or_insert_with(|| segments(view, &buffer));
                    parts.views(Arc::clone(arena))
                } else {
                    parts.fixed(data_type, column)
                }
            })
            .collect();
        // SAFETY: there is one column per field of the schema, of its type,
        // each of `view.rows` rows. Nullability needs no check, because the
        // schema is the reader's own claim about its leaf.
        unsafe { RecordBatch::new_unchecked(self.schema.clone(), columns, view.rows) }
    }
}

/// The page that buffers borrow.
struct Owner<M>(M);

// A page is plain memory that nobody writes to, so seeing it after a panic
// shows nothing half-done.
impl<M> RefUnwindSafe for Owner<M> {}

/// The arena as Arrow data buffers: one per segment, each long enough for any
/// value that begins in its segment, so neighbours overlap. All but jumbo
/// buffers have a single one.
fn segments(view: &PageView, buffer: impl Fn(usize, usize) -> Buffer) -> Arc<[Buffer]> {
    let count = view.arena_len.div_ceil(MAX_VALUE_LEN);
    (0..count)
        .map(|i| {
            let start = i << SEGMENT_BITS;
            let len = (view.arena_len - start).min(2 * MAX_VALUE_LEN);
            buffer(view.arena_offset + start, len)
        })
        .collect()
}

/// One column's buffers.
struct Parts {
    rows: usize,
    values: Buffer,
    nulls: Option<NullBuffer>,
}

impl Parts {
    fn fixed(self, data_type: DataType, column: &ColumnView) -> ArrayRef {
        let arrow = data_type.arrow();
        match arrow {
            ArrowType::Boolean => {
                let bits = BooleanBuffer::new(self.values, 0, self.rows);
                Arc::new(BooleanArray::new(bits, self.nulls))
            }
            ArrowType::Int16 => self.primitive::<Int16Type>(arrow),
            ArrowType::Int32 => self.primitive::<Int32Type>(arrow),
            ArrowType::UInt32 => self.primitive::<UInt32Type>(arrow),
            ArrowType::Float32 => self.primitive::<Float32Type>(arrow),
            ArrowType::Int64 => self.primitive::<Int64Type>(arrow),
            ArrowType::UInt64 => self.primitive::<UInt64Type>(arrow),
            ArrowType::Float64 => self.primitive::<Float64Type>(arrow),
            ArrowType::Decimal128(..) => self.primitive::<Decimal128Type>(arrow),
            ArrowType::Decimal256(..) => self.primitive::<Decimal256Type>(arrow),
            _ => {
                let width = column.kind.width() as i32;
                Arc::new(FixedSizeBinaryArray::new(width, self.values, self.nulls))
            }
        }
    }

    fn primitive<T: ArrowPrimitiveType>(self, arrow: ArrowType) -> ArrayRef {
        let values = ScalarBuffer::<T::Native>::new(self.values, 0, self.rows);
        let array = PrimitiveArray::<T>::new(values, self.nulls);
        if array.data_type() == &arrow {
            return Arc::new(array);
        }
        Arc::new(array.with_data_type(arrow))
    }

    fn views(self, arena: Arc<[Buffer]>) -> ArrayRef {
        let views = ScalarBuffer::<u128>::new(self.values, 0, self.rows);
        // SAFETY: `PageView::parse` found every long view to lie inside the
        // arena, hence inside the buffer of its segment. Text is bytes here, so
        // there is nothing else that a view could get wrong.
        Arc::new(unsafe { BinaryViewArray::new_unchecked(views, arena, self.nulls) })
    }
}

/// Checks that Arrow columns are exactly those of `types`.
pub(crate) fn check_arrow_types<'a>(
    types: &[DataType],
    found: impl ExactSizeIterator<Item = &'a ArrowType>,
) -> Result<(), PageError> {
    if found.len() != types.len() {
        return Err(PageError::ColumnCount { expected: types.len(), found: found.len() });
    }
    for (column, (expected, found)) in types.iter().zip(found).enumerate() {
        if expected.arrow() != *found {
            return Err(PageError::TypeMismatch {
                column,
                expected: expected.arrow().to_string(),
                found: found.to_string(),
            });
        }
    }
    Ok(())
}
