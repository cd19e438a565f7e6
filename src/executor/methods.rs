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
