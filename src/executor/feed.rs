//! The Feed node: pulls slots from one leaf and writes pages.
//!
//! In the plan tree it is a node of its own, so that EXPLAIN shows it and a
//! parallel worker can run it; in the leader the PgFusion node above drives it
//! page by page through [`Feed::produce`] instead of asking it for rows.

use super::{Methods, NO_CALLBACKS};
use crate::boundary;
use crate::datum::{ColumnWriter, EncodeError, Storage};
use crate::error::{self, page_error};
use crate::nodes::{cast, iter, list_of};
use crate::planner::FEED_NAME;
use fusion_page::{Feeder, LeafPageMut, PageLayout, PageWriter, row_payload};
use fusion_plan::{DataType, LeafSchema, PgError};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::sync::Arc;

static SCAN_METHODS: Methods<pg_sys::CustomScanMethods> = Methods(pg_sys::CustomScanMethods {
    CustomName: FEED_NAME.as_ptr(),
    CreateCustomScanState: Some(create_state),
});

static EXEC_METHODS: Methods<pg_sys::CustomExecMethods> = Methods(pg_sys::CustomExecMethods {
    CustomName: FEED_NAME.as_ptr(),
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(exec),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    ..NO_CALLBACKS
});

/// The plan node's methods.
pub fn scan_methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

#[pg_guard]
unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: a zeroed state with its tag and methods is what PostgreSQL asks
    // for.
    unsafe {
        let state: *mut pg_sys::CustomScanState =
            pg_sys::palloc0(size_of::<pg_sys::CustomScanState>()).cast();
        (*state).ss.ps.type_ = pg_sys::NodeTag::T_CustomScanState;
        (*state).methods = &raw const EXEC_METHODS.0;
        state.cast()
    }
}

unsafe extern "C-unwind" fn begin(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    eflags: i32,
) {
    // A leaf is read once, forwards.
    let eflags = eflags & !((pg_sys::EXEC_FLAG_BACKWARD | pg_sys::EXEC_FLAG_MARK) as i32);
    // SAFETY: a Feed plan has one child.
    unsafe { boundary::guard(|| init_children(node, estate, eflags)) }
}

unsafe extern "C-unwind" {
    // Without pgrx's wrappers, so that errors pass through `boundary::call`.
    #[link_name = "ExecInitNode"]
    fn init_node(
        plan: *mut pg_sys::Plan,
        estate: *mut pg_sys::EState,
        eflags: i32,
    ) -> *mut pg_sys::PlanState;
    #[link_name = "ExecEndNode"]
    fn end_node(node: *mut pg_sys::PlanState);
    #[link_name = "ExecReScan"]
    fn rescan_node(node: *mut pg_sys::PlanState);
    #[link_name = "slot_getsomeattrs_int"]
    fn decode(slot: *mut pg_sys::TupleTableSlot, count: i32);
}

/// Initialises the child plans of a custom scan.
///
/// # Safety
///
/// Called from `BeginCustomScan` with its arguments, within a guard.
pub unsafe fn init_children(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    eflags: i32,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let scan: *mut pg_sys::CustomScan = (*node).ss.ps.plan.cast();
        let children = iter::<pg_sys::Plan>((*scan).custom_plans)
            .map(|plan| boundary::call(|| init_node(plan, estate, eflags)));
        (*node).custom_ps = list_of(children);
    }
}

/// Nothing asks a Feed for rows.
#[pg_guard]
unsafe extern "C-unwind" fn exec(
    _node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    error::raise(PgError::internal("a Feed node was asked for rows"))
}

unsafe extern "C-unwind" fn end(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the child that `begin` made.
    unsafe { boundary::guard(|| end_children(node)) }
}

/// Ends the children of a custom scan.
///
/// # Safety
///
/// Called from `EndCustomScan`, within a guard.
pub unsafe fn end_children(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe {
        for child in iter::<pg_sys::PlanState>((*node).custom_ps) {
            boundary::call(|| end_node(child));
        }
    }
}

/// Rescans the leaf; one with changed parameters rescans by itself when it is
/// next asked for a row.
unsafe extern "C-unwind" fn rescan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the child that `begin` made.
    unsafe {
        boundary::guard(|| {
            for leaf in iter::<pg_sys::PlanState>((*node).custom_ps) {
                pass_changed_params(node, leaf);
                if (*leaf).chgParam.is_null() {
                    boundary::call(|| rescan_node(leaf));
                }
            }
        });
    }
}

