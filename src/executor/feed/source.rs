//! Where a feed takes its rows from.
//!
//! Any plan can be a leaf, and gives its rows one by one through `ExecProcNode`. A
//! plain sequential scan is driven through the table access method instead, which
//! takes a third less time: no projection, because its columns are the slot's own,
//! and no calls between nodes. Its condition is evaluated here. Either way a row is
//! decoded no further than it is needed.

use super::row_buffer::RowBuffer;
use super::row_filter::{Dropped, RowFilter, decode};
use crate::executor::raw;
use crate::nodes::{cast, iter};
use fusion_plan::PgError;
use pgrx::pg_sys::{self, ScanDirection};

/// How many rows to fetch at a time.
#[derive(Clone, Copy, Debug)]
pub struct Portion {
    /// To have in the buffer.
    pub taken: usize,
    /// To look at.
    pub looked_at: usize,
}

/// The rows of one leaf.
pub struct Source {
    leaf: *mut pg_sys::PlanState,
    /// The scan to drive, if the leaf is a plain one.
    scan: Option<*mut pg_sys::SeqScanState>,
    /// In a leader with workers, what the nodes of the leaf share with them; else NULL.
    area: *mut pg_sys::dsa_area,
}

impl Source {
    /// The rows of `leaf`, which has `count` columns; also, for each, its place in
    /// the slots.
    ///
    /// # Safety
    ///
    /// `leaf` is an initialised plan state.
    pub unsafe fn new(leaf: *mut pg_sys::PlanState, count: usize) -> (Self, Vec<usize>) {
        // SAFETY: the caller's promise.
        let (scan, attributes) = match unsafe { plain_scan(leaf, count) } {
            Some((scan, attributes)) => (Some(scan), attributes),
            None => (None, (0..count).collect()),
        };
        (Self { leaf, scan, area: std::ptr::null_mut() }, attributes)
    }

    /// Says what the leaf's nodes share with those in parallel workers.
    pub fn set_area(&mut self, area: *mut pg_sys::dsa_area) {
        self.area = area;
    }

    /// Takes rows that pass `filter` to `buffer`, one `portion`, or until it must be written
    /// first; `false` if there are no more. Adds to `dropped` what became of the rows.
    ///
    /// # Errors
    ///
    /// Those of [`RowFilter::passes`].
    ///
    /// # Safety
    ///
    /// Runs during execution, within `boundary::call`.
    pub unsafe fn fetch(
        &self,
        buffer: &mut RowBuffer,
        filter: &RowFilter<'_>,
        portion: Portion,
        dropped: &mut Dropped,
    ) -> Result<bool, PgError> {
        // SAFETY: the caller's promise.
        unsafe {
            if !(*self.leaf).chgParam.is_null() {
                raw::rescan_node(self.leaf);
            }
            if let Some(scan) = self.scan {
                return fetch_scan(scan, buffer, filter, portion, dropped);
            }
            if self.area.is_null() {
                return fetch_node(self.leaf, buffer, filter, portion, dropped);
            }
            // As `gather_getnext` in nodeGather.c does; workers have theirs all the time.
            let estate = (*self.leaf).state;
            (*estate).es_query_dsa = self.area;
            let more = fetch_node(self.leaf, buffer, filter, portion, dropped);
            (*estate).es_query_dsa = std::ptr::null_mut();
            more
        }
    }
}

/// `leaf` as a scan that can be driven directly: sequential, with the table's own
/// columns, nobody measuring the node, and not to check a single row again
/// (`EvalPlanQual`).
unsafe fn plain_scan(
    leaf: *mut pg_sys::PlanState,
    count: usize,
) -> Option<(*mut pg_sys::SeqScanState, Vec<usize>)> {
    // SAFETY: the caller's promise.
    unsafe {
        cast::<pg_sys::SeqScanState, _>(leaf)?;
        if !(*leaf).instrument.is_null() || !(*(*leaf).state).es_epq_active.is_null() {
            return None;
        }
        let scan: *mut pg_sys::SeqScanState = leaf.cast();
        let plan: *mut pg_sys::Scan = (*leaf).plan.cast();
        let columns = iter::<pg_sys::TargetEntry>((*plan).plan.targetlist).take(count);
        let attributes = columns.map(|entry| {
            let var = cast::<pg_sys::Var, _>((*entry).expr)?;
            let own = u32::try_from(var.varno) == Ok((*plan).scanrelid);
            usize::try_from(var.varattno).ok().filter(|_| own)?.checked_sub(1)
        });
        let attributes: Vec<_> = attributes.collect::<Option<_>>()?;
        (attributes.len() == count).then_some((scan, attributes))
    }
}

