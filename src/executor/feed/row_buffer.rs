//! Rows between a leaf and a page: a few dozen, column by column.
//!
//! ```text
//!   slot ──take──▶ datums, a column at a time ──write──▶ page
//! ```
//!
//! Rows are taken one by one, as PostgreSQL decodes them, and written together, so
//! that what a column's type means is decided once for all of them. What the datums
//! point to must stay where it is until then: for tuples in shared buffers their
//! buffers are pinned, and rows of other kinds come one at a time.

use crate::boundary;
use crate::datum::{self, ColumnWriter, is_toasted};
use crate::executor::raw;
use fusion_page::{MAX_CHUNK, PageMemoryMut, PageWriter, arena_bytes, row_payload};
use fusion_plan::PgError;
use pgrx::pg_sys;
use std::ptr;

/// The most rows that are buffered at a time.
pub const CHUNK: usize = MAX_CHUNK;

/// The rows that were taken and not yet written.
pub struct RowBuffer {
    /// The columns of the page.
    columns: Vec<Column>,
    /// Whether no value points anywhere.
    by_value: bool,
    /// Rows taken.
    rows: usize,
    /// Of these, rows whose values are detoasted, as far as they must be.
    ready: usize,
    /// Of these, rows that were written.
    written: usize,
    /// Pinned buffers, each once per pin.
    pins: Vec<pg_sys::Buffer>,
    /// Values that were copied out of their buffers.
    copies: Vec<Box<[u64]>>,
    /// For detoasted values.
    memory: pg_sys::MemoryContext,
}

/// The buffered values of one column.
struct Column {
    writer: ColumnWriter,
    /// Its place in the slots.
    attribute: usize,
    datums: Box<[pg_sys::Datum; CHUNK]>,
    /// A bit per row.
    nulls: u64,
    /// The bytes of the values about to be written, if they are views.
    texts: Box<[&'static [u8]; CHUNK]>,
}

impl RowBuffer {
    /// An empty buffer for columns at the places `attributes` of the slots, which have
    /// these `writers`. `by_value` says that no value of a column points anywhere.
    ///
    /// # Safety
    ///
    /// `memory` lives as long as the buffer; nobody else uses it while rows are pending.
    pub unsafe fn new(
        writers: Vec<ColumnWriter>,
        attributes: &[usize],
        by_value: bool,
        memory: pg_sys::MemoryContext,
    ) -> Self {
        let columns: Vec<_> = writers
            .into_iter()
            .zip(attributes)
            .map(|(writer, attribute)| Column {
                writer,
                attribute: *attribute,
                datums: Box::new([pg_sys::Datum::null(); CHUNK]),
                nulls: 0,
                texts: Box::new([&[]; CHUNK]),
            })
            .collect();
        let (rows, ready, written) = (0, 0, 0);
        let (pins, copies) = (Vec::new(), Vec::new());
        Self { columns, by_value, rows, ready, written, pins, copies, memory }
    }

    /// How many attributes of a slot must be decoded.
    pub fn attributes(&self) -> usize {
        self.columns.iter().map(|column| column.attribute + 1).max().unwrap_or(0)
    }

    /// Rows that were taken and not yet written.
    pub fn pending(&self) -> usize {
        self.rows - self.written
    }

    /// The number of rows taken since the buffer was empty.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Takes the row in `slot`; whether another may be taken before this one is
    /// written.
    ///
    /// # Safety
    ///
    /// There is room; the slot's attributes are decoded as far as they are needed.
    /// Calls PostgreSQL, so the caller is within `boundary::call`.
    #[inline(always)]
    pub unsafe fn take(&mut self, slot: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let (values, nulls) = ((*slot).tts_values, (*slot).tts_isnull);
            let row = self.rows;
            for column in &mut self.columns {
                column.datums[row % CHUNK] = *values.add(column.attribute);
                column.nulls |= u64::from(*nulls.add(column.attribute)) << row;
            }
            self.rows += 1;
            self.by_value || self.pin(slot)
        }
    }

    /// Pins what the values of `slot` point to; `false` if that is not possible.
    #[inline(always)]
    unsafe fn pin(&mut self, slot: *mut pg_sys::TupleTableSlot) -> bool {
        // SAFETY: a slot of these operations has a buffer, if it is of a table.
        unsafe {
            if !ptr::eq((*slot).tts_ops, &raw const pg_sys::TTSOpsBufferHeapTuple) {
                return false;
            }
            let buffer = (*slot.cast::<pg_sys::BufferHeapTupleTableSlot>()).buffer;
            if self.pins.last() != Some(&buffer) {
                if buffer == pg_sys::InvalidBuffer as pg_sys::Buffer {
                    return false;
                }
                raw::pin_buffer(buffer);
                self.pins.push(buffer);
            }
            true
        }
    }