/// Rescans the Feed nodes of a PgFusion node. At once: nothing asks a Feed for
/// rows, so it would never notice changed parameters by itself.
///
/// # Safety
///
/// Called from `ReScanCustomScan`, within a guard.
pub unsafe fn rescan_all(node: *mut pg_sys::CustomScanState) {
    // SAFETY: the children that `begin` made.
    unsafe {
        for feed in iter::<pg_sys::PlanState>((*node).custom_ps) {
            pass_changed_params(node, feed);
            boundary::call(|| rescan_node(feed));
        }
    }
}

unsafe fn pass_changed_params(node: *mut pg_sys::CustomScanState, child: *mut pg_sys::PlanState) {
    // SAFETY: a node and its child.
    unsafe {
        if !(*node).ss.ps.chgParam.is_null() {
            pg_sys::UpdateChangedParamSet(child, (*node).ss.ps.chgParam);
        }
    }
}

/// What came of producing a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Produced {
    /// A page was sent, or the leaf has ended.
    Progress,
    /// No page was free.
    Starved,
}

/// Rows of the first page of a leaf; each page after it may have twice as many
/// as the one before. A query that needs few rows gets them soon.
const FIRST_PAGE_ROWS: usize = 512;

/// The leader's end of one leaf, for one session.
pub struct Feed {
    node: *mut pg_sys::CustomScanState,
    leaf: *mut pg_sys::PlanState,
    index: usize,
    columns: Vec<ColumnWriter<LeafPageMut>>,
    layout: Arc<PageLayout>,
    /// A row that did not fit into the page before.
    pending: Option<*mut pg_sys::TupleTableSlot>,
    page_rows: usize,
    ended: bool,
}

