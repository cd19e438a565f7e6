//! A feed: pulls slots from one leaf and writes pages.

use super::node::count_filtered;
use super::row_buffer::{CHUNK, RowBuffer};
use super::row_filter::{Dropped, RowFilter, RuntimeFilters};
use super::source::{Portion, Source};
use crate::boundary;
use crate::carried::FeedPlan;
use crate::datum::{ColumnWriter, Key, RowTest, Storage};
use crate::error::page_error;
use crate::executor::parallel::Participants;
use crate::guc::{self, FeedStage};
use crate::nodes::{cast, iter};
use crate::worker::wake_latch;
use fusion_page::{FeedStatus, Feeder, LeafPageMut, MAX_LEAVES, PageLayout, PageWriter};
use fusion_plan::{DataType, PgError};
use pgrx::pg_sys;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What came of producing a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Produced {
    /// A page was sent, or the leaf has ended.
    Progress,
    /// No page was free, or wanted.
    Nothing,
}

/// Rows of the first page of a leaf; each page after it may have twice as many
/// as the one before. A query that needs few rows gets them soon.
const FIRST_PAGE_ROWS: usize = 512;

/// A page that is not full is sent after this time, if it has a row: where rows are slow
/// to come, nobody shall wait for more of them than he needs.
const HURRY: Duration = Duration::from_millis(5);

/// Rows that take longer than this to fetch are followed by fewer.
const SLOW: Duration = Duration::from_micros(500);

/// The most rows to look at before looking at the clock.
const MOST_LOOKED_AT: usize = 16 * CHUNK;

/// Memory for the values of one row, of a Feed node.
unsafe fn row_memory(node: *mut pg_sys::CustomScanState) -> pg_sys::MemoryContext {
    // SAFETY: the caller's promise: an initialised node.
    unsafe { (*(*node).ss.ps.ps_ExprContext).ecxt_per_tuple_memory }
}

/// One process's end of one leaf, for one session.
pub struct Feed {
    node: *mut pg_sys::CustomScanState,
    /// The number of the leaf.
    leaf: usize,
    source: Source,
    buffer: RowBuffer,
    /// The leaf's own conditions.
    tests: Rc<[RowTest]>,
    /// For each column its place in the rows, and how its values are read as keys.
    keys: Vec<(usize, Option<Key>)>,
    layout: Arc<PageLayout>,
    page_rows: usize,
    /// Rows to look at at a time.
    chunk: usize,
    /// The others that feed this leaf.
    participants: Option<Participants>,
    /// How much the engine's filters achieve.
    runtime: RuntimeFilters,
    /// Whether this process has begun to take rows.
    joined: bool,
    /// Whether the source has no more rows.
    exhausted: bool,
    /// Whether all its rows were sent.
    ended: bool,
}

impl Feed {
    /// The feed by `node`. `number` gives the session's number of the node's leaf; `None`
    /// if it has none.
    ///
    /// # Errors
    ///
    /// If a column cannot travel.
    ///
    /// # Safety
    ///
    /// `node` is the state of a Feed node, initialised, and outlives the feed.
    pub unsafe fn new(
        node: *mut pg_sys::PlanState,
        page_size: usize,
        number: &impl Fn(usize) -> Option<usize>,
    ) -> Result<Option<Self>, PgError> {
        // SAFETY: the caller's promise; an initialised plan state knows the rows it
        // gives.
        unsafe {
            if cast::<pg_sys::CustomScanState, _>(node).is_none() {
                return Err(PgError::internal("a leaf without a Feed node"));
            }
            let node: *mut pg_sys::CustomScanState = node.cast();
            let FeedPlan { leaf, types, columns, filters } =
                FeedPlan::read((*node).ss.ps.plan.cast())?;
            let Some(leaf) = number(leaf).filter(|leaf| *leaf < MAX_LEAVES) else {
                return Ok(None);
            };
            let plan = iter::<pg_sys::PlanState>((*node).custom_ps).next();
            let plan = plan.ok_or_else(|| PgError::internal("a Feed node without a leaf"))?;
            let storages = Storage::of_columns((*plan).ps_ResultTupleDesc, columns)
                .filter(|storages| storages.len() >= types.len())
                .ok_or_else(|| PgError::internal("a leaf without some of its columns"))?;
            let (source, attributes) = Source::new(plan, columns);
            let written = types.iter().zip(storages);
            let by_value = written.clone().all(|(_, storage)| storage.by_value);
            let writers = written.map(|(ty, storage)| ColumnWriter::new(*ty, storage)).collect();
            let key = |ty: &DataType| Key::of(*ty).filter(|key| key.is_exact());
            let keys = attributes.iter().copied().zip(types.iter().map(key)).collect();
            let tests = RowTest::of_all(&filters, &attributes)?.into();
            let memory = row_memory(node);
            Ok(Some(Self {
                node,
                leaf,
                source,
                buffer: RowBuffer::new(writers, &attributes, by_value, memory),
                tests,
                keys,
                layout: Arc::new(PageLayout::new(&types, page_size, None)),
                page_rows: FIRST_PAGE_ROWS,
                chunk: 1,
                participants: None,
                runtime: RuntimeFilters::default(),
                joined: false,
                exhausted: false,
                ended: false,
            }))
        }
    }

