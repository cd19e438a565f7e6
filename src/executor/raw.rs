//! Functions of PostgreSQL's executor, without pgrx's wrappers: they are called for
//! every row, and errors pass through [`boundary::call`](crate::boundary::call),
//! within which the caller is.

use pgrx::pg_sys;

unsafe extern "C-unwind" {
    /// Initialises a plan's state tree.
    #[link_name = "ExecInitNode"]
    pub fn init_node(
        plan: *mut pg_sys::Plan,
        estate: *mut pg_sys::EState,
        eflags: i32,
    ) -> *mut pg_sys::PlanState;
    /// Ends a state tree.
    #[link_name = "ExecEndNode"]
    pub fn end_node(node: *mut pg_sys::PlanState);
    /// Prepares a state tree to run again.
    #[link_name = "ExecReScan"]
    pub fn rescan_node(node: *mut pg_sys::PlanState);
    /// Decodes the first `count` attributes of a slot.
    #[link_name = "slot_getsomeattrs_int"]
    pub fn decode(slot: *mut pg_sys::TupleTableSlot, count: i32);
    /// Pins a buffer that this process has pinned already.
    #[link_name = "IncrBufferRefCount"]
    pub fn pin_buffer(buffer: pg_sys::Buffer);
    /// Gives one pin back.
    #[link_name = "ReleaseBuffer"]
    pub fn release_buffer(buffer: pg_sys::Buffer);
    /// Declares the values of a virtual slot, which were just set, to be a row. Raises
    /// nothing.
    #[link_name = "ExecStoreVirtualTuple"]
    pub fn store_virtual(slot: *mut pg_sys::TupleTableSlot) -> *mut pg_sys::TupleTableSlot;
    /// Frees all memory of a context.
    #[link_name = "MemoryContextReset"]
    pub fn reset_memory(memory: pg_sys::MemoryContext);
}