impl Feed {
    /// The feed of leaf number `index` by `node`.
    ///
    /// # Errors
    ///
    /// If a column cannot travel.
    ///
    /// # Safety
    ///
    /// `node` is the state of a Feed node, initialised.
    pub unsafe fn new(
        node: *mut pg_sys::PlanState,
        index: usize,
        schema: &LeafSchema,
        page_size: usize,
    ) -> Result<Self, PgError> {
        let types: Vec<DataType> = schema.fields.iter().map(|field| field.ty).collect();
        // SAFETY: the caller's promise.
        let (node, leaf) = unsafe {
            if cast::<pg_sys::CustomScanState, _>(node).is_none() {
                return Err(PgError::internal("a leaf without a Feed node"));
            }
            let node: *mut pg_sys::CustomScanState = node.cast();
            let leaf = iter::<pg_sys::PlanState>((*node).custom_ps).next();
            (node, leaf.ok_or_else(|| PgError::internal("a Feed node without a leaf"))?)
        };
        // SAFETY: an initialised plan state knows the rows it gives.
        let storages = unsafe { Storage::of_columns((*leaf).ps_ResultTupleDesc, types.len()) };
        let storages =
            storages.ok_or_else(|| PgError::internal("a leaf without some of its columns"))?;
        let columns =
            types.iter().zip(storages).map(|(ty, storage)| ColumnWriter::new(*ty, storage));
        let columns = columns.collect();
        Ok(Self {
            node,
            leaf,
            index,
            columns,
            layout: Arc::new(PageLayout::new(&types, page_size, None)),
            pending: None,
            page_rows: FIRST_PAGE_ROWS,
            ended: false,
        })
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
    /// Runs during execution of the node, in a backend's main thread.
    pub unsafe fn produce(&mut self, feeder: &Feeder) -> Result<Produced, PgError> {
        if self.ended || !feeder.try_claim_credit(self.index) {
            return Ok(Produced::Progress);
        }
        let Some(page) = feeder.begin_page(self.index).map_err(page_error)? else {
            feeder.return_credit(self.index);
            return Ok(Produced::Starved);
        };
        // SAFETY: the caller's promise.
        unsafe {
            let instrument = (*self.node).ss.ps.instrument;
            if !instrument.is_null() {
                pg_sys::InstrStartNode(instrument);
            }
            let rows = self.fill(feeder, page)?;
            if !instrument.is_null() {
                pg_sys::InstrStopNode(instrument, rows as f64);
            }
        }
        self.page_rows = self.page_rows.saturating_mul(2);
        Ok(Produced::Progress)
    }

    /// Fills `page` until it is full or the leaf ends, and sends it; returns
    /// the number of rows.
    unsafe fn fill(&mut self, feeder: &Feeder, page: LeafPageMut) -> Result<usize, PgError> {
        let mut writer = PageWriter::new(self.layout.clone(), page).map_err(page_error)?;
        // A page without room for even one row is "full" from the start; then
        // every row goes by itself.
        while writer.rows() < self.page_rows && (writer.is_empty() || !writer.is_full()) {
            let slot = match self.pending.take() {
                Some(slot) => slot,
                // SAFETY: the caller's promise.
                None => match unsafe { fetch(self.leaf) } {
                    Some(slot) => slot,
                    None => {
                        self.ended = true;
                        break;
                    }
                },
            };
            // SAFETY: the slot's values are decoded.
            match unsafe { self.write_row(&mut writer, slot) } {
                Ok(()) => {}
                Err(EncodeError::Value(error)) => return Err(error),
                Err(EncodeError::Full(_)) if !writer.is_empty() => {
                    self.pending = Some(slot);
                    break;
                }
                Err(EncodeError::Full(_)) => {
                    drop(writer);
                    // SAFETY: as above.
                    return unsafe { self.send_jumbo(feeder, slot) };
                }
            }
        }
        let rows = writer.rows();
        if let Some(payload) = writer.payload_per_row().filter(|_| self.pending.is_some()) {
            // The arena filled up before the slots did: divide the next pages
            // by what the values really take.
            self.layout = Arc::new(self.layout.refitted(payload));
        }
        if rows > 0 {
            writer.finish().push().map_err(page_error)?;
        } else {
            drop(writer);
            feeder.return_credit(self.index);
        }
        if self.ended {
            feeder.end_leaf(self.index);
        }
        Ok(rows)
    }

    /// Writes the values of `slot` as one row.
    unsafe fn write_row(
        &self,
        writer: &mut PageWriter<LeafPageMut>,
        slot: *mut pg_sys::TupleTableSlot,
    ) -> Result<(), EncodeError> {
        // SAFETY: the slot has a value per column, decoded by `fetch`; detoasted
        // copies go to the node's per-tuple memory.
        unsafe {
            let memory = (*(*self.node).ss.ps.ps_ExprContext).ecxt_per_tuple_memory;
            let previous = pg_sys::CurrentMemoryContext;
            pg_sys::CurrentMemoryContext = memory;
            let result = (|| {
                let mut row = writer.begin_row().ok_or(fusion_page::Full)?;
                for (index, column) in self.columns.iter().enumerate() {
                    if *(*slot).tts_isnull.add(index) {
                        row.set_null(index);
                    } else {
                        column.write(&mut row, index, *(*slot).tts_values.add(index))?;
                    }
                }
                row.finish();
                Ok(())
            })();
            pg_sys::CurrentMemoryContext = previous;
            if !(*memory).isReset {
                pg_sys::MemoryContextReset(memory);
            }
            result
        }
    }

    /// Sends the row in `slot`, which is larger than a page, in a jumbo buffer.
    unsafe fn send_jumbo(
        &mut self,
        feeder: &Feeder,
        slot: *mut pg_sys::TupleTableSlot,
    ) -> Result<usize, PgError> {
        // SAFETY: the slot has a value per column.
        let payload = unsafe {
            row_payload(self.columns.iter().enumerate().filter_map(|(index, column)| {
                let is_value = !*(*slot).tts_isnull.add(index);
                is_value.then(|| column.payload(*(*slot).tts_values.add(index)))
            }))
        };
        let layout = Arc::new(self.layout.single_row(payload));
        let page = feeder.begin_jumbo(self.index, layout.size()).map_err(page_error)?;
        let mut writer = PageWriter::new(layout, page).map_err(page_error)?;
        // SAFETY: as in `fill`.
        match unsafe { self.write_row(&mut writer, slot) } {
            Ok(()) => {}
            Err(EncodeError::Value(error)) => return Err(error),
            Err(EncodeError::Full(_)) => {
                return Err(PgError::internal("a row does not fit into its jumbo buffer"));
            }
        }
        writer.finish().push().map_err(page_error)?;
        Ok(1)
    }
}

/// The leaf's next row with all values decoded, or `None` at its end.
///
/// # Safety
///
/// `leaf` is an initialised plan state, executed in a backend's main thread.
unsafe fn fetch(leaf: *mut pg_sys::PlanState) -> Option<*mut pg_sys::TupleTableSlot> {
    // SAFETY: what `ExecProcNode` and `slot_getallattrs` do, which are inline
    // functions in C. No Rust value with a destructor is alive inside.
    unsafe {
        boundary::call(|| {
            if !(*leaf).chgParam.is_null() {
                rescan_node(leaf);
            }
            let slot = (*leaf).ExecProcNode.map_or(std::ptr::null_mut(), |next| next(leaf));
            if slot.is_null() || u32::from((*slot).tts_flags) & pg_sys::TTS_FLAG_EMPTY != 0 {
                return None;
            }
            let count = (*(*slot).tts_tupleDescriptor).natts;
            if i32::from((*slot).tts_nvalid) < count {
                decode(slot, count);
            }
            Some(slot)
        })
    }
}
