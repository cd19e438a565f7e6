//! Tables of callbacks, by which PostgreSQL knows the nodes.

use pgrx::pg_sys;

/// Method tables: immutable, and their only pointers are to static data.
#[repr(transparent)]
pub struct Methods<T>(pub T);

// SAFETY: they are never written, and what they point to is static.
unsafe impl<T> Sync for Methods<T> {}

/// A node without any callback, to be completed.
pub const NO_CALLBACKS: pg_sys::CustomExecMethods = pg_sys::CustomExecMethods {
    CustomName: std::ptr::null(),
    BeginCustomScan: None,
    ExecCustomScan: None,
    EndCustomScan: None,
    ReScanCustomScan: None,
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
    ExplainCustomScan: None,
};

/// A new state of a node, zero but for its tag and methods, as `ExecInitCustomScan` of
/// nodeCustom.c asks for it.
///
/// # Safety
///
/// Runs in a backend's main thread. A `T` begins with a `CustomScanState`, and zeroes are
/// a valid one.
pub unsafe fn new_state<T>(
    methods: &'static Methods<pg_sys::CustomExecMethods>,
) -> *mut pg_sys::Node {
    // SAFETY: the caller's promise; `palloc0` gives zeroed memory of the size.
    unsafe {
        let state: *mut pg_sys::CustomScanState = pg_sys::palloc0(size_of::<T>()).cast();
        (*state).ss.ps.type_ = pg_sys::NodeTag::T_CustomScanState;
        (*state).methods = &raw const methods.0;
        state.cast()
    }
}