    /// Makes rows ready to be written; `false` if the next one has values that are not
    /// where their datums point to. These can be of any size, so rows with such come
    /// one at a time: [`RowBuffer::detoast`].
    ///
    /// # Safety
    ///
    /// As for [`RowBuffer::write`].
    pub unsafe fn prepare(&mut self) -> bool {
        let mut toasted = 0_u64;
        for column in self.columns.iter().filter(|column| column.writer.reads_varlenas()) {
            for row in self.ready..self.rows {
                // SAFETY: the values are valid; rows that are not yet ready have never
                // been detoasted.
                if column.nulls >> row & 1 == 0 && unsafe { is_toasted(column.datums[row]) } {
                    toasted |= 1 << row;
                }
            }
        }
        match toasted.trailing_zeros() as usize {
            row if row == self.ready => false,
            row => {
                self.ready = row.min(self.rows);
                true
            }
        }
    }

    /// Makes the next row ready, after [`RowBuffer::prepare`] has not.
    ///
    /// # Safety
    ///
    /// As for [`RowBuffer::take`].
    pub unsafe fn detoast(&mut self) {
        // SAFETY: the caller's promise; the row has never been detoasted.
        unsafe {
            let row = self.ready;
            for column in self.columns.iter_mut().filter(|column| column.writer.reads_varlenas()) {
                let value = &mut column.datums[row];
                if column.nulls >> row & 1 == 0 && is_toasted(*value) {
                    *value = datum::detoast(*value, self.memory);
                }
            }
            self.ready = row + 1;
        }
    }

    /// Whether rows are there that [`RowBuffer::prepare`] must see before they are
    /// written.
    pub fn wants_preparing(&self) -> bool {
        self.written == self.ready && self.ready < self.rows
    }

    /// Writes as many of the ready rows as `page` has room for, at most `limit`;
    /// returns how many.
    ///
    /// # Errors
    ///
    /// If a value is none of its column's type.
    ///
    /// # Safety
    ///
    /// Runs in a backend's main thread, in the transaction that took the rows.
    pub unsafe fn write<M: PageMemoryMut>(
        &mut self,
        page: &mut PageWriter<M>,
        limit: usize,
    ) -> Result<usize, PgError> {
        let first = self.written;
        let mut count = (self.ready - first).min(limit).min(page.room());
        // SAFETY: the caller's promise.
        let payload = unsafe { self.read_texts(first, count) };
        if payload > page.arena_room() {
            count = self.fitting(first, count, page.arena_room());
        }
        if count == 0 {
            return Ok(0);
        }
        // SAFETY: as above.
        unsafe { self.within_memory(|this| this.write_columns(page, first, count))? };
        self.written += count;
        Ok(count)
    }

    /// Writes `count` rows from `first` on, for which there is room.
    unsafe fn write_columns<M: PageMemoryMut>(
        &self,
        page: &mut PageWriter<M>,
        first: usize,
        count: usize,
    ) -> Result<(), PgError> {
        let mask = u64::MAX >> (CHUNK - count);
        let mut arena = 0;
        for (index, column) in self.columns.iter().enumerate() {
            let writer = &column.writer;
            let nulls = column.nulls >> first & mask;
            page.set_nulls(index, nulls, count);
            if writer.is_view() {
                let texts = column.texts[first..first + count].iter().copied();
                page.write_texts(index, &mut arena, texts);
            } else {
                let datums = &column.datums[first..first + count];
                // SAFETY: the rows are ready.
                unsafe { writer.write(page, index, datums, nulls)? };
            }
        }
        page.advance(count, arena);
        Ok(())
    }