    /// The number of the leaf.
    pub fn leaf(&self) -> usize {
        self.leaf
    }

    /// Whether this process has nothing more to send.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Shares the rows with `participants` from now on, if there is one; nothing was produced
    /// yet. `area` is the Gather's in the leader; NULL in a worker.
    pub fn share(&mut self, participants: Option<Participants>, area: *mut pg_sys::dsa_area) {
        self.participants = participants;
        self.source.set_area(area);
    }

    /// Fills and sends one page, if the engine has asked for one.
    ///
    /// # Errors
    ///
    /// If a value cannot travel, or the session is closed. Errors of the leaf
    /// itself are raised.
    ///
    /// # Safety
    ///
    /// Runs during execution of the node, in a backend's main thread, within
    /// `boundary::guard`.
    pub unsafe fn produce(&mut self, feeder: &Feeder) -> Result<Produced, PgError> {
        if self.ended || !feeder.try_claim_credit(self.leaf) {
            return Ok(Produced::Nothing);
        }
        if !self.joined {
            self.joined = true;
            if self.participants.is_some_and(|participants| !participants.join(self.leaf)) {
                // The others have taken all rows.
                self.ended = true;
                self.return_credit(feeder);
                return Ok(Produced::Progress);
            }
        }
        let Some(page) = feeder.begin_page(self.leaf).map_err(page_error)? else {
            self.return_credit(feeder);
            return Ok(Produced::Nothing);
        };
        // SAFETY: the caller's promise.
        unsafe {
            let instrument = (*self.node).ss.ps.instrument;
            if !instrument.is_null() {
                pg_sys::InstrStartNode(instrument);
            }
            let rows = self.fill(feeder, page)?;
            self.buffer.unpin();
            if !instrument.is_null() {
                pg_sys::InstrStopNode(instrument, rows as f64);
            }
        }
        self.page_rows = self.page_rows.saturating_mul(2);
        Ok(Produced::Progress)
    }

    /// Adds what runtime filters removed in this session to the node's figures.
    ///
    /// # Safety
    ///
    /// The node's state is alive, and this the leader.
    pub unsafe fn report(&self, feeder: &Feeder) {
        // SAFETY: the caller's promise: a node of ours.
        unsafe { count_filtered(self.node, feeder.filtered(self.leaf)) }
    }

    /// Gives back a credit, which another process may wait for.
    fn return_credit(&self, feeder: &Feeder) {
        feeder.return_credit(self.leaf);
        if self.participants.is_some() {
            feeder.wake_others(wake_latch);
        }
    }

    /// Fills `page` until it is full or the leaf ends, and sends it; returns
    /// the number of rows.
    unsafe fn fill(&mut self, feeder: &Feeder, page: LeafPageMut) -> Result<usize, PgError> {
        if guc::FEED_STAGE.get() != FeedStage::Send {
            // SAFETY: the caller's promise.
            return unsafe { self.measure(feeder, page) };
        }
        let mut writer = PageWriter::new(self.layout.clone(), page).map_err(page_error)?;
        let mut arena_full = false;
        let filters = match self.runtime.useless {
            true => Vec::new(),
            false => feeder.filters(self.leaf).map_err(page_error)?,
        };
        let tests = Rc::clone(&self.tests);
        // SAFETY: the caller's promise.
        let mut filter =
            RowFilter::new(&tests, &self.keys, filters, unsafe { row_memory(self.node) })?;
        let begun = Instant::now();
        loop {
            if begun.elapsed() > HURRY
                && (!writer.is_empty() || feeder.status() != FeedStatus::Running)
            {
                break;
            }
            let wanted = self.page_rows.saturating_sub(writer.rows());
            // A page without room for even one row is "full" from the start; then
            // every row goes by itself.
            if !writer.is_empty() && wanted.min(writer.room()) == 0 {
                break;
            }
            // SAFETY: the caller's promise.
            if !unsafe { self.stock_up(wanted.min(writer.room()).max(1), &mut filter)? } {
                break;
            }
            // SAFETY: as above.
            if unsafe { self.buffer.write(&mut writer, wanted)? } == 0 {
                if writer.is_empty() {
                    drop(writer);
                    // SAFETY: as above.
                    return unsafe { self.send_jumbo(feeder) };
                }
                arena_full = true;
                break;
            }
        }
        feeder.count_filtered(self.leaf, self.runtime.take_uncounted());
        let rows = writer.rows();
        if let Some(payload) = writer.payload_per_row().filter(|_| arena_full) {
            // The arena filled up before the slots did: divide the next pages
            // by what the values really take.
            self.layout = Arc::new(self.layout.refitted(payload));
        }
        if rows > 0 {
            writer.finish().push().map_err(page_error)?;
        } else {
            drop(writer);
            self.return_credit(feeder);
        }
        if self.exhausted && self.buffer.pending() == 0 {
            self.end(feeder);
        }
        Ok(rows)
    }