/// What `SeqNext` and `ExecScan` do, in one loop.
unsafe fn fetch_scan(
    scan: *mut pg_sys::SeqScanState,
    buffer: &mut RowBuffer,
    filter: &RowFilter<'_>,
    portion: Portion,
    dropped: &mut Dropped,
) -> Result<bool, PgError> {
    // SAFETY: the caller's promise; in a parallel scan the descriptor was made when
    // its shared state was.
    unsafe {
        let state = &raw mut (*scan).ss;
        if (*state).ss_currentScanDesc.is_null() {
            (*state).ss_currentScanDesc = begin_scan(state);
        }
        let descriptor = (*state).ss_currentScanDesc;
        let Some(next) = (*(*(*descriptor).rs_rd).rd_tableam).scan_getnextslot else {
            return Ok(false);
        };
        let slot = (*state).ss_ScanTupleSlot;
        let qual = (*state).ps.qual;
        let econtext = (*state).ps.ps_ExprContext;
        let attributes = buffer.attributes();
        for _ in 0..portion.looked_at {
            if !next(descriptor, ScanDirection::ForwardScanDirection, slot) {
                return Ok(false);
            }
            if !qual.is_null() && !passes(qual, econtext, slot) {
                continue;
            }
            if !filter.passes(slot, dropped)? {
                continue;
            }
            decode(slot, attributes);
            if !buffer.take(slot) || buffer.rows() >= portion.taken {
                break;
            }
        }
        Ok(true)
    }
}

/// `table_beginscan`, an inline function in C.
unsafe fn begin_scan(state: *mut pg_sys::ScanState) -> pg_sys::TableScanDesc {
    use pg_sys::ScanOptions as Options;
    const FLAGS: u32 = Options::SO_TYPE_SEQSCAN
        | Options::SO_ALLOW_STRAT
        | Options::SO_ALLOW_SYNC
        | Options::SO_ALLOW_PAGEMODE;
    // SAFETY: an initialised scan has its table open, whose access method has this
    // callback.
    unsafe {
        let table = (*state).ss_currentRelation;
        let snapshot = (*(*state).ps.state).es_snapshot;
        let none = std::ptr::null_mut();
        (*(*table).rd_tableam)
            .scan_begin
            .map_or(none, |begin| begin(table, snapshot, 0, none.cast(), none.cast(), FLAGS))
    }
}

/// `ExecQual` of the row in `slot`, an inline function in C.
#[inline(always)]
unsafe fn passes(
    qual: *mut pg_sys::ExprState,
    econtext: *mut pg_sys::ExprContext,
    slot: *mut pg_sys::TupleTableSlot,
) -> bool {
    // SAFETY: an initialised expression over the slot's rows; a condition is never
    // NULL.
    unsafe {
        let memory = (*econtext).ecxt_per_tuple_memory;
        if !(*memory).isReset {
            raw::reset_memory(memory);
        }
        (*econtext).ecxt_scantuple = slot;
        let previous = pg_sys::CurrentMemoryContext;
        pg_sys::CurrentMemoryContext = memory;
        let mut is_null = false;
        let result = (*qual)
            .evalfunc
            .map_or(pg_sys::Datum::null(), |evaluate| evaluate(qual, econtext, &mut is_null));
        pg_sys::CurrentMemoryContext = previous;
        result.value() & 0xff != 0
    }
}

/// What `ExecProcNode` does, row by row.
unsafe fn fetch_node(
    leaf: *mut pg_sys::PlanState,
    buffer: &mut RowBuffer,
    filter: &RowFilter<'_>,
    portion: Portion,
    dropped: &mut Dropped,
) -> Result<bool, PgError> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(next) = (*leaf).ExecProcNode else { return Ok(false) };
        let attributes = buffer.attributes();
        for _ in 0..portion.looked_at {
            let slot = next(leaf);
            if slot.is_null() || u32::from((*slot).tts_flags) & pg_sys::TTS_FLAG_EMPTY != 0 {
                return Ok(false);
            }
            if !filter.passes(slot, dropped)? {
                continue;
            }
            decode(slot, attributes);
            if !buffer.take(slot) || buffer.rows() >= portion.taken {
                break;
            }
        }
        Ok(true)
    }
}