    /// Runs `f` with our memory as the current context.
    unsafe fn within_memory<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        // SAFETY: a backend's main thread, and the context is alive. An error that
        // passes leaves the context as PostgreSQL's handlers expect it: they set it.
        unsafe {
            let previous = pg_sys::CurrentMemoryContext;
            pg_sys::CurrentMemoryContext = self.memory;
            let result = f(self);
            pg_sys::CurrentMemoryContext = previous;
            result
        }
    }

    /// Finds the bytes of views in `count` rows from `first` on; returns what they
    /// take of an arena.
    unsafe fn read_texts(&mut self, first: usize, count: usize) -> usize {
        let read = |this: &mut Self| {
            let mut payload = 0;
            for column in &mut this.columns {
                let writer = &column.writer;
                if !writer.is_view() {
                    continue;
                }
                for row in first..first + count {
                    let datum: *const pg_sys::Datum = &raw const column.datums[row];
                    let bytes = match column.nulls >> row & 1 {
                        // SAFETY: the rows are ready. The bytes live until the buffer is
                        // emptied, and are not looked at later.
                        0 => unsafe { writer.bytes(&*datum) },
                        _ => &[],
                    };
                    payload += arena_bytes(bytes.len());
                    column.texts[row] = bytes;
                }
            }
            payload
        };
        // SAFETY: the caller's promise.
        unsafe { self.within_memory(read) }
    }

    /// How many of `count` rows from `first` on have texts that fit into `room`.
    fn fitting(&self, first: usize, count: usize, room: usize) -> usize {
        let mut used = 0;
        (first..first + count)
            .take_while(|row| {
                used += self.texts_of(*row);
                used <= room
            })
            .count()
    }

    fn texts_of(&self, row: usize) -> usize {
        let views = self.columns.iter().filter(|column| column.writer.is_view());
        row_payload(views.map(|column| column.texts[row].len()))
    }

    /// What the next row's texts take of an arena, after [`RowBuffer::write`] has not
    /// written it.
    ///
    /// # Safety
    ///
    /// As for [`RowBuffer::write`].
    pub unsafe fn next_payload(&mut self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.read_texts(self.written, 1) };
        self.texts_of(self.written)
    }

    /// Forgets the rows that were not written.
    pub fn skip(&mut self) {
        self.ready = self.rows;
        self.written = self.rows;
    }

    /// Empties the buffer, if all its rows were written.
    ///
    /// # Safety
    ///
    /// As for [`RowBuffer::take`].
    pub unsafe fn recycle(&mut self) {
        // SAFETY: the caller's promise; each pin is released once, and nothing
        // points into the memory any more.
        unsafe {
            if !(*self.memory).isReset && self.written == self.ready {
                raw::reset_memory(self.memory);
            }
            if self.pending() > 0 {
                return;
            }
            self.release();
            self.copies.clear();
            (self.rows, self.ready, self.written) = (0, 0, 0);
            for column in &mut self.columns {
                column.nulls = 0;
            }
        }
    }

    /// Copies what rows in buffers that were not written point to, and releases the pins. A
    /// node that is not running must not hold them: VACUUM waits for them
    /// (`LockBufferForCleanup` in bufmgr.c), and on a standby recovery cancels their holder.
    ///
    /// # Safety
    ///
    /// As for [`RowBuffer::write`], within `boundary::guard`.
    pub unsafe fn unpin(&mut self) {
        if self.pins.is_empty() {
            return;
        }
        // The rows were taken since the last copies were written.
        self.copies.clear();
        for column in self.columns.iter_mut().filter(|column| !column.writer.is_by_value()) {
            for row in self.written..self.rows {
                if column.nulls >> row & 1 == 0 {
                    // SAFETY: a valid value.
                    let bytes = unsafe { column.writer.stored(&column.datums[row]) };
                    // A word is aligned for all of PostgreSQL's types, and a boxed slice
                    // stays where it is.
                    let mut copy = vec![0; bytes.len().div_ceil(size_of::<u64>())];
                    // SAFETY: the copy has room for the bytes.
                    unsafe {
                        let place = copy.as_mut_ptr().cast();
                        ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
                    }
                    column.datums[row] = pg_sys::Datum::from(copy.as_mut_ptr());
                    self.copies.push(copy.into());
                }
            }
        }
        // SAFETY: the caller's promise.
        unsafe { boundary::call(|| self.release_pins()) };
    }

    /// Without an iterator, whose destructor an error would jump over.
    unsafe fn release_pins(&mut self) {
        while let Some(buffer) = self.pins.pop() {
            // SAFETY: pinned by `pin`, under the resource owner that is the current one
            // whenever the node runs.
            unsafe { raw::release_buffer(buffer) };
        }
    }

    /// Releases the pins; rows that were not written are lost.
    ///
    /// # Safety
    ///
    /// As for [`RowBuffer::take`], in the transaction that took the rows.
    pub unsafe fn release(&mut self) {
        // SAFETY: the caller's promise.
        unsafe { self.release_pins() };
        self.skip();
    }
}