    /// This process has sent all its rows.
    fn end(&mut self, feeder: &Feeder) {
        self.ended = true;
        if self.participants.is_none_or(|participants| participants.leave(self.leaf)) {
            feeder.end_leaf(self.leaf);
        }
    }

    /// Takes all rows as far as `pg_fusion.feed_stage` says, and drops them
    /// there.
    unsafe fn measure(&mut self, feeder: &Feeder, page: LeafPageMut) -> Result<usize, PgError> {
        let encode = guc::FEED_STAGE.get() == FeedStage::Encode;
        let (mut rows, mut page) = (0, Some(page));
        let tests = Rc::clone(&self.tests);
        // SAFETY: the caller's promise.
        let memory = unsafe { row_memory(self.node) };
        let mut filter = RowFilter::new(&tests, &self.keys, Vec::new(), memory)?;
        loop {
            let next =
                page.take().map_or_else(|| feeder.begin_page(self.leaf), |page| Ok(Some(page)));
            let Some(next) = next.map_err(page_error)? else {
                return Err(PgError::internal("no page to measure with"));
            };
            let mut writer = PageWriter::new(self.layout.clone(), next).map_err(page_error)?;
            // SAFETY: the caller's promise.
            while unsafe { self.stock_up(CHUNK, &mut filter)? } {
                if !encode {
                    rows += self.buffer.pending();
                    self.buffer.skip();
                    continue;
                }
                // SAFETY: as above.
                match unsafe { self.buffer.write(&mut writer, CHUNK)? } {
                    0 if writer.is_empty() => self.buffer.skip(),
                    0 => break,
                    written => rows += written,
                }
            }
            if self.exhausted && self.buffer.pending() == 0 {
                drop(writer);
                self.return_credit(feeder);
                self.end(feeder);
                return Ok(rows);
            }
        }
    }

    /// Sees to it that a buffered row is ready to be written, taking up to `limit` new
    /// ones that pass `filter`; `false` if there are no more.
    unsafe fn stock_up(
        &mut self,
        limit: usize,
        filter: &mut RowFilter<'_>,
    ) -> Result<bool, PgError> {
        // SAFETY: the caller's promise. Nothing inside of the calls has a destructor.
        unsafe {
            while self.buffer.pending() == 0 {
                if self.exhausted {
                    return Ok(false);
                }
                let Self { source, buffer, chunk, .. } = self;
                let (begun, mut dropped) = (Instant::now(), Dropped::default());
                let portion = Portion { taken: limit.min(CHUNK), looked_at: *chunk };
                self.exhausted = !boundary::call(|| {
                    buffer.recycle();
                    source.fetch(buffer, filter, portion, &mut dropped)
                })?;
                *chunk = match begun.elapsed() < SLOW {
                    true => (*chunk * 2).min(MOST_LOOKED_AT),
                    false => (*chunk / 2).max(1),
                };
                let instrument = (*self.node).ss.ps.instrument;
                if dropped.by_tests > 0 && !instrument.is_null() {
                    (*instrument).nfiltered1 += dropped.by_tests as f64;
                }
                self.runtime.count(dropped.keyed, dropped.by_keys);
                if self.runtime.useless {
                    filter.forget_keys();
                }
            }
            if self.buffer.wants_preparing() && !self.buffer.prepare() {
                boundary::call(|| {
                    self.buffer.recycle();
                    self.buffer.detoast();
                });
            }
        }
        Ok(true)
    }

    /// Sends the next buffered row, which is larger than a page, in a jumbo buffer.
    unsafe fn send_jumbo(&mut self, feeder: &Feeder) -> Result<usize, PgError> {
        // SAFETY: the caller's promise.
        let payload = unsafe { self.buffer.next_payload() };
        let layout = Arc::new(self.layout.single_row(payload));
        let page = feeder.begin_jumbo(self.leaf, layout.size()).map_err(page_error)?;
        let mut writer = PageWriter::new(layout, page).map_err(page_error)?;
        // SAFETY: as above.
        if unsafe { self.buffer.write(&mut writer, 1)? } == 0 {
            return Err(PgError::internal("a row does not fit into its jumbo buffer"));
        }
        writer.finish().push().map_err(page_error)?;
        Ok(1)
    }

    /// Gives back what the feed holds of PostgreSQL's; it produces nothing more. After an
    /// error PostgreSQL does that by itself.
    ///
    /// # Safety
    ///
    /// As for [`Feed::produce`], in the transaction that produced.
    pub unsafe fn close(&mut self) {
        self.ended = true;
        // SAFETY: the caller's promise.
        unsafe { boundary::call(|| self.buffer.release()) };
    }
}
