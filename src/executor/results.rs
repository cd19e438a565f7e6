//! Result pages into the node's scan slot.

use super::raw;
use crate::datum::{ColumnReader, Storage};
use fusion_page::{PageReader, ResultPage};
use fusion_plan::{DataType, PgError};
use pgrx::pg_sys;

/// Takes rows out of result pages, in order.
pub struct Results {
    types: Vec<DataType>,
    columns: Vec<ColumnReader<ResultPage>>,
    page: Option<PageReader<ResultPage>>,
    next_row: usize,
}

impl Results {
    /// A reader of rows of `types` into slots that `descriptor` describes.
    ///
    /// # Errors
    ///
    /// If the slots have fewer columns.
    ///
    /// # Safety
    ///
    /// The descriptor is valid; runs in a backend's main thread.
    pub unsafe fn new(
        types: Vec<DataType>,
        descriptor: pg_sys::TupleDesc,
    ) -> Result<Self, PgError> {
        // SAFETY: the caller's promise.
        let storages = unsafe { Storage::of_columns(descriptor, types.len()) };
        let storages =
            storages.ok_or_else(|| PgError::internal("a result without some of its columns"))?;
        let columns =
            types.iter().zip(storages).map(|(ty, storage)| ColumnReader::new(*ty, storage));
        let columns = columns.collect();
        Ok(Self { types, columns, page: None, next_row: 0 })
    }

    /// Continues with `page`; the one before has been read.
    ///
    /// # Errors
    ///
    /// If the page does not hold rows of these types.
    pub fn set_page(&mut self, page: ResultPage) -> Result<(), PgError> {
        let reader = PageReader::new(page, &self.types)
            .map_err(|error| PgError::internal(error.to_string()))?;
        self.page = Some(reader);
        self.next_row = 0;
        Ok(())
    }

    /// Stores the next row in `slot`, a virtual one; `false` if the page has
    /// none left, and then the page is given back.
    ///
    /// # Safety
    ///
    /// `slot` has a column per type. Runs in a backend's main thread; what the
    /// values point to is allocated in `memory`.
    pub unsafe fn next(
        &mut self,
        slot: *mut pg_sys::TupleTableSlot,
        memory: pg_sys::MemoryContext,
    ) -> bool {
        let Some(page) = self.page.as_ref().filter(|page| self.next_row < page.rows()) else {
            self.page = None;
            return false;
        };
        let row = self.next_row;
        self.next_row += 1;
        // SAFETY: the caller's promise; the slot's arrays are as long as its
        // descriptor.
        unsafe {
            clear(slot);
            let previous = pg_sys::MemoryContextSwitchTo(memory);
            for (index, column) in self.columns.iter().enumerate() {
                let is_null = page.is_null(index, row);
                *(*slot).tts_isnull.add(index) = is_null;
                *(*slot).tts_values.add(index) = match is_null {
                    true => pg_sys::Datum::null(),
                    false => column.read(page, index, row),
                };
            }
            pg_sys::MemoryContextSwitchTo(previous);
            raw::store_virtual(slot);
        }
        true
    }

    /// Forgets the page.
    pub fn clear(&mut self) {
        self.page = None;
    }
}

/// Empties `slot`; `ExecClearTuple` is an inline function in C.
///
/// # Safety
///
/// `slot` is a valid virtual slot.
pub unsafe fn clear(slot: *mut pg_sys::TupleTableSlot) {
    // SAFETY: every slot has its operations; that of a virtual slot frees memory at
    // most, and raises nothing.
    unsafe {
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
    }
}
